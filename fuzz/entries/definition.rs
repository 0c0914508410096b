//! Definitions of connectors, as Odoo gives them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono::DateTime;
use omc::domain::connector::{Connector, Model};
use omc::domain::definition::{Surroundings, parse};
use omc::domain::identity::{ConnectorId, IdTypeId};
use omc::domain::mapping::Mandatory;
use omc::domain::registrant_field::RegistrantField;
use omc::store::codec;
use serde_json::{Map, Value, json};

struct World {
    row: Map<String, Value>,
    fields: BTreeMap<String, RegistrantField>,
    types: Vec<(IdTypeId, String)>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let Value::Object(row) = json!({
            "id": 7, "name": "Nightly", "active": true, "job_status": "started",
            "mts_url": "http://mts.example.org/seeder/", "input_type": "custom", "output_type": "json",
            "delivery_type": "callback", "lang_code": "eng", "is_recurring": "recurring", "interval_minutes": 30,
            "mapping": "{\"name\": [\"given_name\"], \"gender\": \"gender\", \"dob\": \"birthdate\", \"fullAddress\": [\"address\"]}",
            "callback_httpmethod": "POST", "callback_timeout": 10, "callback_authtype": "staticBearer",
            "g2p_search_domain": "[('is_registrant', '=', True)]",
            "g2p_selected_fields": "[\"id\", \"given_name\", \"birthdate\", \"gender\", \"address\"]",
            "remove_vid": true, "batch_size": 0,
        }) else {
            unreachable!("an object is written there")
        };
        let kinds = [
            ("id", "integer"),
            ("given_name", "char"),
            ("gender", "selection"),
            ("birthdate", "date"),
            ("address", "text"),
            ("country_id", "many2one"),
            ("reg_ids", "one2many"),
            ("is_registrant", "boolean"),
        ];
        let fields = kinds.map(|(name, kind)| {
            (name.to_owned(), RegistrantField { kind: kind.to_owned(), stored: true, relation: None })
        });
        let types = [(IdTypeId(3), "MOSIP VID".to_owned()), (IdTypeId(4), "MOSIP UIN TOKEN".to_owned())];
        World { row, fields: fields.into(), types: types.into() }
    })
}

/// Takes the fields that differ from a good definition, as a JSON object; `model` may say `stock`.
///
/// # Panics
/// Where the reader does, a good definition does not come back from the store as it was, or a bad one has no problem.
pub fn run(data: &[u8]) {
    let Ok(changes) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    let world = world();
    let model = if changes.get("model") == Some(&json!("stock")) { Model::Stock } else { Model::Omc };
    let mut row = world.row.clone();
    row.extend(changes);
    let around = Surroundings {
        registrant_fields: &world.fields,
        id_types: &world.types,
        vid_type: None,
        token_type: None,
        now: DateTime::UNIX_EPOCH,
        mandatory: Mandatory::default(),
        unauthenticated: true,
        stock_delivery: omc::domain::delivery::Delivery::Callback,
        odk_folder: true,
    };
    match parse(model, ConnectorId(7), &row, &around) {
        Ok(connector) => {
            let stored = codec::encode(&connector).expect("a good definition can be stored");
            let read: Connector = codec::decode(&stored).expect("a good definition is good when it is read back");
            assert!(read == connector, "another definition came back");
            assert_eq!(read.pull_digest_source(), connector.pull_digest_source());
            // The name and the fields are the administrator's; a header of theirs may be a key.
            super::shows_no_number(&format!("{:?}", connector.callback), &String::from_utf8_lossy(data));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a bad definition has no problem");
            assert!(problems.iter().all(|problem| problem.reason.len() < 5000), "a problem quotes at length");
        }
    }
}
