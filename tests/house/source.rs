//! The files of a crate as its `mod` declarations lead to them.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Meta};

/// One file, parsed.
pub struct Source {
    /// From the crate's folder.
    pub path: PathBuf,
    /// Where it hangs in the tree of modules: `["odoo", "xml"]`; empty for the root.
    pub module: Vec<String>,
    /// It is compiled for tests only.
    pub test: bool,
    pub text: String,
    pub syntax: syn::File,
}

impl Source {
    pub fn parse(path: impl Into<PathBuf>, module: &[&str], text: &str) -> Self {
        let module = module.iter().map(|&name| name.to_owned()).collect();
        Self::of(path.into(), module, false, text.to_owned())
    }

    fn of(path: PathBuf, module: Vec<String>, test: bool, text: String) -> Self {
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, module, test, text, syntax }
    }

    /// The module right under the root that the file belongs to.
    pub fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    pub fn in_simulator(&self) -> bool {
        self.top() == "sim"
    }
}

/// Every file that the root in `src/<root>` leads to. `module` is where the root hangs.
pub fn read_tree(folder: &Path, root: &str, module: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let module = module.iter().map(|&name| name.to_owned()).collect();
    follow(folder, &Path::new("src").join(root), Path::new("src"), module, false, &mut found);
    found
}

/// Every `.rs` file under `src`, whether anything leads to it or not.
pub fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.join("src")];
    let mut found = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// `children` is the folder that the file's own `mod name;` are looked for in.
fn follow(folder: &Path, path: &Path, children: &Path, module: Vec<String>, test: bool, found: &mut Vec<Source>) {
    let text = fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let source = Source::of(path.to_owned(), module, test, text);
    let declared: Vec<(ItemMod, Vec<String>, bool)> = declared(&source.syntax.items, &source.module, test);
    let module_depth = source.module.len();
    found.push(source);
    for (item, module, test) in declared {
        let inline: PathBuf = module[module_depth..module.len() - 1].iter().collect();
        let name = item.ident.to_string();
        let (path, children) = match path_attribute(&item.attrs) {
            Some(named) => {
                let path = path.parent().unwrap_or(Path::new("")).join(named);
                let children = path.parent().unwrap_or(Path::new("")).to_owned();
                (path, children)
            }
            None => {
                let children = children.join(inline);
                let folder_form = children.join(&name).join("mod.rs");
                let path =
                    if folder.join(&folder_form).is_file() { folder_form } else { children.join(format!("{name}.rs")) };
                (path, children.join(&name))
            }
        };
        follow(folder, &path, &children, module, test, found);
    }
}

/// The `mod name;` of a list of items and of the inline modules in it.
fn declared(items: &[Item], module: &[String], test: bool) -> Vec<(ItemMod, Vec<String>, bool)> {
    let mut found = Vec::new();
    for item in items {
        let Item::Mod(item) = item else { continue };
        let module: Vec<String> = module.iter().cloned().chain([item.ident.to_string()]).collect();
        let test = test || for_tests(&item.attrs);
        match &item.content {
            Some((_, items)) => found.extend(declared(items, &module, test)),
            None => found.push((item.clone(), module, test)),
        }
    }
    found
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// `#[cfg(test)]`, `#[cfg(all(test, ...))]`, `#[test]` or `#[tokio::test]`.
pub fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}
