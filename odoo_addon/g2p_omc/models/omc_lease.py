# Part of OMC. Licence LGPL-3.
from psycopg2 import errors

from odoo import _, api, fields, models
from odoo.exceptions import UserError

SECONDS = 90
# Renewed when a third of it is gone, so that a call seldom writes.
RENEWED_AFTER = 30
LONGEST_NAME = 64
TRIES = 3


class OmcLease(models.Model):
    """Which daemon works on a connector.

    Apart from the connector and written in transactions of its own: the calls of one daemon overlap, and each would
    otherwise fail on what the other wrote.
    """

    _name = "omc.lease"
    _description = "OMC Lease"
    _rec_name = "holder"

    connector_id = fields.Many2one("omc.connector", required=True, ondelete="cascade", readonly=True)
    holder = fields.Char(required=True, readonly=True)
    renewed_at = fields.Datetime(readonly=True)
    until = fields.Datetime(required=True, readonly=True)

    _sql_constraints = [("connector_unique", "unique (connector_id)", "A connector has one lease.")]

    @api.model
    def _take(self, connector, holder):
        """Take the lease of a connector for a daemon, or renew it; refuse it while it is another's."""
        known = isinstance(holder, str) and holder.isascii() and holder.isprintable()
        if not known or not 0 < len(holder) <= LONGEST_NAME:
            raise UserError(_("omc_daemon must be a text of 1 to %s printable ASCII characters.", LONGEST_NAME))
        for _try in range(TRIES):
            held = self._write_lease(connector, holder)
            if held == holder:
                return
            if held:
                self._refuse_lease(connector, held)
        self._refuse_lease(connector, "another, just now")

    @api.model
    def _refuse_lease(self, connector, held):
        # Never translated: the daemon knows this fault by its first word.
        text = f"omc_lease: connector {connector.id} is held by the daemon {held}"
        raise UserError(text)

    @api.model
    def _write_lease(self, connector, holder):
        """Who holds the lease now; nobody if another transaction was writing it at the same moment."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT holder FROM omc_lease WHERE connector_id = %s"
                " AND ((holder = %s AND renewed_at > now() AT TIME ZONE 'UTC' - %s * interval '1 second')"
                " OR (holder <> %s AND until > now() AT TIME ZONE 'UTC'))",
                (connector.id, holder, RENEWED_AFTER, holder),
            )
            found = cr.fetchone()
            if found:
                return found[0]
            try:
                cr.execute(
                    """
                    INSERT INTO omc_lease (connector_id, holder, renewed_at, until)
                    VALUES (%(connector)s, %(holder)s, now() AT TIME ZONE 'UTC',
                            now() AT TIME ZONE 'UTC' + %(seconds)s * interval '1 second')
                    ON CONFLICT (connector_id) DO UPDATE
                       SET holder = excluded.holder, renewed_at = excluded.renewed_at, until = excluded.until
                     WHERE omc_lease.holder = excluded.holder OR omc_lease.until <= excluded.renewed_at
                    RETURNING holder
                    """,
                    {"connector": connector.id, "holder": holder, "seconds": SECONDS},
                    log_exceptions=False,
                )
                found = cr.fetchone()
            except errors.SerializationFailure:
                cr.rollback()
                return None
        return found and found[0]

    @api.model
    def _release(self, connector, holder):
        with self.env.registry.cursor() as cr:
            cr.execute("DELETE FROM omc_lease WHERE connector_id = %s AND holder = %s", (connector.id, holder))
