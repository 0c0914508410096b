//! A connector for tests.

use serde_json::{Value, json};

use crate::domain::connector::Connector;

pub fn connector() -> Connector {
    with_filter(json!([]))
}

pub fn with_filter(filter: Value) -> Connector {
    let paths = |path: &str| json!([[path]]);
    let connector = json!({
        "id": 1, "model": "Omc", "name": "Main", "activity": "Started", "mts_url": "http://mts.example/",
        "timetable": {"Every": {"minutes": 5}}, "filter": filter, "fields": ["given_name"],
        "mapping": {"vid": ["vid"], "name": paths("given_name"), "gender": ["gender"], "dob": ["birthdate"],
                    "phone_number": ["phone"], "email_id": ["email"], "full_address": paths("address")},
        "mandatory": {"name": true, "gender": true, "dob": true, "full_address": true},
        "input_format": null, "output_format": null, "language": "eng",
        "callback": {"auth": "StaticBearer", "method": "POST", "timeout": {"secs": 10, "nanos": 0}, "extra_headers": []},
        "vid_type": 2, "token_type": 3, "remove_vid": true, "batch_size": null, "phone_country_code": null,
        "value_fields": [],
    });
    serde_json::from_value(connector).unwrap()
}
