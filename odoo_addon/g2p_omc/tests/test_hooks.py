# Part of OMC. Licence LGPL-3.
from odoo.tools import convert_file

from ..hooks import uninstall_hook
from ..models.g2p_reg_id import INDEXES
from .common import OmcCase


class TestHooks(OmcCase):
    def test_demo_data_takes_the_id_types_that_are_there(self):
        kinds = self.env["g2p.id.type"]
        there = [
            kinds.search([("name", "=", name)]) or kinds.create({"name": name}) for name in ("MOSIP VID", "MOSIP UIN TOKEN")
        ]
        convert_file(self.env, "g2p_omc", "demo/omc_demo.xml", {}, mode="init", noupdate=True, kind="demo")
        demo = self.env["omc.connector"].search([("vid_id_type_id", "=", there[0].id)])
        self.assertEqual(demo.token_id_type_id, there[1])

    def indexes(self):
        """The addon's indexes on the registry's table, with their columns, as PostgreSQL has them."""
        self.env.cr.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'g2p_reg_id'")
        return {name: text for name, text in self.env.cr.fetchall() if name.startswith("g2p_omc")}

    def test_indexes_come_and_go(self):
        made = self.indexes()
        self.assertEqual(set(made), set(INDEXES))
        for name, columns in INDEXES.items():
            self.assertIn(f"({', '.join(columns)})", made[name])
        parameter = self.env["ir.config_parameter"].sudo()
        parameter.set_param("g2p_omc.retention_days", "30")
        parameter.set_param("g2p_omcx.kept", "1")
        uninstall_hook(self.env)
        self.assertEqual(self.indexes(), {})
        self.assertFalse(parameter.get_param("g2p_omc.retention_days"))
        self.assertEqual(parameter.get_param("g2p_omcx.kept"), "1")
        self.env["g2p.reg.id"].init()
        self.assertEqual(self.indexes(), made)
