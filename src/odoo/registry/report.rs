//! What the daemon tells administrators through the door (`omc_report` in docs/door.md).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::domain::identity::RegistrantId;
use crate::domain::run::Kind;
use crate::odoo::wire::time_text;

/// Whether a field is left as it is, emptied or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

/// One report on one connector; empty parts are not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub connector: ConnectorReport,
    pub run: Option<RunReport>,
    pub rejections: Vec<RejectionReport>,
    /// Registrants whose open rejections are to be closed.
    pub resolved: Vec<RegistrantId>,
    pub preview: Option<PreviewReport>,
    /// Give up the connector's lease: nothing more is done for it.
    pub release: bool,
}

/// The answer to an administrator's Test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewReport {
    /// Row of `omc.preview`.
    pub id: u32,
    /// What would be sent, or why that cannot be told.
    pub outcome: Result<Vec<PreviewLine>, String>,
}

/// What would become of one registrant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewLine {
    pub registrant: RegistrantId,
    /// `send`, `leave`, or the code of the refusal.
    pub verdict: String,
    /// Why, in words; empty with `send`.
    pub reason: String,
    /// The record for MTS, every value masked.
    pub auth_data: Vec<(String, String)>,
}

/// Fields of the connector itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectorReport {
    /// Its one run is over.
    pub ended: Option<Ending>,
    /// Field and reason of a bad definition, or what keeps the connector from working.
    pub last_error: Change<String>,
    pub next_run: Change<DateTime<Utc>>,
    /// Row of `omc.run`.
    pub last_run_id: Option<u32>,
    /// All rows of `omc.run` that the daemon has under way. Others that Odoo shows as running were lost with a store.
    pub running: Option<Vec<u32>>,
}

/// How the one run of a one-time connector ended, as its `job_status` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    /// Registrants were given up, and no other run comes by itself.
    Failed,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Running,
    Done,
    Failed,
    Stopped,
}

/// One run, whole: every field is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// Row of `omc.run`; unset makes one.
    pub id: Option<u32>,
    pub trigger: Kind,
    pub state: RunState,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub found: u32,
    pub submitted: u32,
    pub tokens: u32,
    pub rejected: u32,
    pub abandoned: u32,
    pub message: Option<String>,
}

/// One registrant that MTS or OMC itself refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionReport {
    pub registrant: RegistrantId,
    /// Of MTS, IDA or OMC.
    pub code: String,
    /// OMC's own words for the code; never remote text.
    pub reason: String,
    pub remedy: String,
    pub attempts: u32,
    pub seen_at: DateTime<Utc>,
}

impl Report {
    pub(super) fn to_wire(&self) -> Value {
        let mut payload = Map::new();
        let connector = self.connector.to_wire();
        if !connector.is_empty() {
            payload.insert("connector".into(), Value::Object(connector));
        }
        if let Some(run) = &self.run {
            payload.insert("run".into(), run.to_wire());
        }
        if !self.rejections.is_empty() {
            payload.insert("rejections".into(), self.rejections.iter().map(RejectionReport::to_wire).collect());
        }
        if !self.resolved.is_empty() {
            payload.insert("resolved".into(), self.resolved.iter().map(|registrant| registrant.0).collect());
        }
        if let Some(preview) = &self.preview {
            payload.insert("preview".into(), preview.to_wire());
        }
        if self.release {
            payload.insert("release".into(), true.into());
        }
        Value::Object(payload)
    }
}

impl PreviewReport {
    fn to_wire(&self) -> Value {
        match &self.outcome {
            Ok(lines) => {
                let lines: Vec<Value> = lines.iter().map(PreviewLine::to_wire).collect();
                json!({"id": self.id, "state": "done", "message": false, "lines": lines})
            }
            Err(why) => json!({"id": self.id, "state": "failed", "message": why, "lines": []}),
        }
    }
}

impl PreviewLine {
    fn to_wire(&self) -> Value {
        let auth_data: Map<String, Value> =
            self.auth_data.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let reason = if self.reason.is_empty() { Value::Bool(false) } else { self.reason.as_str().into() };
        json!({
            "partner_id": self.registrant.0, "verdict": self.verdict, "reason": reason, "auth_data": auth_data,
        })
    }
}

