//! Faults on order: how often which happens, drawn from a seeded dice.

use serde::Deserialize;

use super::super::random::Random;

/// What `POST /_sim/faults` sets; what is not named goes back to nothing. Rates are from 0 to 1.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Waited before each answer.
    pub latency_ms: u64,
    /// A fault 1, a closed socket or an HTTP 502; half of them before and half after the effect.
    pub error_rate: f64,
    /// The whole length announced, half the body sent; after the effect.
    pub truncate_rate: f64,
    /// HTML with 200; after the effect.
    pub garbage_rate: f64,
    /// No answer until the client goes away; half of them after the effect.
    pub hang_rate: f64,
    /// Close every connection at once.
    pub refuse: bool,
    /// Share of the door's results that are answered `busy`.
    pub busy_rate: f64,
    /// Let two IDs of one type pass for a registrant, as two transactions at once do.
    pub race_token: bool,
    /// Leases of connectors last so long instead of 90 seconds.
    pub lease_ms: Option<u64>,
    /// First and last id of registrants whose reading raises an exception, alone or among others; finding them does not.
    pub unreadable: Option<[i32; 2]>,
}

impl Faults {
    /// Refuses rates that are none.
    pub fn checked(self) -> Result<Self, String> {
        let rates = [self.error_rate, self.truncate_rate, self.garbage_rate, self.hang_rate, self.busy_rate];
        if rates.iter().all(|rate| (0.0..=1.0).contains(rate)) { Ok(self) } else { Err("a rate is from 0 to 1".into()) }
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    None,
    Fault { after: bool },
    Close { after: bool },
    BadGateway { after: bool },
    Truncate,
    Garbage,
    Hang { after: bool },
}

impl Mishap {
    /// Whether the request still has its effect.
    pub fn has_effect(self) -> bool {
        match self {
            Self::None | Self::Truncate | Self::Garbage => true,
            Self::Fault { after } | Self::Close { after } | Self::BadGateway { after } | Self::Hang { after } => after,
        }
    }
}

/// The faults in force and the dice.
#[derive(Debug)]
pub struct Dice {
    pub faults: Faults,
    random: Random,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { faults: Faults::default(), random: Random::new(seed ^ 0x0DD0) }
    }

    pub fn seed(&mut self) -> u64 {
        self.random.next()
    }

    pub fn hex40(&mut self) -> String {
        self.random.hex40()
    }

    pub fn mishap(&mut self) -> Mishap {
        let faults = self.faults;
        if self.random.chance(faults.error_rate) {
            let after = self.random.below(2) == 1;
            return match self.random.below(3) {
                0 => Mishap::Fault { after },
                1 => Mishap::Close { after },
                _ => Mishap::BadGateway { after },
            };
        }
        if self.random.chance(faults.hang_rate) {
            return Mishap::Hang { after: self.random.below(2) == 1 };
        }
        if self.random.chance(faults.truncate_rate) {
            return Mishap::Truncate;
        }
        if self.random.chance(faults.garbage_rate) {
            return Mishap::Garbage;
        }
        Mishap::None
    }
}
