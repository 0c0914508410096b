//! `mts.connector`: upstream's 34 fields. OMC's own connector starts from the same list.

use super::Model;
use super::field::{Default, Field};

const INPUTS: &[(&str, &str)] = &[("odk", "ODK"), ("custom", "OpenG2P Registry")];
const OUTPUTS: &[(&str, &str)] = &[("json", "JSON")];
const ALL_OUTPUTS: &[(&str, &str)] = &[("json", "JSON"), ("csv", "CSV")];
const DELIVERIES: &[(&str, &str)] = &[("callback", "Callback")];
const ALL_DELIVERIES: &[(&str, &str)] = &[("callback", "Callback"), ("download", "Download")];
const JOB_STATES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("started", "Started"),
    ("running", "Running"),
    ("completed", "Completed"),
    ("failed", "Failed"),
];
const JOB_TYPES: &[(&str, &str)] = &[("recurring", "Recurring"), ("onetime", "One time")];
const METHODS: &[(&str, &str)] = &[("POST", "POST"), ("PUT", "PUT"), ("GET", "GET"), ("PATCH", "PATCH")];
const AUTH_TYPES: &[(&str, &str)] = &[("odoo", "Odoo")];
const ALL_AUTH_TYPES: &[(&str, &str)] =
    &[("none", "None"), ("staticBearer", "Static bearer"), ("odoo", "Odoo"), ("oauth", "OAuth")];

/// What upstream sends when nobody says otherwise.
pub const DEFAULT_MAPPING: &str = r#"{
            "vid": "vid",
            "name": ["name"],
            "gender": "gender",
            "dob": "dob",
            "phoneNumber": "phoneNumber",
            "emailId": "emailId",
            "fullAddress": ["fullAddress"]
            }"#;
/// Whom upstream takes.
pub const DEFAULT_DOMAIN: &str = r#"[
            ["is_registrant","=", true],
            ["reg_ids.id_type","=like", "MOSIP VID"],
            "!", ["reg_ids.id_type","=like","MOSIP UIN TOKEN"]
        ]"#;
/// What upstream reads of them.
pub const DEFAULT_FIELDS: &str = r#"[
            "id",
            "given_name",
            "family_name",
            "birthdate",
            "gender",
            "address",
            "email",
            "phone"
        ]"#;

pub fn mts() -> Model {
    let description = "Mosip Token Seeder Connectors";
    Model::extended("mts.connector", description, "id", upstream(false), registry_fields())
}

/// The fields of the first of upstream's two addons.
pub fn upstream(own: bool) -> Vec<Field> {
    let mut fields = vec![
        Field::char("name", "Name").required(),
        Field::char("mts_url", "URL to reach MTS")
            .required()
            .default(Default::Text("http://mosip-token-seeder.mosip-token-seeder")),
        Field::selection("input_type", "MTS Input Type", INPUTS).required(),
        Field::text("mapping", "Mapping").required().default(Default::Text(DEFAULT_MAPPING)),
        Field::selection("output_type", "MTS Output Type", if own { ALL_OUTPUTS } else { OUTPUTS }).required(),
        Field::text("output_format", "MTS Output Format"),
        Field::selection("delivery_type", "MTS Delivery Type", if own { ALL_DELIVERIES } else { DELIVERIES })
            .required(),
        Field::char("lang_code", "Mosip Language").required().default(Default::Text("eng")),
        Field::selection("job_status", "Status", JOB_STATES).required().default(Default::Text("draft")),
        Field::selection("is_recurring", "Job Type", JOB_TYPES).required(),
    ];
    if !own {
        fields.push(Field::many2one("cron_id", "Cron Job", "ir.cron"));
    }
    fields.extend([
        Field::datetime("start_datetime", "Start Time"),
        Field::datetime("end_datetime", "End Time"),
        Field::int("interval_minutes", "Interval in minutes"),
        Field::char("odk_base_url", "ODK Base Url"),
        Field::char("odk_odata_url", "ODK ODATA Url"),
        Field::char("odk_email", "ODK User email"),
        Field::char("odk_password", "ODK User password"),
        Field::char("callback_url", "Callback URL"),
        Field::selection("callback_httpmethod", "Callback HTTP Method", METHODS),
        Field::int("callback_timeout", "Callback Timeout").default(Default::Int(10)),
        Field::selection("callback_authtype", "Callback Auth Type", if own { ALL_AUTH_TYPES } else { AUTH_TYPES }),
        Field::char("callback_auth_url", "Callback Auth Url"),
        Field::char("callback_auth_database", "Callback Auth Database"),
        Field::char("callback_auth_username", "Callback Auth Username"),
        Field::char("callback_auth_password", "Callback Auth Password"),
    ]);
    fields
}

/// The two fields of the second.
pub fn registry_fields() -> Vec<Field> {
    vec![
        Field::text("g2p_search_domain", "Filters to apply to Registry").default(Default::Text(DEFAULT_DOMAIN)),
        Field::text("g2p_selected_fields", "List of fields to be used").default(Default::Text(DEFAULT_FIELDS)),
    ]
}
