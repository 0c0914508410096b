use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::connector::{CallbackAuth, CallbackMethod};
use crate::domain::delivery::FileForm;
use crate::domain::elsewhere::Login;
use crate::domain::registrant_field::FieldKind;
use crate::domain::timetable::Timetable;

const VID: IdTypeId = IdTypeId(3);
const TOKEN: IdTypeId = IdTypeId(4);
const OTHER: IdTypeId = IdTypeId(5);

fn registrant_fields() -> BTreeMap<String, RegistrantField> {
    let field = |name: &str, kind: &str, stored: bool| {
        let field = RegistrantField { kind: kind.to_owned(), stored, relation: None };
        (name.to_owned(), field)
    };
    [
        ("id", "integer"),
        ("given_name", "char"),
        ("family_name", "char"),
        ("gender", "selection"),
        ("birthdate", "date"),
        ("created", "datetime"),
        ("phone", "char"),
        ("email", "char"),
        ("address", "text"),
        ("disabled", "boolean"),
        ("country_id", "many2one"),
        ("reg_ids", "one2many"),
        ("photo", "binary"),
        ("is_registrant", "boolean"),
        ("is_group", "boolean"),
        ("omc_ref", "char"),
        ("reference", "char"),
    ]
    .map(|(name, kind)| field(name, kind, true))
    .into_iter()
    .chain([field("age", "integer", false)])
    .collect()
}

struct World {
    fields: BTreeMap<String, RegistrantField>,
    types: Vec<(IdTypeId, String)>,
    vid_type: Option<IdTypeId>,
    token_type: Option<IdTypeId>,
    unauthenticated: bool,
    stock_delivery: Delivery,
    odk_folder: bool,
}

impl World {
    fn usual() -> Self {
        let types = [(VID, "MOSIP VID"), (TOKEN, "MOSIP UIN TOKEN"), (OTHER, "National ID")];
        Self {
            fields: registrant_fields(),
            types: types.map(|(id, name)| (id, name.to_owned())).into(),
            vid_type: None,
            token_type: None,
            unauthenticated: false,
            stock_delivery: Delivery::Callback,
            odk_folder: true,
        }
    }

    fn parse(&self, model: Model, row: &Map<String, Value>) -> Result<Connector, Vec<Problem>> {
        let around = Surroundings {
            registrant_fields: &self.fields,
            id_types: &self.types,
            vid_type: self.vid_type,
            token_type: self.token_type,
            now: DateTime::parse_from_rfc3339("2026-03-01T10:00:00Z").unwrap().to_utc(),
            mandatory: Mandatory::default(),
            unauthenticated: self.unauthenticated,
            stock_delivery: self.stock_delivery,
            odk_folder: self.odk_folder,
        };
        parse(model, ConnectorId(7), row, &around)
    }
}

/// A row of `omc.connector` as Odoo's `read` gives it.
fn row() -> Map<String, Value> {
    let Value::Object(row) = json!({
        "id": 7, "name": "Nightly", "active": true, "company_id": [1, "Ministry"], "job_status": "started",
        "mts_url": "http://mts.example.org/seeder/", "input_type": "custom", "output_type": "json",
        "delivery_type": "callback", "lang_code": "eng", "is_recurring": "recurring", "interval_minutes": 30,
        "schedule_cron": false, "schedule_tz": "UTC", "start_datetime": false, "end_datetime": false,
        "mapping": r#"{"name": ["given_name", "family_name"], "gender": "gender", "dob": "birthdate",
                       "phoneNumber": "phone", "emailId": "email", "fullAddress": ["address"]}"#,
        "output_format": false, "input_format": false, "callback_url": false, "callback_httpmethod": "POST",
        "callback_timeout": 10, "callback_authtype": "staticBearer", "callback_auth_url": false,
        "callback_auth_database": false, "callback_auth_username": false, "callback_auth_password": false,
        "callback_extra_headers": false,
        "g2p_search_domain": "[('is_registrant', '=', True)]",
        "g2p_selected_fields": r#"["id", "given_name", "family_name", "birthdate", "gender", "address", "email", "phone"]"#,
        "vid_id_type_id": false, "token_id_type_id": false, "mandatory_fields": false, "remove_vid": true,
        "batch_size": 0, "phone_country_code": false, "value_fields": false,
        "odk_base_url": false, "last_error": false,
    }) else {
        unreachable!()
    };
    row
}

