# Part of OMC. Licence LGPL-3.
"""The door, second method: tokens are stored and VIDs removed, one outcome for each result. See docs/door.md."""

import datetime
import logging
import re

from psycopg2 import OperationalError

from odoo import _, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_ERRORS_TO_RETRY

_logger = logging.getLogger(__name__)

LONGEST_TOKEN = 100
MOST_RESULTS = 5000
LARGEST_INTEGER = 2**31
TEXTS = ("char", "text", "html")


def raise_collision(error):
    """Let through what speaks of two transactions, for which Odoo begins the call anew, or of a lost connection."""
    if isinstance(error, OperationalError) and error.pgcode in (None, *PG_CONCURRENCY_ERRORS_TO_RETRY):
        raise error


class Applied:
    """One result on its way: what is to be done, then what became of it."""

    def __init__(self, result):
        self.result = result
        self.partner_id = result["partner_id"]
        self.outcome = None
        self.code = False
        self.token_id = False
        self.vid_removed = False
        # What the token's row is to hold, where it does not stand there yet.
        self.token = None
        self.row_id = False
        self.remove = None
        self.values = None

    def end(self, outcome, code=False):
        self.outcome, self.code = outcome, code

    def answer(self):
        names = ("partner_id", "outcome", "token_id", "vid_removed", "code")
        return {name: getattr(self, name) for name in names}


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def omc_apply(self, results):
        self._enter_door()
        applied = [Applied(result) for result in self._checked_results(results)]
        ids = sorted({one.partner_id for one in applied})
        there, locked = self._lock(ids)
        locked_ids = sorted(locked)
        held = self._held(locked_ids)
        # False, in Python a whole number, is no id.
        vid_ids = [one.result.get("vid_id") for one in applied]
        vid_ids = [vid_id for vid_id in vid_ids if vid_id and isinstance(vid_id, int)]
        self.env.cr.execute("SELECT id FROM g2p_reg_id WHERE id = ANY(%s)", (vid_ids,))
        known_vids = {row[0] for row in self.env.cr.fetchall()}
        self.env.cr.execute("SELECT partner_id FROM res_users WHERE partner_id = ANY(%s)", (locked_ids,))
        users = {row[0] for row in self.env.cr.fetchall()}
        seen = set()
        for one in applied:
            if one.partner_id not in there:
                one.end("superseded")
            elif one.partner_id not in locked or one.partner_id in seen:
                # A second result of a registrant waits until it is known what became of the first.
                one.end("busy")
            else:
                seen.add(one.partner_id)
                self._plan(one, held.get(one.partner_id, []), known_vids, users)
        self._carry_out([one for one in applied if one.outcome in ("written", "already")])
        return [one.answer() for one in applied]

    def _checked_results(self, results):
        if not isinstance(results, list | tuple) or len(results) > MOST_RESULTS:
            raise UserError(_("A list of at most %s results is wanted.", MOST_RESULTS))
        if not all(isinstance(result, dict) for result in results):
            raise UserError(_("A result is no structure."))
        self._whole_numbers([result.get("partner_id") for result in results])
        return results

    def _lock(self, ids):
        """Those of the registrants who are there and of this company, and those of them that could be locked.

        In the order of their ids, so that two daemons never wait for each other. FOR UPDATE keeps out writers of the
        registrant and, through the foreign key, whoever adds an ID. Who adds one right now has us answer `busy`.
        """
        query = self._registrant_query([("id", "in", ids)], archived=True, anybody=True)
        if query.is_empty():
            return set(), set()
        there = sorted(query)
        # Not logged: where another transaction has just ended, PostgreSQL refuses, and Odoo begins the call anew.
        self.env.cr.execute(
            "SELECT id FROM res_partner WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED",
            (there,),
            log_exceptions=False,
        )
        locked = [row[0] for row in self.env.cr.fetchall()]
        # IDs of every type: one of another may just be made one of these.
        self.env.cr.execute("SELECT partner_id, id FROM g2p_reg_id WHERE partner_id = ANY(%s)", (locked,))
        rows = dict((row, partner) for partner, row in self.env.cr.fetchall())
        self.env.cr.execute(
            "SELECT id FROM g2p_reg_id WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED",
            (sorted(rows),),
            log_exceptions=False,
        )
        for row in self.env.cr.fetchall():
            rows.pop(row[0])
        return set(there), set(locked) - set(rows.values()) - self._changed_since_seen(locked)

    def _changed_since_seen(self, locked):
        """Those of the locked registrants whose IDs somebody else has changed since this transaction first looked.

        To add an ID touches nothing that is locked here, so PostgreSQL does not tell. A transaction that begins now does;
        from the lock on nothing more can come. The next call sees what this one did not.
        """
        seen = self._id_rows(self.env.cr, locked)
        with self.env.registry.cursor() as cr:
            now = self._id_rows(cr, locked)
        return {partner for partner, *_row in seen ^ now}

    def _id_rows(self, cr, partner_ids):
        cr.execute(
            "SELECT partner_id, id, write_date FROM g2p_reg_id WHERE partner_id = ANY(%s) AND id_type IN %s",
            (partner_ids, (self.vid_id_type_id.id, self.token_id_type_id.id)),
        )
        return set(cr.fetchall())

    def _plan(self, one, held, known_vids, users):
        """Decide what becomes of one result, by the IDs that its registrant holds."""
        result = one.result
        # A row without a value is no token, but in the place of one.
        rows = [row for row in held if row["kind"] == "token"]
        tokens = [row for row in rows if row["value"]]
        vid = self._vid_row(result, held)
        changed = not vid and result.get("vid_id") in known_vids
        if result.get("token") in (None, False):
            newer = vid and self.remove_vid and [row for row in tokens if row["create_date"] > vid["write_date"]]
            if not newer:
                return one.end("superseded")
            one.token_id = newer[0]["id"]
            one.remove = vid["id"]
            return one.end("already")
        code = self._unfit(result["token"])
        if code:
            return one.end("error", code)
        if any(row["value"] != result["token"] for row in tokens):
            return one.end("conflict")
        # The VID did not come from the registry, and the registry knows of none.
        without = result.get("without_vid") and not any(row["kind"] == "vid" for row in held)
        if changed or not (vid or tokens or without):
            return one.end("superseded")
        if tokens:
            one.token_id = tokens[0]["id"]
        else:
            # Who holds the address of somebody who logs in, holds their password: theirs is not for a connector to set.
            values = None if one.partner_id in users else result.get("values")
            code = self._unfit_values(values)
            if code:
                return one.end("error", code)
            one.values = values or None
            one.row_id = rows[0]["id"] if rows else False
            one.token = {"value": result["token"], "status": "valid"}
        # What the daemon read of the connector may be older than what it says now.
        if vid and self.remove_vid and result.get("remove_vid"):
            one.remove = vid["id"]
        return one.end("already" if tokens else "written")

    def _vid_row(self, result, held):
        """The VID row that the result names, if it still is this registrant's and unchanged."""
        for row in held:
            if row["kind"] == "vid" and row["id"] == result.get("vid_id"):
                seen = result.get("vid_write_date")
                return row if not seen or seen == row["write_date"] else None
        return None

    def _unfit(self, token):
        """Why a token cannot be stored as it is; Odoo cuts what is too long without a word."""
        if not isinstance(token, str):
            return "token_invalid"
        if not token.strip():
            return "token_empty"
        if len(token) > LONGEST_TOKEN:
            return "token_too_long"
        pattern = self.sudo().token_id_type_id.id_validation
        try:
            fits = not pattern or re.match(pattern, token)
        except re.error:
            fits = False
        return False if fits and token.isprintable() and not re.search(r"\s", token) else "token_invalid"

    def _unfit_values(self, values):
        if not values:
            return False
        if not isinstance(values, dict):
            return "field_invalid"
        listed = set(self._names("value_fields"))
        partners = self.env["res.partner"].sudo()
        for name, value in values.items():
            field = partners._fields.get(name)
            if name not in listed or not field or not field.store or field.relational or field.type == "binary":
                return "field_not_allowed"
            if not self._is_of(field, value):
                return "field_invalid"
        return False

    def _is_of(self, field, value):
        """Whether Odoo stores the value as it is, neither cut nor turned into something else."""
        if value is None or value is False:
            return not field.required
        kind = field.type
        if kind in TEXTS:
            return isinstance(value, str) and not (kind == "char" and field.size and len(value) > field.size)
        if kind == "selection":
            return value in field.get_values(self.env)
        if kind == "boolean":
            return isinstance(value, bool)
        if isinstance(value, bool):
            return False
        if kind == "integer":
            return isinstance(value, int) and -LARGEST_INTEGER <= value < LARGEST_INTEGER
        if kind in ("float", "monetary"):
            return isinstance(value, int | float)
        layout = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S"}.get(kind)
        try:
            return bool(layout and isinstance(value, str) and datetime.datetime.strptime(value, layout))
        except ValueError:
            return False

    def _carry_out(self, planned):
        """Do what was planned, all of it at once; where Odoo refuses, by halves until the refused one stands alone."""
        if not planned:
            return
        # A writer whose view of the database is older than this one's result is thus told so by PostgreSQL, and begins anew.
        self.env.cr.execute(
            "UPDATE res_partner SET write_date = write_date WHERE id = ANY(%s)",
            (sorted({one.partner_id for one in planned if one.token or one.remove}),),
        )
        self._carry_out_chunk(planned)

    def _carry_out_chunk(self, planned):
        if not planned:
            return
        try:
            with self.env.cr.savepoint():
                self._store(planned)
                self._remove([one for one in planned if one.remove])
        except Exception as error:
            raise_collision(error)
            # Whatever another addon raises over one of them is not to stop the others. Texts can quote the token.
            _logger.info("%s results are stored by halves: %s", len(planned), type(error).__name__)
            if len(planned) > 1:
                half = len(planned) // 2
                self._carry_out_chunk(planned[:half])
                self._carry_out_chunk(planned[half:])
            else:
                self._carry_out_one(planned[0])

    def _carry_out_one(self, one):
        """The reason is never told: Odoo's texts can quote the token."""
        one.vid_removed = False
        try:
            with self.env.cr.savepoint():
                self._store([one])
        except Exception as error:
            raise_collision(error)
            one.token_id = False
            return one.end("error", "field_invalid" if one.values and self._fails_alone(one) else "refused")
        try:
            with self.env.cr.savepoint():
                self._remove([one] if one.remove else [])
        except Exception as error:
            raise_collision(error)
            # The token is there; the clean-up comes back for the VID.
            one.vid_removed = False
        return None

    def _fails_alone(self, one):
        """Whether it is the values that Odoo refuses, and not the token."""
        values, one.values = one.values, None
        try:
            with self.env.cr.savepoint() as savepoint:
                self._store([one])
                savepoint.rollback()
            return True
        except Exception as error:
            raise_collision(error)
            return False
        finally:
            one.values, one.token_id = values, False

    def _store(self, planned):
        # The daemon has no right of its own to these tables: the checks above are what lets it in.
        partners = self.env["res.partner"].sudo().with_company(self.company_id)
        for one in planned:
            if one.values:
                partners.browse(one.partner_id).write(one.values)
        tokens = self.env["g2p.reg.id"].sudo().with_context(omc_bulk=True)
        kind = self.token_id_type_id.id
        new = [one for one in planned if one.token and not one.row_id]
        rows = tokens.create([{"partner_id": one.partner_id, "id_type": kind, **one.token} for one in new])
        for one, row in zip(new, rows, strict=True):
            one.token_id = row.id
        for one in planned:
            if one.token and one.row_id:
                tokens.browse(one.row_id).write({**one.token, "expiry_date": False})
                one.token_id = one.row_id

    def _remove(self, planned):
        self.env["g2p.reg.id"].sudo().browse([one.remove for one in planned]).unlink()
        for one in planned:
            one.vid_removed = True
