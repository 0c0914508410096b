# Part of OMC. Licence LGPL-3.
import re
from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from .common import OmcCase

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


class TestPull(OmcCase):
    def ids(self, **arguments):
        return self.pull(**arguments)["ids"]

    def test_who_may_be_taken(self):
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        self.person("Without")
        self.person("Done", token="71")
        self.person("Both", vid="2045678903", token="72")
        self.person("Archived", vid="2045678904", active=False)
        self.person("Contact", vid="2045678905", is_registrant=False)
        self.person("Household", vid="2045678906", is_group=True)
        company = self.env["res.company"].create({"name": "Another ministry"})
        self.person("Elsewhere", vid="2045678907", company_id=company.id)
        self.assertEqual(self.ids(), sorted((ana + eva).ids))
        # Also where the daemon may see the other company: the connector is of one.
        self.daemon.company_ids |= company
        self.assertEqual(self.ids(), sorted((ana + eva).ids))

    def test_groups_only_where_the_filter_speaks_of_them(self):
        household = self.person("Household", vid="2045678906", is_group=True)
        self.connector.g2p_search_domain = '[["is_registrant", "=", true]]'
        self.assertEqual(self.ids(), [])
        self.connector.g2p_search_domain = '[["is_group", "=", true]]'
        self.assertEqual(self.ids(), household.ids)

    def test_pages(self):
        people = [self.person(f"Person {number}", vid=f"20456789{number:02}").id for number in range(5)]
        first = self.pull(limit=2)
        self.assertEqual((first["ids"], first["complete"]), (people[:2], False))
        second = self.pull(after=people[1], limit=3)
        self.assertEqual((second["ids"], second["complete"]), (people[2:], True))
        self.assertEqual(self.pull(after=people[4])["ids"], [])
        self.assertTrue(TIME.fullmatch(first["now"]) and TIME.fullmatch(first["horizon"]))
        self.assertLessEqual(first["horizon"], first["now"])

    def test_changes_of_the_registrant_or_the_vid(self):
        ana, eva, ina = (self.person(name, vid=f"204567890{n}") for n, name in enumerate(("Ana", "Eva", "Ina")))
        self.env.flush_all()
        now = datetime(2026, 11, 20, 10, 0, 0, 5)
        for table, ids in (("res_partner", (ana + eva + ina).ids), ("g2p_reg_id", (ana + eva + ina).reg_ids.ids)):
            self.env.cr.execute(f"UPDATE {table} SET write_date = %s WHERE id IN %s", (now - timedelta(days=1), tuple(ids)))
        self.env.cr.execute("UPDATE res_partner SET write_date = %s WHERE id = %s", (now, ana.id))
        self.env.cr.execute("UPDATE g2p_reg_id SET write_date = %s WHERE partner_id = %s", (now, eva.id))
        self.assertEqual(self.ids(since="2026-11-20 10:00:00.000005"), sorted((ana + eva).ids))
        self.assertEqual(self.ids(since="2026-11-20 10:00:00.000006"), [])
        self.assertEqual(len(self.ids(since="2026-11-19 10:00:00")), 3)
        for since in ("yesterday", 5, "2026-11-20"):
            with self.assertRaises(UserError):
                self.pull(since=since)

    def test_both_kinds(self):
        both = self.person("Both", vid="2045678903", token="72")
        household = self.person("Household", vid="2045678904", token="73", is_group=True)
        self.person("Ana", vid="2045678901")
        self.person("Archived", vid="2045678905", token="74", active=False)
        self.connector.g2p_search_domain = '[["given_name", "=", "nobody"]]'
        self.assertEqual(self.ids(since="both"), sorted((both + household).ids))

    def test_rows(self):
        gender = self.env["gender.type"].create({"code": "omcx", "value": "omcx"}).value
        self.connector.write(
            {"g2p_selected_fields": '["given_name", "gender", "birthdate", "company_id", "email"]', "mapping": "{}"}
        )
        ana = self.person("Ana", vid="2045678901", birthdate="1990-01-31", gender=gender)
        self.env["g2p.reg.id"].create({"partner_id": ana.id, "id_type": self.other_type.id, "value": "9"})
        eva = self.person("Eva", vid="2045678902", token="72")
        away = self.person("Away", vid="2045678903", is_registrant=False)
        answer = self.pull(ids=[eva.id, ana.id, away.id, 2**31 - 1])
        self.assertEqual([row["id"] for row in answer["rows"]], sorted((ana + eva).ids))
        row = next(row for row in answer["rows"] if row["id"] == ana.id)
        values = {name: str(value) if name == "birthdate" else value for name, value in row["values"].items()}
        self.assertEqual(
            values,
            {
                "given_name": "Ana",
                "gender": "omcx",
                "birthdate": "1990-01-31",
                "email": False,
                "company_id": (ana.company_id.id, ana.company_id.display_name),
            },
        )
        self.assertIs(row["is_group"], False)
        [vid] = row["ids"]
        self.assertEqual((vid["kind"], vid["value"], vid["status"], vid["expiry_date"]), ("vid", "2045678901", False, False))
        self.assertTrue(TIME.fullmatch(vid["create_date"]) and TIME.fullmatch(vid["write_date"]))
        kinds = [one["kind"] for one in next(row for row in answer["rows"] if row["id"] == eva.id)["ids"]]
        self.assertEqual(sorted(kinds), ["token", "vid"])

    def test_rows_go_by_the_filter_unless_told(self):
        ana = self.person("Ana", vid="2045678901")
        self.connector.g2p_search_domain = '[["given_name", "=", "nobody"]]'
        self.assertEqual(self.pull(ids=[ana.id])["rows"], [])
        self.assertEqual(len(self.pull(ids=[ana.id], since="both")["rows"]), 1)
        ana.active = False
        self.assertEqual(self.pull(ids=[ana.id], since="both")["rows"], [])
        self.assertEqual(self.pull(ids=[])["rows"], [])

    def test_the_daemon_s_own_record_rules_hold(self):
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        self.env["ir.rule"].create(
            {
                "name": "Hides Eva",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('given_name', '!=', 'Eva')]",
            }
        )
        self.assertEqual(self.ids(), ana.ids)
        self.assertEqual(len(self.pull(ids=(ana + eva).ids)["rows"]), 1)

    def test_fields_that_the_daemon_may_not_read(self):
        self.env.cr.execute(
            "UPDATE omc_connector SET g2p_selected_fields = %s WHERE id = %s", ('["signup_token"]', self.connector.id)
        )
        self.connector.invalidate_recordset()
        with self.assertRaises(AccessError):
            self.pull(ids=[self.person("Ana", vid="2045678901").id])

    def test_horizon_waits_for_open_transactions(self):
        with self.registry._db.cursor() as other:
            other.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
            began = other.fetchone()[0]
            self.assertLessEqual(self.pull()["horizon"], began)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_only_the_daemon_may_and_only_its_companies(self):
        for user in (self.portal, self.internal, self.seer, self.manager, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.pull(connector=self.connector.with_user(user))
        company = self.env["res.company"].create({"name": "Another ministry"})
        other = self.new_connector(name="Other", company_id=company.id)
        with self.assertRaises(AccessError):
            self.pull(connector=other.with_user(self.daemon))
        self.daemon.company_ids |= company
        self.assertEqual(self.pull(connector=other.with_user(self.daemon))["ids"], [])

    def test_lease(self):
        one, two = (self.door.with_context(omc_daemon=name) for name in ("one", "two"))
        self.pull(connector=one)
        self.pull(connector=one)
        self.assertEqual(self.connector.daemon_name, "one")
        for call in (lambda: self.pull(connector=two), lambda: two.omc_apply([]), lambda: two.omc_report({})):
            with self.assertRaisesRegex(UserError, "^omc_lease: "):
                call()
        self.pull()
        two_again = self.env["omc.lease"].search([("connector_id", "=", self.connector.id)])
        two_again.until = datetime.utcnow() - timedelta(hours=1)
        self.pull(connector=two)
        with self.assertRaisesRegex(UserError, "^omc_lease: "):
            self.pull(connector=one)
        two.omc_report({"release": True})
        self.pull(connector=one)
        for name in ("x" * 65, 5, "é", "a\nb"):
            with self.assertRaises(UserError):
                self.pull(connector=self.door.with_context(omc_daemon=name))
