//! The house keeps its order: imports point down, crates stay behind their files, nothing unwraps without a reason, and no
//! file grows without one.

#![forbid(unsafe_code)]

mod homes;
mod layers;
mod mention;
mod promises;
mod secrets;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::Source;

/// A file is near 150 lines; beyond this it needs a reason.
const LINES: usize = 400;

/// Longer files, and why they stay whole.
const LONG: [(&str, &str); 1] =
    [("src/domain/definition/tests.rs", "every field of a definition, right and wrong, case by case")];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library and the binary.
fn everything() -> Vec<Source> {
    let mut sources = source::read_tree(folder(), "lib.rs", &[]);
    sources.extend(source::read_tree(folder(), "main.rs", &["main"]));
    sources
}

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_file_is_part_of_the_house() {
    let read: BTreeSet<_> = everything().into_iter().map(|source| source.path).collect();
    let strays = source::every_file(folder()).into_iter().filter(|path| !read.contains(path));
    none(strays.map(|path| format!("{}: no `mod` leads here", path.display())).collect());
}

#[test]
fn imports_point_down() {
    none(everything().iter().flat_map(layers::complaints).collect());
}

#[test]
fn every_module_has_its_layer() {
    let there: BTreeSet<String> = everything().iter().map(|source| source.top().to_owned()).collect();
    let known = layers::known().filter(|module| !there.contains(*module));
    none(known.map(|module| format!("`{module}` has a layer, and is not there")).collect());
}

#[test]
fn crates_stay_behind_their_files() {
    let named: Vec<_> = everything().iter().flat_map(homes::named).collect();
    none(named.iter().filter_map(|(_, complaint)| complaint.clone()).collect());
    let unused = homes::crates().filter(|krate| named.iter().all(|(named, _)| named != krate));
    none(unused.map(|krate| format!("`{krate}` has a home, and nobody names it")).collect());
}

#[test]
fn nothing_unwraps_without_a_reason() {
    none(everything().iter().flat_map(promises::complaints).collect());
}

#[test]
fn what_is_secret_does_not_print_itself() {
    let told: Vec<_> = everything().iter().map(secrets::complaints).collect();
    none(told.iter().flat_map(|(complaints, _)| complaints.clone()).collect());
    let needed: BTreeSet<&str> = told.iter().flat_map(|(_, reasons)| reasons.clone()).collect();
    let idle = secrets::reasoned().filter(|reasoned| !needed.contains(reasoned));
    none(idle.map(|reasoned| format!("`{reasoned}` has a reason, and needs none")).collect());
}

/// Every root of a crate: what is not written, nobody has to trust.
#[test]
fn nothing_of_ours_is_unsafe() {
    let tests = std::fs::read_dir(folder().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    let roots = tests.filter_map(|path| match path.is_dir() {
        true => Some(path.join("main.rs")).filter(|main| main.is_file()),
        false => Some(path).filter(|path| path.extension().is_some_and(|extension| extension == "rs")),
    });
    let roots: Vec<_> = roots.chain(["src/lib.rs", "src/main.rs"].map(|root| folder().join(root))).collect();
    assert!(roots.len() > 6, "{roots:?}");
    let forbids = |path: &Path| {
        let syntax = syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap();
        syntax.attrs.iter().any(|attribute| {
            attribute.path().is_ident("forbid")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "unsafe_code")
        })
    };
    none(
        roots
            .iter()
            .filter(|root| !forbids(root))
            .map(|root| format!("{}: `#![forbid(unsafe_code)]` is missing", root.display()))
            .collect(),
    );
    assert!(!Path::new("build.rs").exists() && !folder().join("build.rs").exists(), "a root that is not looked at");
}

#[test]
fn no_file_grows_without_a_reason() {
    let sources = everything();
    none(length_complaints(&sources, &LONG));
}

fn length_complaints(sources: &[Source], long: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let (path, lines) = (source.path.to_string_lossy(), source.text.lines().count());
        let reason = long.iter().find(|(listed, _)| *listed == path);
        match reason {
            None if lines > LINES => found.push(format!("{path}: {lines} lines, over {LINES}; part it")),
            Some(_) if lines <= LINES => found.push(format!("{path}: {lines} lines; needs no reason any more")),
            _ => {}
        }
    }
    let gone = long.iter().filter(|(listed, _)| sources.iter().all(|source| source.path.to_string_lossy() != *listed));
    found.extend(gone.map(|(listed, _)| format!("{listed}: listed as long, and not there")));
    found
}

#[test]
fn long_files_are_found() {
    let long = "fn f() {}\n".repeat(LINES + 1);
    let file = |path: &str, text: &str| Source::parse(path, &["store"], text);
    let sources = [file("src/store/a.rs", &long), file("src/store/b.rs", "")];
    assert_eq!(length_complaints(&sources, &[]).len(), 1);
    assert_eq!(length_complaints(&sources, &[("src/store/a.rs", "why")]).len(), 0);
    assert_eq!(length_complaints(&sources, &[("src/store/b.rs", "why")]).len(), 2);
    assert_eq!(length_complaints(&sources[..1], &[("src/store/b.rs", "why"), ("src/store/a.rs", "why")]).len(), 1);
}
