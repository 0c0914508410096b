# Part of OMC. Licence LGPL-3.
"""What a connector would send, asked of the daemon: it looks for requests, and answers through the door."""

from datetime import timedelta

from odoo import _, api, fields, models

from .words import in_language

# Masked as it is, an answer says who is about to be sent; it is there to be looked at, not to be kept.
MINUTES_KEPT = 45


class OmcPreview(models.Model):
    _name = "omc.preview"
    _description = "OMC Preview"
    _order = "id desc"

    connector_id = fields.Many2one("omc.connector", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="connector_id.company_id", store=True)
    state = fields.Selection(
        [("requested", "Waiting for the daemon"), ("done", "Done"), ("failed", "Failed")],
        required=True,
        default="requested",
        readonly=True,
    )
    limit = fields.Integer(string="Registrants", default=10, readonly=True)
    requested_by_id = fields.Many2one("res.users", readonly=True)
    message = fields.Text(readonly=True)
    line_ids = fields.One2many("omc.preview.line", "preview_id", readonly=True)

    @api.depends("connector_id.name")
    def _compute_display_name(self):
        for preview in self:
            preview.display_name = preview.connector_id.name

    def action_refresh(self):
        """Show the request again, with its answer if there is one."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": _("Test of %s", self.connector_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    @api.model
    def _forget_old(self):
        """Run every quarter of an hour, so that no answer is there for more than one."""
        limit = fields.Datetime.now() - timedelta(minutes=MINUTES_KEPT)
        self.sudo().search([("create_date", "<", limit)]).unlink()


class OmcPreviewLine(models.Model):
    _name = "omc.preview.line"
    _description = "OMC Preview Line"
    _order = "id"

    preview_id = fields.Many2one("omc.preview", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="preview_id.company_id", store=True)
    partner_id = fields.Many2one("res.partner", string="Registrant", required=True, ondelete="cascade", readonly=True)
    verdict = fields.Char(
        string="Verdict's Code", required=True, readonly=True, help="send, leave, or the code of the refusal."
    )
    reason = fields.Char(string="Reason in English", readonly=True)
    verdict_shown = fields.Char(string="Verdict", compute="_compute_shown")
    reason_shown = fields.Char(string="Reason", compute="_compute_shown")
    auth_data = fields.Text(readonly=True, help="The record for MTS, its values masked.")

    @api.depends("verdict", "reason")
    @api.depends_context("lang")
    def _compute_shown(self):
        words = {"send": _("Send"), "leave": _("Leave out")}
        for line in self:
            line.verdict_shown = words.get(line.verdict, line.verdict)
            line.reason_shown = in_language(line.reason, self.env.lang)
