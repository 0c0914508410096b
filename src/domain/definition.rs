//! From a row of Odoo's to a [`Connector`]: every field is read, and every problem is told, a line each.
//!
//! `omc.connector` keeps the field names of upstream's `mts.connector`, so one reader serves both. What differs: a stock
//! connector that is started belongs to upstream's own job and is refused, its callback fields are ignored (OMC's own
//! receiver stands in their place), and its ID types come from system parameters.

mod callback;
mod delivery;
mod elsewhere;
mod fields;
mod input;
mod row;
mod target;
mod timing;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::connector::{Activity, Connector, Model};
use super::delivery::Delivery;
use super::expression::Expression;
use super::filter::Filter;
use super::identity::{ConnectorId, IdTypeId};
use super::mapping::{Mandatory, Mapping};
use super::registrant_field::RegistrantField;
use row::Row;

/// Most records of one batch.
pub const LARGEST_BATCH: i64 = 5000;

/// What is wrong with one field of a definition, and what to write instead. Names no secret and no value of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Problem {
    /// The field's name in Odoo.
    pub field: &'static str,
    pub reason: String,
}

/// What a definition is held against.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The fields of `res.partner` that the daemon's user may read.
    pub registrant_fields: &'a BTreeMap<String, RegistrantField>,
    /// All rows of `g2p.id.type`, with their names.
    pub id_types: &'a [(IdTypeId, String)],
    /// The system parameter `g2p_mts.vid_id_type`, where it is set. Counts where the connector names no type of its own.
    pub vid_type: Option<IdTypeId>,
    /// The system parameter `g2p_mts.uin_token_id_type`, likewise.
    pub token_type: Option<IdTypeId>,
    pub now: DateTime<Utc>,
    /// What MTS will not do without, unless the connector says otherwise.
    pub mandatory: Mandatory,
    /// Whether the daemon's configuration allows callbacks that nobody authenticates.
    pub unauthenticated: bool,
    /// How the results of stock connectors come: their form has no choice.
    pub stock_delivery: Delivery,
    /// Whether there is a folder for the results of ODK's submissions.
    pub odk_folder: bool,
}

