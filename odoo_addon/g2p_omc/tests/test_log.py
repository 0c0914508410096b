# Part of OMC. Licence LGPL-3.
from datetime import timedelta

from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Datetime
from odoo.tools import mute_logger

from .common import OmcCase


class TestLog(OmcCase):
    def old(self, record, days):
        self.env.flush_all()
        at = Datetime.now() - timedelta(days=days)
        self.env.cr.execute(
            f"UPDATE {record._table} SET create_date = %s, write_date = %s WHERE id IN %s", (at, at, tuple(record.ids))
        )
        self.env.invalidate_all()

    def rejection(self, partner, **values):
        return self.env["omc.rejection"].create(
            {"connector_id": self.connector.id, "partner_id": partner.id, "code": "ATS-REQ-010", **values}
        )

    def test_progress_and_duration(self):
        run = self.env["omc.run"].create({"connector_id": self.connector.id, "state": "running"})
        self.assertEqual((run.progress, run.duration), (0.0, 0.0))
        now = Datetime.now()
        run.write({"found": 200, "tokens": 90, "rejected": 8, "abandoned": 2, "started_at": now - timedelta(hours=2)})
        self.assertEqual(run.progress, 50.0)
        self.assertAlmostEqual(run.duration, 2.0, 1)
        run.write({"state": "done", "ended_at": now - timedelta(hours=1)})
        self.assertEqual((run.progress, run.duration), (100.0, 1.0))

    @mute_logger("odoo.sql_db")
    def test_one_requested_run_and_one_open_rejection(self):
        ana = self.person("Ana")
        self.env["omc.run"].create({"connector_id": self.connector.id})
        self.rejection(ana, state="requeued")
        self.rejection(ana, state="resolved")
        for again in (
            lambda: self.env["omc.run"].create({"connector_id": self.connector.id}),
            lambda: self.rejection(ana),
        ):
            with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                again()
                self.env.flush_all()

    def test_requeue_a_selection(self):
        people = [self.person(name) for name in ("Ana", "Eva")]
        rows = self.rejection(people[0]) + self.rejection(people[1], state="resolved")
        mine = rows.with_user(self.manager)
        mine.action_requeue()
        self.assertEqual(rows.mapped("state"), ["requeued", "resolved"])
        with self.assertRaises(UserError):
            mine.action_requeue()

    def test_reasons_are_shown_in_the_reader_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        rejection = self.rejection(self.person("Ana"), reason="There is no name.", remedy="Words of a later daemon.")
        self.assertEqual(rejection.reason_shown, "There is no name.")
        french = rejection.with_context(lang="fr_FR")
        self.assertEqual(french.reason_shown, "Il n'y a pas de nom.")
        self.assertEqual(french.remedy_shown, "Words of a later daemon.")
        preview = self.env["omc.preview"].create({"connector_id": self.connector.id})
        told = f"{rejection.reason} The VID has expired, or is revoked."
        line = self.env["omc.preview.line"].create(
            {"preview_id": preview.id, "partner_id": rejection.partner_id.id, "verdict": "send", "reason": told}
        )
        french = line.with_context(lang="fr_FR")
        self.assertEqual(french.verdict_shown, "Envoyer")
        self.assertTrue(french.reason_shown.startswith("Il n'y a pas de nom. Le VID"), french.reason_shown)

    def test_the_registrant_s_button_counts_what_its_list_shows(self):
        ana = self.person("Ana")
        self.rejection(ana, state="resolved")
        open_one = self.rejection(ana, state="requeued")
        seen = ana.with_user(self.seer)
        listed = self.env["omc.rejection"].search(seen.action_view_omc_rejections()["domain"])
        self.assertEqual((seen.omc_rejection_count, listed), (1, open_one))

    def test_vacuum(self):
        runs = self.env["omc.run"]
        old, last, pending, fresh = (
            runs.create({"connector_id": self.connector.id, "state": state})
            for state in ("done", "failed", "running", "done")
        )
        self.connector.last_run_id = last
        closed, open_one = self.rejection(self.person("Ana"), state="resolved"), self.rejection(self.person("Eva"))
        self.old(old + last + pending, 91)
        self.old(closed + open_one, 91)
        runs._vacuum()
        self.env["omc.rejection"]._vacuum()
        self.assertEqual((old + last + pending + fresh).exists(), last + pending + fresh)
        self.assertEqual((closed + open_one).exists(), open_one)

    def test_retention(self):
        settings = self.env["res.config.settings"]
        parameter = self.env["ir.config_parameter"].sudo()
        for text, days in (("", 90), ("30", 30), ("0", 7), ("-5", 90), ("1e9", 90), ("99999", 3650)):
            parameter.set_param("g2p_omc.retention_days", text)
            self.assertEqual(settings._omc_retention_days(), days, text)
        settings.create({"omc_retention_days": 14}).execute()
        self.assertEqual(parameter.get_param("g2p_omc.retention_days"), "14")
        for days in (0, 6, 3651):
            with self.assertRaises(ValidationError):
                settings.create({"omc_retention_days": days})
