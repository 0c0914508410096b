//! An event as MOSIP's audit manager takes it (`POST /v1/auditmanager/audits`, API description of 1.2.0): its fields and their
//! longest values.

use serde_json::{Map, Value};

use super::envelope::time;
use crate::domain::audit::{AuditEvent, Deed};

/// The field with more to say than the others.
const DESCRIPTION: &str = "description";

/// Fields and the characters that they hold at most. All that 1.1.5 or 1.2.0 demand are among them.
const LONGEST: [(&str, usize); 16] = [
    ("eventId", 64),
    ("eventName", 128),
    ("eventType", 64),
    ("actionTimeStamp", 24),
    ("hostName", 128),
    ("hostIp", 256),
    ("applicationId", 64),
    ("applicationName", 128),
    ("sessionUserId", 256),
    ("sessionUserName", 128),
    ("id", 64),
    ("idType", 64),
    ("createdBy", 256),
    ("moduleName", 128),
    ("moduleId", 64),
    (DESCRIPTION, 2048),
];

/// Who tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Teller {
    /// The name that the store gave its daemon.
    pub daemon: String,
    pub host_name: String,
    pub host_ip: String,
}

/// The event with this number, as `request`.
pub(super) fn request(teller: &Teller, number: u64, event: &AuditEvent) -> Value {
    let (id, name) = event_names(&event.deed);
    let (of, of_type) = subject(event);
    let texts = [
        ("eventId", id.to_owned()),
        ("eventName", name.to_owned()),
        ("eventType", "SYSTEM".to_owned()),
        ("actionTimeStamp", time(event.at)),
        ("hostName", teller.host_name.clone()),
        ("hostIp", teller.host_ip.clone()),
        ("applicationId", "OMC".to_owned()),
        ("applicationName", "OpenG2P Registry MTS Connector".to_owned()),
        ("sessionUserId", "omc".to_owned()),
        ("sessionUserName", "omc".to_owned()),
        ("id", of),
        ("idType", of_type.to_owned()),
        ("createdBy", "omc".to_owned()),
        ("moduleName", "Connector".to_owned()),
        ("moduleId", event.connector.map_or_else(|| "none".to_owned(), |connector| connector.to_string())),
        (DESCRIPTION, format!("event={}-{number}{}", teller.daemon, details(event))),
    ];
    let fields =
        texts.into_iter().zip(LONGEST).map(|((field, text), (_, longest))| (field.to_owned(), cut(text, longest)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn cut(text: String, longest: usize) -> Value {
    match text.char_indices().nth(longest) {
        Some((at, _)) => text[..at].into(),
        None => text.into(),
    }
}

fn event_names(deed: &Deed) -> (&'static str, &'static str) {
    match deed {
        Deed::Definition { .. } => ("OMC_DEFINITION", "Definition of a connector changed"),
        Deed::RunBegan { .. } => ("OMC_RUN_BEGAN", "Run began"),
        Deed::RunEnded { .. } => ("OMC_RUN_ENDED", "Run ended"),
        Deed::TokenWritten { .. } => ("OMC_TOKEN_WRITTEN", "Token written to the registry"),
        Deed::VidRemoved { .. } => ("OMC_VID_REMOVED", "VID removed from the registry"),
        Deed::Refused { given_up: false, .. } => ("OMC_REFUSED", "Registrant refused"),
        Deed::Refused { given_up: true, .. } => ("OMC_GIVEN_UP", "Registrant given up"),
        Deed::CallbacksRefused { .. } => ("OMC_CALLBACKS_REFUSED", "Callbacks refused"),
    }
}

/// `id` and `idType`: whom or what the event is about.
fn subject(event: &AuditEvent) -> (String, &'static str) {
    match &event.deed {
        Deed::TokenWritten { registrant, .. }
        | Deed::VidRemoved { registrant, .. }
        | Deed::Refused { registrant, .. } => (registrant.to_string(), "ODOO_PARTNER_ID"),
        Deed::RunBegan { run, .. } | Deed::RunEnded { run, .. } => (run.0.to_string(), "OMC_RUN_ID"),
        Deed::Definition { .. } | Deed::CallbacksRefused { .. } => {
            (event.connector.map_or_else(|| "none".to_owned(), |connector| connector.to_string()), "OMC_CONNECTOR_ID")
        }
    }
}

/// `; name=value` for each thing that there is to say.
fn details(event: &AuditEvent) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: &dyn std::fmt::Display| text.push_str(&format!("; {name}={value}"));
    if let Some(connector) = event.connector {
        say("connector", &connector);
    }
    match &event.deed {
        Deed::Definition { now, fields } => {
            say("definition", &now.name());
            say("fields", &fields.join(","));
        }
        Deed::RunBegan { run, kind } => {
            say("run", &run.0);
            say("trigger", &kind.name());
        }
        Deed::RunEnded { run, kind, ending, counters } => {
            say("run", &run.0);
            say("trigger", &kind.name());
            say("state", &ending.name());
            let counts = [
                ("found", counters.found),
                ("submitted", counters.submitted),
                ("tokens", counters.tokens),
                ("refused", counters.rejected),
                ("given_up", counters.abandoned),
                ("left", counters.left),
            ];
            counts.iter().for_each(|(name, count)| say(name, count));
        }
        Deed::TokenWritten { run, found, .. } => {
            say("run", &run.0);
            say("outcome", &if *found { "found" } else { "written" });
        }
        Deed::VidRemoved { run, by, found, .. } => {
            say("run", &run.0);
            say("by", &by.name());
            say("outcome", &if *found { "found" } else { "removed" });
        }
        Deed::Refused { run, code, .. } => {
            say("run", &run.0);
            say("code", &code.as_str());
        }
        Deed::CallbacksRefused { reasons } => {
            say("calls", &reasons.values().sum::<u64>());
            reasons.iter().for_each(|(reason, count)| say(reason, count));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::domain::audit::{Definition, Ending, Remover};
    use crate::domain::code::Code;
    use crate::domain::identity::{ConnectorId, RegistrantId, RunId};
    use crate::domain::run::{Counters, Kind};

    const MOST: u64 = u64::MAX;

    /// One of each kind, with values as large as they get.
    fn all() -> Vec<AuditEvent> {
        let (run, registrant, kind) = (RunId(MOST), RegistrantId(i32::MAX as u32), Kind::Schedule);
        let counters =
            Counters { found: MOST, submitted: MOST, tokens: MOST, rejected: MOST, abandoned: MOST, left: MOST };
        let code = || Code::from_wire(&format!("A-1{}", "B".repeat(37)));
        let reasons: BTreeMap<String, u64> = ["a", "b"].map(|reason| (reason.to_owned(), MOST / 2)).into();
        let deeds = [
            Deed::Definition { now: Definition::Unchosen, fields: vec!["g2p_selected_fields".to_owned(); 300] },
            Deed::RunBegan { run, kind },
            Deed::RunEnded { run, kind, ending: Ending::Stopped, counters },
            Deed::TokenWritten { run, registrant, found: true },
            Deed::VidRemoved { run, registrant, by: Remover::WriteBack, found: true },
            Deed::Refused { run, registrant, code: code(), given_up: false },
            Deed::Refused { run, registrant, code: code(), given_up: true },
            Deed::CallbacksRefused { reasons },
        ];
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let of = |deed| AuditEvent::of(ConnectorId(i32::MAX as u32), at, deed);
        deeds.into_iter().map(of).collect()
    }

    fn teller() -> Teller {
        Teller { daemon: "d".repeat(16), host_name: "h\u{e9}".repeat(200), host_ip: "::1".to_owned() }
    }

    #[test]
    fn every_field_is_there_and_within_its_length() {
        for event in all() {
            let request = request(&teller(), MOST, &event);
            let fields = request.as_object().unwrap();
            assert_eq!(fields.len(), LONGEST.len());
            for (name, longest) in LONGEST {
                let length = fields[name].as_str().unwrap_or_else(|| panic!("{name}")).chars().count();
                assert!((1..=longest).contains(&length), "{name}: {length}");
            }
            assert_eq!(fields["actionTimeStamp"], "2026-09-21T14:13:20.000Z");
        }
    }

    #[test]
    fn an_event_has_one_name_however_often_it_is_told() {
        let begins = format!("event={}-7; connector=", "d".repeat(16));
        for event in all() {
            let text = request(&teller(), 7, &event)["description"].as_str().unwrap().to_owned();
            assert!(text.starts_with(&begins), "{text}");
            assert_eq!(request(&teller(), 7, &event)["description"].as_str(), Some(text.as_str()));
        }
    }

    #[test]
    fn whom_an_event_is_about_is_told_by_a_number() {
        let registrant = i32::MAX.to_string();
        let about: Vec<(String, String)> = all()
            .iter()
            .map(|event| {
                let request = request(&teller(), 1, event);
                (request["id"].as_str().unwrap().to_owned(), request["idType"].as_str().unwrap().to_owned())
            })
            .collect();
        for (id, kind) in &about[3..7] {
            assert_eq!((id, kind.as_str()), (&registrant, "ODOO_PARTNER_ID"));
        }
        assert_eq!(about[0].1, "OMC_CONNECTOR_ID");
        assert_eq!(about[1].1, "OMC_RUN_ID");
        let nobody = AuditEvent { connector: None, ..all().remove(7) };
        assert_eq!(request(&teller(), 1, &nobody)["id"], "none");
    }
}
