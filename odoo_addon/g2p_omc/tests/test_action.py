# Part of OMC. Licence LGPL-3.
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Datetime
from odoo.tools import SQL

from .common import OmcCase


class SlowQuery:
    """A query that PostgreSQL would be at for a minute."""

    def is_empty(self):
        return False

    def select(self, *_columns):
        return SQL("SELECT 1 FROM pg_sleep(60)")


class TestAction(OmcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mine = cls.connector.with_user(cls.manager)

    def test_start_and_stop(self):
        self.connector.last_error = "old"
        self.mine.action_start()
        self.assertEqual((self.mine.job_status, self.mine.last_error), ("started", False))
        with self.assertRaises(UserError):
            self.mine.action_start()
        self.mine.action_stop()
        self.assertEqual(self.mine.job_status, "completed")
        with self.assertRaises(UserError):
            self.mine.action_stop()
        for status in ("completed", "failed"):
            self.connector.job_status = status
            self.mine.action_start()
            self.assertEqual(self.mine.job_status, "started")
            self.mine.action_stop()

    def test_run_now(self):
        with self.assertRaisesRegex(UserError, "Start Nightly first"):
            self.mine.action_run_now()
        self.mine.action_start()
        self.mine.action_run_now()
        run = self.mine.run_ids
        self.assertEqual((run.trigger, run.state, run.requested_by_id), ("manual", "requested", self.manager))
        with self.assertRaisesRegex(UserError, "asked for already"):
            self.mine.action_run_now()
        self.mine.action_stop()
        self.assertEqual(run.state, "stopped")
        self.assertTrue(run.message)

    def test_test(self):
        action = self.mine.action_test()
        again = self.mine.action_test()
        self.assertEqual((action["res_model"], action["res_id"]), ("omc.preview", again["res_id"]))
        preview = self.env["omc.preview"].browse(action["res_id"])
        self.assertEqual((preview.state, preview.requested_by_id), ("requested", self.manager))
        self.assertEqual(preview.with_user(self.manager).action_refresh(), action)
        preview.state = "done"
        self.assertNotEqual(self.mine.action_test()["res_id"], preview.id)

    def test_previews_are_forgotten_within_the_hour(self):
        preview = self.env["omc.preview"].create({"connector_id": self.connector.id})
        cron = self.env.ref("g2p_omc.ir_cron_forget_previews")
        cron.method_direct_trigger()
        self.assertTrue(preview.exists())
        self.env.cr.execute(
            "UPDATE omc_preview SET create_date = %s WHERE id = %s", (Datetime.now() - timedelta(minutes=46), preview.id)
        )
        cron.method_direct_trigger()
        self.assertFalse(preview.exists())
        self.assertLessEqual(cron.interval_number, 15)

    def test_archive_stops_and_duplicate_is_a_draft(self):
        secrets = {"callback_auth_password": "hunter2", "callback_extra_headers": '{"X": "y"}'}
        self.connector.write({**secrets, "last_error": "e"})
        self.mine.action_start()
        copy = self.mine.copy()
        self.assertEqual((copy.name, copy.job_status, copy.mapping), ("Nightly (copy)", "draft", self.mine.mapping))
        self.assertFalse(copy.callback_auth_password or copy.callback_extra_headers or copy.last_error)
        self.mine.action_archive()
        self.assertEqual((self.mine.job_status, self.mine.active), ("completed", False))
        with self.assertRaisesRegex(UserError, "archived"):
            self.mine.action_start()
        self.mine.action_unarchive()
        self.assertEqual(self.mine.job_status, "completed")

    def test_what_is_started_is_not_deleted(self):
        self.mine.action_start()
        with self.assertRaises(UserError):
            self.mine.unlink()
        self.mine.action_stop()
        self.mine.unlink()

    def test_nobody_starts_past_the_checks(self):
        self.connector.callback_url = "https://elsewhere.example.org"
        for attempt in (
            self.mine.action_start,
            lambda: self.mine.write({"job_status": "running"}),
            lambda: self.mine.create(
                {
                    "name": "Other",
                    "job_status": "started",
                    "callback_url": "https://elsewhere.example.org",
                    "vid_id_type_id": self.vid_type.id,
                    "token_id_type_id": self.token_type.id,
                }
            ),
        ):
            with self.assertRaises(ValidationError):
                attempt()

    def test_counts_and_their_lists(self):
        waiting = self.person("Ana", vid="2045678901") + self.person("Eva", vid="2045678902")
        done = self.person("Done", token="71")
        rejection = self.env["omc.rejection"].create(
            {"connector_id": self.connector.id, "partner_id": waiting[0].id, "code": "ATS-REQ-010"}
        )
        self.env["omc.run"].create({"connector_id": self.connector.id})
        seen = self.connector.with_user(self.seer)
        counts = (seen.waiting_count, seen.tokenised_count, seen.run_count, seen.rejection_count)
        self.assertEqual(counts, (2, 1, 1, 1))
        rows = {
            seen.action_view_waiting: waiting,
            seen.action_view_tokenised: done,
            seen.action_view_rejections: rejection,
            seen.action_view_runs: seen.run_ids,
        }
        for action, expected in rows.items():
            told = action()
            found = self.env[told["res_model"]].with_user(self.seer).search(told["domain"])
            self.assertEqual(sorted(found.ids), sorted(expected.ids), told["name"])
        with self.assertRaises(UserError):
            self.env["res.partner"].with_user(self.seer).search([("omc_waiting_for_id", "!=", self.connector.id)])
        with self.assertRaises(AccessError):
            self.env["res.partner"].with_user(self.internal).search([("omc_waiting_for_id", "=", self.connector.id)])

    def test_a_filter_that_the_registry_overtook_does_not_close_the_form(self):
        for filter_ in ('[["gone_field", "=", 1]]', "not JSON"):
            self.env.cr.execute("UPDATE omc_connector SET g2p_search_domain = %s WHERE id = %s", (filter_, self.mine.id))
            self.mine.invalidate_recordset()
            self.assertEqual(self.mine.waiting_count, 0)

    def statement_timeout(self):
        self.env.cr.execute("SHOW statement_timeout")
        return self.env.cr.fetchone()[0]

    def test_a_count_that_takes_too_long_does_not_close_the_form(self):
        self.person("Ana", vid="2045678901")
        self.assertTrue(self.mine.is_waiting_counted)
        self.mine.invalidate_recordset()
        model = type(self.env["omc.connector"])
        slow = patch.object(model, "_waiting_query", lambda connector: SlowQuery())
        self.env.cr.execute("SET LOCAL statement_timeout = 77777")
        vid = self.env["g2p.reg.id"].search([("value", "=", "2045678901")])
        vid.value = "2999999999"
        with slow, patch("odoo.addons.g2p_omc.models.omc_connector_scope.LONGEST_COUNT", 50):
            self.assertEqual((self.mine.is_waiting_counted, self.mine.waiting_count), (False, 0))
        # What had not been written yet is.
        self.env.invalidate_all()
        self.assertEqual(vid.value, "2999999999")
        self.mine.invalidate_recordset()
        self.assertEqual((self.mine.is_waiting_counted, self.mine.waiting_count), (True, 1))
        self.assertEqual(self.statement_timeout(), "77777ms")

    def test_a_new_connector_counts_nothing(self):
        new = self.env["omc.connector"].new({"name": "New"})
        self.assertEqual((new.waiting_count, new.tokenised_count, new.run_count), (0, 0, 0))
