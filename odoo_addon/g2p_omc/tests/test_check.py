# Part of OMC. Licence LGPL-3.
import json

from odoo.exceptions import ValidationError
from odoo.tools import mute_logger

from .common import OmcCase


class TestCheck(OmcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mine = cls.connector.with_user(cls.manager)

    def refused(self, field, value, reason, **more):
        with self.subTest(field=field, value=value), self.assertRaises(ValidationError) as raised:
            self.mine.write({field: value, **more})
        self.assertIn(reason, str(raised.exception))
        self.mine.invalidate_recordset()

    def test_the_defaults_work_together(self):
        types = self.env["g2p.id.type"]
        named = {}
        for field, name in (("vid_id_type_id", "MOSIP VID"), ("token_id_type_id", "MOSIP UIN TOKEN")):
            named[field] = types.search([("name", "=", name)]) or types.create({"name": name})
        made = self.env["omc.connector"].with_user(self.manager).create({"name": "By default"})
        for field, kind in named.items():
            self.assertEqual(made[field], kind)
        made.action_start()
        self.assertEqual(
            set(json.loads(made.mapping)), {"vid", "name", "gender", "dob", "phoneNumber", "emailId", "fullAddress"}
        )

    def test_what_the_domain_widget_saves_is_kept_as_json(self):
        self.mine.g2p_search_domain = "[('is_registrant', '=', True), '|', (\"gender\", '!=', False), ('id', 'in', (1, 2))]"
        self.assertEqual(
            json.loads(self.mine.g2p_search_domain),
            [["is_registrant", "=", True], "|", ["gender", "!=", False], ["id", "in", [1, 2]]],
        )
        self.mine.write({"g2p_selected_fields": "given_name, gender", "mapping": "{}"})
        self.assertEqual(self.mine.g2p_selected_fields, '["given_name", "gender"]')

    @mute_logger("odoo.sql_db", "odoo.models", "odoo.osv.expression")
    def test_filters(self):
        for value, reason in (
            ("{}", "write a list of conditions"),
            ("[('id', '=', uid)]", "write a list of conditions"),
            ("[('is_registrant', '~', True)]", "term 1 cannot be read"),
            ("['|', ('id', '=', 1)]", "term 2"),
            ("[('nowhere', '=', 1)]", "nowhere is no field"),
            ("[('reg_ids.nowhere', '=', 1)]", "reg_ids.nowhere is no field"),
            ("[('name.x', '=', 1)]", "name.x is no field"),
            ("[('signup_token', 'like', 'a')]", "signup_token is no field of the registrant that you may read"),
            ("[('reg_ids', 'any', [('nowhere', '=', 1)])]", "nowhere is no field"),
            ("[('id', '=', 'abc')]", "cannot search by this filter"),
        ):
            self.refused("g2p_search_domain", value, reason)
        for good in (
            "[('reg_ids.id_type.name', '=', 'MOSIP VID')]",
            "[]",
            "[('country_id.code', '=', 'FR')]",
            "[('category_id.name', '=', 'Poor'), ('parent_id', '=', False)]",
            "[('company_id', 'in', [1]), ('birthdate', '<', '1960-01-01'), ('gender', '=', 'Female')]",
            "[('category_id', 'ilike', 'Poor'), ('state_id.name', 'ilike', 'North'), ('id', '>', 5)]",
            "[('reg_ids', 'any', [('id_type.name', '=', 'MOSIP VID'), ('status', '=', 'valid')])]",
            "[('reg_ids', '!=', False)]",
            "[('is_group', '=', True)]",
        ):
            self.mine.g2p_search_domain = good

    def test_a_filter_tells_no_id_to_whoever_may_read_none(self):
        """Whoever saw the number of those who match could guess a VID digit by digit."""
        telling = (
            "[('reg_ids.value', '=like', '2%')]",
            "['!', ('reg_ids', 'any', [('value', '=like', '2%')])]",
            "[('reg_ids', 'ilike', '2045')]",
            "[('reg_ids', 'in', ['2045678901'])]",
            "[('reg_ids.partner_id.reg_ids.value', '=', '2045678901')]",
        )
        # Rules hide the rest: other companies' people, other people's messages.
        hidden = (
            "[('category_id.partner_ids.phone', '=like', '555%')]",
            "[('category_id', 'any', [('partner_ids', 'any', [('phone', '=like', '555%')])])]",
            "[('create_uid.partner_id.channel_ids.message_ids.body', 'ilike', 'a')]",
            "[('message_ids.body', 'ilike', 'a')]",
            "[('parent_id.phone', '=like', '555%')]",
            "[('activity_summary', 'ilike', 'a')]",
            # A text in place of a record.
            "[('parent_id', 'ilike', 'Zeb')]",
            "[('parent_id', 'child_of', 'Zeb')]",
        )
        self.person("Hidden", company_id=self.env["res.company"].create({"name": "Another ministry"}).id)
        for domain in hidden:
            self.refused("g2p_search_domain", domain, "part only")
        for domain in ("[('age', '=', '30')]", "[('omc_waiting_for_id', '=', 1)]"):
            self.refused("g2p_search_domain", domain, "take a stored field")
        for domain in telling:
            self.refused("g2p_search_domain", domain, "that you may read")
        self.manager.groups_id |= self.env.ref("g2p_registry_base.group_g2p_admin")
        for domain in telling[:-1]:
            self.mine.g2p_search_domain = domain

    def test_who_may_not_write_registrants_has_no_connector_do_it(self):
        self.refused("value_fields", '["birth_place"]', "somebody who may write registrants")
        self.connector.value_fields = '["birth_place"]'
        self.refused("output_format", "{values: {birth_place: .output.status}}", "somebody who may write registrants")
        self.refused("mts_url", "https://elsewhere.example.org", "somebody who may write registrants")
        self.connector.g2p_search_domain = "[('reg_ids.value', '=like', '2%')]"
        copy = self.mine.copy()
        self.assertEqual((copy.value_fields, copy.output_format, copy.g2p_search_domain), (False, False, '[["id", "=", 0]]'))
        self.assertTrue(copy.message_ids.filtered(lambda one: "Not copied" in (one.body or "")))
        self.mine.name = "All else is the manager's"

    def test_fields(self):
        for value, reason in (
            ("[1]", "write a JSON list"),
            ("[", "write a JSON list"),
            ('["nowhere"]', "nowhere is no field"),
            ('["reg_ids"]', "has not one plain value"),
            ('["omc_ref"]', "OMC uses itself"),
            ('["a b"]', "no field"),
            ('["signup_token"]', "that you may read"),
            ('["image_1920"]', "has not one plain value"),
            ("[]", "write a JSON list"),
        ):
            self.refused("g2p_selected_fields", value, reason, mapping="{}")
        self.manager.groups_id |= self.env.ref("base.group_partner_manager")
        for value, reason in (
            ('["id"]', "Odoo's own"),
            ('["is_registrant"]', "Odoo's own"),
            ('["country_id"]', "no stored field"),
            ('["age"]', "no stored field"),
            ('["nowhere"]', "no field"),
            ('["reg_ids"]', "has not one plain value"),
        ):
            self.refused("value_fields", value, reason)
        self.mine.value_fields = "birth_place"
        self.assertEqual(self.mine.value_fields, '["birth_place"]')
        self.refused("mandatory_fields", "address", "write any of name")
        self.mine.mandatory_fields = "name, gender"

    def test_mapping(self):
        usual = json.loads(self.mine.mapping)
        for mapping, reason in (
            ("{", "write a JSON object"),
            ("[]", "write a JSON object"),
            ({"x": "y"}, "x is not a field of MTS"),
            ({"name": "given_name"}, "name: write a list"),
            ({"name": []}, "name: write a list"),
            ({"gender": ["gender"]}, "gender: write one field"),
            ({"gender": "gender|env"}, "plain names"),
            ({"gender": "sex"}, "sex is not in the list of fields"),
            ({"gender": "gender.code"}, "reaches into gender"),
            ({"dob": "gender"}, "is no date"),
            ({"emailId": "vid"}, "where OMC puts the VID"),
            ({"emailId": "omc_ref"}, "OMC uses itself"),
            ({"vid": "gender"}, "also a field to read"),
            ({"name": [1]}, "plain names"),
        ):
            text = mapping if isinstance(mapping, str) else json.dumps({**usual, **mapping})
            self.refused("mapping", text, reason)
        self.refused("g2p_selected_fields", '["given_name"]', "is not in the list")
        self.refused("mandatory_fields", "emailId", "MTS demands it", mapping='{"gender": "gender"}')
        self.mine.write({"input_format": "{sex: .gender}", "mapping": '{"gender": "sex"}', "mandatory_fields": "gender"})
        boolean = '["given_name", "family_name", "gender", "birthdate", "phone", "email", "birthdate_not_exact"]'
        self.refused(
            "mapping", '{"emailId": "birthdate_not_exact"}', "yes/no", g2p_selected_fields=boolean, input_format=False
        )

    def test_small_values(self):
        for field, values, reason in (
            ("mts_url", ("", "mts", "ftp://mts", "http://", "http://m s", "http://[x"), "write an address"),
            ("mts_url", ("http://u:hunter2@mts.example.org",), "without a user name"),
            ("mts_url", ("http://mts.example.org/?x", "http://mts.example.org#x"), "after a ? or #"),
            ("callback_url", ("here",), "write an address"),
            ("lang_code", ("english", "e1g", "é  "), "three letters"),
            ("phone_country_code", ("251", "+0", "+25 1", "+", "+12345"), "a plus sign"),
            ("batch_size", (-1, 5001), "from 1 to 5000"),
            ("callback_timeout", (0, 601), "from 1 to 600"),
            ("interval_minutes", (0, -5, 527041), "write minutes from 1"),
            ("schedule_cron", ("soon", "* * * *"), "write five fields"),
            ("schedule_cron", ("99 * * * *",), "field 1 cannot be read"),
            ("schedule_cron", ("0 2 30 2 *",), "never comes due"),
            ("input_format", ("{a: 1",), "has no partner"),
            ("output_format", ("env",), "env is not allowed"),
        ):
            for value in values:
                if field == "mts_url" and not value:
                    value = " "
                self.refused(field, value, reason)
        self.refused("token_id_type_id", self.vid_type.id, "another ID type")
        self.mine.write({"schedule_cron": "30 2 * * *", "interval_minutes": 0, "schedule_tz": "Africa/Addis_Ababa"})
        self.mine.write({"mts_url": "https://mts.example.org:8443/seeder/", "phone_country_code": "+251"})

    def test_headers(self):
        for value, reason in (
            ("[]", "a JSON object"),
            ("{", "a JSON object"),
            ('{"X Y": "a"}', "no header's name"),
            ('{"Authorization": "hunter2"}', "cannot be an extra header"),
            ('{"X": 1}', "must be a text"),
            ('{"X": "a", "x": "b"}', "comes twice"),
            ('{"X": " hunter2"}', "must be a text"),
            ('{"X": "é"}', "must be a text"),
            (json.dumps({f"X{n}": "a" for n in range(21)}), "a JSON object"),
        ):
            self.refused("callback_extra_headers", value, reason)
            try:
                self.mine.callback_extra_headers = value
            except ValidationError as error:
                self.assertNotIn("hunter2", str(error))
            self.mine.invalidate_recordset()
        self.mine.callback_extra_headers = '{"X-Gateway-Route": "registry"}'

    def test_every_auth_type_can_be_started(self):
        for authtype in dict(self.mine._fields["callback_authtype"].selection):
            self.mine.callback_authtype = authtype
            self.mine.action_start()
            self.assertEqual(self.mine.job_status, "started", authtype)
            self.mine.action_stop()

    def test_results_may_be_fetched(self):
        self.refused("output_type", "csv", "callbacks are taken as JSON only")
        for output in ("json", "csv"):
            self.mine.write({"delivery_type": "download", "output_type": output})
            self.mine.action_start()
            self.assertEqual(self.mine.job_status, "started", output)
            self.mine.action_stop()
        self.refused("delivery_type", "callback", "callbacks are taken as JSON only")
        # What it says about callbacks is for another day.
        self.mine.callback_url = "https://elsewhere.example.org"
        self.mine.action_start()
        self.mine.action_stop()

    def test_what_cannot_be_started(self):
        elsewhere = "https://elsewhere.example.org"
        self.mine.callback_url = elsewhere
        self.refused("job_status", "started", "log in with")
        self.mine.callback_url = False
        self.mine.action_start()
        self.refused("callback_url", elsewhere, "log in with")
        self.mine.action_stop()

    def test_results_may_go_elsewhere(self):
        login = {
            "callback_authtype": "odoo",
            "callback_auth_url": "https://elsewhere.example.org/web/session/authenticate",
            "callback_auth_database": "registry",
            "callback_auth_username": "writer",
            "callback_auth_password": "secret",
        }
        self.mine.write({"callback_url": "https://elsewhere.example.org/web/dataset/call_kw", **login})
        self.mine.action_start()
        for field in login:
            if field != "callback_authtype":
                self.refused(field, False, "log in with")
        self.mine.write({"callback_authtype": "none", "callback_extra_headers": '{"Authorization": "Basic c2VjcmV0"}'})
        self.refused("callback_url", False, "cannot be an extra header")
        self.mine.action_stop()
