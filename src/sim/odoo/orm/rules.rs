//! The constraints of the registry's models, in the order and the words of the addons that make them.

use regex::Regex;

use super::super::cell::Cell;
use super::super::fault::{Fault, Outcome};
use super::super::row::Row;
use super::super::schema::{FieldId, Kind, ModelId, Source};
use super::env::Env;

/// A required column that is empty.
pub fn required(env: &Env, model: ModelId, row: &Row) -> Outcome<()> {
    let known = env.model(model);
    for field in &known.fields {
        let Source::Column(column) = field.source else { continue };
        if field.required && row.cell(column).is_null() && field.kind != Kind::Boolean {
            return Err(Fault::validation(format!(
                "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another \
                 model requires the record being deleted. If possible, archive it instead.\n\nModel: {} ({})\nField: {} \
                 ({})\n",
                known.description, known.name, field.label, field.name
            )));
        }
    }
    if known.name == "res.partner" {
        let column = |name| known.column(name).map(|column| row.cell(column));
        if column("name").is_none_or(Cell::is_null) && column("type").and_then(Cell::as_text) == Some("contact") {
            return Err(Fault::validation("The operation cannot be completed: Contacts require a name"));
        }
    }
    Ok(())
}

/// The Python constraints that look at any of the fields named.
pub fn check(env: &mut Env, model: ModelId, ids: &[i32], named: &[FieldId]) -> Outcome<()> {
    let known = env.model(model);
    let touches = |names: &[&str]| named.iter().any(|field| names.contains(&known.fields[*field].name));
    match known.name {
        "g2p.reg.id" => {
            let (unique, value) = (touches(&["partner_id", "id_type"]), touches(&["value"]));
            if unique && !env.racing {
                unique_id_types(env, ids)?;
            }
            if value {
                valid_values(env, ids)?;
            }
            remember_vids(env, ids);
            Ok(())
        }
        "g2p.id.type" if touches(&["name"]) => {
            unique_names(env, model, ids, "Id type should not empty.", "Id type already exists")
        }
        "res.partner" if touches(&["registration_date"]) => registration_dates(env, model, ids),
        "mts.connector" | "omc.connector" => {
            let dates = (touches(&["start_datetime"]), touches(&["end_datetime"]));
            let texts =
                (touches(&["mapping", "output_format"]), touches(&["g2p_search_domain", "g2p_selected_fields"]));
            connectors(env, model, ids, dates, texts)
        }
        _ => Ok(()),
    }
}

/// Python only, no index: two transactions that do not see each other both pass.
fn unique_id_types(env: &Env, ids: &[i32]) -> Outcome<()> {
    let (columns, names) = (env.db.columns, env.db.names);
    let type_of = |id: i32| env.db.row(names.reg_id, id).map(|row| row.cell(columns.id_type).as_ref_id());
    for id in ids {
        let Some(row) = env.db.row(names.reg_id, *id) else {
            continue;
        };
        let Some(partner) = row.cell(columns.partner).as_ref_id() else {
            continue;
        };
        let kind = type_of(*id);
        if env.db.reg_ids(partner).iter().filter(|other| type_of(**other) == kind).count() > 1 {
            return Err(Fault::validation("ID Type must be unique."));
        }
    }
    Ok(())
}

/// A prefix match, and the first empty value ends the checking of the whole batch.
fn valid_values(env: &Env, ids: &[i32]) -> Outcome<()> {
    let (columns, names) = (env.db.columns, env.db.names);
    let pattern = env.db.schema.models[names.id_type].column("id_validation").unwrap_or(0);
    for id in ids {
        let Some(row) = env.db.row(names.reg_id, *id) else {
            continue;
        };
        let Some(value) = row.cell(columns.value).as_text().filter(|value| !value.is_empty()) else {
            return Ok(());
        };
        let kind = row.cell(columns.id_type).as_ref_id().and_then(|kind| env.db.row(names.id_type, kind));
        let Some(kind) = kind else { continue };
        let Some(rule) = kind.cell(pattern).as_text().filter(|rule| !rule.is_empty()) else {
            continue;
        };
        if !python_match(rule, value)? {
            let name = kind.cell(0).as_text().unwrap_or("False");
            return Err(Fault::validation(format!("The provided {name} ID '{value}' is invalid.")));
        }
    }
    Ok(())
}

