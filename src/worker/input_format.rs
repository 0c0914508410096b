//! The connector's input format, run over the registrants of one batch.

use std::collections::HashMap;

use serde_json::Value;

use super::Preparation;
use crate::domain::code::Code;
use crate::domain::identity::RegistrantId;
use crate::domain::record::Record;
use crate::jq::{self, Jail, Passage, Stop};
use crate::odoo::registry::Registrant;

/// What the input format made of one registrant, or why nothing.
pub type Shaped = Result<Option<Value>, Code>;

/// What it made of all of them.
#[derive(Default)]
pub struct Shaping {
    shaped: HashMap<RegistrantId, Shaped>,
    untouched: Vec<RegistrantId>,
    /// Why those that are untouched are.
    pub stopped: Option<Stop>,
    /// Nothing was wrong, and nobody new ran away.
    pub ran_clean: bool,
}

impl Shaping {
    /// Those whose turn did not come.
    pub fn untouched(&self) -> impl Iterator<Item = RegistrantId> {
        self.untouched.iter().copied()
    }

    /// `None`: the connector has no input format.
    pub fn take(&mut self, registrant: RegistrantId) -> Option<Shaped> {
        self.shaped.remove(&registrant)
    }
}

/// Runs the connector's input format, if it has one. On whom it is known to run away, it is not run again.
pub async fn run(jail: &Jail, preparation: &Preparation<'_>, found: Vec<(&Record, &Registrant)>) -> Shaping {
    let connector = preparation.connector();
    let Some(format) = &connector.input_format else { return Shaping::default() };
    let (known, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(record, registrant)| preparation.runs_away(record, registrant));
    let records: Vec<Value> = found.iter().map(|(_, registrant)| preparation.input(registrant)).collect();
    let Passage { outcomes, stopped } = jail.run(connector.id, format, &records).await;
    let mut shaping = Shaping { stopped, ran_clean: stopped.is_none(), ..Shaping::default() };
    shaping.untouched.extend(found[outcomes.len()..].iter().map(|(_, registrant)| registrant.id));
    for ((_, registrant), outcome) in found.into_iter().zip(outcomes) {
        if let Err(error) = &outcome
            && error.ended_a_process()
        {
            shaping.ran_clean = false;
            tracing::warn!(
                connector = %connector.id, registrant = %registrant.id, %error, "the input format ran away and was ended"
            );
        }
        shaping.shaped.insert(registrant.id, outcome.map_err(code));
    }
    shaping.shaped.extend(known.into_iter().map(|(_, registrant)| (registrant.id, Err(Code::INPUT_FORMAT_RUNS_AWAY))));
    shaping
}

fn code(error: jq::Error) -> Code {
    if error.ended_a_process() { Code::INPUT_FORMAT_RUNS_AWAY } else { Code::INPUT_FORMAT_USELESS }
}
