//! How the demo ended.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::App;
use crate::cli::table;
use crate::domain::code::Code;
use crate::domain::record::State;

pub(super) struct Summary {
    registrants: u64,
    eligible: u64,
    submitted: u64,
    tokens_written: u64,
    vids_cleared: u64,
    vids_swept: u64,
    rejected: BTreeMap<Code, u64>,
    abandoned: u64,
    duplicates: u64,
    seconds: f64,
    peak_rss_bytes: u64,
    /// What is not as it must be.
    faults: Vec<String>,
    pub ok: bool,
}

impl Summary {
    pub fn make(app: &App, before: &Value, after: &Value, settled: bool) -> Self {
        let worker = &app.worker;
        let tally = &worker.tally;
        let (mut rejected, mut abandoned) = (BTreeMap::<Code, u64>::new(), 0);
        for record in worker.store.records().filter_map(Result::ok) {
            match record.state {
                State::Rejected { code } => *rejected.entry(code).or_default() += 1,
                State::Abandoned { .. } => abandoned += 1,
                _ => {}
            }
        }
        let number = |state: &Value, key: &str| state[key].as_u64().unwrap_or(u64::MAX);
        let mut summary = Self {
            registrants: number(after, "registrants"),
            eligible: tally.admitted().saturating_sub(tally.left()),
            submitted: tally.submitted(),
            tokens_written: tally.tokens_written(),
            vids_cleared: tally.vids_cleared(),
            vids_swept: tally.vids_swept(),
            rejected,
            abandoned,
            duplicates: number(after, "duplicates"),
            seconds: tally.seconds(),
            peak_rss_bytes: peak_rss(),
            faults: Vec::new(),
            ok: false,
        };
        summary.faults = summary.find_faults(before, after, settled);
        summary.ok = summary.faults.is_empty();
        summary
    }

    fn find_faults(&self, before: &Value, after: &Value, settled: bool) -> Vec<String> {
        let mut faults = Vec::new();
        if !settled {
            faults.push("not everything was settled".to_owned());
        }
        for key in ["missing_tokens", "duplicate_token_rows", "wrong_tokens", "vids_cleared_without_token", "with_both"]
        {
            let count = after[key].as_u64();
            if count != Some(0) {
                faults.push(format!("{key} is {}, not 0", after[key]));
            }
        }
        if before["untouched"] != after["untouched"] {
            faults.push("something else than VIDs and tokens was changed".to_owned());
        }
        let rejected: u64 = self.rejected.values().sum();
        let mut must_equal = |what: &str, one: u64, other: u64| {
            if one != other {
                faults.push(format!("{what}: {one}, not {other}"));
            }
        };
        must_equal(
            "tokens written, rejected and abandoned make the eligible",
            self.tokens_written + rejected + self.abandoned,
            self.eligible,
        );
        must_equal("VIDs cleared are tokens written", self.vids_cleared, self.tokens_written);
        for (trouble, codes) in EXPECTED {
            let expected: u64 = trouble.iter().map(|name| before["troubles"][*name].as_u64().unwrap_or(0)).sum();
            let found: u64 =
                self.rejected.iter().filter(|(code, _)| codes.contains(&code.as_str())).map(|(_, n)| n).sum();
            must_equal(&format!("rejected with {}", codes.join(" or ")), found, expected);
        }
        must_equal("swept", self.vids_swept, before["troubles"]["token_older_vid"].as_u64().unwrap_or(0));
        faults
    }

    pub fn print(&self, json: bool) {
        if !json {
            print!("{}", self.text());
        }
        for fault in &self.faults {
            eprintln!("omc: {fault}");
        }
        if json {
            println!("{}", self.json());
        }
    }

    fn json(&self) -> Value {
        let rejected: BTreeMap<&str, u64> = self.rejected.iter().map(|(code, count)| (code.as_str(), *count)).collect();
        json!({
            "registrants": self.registrants, "eligible": self.eligible, "submitted": self.submitted,
            "tokens_written": self.tokens_written, "vids_cleared": self.vids_cleared, "vids_swept": self.vids_swept,
            "rejected": rejected, "abandoned": self.abandoned, "duplicates": self.duplicates,
            "seconds": self.seconds, "records_per_second": self.pace(), "peak_rss_bytes": self.peak_rss_bytes,
            "ok": self.ok,
        })
    }

    fn pace(&self) -> f64 {
        if self.seconds > 0.0 { self.tokens_written as f64 / self.seconds } else { 0.0 }
    }

    fn text(&self) -> String {
        let mut rows: Vec<Vec<String>> = [
            ("registrants", self.registrants, "people in the registry"),
            ("eligible", self.eligible, "matched by the filter, with a VID that has no token yet"),
            ("submitted", self.submitted, "went to MTS"),
            ("tokens written", self.tokens_written, ""),
            ("VIDs cleared", self.vids_cleared, "removed together with the token's writing"),
            ("VIDs swept", self.vids_swept, "had stayed with registrants who hold a token"),
            ("abandoned", self.abandoned, ""),
            ("duplicates", self.duplicates, "registrants who share a token with another"),
        ]
        .map(|(what, count, meaning)| vec![what.to_owned(), count.to_string(), meaning.to_owned()])
        .to_vec();
        for (code, count) in &self.rejected {
            rows.push(vec![format!("rejected {code}"), count.to_string(), code.reason().to_owned()]);
        }
        let end = if self.ok { "the registry ends as it must" } else { "the registry does NOT end as it must" };
        format!(
            "{}\n{:.1} seconds, {:.0} tokens a second, at most {:.1} MB of memory; {end}\n",
            table::lines(&["WHAT", "COUNT", "MEANING"], &rows),
            self.seconds,
            self.pace(),
            self.peak_rss_bytes as f64 / 1e6,
        )
    }
}

/// The codes that each trouble of the simulated registry must end with.
const EXPECTED: [(&[&str], &[&str]); 9] = [
    (&["two_vids"], &["OMC-VID-001"]),
    (&["expired_vid"], &["OMC-VID-002"]),
    (&["invalid_status"], &["OMC-VID-003"]),
    (&["missing_gender"], &["ATS-REQ-011"]),
    (&["missing_birthdate"], &["ATS-REQ-012"]),
    (&["missing_address"], &["ATS-REQ-015"]),
    (&["missing_names", "blank_text"], &["ATS-REQ-010", "ATS-REQ-003"]),
    (&["encrypted"], &["OMC-DATA-001"]),
    (&["refused_by_authenticator", "demographics_differ"], &["IDA-MLC-002", "IDA-DEA-001"]),
];

/// Most memory this process ever had.
fn peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
