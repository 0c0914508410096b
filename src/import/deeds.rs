//! What the audit is told of an import into the registry. The daemon keeps the audit's queue, so the daemon is told.

use std::pin::Pin;

use chrono::{DateTime, Utc};

use super::chunk::Line;
use crate::domain::audit::{AuditEvent, Deed, Remover};
use crate::domain::code::Code;
use crate::domain::identity::{ConnectorId, RunId};

/// Events of one call.
pub const AT_ONCE: usize = 1000;

/// Gives events to whoever queues them for the audit, and comes back when they are on disk there; or says what is in the way.
pub type Tell = Box<dyn Fn(Vec<AuditEvent>) -> Telling + Send + Sync>;
type Telling = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What became of these rows. Of those in `writing` an earlier start may have removed the VID, and never heard of it.
pub fn of(lines: &[Line], writing: &[usize], connector: ConnectorId, at: DateTime<Utc>) -> Vec<AuditEvent> {
    let run = RunId::NONE;
    let mut events = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let Some(verdict) = &line.verdict else { continue };
        let Some(registrant) = verdict.registrant else { continue };
        let found = verdict.status == "already";
        if found || verdict.status == "written" {
            events.push(Deed::TokenWritten { run, registrant, found });
            let was_removed = found && holds_none(line) && writing.contains(&place);
            if line.vid_removed || was_removed {
                events.push(Deed::VidRemoved { run, registrant, by: Remover::WriteBack, found: was_removed });
            }
        } else if let Some(cause) = &verdict.cause {
            let code = Code::from_wire(&cause.code);
            events.push(Deed::Refused { run, registrant, code, given_up: false });
        }
    }
    events.into_iter().map(|deed| AuditEvent::of(connector, at, deed)).collect()
}

fn holds_none(line: &Line) -> bool {
    line.holder.as_ref().is_some_and(|holder| holder.vid.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{RegIdRow, RegistrantId};
    use crate::import::chunk::Holder;
    use crate::import::verdict::{Cause, Verdict};
    use crate::odoo::registry::IdRow;
    use crate::seal::Personal;

    fn line(registrant: Option<u32>, status: &'static str, cause: Option<Cause>) -> Line {
        let registrant = registrant.map(RegistrantId);
        Line {
            number: 2,
            vid: Personal::new("2045678901234567".to_owned()),
            matched: None,
            holder: registrant.map(|registrant| Holder { registrant, vid: None }),
            record: None,
            verdict: Some(Verdict { status, token: None, cause, registrant }),
            vid_removed: false,
        }
    }

    #[test]
    fn each_row_of_a_registrant_is_told_and_a_removal_whose_answer_was_lost_too() {
        let vid = IdRow {
            row: RegIdRow(9),
            value: Personal::default(),
            status: None,
            expiry_date: None,
            written: DateTime::UNIX_EPOCH,
            created: DateTime::UNIX_EPOCH,
            written_text: String::new(),
        };
        let held = Holder { registrant: RegistrantId(5), vid: Some(vid) };
        let lines = [
            Line { vid_removed: true, ..line(Some(1), "written", None) },
            line(Some(2), "already", None),
            line(Some(3), "already", None),
            line(Some(4), "conflict", Some(Code::OTHER_TOKEN.into())),
            // Its VID is kept, or was edited.
            Line { holder: Some(held), ..line(Some(5), "already", None) },
            line(None, "unmatched", Some(Code::OTHER_TOKEN.into())),
        ];
        let events = of(&lines, &[1, 4], ConnectorId(7), DateTime::UNIX_EPOCH);
        let told: Vec<(u32, &str, bool)> = events
            .iter()
            .map(|event| match &event.deed {
                Deed::TokenWritten { registrant, found, .. } => (registrant.0, "token", *found),
                Deed::VidRemoved { registrant, found, .. } => (registrant.0, "vid", *found),
                Deed::Refused { registrant, code, .. } => {
                    assert_eq!(*code, Code::OTHER_TOKEN);
                    (registrant.0, "refused", false)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            (1, "token", false),
            (1, "vid", false),
            (2, "token", true),
            (2, "vid", true),
            (3, "token", true),
            (4, "refused", false),
            (5, "token", true),
        ];
        assert_eq!(told, expected);
        assert!(events.iter().all(|event| event.connector == Some(ConnectorId(7))));
    }
}
