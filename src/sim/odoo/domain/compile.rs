//! From a domain as it was sent to a [`Filter`]: names resolved, operators negated, values brought to the column's type.

use std::collections::HashSet;

use super::super::database::Database;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{Compute, FieldId, Kind, ModelId, Source};
use super::super::wire::Value;
use super::form::well_formed;
use super::leaf;
use super::names::{family, name_search, small};
use super::test::{Check, Filter, Node};
use super::token::{Token, normalize};

const OPERATORS: [&str; 20] = [
    "=",
    "!=",
    "<=",
    "<",
    ">",
    ">=",
    "=?",
    "=like",
    "=ilike",
    "like",
    "not like",
    "ilike",
    "not ilike",
    "in",
    "not in",
    "child_of",
    "parent_of",
    "any",
    "not any",
    "<>",
];
/// Operators that say "none".
pub const NEGATIVE: [&str; 4] = ["!=", "not like", "not ilike", "not in"];

/// Compiles a domain. With `active_test`, archived rows are left out unless the domain itself speaks of `active`.
pub fn compile(db: &Database, model: ModelId, domain: &Value, active_test: bool) -> Outcome<Filter> {
    let tokens = normalize(domain)?;
    well_formed(db, model, &tokens)?;
    let speaks = tokens.iter().any(|token| match token {
        Token::Leaf(parts) => parts.first().and_then(Value::as_text) == Some("active"),
        _ => false,
    });
    let mut root = Node::Always(true);
    if !tokens.is_empty() {
        root = Compiler { db, model }.tree(&mut tokens.into_iter(), false)?;
    }
    if let (true, false, Some(active)) = (active_test, speaks, db.schema.models[model].field("active")) {
        root = Node::All(vec![Node::Field(active, Box::new(Check::Truth(true))), root]);
    }
    Ok(Filter { model, root })
}

struct Compiler<'a> {
    db: &'a Database,
    model: ModelId,
}