fn with(changes: &[(&str, Value)]) -> Map<String, Value> {
    let mut row = row();
    for (field, value) in changes {
        row.insert((*field).to_owned(), value.clone());
    }
    row
}

fn good(changes: &[(&str, Value)]) -> Connector {
    World::usual().parse(Model::Omc, &with(changes)).unwrap()
}

/// The problems, as `field: reason`.
fn bad(model: Model, changes: &[(&str, Value)]) -> Vec<String> {
    let problems = World::usual().parse(model, &with(changes)).unwrap_err();
    assert!(!problems.is_empty());
    problems.iter().map(ToString::to_string).collect()
}

/// Asserts that one change makes exactly one problem, of that field and with that text in its reason.
fn one_problem(field: &str, value: Value, reason: &str) {
    let told = bad(Model::Omc, &[(field, value.clone())]);
    assert_eq!(told.len(), 1, "{field} {value}: {told:?}");
    assert!(told[0].starts_with(&format!("{field}: ")) && told[0].contains(reason), "{field} {value}: {told:?}");
}

#[test]
fn a_connector_prints_neither_its_headers_nor_the_values_of_its_filter() {
    let connector = good(&[
        ("callback_extra_headers", json!(r#"{"X-Key": "hunter2"}"#)),
        ("g2p_search_domain", json!("[('phone', '=', '0917555123')]")),
    ]);
    let printed = format!("{connector:?}");
    assert!(printed.contains("Nightly") && !printed.contains("hunter2") && !printed.contains("0917"), "{printed}");
}

#[test]
fn a_good_row_becomes_a_connector() {
    let connector = good(&[]);
    assert_eq!(connector.id, ConnectorId(7));
    assert_eq!(connector.name, "Nightly");
    assert_eq!(connector.activity, Activity::Started);
    assert_eq!(connector.mts_url.as_str(), "http://mts.example.org/seeder");
    assert_eq!(connector.timetable, Timetable::Every { minutes: 30 });
    assert_eq!(connector.callback.auth, CallbackAuth::StaticBearer);
    assert_eq!(connector.callback.method, CallbackMethod::Post);
    assert_eq!(connector.callback.timeout, Duration::from_secs(10));
    assert_eq!((connector.vid_type, connector.token_type), (VID, TOKEN));
    assert_eq!(connector.mandatory, Mandatory::default());
    assert_eq!(connector.language, "eng");
    assert_eq!((connector.batch_size, &connector.phone_country_code), (None, &None));
    assert!(connector.remove_vid && connector.value_fields.is_empty());
    let birthdate = connector.fields.iter().find(|field| field.name == "birthdate").unwrap();
    assert_eq!(birthdate.kind, FieldKind::Date);
    let stored = serde_json::to_string(&connector).unwrap();
    assert_eq!(serde_json::from_str::<Connector>(&stored).unwrap(), connector);
}

#[test]
fn every_setting_is_read() {
    let connector = good(&[
        ("job_status", json!("completed")),
        ("mts_url", json!(" https://mts.example.org:8443 ")),
        ("lang_code", json!("FRA")),
        ("schedule_cron", json!("30 2 * * *")),
        ("schedule_tz", json!("Africa/Addis_Ababa")),
        ("callback_httpmethod", json!("PUT")),
        ("callback_timeout", json!(600)),
        ("callback_authtype", json!("odoo")),
        ("callback_extra_headers", json!(r#"{"X-Route": "registry 1"}"#)),
        ("vid_id_type_id", json!([5, "National ID"])),
        ("token_id_type_id", json!(4)),
        ("mandatory_fields", json!("name, dob")),
        ("remove_vid", json!(false)),
        ("batch_size", json!(5000)),
        ("phone_country_code", json!("+251")),
        ("value_fields", json!("reference, disabled")),
        ("output_format", json!("{id: .input.id, values: {reference: .output.token}}")),
    ]);
    assert_eq!(connector.activity, Activity::Stopped);
    assert_eq!(connector.mts_url.as_str(), "https://mts.example.org:8443/");
    assert_eq!(connector.language, "fra");
    assert!(matches!(&connector.timetable, Timetable::Cron { zone, .. } if zone.name() == "Africa/Addis_Ababa"));
    assert_eq!(connector.callback.method, CallbackMethod::Put);
    assert_eq!(connector.callback.timeout, Duration::from_secs(600));
    assert_eq!(connector.callback.auth, CallbackAuth::Odoo);
    assert_eq!(connector.callback.extra_headers, [("X-Route".to_owned(), "registry 1".to_owned())]);
    assert_eq!((connector.vid_type, connector.token_type), (OTHER, TOKEN));
    assert_eq!(connector.mandatory, Mandatory::from_names(["name", "dob"]).unwrap());
    assert!(!connector.remove_vid);
    assert_eq!(connector.batch_size, Some(5000));
    assert_eq!(connector.phone_country_code.as_deref(), Some("+251"));
    assert_eq!(connector.value_fields.iter().collect::<Vec<_>>(), ["disabled", "reference"]);
    let keys: Vec<&String> = connector.output_format.as_ref().unwrap().input_keys().iter().collect();
    assert_eq!(keys, ["id"]);
    assert_eq!(good(&[("is_recurring", json!("onetime"))]).timetable, Timetable::Once);
    assert_eq!(good(&[("active", json!(false))]).activity, Activity::Stopped);
    assert_eq!(good(&[("mandatory_fields", json!("[]"))]).mandatory, Mandatory::from_names([]).unwrap());
}

#[test]
fn results_are_called_in_or_fetched() {
    let with = |delivery: &str, output: &str| {
        good(&[("delivery_type", json!(delivery)), ("output_type", json!(output))]).delivery
    };
    assert_eq!(with("callback", "json"), Delivery::Callback);
    assert_eq!(with("download", "json"), Delivery::Download(FileForm::Json));
    assert_eq!(with("download", "csv"), Delivery::Download(FileForm::Csv));
    // What it says about callbacks is for another day, and opens no door meanwhile.
    let fetched = good(&[
        ("delivery_type", json!("download")),
        ("callback_url", json!("https://other.example.org")),
        ("callback_authtype", json!("none")),
    ]);
    assert_eq!(fetched.callback.auth, CallbackAuth::StaticBearer);
    // OMC runs the output format itself then, and must know all of it.
    let format = ("output_format", json!("{values: {ref: (.output.token | @sh)}}"));
    assert!(good(&[format]).output_format.is_some());
}

#[test]
fn how_the_results_of_a_stock_connector_come_is_for_the_configuration() {
    let mut world = World::usual();
    world.stock_delivery = Delivery::Download(FileForm::Json);
    let mut row = row();
    assert_eq!(world.parse(Model::Omc, &row).unwrap().delivery, Delivery::Callback);
    row.insert("job_status".to_owned(), json!("draft"));
    assert_eq!(world.parse(Model::Stock, &row).unwrap().delivery, world.stock_delivery);
}

#[test]
fn results_may_go_to_somebody_else_with_a_login_of_his() {
    let odoo = [
        ("callback_url", json!("https://other.example.org/web/dataset/call_kw")),
        ("callback_authtype", json!("odoo")),
        ("callback_auth_url", json!("https://other.example.org/web/session/authenticate")),
        ("callback_auth_database", json!("registry")),
        ("callback_auth_username", json!("writer")),
        ("callback_auth_password", json!("hunter2")),
        // A login that MTS knows only as a header.
        ("callback_extra_headers", json!(r#"{"Authorization": "Basic aHVudGVyMg=="}"#)),
    ];
    let connector = good(&odoo);
    assert_eq!(connector.delivery, Delivery::Elsewhere);
    let elsewhere = connector.elsewhere.clone().unwrap();
    assert!(matches!(&elsewhere.login, Login::Odoo { password, .. } if password.0 == "hunter2"));
    assert!(!format!("{connector:?}").contains("hunter2") && !format!("{elsewhere:?}").contains("call_kw"));
    let world = World::usual();
    let told = |changes: &[(&str, Value)]| {
        let problems = world.parse(Model::Omc, &with(&[&odoo[..], changes].concat())).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let missing = ["callback_auth_url", "callback_auth_database", "callback_auth_username", "callback_auth_password"];
    let lines = told(&missing.map(|field| (field, json!(false))));
    assert!(lines.iter().zip(missing).all(|(line, field)| line.starts_with(field)) && lines.len() == 4, "{lines:?}");
    for url in ["ftp://other.example.org", "https://", "https://me:hunter2@other.example.org", "other.example.org"] {
        let lines = told(&[("callback_url", json!(url))]);
        assert!(
            lines.len() == 1 && lines[0].starts_with("callback_url: ") && !lines[0].contains("hunter2"),
            "{lines:?}"
        );
    }
}

#[test]
fn each_wrong_field_is_told_by_its_name() {
    for (field, value, reason) in [
        ("name", json!(false), "give the connector a name"),
        ("name", json!("  "), "give the connector a name"),
        ("job_status", json!("lost"), "not a status"),
        ("mts_url", json!(false), "write the address of MTS"),
        ("mts_url", json!("mts"), "not an address"),
        ("mts_url", json!("ftp://mts.example.org"), "must begin with http"),
        ("mts_url", json!("http://u:secret@mts.example.org"), "must not hold a user name"),
        ("mts_url", json!("http://mts.example.org/?a=secret"), "nothing after a `?`"),
        ("mts_url", json!("http://mts.example.org/#secret"), "nothing after a `?`"),
        ("input_type", json!("csv"), "choose OpenG2P Registry"),
        ("input_type", json!(false), "choose OpenG2P Registry"),
        ("output_type", json!("csv"), "choose JSON, or Download"),
        ("output_type", json!("xml"), "choose JSON, or CSV"),
        ("output_type", json!(false), "choose JSON, or CSV"),
        ("delivery_type", json!("pigeon"), "choose Callback or Download"),
        ("delivery_type", json!(false), "choose Callback or Download"),
        ("lang_code", json!("en"), "three letters"),
        ("lang_code", json!("12a"), "three letters"),
        ("is_recurring", json!(false), "choose Recurring or One time"),
        ("interval_minutes", json!(0), "at least one minute"),
        ("interval_minutes", json!(-5), "at least one minute"),
        ("interval_minutes", json!(false), "at least one minute"),
        ("interval_minutes", json!(10_000_000), "a year"),
        ("interval_minutes", json!("x"), "write a whole number"),
        ("schedule_cron", json!("soon"), "not a cron expression"),
        ("schedule_cron", json!("0 2 30 2 *"), "never comes due"),
        ("g2p_search_domain", json!(false), "write whom to take"),
        ("g2p_search_domain", json!("[('uid', '=', uid)]"), "expressions such as uid"),
        ("g2p_search_domain", json!("['|']"), "too few operands"),
        ("g2p_search_domain", json!("[('nowhere.x', '=', 1)]"), "`nowhere` is not a field of the registrant"),
        ("callback_authtype", json!("kerberos"), "choose static bearer, Odoo or OAuth"),
        ("callback_authtype", json!("none"), "allow_unauthenticated = true under [callback]"),
        ("callback_httpmethod", json!("DELETE"), "choose POST"),
        ("callback_timeout", json!(0), "from 1 to 600"),
        ("callback_timeout", json!(601), "from 1 to 600"),
        ("callback_timeout", json!(1.5), "write a whole number"),
        ("callback_extra_headers", json!("X: y"), "write a JSON object"),
        ("callback_extra_headers", json!(r#"{"X": 1}"#), "the value of x is no text"),
        ("callback_extra_headers", json!(r#"{"X": "a\nb"}"#), "printable ASCII"),
        ("callback_extra_headers", json!(r#"{"X": "é"}"#), "printable ASCII"),
        ("callback_extra_headers", json!(r#"{"X Y": "a"}"#), "no header's name"),
        ("callback_extra_headers", json!(r#"{"": "a"}"#), "no header's name"),
        ("callback_extra_headers", json!(r#"{"AUTHORIZATION": "secret"}"#), "authorization cannot be an extra"),
        ("callback_extra_headers", json!(r#"{"cookie": "a"}"#), "cannot be an extra header"),
        ("callback_extra_headers", json!(r#"{"Host": "a"}"#), "cannot be an extra header"),
        ("callback_extra_headers", json!(r#"{"Content-Type": "a"}"#), "cannot be an extra header"),
        ("callback_extra_headers", json!(r#"{"Content-Length": "1"}"#), "cannot be an extra header"),
        ("callback_extra_headers", json!(r#"{"X": "a", "x": "b"}"#), "x comes twice"),
        ("callback_extra_headers", json!({"X": "a"}), "cannot read"),
        ("g2p_selected_fields", json!(false), "write a JSON list of fields"),
        ("g2p_selected_fields", json!("[1]"), "write a JSON list of names"),
        ("output_format", json!("env"), "`env` is not allowed"),
        ("output_format", json!(".a |"), "cannot be read as jq"),
        ("output_format", json!("trim"), "the jq of MTS (1.5) does not know this, or does not survive it: `trim`"),
        ("output_format", json!("gsub(\"\"; \"x\")"), "never end"),
        ("input_format", json!("@csv"), "`@csv` is known to MTS but not to OMC"),
        ("input_format", json!("reduce"), "cannot be read as jq"),
        ("mandatory_fields", json!("address"), "not a field of MTS"),
        ("batch_size", json!(5001), "from 1 to 5000"),
        ("batch_size", json!(-1), "from 1 to 5000"),
        ("phone_country_code", json!("251"), "a plus sign"),
        ("phone_country_code", json!("+0"), "a plus sign"),
        ("phone_country_code", json!("+25 1"), "a plus sign"),
        ("value_fields", json!("nowhere"), "`nowhere` is not a field"),
        ("value_fields", json!("age"), "no stored field"),
        ("value_fields", json!("country_id"), "no stored field"),
        ("value_fields", json!("reg_ids"), "has not one plain value"),
        ("value_fields", json!("id"), "Odoo's own"),
        ("value_fields", json!("is_registrant"), "Odoo's own"),
        ("value_fields", json!("[\"reference\", 1]"), "write a JSON list of names"),
        ("vid_id_type_id", json!([99, "x"]), "this ID type is not there"),
        ("token_id_type_id", json!([3, "MOSIP VID"]), "two different ID types"),
    ] {
        one_problem(field, value, reason);
    }
    let told = bad(Model::Omc, &[("schedule_cron", json!("0 1 * * *")), ("schedule_tz", json!("Nowhere"))]);
    assert!(told.len() == 1 && told[0].starts_with("schedule_tz: unknown time zone"), "{told:?}");
}

#[test]
fn selected_fields_exist_and_have_one_value() {
    let selected = |names: &str| {
        let told = bad(Model::Omc, &[("g2p_selected_fields", json!(names)), ("mapping", json!("{}"))]);
        told.into_iter().filter(|line| line.starts_with("g2p_selected_fields")).collect::<Vec<_>>()
    };
    for (names, reason) in [
        (r#"["nowhere"]"#, "`nowhere` is not a field of the registrant"),
        (r#"["reg_ids"]"#, "`reg_ids` has not one plain value"),
        (r#"["photo"]"#, "`photo` has not one plain value"),
        (r#"["omc_ref"]"#, "a name that OMC uses itself"),
        (r#"["a b"]"#, "an entry is not a field's name"),
        (r#"["reg_ids.value"]"#, "an entry is not a field's name"),
    ] {
        let told = selected(names);
        assert!(told.len() == 1 && told[0].contains(reason), "{names}: {told:?}");
    }
    assert_eq!(selected(r#"["nowhere", "photo", "id"]"#).len(), 2);
    let twice = r#"["given_name", "family_name", "gender", "birthdate", "phone", "email", "address", "gender"]"#;
    assert_eq!(good(&[("g2p_selected_fields", json!(twice))]).fields.len(), 7);
}

#[test]
fn upstream_s_defaults_are_told_to_be_wrong_key_by_key() {
    let mapping = r#"{"vid":"vid","name":["name"],"gender":"gender","dob":"dob","phoneNumber":"phoneNumber","emailId":"emailId","fullAddress":["fullAddress"]}"#;
    let told = bad(Model::Omc, &[("mapping", json!(mapping))]);
    assert_eq!(told.len(), 5, "{told:?}");
    for key in ["name", "dob", "phoneNumber", "emailId", "fullAddress"] {
        let line = format!("mapping: `{key}`: `{key}` is not in the list of fields to read (g2p_selected_fields)");
        assert!(told.contains(&line), "{told:?}");
    }
    let told = bad(Model::Omc, &[("mapping", json!(false))]);
    assert_eq!(told.len(), 3, "what MTS can do without may stay unmapped: {told:?}");
    assert!(told.iter().all(|line| line.contains("MTS demands it")), "{told:?}");
}

#[test]
fn mapped_paths_must_find_something() {
    for (mapping, reason) in [
        (r#"{"gender": "gender.name"}"#, "`gender`: `gender.name` reaches into `gender`"),
        (r#"{"gender": "disabled"}"#, "`gender`: `disabled` is not in the list"),
        (r#"{"dob": "id"}"#, "`dob`: `id` is no date"),
        (r#"{"vid": "id"}"#, "`vid`: OMC puts the VID under `id`, but `id` is also a field"),
        (r#"{"vid": "id.vid"}"#, "but `id` is also a field to read"),
        (r#"{"emailId": "vid"}"#, "`emailId`: `vid` is where OMC puts the VID"),
        (r#"{"emailId": "omc_ref"}"#, "`emailId`: `omc_ref` is a name that OMC uses itself"),
        (r#"{"vid": "omc_ref.vid"}"#, "`vid`: `omc_ref` is a name that OMC uses itself"),
        (r#"{"gender": "gender|env"}"#, "`gender`: not a plain path"),
        (r#"{"name": "given_name"}"#, "`name`: a list is wanted here"),
    ] {
        let mut whole: Map<String, Value> = serde_json::from_str(row()["mapping"].as_str().unwrap()).unwrap();
        whole.extend(serde_json::from_str::<Map<String, Value>>(mapping).unwrap());
        let told = bad(Model::Omc, &[("mapping", json!(Value::Object(whole).to_string()))]);
        assert!(told.len() == 1 && told[0].starts_with("mapping: ") && told[0].contains(reason), "{mapping}: {told:?}");
    }
    let yes_no = json!(r#"["given_name", "family_name", "gender", "birthdate", "disabled", "email", "address"]"#);
    let mapping = row()["mapping"].as_str().unwrap().replace("\"phone\"", "\"disabled\"");
    let told = bad(Model::Omc, &[("g2p_selected_fields", yes_no), ("mapping", json!(mapping))]);
    assert!(told.len() == 1 && told[0].contains("`disabled` is a yes/no field"), "{told:?}");
    one_problem("mapping", json!("[]"), "write a JSON object");
    one_problem("mapping", json!("{"), "not JSON");
}

#[test]
fn an_input_format_is_held_against_the_mapping_where_its_keys_are_known() {
    let mapping =
        json!(r#"{"name": ["person.name"], "gender": "sex", "dob": "birthdate", "fullAddress": ["address"]}"#);
    let told = |format: &str| {
        World::usual()
            .parse(Model::Omc, &with(&[("mapping", mapping.clone()), ("input_format", json!(format))]))
            .map(|_| ())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(told("{person: {name: .given_name}, sex: .gender, birthdate, address}"), Ok(()));
    assert_eq!(told(". + {sex: .gender}"), Ok(()), "not known without running it");
    let missing = told("{person: {}, sex: .gender, birthdate}").unwrap_err();
    assert_eq!(
        missing,
        [
            "mapping: `name`: `person.name` is not in what the input format gives",
            "mapping: `fullAddress`: `address` is not in what the input format gives",
        ]
    );
    let vid = told("{person: {name: .given_name}, sex: .gender, birthdate, address, vid: 1}").unwrap_err();
    assert!(vid.len() == 1 && vid[0].contains("the input format gives a value there as well"), "{vid:?}");
    let reference = told("{person: {name: .given_name}, sex: .gender, birthdate, address, omc_ref: 1}").unwrap_err();
    assert!(reference.len() == 1 && reference[0].starts_with("input_format: `omc_ref`"), "{reference:?}");
}

#[test]
fn all_problems_are_told_together_and_no_secret_with_them() {
    let told = bad(
        Model::Omc,
        &[
            ("name", json!(false)),
            ("mts_url", json!("http://user:hunter2@mts.example.org")),
            ("mapping", json!(r#"{"vid": "hunter2|env", "dob": 1}"#)),
            ("g2p_search_domain", json!("[('is_registrant', '~', 'hunter2')]")),
            ("g2p_selected_fields", json!("[\"hunter2 hunter2\"]")),
            ("output_format", json!("\"hunter2\" | halt")),
            ("callback_url", json!("https://hunter2.example.org")),
            ("callback_authtype", json!("hunter2")),
            ("callback_auth_password", json!("hunter2")),
            ("callback_extra_headers", json!(r#"{"Authorization": "hunter2", "X": "hunter2\u0000"}"#)),
            ("batch_size", json!(9999)),
        ],
    );
    assert_eq!(told.len(), 10, "{told:?}");
    assert!(!told.join(" ").contains("hunter2"), "{told:?}");
}

#[test]
fn a_stock_connector_uses_omc_s_own_receiver_and_upstream_s_types() {
    let mut world = World::usual();
    let stock = |world: &World, changes: &[(&str, Value)]| world.parse(Model::Stock, &with(changes));
    let callback = [
        ("job_status", json!("draft")),
        ("callback_url", json!("https://other.example.org")),
        ("callback_authtype", json!("odoo")),
        ("callback_httpmethod", json!("PUT")),
        ("callback_timeout", json!(0)),
    ];
    let connector = stock(&world, &callback).unwrap();
    assert_eq!(connector.activity, Activity::Started);
    assert_eq!(connector.callback, callback::own());
    assert_eq!((connector.vid_type, connector.token_type), (VID, TOKEN));
    world.vid_type = Some(OTHER);
    assert_eq!(stock(&world, &callback).unwrap().vid_type, OTHER);
    assert_eq!(stock(&world, &[("job_status", json!("completed"))]).unwrap().activity, Activity::Started);
    for status in ["started", "running"] {
        let told = bad(Model::Stock, &[("job_status", json!(status))]);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("stop it there first"), "{told:?}");
    }
    world.vid_type = Some(IdTypeId(99));
    assert_eq!(stock(&world, &callback).unwrap_err()[0].field, "vid_id_type_id");
}

#[test]
fn id_types_by_name_must_be_there_once() {
    let mut world = World::usual();
    world.types.retain(|(id, _)| *id != TOKEN);
    let told = world.parse(Model::Omc, &row()).unwrap_err();
    assert!(told.len() == 1 && told[0].reason.contains("none of the name MOSIP UIN TOKEN"), "{told:?}");
    let mut world = World::usual();
    world.types.push((IdTypeId(9), "MOSIP VID".to_owned()));
    let told = world.parse(Model::Omc, &row()).unwrap_err();
    assert!(told.len() == 1 && told[0].reason.contains("more than one"), "{told:?}");
    assert_eq!(
        world.parse(Model::Omc, &with(&[("vid_id_type_id", json!([9, "MOSIP VID"]))])).unwrap().vid_type,
        IdTypeId(9)
    );
}

#[test]
fn an_empty_row_has_a_line_for_all_that_must_be_there() {
    let problems = World::usual().parse(Model::Omc, &Map::new()).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
    let wanted = [
        "name",
        "input_type",
        "output_type",
        "delivery_type",
        "mts_url",
        "is_recurring",
        "g2p_search_domain",
        "g2p_selected_fields",
    ];
    assert_eq!(fields, wanted);
}

#[test]
fn what_a_run_depends_on_has_a_text_of_its_own() {
    let usual = good(&[]).pull_digest_source();
    let reordered = r#"["phone", "email", "address", "gender", "birthdate", "family_name", "given_name", "id"]"#;
    assert_eq!(
        good(&[("g2p_selected_fields", json!(reordered)), ("name", json!("Other")), ("batch_size", json!(5))])
            .pull_digest_source(),
        usual
    );
    for (field, value) in [
        ("mapping", json!(row()["mapping"].as_str().unwrap().replace("\"email\"", "\"phone\""))),
        ("g2p_search_domain", json!("[('is_group', '=', False)]")),
        ("g2p_selected_fields", json!(reordered.replace("\"id\"", "\"disabled\""))),
        ("input_format", json!(". # changed")),
        ("vid_id_type_id", json!(5)),
        ("mandatory_fields", json!("name")),
        ("phone_country_code", json!("+251")),
    ] {
        assert_ne!(good(&[(field, value)]).pull_digest_source(), usual, "{field}");
    }
}

proptest! {
    /// Whatever stands in one field, the answer is a connector or a reason, and the reasons stay short.
    #[test]
    fn no_value_is_too_much_for_it(
        field in proptest::sample::select(row().keys().cloned().collect::<Vec<_>>()),
        value in prop_oneof![
            Just(json!(true)), Just(json!(null)), Just(json!([1])), Just(json!({"a": [1]})), any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from), "\\PC{0,30}".prop_map(Value::from), "[\\[\\]{}\"a:,. ]{0,15}".prop_map(Value::from),
        ],
        stock in any::<bool>(),
    ) {
        let model = if stock { Model::Stock } else { Model::Omc };
        if let Err(problems) = World::usual().parse(model, &with(&[(field.as_str(), value)])) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(problem.reason.len() < 400 && !problem.reason.contains(char::is_control), "{}", problem);
            }
        }
    }
}
