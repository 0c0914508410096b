# Part of OMC. Licence LGPL-3.
"""Whether filter, field list and mapping fit the registrant, and each other."""

from odoo import _, api, models
from odoo.exceptions import AccessError, ValidationError
from odoo.osv import expression

from . import definition
from .omc_connector_check import MOST_NAMES

# Tables of the registry that a filter may look into without the writer's own right to read them: the door looks for them.
ID = "g2p.reg.id"
REGISTRY = (ID, "g2p.id.type")
# A filter that nobody matches, in place of one that cannot be taken over.
NOBODY = '[["id", "=", 0]]'
# Of an ID, for whoever may not read it: a filter on its value, and a look at who matches, would tell it digit by digit.
OF_AN_ID = ("id", "id_type", "status", "expiry_date")


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.constrains("g2p_search_domain")
    def _check_domain(self):
        example = '[["is_registrant", "=", true]]'
        for connector in self:
            try:
                if len(connector.g2p_search_domain or "") > definition.LONGEST_DOMAIN:
                    raise ValueError
                domain = definition.json_value(connector.g2p_search_domain)
                leaves = list(definition.domain_terms(domain))
            except ValueError as error:
                place = str(error)
                reason = _("write a list of conditions, for example %s", example)
                if place.isdigit() and int(place):
                    reason = _("term %(place)s cannot be read; %(reason)s", place=place, reason=reason)
                connector._refuse("g2p_search_domain", reason)
            connector._check_paths("res.partner", leaves)
            connector._try_domain(domain)

    def _check_paths(self, model, leaves, within=False):
        """Every step is a field that the writer of the filter may read: it is looked up with more rights than theirs."""
        for path, operator, value in leaves:
            if not isinstance(path, str):
                continue
            reached = self._walk(model, path, path.split("."), within)
            if operator.lower() in ("any", "not any"):
                try:
                    inner = list(definition.domain_terms(value))
                except ValueError:
                    self._refuse("g2p_search_domain", _("the conditions within any cannot be read"))
                self._check_paths(reached, inner, within=True)
            elif reached and (definition.has_text(value) or operator.lower() in ("child_of", "parent_of")):
                # A text in place of a record is looked for in what the record is called, and in whatever else it has.
                if reached == ID and not self._may(ID, "read"):
                    self._refuse("g2p_search_domain", _("%s is no field of the registrant that you may read", path))
                self._check_look_into(reached, path)

    def _walk(self, model, path, names, within):
        """Check each step of a path; the model that it ends at, if it ends at one."""
        reached = model
        for depth, name in enumerate(names):
            if reached and (depth or within):
                self._check_look_into(reached, path)
            known = self.env[reached]._fields.get(name) if reached else None
            hidden = reached == ID and name not in OF_AN_ID and not self._may(ID, "read")
            if not known or hidden or not self._may_read(known):
                self._refuse("g2p_search_domain", _("%s is no field of the registrant that you may read", path))
            if not known.store and known.related and not self.env.su:
                self._walk(reached, path, known.related.split("."), within or depth)
            elif not known.store and (not known.search or not self.env.su) and not known.inherited:
                # Odoo takes a condition on such a field as always true, or has it looked up in ways that no rule bounds.
                self._refuse(
                    "g2p_search_domain", _("%s is worked out, not stored; take a stored field, as birthdate for age", path)
                )
            reached = known.comodel_name
            if reached and reached not in REGISTRY:
                self.env[reached].check_access_rights("read")
        return reached

    def _check_look_into(self, model, path):
        if not self._may_look_into(model):
            self._refuse("g2p_search_domain", _("%s leads to records of which you may see a part only; leave it out", path))

    def _may_look_into(self, model):
        """Whether nothing of a model is hidden from the writer record by record: filters run without such rules.

        The registry's own tables have none, and are judged field by field.
        """
        if self.env.su or model in REGISTRY:
            return True
        if type(self.env[model])._search is not models.BaseModel._search:
            return False
        rule = self.env["ir.rule"]._compute_domain(model, "read")
        if not rule:
            return True
        everything = self.env[model].sudo().with_context(active_test=False)
        return not everything.search_count(["!", *expression.normalize_domain(rule)], limit=1)

    def _may(self, model, operation):
        return self.env[model].check_access_rights(operation, raise_exception=False)

    def _may_read(self, field):
        return self.env.su or not field.groups or self.user_has_groups(field.groups)

    def _try_domain(self, domain):
        try:
            with self.env.cr.savepoint():
                self.env["res.partner"].sudo().search(domain, limit=1)
        except Exception as error:  # pylint: disable=broad-except
            # Whatever Odoo or PostgreSQL has against it: the door would meet it at every page.
            message = _("Odoo cannot search by this filter; compare the values with the kinds of their fields")
            self._refuse("g2p_search_domain", message, error)

    @api.constrains("value_fields", "output_format", "mts_url")
    def _check_values(self):
        for connector in self:
            names = connector._names("value_fields")
            if names and not connector._may("res.partner", "write"):
                connector._refuse(
                    "value_fields",
                    _(
                        "have it set by somebody who may write registrants, and with it the output format and the address "
                        "of MTS: the connector writes in their name"
                    ),
                )
            for name in names:
                connector._check_writable(name)

    def _not_to_be_copied(self):
        """What somebody with more rights wrote into this connector: the draft that is made of it goes without."""
        values = {}
        for check, without in (
            (self._check_values, {"value_fields": False, "output_format": False}),
            (self._check_domain, {"g2p_search_domain": NOBODY}),
        ):
            try:
                check()
            except (AccessError, ValidationError):
                values.update(without)
        return values

    @api.constrains("g2p_selected_fields", "mandatory_fields")
    def _check_names(self):
        for connector in self:
            selected = connector._names("g2p_selected_fields")
            if not selected:
                connector._refuse("g2p_selected_fields", connector._list_example())
            for name in selected:
                connector._check_readable("g2p_selected_fields", name)
            unknown = [name for name in connector._names("mandatory_fields") if name not in definition.TARGETS]
            if unknown:
                connector._refuse("mandatory_fields", _("write any of name, gender, dob, phoneNumber, emailId, fullAddress"))

    @api.model
    def _list_example(self):
        return _("write a JSON list of fields, for example %s", '["given_name", "gender", "birthdate"]')

    def _names(self, field):
        """A list of names as it was written; empty if unset."""
        text = (self[field] or "").strip()
        if not text:
            return []
        try:
            names = definition.names(text)
        except ValueError:
            self._refuse(field, self._list_example())
        if len(names) > MOST_NAMES:
            self._refuse(field, _("write at most %s names", MOST_NAMES))
        return names

    def _check_readable(self, where, name):
        if name == definition.REFERENCE:
            self._refuse(where, _("%s is a name that OMC uses itself", name))
        field = self.env["res.partner"]._fields.get(name) if definition.is_name(name) else None
        if not field or not self._may_read(field):
            self._refuse(where, _("%s is no field of the registrant that you may read", str(name)[:60]))
        if field.type not in definition.READABLE:
            self._refuse(where, _("%s has not one plain value; take a text, number, date or choice", name))
        return field

    def _check_writable(self, name):
        field = self._check_readable("value_fields", name)
        if name in definition.NOT_WRITABLE:
            self._refuse("value_fields", _("%s is Odoo's own, and cannot be set by a connector", name))
        if field.type == "many2one" or not field.store or field.related or (field.compute and field.readonly):
            self._refuse("value_fields", _("%s is no stored field of one plain value", name))

    @api.constrains("mapping", "g2p_selected_fields", "input_format", "mandatory_fields", "input_type")
    def _check_mapping(self):
        for connector in self:
            mapping = connector._mapping()
            # Of a submission nobody here knows what it has.
            if connector.input_type == "odk":
                continue
            paths = {key: value if isinstance(value, list) else [value] for key, value in mapping.items()}
            vid = paths.setdefault("vid", ["vid"])[0]
            selected = connector._names("g2p_selected_fields")
            for key, found in paths.items():
                for path in found:
                    reason = connector._path_problem(key, path, vid, selected)
                    if reason:
                        connector._refuse("mapping", f"{key}: {reason}")
            # Without a list of its own the daemon goes by its configuration, which is not known here.
            for key in connector._names("mandatory_fields"):
                own_name = key in selected and key not in definition.LIST_TARGETS
                if key not in paths and not connector.input_format and not own_name:
                    connector._refuse("mapping", _("%s: MTS demands it; map it to one of the fields to read", key))

    def _mapping(self):
        """The mapping, each entry of it a plain path or a list of them."""
        example = '{"name": ["given_name", "family_name"], "gender": "gender"}'
        try:
            mapping = definition.json_value(self.mapping)
        except ValueError:
            mapping = None
        if not isinstance(mapping, dict):
            self._refuse("mapping", _("write a JSON object, for example %s", example))
        for key, value in mapping.items():
            if key not in definition.TARGETS:
                self._refuse(
                    "mapping",
                    _(
                        "%(key)s is not a field of MTS; write one of %(known)s",
                        key=key[:40],
                        known=", ".join(definition.TARGETS),
                    ),
                )
            if key in definition.LIST_TARGETS:
                if not isinstance(value, list) or not 0 < len(value) <= definition.MOST_PATHS:
                    self._refuse("mapping", _('%s: write a list of fields, for example ["given_name", "family_name"]', key))
            elif not isinstance(value, str):
                self._refuse("mapping", _('%s: write one field as text, for example "gender"', key))
            for path in value if isinstance(value, list) else [value]:
                if not definition.is_path(path):
                    self._refuse(
                        "mapping", _("%s: write plain names of fields, joined with dots at most; MTS runs them as code", key)
                    )
        return mapping

    def _path_problem(self, key, path, vid, selected):
        """What keeps the mapping from finding something at a path; nothing if it is found."""
        first = path.split(".")[0]
        shorter, longer = sorted((path.split("."), vid.split(".")), key=len)
        if first == definition.REFERENCE:
            return _("%s is a name that OMC uses itself", first)
        if key == "vid":
            taken = first in selected and not self.input_format
            return taken and _("OMC puts the VID under %s, which is also a field to read; write another name", path)
        if longer[: len(shorter)] == shorter:
            return _("%s is where OMC puts the VID", path)
        if self.input_format:
            return None
        if first not in selected:
            return _("%s is not in the list of fields to read", path)
        if first != path:
            return _("%(path)s reaches into %(field)s, which has one plain value", path=path, field=first)
        kind = self.env["res.partner"]._fields[first].type
        if kind == "boolean":
            return _("%s is a yes/no field", path)
        if key == "dob" and kind not in ("date", "char", "text", "html"):
            return _("%s is no date; map a date field", path)
        return None
