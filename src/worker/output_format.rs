//! The connector's output format: as MTS is given it, and over downloads, where OMC runs it itself.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::{Halt, Preparation, Remote, Worker, apart, input_format};
use crate::domain::connector::Connector;
use crate::domain::expression::Expression;
use crate::domain::identity::RegistrantId;
use crate::domain::record::Record;
use crate::domain::shape::REFERENCE;
use crate::jq::Passage;
use crate::seal::Personal;

/// What MTS is to send back for each record: the correlation, the result, and under `data` what the connector's own output
/// format yields. MTS's error messages are not asked for: they can quote a whole record.
pub(super) fn of_callback(connector: &Connector) -> String {
    let data = connector.output_format.as_ref().map_or_else(|| "null".to_owned(), |format| format.wrapped());
    format!(
        "{{{REFERENCE}: .input.{REFERENCE}, status: .output.status, token: .output.token, code: .output.errorCode, data: {data}}}"
    )
}

/// The registrant's id in Odoo, where the administrator's own output format asks for `.input.id`: whoever takes the results must
/// know whose they are.
pub(super) fn name_registrant(connector: &Connector, registrant: RegistrantId, auth_data: &mut Map<String, Value>) {
    let asked = connector.output_format.as_ref().is_some_and(|format| format.input_keys().contains("id"));
    if asked && !auth_data.contains_key("id") {
        auth_data.insert("id".to_owned(), Value::from(registrant.0));
    }
}

/// One result with a token, as it stands in a file.
pub(super) struct Given<'a> {
    pub record: &'a Record,
    pub vid: &'a Personal<String>,
    pub token: &'a Personal<String>,
}

/// What the output format makes of results.
#[derive(Default)]
pub(super) struct Formatted {
    data: HashMap<RegistrantId, Value>,
    /// Those whose turn did not come.
    pub untouched: HashSet<RegistrantId>,
    /// Of so many nothing could be made.
    pub failed: usize,
}

impl Formatted {
    pub(super) fn take(&mut self, registrant: RegistrantId) -> Option<Value> {
        self.data.remove(&registrant)
    }
}

/// Runs the output format as MTS does with a callback: over `{input, output}`, the first result, null where it fails or gives
/// none. The record as it was sent is kept nowhere: `.input` is made anew from what the registry holds now, with the VID
/// that was sent.
///
/// # Errors
/// Odoo cannot be read.
pub(super) async fn over(
    worker: &Worker,
    connector: &Connector,
    format: &Expression,
    given: &[Given<'_>],
) -> Result<Formatted, Halt> {
    let mut formatted = Formatted::default();
    let ids: Vec<RegistrantId> = given.iter().map(|given| given.record.key.registrant).collect();
    let own = Remote::Results(connector.id);
    let read = apart::read(worker, connector, own.clone(), &ids, true).await?;
    worker.breakers.succeeded(&own);
    formatted.untouched.extend(read.untouched);
    let found: HashMap<RegistrantId, _> = read.found.iter().map(|registrant| (registrant.id, registrant)).collect();
    let preparation = Preparation::new(connector, &worker.seal, worker.settings.vid, worker.clock.now());
    let there: Vec<_> =
        given.iter().filter_map(|given| Some((given, *found.get(&given.record.key.registrant)?))).collect();
    let pairs = there.iter().map(|(given, registrant)| (given.record, *registrant)).collect();
    let mut shaping = input_format::run(&worker.jail, &preparation, pairs).await;
    if shaping.stopped.is_none() {
        formatted.untouched.extend(shaping.untouched());
    }
    let mut inputs = Vec::new();
    for (given, registrant) in there {
        if formatted.untouched.contains(&registrant.id) {
            continue;
        }
        let input = preparation.as_sent(registrant, shaping.take(registrant.id), given.vid.expose());
        inputs.extend(input.map(|input| (registrant.id, whole(input, given))));
    }
    let (ids, inputs): (Vec<RegistrantId>, Vec<Value>) = inputs.into_iter().unzip();
    let mut done = 0;
    while done < ids.len() {
        let Passage { outcomes, stopped } = worker.jail.run(connector.id, format, &inputs[done..]).await;
        let made = ids[done..].iter().zip(&outcomes);
        formatted.data.extend(made.filter_map(|(id, outcome)| Some((*id, outcome.as_ref().ok()?.clone()?))));
        done += outcomes.len();
        if stopped.is_some() || outcomes.is_empty() {
            break;
        }
    }
    // Null, too, is what the format made.
    formatted.failed = given.len() - formatted.untouched.len() - done;
    Ok(formatted)
}

/// What an output format runs over. The status is that of every result with a token.
fn whole(input: Value, given: &Given<'_>) -> Value {
    let output = json!({"vid": given.vid.expose(), "status": "processed", "token": given.token.expose(),
                        "errorCode": null, "errorMessage": null});
    json!({"input": input, "output": output})
}
