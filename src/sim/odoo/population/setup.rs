//! What is there before the first registrant: company, users, ID types, genders, parameters and the connector.

use std::borrow::Cow;

use super::super::Options;
use super::super::database::Database;
use super::super::orm::{self, Context, Env};
use super::super::wire::{Key, Value};

const MAPPING: &str = r#"{"vid":"vid","name":["given_name","family_name"],"gender":"gender","dob":"birthdate","phoneNumber":"phone","emailId":"email","fullAddress":["address"]}"#;
const FIELDS: &str = r#"["id","given_name","family_name","birthdate","gender","phone","email","address"]"#;
const FILTER: &str = r#"[["is_registrant","=",true]]"#;

/// Makes the rows; their order gives the ids the rest relies on.
pub fn install(db: &mut Database, options: &Options, now: i64) {
    let mut env = Env { db, now, uid: 2, context: Context::default(), racing: false, unreadable: None };
    let mut make = |model: &str, values: &[(&'static str, Value)]| {
        let Some(model) = env.db.schema.model(model) else {
            return;
        };
        let values: Vec<(Key, Value)> =
            values.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        let made = orm::create(&mut env, model, &[&values]);
        debug_assert!(made.is_ok(), "{made:?}");
    };
    make("res.company", &[("name", "My Company".into())]);
    make("res.partner", &[("name", "My Company".into()), ("is_company", true.into())]);
    make("res.partner", &[("name", "OdooBot".into()), ("active", false.into())]);
    make("res.partner", &[("name", "Administrator".into()), ("email", "admin@example.org".into())]);
    for (name, login, partner, active) in [("OdooBot", "__system__", 2, false), ("Administrator", "admin", 3, true)] {
        let values = [
            ("name", name.into()),
            ("login", login.into()),
            ("partner_id", Value::Int(partner)),
            ("active", active.into()),
        ];
        make("res.users", &values);
    }
    make("g2p.id.type", &[("name", "MOSIP VID".into())]);
    make("g2p.id.type", &[("name", "MOSIP UIN TOKEN".into())]);
    make("g2p.id.type", &[("name", "National ID".into()), ("id_validation", "\\d{10}".into())]);
    for gender in ["Male", "Female", "Other"] {
        make("gender.type", &[("code", gender.into()), ("value", gender.into())]);
    }
    let delete_domain = r#"[["is_registrant","=", true],["reg_ids.id_type","=like", "MOSIP VID"],["reg_ids.id_type","=like","MOSIP UIN TOKEN"]]"#;
    for (key, value) in [
        ("database.uuid", "5f4d2c0e-93a7-11f1-8c4d-0242ac120002"),
        ("web.base.url", "http://127.0.0.1:8069"),
        ("g2p_mts.vid_delete_search_domain", delete_domain),
        ("g2p_mts.vid_id_type", "1"),
        ("g2p_mts.uin_token_id_type", "2"),
    ] {
        make("ir.config_parameter", &[("key", key.into()), ("value", value.into())]);
    }
    let common = [
        ("name", Value::from("Demo registrants")),
        ("mts_url", options.mts_url.as_str().into()),
        ("input_type", "custom".into()),
        ("output_type", "json".into()),
        ("delivery_type", "callback".into()),
        ("mapping", MAPPING.into()),
        ("is_recurring", "recurring".into()),
        ("interval_minutes", Value::Int(i64::from(options.connector_interval_minutes))),
        ("callback_httpmethod", "POST".into()),
    ];
    let mut values = common.to_vec();
    if options.addon {
        values.extend([
            ("job_status", "started".into()),
            ("callback_authtype", "staticBearer".into()),
            ("vid_id_type_id", Value::from(super::VID_TYPE)),
            ("token_id_type_id", Value::from(super::TOKEN_TYPE)),
            ("g2p_search_domain", FILTER.into()),
            ("g2p_selected_fields", FIELDS.into()),
            ("remove_vid", true.into()),
        ]);
        make("omc.connector", &values);
    } else {
        make("mts.connector", &values);
    }
    env.db.commit();
}
