//! Imports point down only.

use crate::mention::{Target, mentions};
use crate::source::Source;

/// The modules under the root, highest first. Those of one line never see each other. `sim` stands apart.
const LAYERS: [&[&str]; 9] = [
    &["main"],
    &["cli"],
    &["app"],
    &["config"],
    &["worker", "import", "http", "schedule"],
    &["intake"],
    &["store", "odoo", "mts", "mosip", "jq"],
    &["access"],
    &["domain", "seal", "tls", "clock"],
];

/// Modules that see less than what is below them, and what they see.
const NARROW: [(&str, &[&str]); 4] = [
    ("main", &["cli"]),
    ("http", &["intake", "store", "domain", "seal", "tls", "clock"]),
    ("intake", &["store", "domain", "seal", "clock"]),
    ("sim", &["clock"]),
];

/// Modules that only these may name.
const KEPT: [(&str, &[&str]); 2] = [("sim", &["cli"]), ("access", &["app", "config", "worker", "mts", "mosip"])];

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Every module that has its place.
pub fn known() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().copied().flatten().copied().chain(["sim"])
}

fn may(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    if let Some((_, seen)) = NARROW.iter().find(|(module, _)| *module == from) {
        return seen.contains(&to);
    }
    if let Some((_, by)) = KEPT.iter().find(|(module, _)| *module == to) {
        return by.contains(&from);
    }
    matches!((level(from), level(to)), (Some(from), Some(to)) if from < to)
}

