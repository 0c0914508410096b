//! What tells the jq inside MTS (1.5) from jaq, as far as a program's syntax and names go.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use jaq_core::path::Part;

/// Filters that jq 1.5 has and jaq lacks (some stay away: `tostream`, `fromstream`, `@base32`, `format`, `modulemeta`), and the environment, which here is that of a server that never was.
pub const ADDED: &str = r#"def env: {"HOME": "/home/mosip", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin",
  "TOKENSEEDER_DB__PASSWORD": "invented-database-password", "TOKENSEEDER_MOSIP_AUTH__PARTNER_APIKEY": "invented-api-key"};
def leaf_paths: paths(scalars);
def recurse_down: recurse;
def input_filename: null;
def input_line_number: 0;
def @csv: [.[] | if type == "string" then "\"" + gsub("\""; "\"\"") + "\"" elif . == null then "" elif type == "array" or type == "object"
  then error("not valid in a csv row") else tostring end] | join(",");
def @tsv: [.[] | if type == "string" then gsub("\t"; "\\t") elif . == null then "" elif type == "array" or type == "object"
  then error("not valid in a tsv row") else tostring end] | join("\t");
"#;

/// Filters that jaq has and jq 1.5 lacks, with their number of arguments.
const LACKING: &[(&str, usize)] = &[
    ("walk", 1),
    ("isempty", 1),
    ("debug", 1),
    ("halt", 0),
    ("halt", 1),
    ("halt_error", 0),
    ("halt_error", 1),
    ("isboolean", 0),
    ("isnumber", 0),
    ("isstring", 0),
    ("isarray", 0),
    ("isobject", 0),
    ("abs", 0),
    ("logb", 0),
    ("significand", 0),
    ("pow10", 0),
    ("drem", 2),
    ("nexttoward", 2),
    ("scalb", 2),
    ("gamma", 0),
    ("add", 1),
    ("pick", 1),
    ("scan", 2),
    ("toboolean", 0),
    ("skip", 2),
    ("round", 0),
    ("ceil", 0),
    ("utf8bytelength", 0),
    ("trim", 0),
    ("ltrim", 0),
    ("rtrim", 0),
    ("erf", 0),
    ("erfc", 0),
    ("exp10", 0),
    ("expm1", 0),
    ("fabs", 0),
    ("frexp", 0),
    ("ilogb", 0),
    ("lgamma", 0),
    ("log1p", 0),
    ("modf", 0),
    ("nearbyint", 0),
    ("rint", 0),
    ("trunc", 0),
    ("copysign", 2),
    ("fdim", 2),
    ("fmax", 2),
    ("fmin", 2),
    ("fmod", 2),
    ("jn", 2),
    ("yn", 2),
    ("ldexp", 2),
    ("nextafter", 2),
    ("scalbln", 2),
    ("fma", 3),
    ("strflocaltime", 1),
    ("localtime", 0),
    ("tobytes", 0),
    ("totype", 2),
    ("path_value", 1),
    ("key_values", 0),
    ("error_empty", 0),
    ("escape_sh", 0),
    ("escape_html", 0),
    ("unescape_html", 0),
    ("encode_uri", 0),
    ("decode_uri", 0),
    ("encode_base64", 0),
    ("decode_base64", 0),
    ("matches", 2),
    ("split_matches", 2),
];

/// Whether jq 1.5 knows all that the program says; jaq has yet to compile it.
pub fn knows(code: &str) -> bool {
    (code.is_ascii() || !bare_beyond_ascii(code))
        && jaq_core::load::parse(code, |p| p.term()).is_some_and(|term| known(&term, &mut Vec::new()))
}

/// jq takes letters beyond ASCII only in texts and comments.
fn bare_beyond_ascii(code: &str) -> bool {
    let (mut quoted, mut escaped, mut comment) = (false, false, false);
    for c in code.chars() {
        match c {
            '\n' => comment = false,
            _ if comment => {}
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => comment = true,
            _ if !quoted && !c.is_ascii() => return true,
            _ => {}
        }
    }
    false
}

/// Looks for an `if` without `else` and for filters that are neither there nor `defined` on the way.
fn known<'t>(term: &Term<&'t str>, defined: &mut Vec<(&'t str, usize)>) -> bool {
    let outer = defined.len();
    let all_known = match term {
        Term::IfThenElse(cases, otherwise) => {
            let mut terms = cases.iter().flat_map(|(condition, then)| [condition, then]).chain(otherwise.as_deref());
            otherwise.is_some() && terms.all(|t| known(t, defined))
        }
        Term::Call(name, args) => {
            let call = (*name, args.len());
            (defined.contains(&call) || !LACKING.contains(&call)) && args.iter().all(|t| known(t, defined))
        }
        Term::Def(defs, body) => {
            let bodies = defs.iter().all(|def| {
                defined.push((def.name, def.args.len()));
                known(&def.body, defined)
            });
            bodies && known(body, defined)
        }
        Term::Str(_, parts) => parts.iter().all(|part| match part {
            StrPart::Term(t) => known(t, defined),
            _ => true,
        }),
        Term::Arr(inner) => inner.as_deref().is_none_or(|t| known(t, defined)),
        Term::Obj(entries) => {
            entries.iter().flat_map(|(key, value)| std::iter::once(key).chain(value)).all(|t| known(t, defined))
        }
        Term::Neg(inner) | Term::Label(_, inner) => known(inner, defined),
        Term::BinOp(left, _, right) => known(left, defined) && known(right, defined),
        Term::Fold(_, over, _, terms) => known(over, defined) && terms.iter().all(|t| known(t, defined)),
        Term::TryCatch(body, catch) => known(body, defined) && catch.as_deref().is_none_or(|t| known(t, defined)),
        Term::Path(inner, path) => {
            known(inner, defined)
                && path.0.iter().all(|(part, _)| match part {
                    Part::Index(at) => known(at, defined),
                    Part::Range(from, to) => from.iter().chain(to).all(|t| known(t, defined)),
                })
        }
        _ => true,
    };
    defined.truncate(outer);
    all_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jq_is_older_than_jaq() {
        for code in [
            "if . then 1 end",
            "walk(.)",
            "[.a | ceil]",
            "\"x\\(.a | trim)\"",
            ".[abs]",
            "try (if . then 1 end)",
            ".naïve",
            ".a.[0] | round",
        ] {
            assert!(!knows(code), "{code}");
        }
        for code in [
            "if . then 1 else 2 end",
            "def walk(f): f; walk(.)",
            ".\"naïve\"",
            ".a # naïve\n",
            "def f: 1; f",
            "floor",
            "@csv",
        ] {
            assert!(knows(code), "{code}");
        }
        assert!(!knows("def g: def walk(f): f; 1; walk(.)"), "defined elsewhere");
    }
}