impl Compiler<'_> {
    fn tree(&self, rest: &mut std::vec::IntoIter<Token>, negate: bool) -> Outcome<Node> {
        match rest.next() {
            Some(Token::Not) => self.tree(rest, !negate),
            Some(token @ (Token::And | Token::Or)) => {
                let both = vec![self.tree(rest, negate)?, self.tree(rest, negate)?];
                let all = (token == Token::And) != negate;
                Ok(if all { flatten(both) } else { Node::One(both) })
            }
            Some(Token::Leaf(parts)) => self.leaf(&parts, negate),
            Some(Token::Odd(Value::Text(text))) => {
                let letters = text.chars().count();
                let (few, expected) = if letters > 3 {
                    ("too many", " (expected 3)".to_owned())
                } else {
                    ("not enough", format!(" (expected 3, got {letters})"))
                };
                Err(Fault::value_error(format!("{few} values to unpack{expected}")))
            }
            Some(Token::Odd(odd)) => {
                Err(Fault::type_error(format!("cannot unpack non-iterable {} object", odd.python_type())))
            }
            None => Ok(Node::Always(true)),
        }
    }

    fn leaf(&self, parts: &[Value], negate: bool) -> Outcome<Node> {
        let [left, operator, right] = parts else {
            return Ok(Node::Always(true));
        };
        if let (Some(one @ 0..=1), Some("="), Some(1)) = (left.as_int(), operator.as_text(), right.as_int()) {
            return Ok(Node::Always((one == 1) != negate));
        }
        let Some(path) = left.as_text() else {
            return Err(Fault::other(
                "AttributeError",
                format!("'{}' object has no attribute 'split'", left.python_type()),
            ));
        };
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let model = &self.db.schema.models[self.model];
        let Some(field) = model.field(name) else {
            return Ok(Node::Always(true));
        };
        let known = &model.fields[field];
        let relation = known.kind.relation().and_then(|other| self.db.schema.model(other));
        if let (Some(rest), Some(other)) = (rest, relation) {
            let sub = Value::Array(vec![Value::Array(vec![rest.into(), operator.clone(), right.clone()])]);
            return self.any(field, other, &sub, negate);
        }
        let Some(operator) = operator.as_text().filter(|operator| OPERATORS.contains(operator)) else {
            return Err(Fault::value_error(format!("Invalid leaf {}", Value::tuple_repr(parts))));
        };
        if rest.is_some() {
            let leaf = Value::tuple_repr(parts);
            return Err(Fault::other("AssertionError", format!("Invalid field '{path}' in domain term {leaf}")));
        }
        if let "any" | "not any" = operator {
            let Some(other) = relation else {
                return Err(Fault::other("KeyError", "None"));
            };
            return self.any(field, other, right, negate != (operator == "not any"));
        }
        self.condition(field, operator, right, negate)
    }

    /// Odoo rewrites a path to a search at its other end: there, each leaf stands for itself.
    fn any(&self, field: FieldId, other: ModelId, domain: &Value, negate: bool) -> Outcome<Node> {
        let single = matches!(self.db.schema.models[self.model].fields[field].kind, Kind::Many2one(_));
        let filter = compile(self.db, other, domain, false)?;
        Ok(Node::Field(field, Box::new(Check::Any { filter, negate, archived: single })))
    }

    fn condition(&self, field: FieldId, operator: &str, right: &Value, negate: bool) -> Outcome<Node> {
        let operator = match (operator, right) {
            ("<>", _) => "!=",
            ("in", Value::Bool(_)) => "=",
            ("not in", Value::Bool(_)) => "!=",
            ("=", Value::Array(_)) => "in",
            ("!=", Value::Array(_)) => "not in",
            (other, _) => other,
        };
        let opposite = match operator {
            "<" => ">=",
            ">" => "<=",
            "<=" => ">",
            ">=" => "<",
            "=" => "!=",
            "!=" => "=",
            "in" => "not in",
            "not in" => "in",
            "like" => "not like",
            "not like" => "like",
            "ilike" => "not ilike",
            "not ilike" => "ilike",
            _ => "",
        };
        match (negate, opposite) {
            (false, _) => self.positive(field, operator, right),
            (true, "") => {
                let inner = Node::Not(Box::new(self.positive(field, operator, right)?));
                // In SQL the opposite of "unknown" is unknown too: an empty column meets neither.
                let many = matches!(
                    self.db.schema.models[self.model].fields[field].kind,
                    Kind::One2many(..) | Kind::Many2many(_)
                );
                let filled = Node::Field(field, Box::new(Check::Null { negate: true }));
                Ok(if many { inner } else { Node::All(vec![inner, filled]) })
            }
            (true, opposite) => self.positive(field, opposite, right),
        }
    }

    fn positive(&self, field: FieldId, operator: &str, right: &Value) -> Outcome<Node> {
        let model = &self.db.schema.models[self.model];
        let known = &model.fields[field];
        if known.name == "id" && matches!(operator, "child_of" | "parent_of") {
            let ids = family(self.db, self.model, operator, right)?;
            return Ok(Node::Field(field, Box::new(leaf::among(ids))));
        }
        match (known.source, &known.kind) {
            (Source::Computed(Compute::IdTypeName), _) => {
                let leaf = vec!["id_type.name".into(), operator.into(), right.clone()];
                return self.leaf(&leaf, false);
            }
            (Source::Computed(Compute::DisplayName), _) => {
                let found = name_search(self.db, self.model, right, operator)?;
                let id = model.field("id").unwrap_or(0);
                return Ok(Node::Field(id, Box::new(leaf::among(found))));
            }
            // A field that is neither stored nor searchable: the condition is dropped with a line in the log.
            (Source::Computed(Compute::Age | Compute::Zero), _) => return Ok(Node::Always(true)),
            (_, Kind::One2many(..) | Kind::Many2many(_)) => return self.many(field, operator, right),
            (_, Kind::Many2one(other)) => {
                if let Some(node) = self.one(field, other, operator, right)? {
                    return Ok(node);
                }
            }
            _ => {}
        }
        leaf::scalar(model, field, operator, right)
    }

    /// A many2one compared with names, or up and down a tree; anything else is a plain number.
    fn one(&self, field: FieldId, other: &str, operator: &str, right: &Value) -> Outcome<Option<Node>> {
        let Some(other) = self.db.schema.model(other) else {
            return Ok(None);
        };
        if let "child_of" | "parent_of" = operator {
            let ids = family(self.db, other, operator, right)?;
            return Ok(Some(Node::Field(field, Box::new(leaf::among(ids)))));
        }
        let names = match right {
            Value::Text(_) => true,
            Value::Array(items) => !items.is_empty() && items.iter().all(|item| matches!(item, Value::Text(_))),
            _ => false,
        };
        if !names {
            return Ok(None);
        }
        let list = matches!(right, Value::Array(_));
        let operator = match (operator, list) {
            ("<" | ">" | "<=" | ">=", false) => "=",
            ("<" | ">" | "<=" | ">=", true) => "in",
            ("in", false) => "=",
            ("not in", false) => "!=",
            (operator, _) => operator,
        };
        let found = name_search(self.db, other, right, operator)?;
        let among = Node::Field(field, Box::new(leaf::among(found)));
        Ok(Some(if NEGATIVE.contains(&operator) {
            Node::One(vec![among, Node::Field(field, Box::new(Check::Null { negate: false }))])
        } else {
            among
        }))
    }

    /// A one2many or many2many compared with ids, names or nothing.
    fn many(&self, field: FieldId, operator: &str, right: &Value) -> Outcome<Node> {
        let known = &self.db.schema.models[self.model].fields[field];
        let other = known.kind.relation().and_then(|other| self.db.schema.model(other));
        let negate = NEGATIVE.contains(&operator);
        if *right == Value::Bool(false) {
            return Ok(Node::Field(field, Box::new(Check::Linked(negate))));
        }
        let ids: HashSet<i32> = match (right, other) {
            (Value::Bool(true), _) => {
                return Err(Fault::other(
                    "psycopg2.errors.UndefinedFunction",
                    "operator does not exist: integer = boolean\nLINE 1: ...\n             ^\nHINT:  No operator matches the \
                     given name and argument types. You might need to add explicit type casts.\n",
                ));
            }
            (_, Some(other)) if matches!(operator, "child_of" | "parent_of") => {
                family(self.db, other, operator, right)?.into_iter().collect()
            }
            (Value::Text(_), Some(other)) => {
                let positive = match operator {
                    "!=" => "=",
                    "not in" => "in",
                    "not like" => "like",
                    "not ilike" => "ilike",
                    same => same,
                };
                name_search(self.db, other, right, positive)?.into_iter().collect()
            }
            (Value::Array(items), _) => items.iter().filter_map(Value::as_int).filter_map(small).collect(),
            (one, _) => one.as_int().and_then(small).into_iter().collect(),
        };
        Ok(Node::Field(field, Box::new(Check::Holds { ids, negate })))
    }
}

fn flatten(nodes: Vec<Node>) -> Node {
    let mut flat = Vec::new();
    for node in nodes {
        match node {
            Node::All(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    Node::All(flat)
}
