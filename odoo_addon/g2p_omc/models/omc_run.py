# Part of OMC. Licence LGPL-3.
"""One pass of a connector over the registry."""

from datetime import timedelta

from odoo import api, fields, models

from .words import in_language

STATES = [
    ("requested", "Requested"),
    ("running", "Running"),
    ("done", "Done"),
    ("failed", "Failed"),
    ("stopped", "Stopped"),
]
ENDED = ("done", "failed", "stopped")

VACUUMED_AT_ONCE = 10_000


class OmcRun(models.Model):
    _name = "omc.run"
    _description = "OMC Run"
    _order = "id desc"

    connector_id = fields.Many2one("omc.connector", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="connector_id.company_id", store=True, index=True)
    trigger = fields.Selection(
        [("schedule", "Schedule"), ("sweep", "Full sweep"), ("manual", "Manual"), ("one_time", "One time")],
        required=True,
        default="manual",
        readonly=True,
    )
    state = fields.Selection(STATES, required=True, default="requested", readonly=True, index=True)
    requested_by_id = fields.Many2one("res.users", readonly=True)
    started_at = fields.Datetime(string="Started", readonly=True)
    ended_at = fields.Datetime(string="Ended", readonly=True)
    found = fields.Integer(readonly=True, help="Registrants that the run found.")
    submitted = fields.Integer(readonly=True, help="Registrants that were sent to MTS.")
    tokens = fields.Integer(readonly=True, help="Tokens written.")
    rejected = fields.Integer(readonly=True, help="Registrants whose data or VID was refused.")
    abandoned = fields.Integer(readonly=True, help="Registrants given up after repeated failures.")
    message = fields.Text(string="Message in English", readonly=True)
    message_shown = fields.Text(string="Message", compute="_compute_message_shown")
    progress = fields.Float(compute="_compute_progress", help="Registrants that the run is done with, of 100.")
    duration = fields.Float(compute="_compute_duration", help="Hours.")

    def init(self):
        # One Run now at a time, also for two people who press the button at once.
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS omc_run_one_requested_idx ON omc_run (connector_id) WHERE state = 'requested'"
        )

    @api.depends("connector_id.name")
    def _compute_display_name(self):
        for run in self:
            run.display_name = f"{run.connector_id.name} #{run.id}"

    @api.depends("message")
    @api.depends_context("lang")
    def _compute_message_shown(self):
        for run in self:
            run.message_shown = in_language(run.message, self.env.lang)

    @api.depends("state", "found", "tokens", "rejected", "abandoned")
    def _compute_progress(self):
        for run in self:
            settled = run.tokens + run.rejected + run.abandoned
            if run.state == "done":
                run.progress = 100.0
            else:
                run.progress = min(100.0, 100.0 * settled / run.found) if run.found else 0.0

    @api.depends("started_at", "ended_at", "state")
    def _compute_duration(self):
        now = fields.Datetime.now()
        for run in self:
            end = run.ended_at or (now if run.state == "running" else run.started_at)
            run.duration = (end - run.started_at).total_seconds() / 3600 if run.started_at else 0.0

    @api.autovacuum
    def _vacuum(self):
        """Forget ended runs after the days of the settings; the last run of a connector stays."""
        limit = fields.Datetime.now() - timedelta(days=self.env["res.config.settings"]._omc_retention_days())
        last = self.env["omc.connector"].with_context(active_test=False).search([("last_run_id", "!=", False)]).last_run_id
        old = [("create_date", "<", limit), ("state", "in", ENDED), ("id", "not in", last.ids)]
        self.search(old, limit=VACUUMED_AT_ONCE).unlink()