/// Python's `re.match`: anchored at the start only, and `$` also before a last line feed.
pub fn python_match(rule: &str, value: &str) -> Outcome<bool> {
    let rule = match rule.strip_suffix('$').filter(|rest| !rest.ends_with('\\')) {
        Some(rest) => format!("{rest}\\n?\\z"),
        None => rule.to_owned(),
    };
    Regex::new(&format!("\\A(?:{rule})"))
        .map(|regex| regex.is_match(value))
        .map_err(|_| Fault::other("re.error", "bad pattern at position 0"))
}

fn remember_vids(env: &mut Env, ids: &[i32]) {
    let (columns, names) = (env.db.columns, env.db.names);
    for id in ids {
        let Some(row) = env.db.row(names.reg_id, *id) else {
            continue;
        };
        let (Some(partner), Some(super::super::population::VID_TYPE)) =
            (row.cell(columns.partner).as_ref_id(), row.cell(columns.id_type).as_ref_id())
        else {
            continue;
        };
        if let Some(vid) = row.cell(columns.value).as_text().map(str::to_owned) {
            env.db.remember_vid(partner, &vid);
        }
    }
}

fn unique_names(env: &Env, model: ModelId, ids: &[i32], empty: &str, taken: &str) -> Outcome<()> {
    let name = |id: i32| env.db.row(model, id).and_then(|row| row.cell(0).as_text()).unwrap_or_default().to_lowercase();
    for id in ids {
        if name(*id).is_empty() {
            return Err(Fault::validation(empty));
        }
        if env.db.table(model).rows().any(|row| row.id != *id && name(row.id) == name(*id)) {
            return Err(Fault::validation(taken));
        }
    }
    Ok(())
}

fn registration_dates(env: &Env, model: ModelId, ids: &[i32]) -> Outcome<()> {
    let date = |id: i32, name: &str| {
        let column = env.model(model).column(name)?;
        match env.db.row(model, id)?.cell(column) {
            Cell::Date(days) => Some(*days),
            _ => None,
        }
    };
    let today = chrono::DateTime::from_timestamp_micros(env.now)
        .map_or(0, |now| chrono::Datelike::num_days_from_ce(&now.date_naive()));
    for id in ids {
        let Some(registered) = date(*id, "registration_date") else {
            continue;
        };
        if registered > today {
            return Err(Fault::validation("Registration date must be less than the current date."));
        }
        if date(*id, "birthdate").is_some_and(|born| registered < born) {
            return Err(Fault::validation("Registration date must be later than the birth date."));
        }
    }
    Ok(())
}

fn connectors(env: &Env, model: ModelId, ids: &[i32], dates: (bool, bool), texts: (bool, bool)) -> Outcome<()> {
    let cell = |id: i32, name: &str| {
        let column = env.model(model).column(name)?;
        env.db.row(model, id).map(|row| row.cell(column)).filter(|cell| !cell.is_null())
    };
    let time = |id: i32, name: &str| cell(id, name).and_then(Cell::as_number);
    let text = |id: i32, name: &str| cell(id, name).and_then(Cell::as_text).filter(|text| !text.is_empty());
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    for id in ids.iter().copied() {
        if let (true, Some(end)) = (dates.1, time(id, "end_datetime")) {
            if end > env.now {
                return Err(Fault::validation("End Time cannot be after the current time."));
            }
            match time(id, "start_datetime") {
                None => {
                    return Err(Fault::type_error(
                        "'<' not supported between instances of 'datetime.datetime' and 'bool'",
                    ));
                }
                Some(start) if end < start => return Err(Fault::validation("End Time cannot be after Start Time.")),
                Some(_) => {}
            }
        }
        if texts.1 {
            if text(id, "g2p_search_domain").is_some_and(|text| !is_json(text)) {
                return Err(Fault::validation("'Filters to apply to Registry' is not valid json."));
            }
            if text(id, "g2p_selected_fields").is_some_and(|text| !is_json(text)) {
                return Err(Fault::validation("'List of fields to be used' is not valid json."));
            }
        }
        if texts.0 {
            if text(id, "mapping").is_some_and(|text| !is_json(text)) {
                return Err(Fault::validation("Mapping is not valid json."));
            }
            if text(id, "output_format").is_some_and(|text| jaq_core::load::parse(text, |p| p.term()).is_none()) {
                return Err(Fault::validation("Output Format is not valid jq expression."));
            }
        }
        if let (true, Some(start)) = (dates.0, time(id, "start_datetime"))
            && start > env.now
        {
            return Err(Fault::validation("Start Time cannot be after the current time."));
        }
    }
    Ok(())
}
