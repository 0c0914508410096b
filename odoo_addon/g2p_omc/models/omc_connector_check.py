# Part of OMC. Licence LGPL-3.
from odoo import api, models


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.model
    def _normalised(self, vals):
        return vals
