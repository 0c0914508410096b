# Part of OMC. Licence LGPL-3.
"""What a connector must be like. Every message says what to write."""

import json
from urllib.parse import urlsplit

from odoo import _, api, models
from odoo.exceptions import ValidationError

from . import definition
from .omc_connector import ACTIVE_STATES

LARGEST_BATCH = 5000
LONGEST_INTERVAL = 366 * 24 * 60
LONGEST_TIMEOUT = 600
MOST_NAMES = 200
LONGEST_LANGUAGE = 3


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.model
    def _normalised(self, vals):
        """Filters and lists are kept as JSON, however they were written. What cannot be read is left to the checks."""
        vals = dict(vals)
        for field in ("g2p_selected_fields", "value_fields", "g2p_search_domain"):
            text = vals.get(field)
            if not isinstance(text, str) or not text.strip():
                continue
            read = definition.literal if field == "g2p_search_domain" else definition.names
            try:
                vals[field] = json.dumps(read(text), ensure_ascii=False)
            except (ValueError, TypeError):
                continue
        return vals

    @api.constrains("mts_url", "callback_url", "callback_auth_url", "odk_base_url", "odk_odata_url")
    def _check_urls(self):
        for connector in self:
            for field in ("mts_url", "callback_url", "callback_auth_url", "odk_base_url", "odk_odata_url"):
                connector._check_url(field)

    def _check_url(self, field):
        text = (self[field] or "").strip()
        if not text and field != "mts_url":
            return
        example = "https://odk.example.org" if field.startswith("odk_") else "https://mts.example.org"
        try:
            parts = urlsplit(text)
            known = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            known = False
        if not known or any(letter.isspace() for letter in text):
            self._refuse(field, _("write an address that begins with http:// or https://, for example %s", example))
        if parts.username is not None or parts.password is not None:
            self._refuse(field, _("write the address without a user name or password"))
        if field == "mts_url" and (parts.query or parts.fragment or text.endswith(("?", "#"))):
            self._refuse(field, _("write the address without anything after a ? or #"))

    @api.constrains("lang_code", "phone_country_code", "batch_size", "callback_timeout")
    def _check_small_values(self):
        for connector in self:
            code = connector.lang_code.strip()
            if len(code) != LONGEST_LANGUAGE or not (code.isalpha() and code.isascii()):
                connector._refuse("lang_code", _("write MOSIP's language code of three letters, for example eng"))
            phone = (connector.phone_country_code or "").strip()
            digits = phone[1:]
            if phone and not (
                phone[0] == "+" and digits.isascii() and digits.isdigit() and len(digits) <= 4 and digits[0] != "0"
            ):
                connector._refuse("phone_country_code", _("write a plus sign and the country's digits, for example +251"))
            if not 0 <= connector.batch_size <= LARGEST_BATCH:
                connector._refuse("batch_size", _("write a number from 1 to %s, or 0 for the daemon's own", LARGEST_BATCH))
            if not 1 <= connector.callback_timeout <= LONGEST_TIMEOUT:
                connector._refuse("callback_timeout", _("write whole seconds from 1 to %s", LONGEST_TIMEOUT))

    @api.constrains("vid_id_type_id", "token_id_type_id")
    def _check_id_types(self):
        for connector in self:
            if connector.vid_id_type_id == connector.token_id_type_id:
                connector._refuse("token_id_type_id", _("choose another ID type than the one of the VIDs"))

    @api.constrains("is_recurring", "interval_minutes", "schedule_cron", "schedule_tz")
    def _check_schedule(self):
        for connector in self:
            cron = (connector.schedule_cron or "").strip()
            if cron:
                connector._check_cron(cron)
            elif connector.is_recurring == "recurring" and not 1 <= connector.interval_minutes <= LONGEST_INTERVAL:
                connector._refuse(
                    "interval_minutes",
                    _("write minutes from 1 to %s (a year), or a cron expression", LONGEST_INTERVAL),
                )

    def _check_cron(self, cron):
        example = _("write five fields, for example 30 2 * * * for 02:30 every night")
        problem = definition.cron_problem(cron)
        if problem == 0:
            self._refuse("schedule_cron", example)
        elif problem == -1:
            self._refuse("schedule_cron", _("this never comes due: none of its months has such a day"))
        elif problem:
            self._refuse("schedule_cron", _("field %(place)s cannot be read; %(example)s", place=problem, example=example))

    @api.constrains("callback_extra_headers", "callback_url", "delivery_type")
    def _check_headers(self):
        example = '{"X-Gateway-Route": "registry"}'
        for connector in self.sudo():
            text = (connector.callback_extra_headers or "").strip()
            if not text:
                continue
            try:
                headers = definition.json_value(text)
            except ValueError:
                headers = None
            if not isinstance(headers, dict) or len(headers) > definition.MOST_HEADERS:
                connector._refuse("callback_extra_headers", _("write a JSON object of texts, for example %s", example))
            lower = [name.lower() for name in headers]
            elsewhere = connector.delivery_type == "callback" and (connector.callback_url or "").strip()
            reserved = definition.NOT_ELSEWHERE if elsewhere else definition.NOT_EXTRA
            for name, value in headers.items():
                # Values are secrets, and are not shown.
                if not definition.HEADER_NAME.fullmatch(name):
                    reason = _("a name is no header's name; write letters, digits and dashes")
                elif name.lower() in reserved:
                    reason = _("%s cannot be an extra header: MTS and OMC set it themselves", name.lower())
                elif lower.count(name.lower()) > 1:
                    reason = _("%s comes twice", name.lower())
                elif not isinstance(value, str) or not (
                    len(value) <= definition.LONGEST_HEADER and definition.HEADER_VALUE.fullmatch(value)
                ):
                    reason = _("the value of %s must be a text of printable ASCII without blanks around it", name.lower())
                else:
                    continue
                connector._refuse("callback_extra_headers", reason)

    @api.constrains("input_format", "output_format")
    def _check_jq(self):
        for connector in self:
            for field in ("input_format", "output_format"):
                text = (connector[field] or "").strip()
                problem = definition.jq_problem(text) if text else None
                if not problem:
                    continue
                kind, what = problem
                connector._refuse(
                    field,
                    {
                        "long": _("write at most %s characters", what),
                        "text": _("a text in quotes has no end"),
                        "bracket": _("the bracket %s has no partner", what),
                        "end": _("write a whole jq expression, for example {name: .given_name}"),
                        "refused": _("%s is not allowed: it reaches beyond the record, or need not end", what),
                    }[kind],
                )

    def write(self, vals):
        started = self.browse()
        if vals.get("job_status") in ACTIVE_STATES:
            started = self.filtered(lambda connector: connector.job_status not in ACTIVE_STATES)
        result = super().write(vals)
        started._check_start()
        return result

    @api.model_create_multi
    def create(self, vals_list):
        connectors = super().create(vals_list)
        connectors.filtered(lambda connector: connector.job_status in ACTIVE_STATES)._check_start()
        return connectors

    def _check_start(self):
        """What may be written, but not started."""
        for connector in self:
            connector._check_login()
            connector._check_odk_login()
            connector._check_beside_upstream()

    @api.constrains("vid_id_type_id")
    def _check_beside_upstream(self):
        for connector in self.filtered(lambda connector: connector.job_status in ACTIVE_STATES):
            running = connector._upstream_at_work()
            if running:
                raise ValidationError(
                    _(
                        "Upstream's %(upstream)s works on the same VIDs as %(name)s. Switch it off first; Take Over MTS "
                        "Connectors does so.",
                        upstream=", ".join(running),
                        name=connector.name,
                    )
                )

    @api.constrains("delivery_type", "output_type")
    def _check_output_type(self):
        for connector in self:
            if connector.output_type == "csv" and connector.delivery_type != "download":
                connector._refuse("output_type", _("choose JSON, or delivery by Download: callbacks are taken as JSON only"))

    @api.constrains(
        "delivery_type",
        "callback_url",
        "callback_authtype",
        "callback_auth_url",
        "callback_auth_database",
        "callback_auth_username",
        "callback_auth_password",
    )
    def _check_login(self):
        for connector in self.sudo().filtered(lambda connector: connector.job_status in ACTIVE_STATES):
            if connector.delivery_type != "callback" or not (connector.callback_url or "").strip():
                continue
            for field in definition.LOGIN_FIELDS.get(connector.callback_authtype or "staticBearer", ()):
                if not (connector[field] or "").strip():
                    connector._refuse(field, _("write what MTS is to log in with at the callback URL"))

    def _refuse(self, field, reason, cause=None):
        label = self._fields[field]._description_string(self.env)
        raise ValidationError(_("%(field)s: %(reason)s.", field=label, reason=reason)) from cause
