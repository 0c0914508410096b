# Part of OMC. Licence LGPL-3.
import json

from odoo.exceptions import AccessError, UserError, ValidationError

from .common import OmcCase

DELETION = "g2p_mts.to_delete_g2p_reg_id_vid"


class TestUpstream(OmcCase):
    def setUp(self):
        super().setUp()
        self.connectors = self.env["omc.connector"].with_user(self.manager)
        self.installed = self.env["omc.connector"]._upstream() is not None

    def upstream(self, **values):
        if not self.installed:
            self.skipTest("upstream's mts_connector and g2p_mts are not installed")
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("g2p_mts.vid_id_type", self.vid_type.id)
        parameters.set_param("g2p_mts.uin_token_id_type", self.token_type.id)
        usual = {
            "name": "Upstream's",
            "input_type": "custom",
            "output_type": "json",
            "delivery_type": "callback",
            "is_recurring": "recurring",
            "interval_minutes": 5,
            "callback_auth_password": "hunter2",
        }
        return self.env["mts.connector"].create({**usual, **values})

    def taken(self, other):
        return self.env["omc.connector"].search([("upstream_id", "=", other.id)])

    def test_without_upstream(self):
        if self.installed:
            self.skipTest("upstream is installed")
        with self.assertRaisesRegex(UserError, "not installed"):
            self.connectors.action_take_over_upstream()

    def test_upstream_s_defaults_are_replaced_by_what_works(self):
        # Named as upstream's default filter names them.
        types = self.env["g2p.id.type"]
        self.vid_type, self.token_type = (
            types.search([("name", "=", name)]) or types.create({"name": name}) for name in ("MOSIP VID", "MOSIP UIN TOKEN")
        )
        other = self.upstream()
        other.mts_action_trigger()
        cron = other.cron_id
        self.assertTrue(cron.active and other.job_status == "running")
        self.connectors.action_take_over_upstream()
        made = self.taken(other)
        self.assertEqual((made.name, made.job_status, made.interval_minutes), ("Upstream's", "draft", 5))
        self.assertEqual((made.vid_id_type_id, made.token_id_type_id), (self.vid_type, self.token_type))
        self.assertEqual(json.loads(made.g2p_search_domain), [["is_registrant", "=", True]])
        self.assertIn("given_name", made.mapping)
        self.assertFalse(made.callback_auth_password or made.callback_url)
        self.assertTrue(made.message_ids.filtered(lambda one: "replaced" in (one.body or "")))
        self.assertEqual((cron.active, other.job_status), (False, "completed"))
        deletion = self.env.ref(DELETION)
        self.assertFalse(deletion.active)
        made.with_user(self.manager).action_start()

    def test_what_works_is_kept(self):
        mapping = '{"name": ["family_name"], "gender": "gender"}'
        domain = '["|", ["reg_ids.id_type", "=like", "MOSIP VID"], ["gender", "!=", false]]'
        other = self.upstream(
            mapping=mapping,
            g2p_selected_fields='["family_name", "gender"]',
            g2p_search_domain=domain,
            mts_url="https://mts.example.org",
            is_recurring="onetime",
            interval_minutes=0,
        )
        self.connectors.action_take_over_upstream()
        made = self.taken(other)
        self.assertEqual((made.mapping, made.mts_url, made.is_recurring), (mapping, other.mts_url, "onetime"))
        self.assertEqual(json.loads(made.g2p_search_domain), json.loads(domain))

    def test_one_unfit_value_costs_only_itself(self):
        good = {
            "mapping": '{"name": ["family_name"], "gender": "gender"}',
            "g2p_selected_fields": '["family_name", "gender"]',
            "g2p_search_domain": '[["gender", "!=", false]]',
            "mts_url": "https://mts.example.org",
        }
        unfit = {
            "mapping": '{"name": ["no_such_field"]}',
            "g2p_search_domain": '[["no_such_field", "=", 1]]',
            "mts_url": "mts without a scheme",
        }
        for field, value in unfit.items():
            with self.subTest(field=field):
                other = self.upstream(**{**good, field: value})
                self.connectors.action_take_over_upstream()
                made = self.taken(other)
                self.assertNotEqual(made[field], value)
                together = {"mapping": {"g2p_selected_fields"}}.get(field, set())
                for kept in good.keys() - {field} - together:
                    self.assertEqual(made[kept], good[kept], kept)

    def test_nobody_is_sent_whom_upstream_s_filter_left_out(self):
        self.manager.groups_id |= self.env.ref("g2p_registry_base.group_g2p_admin")
        vid, token = self.vid_type.name, self.token_type.name
        people = [["is_registrant", "=", True]]
        for given, taken in (
            ([*people, ["reg_ids.id_type", "=like", vid], "!", ["reg_ids.id_type", "=like", token]], people),
            ([*people, ["reg_ids.id_type", "=like", "MOSIP VID"]], None),
            ([*people, ["reg_ids.id_type.name", "=", vid], "!", ["reg_ids.id_type", "=", self.token_type.id]], people),
            ([*people, ["reg_ids.id_type.name", "=", "HOUSEHOLD ID"]], None),
            ([*people, "!", ["reg_ids.id_type.name", "=", "DO NOT SEND"]], None),
            ([*people, "!", ["reg_ids.id_type.name", "=", vid]], None),
            ([*people, ["reg_ids.id_type.name", "=", token]], None),
            ([["reg_ids.value", "=like", "20%"]], None),
            ([*people, "!", ["reg_ids.id_type.name", "ilike", token]], None),
        ):
            with self.subTest(given=given):
                other = self.upstream(g2p_search_domain=json.dumps(given))
                self.connectors.action_take_over_upstream()
                self.assertEqual(json.loads(self.taken(other).g2p_search_domain), taken or given)

    def test_a_filter_that_cannot_be_taken_over_takes_nobody(self):
        self.person("Ana", vid="2045678901")
        trailing = json.dumps([["reg_ids.id_type", "=like", self.vid_type.name], "!"])
        for filter_ in ("null", trailing, '[["nowhere", "=", 1]]', '[["reg_ids.value", "=like", "20%"]]'):
            with self.subTest(filter=filter_):
                other = self.upstream(g2p_search_domain=filter_)
                self.connectors.action_take_over_upstream()
                made = self.taken(other)
                self.assertEqual(made.waiting_count, 0)
                self.assertTrue(made.message_ids.filtered(lambda one: "nobody is taken" in (one.body or "")))

    def test_twice_makes_nothing_more(self):
        other = self.upstream()
        self.connectors.action_take_over_upstream()
        self.connectors.action_take_over_upstream()
        self.assertEqual(len(self.taken(other)), 1)

    def test_both_do_not_run(self):
        other = self.upstream()
        other.job_status = "running"
        mine = self.connector.with_user(self.manager)
        with self.assertRaises(ValidationError) as raised:
            mine.action_start()
        self.assertIn("Upstream's Upstream's works on the same VIDs", str(raised.exception))
        self.env["ir.config_parameter"].sudo().set_param("g2p_mts.vid_id_type", self.other_type.id)
        mine.action_start()
        # Another VID type is chosen afterwards, and it is upstream's.
        with self.assertRaises(ValidationError) as raised:
            mine.vid_id_type_id = self.other_type
        self.assertIn("works on the same VIDs", str(raised.exception))

    def test_upstream_s_deletion_of_vids_counts_as_work(self):
        other = self.upstream()
        deletion = self.env.ref(DELETION)
        deletion.active = True
        mine = self.connector.with_user(self.manager)
        with self.assertRaises(ValidationError) as raised:
            mine.action_start()
        self.assertIn("works on the same VIDs", str(raised.exception))
        deletion.active = False
        mine.action_start()
        self.assertEqual(other.job_status, "draft")

    def test_the_door_is_shut_beside_upstream(self):
        """Also where upstream's was started after ours. What MTS holds is still written, and clean-up goes on."""
        ana = self.person("Ana", vid="2045678901")
        other = self.upstream()
        self.env.ref(DELETION).active = False
        self.connector.job_status = "started"
        self.assertEqual(self.pull()["ids"], [ana.id])
        result = self.result(ana)
        other.job_status = "started"
        for asked in ({}, {"ids": [ana.id]}):
            with self.assertRaisesRegex(UserError, "^omc_upstream: .*Upstream's$"):
                self.pull(**asked)
        self.assertEqual(self.pull(since="both")["ids"], [])
        [answer] = self.apply(result)
        self.assertEqual(answer["outcome"], "written")
        # What is not started sends nothing, and can be tested.
        self.connector.job_status = "draft"
        self.assertEqual(self.pull()["ids"], [])
        other.job_status = "completed"
        self.connector.job_status = "started"
        self.assertEqual(self.pull()["ids"], [])
        # Nor does it open while upstream's job deletes VIDs.
        self.env.ref(DELETION).active = True
        with self.assertRaisesRegex(UserError, "^omc_upstream: "):
            self.pull()
        self.assertIn(self.env.ref(DELETION).name, self.connector.with_user(self.seer).upstream_at_work)
        self.env.ref(DELETION).active = False
        self.env.invalidate_all()
        self.assertFalse(self.connector.with_user(self.seer).upstream_at_work)

    def test_upstream_without_a_vid_type_may_take_any(self):
        self.upstream().job_status = "started"
        self.env["ir.config_parameter"].sudo().set_param("g2p_mts.vid_id_type", "")
        with self.assertRaises(ValidationError):
            self.connector.with_user(self.manager).action_start()

    def test_managers_only(self):
        for user in (self.seer, self.internal, self.daemon):
            with self.assertRaises(AccessError):
                self.connectors.with_user(user).action_take_over_upstream()
