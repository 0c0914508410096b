# Part of OMC. Licence LGPL-3.
"""Moving over from upstream's `mts.connector`, which this addon knows of but does not need."""

import json
from itertools import combinations

from odoo import _, api, models
from odoo.exceptions import AccessError, UserError, ValidationError

from . import definition
from .omc_connector import ACTIVE_STATES, DEFAULT_DOMAIN, DEFAULT_FIELDS, DEFAULT_MAPPING, TOKEN_TYPE, VID_TYPE
from .omc_connector_check_fields import NOBODY

MODEL = "mts.connector"
VID_PARAMETER, TOKEN_PARAMETER = "g2p_mts.vid_id_type", "g2p_mts.uin_token_id_type"
DELETION_CRON = "g2p_mts.to_delete_g2p_reg_id_vid"
# Callback fields stay behind: OMC's own receiver takes the results, and no password is passed on.
TAKEN = (
    "name",
    "mts_url",
    "lang_code",
    "is_recurring",
    "interval_minutes",
    "output_format",
    "mapping",
    "g2p_search_domain",
    "g2p_selected_fields",
)


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.model
    def _upstream(self):
        """Upstream's connectors of registrants; nothing where its addons are not installed."""
        if MODEL not in self.env or "g2p_search_domain" not in self.env[MODEL]._fields:
            return None
        return self.env[MODEL].sudo().search([("input_type", "=", "custom")])

    @api.model
    def _upstream_type(self, parameter):
        text = self.env["ir.config_parameter"].sudo().get_param(parameter, "") or ""
        return self.env["g2p.id.type"].sudo().browse(int(text) if definition.is_number(text) else 0).exists()

    def _upstream_at_work(self):
        """The names of what of upstream's works on this connector's VIDs: started connectors, and the job that deletes."""
        self.ensure_one()
        # Submissions of ODK are nobody's VIDs in the registry.
        found = self._upstream() if self.input_type == "custom" else None
        if found is None:
            return []
        vid_type = self._upstream_type(VID_PARAMETER)
        names = []
        if not vid_type or vid_type == self.vid_id_type_id:
            names = found.filtered(lambda other: other.job_status in ACTIVE_STATES).mapped("name")
        # Active from upstream's installation on. Without a type it deletes nothing.
        deletion = self.env.ref(DELETION_CRON, raise_if_not_found=False)
        if deletion and vid_type == self.vid_id_type_id and deletion.sudo().active:
            names.append(deletion.sudo().name)
        return names

    def _refuse_beside_upstream(self):
        """For the daemon: whoever was started after this connector holds it up until they are switched off."""
        names = self._upstream_at_work()
        if names:
            # Never translated: the daemon knows this fault by its first word.
            text = f"omc_upstream: connector {self.id} waits for upstream's {', '.join(names)}"
            raise UserError(text)

    def action_take_over_upstream(self):
        """Make a draft of each of upstream's connectors, and switch upstream's own jobs off."""
        if not self.env.user.has_group("g2p_omc.group_omc_manager"):
            raise AccessError(_("Only a manager of OMC may take over upstream's connectors."))
        upstream = self._upstream()
        if upstream is None:
            raise UserError(_("Upstream's addons mts_connector and g2p_mts are not installed: nothing to take over."))
        known = set(self.sudo().with_context(active_test=False).search([("upstream_id", "!=", 0)]).mapped("upstream_id"))
        made = self.browse()
        for other in upstream:
            if other.id not in known:
                made |= self._take_over(other)
        self._switch_upstream_off(upstream)
        if not made:
            return self._notify(_("Upstream's jobs are off. There was no connector left to take over."))
        return {**self._window(_("Connectors"), self._name, "tree,form", [("id", "in", made.ids)]), "name": _("Taken Over")}

    @api.model
    def _take_over(self, other):
        values = {field: other[field] for field in TAKEN}
        values.update({"upstream_id": other.id, "interval_minutes": max(other.interval_minutes, 1)})
        for field, parameter in (("vid_id_type_id", VID_PARAMETER), ("token_id_type_id", TOKEN_PARAMETER)):
            chosen = self._upstream_type(parameter)
            if chosen:
                values[field] = chosen.id
        asked = values["g2p_search_domain"]
        values["g2p_search_domain"] = self._without_own_conditions(asked, values)
        made, replaced = self._create_mended(values)
        if not made:
            raise UserError(_("Upstream's connector %s cannot be taken over; make a new one by hand.", other.name))
        if replaced:
            labels = ", ".join(self._fields[field]._description_string(self.env) for field in replaced)
            made._message_log(body=_("Upstream's values could not work and were replaced: %s", labels))
        if made.g2p_search_domain == NOBODY:
            made._message_log(
                body=_(
                    "Upstream's filter cannot be taken over, or you may not write it: until you write one, nobody is taken."
                )
            )
        elif values["g2p_search_domain"] != asked:
            made._message_log(body=_("OMC itself looks who holds a VID and no token: the filter goes without saying so."))
        return made

    @api.model
    def _create_mended(self, values):
        """The connector with as few values replaced as can be, and their names: upstream's defaults do not fit."""
        mends = (
            {"g2p_selected_fields": DEFAULT_FIELDS, "mapping": DEFAULT_MAPPING},
            {"output_format": False},
            {"mts_url": self._fields["mts_url"].default(self)},
            # Last, and never by one that takes more people.
            {"g2p_search_domain": NOBODY},
        )
        for count in range(len(mends) + 1):
            for chosen in combinations(mends, count):
                replaced = {field: value for mend in chosen for field, value in mend.items()}
                try:
                    with self.env.cr.savepoint():
                        return self.create({**values, **replaced}), list(replaced)
                except (ValidationError, UserError):
                    continue
        return self.browse(), []

    @api.model
    def _without_own_conditions(self, text, values):
        """The filter without what OMC asks itself: that somebody holds a VID, and no token.

        Upstream's own filter says so by the names of the ID types, in a way that does not work. Every other condition stays.
        """
        try:
            domain = json.loads(text or "[]")
        except ValueError:
            return text
        # Taking a term out of an expression would change what the others mean.
        if not isinstance(domain, list) or any(term in ("|", "&") for term in domain if isinstance(term, str)):
            return text
        kept, negated = [], False
        for term in domain:
            if term == "!":
                negated = not negated
                continue
            if not self._is_own_condition(term, negated, values):
                kept += (["!"] if negated else []) + [term]
            negated = False
        if negated:
            return text
        return json.dumps(kept, ensure_ascii=False) if kept else DEFAULT_DOMAIN

    @api.model
    def _is_own_condition(self, term, negated, values):
        if not isinstance(term, list) or len(term) != 3 or term[0] not in ("reg_ids.id_type", "reg_ids.id_type.name"):
            return False
        field, name = ("token_id_type_id", TOKEN_TYPE) if negated else ("vid_id_type_id", VID_TYPE)
        kind = self.env["g2p.id.type"].sudo().browse(values.get(field) or 0)
        return term[1] in ("=", "=like", "=ilike") and term[2] in ((kind.name, kind.id) if kind else (name,))

    @api.model
    def _switch_upstream_off(self, upstream):
        for other in upstream.filtered(lambda other: other.job_status in ACTIVE_STATES):
            other.cron_id.active = False
            other.job_status = "completed"
        deletion = self.env.ref(DELETION_CRON, raise_if_not_found=False)
        if deletion:
            deletion.sudo().active = False
