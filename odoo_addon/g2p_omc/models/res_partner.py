# Part of OMC. Licence LGPL-3.
from odoo import _, fields, models
from odoo.exceptions import UserError

SEES = "g2p_omc.group_omc_user"


class ResPartner(models.Model):
    _inherit = "res.partner"

    omc_rejection_count = fields.Integer(compute="_compute_omc_counts", groups=SEES)
    omc_duplicate_count = fields.Integer(
        compute="_compute_omc_counts", groups=SEES, help="Other registrants who hold the same token."
    )
    omc_waiting_for_id = fields.Many2one(
        "omc.connector", compute="_compute_omc_connector", search="_search_omc_waiting_for", groups=SEES
    )
    omc_tokenised_by_id = fields.Many2one(
        "omc.connector", compute="_compute_omc_connector", search="_search_omc_tokenised_by", groups=SEES
    )

    def _compute_omc_counts(self):
        rejections = dict(
            self.env["omc.rejection"]._read_group(
                [("partner_id", "in", self.ids), ("state", "!=", "resolved")], ["partner_id"], ["__count"]
            )
        )
        others = self.env["omc.duplicate"]._others(self.ids)
        for partner in self:
            partner.omc_rejection_count = rejections.get(partner, 0)
            partner.omc_duplicate_count = others.get(partner.id, (None, 0))[1]

    def _compute_omc_connector(self):
        """For searching only: a registrant may wait for several connectors."""
        self.omc_waiting_for_id = False
        self.omc_tokenised_by_id = False

    def _search_omc_waiting_for(self, operator, value):
        return self._search_omc(operator, value, "_waiting_query")

    def _search_omc_tokenised_by(self, operator, value):
        return self._search_omc(operator, value, "_tokenised_query")

    def _search_omc(self, operator, value, query):
        if operator != "=" or not isinstance(value, int) or not value:
            raise UserError(_("Choose one connector to search by."))
        connector = self.env["omc.connector"].with_context(active_test=False).search([("id", "=", value)])
        return [("id", "in", getattr(connector, query)() if connector else [])]

    def action_view_omc_registrant(self):
        """The registry's own form, which shows IDs; Odoo's usual form of a contact does not."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.id,
            "views": [(self.env.ref("g2p_registry_individual.view_individuals_form").id, "form")],
        }

    def action_view_omc_duplicates(self):
        self.ensure_one()
        self.env["omc.duplicate"].check_access_rights("read")
        groups, _others = self.env["omc.duplicate"]._others(self.ids).get(self.id, ([], 0))
        return {
            "type": "ir.actions.act_window",
            "name": _("Registrants Who Share a Token"),
            "res_model": "omc.duplicate",
            "view_mode": "tree",
            "domain": [("token_group", "in", groups)],
        }

    def action_view_omc_rejections(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": _("Rejections"),
            "res_model": "omc.rejection",
            "view_mode": "tree,form",
            "domain": [("partner_id", "=", self.id), ("state", "!=", "resolved")],
        }