/// Reads a definition from the values that Odoo's `read` gives. A field that is missing counts as unset.
///
/// # Errors
/// All problems, at least one.
pub fn parse(
    model: Model,
    id: ConnectorId,
    row: &Map<String, Value>,
    around: &Surroundings<'_>,
) -> Result<Connector, Vec<Problem>> {
    let mut row = Row::new(row);
    let name = row.required("name", "give the connector a name");
    let input = input::input(&mut row);
    let of_odk = row.text("input_type") == Some("odk");
    let delivery = match of_odk {
        true => delivery::of_odk(&mut row, model),
        false => {
            delivery::delivery(&mut row).map(|own| if model == Model::Stock { around.stock_delivery } else { own })
        }
    };
    // In stock mode results come to OMC, whatever the form says.
    let own = model == Model::Stock || delivery.is_some_and(Delivery::is_download);
    let elsewhere = if own { Some(None) } else { elsewhere::elsewhere(&mut row) };
    let named = !own && row.text("callback_url").is_some();
    let delivery = if named { delivery.map(|_| Delivery::Elsewhere) } else { delivery };
    if of_odk && delivery.is_some_and(Delivery::is_download) && !around.odk_folder {
        row.tell("input_type", "write a folder for the results under [odk] in the daemon's configuration");
    }
    let activity = activity(&mut row, model);
    let mts_url = target::mts_url(&mut row);
    let language = target::language(&mut row);
    let timetable = timing::timetable(&mut row, around.now);
    // What is said of the registry means nothing for submissions.
    let filter = if of_odk { row.checked("g2p_search_domain", Filter::parse("[]")) } else { filter(&mut row, around) };
    let callback = match (model, delivery) {
        // What is said about calling back is for another day.
        (Model::Stock, _) | (_, Some(Delivery::Download(_))) => Some(callback::own()),
        (Model::Omc, Some(Delivery::Elsewhere)) => callback::of_somebody_else(&mut row),
        (Model::Omc, _) => callback::callback(&mut row, around.unauthenticated),
    };
    let fields = if of_odk { Some(Vec::new()) } else { fields::selected(&mut row, around) };
    let input_format = if of_odk { Some(None) } else { input_format(&mut row) };
    let of_files = of_odk && delivery != Some(Delivery::Elsewhere);
    let output_format = if of_files { Some(None) } else { output_format(&mut row, delivery) };
    let mandatory = mandatory(&mut row, around);
    let mapping = mapping(&mut row);
    if let (Some(mapping), Some(input_format), Some(mandatory)) = (&mapping, &input_format, &mandatory) {
        let source = match (input_format, &fields) {
            (Some(format), _) => Some(fields::Source::InputFormat(format)),
            (None, Some(fields)) => Some(fields::Source::Fields(fields)),
            (None, None) => None,
        };
        if let Some(source) = source.filter(|_| !of_odk) {
            fields::check_mapping(&mut row, mapping, mandatory, &source);
        }
    }
    let (vid_type, token_type) = id_types(&mut row, around);
    let batch_size = batch_size(&mut row);
    let phone_country_code = target::phone_country_code(&mut row);
    let value_fields = fields::value_fields(&mut row, around);
    let remove_vid = row.flag("remove_vid").unwrap_or(true);
    let made = (|| {
        Some(Connector {
            id,
            model,
            name: name?,
            activity: activity?,
            mts_url: mts_url?,
            input: input?,
            timetable: timetable?,
            filter: filter?,
            fields: fields?,
            mapping: mapping?,
            mandatory: mandatory?,
            input_format: input_format?,
            output_format: output_format?,
            language: language?,
            delivery: delivery?,
            callback: callback?,
            elsewhere: elsewhere?,
            vid_type: vid_type?,
            token_type: token_type?,
            remove_vid,
            batch_size: batch_size?,
            phone_country_code: phone_country_code?,
            value_fields: value_fields?,
        })
    })();
    let problems = row.into_problems();
    match made {
        Some(connector) if problems.is_empty() => Ok(connector),
        _ => Err(problems),
    }
}

fn activity(row: &mut Row<'_>, model: Model) -> Option<Activity> {
    let field = "job_status";
    let archived = row.flag("active") == Some(false);
    let activity = match (model, row.text(field)) {
        (Model::Omc, Some("started" | "running")) => Activity::Started,
        (Model::Omc, None | Some("draft" | "completed" | "failed")) => Activity::Stopped,
        (Model::Stock, Some("started" | "running")) => {
            return row.problem(
                field,
                "this connector is started in Odoo, and upstream's own job works on it; stop it there first",
            );
        }
        (Model::Stock, None | Some("draft" | "completed")) => Activity::Started,
        _ => return row.problem(field, "not a status that OMC knows; stop or start the connector anew"),
    };
    Some(if archived { Activity::Stopped } else { activity })
}

fn filter(row: &mut Row<'_>, around: &Surroundings<'_>) -> Option<Filter> {
    let field = "g2p_search_domain";
    let text = row.required(field, "write whom to take, for example [[\"is_registrant\", \"=\", true]]")?;
    let filter = row.checked(field, Filter::parse(&text))?;
    let mut known = true;
    let names: BTreeSet<&str> = filter.fields().filter_map(|path| path.split('.').next()).collect();
    for name in names {
        if !around.registrant_fields.contains_key(name) {
            known = false;
            row.tell(field, format!("`{name}` is not a field of the registrant, or the daemon's user may not read it"));
        }
    }
    known.then_some(filter)
}

fn input_format(row: &mut Row<'_>) -> Option<Option<Expression>> {
    expression(row, "input_format", |format| {
        let unknown = format.unknown_to_omc();
        unknown.map(|what| format!("{what} is known to MTS but not to OMC, which runs the input format")).collect()
    })
}

