//! A connector for tests.

use serde_json::{Value, json};

use crate::domain::connector::Connector;
use crate::domain::mapping::Mandatory;

pub fn connector() -> Connector {
    with_filter(json!([]))
}

pub fn with_filter(filter: Value) -> Connector {
    let mandatory = serde_json::to_value(Mandatory::default()).unwrap();
    let connector = json!({
        "id": 1, "model": "Omc", "name": "Main", "activity": "Started", "mts_url": "http://mts.example/",
        "timetable": {"Every": {"minutes": 5}}, "filter": filter, "fields": [{"name": "given_name", "kind": "text"}],
        "mapping": {"vid": "vid", "name": ["given_name"], "gender": "gender", "dob": "birthdate", "phoneNumber": "phone",
                    "emailId": "email", "fullAddress": ["address"]},
        "mandatory": mandatory,
        "input_format": null, "output_format": null, "language": "eng",
        "callback": {"auth": "StaticBearer", "method": "POST", "timeout": {"secs": 10, "nanos": 0}, "extra_headers": []},
        "vid_type": 2, "token_type": 3, "remove_vid": true, "batch_size": null, "phone_country_code": null,
        "value_fields": [],
    });
    serde_json::from_value(connector).unwrap()
}
