# Part of OMC. Licence LGPL-3.
"""The door, third method: what the daemon tells the administrator. See docs/door.md."""

import json

from odoo import _, fields, models
from odoo.exceptions import UserError

from .omc_connector import ACTIVE_STATES, STATES
from .omc_run import ENDED
from .words import LOST

COUNTERS = ("found", "submitted", "tokens", "rejected", "abandoned")
LARGEST_COUNTER = 2**31 - 1
LONGEST_TEXT = 10_000
MOST_LINES = 50
MOST_ROWS = 5000


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    def omc_report(self, payload):
        self._enter_door()
        if not isinstance(payload, dict):
            raise UserError(_("The report is no structure."))
        # Log rows are nobody's to write but the door's, which has let in the daemon, to this connector.
        connector = self.sudo().with_company(self.company_id)
        run = connector._report_run(payload["run"]) if payload.get("run") else None
        lost = None
        if payload.get("connector"):
            connector._report_state(payload["connector"])
            lost = connector._end_lost_runs(payload["connector"].get("running"))
        if run or lost:
            connector._report_running()
        self._report_rejections(payload.get("rejections") or [])
        resolved = self._whole_numbers(payload.get("resolved") or [])
        connector._unresolved(resolved).write({"state": "resolved"})
        if payload.get("preview"):
            self._report_preview(payload["preview"])
        if payload.get("release"):
            self.env["omc.lease"]._release(self, self.env.context.get("omc_daemon"))
        return {"run_id": run.id if run else False}

    def _report_run(self, told):
        """The run's row, written; a new one if the report names none; nothing if it is gone or another connector's."""
        values = {name: told[name] for name in ("trigger", "state") if name in told}
        for name in COUNTERS:
            if name in told:
                values[name] = min(max(int(told[name] or 0), 0), LARGEST_COUNTER)
        for name in ("started_at", "ended_at"):
            if name in told:
                values[name] = self._whole_seconds(told[name])
        if "message" in told:
            values["message"] = self._text(told["message"])
        runs = self.env["omc.run"]
        for name in ("trigger", "state"):
            if name in values and values[name] not in runs._fields[name].get_values(self.env):
                raise UserError(_("%(value)s is no %(field)s of a run.", value=str(values[name])[:40], field=name))
        if not told.get("id"):
            return runs.create({**values, "connector_id": self.id})
        run = runs.search([("id", "in", self._whole_numbers([told["id"]])), ("connector_id", "=", self.id)])
        if run.state in ENDED and values.get("state") == "running":
            # Its connector was stopped before the run began, and the daemon has not seen that yet.
            values = {name: values[name] for name in COUNTERS if name in values}
        if run:
            run.write(values)
        return run

    def _end_lost_runs(self, under_way):
        """End what says running and is not under way in the daemon: its store was lost."""
        if under_way is None:
            return None
        if not isinstance(under_way, list | tuple):
            raise UserError(_("The runs under way are no list."))
        known = self._whole_numbers(under_way)
        lost = self.env["omc.run"].search(
            [("connector_id", "=", self.id), ("state", "=", "running"), ("id", "not in", known)]
        )
        lost.write(
            {
                "state": "failed",
                "ended_at": fields.Datetime.now(),
                # Shown in the reader's language, not in the daemon's.
                "message": LOST,
            }
        )
        return lost

    def _report_state(self, told):
        values = {}
        if "last_error" in told:
            values["last_error"] = self._text(told["last_error"])
        if "next_run" in told:
            values["next_run"] = self._whole_seconds(told["next_run"])
        if told.get("last_run_id"):
            ids = self._whole_numbers([told["last_run_id"]])
            run = self.env["omc.run"].search([("id", "in", ids), ("connector_id", "=", self.id)])
            values.update({"last_run_id": run.id} if run else {})
        status = told.get("job_status")
        if status:
            if status not in dict(STATES):
                raise UserError(_("%s is no status of a connector.", str(status)[:40]))
            # Only administrators start and stop: what was stopped in the meantime stays so.
            if self.job_status in ACTIVE_STATES:
                values["job_status"] = status
        # Written only where it differs, so that an unchanged report moves no write_date.
        values = {name: value for name, value in values.items() if self._differs(name, value)}
        if values:
            quiet = values.get("job_status") in (None, *ACTIVE_STATES)
            self.with_context(tracking_disable=quiet).write(values)

    def _differs(self, name, value):
        known = self[name].id if name == "last_run_id" else self[name]
        return (known or False) != (value or False)

    def _report_running(self):
        """Running while a run is; started between runs."""
        if self.job_status not in ACTIVE_STATES:
            return
        runs = self.env["omc.run"].search_count([("connector_id", "=", self.id), ("state", "=", "running")], limit=1)
        status = "running" if runs else "started"
        if self.job_status != status:
            self.with_context(tracking_disable=True).write({"job_status": status})

    def _unresolved(self, partner_ids):
        return self.env["omc.rejection"].search(
            [("connector_id", "=", self.id), ("partner_id", "in", partner_ids), ("state", "!=", "resolved")]
        )

    def _report_rejections(self, told):
        if len(told) > MOST_ROWS:
            raise UserError(_("At most %s rejections at once.", MOST_ROWS))
        by_partner = dict(zip(self._whole_numbers([one.get("partner_id") for one in told]), told, strict=True))
        if not by_partner:
            return
        there = set(self._registrant_query([("id", "in", list(by_partner))], archived=True, anybody=True))
        connector = self.sudo()
        known = {rejection.partner_id.id: rejection for rejection in connector._unresolved(list(there))}
        new = []
        for partner, one in by_partner.items():
            # Who was deleted in the meantime has nothing to be mended.
            if partner not in there:
                continue
            seen = self._whole_seconds(one.get("seen_at")) or fields.Datetime.now()
            values = {
                "code": self._text(one.get("code")) or "unknown",
                "reason": self._text(one.get("reason")),
                "remedy": self._text(one.get("remedy")),
                "attempts": min(max(int(one.get("attempts") or 0), 0), LARGEST_COUNTER),
                "last_seen": seen,
                "state": "open",
                "requeued_by_id": False,
            }
            if partner in known:
                known[partner].write(values)
            else:
                new.append({**values, "connector_id": self.id, "partner_id": partner, "first_seen": seen})
        connector.env["omc.rejection"].create(new)

    def _report_preview(self, told):
        preview = (
            self.env["omc.preview"]
            .sudo()
            .search(
                [
                    ("id", "in", self._whole_numbers([told.get("id")])),
                    ("connector_id", "=", self.id),
                    ("state", "=", "requested"),
                ]
            )
        )
        if not preview:
            return
        if told.get("state") not in ("done", "failed"):
            raise UserError(_("A preview is answered with done or failed."))
        lines = list(told.get("lines") or [])[: min(preview.limit, MOST_LINES)]
        ids = self._whole_numbers([line.get("partner_id") for line in lines])
        there = set(self._registrant_query([("id", "in", ids)], archived=True, anybody=True))
        preview.write(
            {
                "state": told["state"],
                "message": self._text(told.get("message")),
                "line_ids": [
                    fields.Command.create(
                        {
                            "partner_id": line["partner_id"],
                            "verdict": self._text(line.get("verdict")) or "leave",
                            "reason": self._text(line.get("reason")),
                            "auth_data": json.dumps(line.get("auth_data") or {}, ensure_ascii=False, indent=2),
                        }
                    )
                    for line in lines
                    if line["partner_id"] in there
                ],
            }
        )

    def _text(self, value):
        return str(value)[:LONGEST_TEXT] if value else False

    def _whole_seconds(self, text):
        """The door's times carry microseconds; Odoo's fields take none."""
        time = self._time(text)
        return time.replace(microsecond=0) if time else False
