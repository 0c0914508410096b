//! Every path that a file names: in imports, types, expressions, the tokens of macros, and the strings of attributes
//! (`#[serde(with = "...")]`). Links in documentation are free.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, Meta, UseTree, VisRestricted};

use crate::source::Source;

/// A path, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// From the root of the crate. Empty, or `*`, is the root itself.
    Ours(Vec<String>),
    /// Anything else that has more than one segment, or is imported: a crate's, a prelude's, or a name brought in before.
    Other(Vec<String>),
    /// More `super` than there are modules.
    Nowhere,
}

#[derive(Debug, Clone)]
pub struct Mention {
    pub line: usize,
    pub target: Target,
}

/// Everything that the file names.
pub fn mentions(source: &Source) -> Vec<Mention> {
    let mut collector =
        Collector { module: source.module.clone(), root: source.path.ends_with("src/main.rs"), found: Vec::new() };
    collector.visit_file(&source.syntax);
    collector.found
}

struct Collector {
    module: Vec<String>,
    /// The binary's root calls the library by its name.
    root: bool,
    found: Vec<Mention>,
}

impl Collector {
    fn note(&mut self, line: usize, segments: Vec<String>) {
        let target = self.resolve(&segments);
        self.found.push(Mention { line, target });
    }

    fn resolve(&self, segments: &[String]) -> Target {
        let mut place = match segments.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("omc") if self.root => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            _ => return Target::Other(segments.to_vec()),
        };
        let from_here = segments[0] == "super";
        let rest = if from_here { segments } else { &segments[1..] };
        for segment in rest {
            match segment.as_str() {
                "super" => {
                    if place.pop().is_none() {
                        return Target::Nowhere;
                    }
                }
                "self" => {}
                name => place.push(name.to_owned()),
            }
        }
        Target::Ours(place)
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        let line = tree.span().start().line;
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(path.ident.to_string())),
            UseTree::Name(name) => self.note(line, with(name.ident.to_string())),
            UseTree::Rename(rename) => self.note(line, with(rename.ident.to_string())),
            UseTree::Glob(_) => self.note(line, with("*".to_owned())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
        }
    }

    /// The paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut segments = vec![first.to_string()];
                    let line = first.span().start().line;
                    while is_colons(&tokens, at + 1) {
                        match tokens.get(at + 3) {
                            Some(TokenTree::Ident(next)) => segments.push(next.to_string()),
                            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                                // An import inside a macro: each name of the group, and what it leads to.
                                for name in group.stream() {
                                    if let TokenTree::Ident(name) = name {
                                        let names = segments.iter().cloned().chain([name.to_string()]);
                                        self.note(line, names.collect());
                                    }
                                }
                                break;
                            }
                            _ => break,
                        }
                        at += 3;
                    }
                    if segments.len() > 1 {
                        self.note(line, segments);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        // `extern crate self as x` would make a name for the root.
        let name = if item.ident == "self" { "crate".to_owned() } else { item.ident.to_string() };
        self.note(item.span().start().line, vec![name]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string());
            self.note(path.span().start().line, segments.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {
        // `pub(in crate::odoo)` tells who may look in; it looks at nobody.
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            let line = attribute.span().start().line;
            for path in paths_in_strings(list.tokens.clone()) {
                self.note(line, path);
            }
        }
        visit::visit_attribute(self, attribute);
    }
}

/// Strings that are nothing but a path, as serde takes them.
fn paths_in_strings(tokens: TokenStream) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(paths_in_strings(group.stream())),
            TokenTree::Literal(literal) => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value());
                let path = text.and_then(|text| syn::parse_str::<syn::Path>(&text));
                let Ok(path) = path else { continue };
                if path.segments.len() > 1 {
                    found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
                }
            }
            _ => {}
        }
    }
    found
}
