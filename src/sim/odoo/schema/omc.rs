//! The models of OMC's addon.

use super::Model;
use super::connector::{registry_fields, upstream};
use super::field::{Default, Field};

const TRIGGERS: &[(&str, &str)] =
    &[("schedule", "Schedule"), ("sweep", "Full sweep"), ("manual", "Manual"), ("one_time", "One time")];
const RUN_STATES: &[(&str, &str)] = &[
    ("requested", "Requested"),
    ("running", "Running"),
    ("done", "Done"),
    ("failed", "Failed"),
    ("stopped", "Stopped"),
];
const PREVIEW_STATES: &[(&str, &str)] =
    &[("requested", "Waiting for the daemon"), ("done", "Done"), ("failed", "Failed")];
const REJECTION_STATES: &[(&str, &str)] = &[("open", "Open"), ("requeued", "Requeued"), ("resolved", "Resolved")];

pub fn models() -> Vec<Model> {
    vec![connector(), run(), rejection(), preview(), preview_line(), activity()]
}

fn connector() -> Model {
    let mut fields = upstream(true);
    fields.extend(registry_fields());
    fields.extend([
        Field::bool("active", "Active").default(Default::True),
        Field::many2one("company_id", "Company", "res.company").required().default(Default::Company),
        Field::many2one("vid_id_type_id", "VID Type", "g2p.id.type").required(),
        Field::many2one("token_id_type_id", "Token Type", "g2p.id.type").required(),
        Field::char("schedule_cron", "Cron Expression"),
        Field::char("schedule_tz", "Time Zone"),
        Field::text("input_format", "Input Format"),
        Field::char("mandatory_fields", "Mandatory Fields"),
        Field::bool("remove_vid", "Remove VID").default(Default::True),
        Field::int("batch_size", "Batch Size"),
        Field::char("phone_country_code", "Phone Country Code"),
        Field::text("value_fields", "Fields to Write Back"),
        Field::text("callback_extra_headers", "Extra Headers"),
        Field::many2one("last_run_id", "Last Run", "omc.run"),
        Field::datetime("next_run", "Next Run"),
        Field::text("last_error", "Last Error"),
    ]);
    Model::new("omc.connector", "OMC Connector", "name, id", fields)
}

fn run() -> Model {
    let fields = vec![
        Field::many2one("connector_id", "Connector", "omc.connector").required(),
        Field::selection("trigger", "Trigger", TRIGGERS).required().default(Default::Text("manual")),
        Field::selection("state", "State", RUN_STATES).required().default(Default::Text("requested")),
        Field::many2one("requested_by_id", "Requested by", "res.users"),
        Field::datetime("started_at", "Started"),
        Field::datetime("ended_at", "Ended"),
        Field::int("found", "Found"),
        Field::int("submitted", "Submitted"),
        Field::int("tokens", "Tokens"),
        Field::int("rejected", "Rejected"),
        Field::int("abandoned", "Abandoned"),
        Field::text("message", "Message"),
    ];
    Model::new("omc.run", "OMC Run", "id desc", fields).named_by(&["id"])
}

fn rejection() -> Model {
    let fields = vec![
        Field::many2one("connector_id", "Connector", "omc.connector").required(),
        Field::many2one("partner_id", "Registrant", "res.partner").required(),
        Field::char("code", "Code").required(),
        Field::char("reason", "Reason"),
        Field::char("remedy", "Remedy"),
        Field::selection("state", "State", REJECTION_STATES).required().default(Default::Text("open")),
        Field::datetime("first_seen", "First Seen"),
        Field::datetime("last_seen", "Last Seen"),
        Field::int("attempts", "Attempts"),
    ];
    Model::new("omc.rejection", "OMC Rejection", "id desc", fields).named_by(&["id"])
}

fn preview() -> Model {
    let fields = vec![
        Field::many2one("connector_id", "Connector", "omc.connector").required(),
        Field::selection("state", "State", PREVIEW_STATES).required().default(Default::Text("requested")),
        Field::int("limit", "Registrants"),
        Field::many2one("requested_by_id", "Requested by", "res.users"),
        Field::text("message", "Message"),
    ];
    Model::new("omc.preview", "OMC Preview", "id desc", fields).named_by(&["id"])
}

fn preview_line() -> Model {
    let fields = vec![
        Field::many2one("preview_id", "Preview", "omc.preview").required(),
        Field::many2one("partner_id", "Registrant", "res.partner").required(),
        Field::char("verdict", "Verdict").required(),
        Field::char("reason", "Reason"),
        Field::text("auth_data", "Auth Data"),
    ];
    Model::new("omc.preview.line", "OMC Preview Line", "id", fields).named_by(&["id"])
}

/// Odoo's own, of which only the door makes any here; the type is a word, in place of a row.
fn activity() -> Model {
    let fields = vec![
        Field::char("res_model", "Related Document Model"),
        Field::int("res_id", "Related Document ID"),
        Field::char("activity_type", "Activity Type"),
        Field::char("summary", "Summary"),
        Field::many2one("user_id", "Assigned to", "res.users").required(),
    ];
    Model::new("mail.activity", "Activity", "id", fields).named_by(&["summary"])
}
