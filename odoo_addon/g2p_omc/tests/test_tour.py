# Part of OMC. Licence LGPL-3.
"""What an administrator does, clicked in a headless browser with the lowest rights that it takes.

Odoo itself leaves these out, and says so, where Chrome or Chromium or the Python package websocket-client is missing.
"""

import functools
from unittest.mock import patch

from odoo.tests import HttpCase, new_test_user, tagged


@tagged("post_install", "-at_install")
class TestTour(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(cls.env, login="omc_tour", groups="g2p_omc.group_omc_manager")
        types = cls.env["g2p.id.type"]
        for name in ("MOSIP VID", "MOSIP UIN TOKEN"):
            if not types.search([("name", "=", name)]):
                types.create({"name": name})
        cls.vid_type = types.search([("name", "=", "MOSIP VID")], limit=1)
        cls.registrant = cls.env["res.partner"].create(
            {"name": "TOUR, TERESA", "given_name": "Teresa", "family_name": "Tour", "is_registrant": True}
        )
        cls.env["g2p.reg.id"].create(
            {"partner_id": cls.registrant.id, "id_type": cls.vid_type.id, "value": "4918273645019283"}
        )

    def _told_after_first_look(self, model, method, values):
        """Have the browser's second look at a model find what the daemon has told meanwhile."""
        looks = 0
        original = getattr(type(self.env[model]), method)

        @functools.wraps(original)
        def look(records, *args, **kwargs):
            nonlocal looks
            # By name from the browser, by position from within: a list reads by a form's method, and links by either.
            if "specification" in kwargs:
                looks += 1
                if looks == 2:
                    told = self.env[model].sudo().search([], order="id desc", limit=1)
                    told.with_env(records.sudo().env).write(values)
                    records.env.flush_all()
            return original(records, *args, **kwargs)

        return patch.object(type(self.env[model]), method, look)

    def test_administrator(self):
        running = {"state": "running", "started_at": "2026-01-05 02:30:00", "found": 10, "submitted": 8, "tokens": 4}
        done = {"state": "done", "ended_at": "2026-01-05 02:31:00", "tokens": 9, "rejected": 1}
        lines = [(0, 0, {"partner_id": self.registrant.id, "verdict": "send", "auth_data": '{"vid": "9999"}'})]
        with (
            self._told_after_first_look("omc.run", "web_search_read", running),
            self._told_after_first_look("omc.run", "web_read", done),
            self._told_after_first_look("omc.preview", "web_read", {"state": "done", "line_ids": lines}),
        ):
            self.start_tour("/web", "omc_administrator", login="omc_tour", timeout=120)
        connector = self.env["omc.connector"].search([("name", "=", "Tour connector")])
        self.assertEqual(connector.job_status, "completed")
        self.assertEqual(connector.mts_url, "http://mts.example.org")
        run = self.env["omc.run"].search([("connector_id", "=", connector.id)])
        self.assertEqual((run.trigger, run.requested_by_id), ("manual", self.manager))

    def test_rejections(self):
        connector = self.env["omc.connector"].create({"name": "Tour connector"})
        self.env["omc.rejection"].search([]).unlink()
        rejection = self.env["omc.rejection"].create(
            {
                "connector_id": connector.id,
                "partner_id": self.registrant.id,
                "code": "ATS-REQ-011",
                "reason": "There is no gender.",
                "remedy": "Fill the mapped field in on the registrant.",
            }
        )
        self.start_tour("/web#action=g2p_omc.omc_rejection_action", "omc_rejections", login="omc_tour", timeout=120)
        self.assertEqual((rejection.state, rejection.requeued_by_id), ("requeued", self.manager))

    def test_odk_and_an_activity(self):
        daemon = new_test_user(self.env, login="omc_tour_daemon", groups="g2p_omc.group_omc_daemon")
        stuck = self.env["omc.connector"].create({"name": "Stuck connector", "responsible_ids": [(6, 0, self.manager.ids)]})
        self.assertEqual(stuck.with_user(daemon).omc_alarm("stuck", True, {}), {"users": 1})
        self.start_tour("/web#action=g2p_omc.omc_connector_action", "omc_odk", login="omc_tour", timeout=120)
        connector = self.env["omc.connector"].search([("name", "=", "Tour of ODK")])
        self.assertEqual((connector.job_status, connector.delivery_type), ("started", "callback"))
        self.assertEqual((connector.odk_password, connector.odk_email), ("of ODK only", "mts@odk.example"))
        self.assertEqual(connector.responsible_ids, self.manager)
