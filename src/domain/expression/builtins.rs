//! The named filters that a connector's expression may use. All of them end, give a bounded number of results for their
//! input, and see nothing but their input.

/// Which jq knows a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knows {
    Both,
    /// jq 1.5, which MTS runs the output format with.
    OnlyMts,
    /// jaq, which OMC runs the input format with. jq 1.5 does not know it, or does not survive it.
    OnlyOmc,
}

struct Builtin {
    name: &'static str,
    /// The numbers of arguments it takes.
    arities: &'static [usize],
    knows: Knows,
}

/// What there is to say of a filter by its name and number of arguments.
pub(super) enum Found {
    Allowed(Knows),
    /// Allowed, but not with this number of arguments.
    WrongArity,
    /// Refused, and why.
    Refused(&'static str),
    NotAmong,
}

/// Looks a filter up; formats such as `@text` are filters too.
pub(super) fn find(name: &str, arity: usize) -> Found {
    let mut named = BUILTINS.iter().filter(|builtin| builtin.name == name).peekable();
    if named.peek().is_some() {
        return named
            .find(|builtin| builtin.arities.contains(&arity))
            .map_or(Found::WrongArity, |builtin| Found::Allowed(builtin.knows));
    }
    let refused = REFUSED.iter().find(|(names, _)| names.contains(&name));
    refused.map_or(Found::NotAmong, |(_, reason)| Found::Refused(reason))
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, usize, Knows)> {
    BUILTINS.iter().flat_map(|builtin| builtin.arities.iter().map(|arity| (builtin.name, *arity, builtin.knows)))
}

const fn both(name: &'static str, arities: &'static [usize]) -> Builtin {
    Builtin { name, arities, knows: Knows::Both }
}

const fn only_mts(name: &'static str, arities: &'static [usize]) -> Builtin {
    Builtin { name, arities, knows: Knows::OnlyMts }
}

const fn only_omc(name: &'static str, arities: &'static [usize]) -> Builtin {
    Builtin { name, arities, knows: Knows::OnlyOmc }
}

const BUILTINS: &[Builtin] = &[
    // Constants and kinds.
    both("true", &[0]),
    both("false", &[0]),
    both("null", &[0]),
    both("not", &[0]),
    both("type", &[0]),
    both("values", &[0]),
    both("nulls", &[0]),
    both("booleans", &[0]),
    both("numbers", &[0]),
    both("strings", &[0]),
    both("arrays", &[0]),
    both("objects", &[0]),
    both("iterables", &[0]),
    both("scalars", &[0]),
    only_omc("isboolean", &[0]),
    only_omc("isnumber", &[0]),
    only_omc("isstring", &[0]),
    only_omc("isarray", &[0]),
    only_omc("isobject", &[0]),
    // Choosing.
    both("empty", &[0]),
    both("select", &[1]),
    both("any", &[0, 1, 2]),
    both("all", &[0, 1, 2]),
    only_omc("isempty", &[1]),
    both("first", &[0, 1]),
    both("last", &[0, 1]),
    both("nth", &[1]),
    both("has", &[1]),
    both("in", &[1]),
    both("contains", &[1]),
    both("inside", &[1]),
    both("index", &[1]),
    both("rindex", &[1]),
    both("indices", &[1]),
    both("getpath", &[1]),
    // Text.
    both("length", &[0]),
    only_omc("utf8bytelength", &[0]),
    both("tostring", &[0]),
    both("tonumber", &[0]),
    both("tojson", &[0]),
    both("ascii_downcase", &[0]),
    both("ascii_upcase", &[0]),
    both("startswith", &[1]),
    both("endswith", &[1]),
    both("ltrimstr", &[1]),
    both("rtrimstr", &[1]),
    only_omc("trim", &[0]),
    only_omc("ltrim", &[0]),
    only_omc("rtrim", &[0]),
    both("split", &[1, 2]),
    both("splits", &[1, 2]),
    both("join", &[1]),
    both("test", &[1, 2]),
    both("match", &[1, 2]),
    both("capture", &[1, 2]),
    both("scan", &[1]),
    only_omc("scan", &[2]),
    both("sub", &[2, 3]),
    both("gsub", &[2, 3]),
    both("explode", &[0]),
    // jq 1.5 ends its process on a number that is no character, and MTS with it.
    only_omc("implode", &[0]),
    both("@text", &[0]),
    both("@json", &[0]),
    both("@html", &[0]),
    both("@uri", &[0]),
    both("@sh", &[0]),
    both("@base64", &[0]),
    only_omc("@base64d", &[0]),
    only_mts("@csv", &[0]),
    only_mts("@tsv", &[0]),
    only_mts("@base32", &[0]),
    // Numbers and times.
    both("floor", &[0]),
    only_omc("ceil", &[0]),
    only_omc("round", &[0]),
    only_omc("abs", &[0]),
    both("fromdate", &[0]),
    both("fromdateiso8601", &[0]),
    // jq 1.5 ends its process on a number that is no time.
    only_omc("todate", &[0]),
    only_omc("todateiso8601", &[0]),
    only_omc("strftime", &[1]),
    both("strptime", &[1]),
    both("gmtime", &[0]),
    both("mktime", &[0]),
    // Lists and objects.
    both("keys", &[0]),
    both("keys_unsorted", &[0]),
    both("map", &[1]),
    both("map_values", &[1]),
    both("add", &[0]),
    only_omc("add", &[1]),
    both("to_entries", &[0]),
    both("from_entries", &[0]),
    both("with_entries", &[1]),
    both("del", &[1]),
    only_omc("pick", &[1]),
    both("sort", &[0]),
    both("sort_by", &[1]),
    both("unique", &[0]),
    both("unique_by", &[1]),
    both("group_by", &[1]),
    both("reverse", &[0]),
    both("min", &[0]),
    both("max", &[0]),
    both("min_by", &[1]),
    both("max_by", &[1]),
    both("flatten", &[0, 1]),
];

const NO_END: &str = "it may never end, or fill the memory";
const SERVER: &str = "it reaches beyond the record, into the server";
const CRASHES: &str = "it stops the worker of MTS, and its queue is lost";

/// Filters that somebody may well try, and why they are not allowed.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "recurse",
            "recurse_down",
            "repeat",
            "until",
            "while",
            "range",
            "limit",
            "walk",
            "combinations",
            "skip",
            "paths",
            "leaf_paths",
        ],
        NO_END,
    ),
    (&["env", "$ENV", "builtins", "modulemeta", "get_search_list"], SERVER),
    (&["input", "inputs", "debug", "stderr", "input_filename", "input_line_number"], CRASHES),
    (&["halt", "halt_error"], CRASHES),
    (&["fromjson"], "deeply nested text would end the process"),
    (&["error"], "write `empty` or null instead"),
    (&["now", "localtime", "strflocaltime", "date"], "the same record must give the same result whenever it is read"),
    (&["setpath", "delpaths", "to_array", "path"], "build a new object instead, for example {name: .given_name}"),
];