/// Whoever is to run it must know all of it: MTS, or with a download OMC.
fn output_format(row: &mut Row<'_>, delivery: Option<Delivery>) -> Option<Option<Expression>> {
    expression(row, "output_format", |format| {
        let by_mts = format.unknown_to_mts();
        let by_mts =
            by_mts.map(|what| format!("the jq of MTS (1.5) does not know this, or does not survive it: {what}"));
        let by_omc = format.unknown_to_omc();
        let by_omc = by_omc.map(|what| format!("{what} is known to MTS but not to OMC, which runs it over a download"));
        // What either does not know is out of place, so that the delivery can be changed without another thought.
        by_mts.chain(by_omc.filter(|_| delivery.is_some_and(Delivery::is_download))).collect()
    })
}

/// An expression that may be unset; the outer `None` is a problem.
fn expression(
    row: &mut Row<'_>,
    field: &'static str,
    problems: impl Fn(&Expression) -> Vec<String>,
) -> Option<Option<Expression>> {
    let Some(text) = row.text(field) else {
        return row.readable(field).then_some(None);
    };
    let expression = row.checked(field, Expression::parse(text))?;
    let problems = problems(&expression);
    let fine = problems.is_empty();
    problems.into_iter().for_each(|reason| row.tell(field, reason));
    fine.then_some(Some(expression))
}

fn mandatory(row: &mut Row<'_>, around: &Surroundings<'_>) -> Option<Mandatory> {
    let field = "mandatory_fields";
    match row.names(field)? {
        None => Some(around.mandatory),
        Some(names) => row.checked(field, Mandatory::from_names(names.iter().map(String::as_str))),
    }
}

fn mapping(row: &mut Row<'_>) -> Option<Mapping> {
    let field = "mapping";
    let text = row.text(field).unwrap_or("{}");
    match Mapping::parse(text) {
        Ok(mapping) => Some(mapping),
        Err(problems) => {
            problems.iter().for_each(|problem| {
                let reason = if problem.key == field { problem.reason.clone() } else { problem.to_string() };
                row.tell(field, reason);
            });
            None
        }
    }
}

fn id_types(row: &mut Row<'_>, around: &Surroundings<'_>) -> (Option<IdTypeId>, Option<IdTypeId>) {
    let vid = id_type(row, around, "vid_id_type_id", around.vid_type, "MOSIP VID");
    let token = id_type(row, around, "token_id_type_id", around.token_type, "MOSIP UIN TOKEN");
    if vid.is_some() && vid == token {
        row.tell("token_id_type_id", "VID and token must be of two different ID types");
    }
    (vid, token)
}

/// The connector's own type, else the system parameter's, else the one that upstream's defaults name.
fn id_type(
    row: &mut Row<'_>,
    around: &Surroundings<'_>,
    field: &'static str,
    parameter: Option<IdTypeId>,
    default: &str,
) -> Option<IdTypeId> {
    if !row.readable(field) {
        return row.problem(field, "cannot be read");
    }
    if let Some(id) = row.link(field).and_then(IdTypeId::from_wire).or(parameter) {
        let exists = around.id_types.iter().any(|(known, _)| *known == id);
        return if exists {
            Some(id)
        } else {
            row.problem(field, "this ID type is not there, or the daemon's user may not read it")
        };
    }
    let mut named = around.id_types.iter().filter(|(_, name)| name == default);
    match (named.next(), named.next()) {
        (Some((id, _)), None) => Some(*id),
        (Some(_), Some(_)) => {
            row.problem(field, format!("choose the ID type: there is more than one of the name {default}"))
        }
        (None, _) => {
            row.problem(field, format!("choose the ID type: none is chosen, and there is none of the name {default}"))
        }
    }
}

fn batch_size(row: &mut Row<'_>) -> Option<Option<u32>> {
    let field = "batch_size";
    match row.number(field)? {
        None | Some(0) => Some(None),
        Some(size @ 1..=LARGEST_BATCH) => Some(u32::try_from(size).ok()),
        Some(_) => row.problem(field, format!("write a number from 1 to {LARGEST_BATCH}, or 0 for the daemon's own")),
    }
}

#[cfg(test)]
mod tests;
