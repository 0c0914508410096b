# Part of OMC. Licence LGPL-3.
"""A registrant whom MTS or OMC refused, and what to do about it."""

from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError

from .omc_run import VACUUMED_AT_ONCE
from .words import in_language

STATES = [("open", "Open"), ("requeued", "Requeued"), ("resolved", "Resolved")]


class OmcRejection(models.Model):
    _name = "omc.rejection"
    _description = "OMC Rejection"
    _order = "last_seen desc, id desc"

    connector_id = fields.Many2one("omc.connector", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="connector_id.company_id", store=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Registrant", required=True, ondelete="cascade", index=True, readonly=True
    )
    code = fields.Char(required=True, index=True, readonly=True)
    reason = fields.Char(string="Reason in English", readonly=True)
    remedy = fields.Char(string="What to Do, in English", readonly=True)
    reason_shown = fields.Char(string="Reason", compute="_compute_shown")
    remedy_shown = fields.Char(string="What to Do", compute="_compute_shown")
    state = fields.Selection(STATES, required=True, default="open", index=True, readonly=True)
    first_seen = fields.Datetime(readonly=True)
    last_seen = fields.Datetime(readonly=True)
    attempts = fields.Integer(readonly=True)
    requeued_by_id = fields.Many2one("res.users", readonly=True)

    def init(self):
        self.env.cr.execute(
            "CREATE UNIQUE INDEX IF NOT EXISTS omc_rejection_one_unresolved_idx ON omc_rejection (connector_id, partner_id)"
            " WHERE state <> 'resolved'"
        )

    @api.depends("code", "partner_id")
    def _compute_display_name(self):
        for rejection in self:
            rejection.display_name = f"{rejection.code}: {rejection.partner_id.display_name or ''}"

    @api.depends("reason", "remedy")
    @api.depends_context("lang")
    def _compute_shown(self):
        for rejection in self:
            rejection.reason_shown = in_language(rejection.reason, self.env.lang)
            rejection.remedy_shown = in_language(rejection.remedy, self.env.lang)

    def action_requeue(self):
        """Have the daemon try these registrants again; the state says so until it has told the outcome."""
        if not self.env.user.has_group("g2p_omc.group_omc_manager"):
            raise AccessError(_("Only a manager of OMC may put rejections back."))
        self.check_access_rule("read")
        waiting = self.filtered(lambda rejection: rejection.state == "open")
        if not waiting:
            raise UserError(_("None of these rejections is open."))
        # Log rows are nobody's to write; this is the one change that people make.
        waiting.sudo().write({"state": "requeued", "requeued_by_id": self.env.uid})
        return True

    def action_view_registrant(self):
        self.ensure_one()
        return self.partner_id.action_view_omc_registrant()

    @api.autovacuum
    def _vacuum(self):
        """Forget what was resolved, after the days of the settings."""
        limit = fields.Datetime.now() - timedelta(days=self.env["res.config.settings"]._omc_retention_days())
        self.search([("state", "=", "resolved"), ("write_date", "<", limit)], limit=VACUUMED_AT_ONCE).unlink()
