# Part of OMC. Licence LGPL-3.
"""The door as the daemon opens it: over XML-RPC, with an API key, in a group of its own."""

import xmlrpc.client

from odoo.tests.common import HttpCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import DAEMON


@tagged("post_install", "-at_install")
class TestRpc(HttpCase):
    def setUp(self):
        super().setUp()
        types = self.env["g2p.id.type"]
        self.vid_type, self.token_type = types.create({"name": "Test VID"}), types.create({"name": "Test Token"})
        user = self.env["res.users"].create(
            {"name": "Daemon", "login": "omc_rpc", "groups_id": [(6, 0, self.env.ref(DAEMON).ids)]}
        )
        self.daemon_id = user.id
        self.key = self.env["res.users.apikeys"].with_user(user)._generate("rpc", "OMC")
        self.connector = self.env["omc.connector"].create(
            {"name": "Test", "vid_id_type_id": self.vid_type.id, "token_id_type_id": self.token_type.id}
        )
        self.ana = self.env["res.partner"].create(
            {
                "name": "Ana",
                "given_name": "Ana",
                "is_registrant": True,
                "reg_ids": [(0, 0, {"id_type": self.vid_type.id, "value": "2045678901"})],
            }
        )
        self.env.flush_all()

    def call(self, model, method, *arguments, **options):
        login = (get_db_name(), self.daemon_id, self.key)
        return self.xmlrpc_object.execute_kw(*login, model, method, list(arguments), options)

    def door(self, method, *arguments, **options):
        return self.call("omc.connector", method, [self.connector.id], *arguments, **options)

    def test_the_whole_way(self):
        # As an administrator makes the account: Odoo gives API keys to internal users only.
        self.env["res.users"].browse(self.daemon_id).groups_id |= self.env.ref("base.group_user")
        self.env.flush_all()
        door = self.door
        context = {"omc_daemon": "test-daemon"}
        page = door("omc_pull", 0, 100, False, False, context=context)
        self.assertEqual((page["ids"], page["complete"]), ([self.ana.id], True))
        [row] = door("omc_pull", 0, 0, False, page["ids"], context=context)["rows"]
        self.assertEqual((row["values"]["given_name"], row["values"]["email"], row["is_group"]), ("Ana", False, False))
        [vid] = row["ids"]
        result = {
            "partner_id": row["id"],
            "token": "71",
            "vid_id": vid["id"],
            "vid_write_date": vid["write_date"],
            "remove_vid": True,
            "values": False,
        }
        outcomes = [door("omc_apply", [result])[0]["outcome"] for _ in range(2)]
        self.assertEqual(outcomes, ["written", "already"])
        self.env.invalidate_all()
        self.assertEqual(self.ana.reg_ids.mapped("value"), ["71"])
        run = door("omc_report", {"run": {"trigger": "manual", "state": "done", "found": 1, "tokens": 1}})["run_id"]
        self.assertEqual(self.env["omc.run"].browse(run).tokens, 1)
        with mute_logger("odoo.http"), self.assertRaises(xmlrpc.client.Fault) as fault:
            door("omc_pull", 0, 100, False, False, context={"omc_daemon": "another"})
        self.assertEqual((fault.exception.faultCode, fault.exception.faultString[:11]), (2, "omc_lease: "))

    def test_nothing_but_the_door(self):
        for model, method, arguments in (
            ("res.partner", "search_read", [[], ["name"]]),
            ("g2p.reg.id", "search_read", [[], ["value"]]),
            ("g2p.reg.id", "unlink", [self.ana.reg_ids.ids]),
            ("omc.connector", "write", [[self.connector.id], {"mts_url": "http://elsewhere.example.org"}]),
            ("omc.run", "create", [{"connector_id": self.connector.id}]),
            ("omc.connector", "action_start", [[self.connector.id]]),
            ("omc.lease", "_release", [self.connector.id, "x"]),
        ):
            with self.subTest(model=model, method=method), mute_logger("odoo.http", "odoo.addons.base.models.ir_model"):
                with self.assertRaises(xmlrpc.client.Fault) as fault:
                    self.call(model, method, *arguments)
                self.assertEqual(fault.exception.faultCode, 4)
