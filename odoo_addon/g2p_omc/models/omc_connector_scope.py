# Part of OMC. Licence LGPL-3.
"""Which registrants a connector reaches, as queries that are never run over more than what is asked for."""

import json
import logging

from odoo import models
from odoo.osv import expression
from odoo.tools import SQL

from .omc_connector_apply import raise_collision

_logger = logging.getLogger(__name__)

# Milliseconds for one count on a form.
LONGEST_COUNT = 5000


def speaks_of(domain, field):
    """Whether a leaf of the domain is about this field of the registrant."""
    leaves = (term for term in domain if isinstance(term, list | tuple))
    return any(isinstance(leaf[0], str) and leaf[0].split(".")[0] == field for leaf in leaves)


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def _domain(self):
        """The filter, as Odoo takes it."""
        return json.loads(self.g2p_search_domain)

    def _registrant_query(self, domain, archived=False, anybody=False):
        """Registrants of the connector's company that match, minus those that the caller's own record rules hide.

        With `anybody` those too who are no registrants any more, since a result was sent.

        Looked up with sudo, because a filter speaks of IDs, whose table neither the daemon nor a user of OMC may read.
        """
        self.ensure_one()
        rules = self.env["ir.rule"]._compute_domain("res.partner", "read") or []
        own = [("company_id", "in", [self.company_id.id, False])]
        if not anybody:
            own.append(("is_registrant", "=", True))
        if not archived:
            own.append(("active", "=", True))
        partners = self.env["res.partner"].sudo().with_company(self.company_id).with_context(active_test=False)
        query = partners._search(expression.AND([own, rules, domain]))
        self.env["g2p.reg.id"].flush_model(["partner_id", "id_type", "value"])
        return query

    def _holds(self, query, id_type, *conditions):
        """The condition that the registrant of a query has an ID of the type."""
        return SQL(
            "EXISTS (SELECT FROM g2p_reg_id r WHERE r.partner_id = %s AND r.id_type = %s%s)",
            SQL.identifier(query.table, "id"),
            id_type.id,
            SQL("").join(SQL(" AND %s", condition) for condition in conditions),
        )

    def _waiting_query(self, changed_since=None):
        """Those who may be taken: they match the filter, hold a VID and no token."""
        domain = self._domain()
        if not speaks_of(domain, "is_group"):
            domain = expression.AND([domain, [("is_group", "=", False)]])
        query = self._registrant_query(domain)
        if query.is_empty():
            return query
        query.add_where(self._holds(query, self.vid_id_type_id))
        query.add_where(SQL("NOT %s", self._holds(query, self.token_id_type_id, SQL("r.value <> ''"))))
        if changed_since:
            query.add_where(
                SQL(
                    "(%s >= %s OR %s)",
                    SQL.identifier(query.table, "write_date"),
                    changed_since,
                    self._holds(query, self.vid_id_type_id, SQL("r.write_date >= %s", changed_since)),
                )
            )
        return query

    def _tokenised_query(self):
        """Those of the company who hold a token, whatever the filter says."""
        query = self._registrant_query([])
        if not query.is_empty():
            query.add_where(self._holds(query, self.token_id_type_id, SQL("r.value <> ''")))
        return query

    def _both_query(self):
        """Those of the company who hold a VID and a token, whatever the filter says."""
        query = self._registrant_query([])
        if not query.is_empty():
            query.add_where(self._holds(query, self.vid_id_type_id))
            query.add_where(self._holds(query, self.token_id_type_id, SQL("r.value <> ''")))
        return query

    def _count(self, make_query):
        """How many a query finds; nothing where it takes too long, or where the registry has overtaken the filter.

        The form in which a filter is mended must open.
        """
        cr = self.env.cr
        # What waits to be written is no part of what may be rolled back here.
        self.env.flush_all()
        cr.execute("SELECT current_setting('statement_timeout')")
        [usual] = cr.fetchone()
        try:
            with cr.savepoint(flush=False):
                query = make_query()
                if query.is_empty():
                    return 0
                cr.execute("SELECT set_config('statement_timeout', %s, true)", (str(LONGEST_COUNT),))
                cr.execute(query.select("count(*)"), log_exceptions=False)
                count = cr.fetchone()[0]
                cr.execute("SELECT set_config('statement_timeout', %s, true)", (usual,))
                return count
        except Exception as error:
            raise_collision(error)
            # Too slow, or whatever Odoo has against a filter that was right once.
            _logger.info("connector %s cannot be counted: %s", self.id, type(error).__name__)
            return None

    def _count_waiting(self):
        return self._count(self._waiting_query)

    def _count_tokenised(self):
        return self._count(self._tokenised_query)
