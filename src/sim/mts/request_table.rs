//! The table of requests: what MTS keeps of each until its clean-up, across a restart.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

/// Clean-up runs this often, and removes what is older than this.
const CLEANUP: TimeDelta = TimeDelta::hours(6);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Submitted,
    SubmittedWithErrors,
    Processing,
    Processed,
    ProcessedWithErrors,
    CallbackFailed,
    DownloadFailed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::SubmittedWithErrors => "submitted_with_errors",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::ProcessedWithErrors => "processed_with_errors",
            Self::CallbackFailed => "error_making_callback_request",
            Self::DownloadFailed => "error_creating_download_unknown_exception",
        }
    }

    pub fn is_processed(self) -> bool {
        matches!(self, Self::Processed | Self::ProcessedWithErrors)
    }
}

/// A download, as far as it is written.
#[derive(Debug, Clone)]
pub struct File {
    pub text: Arc<str>,
    pub whole: bool,
}

#[derive(Debug)]
struct Row {
    created: DateTime<Utc>,
    status: Status,
    file: Option<File>,
    denied: bool,
}

#[derive(Debug)]
pub struct RequestTable {
    rows: HashMap<String, Row>,
    /// The last clean-up; `None` for a release that has none.
    cleaned: Option<DateTime<Utc>>,
}

impl RequestTable {
    pub fn new(cleans_from: Option<DateTime<Utc>>) -> Self {
        Self { rows: HashMap::new(), cleaned: cleans_from }
    }

    /// Makes up for the clean-ups that were due by now.
    pub fn clean(&mut self, now: DateTime<Utc>) {
        let Some(last) = &mut self.cleaned else { return };
        let due = (now - *last).num_seconds() / CLEANUP.num_seconds();
        if due > 0 {
            *last += CLEANUP * i32::try_from(due).unwrap_or(i32::MAX);
            let before = *last - CLEANUP;
            self.rows.retain(|_, row| row.created >= before);
        }
    }

    pub fn insert(&mut self, id: String, status: Status, now: DateTime<Utc>) {
        self.rows.insert(id, Row { created: now, status, file: None, denied: false });
    }

    pub fn status(&self, id: &str) -> Option<Status> {
        self.rows.get(id).map(|row| row.status)
    }

    /// No effect on a row that is gone.
    pub fn set_status(&mut self, id: &str, status: Status) {
        if let Some(row) = self.rows.get_mut(id) {
            row.status = status;
        }
    }

    pub fn file(&self, id: &str) -> Option<File> {
        self.rows.get(id)?.file.clone()
    }

    pub fn set_file(&mut self, id: &str, text: &str, whole: bool) {
        if let Some(row) = self.rows.get_mut(id) {
            row.file = Some(File { text: text.into(), whole });
        }
    }

    /// Whether a known request may be denied once: never twice in a row.
    pub fn deny(&mut self, id: &str) -> bool {
        self.rows.get_mut(id).is_some_and(|row| {
            row.denied = !row.denied;
            row.denied
        })
    }

    pub fn affirm(&mut self, id: &str) {
        if let Some(row) = self.rows.get_mut(id) {
            row.denied = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_between_six_and_twelve_hours() {
        let start = DateTime::from_timestamp(1_795_295_000, 0).unwrap();
        let mut table = RequestTable::new(Some(start));
        table.insert("a".into(), Status::Submitted, start + TimeDelta::minutes(1));
        for (hours, there) in [(5, true), (7, true), (11, true), (12, false)] {
            table.clean(start + TimeDelta::hours(hours));
            assert_eq!(table.status("a").is_some(), there, "{hours}");
        }
        let mut kept = RequestTable::new(None);
        kept.insert("a".into(), Status::Processed, start);
        kept.clean(start + TimeDelta::days(30));
        assert_eq!(kept.status("a"), Some(Status::Processed));
    }

    #[test]
    fn denies_never_twice_in_a_row() {
        let mut table = RequestTable::new(None);
        table.insert("a".into(), Status::Processed, DateTime::UNIX_EPOCH);
        assert_eq!([table.deny("a"), table.deny("a"), table.deny("a"), table.deny("b")], [true, false, true, false]);
    }
}
