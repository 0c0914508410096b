# Part of OMC. Licence LGPL-3.
from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from . import definition

RETENTION = "g2p_omc.retention_days"
USUAL_DAYS = 90
FEWEST_DAYS, MOST_DAYS = 7, 3650


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    omc_retention_days = fields.Integer(
        string="Keep Runs and Closed Rejections",
        config_parameter=RETENTION,
        default=USUAL_DAYS,
        help="Days, from 7 to 3650.",
    )

    @api.constrains("omc_retention_days")
    def _check_omc_retention_days(self):
        for settings in self:
            if not FEWEST_DAYS <= settings.omc_retention_days <= MOST_DAYS:
                raise ValidationError(
                    _(
                        "Keep runs and closed rejections: write days from %(fewest)s to %(most)s.",
                        fewest=FEWEST_DAYS,
                        most=MOST_DAYS,
                    )
                )

    @api.model
    def _omc_retention_days(self):
        """Held to its limits once more: OpenG2P lets everybody write system parameters."""
        text = self.env["ir.config_parameter"].sudo().get_param(RETENTION, "")
        days = int(text) if definition.is_number(text) else USUAL_DAYS
        return min(max(days, FEWEST_DAYS), MOST_DAYS)
