//! Section `[notify]`: who is told what by SMS and e-mail, and whether Odoo is told.

use serde::{Deserialize, Serialize};

use super::notifier::Recipient;
use crate::domain::alarm::Threshold;
use crate::domain::span::Span;
use crate::seal::Personal;

/// Each message is a call for each of them.
const MOST: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    pub emails: Vec<Personal<String>>,
    pub phones: Vec<Personal<String>>,
    /// Whether those who are responsible for a connector get an activity in Odoo.
    pub activities: bool,
    /// Which paths the notifier has.
    pub release: Release,
    /// Refusals of one run that are told.
    pub rejections_above: Threshold,
    /// How long a connector may be stuck untold.
    pub stuck_after: Span,
    /// Between two times that the same trouble of a connector is told to begin.
    pub pause: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// 1.2.0's, and where they are not there, 1.1.5's.
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "1.1.5")]
    V1_1_5,
    #[serde(rename = "1.2.0")]
    V1_2_0,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            emails: Vec::new(),
            phones: Vec::new(),
            activities: false,
            release: Release::Auto,
            rejections_above: Threshold::Percent(10),
            stuck_after: Span::from_secs(3600),
            pause: Span::from_secs(6 * 3600),
        }
    }
}

impl NotifyConfig {
    pub fn recipients(&self) -> Vec<Recipient> {
        let emails = self.emails.iter().cloned().map(Recipient::Email);
        emails.chain(self.phones.iter().cloned().map(Recipient::Phone)).collect()
    }

    /// Whether anybody is told of anything.
    pub fn is_on(&self) -> bool {
        self.activities || !self.emails.is_empty() || !self.phones.is_empty()
    }

    /// What is wrong, if anything; `has_url`: it is said where MOSIP is; `has_addon`: the connectors are OMC's own.
    pub fn check(&self, has_url: bool, has_addon: bool) -> Result<(), &'static str> {
        let is_address = |text: &str| {
            text.len() <= 254
                && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
                && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let is_number = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or(text);
            (5..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !self.emails.iter().all(|email| is_address(email.expose())) {
            return Err("notify.emails: one of them is no e-mail address");
        }
        if !self.phones.iter().all(|phone| is_number(phone.expose())) {
            return Err("notify.phones: one of them is no number; write digits, with a + before them if need be");
        }
        if self.emails.len() + self.phones.len() > MOST {
            return Err(
                "notify.emails, notify.phones: more than 50 together; make a list of theirs at the mail server",
            );
        }
        if !has_url && !self.recipients().is_empty() {
            return Err("mosip.url: must be set for notify.emails and notify.phones");
        }
        if self.activities && !has_addon {
            return Err(
                "notify.activities: OpenG2P's own mts.connector has none; needs OMC's addon, and odoo.connector_model = \"omc.connector\"",
            );
        }
        Ok(())
    }
}
