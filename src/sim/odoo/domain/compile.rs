//! From a domain as it was sent to a [`Filter`]: names resolved, operators negated, values brought to the column's type.

use std::collections::HashSet;

use super::super::database::Database;
use super::super::fault::{Fault, Outcome};
use super::super::schema::{Compute, FieldId, Kind, ModelId, Source};
use super::super::wire::Value;
use super::leaf;
use super::plan::{Order, search};
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
    let mut tokens = normalize(domain)?;
    well_formed(db, model, &tokens)?;
    let archivable = db.schema.models[model].field("active").filter(|_| active_test);
    if let Some(field) = archivable {
        let speaks = |token: &Token| matches!(token, Token::Leaf(parts) if parts.first().and_then(Value::as_text) == Some("active"));
        let root = Compiler { db, model }.tokens(&mut tokens)?;
        let root = if tokens_speak(domain, speaks)? {
            root
        } else {
            Node::All(vec![Node::Field(field, Box::new(Check::Truth(true))), root])
        };
        return Ok(Filter { model, root });
    }
    let root = Compiler { db, model }.tokens(&mut tokens)?;
    Ok(Filter { model, root })
}

/// What Odoo complains of before it looks at any operator or value: from the end, terms that are no terms; then, from the
/// start, terms of the wrong length and fields there are not.
fn well_formed(db: &Database, model: ModelId, tokens: &[Token]) -> Outcome<()> {
    for token in tokens.iter().rev() {
        match token {
            Token::Odd(Value::Text(text)) if text.chars().count() < 2 => {
                return Err(Fault::other("IndexError", "string index out of range"));
            }
            Token::Odd(Value::Text(_)) => {}
            Token::Odd(odd) => {
                let kind = odd.python_type();
                return Err(Fault::type_error(format!("'{kind}' object is not subscriptable")));
            }
            _ => {}
        }
    }
    let known = &db.schema.models[model];
    for token in tokens {
        let Token::Leaf(parts) = token else { continue };
        if parts.len() != 3 {
            let text = match parts.len() {
                few @ 0..3 => format!("not enough values to unpack (expected 3, got {few})"),
                _ => "too many values to unpack (expected 3)".to_owned(),
            };
            return Err(Fault::value_error(text));
        }
        let Some(path) = parts[0].as_text() else { continue };
        let name = path.split('.').next().unwrap_or_default();
        if known.field(name).is_none() {
            let leaf = Value::tuple_repr(parts);
            return Err(Fault::value_error(format!(
                "Invalid field {}.{name} in leaf {leaf}",
                known.name
            )));
        }
    }
    Ok(())
}

fn tokens_speak(domain: &Value, speaks: impl Fn(&Token) -> bool) -> Outcome<bool> {
    Ok(normalize(domain)?.iter().any(speaks))
}

/// Ids whose name meets `operator name`, as `_name_search` finds them.
pub fn name_search(db: &Database, model: ModelId, name: &Value, operator: &str) -> Outcome<Vec<i32>> {
    let known = &db.schema.models[model];
    let by_owner = model == db.names.reg_id;
    let domain = if by_owner {
        let leaf = Value::Array(vec!["partner_id".into(), operator.into(), name.clone()]);
        Value::Array(if name.truthy() { vec![leaf] } else { vec![] })
    } else if name.as_text() == Some("") && matches!(operator, "like" | "ilike") {
        Value::Array(vec![])
    } else {
        let joint = if NEGATIVE.contains(&operator) { "&" } else { "|" };
        let mut parts = vec![Value::from(joint); known.names.len() - 1];
        for field in known.names {
            parts.push(Value::Array(vec![(*field).into(), operator.into(), name.clone()]));
        }
        Value::Array(parts)
    };
    let filter = compile(db, model, &domain, false)?;
    // The registry's own name search of IDs stops at a hundred.
    search(
        db,
        &filter,
        &[Order {
            field: None,
            descending: by_owner,
        }],
        0,
        by_owner.then_some(100),
    )
}

struct Compiler<'a> {
    db: &'a Database,
    model: ModelId,
}

impl Compiler<'_> {
    fn tokens(&self, tokens: &mut Vec<Token>) -> Outcome<Node> {
        if tokens.is_empty() {
            return Ok(Node::Always(true));
        }
        let mut rest = std::mem::take(tokens).into_iter();
        self.tree(&mut rest, false)
    }

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
            Some(Token::Odd(odd)) => Err(Fault::type_error(format!(
                "cannot unpack non-iterable {} object",
                odd.python_type()
            ))),
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
        let (name, rest) = path
            .split_once('.')
            .map_or((path, None), |(name, rest)| (name, Some(rest)));
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
            return Err(Fault::other(
                "AssertionError",
                format!("Invalid field '{path}' in domain term {leaf}"),
            ));
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
        Ok(Node::Field(
            field,
            Box::new(Check::Any {
                filter,
                negate,
                archived: single,
            }),
        ))
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
            let ids = self.family(self.model, operator, right)?;
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
            let ids = self.family(other, operator, right)?;
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
                self.family(other, operator, right)?.into_iter().collect()
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

    /// Ids with all that stand below or above them along `parent_id`.
    fn family(&self, model: ModelId, operator: &str, right: &Value) -> Outcome<Vec<i32>> {
        let start: Vec<i32> = match right {
            Value::Text(_) => name_search(self.db, model, right, "ilike")?,
            Value::Array(items) => items.iter().filter_map(Value::as_int).filter_map(small).collect(),
            one => one.as_int().and_then(small).filter(|id| *id != 0).into_iter().collect(),
        };
        let parent = self.db.schema.models[model].column("parent_id");
        let mut found: Vec<i32> = Vec::new();
        let mut next = start;
        while let Some(id) = next.pop() {
            if found.contains(&id) {
                continue;
            }
            found.push(id);
            let Some(column) = parent else { continue };
            if operator == "child_of" {
                next.extend(self.db.table(model).back(column, id).unwrap_or(&[]));
            } else {
                next.extend(self.db.row(model, id).and_then(|row| row.cell(column).as_ref_id()));
            }
        }
        Ok(found)
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

fn small(number: i64) -> Option<i32> {
    i32::try_from(number).ok()
}
