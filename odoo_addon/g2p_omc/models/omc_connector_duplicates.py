# Part of OMC. Licence LGPL-3.
"""The daemon's door to who shares a token."""

from odoo import models
from odoo.tools import SQL

LARGEST_PAGE = 1000


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def omc_duplicates(self, after, limit):
        """Registrants of the connector's company who share a token of its type: a page of groups, by their names."""
        self._enter_door()
        (limit,) = self._whole_numbers([limit])
        limit = min(max(limit, 1), LARGEST_PAGE)
        self.env["res.partner"].flush_model(["active", "company_id"])
        registrants = self._registrant_query([], anybody=True)
        if registrants.is_empty():
            return {"groups": [], "complete": True}
        self.env.cr.execute(
            SQL(
                """
                SELECT token_group, array_agg(partner_id ORDER BY partner_id)
                  FROM omc_duplicate
                 WHERE id_type_id = %s AND token_group > %s AND partner_id IN %s
                 GROUP BY token_group
                HAVING count(*) > 1
                 ORDER BY token_group
                 LIMIT %s
                """,
                self.token_id_type_id.id,
                after if isinstance(after, str) else "",
                registrants.subselect(),
                limit + 1,
            )
        )
        groups = [{"group": group, "partner_ids": partners} for group, partners in self.env.cr.fetchall()]
        return {"groups": groups[:limit], "complete": len(groups) <= limit}
