# Part of OMC. Licence LGPL-3.
from odoo.tests.common import TransactionCase, tagged

DAEMON = "g2p_omc.group_omc_daemon"
MANAGER = "g2p_omc.group_omc_manager"
USER = "g2p_omc.group_omc_user"


@tagged("post_install", "-at_install")
class OmcCase(TransactionCase):
    """A connector, people with VIDs, and one user of each kind. Every name and number is invented."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The door opens further cursors; here they share the test's transaction.
        cls.registry.enter_test_mode(cls.cr)
        cls.addClassCleanup(cls.registry.leave_test_mode)
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True, "no_reset_password": True})
        types = cls.env["g2p.id.type"]
        cls.vid_type = types.create({"name": "Test VID"})
        cls.token_type = types.create({"name": "Test Token"})
        cls.other_type = types.create({"name": "Test Other"})
        cls.daemon = cls.new_user("daemon", DAEMON)
        cls.manager = cls.new_user("manager", MANAGER)
        cls.seer = cls.new_user("user", USER)
        cls.internal = cls.new_user("internal", "base.group_user")
        cls.portal = cls.new_user("portal", "base.group_portal")
        cls.connector = cls.new_connector()
        cls.door = cls.connector.with_user(cls.daemon)

    @classmethod
    def new_user(cls, name, group):
        """A user of this group and those it implies, and no other. Without a password: hashing one takes a second."""
        groups = [(6, 0, cls.env.ref(group).ids)]
        return cls.env["res.users"].create({"name": name, "login": f"omc_test_{name}", "groups_id": groups})

    @classmethod
    def new_connector(cls, **values):
        usual = {
            "name": "Nightly",
            "vid_id_type_id": cls.vid_type.id,
            "token_id_type_id": cls.token_type.id,
        }
        return cls.env["omc.connector"].create({**usual, **values})

    @classmethod
    def person(cls, name, vid=None, token=None, **values):
        ids = [(cls.vid_type, vid), (cls.token_type, token)]
        return cls.env["res.partner"].create(
            {
                "name": name,
                "given_name": name,
                "is_registrant": True,
                "reg_ids": [(0, 0, {"id_type": kind.id, "value": value}) for kind, value in ids if value],
                **values,
            }
        )

    def held(self, partner, kind=None):
        """The registrant's IDs of a type, as they are in the database."""
        self.env.invalidate_all()
        rows = self.env["g2p.reg.id"].search([("partner_id", "=", partner.id)], order="id")
        return rows.filtered(lambda row: row.id_type == (kind or self.vid_type))

    def pull(self, after=0, limit=1000, since=False, ids=False, connector=None):
        self.env.flush_all()
        return (connector or self.door).omc_pull(after, limit, since, ids)

    def result(self, partner, token="36482736", **changes):
        row = self.held(partner)[:1]
        self.env.flush_all()
        [pulled] = self.pull(ids=[partner.id], since="both")["rows"]
        written = {one["id"]: one["write_date"] for one in pulled["ids"]}
        usual = {
            "partner_id": partner.id,
            "token": token,
            "vid_id": row.id,
            "vid_write_date": written.get(row.id, False),
            "remove_vid": True,
            "values": False,
        }
        return {**usual, **changes}

    def apply(self, *results):
        self.env.flush_all()
        answers = self.door.omc_apply(list(results))
        self.assertEqual([one["partner_id"] for one in answers], [one["partner_id"] for one in results])
        self.env.invalidate_all()
        return answers

    def apply_one(self, *args, **changes):
        [answer] = self.apply(self.result(*args, **changes))
        return answer
