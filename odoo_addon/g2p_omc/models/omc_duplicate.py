# Part of OMC. Licence LGPL-3.
from odoo import fields, models, tools


class OmcDuplicate(models.Model):
    """Registrants of one company who share a token: one row for each of them. An empty token is nobody's."""

    _name = "omc.duplicate"
    _description = "Registrants Who Share a Token"
    _auto = False
    _order = "token_group, partner_id"
    _rec_name = "token_group"

    token_group = fields.Char(readonly=True, help="The same for those who share a token; it is not the token.")
    partner_id = fields.Many2one("res.partner", string="Registrant", readonly=True)
    id_type_id = fields.Many2one("g2p.id.type", string="Token Type", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    registrants = fields.Integer(readonly=True, help="How many share this token.", group_operator="max")

    def init(self):
        tools.drop_view_if_exists(self.env.cr, self._table)
        # Within a company: whom another company has is not this one's to know. Archived registrants are dealt with.
        self.env.cr.execute(
            """
            CREATE VIEW omc_duplicate AS
            WITH held AS (
                SELECT max(r.id) AS id, r.partner_id, r.id_type, r.value, p.company_id
                  FROM g2p_reg_id r
                  JOIN res_partner p ON p.id = r.partner_id AND p.active
                 WHERE r.value <> ''
                   AND r.id_type IN (SELECT token_id_type_id FROM omc_connector)
                 GROUP BY r.partner_id, r.id_type, r.value, p.company_id
            ), counted AS (
                SELECT held.*, count(*) OVER (PARTITION BY id_type, value, company_id) AS registrants FROM held
            )
            SELECT id, partner_id, id_type AS id_type_id, company_id, registrants,
                   left(md5(id_type || ':' || value), 12) AS token_group
              FROM counted
             WHERE registrants > 1
            """
        )
