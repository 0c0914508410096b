//! A POST: its body is read and validated in one go, holding the worker, and the request is queued before the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jaq_json::{Map, Val};
use tokio::sync::oneshot;

use super::Release;
use super::auth_data::AuthData;
use super::connection::Link;
use super::csv_text::rows;
use super::fields::NO_DICT;
use super::json::{self, dumps};
use super::line::Line;
use super::mapping::Fault;
use super::multipart;
use super::process::Job;
use super::refusal::Refusal;
use super::request_table::Status;
use super::simulator::Simulator;
use super::token_request::{self, Kind, TokenRequest};

/// Callbacks that go before the answer are waited for at most so long.
const EARLY: Duration = Duration::from_secs(600);

/// Why there is no identifier.
#[derive(Debug)]
pub enum Not {
    Taken(Refusal),
    /// FastAPI's own answer to a body that it cannot read.
    Read,
    /// The worker died.
    Answered,
}

impl From<Refusal> for Not {
    fn from(refusal: Refusal) -> Self {
        Self::Taken(refusal)
    }
}

pub struct Post<'p> {
    pub simulator: &'p Arc<Simulator>,
    pub link: &'p Link,
    pub kind: Kind,
    pub content_type: Option<&'p str>,
    pub body: &'p [u8],
    /// The database is locked: the first record cannot be stored.
    pub locked: bool,
}

impl Post<'_> {
    /// Gives the request identifier.
    pub async fn run(&self) -> Result<String, Not> {
        let process = &self.link.process;
        process.posts_waiting.fetch_add(1, Ordering::Relaxed);
        let turn = process.turn().await;
        process.posts_waiting.fetch_sub(1, Ordering::Relaxed);
        let (identifier, valid, done) = self.take().await?;
        drop(turn);
        if self.simulator.faults().early_callbacks {
            _ = tokio::time::timeout(EARLY, done).await;
        }
        process.let_others_go_first().await;
        match valid {
            true => Ok(identifier),
            false => Err(Refusal::none_valid(identifier).into()),
        }
    }

    async fn take(&self) -> Result<(String, bool, oneshot::Receiver<()>), Not> {
        let simulator = self.simulator;
        let (mut request, file) = match self.kind {
            Kind::Csv => self.read_form()?,
            Kind::Json | Kind::Odk => (token_request::read(&self.json()?, self.kind, self.release())?, ""),
        };
        let records = match self.kind {
            Kind::Json => std::mem::take(&mut request.authdata),
            Kind::Csv => csv_records(file, &request.csv_delimiter, self.release())?,
            Kind::Odk => match &request.odk {
                Some(config) => super::odk::pull(config, self.release(), &simulator.sender).await?,
                None => Vec::new(),
            },
        };
        let mut identifier = uuid::Uuid::new_v4().to_string();
        if self.release() == Release::V1_1 {
            identifier.replace_range(..2, "00");
        }
        let poison = simulator.faults().poison;
        let count = records.len();
        let mut lines = Vec::with_capacity(count);
        let mut valid = false;
        for record in records {
            let line = match request.mapping.apply(&record) {
                Ok(data) if self.locked || (!poison.is_empty() && data.vid == poison) => {
                    return Err(locked(&identifier, &record, &data, &request.language).into());
                }
                Ok(data) => {
                    valid = true;
                    Line::submitted(record, data)
                }
                Err(Fault::Record(code, message)) => Line::invalid(record, code, message),
                Err(Fault::Batch(text)) => {
                    // The rows before this one stay in the database, of no use to anybody.
                    simulator.pace(lines.len()).await;
                    return Err(Refusal::broken(text).into());
                }
                Err(Fault::Crash) => {
                    simulator.replace(self.link.process.worker);
                    return Err(Not::Answered);
                }
            };
            lines.push(line);
        }
        simulator.pace(count).await;

        let status = if valid { Status::Submitted } else { Status::SubmittedWithErrors };
        let working = simulator.ledger.open(&lines);
        simulator.table().insert(identifier.clone(), status, simulator.clock.now());
        simulator.requests.fetch_add(1, Ordering::Relaxed);
        simulator.records.fetch_add(count as u64, Ordering::Relaxed);
        let (done, over) = oneshot::channel();
        let job = Job { id: identifier.clone(), request, lines, working, done };
        // A process that died meanwhile takes nothing; its connections are cut anyhow.
        self.link.process.queue.send(job).map_err(|_| Not::Answered)?;
        Ok((identifier, valid, over))
    }

    fn release(&self) -> Release {
        self.simulator.options.release
    }

    fn missing_body(&self) -> Refusal {
        let said = match (self.release(), self.kind) {
            (Release::V1_1, _) => "invalid input. missing request body",
            (Release::V1_0_1, Kind::Csv) => "Missing request body",
            // So it is spelt.
            (Release::V1_0_1, _) => "mission request body",
        };
        Refusal::bad("ATS-REQ-102", said)
    }

    fn json(&self) -> Result<Val, Not> {
        let absent = || match self.kind {
            Kind::Odk => Refusal::broken("'NoneType' object has no attribute 'request'"),
            _ => self.missing_body(),
        };
        if self.body.is_empty() {
            return Err(absent().into());
        }
        if !self.content_type.is_none_or(is_json) {
            return Err(Refusal::unprocessable([NO_DICT.to_owned()]).into());
        }
        match json::parse(self.body) {
            Ok(Val::Null) => Err(absent().into()),
            Ok(body) => Ok(body),
            Err(json::Fault::Syntax(message)) => Err(Refusal::unprocessable([message]).into()),
            Err(json::Fault::Unreadable) => Err(Not::Read),
        }
    }

    /// The request and the text of the file of a form.
    fn read_form(&self) -> Result<(TokenRequest, &str), Not> {
        let parts = multipart::parts(self.content_type.unwrap_or_default(), self.body);
        let field = parts.iter().find(|part| part.name == "request" && part.file_name.is_none());
        let Some(field) = field.filter(|f| !f.content.is_empty()) else {
            return Err(self.missing_body().into());
        };
        let body = json::parse(field.content).map_err(|_| Refusal::unprocessable(["Invalid JSON".to_owned()]))?;
        let request = token_request::read(&body, Kind::Csv, self.release())?;
        let file = parts.iter().find(|part| part.name == "csv_file" && part.file_name.is_some());
        let Some(file) = file else {
            let said = match self.release() {
                Release::V1_1 => "invalid input. requires CSV file",
                Release::V1_0_1 => "Requires CSV file",
            };
            return Err(Refusal::bad("ATS-REQ-102", said).into());
        };
        let text = std::str::from_utf8(file.content).map_err(|error| {
            let (at, byte) = (error.valid_up_to(), file.content[error.valid_up_to()]);
            Refusal::broken(format!(
                "'utf-8' codec can't decode byte 0x{byte:02x} in position {at}: invalid continuation byte"
            ))
        })?;
        Ok((request, text))
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|sub| sub == "json" || sub.ends_with("+json"))
}

