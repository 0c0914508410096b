# Part of OMC. Licence LGPL-3.
from odoo import fields, models


class OmcLease(models.Model):
    """Which daemon works on a connector. Apart from the connector, so that renewing it never meets a write of its own."""

    _name = "omc.lease"
    _description = "OMC Lease"
    _rec_name = "holder"

    connector_id = fields.Many2one("omc.connector", required=True, ondelete="cascade", readonly=True)
    holder = fields.Char(required=True, readonly=True)
    renewed_at = fields.Datetime(readonly=True)
    until = fields.Datetime(required=True, readonly=True)

    _sql_constraints = [("connector_unique", "unique (connector_id)", "A connector has one lease.")]
