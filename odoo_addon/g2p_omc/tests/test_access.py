# Part of OMC. Licence LGPL-3.
"""Who may read and write what. The tables are the specification."""

from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from .common import OmcCase

WHO = ("portal", "internal", "seer", "manager", "daemon")
# Model: what portal, internal user, user, manager and daemon may do of (r)ead, (w)rite, (c)reate, (u)nlink.
MODELS = {
    "omc.connector": ("", "", "r", "rwcu", "r"),
    "omc.run": ("", "", "r", "r", "r"),
    "omc.rejection": ("", "", "r", "r", "r"),
    "omc.preview": ("", "", "", "r", "r"),
    "omc.preview.line": ("", "", "", "r", ""),
    "omc.lease": ("", "", "", "", ""),
    "omc.duplicate": ("", "", "r", "r", ""),
    "g2p.id.type": ("", "", "r", "r", "r"),
    # The registry itself is reached by nobody through this addon but the daemon, and by it only through the door.
    "g2p.reg.id": ("", "", "", "", ""),
}
OPERATIONS = {"r": "read", "w": "write", "c": "create", "u": "unlink"}
SECRETS = ("callback_auth_username", "callback_auth_password", "callback_extra_headers", "odk_password")
# Method of the connector: who may call it.
METHODS = {
    "action_start": ("manager",),
    "action_stop": ("manager",),
    "action_run_now": ("manager",),
    "action_test": ("manager",),
    "action_take_over_upstream": ("manager",),
    "copy": ("manager",),
    "omc_pull": ("daemon",),
    "omc_apply": ("daemon",),
    "omc_report": ("daemon",),
}
# The state in which a method can be called, and its arguments; usually a draft, and none.
METHODS_NEED = {
    "action_stop": ("started", []),
    "action_run_now": ("started", []),
    "omc_pull": ("draft", [0, 10, False, False]),
    "omc_apply": ("draft", [[]]),
    "omc_report": ("draft", [{}]),
}


