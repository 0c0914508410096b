//! Finds the rows that meet a filter without looking at those that cannot: by id, by a range of ids, or back along an index.

use std::collections::HashSet;

use super::super::cell::Cell;
use super::super::database::Database;
use super::super::fault::Outcome;
use super::super::row::Row;
use super::super::schema::{Kind, Source};
use super::test::{Check, Filter, Node, Set};

/// One part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// `None` is the id.
    pub field: Option<usize>,
    pub descending: bool,
}

/// The rows a search looks at.
#[derive(Debug, PartialEq, Eq)]
pub enum Candidates {
    Ids(Vec<i32>),
    /// From this id on.
    From(i32),
}

/// The ids that meet the filter, in order, from `offset`, at most `limit`.
pub fn search(
    db: &Database,
    filter: &Filter,
    order: &[Order],
    offset: usize,
    limit: Option<usize>,
) -> Outcome<Vec<i32>> {
    let limit = limit.unwrap_or(usize::MAX);
    let by_id = order.first().is_none_or(|first| first.field.is_none());
    let table = db.table(filter.model);
    let candidates = candidates(db, filter, &filter.root).unwrap_or(Candidates::From(0));
    if by_id {
        let descending = order.first().is_some_and(|first| first.descending);
        let meets = |row: &&Row| filter.matches(db, row);
        let found = match (&candidates, descending) {
            (Candidates::Ids(ids), false) => ids
                .iter()
                .filter_map(|id| table.get(*id))
                .filter(meets)
                .skip(offset)
                .take(limit)
                .map(|row| row.id)
                .collect(),
            (Candidates::Ids(ids), true) => {
                let rows = ids.iter().rev().filter_map(|id| table.get(*id));
                rows.filter(meets).skip(offset).take(limit).map(|row| row.id).collect()
            }
            (Candidates::From(from), false) => {
                table.rows_from(*from).filter(meets).skip(offset).take(limit).map(|row| row.id).collect()
            }
            (Candidates::From(from), true) => {
                table.rows_from(*from).rev().filter(meets).skip(offset).take(limit).map(|row| row.id).collect()
            }
        };
        return Ok(found);
    }
    let rows: Vec<&Row> = match &candidates {
        Candidates::Ids(ids) => {
            ids.iter().filter_map(|id| table.get(*id)).filter(|row| filter.matches(db, row)).collect()
        }
        Candidates::From(from) => table.rows_from(*from).filter(|row| filter.matches(db, row)).collect(),
    };
    let mut keyed: Vec<(Vec<Cell>, i32)> = rows
        .into_iter()
        .map(|row| (order.iter().map(|part| key(db, filter.model, row, *part)).collect(), row.id))
        .collect();
    keyed.sort_by(|(left, left_id), (right, right_id)| {
        for (part, (left, right)) in order.iter().zip(left.iter().zip(right)) {
            let found = match (left.is_null(), right.is_null()) {
                (true, true) => std::cmp::Ordering::Equal,
                (true, false) => std::cmp::Ordering::Greater,
                (false, true) => std::cmp::Ordering::Less,
                _ => left.compare(right).unwrap_or(std::cmp::Ordering::Equal),
            };
            let found = if part.descending { found.reverse() } else { found };
            if found.is_ne() {
                return found;
            }
        }
        left_id.cmp(right_id)
    });
    Ok(keyed.into_iter().skip(offset).take(limit).map(|(_, id)| id).collect())
}

fn key(db: &Database, model: usize, row: &Row, part: Order) -> Cell {
    let Some(field) = part.field else {
        return Cell::Ref(row.id);
    };
    let cell = db.cell(model, row, field).into_owned();
    match (&db.schema.models[model].fields[field].kind, &cell) {
        // A many2one sorts by the other end's name.
        (Kind::Many2one(other), Cell::Ref(id)) => db
            .schema
            .model(other)
            .and_then(|other| db.row(other, *id).map(|row| Cell::text(&db.display_name(other, row))))
            .unwrap_or(Cell::Null),
        _ => cell,
    }
}

/// The fewest rows that are sure to hold all that meet the node; `None` is all of them.
pub fn candidates(db: &Database, filter: &Filter, node: &Node) -> Option<Candidates> {
    match node {
        Node::All(nodes) => {
            let mut best: Option<Candidates> = None;
            for found in nodes.iter().filter_map(|one| candidates(db, filter, one)) {
                best = Some(match (best, found) {
                    (None, found) => found,
                    (Some(Candidates::From(left)), Candidates::From(right)) => Candidates::From(left.max(right)),
                    (Some(Candidates::Ids(left)), Candidates::Ids(right)) => {
                        Candidates::Ids(if left.len() <= right.len() { left } else { right })
                    }
                    (Some(Candidates::Ids(ids)), Candidates::From(_))
                    | (Some(Candidates::From(_)), Candidates::Ids(ids)) => Candidates::Ids(ids),
                });
            }
            best
        }
        Node::Field(field, check) => {
            let source = db.schema.models[filter.model].fields[*field].source;
            match (&**check, source) {
                (Check::In { set: Set::Numbers(numbers), null: false, negate: false }, Source::Id) => {
                    let mut ids: Vec<i32> = numbers.iter().filter_map(|id| i32::try_from(*id).ok()).collect();
                    ids.dedup();
                    Some(Candidates::Ids(ids))
                }
                (Check::In { set: Set::Numbers(numbers), null: false, negate: false }, Source::Column(column)) => {
                    let mut ids = HashSet::new();
                    for target in numbers {
                        ids.extend(db.table(filter.model).back(column, i32::try_from(*target).ok()?)?);
                    }
                    let mut ids: Vec<i32> = ids.into_iter().collect();
                    ids.sort_unstable();
                    Some(Candidates::Ids(ids))
                }
                (Check::Compare { accepts, lower: true, right, .. }, Source::Id) => {
                    let id = i32::try_from(right.as_number()?).ok()?;
                    let only = accepts(std::cmp::Ordering::Equal) && !accepts(std::cmp::Ordering::Greater);
                    Some(if only { Candidates::Ids(vec![id]) } else { Candidates::From(id) })
                }
                (Check::Compare { accepts, lower: true, right, .. }, Source::Column(column)) => {
                    let id = i32::try_from(right.as_number()?).ok()?;
                    let only = accepts(std::cmp::Ordering::Equal) && !accepts(std::cmp::Ordering::Greater);
                    only.then(|| db.table(filter.model).back(column, id).map(<[i32]>::to_vec))
                        .flatten()
                        .map(Candidates::Ids)
                }
                _ => None,
            }
        }
        _ => None,
    }
}