/// The first row that is not blank names the fields; a short row leaves the last ones null.
fn csv_records(file: &str, delimiter: &str, release: Release) -> Result<Vec<Val>, Refusal> {
    let mut one = delimiter.chars();
    let (Some(delimiter), None) = (one.next(), one.next()) else {
        return Err(Refusal::broken("\"delimiter\" must be a 1-character string"));
    };
    let mut rows = rows(file, delimiter).into_iter().skip_while(Vec::is_empty);
    let Some(header) = rows.next() else {
        return Ok(Vec::new());
    };
    rows.map(|row| {
        if release == Release::V1_0_1 && row.len() < header.len() {
            return Err(Refusal::broken("list index out of range"));
        }
        let mut cells = row.into_iter();
        let fields = header.iter().map(|name| {
            let cell = cells.next().map_or(Val::Null, Val::utf8_str);
            (Val::utf8_str(name.clone()), cell)
        });
        Ok(Val::obj(fields.collect::<Map>()))
    })
    .collect()
}

/// What MTS says when its database is locked: the statement with all its parameters, the person's record among them.
fn locked(identifier: &str, record: &Val, data: &AuthData, language: &str) -> Refusal {
    let part = |text: &str| dumps(&Val::utf8_str(text.to_owned()));
    let spoken = |value: &str| format!(r#"[{{"language": {}, "value": {}}}]"#, part(language), part(value));
    let optional = |value: &Option<String>| value.as_deref().map_or_else(|| "null".to_owned(), part);
    let input = format!(
        r#"{{"name": {}, "gender": {}, "dob": {}, "phoneNumber": {}, "emailId": {}, "fullAddress": {}, "vid": {}}}"#,
        spoken(&data.name),
        spoken(&data.gender),
        part(&data.dob),
        optional(&data.phone),
        optional(&data.email),
        spoken(&data.address),
        part(&data.vid)
    );
    let received = dumps(record);
    Refusal::broken(format!(
        "(sqlite3.OperationalError) database is locked\n[SQL: INSERT INTO auth_request_data (auth_request_id, auth_request_line_no, \
         auth_data_received, auth_data_input, auth_data_output, token, error_code, error_message, status, cr_dtimes, upd_dtimes) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]\n[parameters: ('{identifier}', 1, '{received}', '{input}', None, None, None, None, \
         'submitted', None, None)]\n(Background on this error at: https://sqlalche.me/e/14/e3q8)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_are_filled_with_null() {
        let records = csv_records("vid,name\r\n1,A\n2\n\n", ",", Release::V1_1).unwrap();
        let text: Vec<String> = records.iter().map(dumps).collect();
        let expected =
            [r#"{"vid": "1", "name": "A"}"#, r#"{"vid": "2", "name": null}"#, r#"{"vid": null, "name": null}"#];
        assert_eq!(text, expected);
        assert!(csv_records("vid,name\n1\n", ",", Release::V1_0_1).is_err());
        assert!(csv_records("", ",", Release::V1_1).unwrap().is_empty());
    }

    #[test]
    fn json_by_content_type() {
        assert!(is_json("application/json; charset=utf-8") && is_json("application/vnd.api+json"));
        assert!(!is_json("text/plain") && !is_json("application/x-www-form-urlencoded"));
    }
}
