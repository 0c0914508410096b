//! The submissions of a form.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Options;
use crate::sim::mts::dice::Dice;

/// Submissions that are taken, and windows that are remembered.
const MOST: usize = 1_000_000;

/// Somebody's answers, and when they came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    pub at: DateTime<Utc>,
    pub answers: Value,
}

#[derive(Debug, Default)]
pub struct Form {
    submissions: Vec<Submission>,
    asked: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Form {
    /// What the options ask for, before `now`.
    pub fn made(options: &Options, now: DateTime<Utc>) -> Self {
        let dice = Dice::new(options.seed);
        let percent = |share: u8| dice.hit(f64::from(share) / 100.0);
        let now = whole(now);
        let submissions = (0..options.submissions).map(|row| {
            let (bad, refused) = (percent(options.bad_percent), percent(options.refused_percent));
            let end = if refused { "0001" } else { "0077" };
            let name = if bad { json!(row) } else { json!(format!("Person {row}")) };
            let answers = json!({
                "__id": format!("uuid:{row}"), "mosip": {"vid": format!("20{row:010}{end}")}, "name": name,
                "sex": "female", "born": "1990-01-31", "home": format!("Hill {row}"),
            });
            Submission { at: now - TimeDelta::minutes(i64::from(options.submissions - row)), answers }
        });
        Self { submissions: submissions.collect(), asked: Vec::new() }
    }

    /// What was submitted in a time, as OData gives it.
    pub fn within(&mut self, begin: DateTime<Utc>, with_begin: bool, end: DateTime<Utc>) -> Value {
        if self.asked.len() < MOST {
            self.asked.push((begin, end));
        }
        let found =
            self.submissions.iter().filter(|one| (one.at > begin || with_begin && one.at == begin) && one.at < end);
        json!({"value": found.map(Submission::shown).collect::<Vec<_>>()})
    }

    pub fn all(&self) -> Value {
        json!({"value": self.submissions.iter().map(Submission::shown).collect::<Vec<_>>()})
    }

    /// Takes submissions; one whose `__id` is there already is an edit, and keeps its date.
    pub fn submit(&mut self, new: Vec<Submission>) {
        for Submission { at, answers } in new {
            let at = whole(at);
            let id = &answers["__id"];
            match self.submissions.iter().position(|one| !id.is_null() && one.answers["__id"] == *id) {
                Some(known) => self.submissions[known].answers = answers,
                None if self.submissions.len() < MOST => self.submissions.push(Submission { at, answers }),
                None => {}
            }
        }
    }

    /// As if somebody deleted it.
    pub fn remove(&mut self, id: &str) {
        self.submissions.retain(|one| one.answers["__id"] != id);
    }

    pub fn len(&self) -> usize {
        self.submissions.len()
    }

    /// The windows that were asked for, in their order.
    pub fn asked(&self) -> Value {
        let text = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        self.asked.iter().map(|(begin, end)| json!([text(begin), text(end)])).collect()
    }
}

/// ODK's dates are in whole milliseconds.
fn whole(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

impl Submission {
    fn shown(&self) -> Value {
        let mut shown = self.answers.clone();
        if let Some(answers) = shown.as_object_mut() {
            let date = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
            answers.insert("__system".to_owned(), json!({"submissionDate": date, "reviewState": null}));
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_are_found_by_their_dates_and_edits_keep_theirs() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut form = Form::made(&Options { submissions: 10, ..Options::default() }, now);
        let count =
            |form: &mut Form, begin, with, end| form.within(begin, with, end)["value"].as_array().unwrap().len();
        assert_eq!(count(&mut form, DateTime::UNIX_EPOCH, true, now), 10);
        let third = now - TimeDelta::minutes(8);
        assert_eq!(count(&mut form, third, true, now), 8);
        assert_eq!(count(&mut form, third, false, now), 7);
        assert_eq!(count(&mut form, third, true, third), 0);
        form.submit(vec![Submission { at: now, answers: json!({"__id": "uuid:2", "name": "New"}) }]);
        assert_eq!(form.len(), 10);
        let found = form.within(third, true, third + TimeDelta::milliseconds(1));
        assert_eq!(found["value"][0]["name"], "New");
        assert_eq!(form.asked().as_array().unwrap().len(), 5);
        form.remove("uuid:2");
        assert_eq!(form.len(), 9);
    }

    #[test]
    fn bad_and_refused_ones_are_as_many_as_were_asked_for() {
        let options = Options { submissions: 1000, bad_percent: 10, refused_percent: 20, ..Options::default() };
        let form = Form::made(&options, DateTime::UNIX_EPOCH);
        let bad = form.submissions.iter().filter(|one| one.answers["name"].is_number()).count();
        let vid = |one: &&Submission| one.answers["mosip"]["vid"].as_str().unwrap().ends_with("0001");
        assert!((60..140).contains(&bad) && (150..250).contains(&form.submissions.iter().filter(vid).count()));
    }
}
