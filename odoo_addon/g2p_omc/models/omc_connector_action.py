# Part of OMC. Licence LGPL-3.
"""What an administrator can have a connector do."""

from odoo import _, fields, models
from odoo.exceptions import UserError

from .omc_connector import ACTIVE_STATES
from .words import NOT_BEGUN


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def action_start(self):
        for connector in self:
            if connector.job_status in ACTIVE_STATES:
                raise UserError(_("%s is started already.", connector.name))
            if not connector.active:
                raise UserError(_("%s is archived. Unarchive it first.", connector.name))
        self.write({"job_status": "started", "last_error": False})
        # What was asked for before the last stop is not asked for now.
        self._drop_requested_runs()
        return True

    def action_stop(self):
        self.check_access_rights("write")
        self.check_access_rule("write")
        for connector in self:
            if connector.job_status not in ACTIVE_STATES:
                raise UserError(_("%s is not started.", connector.name))
        self._stop()
        return True

    def _stop(self):
        """Nothing new is sent from now on; what MTS holds is still written."""
        self.write({"job_status": "completed", "next_run": False})
        self._drop_requested_runs()

    def _drop_requested_runs(self):
        requested = self.env["omc.run"].sudo().search([("connector_id", "in", self.ids), ("state", "=", "requested")])
        requested.write({"state": "stopped", "ended_at": fields.Datetime.now(), "message": NOT_BEGUN})

    def action_run_now(self):
        """Ask the daemon for a run over everybody. It looks for such requests at its next poll."""
        self.ensure_one()
        self.check_access_rights("write")
        self.check_access_rule("write")
        if self.job_status not in ACTIVE_STATES:
            raise UserError(_("Start %s first: a connector that is not started sends nothing.", self.name))
        runs = self.env["omc.run"].sudo()
        if runs.search_count([("connector_id", "=", self.id), ("state", "=", "requested")], limit=1):
            raise UserError(_("A run of %s is asked for already. The daemon has not begun it yet.", self.name))
        runs.create({"connector_id": self.id, "trigger": "manual", "requested_by_id": self.env.uid})
        return self._notify(_("A run of %s is asked for. It begins within seconds if the daemon runs.", self.name))

    def action_test(self):
        """Ask the daemon what it would send, and show the place where the answer will be."""
        self.ensure_one()
        self.check_access_rights("write")
        self.check_access_rule("write")
        previews = self.env["omc.preview"].sudo()
        preview = previews.search([("connector_id", "=", self.id), ("state", "=", "requested")], limit=1)
        if not preview:
            preview = previews.create({"connector_id": self.id, "requested_by_id": self.env.uid})
        return preview.action_refresh()

    def action_view_runs(self):
        self.ensure_one()
        return self._window(_("Runs"), "omc.run", "tree,form,graph,pivot", [("connector_id", "=", self.id)])

    def action_view_rejections(self):
        self.ensure_one()
        action = self._window(_("Rejections"), "omc.rejection", "tree,form,pivot,graph", [("connector_id", "=", self.id)])
        return {**action, "context": {"search_default_open": 1}}

    def action_view_waiting(self):
        self.ensure_one()
        return self._registrants(_("Waiting"), [("omc_waiting_for_id", "=", self.id)])

    def action_view_tokenised(self):
        self.ensure_one()
        return self._registrants(_("With a Token"), [("omc_tokenised_by_id", "=", self.id)])

    def _registrants(self, name, domain):
        """A list for every user of OMC, and the registry's form for those whom the registry lets see it."""
        views = [(self.env.ref("g2p_omc.res_partner_view_tree").id, "tree")]
        if self.env["g2p.reg.id"].check_access_rights("read", raise_exception=False):
            views.append((self.env.ref("g2p_registry_individual.view_individuals_form").id, "form"))
        modes = ",".join(mode for _view, mode in views)
        return {**self._window(name, "res.partner", modes, domain), "views": views}

    def _window(self, name, model, modes, domain):
        return {
            "type": "ir.actions.act_window",
            "name": f"{self.name}: {name}",
            "res_model": model,
            "view_mode": modes,
            "domain": domain,
        }

    def _notify(self, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": "success", "next": {"type": "ir.actions.act_window_close"}},
        }