/// What is wrong with a file's imports, a line each.
pub fn complaints(source: &Source) -> Vec<String> {
    let from = source.top();
    let mut found = Vec::new();
    for mention in mentions(source) {
        let place = format!("{}:{}", source.path.display(), mention.line);
        let complaint = match &mention.target {
            Target::Other(_) => continue,
            Target::Nowhere => format!("{place}: more `super` than there are modules"),
            Target::Ours(path) => match path.first().map(String::as_str) {
                None | Some("*") => format!("{place}: names the root of the crate; name the module"),
                Some(to) if known().all(|module| module != to) => {
                    format!("{place}: `{to}` has no place among the layers")
                }
                Some(to) if from.is_empty() => format!("{place}: the root imports `{to}`; it only lists the modules"),
                Some(to) if !may(from, to) => format!("{place}: `{from}` must not see `{to}`"),
                Some(_) => continue,
            },
        };
        found.push(complaint);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(module: &[&str], text: &str) -> Vec<String> {
        let file = if module == ["main"] { "src/main.rs" } else { "src/x.rs" };
        complaints(&Source::parse(file, module, text))
    }

    #[track_caller]
    fn wrong(module: &[&str], text: &str, complaint: &str) {
        let told = told(module, text);
        assert!(told.iter().any(|line| line.contains(complaint)), "{text}: {told:?}");
    }

    #[track_caller]
    fn right(module: &[&str], text: &str) {
        assert_eq!(told(module, text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn down_is_right() {
        right(&["worker", "pull"], "use crate::{odoo::Registry, store::{self, Store}, domain::run::Run};");
        right(&["cli", "check"], "use crate::{app, sim}; use super::exit;");
        right(&["app"], "use crate::config::Config; use super::app as it;");
        right(&["config"], "pub struct C { a: crate::http::CallbackConfig, b: crate::odoo::Config }");
        right(&["http", "callback"], "use super::session; use crate::store::Store;");
        right(&["sim", "mts"], "use crate::clock::Clock; use super::odoo;");
        right(&["main"], "fn main() { omc::cli::main() }");
        right(&["odoo", "registry"], "pub(in crate::odoo) fn f() {}");
        right(&["worker"], "/// See [`crate::http`].\nfn f() {}");
    }

    #[test]
    fn up_is_wrong() {
        wrong(&["store"], "use crate::worker::Worker;", "`store` must not see `worker`");
        wrong(&["worker"], "use crate::config::Config;", "`worker` must not see `config`");
        wrong(&["config"], "use crate::app;", "`config` must not see `app`");
        wrong(&["app"], "use crate::cli::table;", "`app` must not see `cli`");
        wrong(&["odoo"], "use crate::main;", "`odoo` must not see `main`");
    }

    #[test]
    fn sideways_is_wrong() {
        for (from, to) in [("store", "odoo"), ("odoo", "mts"), ("mts", "jq"), ("jq", "store")] {
            wrong(&[from], &format!("use crate::{to}::X;"), &format!("`{from}` must not see `{to}`"));
        }
        wrong(&["worker"], "use crate::http::X;", "`worker` must not see `http`");
        wrong(&["schedule"], "use crate::worker::X;", "`schedule` must not see `worker`");
    }

    #[test]
    fn the_lowest_see_nothing_of_ours() {
        for to in ["seal", "clock", "store"] {
            wrong(&["domain", "run"], &format!("use crate::{to}::X;"), &format!("`domain` must not see `{to}`"));
        }
        wrong(&["seal"], "use crate::domain::X;", "`seal` must not see `domain`");
        wrong(&["clock"], "use crate::seal::X;", "`clock` must not see `seal`");
    }

    #[test]
    fn narrow_modules_see_less_than_what_is_below() {
        for to in ["odoo", "mts", "jq"] {
            wrong(&["http"], &format!("use crate::{to}::X;"), &format!("`http` must not see `{to}`"));
        }
        wrong(&["sim"], "use crate::domain::X;", "`sim` must not see `domain`");
        wrong(&["sim", "odoo"], "use crate::odoo::X;", "`sim` must not see `odoo`");
        wrong(&["main"], "fn main() { omc::app::start() }", "`main` must not see `app`");
        wrong(&["app"], "use crate::sim::odoo;", "`app` must not see `sim`");
        wrong(&["odoo"], "use crate::access::Access;", "`odoo` must not see `access`");
        wrong(&["worker"], "use crate::sim::odoo;", "`worker` must not see `sim`");
    }

    #[test]
    fn every_way_of_naming_is_seen() {
        let complaint = "`store` must not see `worker`";
        for text in [
            "use crate::worker as w;",
            "use crate::{domain::run, worker::{self as w}};",
            "use {crate::worker::X};",
            "use super::worker::X;",
            "use self::super::worker::X;",
            "pub use crate::worker::*;",
            "fn f() { use crate::worker::X; }",
            "fn f() { crate::worker::go(); }",
            "fn f(x: &mut Vec<crate::worker::X>) {}",
            "fn f(x: impl Fn(crate::worker::X) -> u8) {}",
            "impl crate::worker::T for u8 {}",
            "fn f(x: u8) { match x { crate::worker::X => {} _ => {} } }",
            "mod inner { use super::super::worker::X; }",
            "#[cfg(test)] mod tests { fn f() { crate::worker::go() } }",
            "fn f() { println!(\"{}\", crate::worker::go()); }",
            "fn f() { vec![(1, [super::worker::go()])]; }",
            "macro_rules! m { () => { $crate::worker::go() } }",
            "macro_rules! m { () => { use crate::{domain, worker}; } }",
            "#[serde(deserialize_with = \"crate::worker::read\")] struct S;",
            "#[derive(crate::worker::D)] struct S;",
        ] {
            wrong(&["store"], text, complaint);
        }
        wrong(&["store", "disk"], "use super::super::worker::X;", complaint);
        wrong(&["store", "disk"], "mod a { mod b { use super::super::super::super::worker::X; } }", complaint);
    }

    #[test]
    fn nothing_goes_round_by_the_root() {
        wrong(&["store"], "use crate as everything;", "root of the crate");
        wrong(&["store"], "use crate::{self as everything};", "root of the crate");
        wrong(&["store"], "use super::*;", "root of the crate");
        wrong(&["store"], "extern crate self as everything;", "root of the crate");
        wrong(&["store"], "use super::super::worker;", "more `super`");
        wrong(&[], "pub use self::worker::Worker;", "the root imports `worker`");
        wrong(&["store"], "use crate::helpers::X;", "`helpers` has no place");
    }
}
