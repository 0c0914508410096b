# Part of OMC. Licence LGPL-3.
from odoo.exceptions import AccessError, UserError
from odoo.fields import Datetime
from odoo.tools import mute_logger

from .common import OmcCase

AT = "2026-11-21 21:14:08.783633"


class TestReport(OmcCase):
    def report(self, **payload):
        self.env.flush_all()
        answer = self.door.omc_report(payload)
        self.env.invalidate_all()
        return answer["run_id"]

    def rejections(self):
        return self.env["omc.rejection"].search([("connector_id", "=", self.connector.id)])

    def rejected(self, partner, **changes):
        usual = {
            "partner_id": partner.id,
            "code": "ATS-REQ-010",
            "reason": "no name",
            "remedy": "complete the name",
            "attempts": 1,
            "seen_at": AT,
        }
        return {**usual, **changes}

    def test_a_run_is_made_then_written(self):
        self.assertIs(self.report(), False)
        told = {"trigger": "sweep", "state": "running", "started_at": AT, "ended_at": None, "found": 120, "tokens": 2**40}
        made = self.report(run=told)
        run = self.env["omc.run"].browse(made)
        self.assertEqual((run.trigger, run.found, run.tokens, str(run.started_at)), ("sweep", 120, 2**31 - 1, AT[:19]))
        self.assertEqual(self.report(run={"id": made, "state": "done", "ended_at": AT, "message": "x" * 20_000}), made)
        self.assertEqual((run.state, run.found, len(run.message)), ("done", 120, 10_000))
        self.assertEqual((run.progress, run.duration), (100.0, 0.0))

    def test_a_run_that_is_gone_or_another_connector_s_is_ignored(self):
        other = self.env["omc.run"].create({"connector_id": self.new_connector(name="Other").id})
        self.assertIs(self.report(run={"id": other.id, "state": "failed"}), False)
        self.assertEqual(other.state, "requested")
        self.assertIs(self.report(run={"id": 2**31 - 1, "state": "failed"}), False)
        self.assertFalse(self.connector.run_ids)

    def test_a_run_that_ended_does_not_run_again(self):
        ended = {"state": "stopped", "ended_at": AT[:19], "message": "Stopped."}
        run = self.env["omc.run"].create({"connector_id": self.connector.id, **ended})
        self.report(run={"id": run.id, "state": "running", "found": 3, "ended_at": None, "message": None})
        self.assertEqual((run.state, run.found, str(run.ended_at), run.message), ("stopped", 3, AT[:19], "Stopped."))
        self.report(run={"id": run.id, "state": "done"})
        self.assertEqual(run.state, "done")

    def test_followers_are_told_of_a_failure(self):
        self.connector.job_status = "running"
        self.env.flush_all()
        self.cr.precommit.clear()
        self.door.with_context(tracking_disable=False).omc_report({"connector": {"job_status": "failed"}})
        self.env.flush_all()
        self.cr.precommit.run()
        told = self.connector.message_ids.subtype_id
        self.assertIn(self.env.ref("g2p_omc.mail_subtype_failed"), told)

    def test_runs_of_a_lost_store_end(self):
        self.connector.job_status = "running"
        runs = self.env["omc.run"]
        lost, known, asked = (
            runs.create({"connector_id": self.connector.id, "state": state}) for state in ("running", "running", "requested")
        )
        elsewhere = runs.create({"connector_id": self.new_connector(name="Other").id, "state": "running"})
        self.report(connector={"last_error": False})
        self.assertEqual(lost.state, "running")
        self.report(connector={"running": [known.id]})
        states = (lost + known + asked + elsewhere).mapped("state")
        self.assertEqual(states, ["failed", "running", "requested", "running"])
        self.assertTrue(lost.ended_at and "lost" in lost.message)
        self.assertEqual(self.connector.job_status, "running")
        self.report(connector={"running": []})
        self.assertEqual((known.state, self.connector.job_status), ("failed", "started"))
        for wrong in (["1"], "7", {}, 7):
            with self.assertRaises(UserError):
                self.report(connector={"running": wrong})

    def test_words_that_nobody_knows(self):
        for payload in (
            {"run": {"state": "odd"}},
            {"run": {"trigger": "odd"}},
            {"connector": {"job_status": "odd"}},
            {"rejections": [{"partner_id": "1"}]},
            {"resolved": ["1"]},
            {"run": {"started_at": "soon"}},
        ):
            with self.assertRaises(UserError):
                self.report(**payload)
        with self.assertRaises(UserError):
            self.door.omc_report([])

    def test_the_connector_s_state(self):
        self.connector.job_status = "started"
        run = self.report(run={"trigger": "schedule", "state": "running", "started_at": AT})
        self.assertEqual(self.connector.job_status, "running")
        self.report(connector={"last_error": "mapping: not JSON", "next_run": AT, "last_run_id": run})
        self.assertEqual(self.connector.last_error, "mapping: not JSON")
        self.assertEqual(self.connector.next_run, Datetime.to_datetime(AT[:19]))
        self.assertEqual(self.connector.last_run_id.id, run)
        self.report(run={"id": run, "state": "done"}, connector={"last_error": False, "next_run": False})
        self.assertEqual((self.connector.job_status, self.connector.last_error), ("started", False))
        self.report(connector={"job_status": "completed"})
        self.assertEqual(self.connector.job_status, "completed")

    def test_the_chatter_tells_of_the_end_and_not_of_each_run(self):
        self.connector.job_status = "started"
        self.env.flush_all()
        door = self.door.with_context(tracking_disable=False)
        told = self.connector.message_ids
        for payload in (
            {"run": {"trigger": "schedule", "state": "running"}},
            {"connector": {"last_error": "MTS is silent", "next_run": AT}},
        ):
            door.omc_report(payload)
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.assertEqual(self.connector.message_ids, told)
        door.omc_report({"connector": {"job_status": "failed"}})
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
        self.assertEqual((self.connector.message_ids - told).tracking_value_ids.new_value_char, "Failed")

    def test_what_was_stopped_stays_stopped(self):
        for status in ("running", "started"):
            self.report(connector={"job_status": status}, run={"trigger": "schedule", "state": "running"})
            self.assertEqual(self.connector.job_status, "draft")

    def test_only_those_fields_are_the_daemon_s(self):
        self.report(connector={"name": "Mine", "mts_url": "http://elsewhere.example.org", "active": False})
        self.assertEqual((self.connector.name, self.connector.active), ("Nightly", True))

    def test_rejections_come_and_go(self):
        ana, eva = self.person("Ana"), self.person("Eva")
        self.report(rejections=[self.rejected(ana), self.rejected(eva), self.rejected(ana, partner_id=2**31 - 1)])
        self.assertEqual(sorted(self.rejections().partner_id.ids), sorted((ana + eva).ids))
        later = "2026-11-22 08:00:00.000001"
        self.report(rejections=[self.rejected(ana, code="ATS-REQ-011", attempts=2, seen_at=later)])
        of_ana = self.rejections().filtered(lambda one: one.partner_id == ana)
        self.assertEqual((len(of_ana), of_ana.code, of_ana.attempts), (1, "ATS-REQ-011", 2))
        self.assertEqual((str(of_ana.first_seen), str(of_ana.last_seen)), (AT[:19], later[:19]))
        of_ana.with_user(self.manager).action_requeue()
        self.assertEqual((of_ana.state, of_ana.requeued_by_id), ("requeued", self.manager))
        self.report(rejections=[self.rejected(ana)])
        self.assertEqual((of_ana.state, len(self.rejections())), ("open", 2))
        self.report(resolved=[ana.id, eva.id, 2**31 - 1])
        self.assertEqual(set(self.rejections().mapped("state")), {"resolved"})
        self.report(rejections=[self.rejected(ana)])
        self.assertEqual(len(self.rejections()), 3)

    def test_rejections_of_another_company_s_registrants(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        self.report(rejections=[self.rejected(self.person("Ana", company_id=company.id))])
        self.assertFalse(self.rejections())

    def test_a_deleted_registrant_takes_the_rejections_along(self):
        ana = self.person("Ana")
        self.report(rejections=[self.rejected(ana)])
        ana.unlink()
        self.assertFalse(self.rejections())

    def test_a_preview(self):
        self.connector.with_user(self.manager).action_test()
        preview = self.env["omc.preview"].search([("connector_id", "=", self.connector.id)])
        found = (
            self.env["omc.preview"]
            .with_user(self.daemon)
            .search_read([["state", "=", "requested"]], ["connector_id", "limit"], order="id")
        )
        self.assertEqual([(one["id"], one["limit"]) for one in found if one["id"] == preview.id], [(preview.id, 10)])
        people = [self.person(f"Person {number}") for number in range(12)]
        lines = [
            {"partner_id": one.id, "verdict": "send", "reason": False, "auth_data": {"vid": "9999", "name": "xxx"}}
            for one in people
        ]
        lines[1] = {**lines[1], "partner_id": 2**31 - 1}
        other = self.new_connector(name="Other").with_user(self.daemon)
        self.env.flush_all()
        other.omc_report({"preview": {"id": preview.id, "state": "done", "lines": []}})
        self.assertEqual(preview.state, "requested")
        self.report(preview={"id": preview.id, "state": "done", "message": False, "lines": lines})
        self.assertEqual((preview.state, len(preview.line_ids)), ("done", 9))
        self.assertIn('"vid": "9999"', preview.line_ids[0].auth_data)
        self.report(preview={"id": preview.id, "state": "failed", "message": "late"})
        self.assertEqual((preview.state, preview.message), ("done", False))

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_only_the_daemon_may(self):
        for user in (self.portal, self.internal, self.seer, self.manager, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.connector.with_user(user).omc_report({})
