# Part of OMC. Licence LGPL-3.
"""The daemon's door to who holds an ID. See docs/door.md."""

from odoo import _, models
from odoo.exceptions import UserError
from odoo.tools import SQL

MOST_VALUES = 5000


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def omc_holders(self, id_type_id, values):
        """Registrants of the connector's company, not archived, with one of these values of this type; and which.

        An ID that is marked invalid tells nobody.
        """
        self._enter_door()
        (id_type_id,) = self._whole_numbers([id_type_id])
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise UserError(_("A list of texts is wanted."))
        if len(values) > MOST_VALUES:
            raise UserError(_("A list of at most %s texts is wanted.", MOST_VALUES))
        registrants = self._registrant_query([])
        if registrants.is_empty() or not values:
            return []
        self.env["res.partner"].flush_model(["active", "company_id", "is_registrant"])
        self.env["g2p.reg.id"].flush_model(["id_type", "partner_id", "status", "value"])
        self.env.cr.execute(
            SQL(
                "SELECT partner_id, value FROM g2p_reg_id"
                " WHERE id_type = %s AND value = ANY(%s) AND COALESCE(status, '') != 'invalid'"
                " AND partner_id IN %s ORDER BY id",
                id_type_id,
                list(values),
                registrants.subselect(),
            )
        )
        return [{"partner_id": partner, "value": value} for partner, value in self.env.cr.fetchall()]