impl ConnectorReport {
    fn to_wire(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Some(ending) = self.ended {
            fields.insert("job_status".into(), ending.name().into());
        }
        match &self.last_error {
            Change::Keep => None,
            Change::Clear => fields.insert("last_error".into(), false.into()),
            Change::Set(text) => fields.insert("last_error".into(), text.as_str().into()),
        };
        match self.next_run {
            Change::Keep => None,
            Change::Clear => fields.insert("next_run".into(), false.into()),
            Change::Set(time) => fields.insert("next_run".into(), time_text(time).into()),
        };
        if let Some(run) = self.last_run_id {
            fields.insert("last_run_id".into(), run.into());
        }
        if let Some(running) = &self.running {
            fields.insert("running".into(), running.iter().copied().collect());
        }
        fields
    }
}

impl RunReport {
    fn to_wire(&self) -> Value {
        let mut run = json!({
            "trigger": self.trigger.name(), "state": self.state.name(), "started_at": time_text(self.started_at),
            "ended_at": self.ended_at.map(time_text), "found": self.found, "submitted": self.submitted,
            "tokens": self.tokens, "rejected": self.rejected, "abandoned": self.abandoned, "message": self.message,
        });
        if let Some(id) = self.id {
            run["id"] = id.into();
        }
        run
    }
}

impl RejectionReport {
    fn to_wire(&self) -> Value {
        json!({
            "partner_id": self.registrant.0, "code": self.code, "reason": self.reason, "remedy": self.remedy,
            "attempts": self.attempts, "seen_at": time_text(self.seen_at),
        })
    }
}

impl Ending {
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl RunState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::wire::time;

    #[test]
    fn nothing_to_tell_is_an_empty_payload() {
        assert_eq!(Report::default().to_wire(), json!({}));
    }

    #[test]
    fn a_cleared_field_is_sent_and_a_kept_one_is_not() {
        let connector = ConnectorReport { last_error: Change::Clear, ..ConnectorReport::default() };
        let report = Report { connector, ..Report::default() };
        assert_eq!(report.to_wire(), json!({"connector": {"last_error": false}}));
    }

    #[test]
    fn a_preview_is_lines_or_a_reason() {
        let sent = PreviewLine {
            registrant: RegistrantId(17),
            verdict: "send".into(),
            reason: String::new(),
            auth_data: vec![("vid".into(), "9999".into())],
        };
        let answered = |outcome| {
            let preview = Some(PreviewReport { id: 4, outcome });
            Report { preview, release: true, ..Report::default() }.to_wire()
        };
        assert_eq!(
            answered(Ok(vec![sent])),
            json!({"release": true, "preview": {"id": 4, "state": "done", "message": false, "lines": [
                {"partner_id": 17, "verdict": "send", "reason": false, "auth_data": {"vid": "9999"}},
            ]}})
        );
        assert_eq!(
            answered(Err("mapping: not JSON".into()))["preview"],
            json!({"id": 4, "state": "failed", "message": "mapping: not JSON", "lines": []})
        );
    }

    #[test]
    fn everything_is_sent_in_the_protocols_words() {
        let at = time("2026-11-21 21:14:08.783633").unwrap();
        let report = Report {
            connector: ConnectorReport {
                ended: Some(Ending::Completed),
                last_error: Change::Set("mapping: not JSON".into()),
                next_run: Change::Set(at),
                last_run_id: Some(7),
                running: Some(vec![7]),
            },
            run: Some(RunReport {
                id: Some(7),
                trigger: Kind::OneTime,
                state: RunState::Running,
                started_at: at,
                ended_at: None,
                found: 120,
                submitted: 100,
                tokens: 90,
                rejected: 4,
                abandoned: 0,
                message: None,
            }),
            rejections: vec![RejectionReport {
                registrant: RegistrantId(17),
                code: "ATS-REQ-010".into(),
                reason: "no name".into(),
                remedy: "complete the name".into(),
                attempts: 1,
                seen_at: at,
            }],
            resolved: vec![RegistrantId(18)],
            preview: None,
            release: false,
        };
        let time = "2026-11-21 21:14:08.783633";
        assert_eq!(
            report.to_wire(),
            json!({
                "connector": {"job_status": "completed", "last_error": "mapping: not JSON", "next_run": time, "last_run_id": 7,
                              "running": [7]},
                "run": {"id": 7, "trigger": "one_time", "state": "running", "started_at": time, "ended_at": null,
                        "found": 120, "submitted": 100, "tokens": 90, "rejected": 4, "abandoned": 0, "message": null},
                "rejections": [{"partner_id": 17, "code": "ATS-REQ-010", "reason": "no name",
                                "remedy": "complete the name", "attempts": 1, "seen_at": time}],
                "resolved": [18],
            })
        );
    }
}
