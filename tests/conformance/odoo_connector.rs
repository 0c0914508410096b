//! Upstream's connector, and the parameters it goes by.

use serde_json::{Value as Json, json};

use super::client::{Fault, Odoo, marker};
use super::fact;

async fn connector(odoo: &Odoo, values: Json) -> i64 {
    let mut all = json!({"name": marker("connector"), "input_type": "custom", "output_type": "json",
        "delivery_type": "callback", "is_recurring": "onetime"});
    for (name, value) in values.as_object().unwrap() {
        all[name] = value.clone();
    }
    odoo.create("mts.connector", all).await
}

fn refused(text: &str) -> Fault {
    Fault { code: 2, text: text.into() }
}

fact!(a_new_connector_has_upstreams_defaults, odoo, {
    let id = connector(odoo, json!({})).await;
    let row = odoo.call("mts.connector", "read", json!([[id]]), json!({})).await[0].clone();
    assert_eq!(row.as_object().unwrap().len(), 34);
    for (name, value) in [
        ("job_status", json!("draft")),
        ("lang_code", json!("eng")),
        ("callback_timeout", json!(10)),
        ("interval_minutes", json!(0)),
        ("cron_id", json!(false)),
        ("start_datetime", json!(false)),
        ("output_format", json!(false)),
        ("callback_url", json!(false)),
        ("callback_authtype", json!(false)),
        ("mts_url", json!("http://mosip-token-seeder.mosip-token-seeder")),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let parsed = |name: &str| serde_json::from_str::<Json>(row[name].as_str().unwrap()).unwrap();
    let domain = json!([
        ["is_registrant", "=", true],
        ["reg_ids.id_type", "=like", "MOSIP VID"],
        "!",
        ["reg_ids.id_type", "=like", "MOSIP UIN TOKEN"]
    ]);
    assert_eq!(parsed("g2p_search_domain"), domain);
    assert_eq!(
        parsed("g2p_selected_fields"),
        json!(["id", "given_name", "family_name", "birthdate", "gender", "address", "email", "phone"])
    );
    assert_eq!(parsed("mapping")["fullAddress"], json!(["fullAddress"]));
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(the_connector_has_34_fields_of_known_types, odoo, {
    let attributes = json!({"attributes": ["type", "required", "selection"]});
    let fields = odoo.call("mts.connector", "fields_get", json!([]), attributes).await;
    assert_eq!(fields.as_object().unwrap().len(), 34);
    assert_eq!(
        fields["input_type"],
        json!({"type": "selection", "required": true, "selection": [["odk", "ODK"], ["custom", "OpenG2P Registry"]]})
    );
    assert_eq!(fields["callback_authtype"]["selection"], json!([["odoo", "Odoo"]]));
    for (name, kind, required) in [
        ("name", "char", true),
        ("mapping", "text", true),
        ("output_format", "text", false),
        ("cron_id", "many2one", false),
        ("start_datetime", "datetime", false),
        ("interval_minutes", "integer", false),
        ("g2p_search_domain", "text", false),
        ("callback_auth_password", "char", false),
    ] {
        assert_eq!((&fields[name]["type"], &fields[name]["required"]), (&json!(kind), &json!(required)), "{name}");
    }
});

fact!(what_is_not_json_or_jq_is_refused, odoo, {
    let id = connector(odoo, json!({})).await;
    for (values, text) in [
        (json!({"mapping": "{"}), "Mapping is not valid json."),
        (json!({"g2p_search_domain": "[("}), "'Filters to apply to Registry' is not valid json."),
        (json!({"g2p_selected_fields": "[("}), "'List of fields to be used' is not valid json."),
        (json!({"output_format": "..[bad"}), "Output Format is not valid jq expression."),
    ] {
        assert_eq!(odoo.fault("mts.connector", "write", json!([[id], values]), json!({})).await, refused(text));
    }
    for values in [json!({"output_format": "{a: .b}"}), json!({"g2p_search_domain": "{\"a\":1}"})] {
        assert_eq!(
            odoo.call("mts.connector", "write", json!([[id], values]), json!({})).await,
            json!(true),
            "{values}"
        );
    }
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(the_dates_of_a_connector, odoo, {
    let id = connector(odoo, json!({})).await;
    let fault =
        odoo.fault("mts.connector", "write", json!([[id], {"end_datetime": "2020-01-01 00:00:00"}]), json!({})).await;
    assert_eq!(
        (fault.code, fault.last_line()),
        (1, "TypeError: '<' not supported between instances of 'datetime.datetime' and 'bool'")
    );
    let future = json!([[id], {"start_datetime": "2099-01-01 00:00:00"}]);
    let fault = odoo.fault("mts.connector", "write", future, json!({})).await;
    assert_eq!(fault, refused("Start Time cannot be after the current time."));
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(a_selection_and_what_is_required, odoo, {
    let id = connector(odoo, json!({})).await;
    let fault = odoo.fault("mts.connector", "write", json!([[id], {"input_type": "nope"}]), json!({})).await;
    assert_eq!((fault.code, fault.last_line()), (1, "ValueError: Wrong value for mts.connector.input_type: 'nope'"));
    let fault = odoo.fault("mts.connector", "create", json!([{"name": "x"}]), json!({})).await;
    assert_eq!(fault.code, 2);
    assert!(
        fault
            .text
            .ends_with("Model: Mosip Token Seeder Connectors (mts.connector)\nField: MTS Input Type (input_type)\n"),
        "{}",
        fault.text
    );
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(what_runs_cannot_be_deleted, odoo, {
    let id = connector(odoo, json!({"job_status": "started"})).await;
    let fault = odoo.fault("mts.connector", "unlink", json!([[id]]), json!({})).await;
    assert_eq!(fault.code, 4);
    assert!(
        fault.text.starts_with("Uh-oh! Looks like you have stumbled upon some top-secret records."),
        "{}",
        fault.text
    );
    assert!(fault.text.contains("doesn't have 'unlink' access to:\n- Mosip Token Seeder Connectors"), "{}", fault.text);
    odoo.call("mts.connector", "write", json!([[id], {"job_status": "completed"}]), json!({})).await;
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(the_trigger_stops_what_runs_and_always_faults, odoo, {
    // Only the half of the toggle that makes nothing run on a real server.
    let id = connector(odoo, json!({"job_status": "started"})).await;
    let fault = odoo.fault("mts.connector", "mts_action_trigger", json!([[id]]), json!({})).await;
    assert_eq!((fault.code, fault.last_line()), (1, "TypeError: cannot marshal None unless allow_none is enabled"));
    assert_eq!(odoo.read("mts.connector", id, &["job_status"]).await["job_status"], json!("completed"));
    odoo.unlink("mts.connector", &[id]).await;
});

fact!(parameters_are_set_and_read, odoo, {
    let key = marker("omc.test").replace(' ', ".");
    let get = async || odoo.call("ir.config_parameter", "get_param", json!([key]), json!({})).await;
    let set = async |value: Json| odoo.call("ir.config_parameter", "set_param", json!([key, value]), json!({})).await;
    assert_eq!(get().await, json!(false));
    assert_eq!(set(json!("1")).await, json!(false));
    assert_eq!(get().await, json!("1"));
    let rows = odoo
        .call("ir.config_parameter", "search_read", json!([[["key", "=", key]], ["key", "value"]]), json!({}))
        .await;
    assert_eq!((&rows[0]["key"], &rows[0]["value"]), (&json!(key), &json!("1")));
    assert_eq!(set(json!("2")).await, json!("1"));
    assert_eq!(set(json!(false)).await, json!("2"));
    assert_eq!(get().await, json!(false));
});

fact!(the_parameters_of_the_id_types_are_there, odoo, {
    for key in ["g2p_mts.vid_id_type", "g2p_mts.uin_token_id_type"] {
        let value = odoo.call("ir.config_parameter", "get_param", json!([key]), json!({})).await;
        let id: i64 = value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{key} is {value}"));
        assert!(odoo.read("g2p.id.type", id, &["name"]).await["name"].as_str().unwrap().starts_with("MOSIP"));
    }
});
