//! jq itself: the one file that knows jaq's evaluator.
//!
//! Only expressions that passed [`Expression::parse`] get here. The filters that reach beyond the input (`env`, `halt`,
//! `debug`, `stderr`, `now`) are not even there, and `tonumber` is one of our own: jaq's reads any JSON, and deeply nested
//! text out of a registrant's name would end the process.
//!
//! What is left is what no static check can bound: an expression may double its input again and again. Records are therefore
//! only run through it in a process that can be killed ([`super::Jail`]).

use std::panic::{AssertUnwindSafe, catch_unwind};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader, parse};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

use super::Error;
use crate::domain::expression::Expression;

/// Deepest nesting and most bytes of a result, text and keys counted and a little for each value.
const DEEPEST: usize = 64;
const LARGEST: usize = 64 << 10;

/// Filters of jaq's that are left out.
const LEFT_OUT: [&str; 14] = [
    "env",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "input",
    "inputs",
    "now",
    "localtime",
    "strflocaltime",
    "repl",
    "tonumber",
];

/// Numbers as JSON writes them, with blanks around them, and nothing else.
const OWN: &str = r#"def tonumber:
  if isnumber then .
  elif isstring and test("^[ \t\r\n]*-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?[ \t\r\n]*$") then fromjson
  else error("not a number") end;"#;

/// The compiler of expressions.
#[derive(Debug, Clone, Copy)]
pub struct Jq;

/// An expression that is ready to run, over any number of records and from any thread.
pub struct Compiled(jaq_core::Filter<JustLut<Val>>);

impl Jq {
    /// Compiles an expression: about a millisecond.
    pub fn compile(expression: &Expression) -> Result<Compiled, Error> {
        let kept = |name: &str| !LEFT_OUT.contains(&name);
        let own = parse(OWN, |parser| parser.defs()).ok_or(Error::Compile)?;
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .filter(|definition| kept(definition.name))
            .chain(own);
        let natives = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|native| kept(native.0));
        let arena = Arena::default();
        let file = File { code: expression.source(), path: () };
        let modules = Loader::new(definitions).load(&arena, file).map_err(|_| Error::Compile)?;
        let filter = Compiler::default().with_funs(natives).compile(modules).map_err(|_| Error::Compile)?;
        Ok(Compiled(filter))
    }
}

impl Compiled {
    /// The first result for one input; `None` where there is none.
    pub fn first(&self, input: &Value) -> Result<Option<Value>, Error> {
        let run = || {
            let input: Val = serde::Deserialize::deserialize(input).map_err(|_| Error::Failed)?;
            let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
            let first = self.0.id.run((context, input)).next();
            // An exception may also be a wish to end the process, which is no more than a failure here.
            let result = first.transpose().map_err(|_| Error::Failed)?;
            let mut room = LARGEST;
            result.map(|value| to_json(&value, DEEPEST, &mut room)).transpose()
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Error::Panicked))
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled(..)")
    }
}

/// Takes a result out of jaq. Values that share their parts are written out, so the size is bounded here.
fn to_json(value: &Val, depth: usize, room: &mut usize) -> Result<Value, Error> {
    let mut take = |bytes: usize| {
        *room = room.checked_sub(bytes + 8).ok_or(Error::TooLarge)?;
        Ok(())
    };
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(flag) => Value::Bool(*flag),
        Val::Num(number) => number_to_json(number),
        Val::TStr(bytes) | Val::BStr(bytes) => {
            take(bytes.len())?;
            Value::String(String::from_utf8_lossy(bytes).into_owned())
        }
        Val::Arr(items) => {
            let depth = depth.checked_sub(1).ok_or(Error::TooLarge)?;
            take(8 * items.len())?;
            let items = items.iter().map(|item| to_json(item, depth, room));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Val::Obj(entries) => {
            let depth = depth.checked_sub(1).ok_or(Error::TooLarge)?;
            let mut object = Map::new();
            for (key, value) in entries.iter() {
                let Val::TStr(key) = key else {
                    return Err(Error::NotJson);
                };
                *room = room.checked_sub(key.len() + 8).ok_or(Error::TooLarge)?;
                let key = String::from_utf8_lossy(key).into_owned();
                object.insert(key, to_json(value, depth, room)?);
            }
            Value::Object(object)
        }
    })
}

/// As jq writes numbers: what is none is null.
fn number_to_json(number: &Num) -> Value {
    let text = match number {
        Num::Int(whole) => return Value::from(*whole),
        Num::Float(float) => return Number::from_f64(*float).map_or(Value::Null, Value::Number),
        Num::BigInt(big) => big.to_string(),
        Num::Dec(decimal) => decimal.to_string(),
    };
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
