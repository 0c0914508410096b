//! One stored value of a row, in the shape PostgreSQL would keep it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

/// A column's value. Text is boxed: the registry is 200,000 rows wide.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    /// Days since the common era began, as chrono counts them.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Time(i64),
    Ref(i32),
    /// A many2many's rows.
    Refs(Box<[i32]>),
}

impl Cell {
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_ref_id(&self) -> Option<i32> {
        match self {
            Self::Ref(id) => Some(*id),
            _ => None,
        }
    }

    /// Booleans: null is false.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// A number to compare numbers, dates and references by; text and null have none.
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Time(number) => Some(*number),
            Self::Date(days) => Some(i64::from(*days)),
            Self::Ref(id) => Some(i64::from(*id)),
            Self::Bool(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }

    /// Order of two cells of one column; null has none.
    pub fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
            #[expect(clippy::cast_precision_loss, reason = "PostgreSQL compares them as doubles too")]
            (Self::Float(left), right) => right.as_number().and_then(|right| left.partial_cmp(&(right as f64))),
            #[expect(clippy::cast_precision_loss, reason = "PostgreSQL compares them as doubles too")]
            (left, Self::Float(right)) => left.as_number().and_then(|left| (left as f64).partial_cmp(right)),
            _ => Some(self.as_number()?.cmp(&other.as_number()?)),
        }
    }
}

/// `YYYY-MM-DD`.
pub fn date_text(days: i32) -> String {
    NaiveDate::from_num_days_from_ce_opt(days).map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// `YYYY-MM-DD HH:MM:SS`: RPC cuts the microseconds off.
pub fn time_text(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// `YYYY-MM-DD HH:MM:SS.ffffff`: what the door gives.
pub fn micros_text(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
        .unwrap_or_default()
}

/// A date as PostgreSQL reads it: `YYYY-MM-DD`, or the date part of a timestamp.
pub fn parse_date(text: &str) -> Option<i32> {
    let head = text.trim().get(..10)?;
    NaiveDate::parse_from_str(head, "%Y-%m-%d").ok().map(|date| date.num_days_from_ce())
}

/// A timestamp as PostgreSQL reads it into a column without zone: with `T` or a blank, any fraction, a zone ignored.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.trim_end_matches(['Z', 'z']);
    let text = match text.get(10..).and_then(|rest| rest.find(['+', '-'])) {
        Some(zone) => &text[..10 + zone],
        None => text,
    };
    let plain = text.replacen(['T', 't'], " ", 1);
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y%m%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&plain, format).ok())
        .or_else(|| NaiveDate::parse_from_str(&plain, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0)))
        .map(|time| time.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_keep_microseconds_inside_and_lose_them_on_the_wire() {
        let micros = parse_time("2026-11-21 21:14:08.783633").unwrap();
        assert_eq!(time_text(micros), "2026-11-21 21:14:08");
        assert_eq!(micros_text(micros), "2026-11-21 21:14:08.783633");
        assert_eq!(parse_time("2026-11-21T21:14:08.783633Z"), Some(micros));
        assert_eq!(parse_time("20261121T21:14:08"), parse_time("2026-11-21 21:14:08"));
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn dates_are_read_from_the_first_ten_characters() {
        assert_eq!(parse_date("1990-02-28").map(date_text).as_deref(), Some("1990-02-28"));
        assert_eq!(parse_date("28/02/1990"), None);
    }
}
