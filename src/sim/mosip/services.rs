//! What the services share, and what came to them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Options;
use super::faults::{Change, Faults};
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::sim::mts::dice::Dice;

/// Audits and messages that are kept, each.
const KEPT: usize = 100_000;

#[derive(Debug)]
pub struct Services {
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub dice: Dice,
    tokens: Tokens,
    faults: Mutex<Faults>,
    received: Mutex<Received>,
    logins: AtomicU64,
    refused_logins: AtomicU64,
    /// Calls that a service refused: by its own code, or for want of a token.
    refused: AtomicU64,
}

#[derive(Debug, Default)]
pub struct Received {
    pub audits: Vec<Value>,
    pub sms: Vec<Value>,
    pub emails: Vec<Value>,
}

impl Services {
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Self {
        Self {
            dice: Dice::new(options.seed),
            options,
            clock,
            tokens: Tokens::new(),
            faults: Mutex::default(),
            received: Mutex::default(),
            logins: AtomicU64::new(0),
            refused_logins: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change_faults(&self, change: Change) -> Faults {
        if change.revoke {
            self.tokens.revoke();
        }
        change.apply(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
        self.faults()
    }

    pub fn token_seconds(&self) -> i64 {
        match self.faults().token_seconds {
            0 => self.options.token_seconds,
            seconds => seconds,
        }
    }

    /// A token, if client and secret are right.
    pub fn log_in(&self, client: &str, secret: &str) -> Option<String> {
        let faults = self.faults();
        let right = if faults.secret_key.is_empty() { &self.options.secret_key } else { &faults.secret_key };
        if client != self.options.client_id || secret != right {
            self.refused_logins.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.logins.fetch_add(1, Ordering::Relaxed);
        Some(self.tokens.give(client, self.clock.now().timestamp(), self.token_seconds()))
    }

    /// Whose token it is, if it is good.
    pub fn holder(&self, token: &str) -> Option<String> {
        self.tokens.holder(token, self.clock.now().timestamp())
    }

    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> Value {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let received = self.received();
        json!({
            "logins": get(&self.logins),
            "refused_logins": get(&self.refused_logins),
            "refused": get(&self.refused),
            "audits": received.audits.len(),
            "sms": received.sms.len(),
            "emails": received.emails.len(),
        })
    }
}

/// Keeps one more; the oldest go.
pub fn keep(kept: &mut Vec<Value>, one: Value) {
    if kept.len() >= KEPT {
        kept.drain(..KEPT / 10);
    }
    kept.push(one);
}
