//! A compiled domain, and whether a row meets it.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::super::cell::Cell;
use super::super::database::Database;
use super::super::row::Row;
use super::super::schema::{FieldId, Kind, ModelId};
use super::like::Pattern;

/// A domain of one model.
#[derive(Debug, Clone)]
pub struct Filter {
    pub model: ModelId,
    pub root: Node,
}

/// A tree of conditions.
#[derive(Debug, Clone)]
pub enum Node {
    Always(bool),
    All(Vec<Node>),
    One(Vec<Node>),
    Not(Box<Node>),
    Field(FieldId, Box<Check>),
}

/// A condition on one field.
#[derive(Debug, Clone)]
pub enum Check {
    Null {
        negate: bool,
    },
    /// A boolean; null is false.
    Truth(bool),
    /// An order against a value; null meets none of them, unless said so.
    Compare {
        accepts: fn(Ordering) -> bool,
        lower: bool,
        right: Cell,
        null: bool,
    },
    In {
        set: Set,
        null: bool,
        negate: bool,
    },
    Like {
        pattern: Pattern,
        negate: bool,
        null: bool,
    },
    /// Some (or no) row at the other end meets the filter.
    Any {
        filter: Filter,
        negate: bool,
        archived: bool,
    },
    /// Some (or no) row at the other end has one of these ids.
    Holds {
        ids: HashSet<i32>,
        negate: bool,
    },
    /// There is some (or no) row at the other end.
    Linked(bool),
}

/// The right side of `in`.
#[derive(Debug, Clone)]
pub enum Set {
    /// Sorted.
    Numbers(Vec<i64>),
    Texts(HashSet<Box<str>>),
    Cells(Vec<Cell>),
}

impl Set {
    fn has(&self, cell: &Cell) -> bool {
        match self {
            Self::Numbers(numbers) => cell.as_number().is_some_and(|number| numbers.binary_search(&number).is_ok()),
            Self::Texts(texts) => cell.as_text().is_some_and(|text| texts.contains(text)),
            Self::Cells(cells) => cells.iter().any(|one| one.compare(cell) == Some(Ordering::Equal)),
        }
    }
}

impl Filter {
    pub fn matches(&self, db: &Database, row: &Row) -> bool {
        self.node(db, &self.root, row)
    }

    fn node(&self, db: &Database, node: &Node, row: &Row) -> bool {
        match node {
            Node::Always(value) => *value,
            Node::All(nodes) => nodes.iter().all(|one| self.node(db, one, row)),
            Node::One(nodes) => nodes.iter().any(|one| self.node(db, one, row)),
            Node::Not(inner) => !self.node(db, inner, row),
            Node::Field(field, check) => self.check(db, *field, check, row),
        }
    }

    fn check(&self, db: &Database, field: FieldId, check: &Check, row: &Row) -> bool {
        let cell = || db.cell(self.model, row, field);
        match check {
            Check::Null { negate } => cell().is_null() != *negate,
            Check::Truth(wanted) => cell().is_true() == *wanted,
            Check::Compare { accepts, right, null, .. } => match cell().compare(right) {
                Some(order) => accepts(order),
                None => *null && cell().is_null(),
            },
            Check::In { set, null, negate } => {
                let cell = cell();
                if cell.is_null() { *null } else { set.has(&cell) != *negate }
            }
            Check::Like { pattern, negate, null } => {
                let cell = cell();
                match &*cell {
                    Cell::Null => *null,
                    Cell::Text(text) => pattern.matches(text) != *negate,
                    other => pattern.matches(&plain_text(other)) != *negate,
                }
            }
            Check::Any { filter, negate, archived } => {
                let found = match other_end(db, self.model, row, field) {
                    Ends::Row(id) => db.row(filter.model, id).is_some_and(|other| filter.matches(db, other)),
                    Ends::Rows(ids) => ids
                        .iter()
                        .filter_map(|id| db.row(filter.model, *id))
                        .any(|other| (*archived || !is_archived(db, filter.model, other)) && filter.matches(db, other)),
                    Ends::Nothing => false,
                };
                found != *negate
            }
            Check::Holds { ids, negate } => {
                let found = match other_end(db, self.model, row, field) {
                    Ends::Rows(others) => others.iter().any(|id| ids.contains(id)),
                    Ends::Row(other) => ids.contains(&other),
                    Ends::Nothing => false,
                };
                found != *negate
            }
            Check::Linked(wanted) => match other_end(db, self.model, row, field) {
                Ends::Rows(others) => others.is_empty() != *wanted,
                Ends::Row(_) => *wanted,
                Ends::Nothing => !*wanted,
            },
        }
    }
}

enum Ends<'a> {
    Nothing,
    Row(i32),
    Rows(&'a [i32]),
}

fn other_end<'a>(db: &'a Database, model: ModelId, row: &'a Row, field: FieldId) -> Ends<'a> {
    let known = &db.schema.models[model].fields[field];
    match known.kind {
        Kind::One2many(other, back) => {
            let other = db.schema.model(other);
            let found = other.and_then(|other| {
                let column = db.schema.models[other].column(back)?;
                db.table(other).back(column, row.id)
            });
            found.map_or(Ends::Nothing, Ends::Rows)
        }
        _ => match db.cell(model, row, field) {
            std::borrow::Cow::Borrowed(Cell::Refs(ids)) => Ends::Rows(ids),
            cell => cell.as_ref_id().map_or(Ends::Nothing, Ends::Row),
        },
    }
}

/// Whether a row of a model that has `active` is archived.
pub fn is_archived(db: &Database, model: ModelId, row: &Row) -> bool {
    if model == db.names.partner {
        return !row.cell(db.columns.active).is_true();
    }
    db.schema.models[model].column("active").is_some_and(|column| !row.cell(column).is_true())
}

fn plain_text(cell: &Cell) -> String {
    match cell {
        Cell::Date(days) => super::super::cell::date_text(*days),
        Cell::Time(micros) => super::super::cell::micros_text(*micros),
        Cell::Float(number) => number.to_string(),
        other => other.as_number().map(|number| number.to_string()).unwrap_or_default(),
    }
}
