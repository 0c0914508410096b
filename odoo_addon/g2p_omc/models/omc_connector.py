# Part of OMC. Licence LGPL-3.
"""The connector: where MTS is, whom to take, what to send, when, and how results come back."""

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from odoo.addons.base.models.res_partner import _tz_get

SECRET = "g2p_omc.group_omc_manager,g2p_omc.group_omc_daemon"

# These four fit each other: every key of the mapping is among the fields that are read.
DEFAULT_DOMAIN = '[["is_registrant", "=", true], ["is_group", "=", false]]'
DEFAULT_FIELDS = '["given_name", "family_name", "gender", "birthdate", "phone", "email", "address"]'
DEFAULT_MAPPING = """{
  "vid": "vid",
  "name": ["given_name", "family_name"],
  "gender": "gender",
  "dob": "birthdate",
  "phoneNumber": "phone",
  "emailId": "email",
  "fullAddress": ["address"]
}"""
VID_TYPE = "MOSIP VID"
TOKEN_TYPE = "MOSIP UIN TOKEN"

STATES = [
    ("draft", "Draft"),
    ("started", "Started"),
    ("running", "Running"),
    ("completed", "Completed"),
    ("failed", "Failed"),
]
ACTIVE_STATES = ("started", "running")


class OmcConnector(models.Model):
    _name = "omc.connector"
    _description = "OMC Connector"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "name, id"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True, help="Unique names are best: the daemon's commands go by them.")
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        tracking=True,
        help="Only registrants of this company are taken.",
    )
    job_status = fields.Selection(
        STATES, string="Status", required=True, default="draft", copy=False, readonly=True, tracking=True
    )

    # MTS
    mts_url = fields.Char(
        string="URL of MTS",
        required=True,
        default="http://mosip-token-seeder.mosip-token-seeder",
        tracking=True,
        help="The MOSIP Token Seeder as the daemon reaches it. Whoever answers there is given the VIDs.",
    )
    input_type = fields.Selection(
        [("custom", "OpenG2P Registry"), ("odk", "ODK")],
        string="Input",
        required=True,
        default="custom",
        tracking=True,
        help="Where VIDs and data come from. ODK: MTS pulls the submissions of a form of ODK Central; nothing is read from "
        "the registry, or written into it.",
    )
    output_type = fields.Selection(
        [("json", "JSON"), ("csv", "CSV")],
        string="File Format",
        required=True,
        default="json",
        tracking=True,
        help="What MTS writes its file in. Either will do.",
    )
    delivery_type = fields.Selection(
        [("callback", "Callback"), ("download", "Download")],
        required=True,
        default="callback",
        tracking=True,
        help="Callback: MTS calls OMC. Download: OMC asks MTS and fetches a file; for an MTS of release 1.0.1, and for "
        "one that cannot reach OMC. The daemon's command omc check tells what an MTS can do.",
    )
    lang_code = fields.Char(
        string="MOSIP Language",
        required=True,
        default="eng",
        tracking=True,
        help="The language that names and addresses are written in: MOSIP's code of three letters.",
    )
    batch_size = fields.Integer(
        tracking=True, help="Registrants in one request to MTS, at most 5000. 0 leaves it to the daemon."
    )

    # Whom, and what of them
    vid_id_type_id = fields.Many2one(
        "g2p.id.type",
        string="VID Type",
        required=True,
        ondelete="restrict",
        tracking=True,
        default=lambda self: self._default_id_type(VID_TYPE),
        help="One that is called MOSIP VID is found by itself. An administrator of the registry makes ID types, under "
        "Registry, Configuration.",
    )
    token_id_type_id = fields.Many2one(
        "g2p.id.type",
        string="Token Type",
        required=True,
        ondelete="restrict",
        tracking=True,
        default=lambda self: self._default_id_type(TOKEN_TYPE),
        help="One that is called MOSIP UIN TOKEN is found by itself. An administrator of the registry makes ID types, under "
        "Registry, Configuration.",
    )
    g2p_search_domain = fields.Text(
        string="Filter",
        required=True,
        default=DEFAULT_DOMAIN,
        tracking=True,
        help="Who may be taken. Of these, OMC takes those who hold a VID and no token. Conditions on the values of IDs need "
        "the right to read IDs.",
    )
    g2p_selected_fields = fields.Text(
        string="Fields to Read",
        required=True,
        default=DEFAULT_FIELDS,
        tracking=True,
        help="A JSON list of the registrant's fields that the mapping or the input format needs.",
    )
    input_format = fields.Text(
        tracking=True, help="A jq expression that reshapes the fields before the mapping. Most registries need none."
    )
    mapping = fields.Text(
        required=True,
        default=DEFAULT_MAPPING,
        tracking=True,
        help="Which field fills which of MTS's: a JSON object of plain field names.",
    )
    mandatory_fields = fields.Char(
        tracking=True,
        help="What MTS refuses a record without, with commas between; empty for the daemon's own list. "
        "It must say what MTS's configuration says.",
    )
    phone_country_code = fields.Char(
        tracking=True, help="Cut off the front of phone numbers, for example +251. Empty leaves them as they are."
    )

    # What comes back
    output_format = fields.Text(
        tracking=True, help="A jq expression that MTS runs over each result. Needed only to write values with tokens."
    )
    value_fields = fields.Text(
        string="Fields to Write",
        tracking=True,
        help="A JSON list of the registrant's fields that the output format may set. Needs the right to write registrants.",
    )
    remove_vid = fields.Boolean(
        string="Remove VID", default=True, tracking=True, help="Remove a VID once its registrant holds the token."
    )

    # When
    is_recurring = fields.Selection(
        [("recurring", "Recurring"), ("onetime", "One time")],
        string="Job Type",
        required=True,
        default="recurring",
        tracking=True,
        help="One time: a single run over everybody after Start.",
    )
    interval_minutes = fields.Integer(
        string="Interval in Minutes", default=60, tracking=True, help="From one run's start to the next one's."
    )
    schedule_cron = fields.Char(
        string="Cron Expression",
        tracking=True,
        help="Five fields, for example 30 2 * * * for 02:30 every night. Counts before the interval.",
    )
    schedule_tz = fields.Selection(
        _tz_get, string="Time Zone", default="UTC", tracking=True, help="Of the cron expression, summer time included."
    )

    # Callback
    callback_url = fields.Char(
        string="Callback URL", tracking=True, help="Empty means OMC's own receiver, which is what you want."
    )
    callback_httpmethod = fields.Selection(
        [("POST", "POST"), ("PUT", "PUT"), ("GET", "GET"), ("PATCH", "PATCH")],
        string="Callback HTTP Method",
        default="POST",
        tracking=True,
        help="How MTS calls OMC back. POST, unless a gateway between the two wants another.",
    )
    callback_timeout = fields.Integer(default=10, tracking=True, help="Seconds that MTS waits for one delivery.")
    callback_authtype = fields.Selection(
        [("staticBearer", "Static bearer"), ("odoo", "Odoo"), ("oauth", "OAuth"), ("none", "None")],
        string="Callback Auth Type",
        default="staticBearer",
        tracking=True,
        help="How MTS logs in at OMC's receiver. OMC makes the login itself. None has MTS call without any "
        "login, which the daemon takes only where its configuration says callback.allow_unauthenticated = true.",
    )
    callback_auth_url = fields.Char(string="Callback Auth URL")
    callback_auth_database = fields.Char()
    callback_auth_username = fields.Char(groups=SECRET, copy=False)
    callback_auth_password = fields.Char(groups=SECRET, copy=False)
    callback_extra_headers = fields.Text(groups=SECRET, copy=False)

    # ODK
    odk_base_url = fields.Char(string="ODK Base URL", tracking=True, help="ODK Central, as MTS reaches it.")
    odk_odata_url = fields.Char(
        string="ODK OData URL",
        tracking=True,
        help="The form's OData address, as ODK Central shows it: project and form are taken from it.",
    )
    odk_email = fields.Char(
        string="ODK E-mail", tracking=True, help="Of a web user who may read this form's submissions, and nothing else."
    )
    odk_password = fields.Char(string="ODK Password", groups=SECRET, copy=False, help="MTS is told it, and logs in by it.")
    start_datetime = fields.Datetime(
        string="Start Time", copy=False, help="Submissions of before are not wanted. Empty: from the first one on."
    )
    # Upstream's, which OMC does not read; kept so that both models can be read alike.
    end_datetime = fields.Datetime(string="End Time", copy=False)

    # What the daemon tells
    last_run_id = fields.Many2one("omc.run", copy=False, readonly=True, ondelete="set null")
    next_run = fields.Datetime(copy=False, readonly=True)
    last_error = fields.Text(copy=False, readonly=True)
    daemon_name = fields.Char(compute="_compute_daemon")
    daemon_seen = fields.Datetime(compute="_compute_daemon", help="When the daemon last renewed its hold.")
    upstream_id = fields.Integer(
        string="Taken Over From", copy=False, readonly=True, help="The id of the mts.connector this one replaces."
    )

    run_ids = fields.One2many("omc.run", "connector_id")
    run_count = fields.Integer(compute="_compute_log_counts")
    rejection_count = fields.Integer(compute="_compute_log_counts", help="Open rejections.")
    waiting_count = fields.Integer(compute="_compute_registrant_counts")
    tokenised_count = fields.Integer(compute="_compute_registrant_counts")
    # A count that takes too long, or a filter that the registry has overtaken, has no number.
    is_waiting_counted = fields.Boolean(compute="_compute_registrant_counts")
    is_tokenised_counted = fields.Boolean(compute="_compute_registrant_counts")
    upstream_at_work = fields.Char(compute="_compute_upstream_at_work")

    @api.model
    def _default_id_type(self, name):
        """The one ID type of this name; none if there are several, so that somebody chooses."""
        found = self.env["g2p.id.type"].sudo().search([("name", "=", name)], limit=2)
        return found if len(found) == 1 else found.browse()

    def _compute_daemon(self):
        leases = self.env["omc.lease"].sudo().search([("connector_id", "in", self.ids)])
        by_connector = {lease.connector_id.id: lease for lease in leases}
        for connector in self:
            lease = by_connector.get(connector.id)
            connector.daemon_name = lease.holder if lease else False
            connector.daemon_seen = lease.renewed_at if lease else False

    def _compute_log_counts(self):
        runs = dict(self.env["omc.run"]._read_group([("connector_id", "in", self.ids)], ["connector_id"], ["__count"]))
        open_ones = dict(
            self.env["omc.rejection"]._read_group(
                [("connector_id", "in", self.ids), ("state", "=", "open")], ["connector_id"], ["__count"]
            )
        )
        for connector in self:
            connector.run_count = runs.get(connector, 0)
            connector.rejection_count = open_ones.get(connector, 0)

    def _compute_registrant_counts(self):
        for connector in self:
            known = isinstance(connector.id, int) and connector.input_type == "custom"
            waiting = connector._count_waiting() if known else 0
            tokenised = connector._count_tokenised() if known else 0
            connector.waiting_count = waiting or 0
            connector.tokenised_count = tokenised or 0
            connector.is_waiting_counted = waiting is not None
            connector.is_tokenised_counted = tokenised is not None

    def _compute_upstream_at_work(self):
        for connector in self:
            at_work = connector.job_status in ACTIVE_STATES and connector._upstream_at_work()
            connector.upstream_at_work = ", ".join(at_work or []) or False

    def _track_subtype(self, init_values):
        """Followers are told of a failure; every other change of the status is a note."""
        if "job_status" in init_values and self.job_status == "failed":
            failed = self.env.ref("g2p_omc.mail_subtype_failed", raise_if_not_found=False)
            return failed or super()._track_subtype(init_values)
        return super()._track_subtype(init_values)

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._normalised(vals) for vals in vals_list])

    def write(self, vals):
        vals = self._normalised(vals)
        if vals.get("active") is False:
            self.filtered(lambda connector: connector.job_status in ACTIVE_STATES)._stop()
        done = super().write(vals)
        if "company_id" in vals:
            # Odoo asks the rules before a write only; nobody gives a connector a company whose registrants are not theirs.
            self.check_access_rule("write")
        return done

    def copy(self, default=None):
        self.ensure_one()
        without = self._not_to_be_copied()
        made = super().copy({"name": _("%s (copy)", self.name), **without, **(default or {})})
        if without:
            labels = ", ".join(self._fields[field]._description_string(self.env) for field in without)
            made._message_log(body=_("Not copied, as you may not write it or it does not work any more: %s", labels))
        return made

    @api.ondelete(at_uninstall=False)
    def _unlink_except_active(self):
        if any(connector.job_status in ACTIVE_STATES for connector in self):
            raise UserError(_("Stop a connector before you delete it: MTS may still hold results of it."))