class TestAccess(OmcCase):
    def as_each(self):
        return zip(WHO, (self.portal, self.internal, self.seer, self.manager, self.daemon), strict=True)

    def test_models(self):
        for model, table in MODELS.items():
            for (who, user), allowed in zip(self.as_each(), table, strict=True):
                records = self.env[model].with_user(user)
                for letter, operation in OPERATIONS.items():
                    with self.subTest(model=model, who=who, operation=operation):
                        may = records.check_access_rights(operation, raise_exception=False)
                        self.assertEqual(bool(may), letter in allowed)

    def test_the_daemon_has_no_other_right(self):
        self.assertFalse(self.daemon.groups_id - self.env.ref("g2p_omc.group_omc_daemon"))
        partners = self.env["res.partner"].with_user(self.daemon)
        for operation in OPERATIONS.values():
            self.assertFalse(partners.check_access_rights(operation, raise_exception=False))
        # What the daemon asks for by itself.
        self.assertIn("given_name", partners.fields_get([], ["type", "store", "relation"]))
        connectors = self.env["omc.connector"].with_user(self.daemon).with_context(active_test=False)
        self.assertIn("mapping", connectors.fields_get([], ["type"]))
        fields = ["name", "callback_extra_headers", "vid_id_type_id", "company_id"]
        [row] = connectors.search_read([("id", "=", self.connector.id)], fields, order="id")
        self.assertEqual(row["vid_id_type_id"], (self.vid_type.id, "Test VID"))
        self.assertTrue(self.env["g2p.id.type"].with_user(self.daemon).search_read([], ["name"], order="id"))
        for model in ("omc.run", "omc.rejection", "omc.preview"):
            self.env[model].with_user(self.daemon).search_read([("state", "=", "requested")], ["connector_id"])

    def test_secrets(self):
        self.connector.write(dict.fromkeys(SECRETS[:2], "hunter2"))
        for who, user in self.as_each():
            connector = self.connector.with_user(user)
            for field in SECRETS:
                with self.subTest(who=who, field=field):
                    if who in ("manager", "daemon"):
                        connector.read([field])
                    else:
                        with self.assertRaises(AccessError):
                            connector.read([field])
                        self.assertNotIn(field, connector.fields_get())
                    self.assertTrue(self.connector._fields[field].groups)
                    self.assertFalse(self.connector._fields[field].copy)
                    self.assertFalse(getattr(self.connector._fields[field], "tracking", None))
        [seen] = self.connector.with_user(self.seer).read()
        self.assertFalse(set(seen) & set(SECRETS))

    def test_who_may_write_secrets(self):
        texts = dict.fromkeys(SECRETS, "hunter2")
        texts["callback_extra_headers"] = '{"X-Route": "hunter2"}'
        for who, user in self.as_each():
            for field, text in texts.items():
                with self.subTest(who=who, field=field):
                    if who == "manager":
                        self.connector.with_user(user).write({field: text})
                    else:
                        with self.assertRaises(AccessError):
                            self.connector.with_user(user).write({field: text})

    def test_secrets_are_in_no_system_parameter_and_no_message(self):
        connector = self.connector.with_context(tracking_disable=False).with_user(self.manager)
        connector.write({"callback_auth_password": "hunter2", "name": "Renamed"})
        self.env.flush_all()
        messages = self.connector.message_ids
        said = messages.mapped("body") + messages.tracking_value_ids.mapped("new_value_char")
        self.assertNotIn("hunter2", " ".join(str(text) for text in said))
        self.assertFalse(self.env["ir.config_parameter"].sudo().search([("value", "ilike", "hunter2")]))

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_methods(self):
        for name, allowed in METHODS.items():
            for who, user in self.as_each():
                with self.subTest(method=name, who=who):
                    state, call = METHODS_NEED.get(name, ("draft", []))
                    self.connector.job_status = state
                    self.env.flush_all()
                    method = getattr(self.connector.with_user(user), name)
                    if who not in allowed:
                        with self.assertRaises(AccessError):
                            method(*call)
                        continue
                    try:
                        method(*call)
                    except UserError as error:
                        # Where upstream is not installed, there is nothing to take over; but it is not a matter of rights.
                        self.assertNotIsInstance(error, AccessError)
                        self.assertEqual(name, "action_take_over_upstream")

    def test_log_rows_are_nobody_s_to_write(self):
        ana = self.person("Ana")
        run = self.env["omc.run"].create({"connector_id": self.connector.id})
        rejection = self.env["omc.rejection"].create(
            {"connector_id": self.connector.id, "partner_id": ana.id, "code": "ATS-REQ-010"}
        )
        for _who, user in self.as_each():
            for row in (run, rejection):
                with self.assertRaises(AccessError):
                    row.with_user(user).write({"state": "done"})
        for user in (self.portal, self.internal, self.seer, self.daemon):
            with self.assertRaises(AccessError):
                rejection.with_user(user).action_requeue()
        rejection.with_user(self.manager).action_requeue()
        self.assertEqual(rejection.state, "requeued")

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_companies(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        other = self.new_connector(name="Other", company_id=company.id)
        ana = self.person("Ana", company_id=company.id, vid="2045678901")
        run = self.env["omc.run"].create({"connector_id": other.id})
        rejection = self.env["omc.rejection"].create({"connector_id": other.id, "partner_id": ana.id, "code": "X"})
        preview = self.env["omc.preview"].create({"connector_id": other.id})
        for user in (self.seer, self.manager, self.daemon):
            for row in (other, run, rejection):
                self.assertFalse(row.with_user(user).search([("id", "=", row.id)]))
        with self.assertRaises(AccessError):
            other.with_user(self.manager).action_start()
        with self.assertRaises(AccessError):
            rejection.with_user(self.manager).action_requeue()
        with self.assertRaises(AccessError):
            preview.with_user(self.manager).read(["state"])
        with self.assertRaises(AccessError):
            # Its registrants would be sent to whatever address the connector has.
            self.connector.with_user(self.manager).write({"company_id": company.id})
        self.manager.company_ids |= company
        both = {"allowed_company_ids": self.manager.company_ids.ids}
        self.assertEqual(other.with_user(self.manager).with_context(**both).waiting_count, 1)

    def test_partner_fields_do_not_disturb_others(self):
        ana = self.person("Ana", vid="2045678901")
        for user in (self.internal, self.seer):
            ana.with_user(user).read()
        with self.assertRaises(AccessError):
            ana.with_user(self.internal).read(["omc_rejection_count"])
        self.assertEqual(ana.with_user(self.seer).omc_rejection_count, 0)
