//! One HTTP answer.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::rpc::Server;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    status: &'static str,
    date: DateTime<Utc>,
    content_type: &'static str,
    headers: Vec<String>,
    /// Odoo leaves this header out of some answers.
    nosniff: bool,
    /// JSON answers carry their length before their type.
    length_first: bool,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(server: &Server, status: &'static str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let date = server.clock.now();
        let body = body.into();
        Self { status, date, content_type, headers: Vec::new(), nosniff: true, length_first: false, body }
    }

    pub fn xml(server: &Server, body: String) -> Self {
        Self::new(server, "200 OK", "text/xml; charset=utf-8", body)
    }

    pub fn json(server: &Server, body: &serde_json::Value) -> Self {
        let mut answer = Self::new(server, "200 OK", "application/json; charset=utf-8", body.to_string());
        answer.length_first = true;
        answer
    }

    pub fn html(server: &Server, status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(server, status, "text/html; charset=utf-8", body)
    }

    pub fn sniffable(mut self) -> Self {
        self.nosniff = false;
        self
    }

    pub fn header(mut self, line: impl Into<String>) -> Self {
        self.headers.push(line.into());
        self
    }

    /// A session cookie, good for a week and dated for a year as Odoo does.
    pub fn session(self, id: &str) -> Self {
        let expires = http_date(self.date + TimeDelta::days(365));
        self.header(format!("Set-Cookie: session_id={id}; Expires={expires}; Max-Age=604800; HttpOnly; Path=/"))
    }

    /// Everything before the body.
    pub fn head(&self) -> String {
        let mut lines = vec![
            format!("HTTP/1.0 {}", self.status),
            "Server: Werkzeug/2.2.2 Python/3.11.7".to_owned(),
            format!("Date: {}", http_date(self.date)),
        ];
        let mut content =
            [format!("Content-Type: {}", self.content_type), format!("Content-Length: {}", self.body.len())];
        if self.length_first {
            content.reverse();
        }
        lines.extend(content);
        lines.extend(self.headers.iter().cloned());
        if self.nosniff {
            lines.push("X-Content-Type-Options: nosniff".to_owned());
        }
        lines.push("Connection: close".to_owned());
        lines.join("\r\n") + "\r\n\r\n"
    }
}

fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
