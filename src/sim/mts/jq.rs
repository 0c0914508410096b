//! The jq programs that a client may put into a request: `outputFormat` and the mapping entries.
//!
//! MTS runs them in the server with nothing held back. `env` shows the server's environment (here an invented one), and `input`,
//! `inputs` and `debug` bring the worker down. A program that never ends is not stopped, here as there.

use std::cell::Cell;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Error, Exn, Vars, data, native};
use jaq_json::Val;

use super::jq_dialect;

type Lut = data::JustLut<Val>;

thread_local! {
    static CRASHED: Cell<bool> = const { Cell::new(false) };
}

/// A compiled program.
pub struct Program(jaq_core::Filter<Lut>);

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

/// What became of a program's run.
#[derive(Debug)]
pub enum Run {
    /// Its first output.
    First(Val),
    /// No output, or an error.
    Nothing,
    /// The worker died of it.
    Crash,
}

impl Program {
    /// Compiles; `None` where jq 1.5 would not.
    pub fn compile(code: &str) -> Option<Self> {
        if !jq_dialect::knows(code) {
            return None;
        }
        let code = format!("{}{code}", jq_dialect::ADDED);
        let hidden = ["halt", "halt_error", "input", "inputs", "debug", "env"];
        let defs =
            jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).filter(|d| !hidden.contains(&d.name));
        let funs = jaq_core::funs::<Lut>().chain(jaq_std::funs::<Lut>()).chain(jaq_json::funs::<Lut>());
        let deadly = ["input", "inputs", "debug"].map(|name| {
            native::run::<Lut>((name, native::v(0), |_| {
                CRASHED.set(true);
                Box::new(std::iter::once(Err(Exn::from(Error::str("segmentation fault")))))
            }))
        });
        let funs = funs.filter(|f| !hidden.contains(&f.0)).chain(deadly);
        let arena = Arena::default();
        let modules = Loader::new(defs).load(&arena, File { code: code.as_str(), path: () }).ok()?;
        Compiler::default().with_funs(funs).compile(modules).ok().map(Self)
    }

    pub fn first(&self, input: Val) -> Run {
        CRASHED.set(false);
        let ctx = Ctx::<Lut>::new(&self.0.lut, Vars::new([]));
        // All outputs are made, as in MTS: an error after the first spoils it.
        let mut outputs = self.0.id.run((ctx, input));
        let first = outputs.next();
        let whole = outputs.all(|output| output.is_ok());
        match first {
            _ if CRASHED.get() => Run::Crash,
            Some(Ok(value)) if whole => Run::First(value),
            _ => Run::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::mts::json;

    fn first(code: &str, input: &str) -> String {
        match Program::compile(code).unwrap().first(json::parse(input.as_bytes()).unwrap()) {
            Run::First(value) => json::dumps(&value),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn gives_the_first_output() {
        assert_eq!(
            first("{id: .input.id, t: .output.token}", r#"{"input":{"id":"a"},"output":{}}"#),
            r#"{"id": "a", "t": null}"#
        );
        assert_eq!(first(".[]", "[1,2]"), "1");
        assert_eq!(first("empty", "1"), "Nothing");
        assert_eq!(first("1, error", "1"), "Nothing");
        assert_eq!(first(".a.b", r#"{"a":"text"}"#), "Nothing");
        assert_eq!(first("env.HOME", "{}"), "\"/home/mosip\"");
        assert_eq!(first("[first(try (.a # comment\n) catch null)][0]", "{}"), "null");
    }

    #[test]
    fn refuses_what_jq_refuses() {
        for code in ["{", ".a b", "$x", "nosuch", "$ENV", "halt", ".1st", ".id no", ".a:b", ".naïve", "if . then 1 end"]
        {
            assert!(Program::compile(code).is_none(), "{code}");
        }
        for code in
            [".\"naïve\"", ".\"id no\"", ".ids[0].v", ".id-1", "if . then 1 else 2 end", "def f: 1; f", ".vid|env.HOME"]
        {
            assert!(Program::compile(code).is_some(), "{code}");
        }
    }

    #[test]
    fn reading_further_inputs_is_deadly() {
        for code in ["input", "[inputs]", "debug", ".a | debug"] {
            assert_eq!(first(code, "{}"), "Crash", "{code}");
        }
        assert_eq!(first("if false then input else 1 end", "{}"), "1");
    }
}
