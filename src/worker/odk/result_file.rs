//! The file of a window's results.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::domain::code::Code;
use crate::domain::identity::ConnectorId;
use crate::domain::odk::Window;
use crate::intake::Answer;
use crate::mts::Row;

/// The same again if it is written again. Windows of two passes can have one end, so the begin is in it too.
pub(super) fn name(connector: ConnectorId, window: Window) -> PathBuf {
    let time = |time: DateTime<Utc>| time.format("%Y%m%dT%H%M%S%3fZ").to_string();
    PathBuf::from(format!("odk-{connector}-{}-{}.csv", time(window.begin), time(window.end)))
}

pub(super) fn text(rows: &[Row], answers: &[Answer]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["vid", "token", "status", "errorCode", "errorMessage"];
    let lines = rows.iter().zip(answers).map(|(row, answer)| {
        let vid = row.vid.as_ref().map_or("", |vid| vid.expose().as_str());
        let invalid = row.status.as_deref() == Some("invalid");
        match answer {
            Answer::Token { token, .. } => [vid, token.expose().as_str(), "processed", "", ""],
            Answer::Error(code) => {
                [vid, "", if invalid { "invalid" } else { "error" }, code.as_str(), Code::reason(code)]
            }
        }
    });
    let written = std::iter::once(header).chain(lines).try_for_each(|line| writer.write_record(line));
    // Unwrap safety: lines of five texts go into memory.
    written.expect("in memory");
    // Unwrap safety: as above.
    let bytes = writer.into_inner().expect("in memory");
    String::from_utf8(bytes).unwrap_or_default()
}
