//! Crates that one file stands before, so that the rest of OMC does not depend on their ways.

use crate::mention::{Target, mentions};
use crate::source::Source;

struct Home {
    krate: &'static str,
    /// Files, or with a trailing `*` beginnings of their paths.
    files: &'static [&'static str],
    /// The simulators have their own.
    in_simulator: bool,
    /// Beginnings of files that may use only these modules of it.
    part: Option<(&'static str, &'static [&'static str])>,
}

const fn home(krate: &'static str, files: &'static [&'static str], in_simulator: bool) -> Home {
    Home { krate, files, in_simulator, part: None }
}

const HOMES: [Home; 13] = [
    home("xmlrpc", &["src/odoo/xml/write.rs"], false),
    home("quick_xml", &["src/odoo/xml/read.rs"], true),
    home("sled", &["src/store/disk.rs"], false),
    home("encoding_rs", &["src/import/*", "src/app/import.rs", "src/cli/import.rs"], false),
    // The parser is also what an expression is checked with; nothing is evaluated there.
    Home { part: Some(("src/domain/expression*", &["load", "ops", "path"])), ..home("jaq_core", &["src/jq*"], true) },
    home("jaq_std", &["src/jq*"], true),
    home("jaq_json", &["src/jq*"], true),
    home("tokio_cron_scheduler", &["src/schedule.rs"], false),
    home("croner", &["src/domain/timetable.rs"], false),
    home("figment", &["src/config*"], false),
    home("axum", &["src/http*"], true),
    home("tokio_rustls", &["src/http/handshake.rs"], true),
    home("sd_notify", &["src/cli/serve.rs"], false),
];

/// Crates that have a home.
pub fn crates() -> impl Iterator<Item = &'static str> {
    HOMES.iter().map(|home| home.krate)
}

fn lies_in(path: &str, file: &str) -> bool {
    file.strip_suffix('*').map_or(path == file, |start| path.starts_with(start))
}

/// The crates with a home that a file names, and what is wrong with that.
pub fn named(source: &Source) -> Vec<(&'static str, Option<String>)> {
    let path = source.path.to_string_lossy();
    let mut found = Vec::new();
    for mention in mentions(source) {
        let Target::Other(segments) = &mention.target else {
            continue;
        };
        let Some(home) = HOMES.iter().find(|home| segments[0] == home.krate) else {
            continue;
        };
        let at_home =
            home.files.iter().any(|file| lies_in(&path, file)) || (home.in_simulator && source.in_simulator());
        let allowed_part = home.part.is_some_and(|(files, modules)| {
            lies_in(&path, files) && segments.get(1).is_some_and(|module| modules.contains(&module.as_str()))
        });
        let complaint = (!at_home && !allowed_part).then(|| {
            let (krate, files) = (home.krate, home.files.join(" or "));
            format!("{path}:{}: `{}` belongs behind {files}, not here ({krate})", mention.line, segments.join("::"))
        });
        found.push((home.krate, complaint));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        let top = path.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        let named = named(&Source::parse(path, &[top], text));
        named.iter().filter(|(_, complaint)| complaint.is_some()).count()
    }

    #[test]
    fn a_crate_is_named_at_home_only() {
        for (home, text) in [
            ("src/odoo/xml/write.rs", "fn f(v: xmlrpc::Value) {}"),
            ("src/odoo/xml/read.rs", "use quick_xml::Reader;"),
            ("src/store/disk.rs", "use sled::{Db, Config};"),
            ("src/jq.rs", "use jaq_core::{Ctx, load::Arena}; use jaq_json::Val;"),
            ("src/schedule.rs", "use tokio_cron_scheduler::Job;"),
            ("src/domain/timetable.rs", "use croner::Cron;"),
            ("src/config/secrets.rs", "use figment::Figment;"),
            ("src/http/admin.rs", "use axum::Router;"),
        ] {
            assert_eq!(complaints(home, text), 0, "{home}");
            assert!(complaints("src/worker/pull.rs", text) > 0, "{text}");
        }
    }

    #[test]
    fn the_simulators_have_their_own_readers_and_evaluators() {
        assert_eq!(complaints("src/sim/odoo/wire.rs", "use quick_xml::Reader; use jaq_core::Ctx;"), 0);
        assert_eq!(complaints("src/sim/odoo/wire.rs", "use xmlrpc::Value; fn f() { sled::open(); }"), 2);
    }

    #[test]
    fn an_expression_is_parsed_in_the_domain_and_never_evaluated() {
        let path = "src/domain/expression/check.rs";
        assert_eq!(complaints(path, "use jaq_core::load::parse::Term; use jaq_core::ops::Math;"), 0);
        assert_eq!(complaints(path, "use jaq_core::{Ctx, Compiler};"), 2);
        assert_eq!(complaints(path, "use jaq_std::defs;"), 1);
        assert_eq!(complaints("src/domain/mapping.rs", "use jaq_core::load::parse::Term;"), 1);
    }

    #[test]
    fn a_function_of_the_same_name_is_no_crate() {
        assert_eq!(complaints("src/sim/odoo/http.rs", "fn f() { xmlrpc(1); let sled = 2; }"), 0);
    }

    #[test]
    fn nothing_hides_in_a_macro_or_behind_another_name() {
        for text in
            ["use sled as s;", "extern crate sled;", "fn f() { format!(\"{}\", sled::open()); }", "use {sled::Db};"]
        {
            assert_eq!(complaints("src/worker/pull.rs", text), 1, "{text}");
        }
    }
}
