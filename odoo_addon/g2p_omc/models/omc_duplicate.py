# Part of OMC. Licence LGPL-3.
from odoo import fields, models, tools

from .omc_connector import TOKEN_TYPE


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
        # Tokens are what connectors make, and what bears their usual name: what a connector found out outlives it. Within a
        # company: whom another company has is not this one's to know. Archived registrants are dealt with. The
        # shared values come first and by themselves: to look for a twin of each of 200,000 tokens takes four times as long.
        self.env.cr.execute(
            """
            CREATE VIEW omc_duplicate AS
            WITH shared AS MATERIALIZED (
                SELECT id_type, value
                  FROM g2p_reg_id
                 WHERE value <> '' AND id_type IN (
                       SELECT token_id_type_id FROM omc_connector UNION SELECT id FROM g2p_id_type WHERE name = %(usual)s
                   )
                 GROUP BY id_type, value
                HAVING count(*) > 1
            ), held AS (
                SELECT max(r.id) AS id, r.partner_id, r.id_type, r.value, p.company_id
                  FROM shared s
                  JOIN g2p_reg_id r ON r.id_type = s.id_type AND r.value = s.value
                  JOIN res_partner p ON p.id = r.partner_id AND p.active
                 GROUP BY r.partner_id, r.id_type, r.value, p.company_id
            ), counted AS (
                SELECT held.*, count(*) OVER (PARTITION BY id_type, value, company_id) AS registrants FROM held
            )
            SELECT id, partner_id, id_type AS id_type_id, company_id, registrants,
                   left(md5(id_type || ':' || value), 12) AS token_group
              FROM counted
             WHERE registrants > 1
            """,
            {"usual": TOKEN_TYPE},
        )

    def _others(self, partner_ids):
        """For each of these registrants: the groups they are in, and how many others are. By index, for one at a time."""
        self.env["g2p.reg.id"].flush_model(["partner_id", "id_type", "value"])
        self.env["res.partner"].flush_model(["active", "company_id"])
        self.env.cr.execute(
            """
            SELECT r.partner_id, array_agg(DISTINCT left(md5(r.id_type || ':' || r.value), 12)),
                   count(DISTINCT o.partner_id)
              FROM g2p_reg_id r
              JOIN res_partner p ON p.id = r.partner_id
              JOIN g2p_reg_id o ON o.id_type = r.id_type AND o.value = r.value AND o.partner_id <> r.partner_id
              JOIN res_partner other ON other.id = o.partner_id AND other.active AND other.company_id = p.company_id
             WHERE r.partner_id = ANY(%(partners)s)
               AND r.value <> ''
               AND r.id_type IN (
                       SELECT token_id_type_id FROM omc_connector UNION SELECT id FROM g2p_id_type WHERE name = %(usual)s
                   )
               AND p.company_id = ANY(%(companies)s)
             GROUP BY r.partner_id
            """,
            {"partners": list(partner_ids), "companies": self.env.companies.ids, "usual": TOKEN_TYPE},
        )
        return {partner: (groups, others) for partner, groups, others in self.env.cr.fetchall()}

    def action_view_registrant(self):
        self.ensure_one()
        return self.partner_id.action_view_omc_registrant()
