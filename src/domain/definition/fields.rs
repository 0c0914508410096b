//! Which fields of the registrant are read and written, and whether the mapping finds what it wants in them.

use std::collections::{BTreeMap, BTreeSet};

use super::Surroundings;
use super::row::Row;
use crate::domain::expression::Expression;
use crate::domain::mapping::{Mandatory, Mapping, Path, Target, is_name};
use crate::domain::registrant_field::{FieldKind, SelectedField};
use crate::domain::shape::REFERENCE;

const SELECTED: &str = "g2p_selected_fields";
const MAPPING: &str = "mapping";
const VALUES: &str = "value_fields";

/// Fields that Odoo keeps for itself, or that decide who is a registrant at all: no output format may set them.
const NOT_WRITABLE: [&str; 11] = [
    "id",
    "display_name",
    "create_date",
    "create_uid",
    "write_date",
    "write_uid",
    "active",
    "is_registrant",
    "is_group",
    "company_id",
    "__last_update",
];

/// Where the values come from that the mapping is to find.
pub(super) enum Source<'a> {
    Fields(&'a [SelectedField]),
    InputFormat(&'a Expression),
}

/// The fields to read.
pub(super) fn selected(row: &mut Row<'_>, around: &Surroundings<'_>) -> Option<Vec<SelectedField>> {
    let Some(names) = row.names(SELECTED)? else {
        return row.problem(
            SELECTED,
            "write a JSON list of fields to read, for example [\"given_name\", \"gender\", \"birthdate\"]",
        );
    };
    let mut selected = BTreeMap::new();
    let mut fine = true;
    for name in names {
        match readable(&name, around) {
            Ok(kind) => {
                selected.insert(name, kind);
            }
            Err(reason) => {
                fine = false;
                row.tell(SELECTED, reason);
            }
        }
    }
    let field = |(name, kind)| SelectedField { name, kind };
    fine.then(|| selected.into_iter().map(field).collect())
}

fn readable(name: &str, around: &Surroundings<'_>) -> Result<FieldKind, String> {
    if !is_name(name) {
        return Err("an entry is not a field's name; write names of letters, digits and underscores".to_owned());
    }
    if name == REFERENCE {
        return Err(format!("`{REFERENCE}` is a name that OMC uses itself"));
    }
    let Some(field) = around.registrant_fields.get(name) else {
        return Err(format!("`{name}` is not a field of the registrant, or the daemon's user may not read it"));
    };
    FieldKind::from_odoo(&field.kind).ok_or_else(|| {
        format!("`{name}` has not one plain value; take a text, number, date, selection, yes/no or many2one field")
    })
}

/// The registrant's fields that the output format may set.
pub(super) fn value_fields(row: &mut Row<'_>, around: &Surroundings<'_>) -> Option<BTreeSet<String>> {
    let names = row.names(VALUES)?.unwrap_or_default();
    let mut fine = true;
    for name in &names {
        if let Err(reason) = writable(name, around) {
            fine = false;
            row.tell(VALUES, reason);
        }
    }
    fine.then(|| names.into_iter().collect())
}

fn writable(name: &str, around: &Surroundings<'_>) -> Result<(), String> {
    let kind = readable(name, around)?;
    if NOT_WRITABLE.contains(&name) {
        return Err(format!("`{name}` is Odoo's own, and cannot be set by a connector"));
    }
    let stored = around.registrant_fields.get(name).is_some_and(|field| field.stored);
    if kind == FieldKind::Many2one || !stored {
        return Err(format!("`{name}` is no stored field of one plain value"));
    }
    Ok(())
}

/// Whether everything the mapping names is there, and nothing stands where OMC puts the VID and its own reference.
pub(super) fn check_mapping(row: &mut Row<'_>, mapping: &Mapping, mandatory: &Mandatory, source: &Source<'_>) {
    for (target, paths) in mapping.entries() {
        for path in paths {
            let reason = if path.first() == REFERENCE {
                Some(format!("`{REFERENCE}` is a name that OMC uses itself"))
            } else if target == Target::Vid {
                vid_in_the_way(path, source)
            } else if along(path, &mapping.vid) {
                Some(format!("`{path}` is where OMC puts the VID"))
            } else if !mapping.is_given(target) && !mandatory.has(target) {
                None
            } else {
                missing(target, path, mapping, source)
            };
            if let Some(reason) = reason {
                row.tell(MAPPING, format!("`{}`: {reason}", target.name()));
            }
        }
    }
    if let Source::InputFormat(format) = source
        && format.output_keys().is_some_and(|mut keys| keys.any(|key| key == REFERENCE))
    {
        row.tell("input_format", format!("`{REFERENCE}` is a name that OMC uses itself"));
    }
}

/// Whether one path is the other, or leads to it.
fn along(one: &Path, other: &Path) -> bool {
    one.segments().iter().zip(other.segments()).all(|(a, b)| a == b)
}

fn vid_in_the_way(path: &Path, source: &Source<'_>) -> Option<String> {
    match source {
        Source::Fields(fields) => fields.iter().any(|field| field.name == path.first()).then(|| {
            format!(
                "OMC puts the VID under `{path}`, but `{}` is also a field to read; write another path, for example vid",
                path.first()
            )
        }),
        Source::InputFormat(format) => {
            let given = format.output_keys().is_some() && !format.lacks(path.segments());
            given.then(|| format!("OMC puts the VID under `{path}`, but the input format gives a value there as well"))
        }
    }
}

fn missing(target: Target, path: &Path, mapping: &Mapping, source: &Source<'_>) -> Option<String> {
    let fields = match source {
        Source::InputFormat(format) => {
            let lacks = format.lacks(path.segments());
            return lacks.then(|| format!("`{path}` is not in what the input format gives"));
        }
        Source::Fields(fields) => fields,
    };
    let Some(field) = fields.iter().find(|field| field.name == path.first()) else {
        return Some(if mapping.is_given(target) {
            format!("`{path}` is not in the list of fields to read ({SELECTED})")
        } else {
            "MTS demands it; map it to one of the fields to read, or take it out of the mandatory fields".to_owned()
        });
    };
    if path.segments().len() > 1 {
        return Some(format!(
            "`{path}` reaches into `{}`, which has one plain value; write the field's name alone",
            field.name
        ));
    }
    match (target, field.kind) {
        (_, FieldKind::Boolean) => Some(format!("`{path}` is a yes/no field")),
        (Target::DateOfBirth, FieldKind::Date | FieldKind::Text) => None,
        (Target::DateOfBirth, _) => Some(format!("`{path}` is no date; map a date field")),
        _ => None,
    }
}
