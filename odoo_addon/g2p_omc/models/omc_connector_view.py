# Part of OMC. Licence LGPL-3.
from odoo import api, models


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Where upstream's connectors are not installed, there is nothing to take over."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if "mts.connector" not in self.env:
            for button in arch.xpath("//button[@name='action_take_over_upstream']"):
                button.getparent().remove(button)
        return arch, view
