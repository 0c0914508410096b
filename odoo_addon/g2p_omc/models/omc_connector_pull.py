# Part of OMC. Licence LGPL-3.
"""The door, first method: who may be taken next, and what is known of them. See docs/door.md."""

from datetime import datetime

from odoo import _, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .omc_connector import ACTIVE_STATES

TIME = "YYYY-MM-DD HH24:MI:SS.US"
BOTH = "both"
LARGEST_PAGE = 10_000
# An open transaction older than this holds the horizon back no further: what it commits is found by the next sweep.
LONGEST_TRANSACTION = "24 hours"


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def omc_pull(self, after_id, limit, changed_since, ids):
        self._enter_door()
        # A test of one that is not started sends nothing.
        if changed_since != BOTH and self.job_status in ACTIVE_STATES:
            self._refuse_beside_upstream()
        now, horizon = self._now_and_horizon()
        both = changed_since == BOTH
        if isinstance(ids, list | tuple):
            return {"rows": self._rows(self._whole_numbers(ids), both), "now": now, "horizon": horizon}
        after_id, limit = self._whole_numbers([after_id, limit])
        since = False if both else self._time(changed_since)
        # In a transaction that begins after the horizon was taken. This one's view of the database may be older, and may
        # miss what was committed in between.
        with self.env.registry.cursor() as cr:
            connector = self.with_env(self.env(cr=cr))
            page = connector._page(both, since, after_id, min(max(limit, 1), LARGEST_PAGE))
        return {**page, "now": now, "horizon": horizon}

    def _enter_door(self):
        """Only the daemon comes in, to one connector that it may read, while no other daemon holds it."""
        if not self.env.user.has_group("g2p_omc.group_omc_daemon"):
            raise AccessError(
                _("Only the account of the OMC daemon may do this. Put it into the group OMC Service Account / Daemon.")
            )
        self.ensure_one()
        self.check_access_rights("read")
        self.check_access_rule("read")
        holder = self.env.context.get("omc_daemon")
        if holder:
            self.env["omc.lease"]._take(self, holder)

    def _now_and_horizon(self):
        """The time, and the time before which every transaction has ended.

        A row carries the start of the transaction that wrote it. PostgreSQL shows one role the transactions of its own
        sessions, and Odoo has one role; what another role writes past Odoo is found by a sweep.
        """
        with self.env.registry.cursor() as cr:
            cr.execute(
                """
                SELECT to_char(now() AT TIME ZONE 'UTC', %(format)s),
                       to_char(greatest(least(now(), min(xact_start)), now() - %(longest)s::interval)
                               AT TIME ZONE 'UTC', %(format)s)
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND xact_start IS NOT NULL
                """,
                {"format": TIME, "longest": LONGEST_TRANSACTION},
            )
            return cr.fetchone()

    def _page(self, both, since, after_id, limit):
        query = self._both_query() if both else self._waiting_query(since)
        if query.is_empty():
            return {"ids": [], "complete": True}
        identifier = SQL.identifier(query.table, "id")
        query.add_where(SQL("%s > %s", identifier, after_id))
        query.order = identifier
        query.limit = limit + 1
        self.env.cr.execute(query.select())
        ids = [row[0] for row in self.env.cr.fetchall()]
        return {"ids": ids[:limit], "complete": len(ids) <= limit}

    def _rows(self, ids, both):
        if len(ids) > LARGEST_PAGE:
            raise UserError(_("At most %s registrants at once.", LARGEST_PAGE))
        query = self._registrant_query([("id", "in", ids)] + ([] if both else self._domain()))
        if query.is_empty():
            return []
        query.order = SQL.identifier(query.table, "id")
        fields = self._names("g2p_selected_fields")
        # With the daemon's rights to fields, which sudo would pass over.
        self.env["res.partner"].check_field_access_rights("read", fields)
        partners = self.env["res.partner"].sudo().with_company(self.company_id).browse(query)
        held = self._held(partners.ids)
        rows = []
        for values in partners.read([*fields, "is_group"]):
            rows.append(
                {
                    "id": values["id"],
                    "is_group": values["is_group"],
                    "values": {name: values[name] for name in fields},
                    "ids": held.get(values["id"], []),
                }
            )
        return rows

    def _held(self, partner_ids):
        """The IDs of the connector's two types, by registrant."""
        self.env["g2p.reg.id"].flush_model()
        self.env.cr.execute(
            """
            SELECT partner_id, id, CASE WHEN id_type = %(vid)s THEN 'vid' ELSE 'token' END AS kind, value, status,
                   expiry_date::text, to_char(create_date, %(format)s), to_char(write_date, %(format)s)
              FROM g2p_reg_id
             WHERE partner_id = ANY(%(partners)s) AND id_type IN (%(vid)s, %(token)s)
             ORDER BY id
            """,
            {
                "vid": self.vid_id_type_id.id,
                "token": self.token_id_type_id.id,
                "format": TIME,
                "partners": list(partner_ids),
            },
        )
        names = ("id", "kind", "value", "status", "expiry_date", "create_date", "write_date")
        held = {}
        for partner, *row in self.env.cr.fetchall():
            unset_is_false = [False if value is None else value for value in row]
            held.setdefault(partner, []).append(dict(zip(names, unset_is_false, strict=True)))
        return held

    def _whole_numbers(self, values):
        """Ids and limits, as PostgreSQL can take them."""
        known = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        if len(known) < len(values) or any(not -(2**31) <= value < 2**31 for value in known):
            raise UserError(_("Whole numbers are wanted."))
        return known

    def _time(self, text):
        """A time of the door's, with or without microseconds; false if unset."""
        if not text:
            return False
        for layout in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
            try:
                return datetime.strptime(text, layout)
            except (ValueError, TypeError):
                continue
        raise UserError(_("A time is wanted, as 2026-11-21 21:14:08.783633."))
