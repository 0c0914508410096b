//! What a file must not hold outside its tests: `unwrap` and `expect` without a reason, unfinished work, and lints that are
//! switched off without saying why.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, ItemFn, ItemImpl, ItemMod, Stmt};

use crate::source::{Source, for_tests};

const UNWRAPPING: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// What is wrong with a file, a line each.
pub fn complaints(source: &Source) -> Vec<String> {
    let mut reader = Reader { source, lines: source.text.lines().collect(), statements: Vec::new(), found: Vec::new() };
    if !source.test {
        reader.visit_file(&source.syntax);
    }
    reader.found
}

struct Reader<'a> {
    source: &'a Source,
    lines: Vec<&'a str>,
    /// First lines of the statements around.
    statements: Vec<usize>,
    found: Vec<String>,
}

impl Reader<'_> {
    fn complain(&mut self, line: usize, text: &str) {
        self.found.push(format!("{}:{line}: {text}", self.source.path.display()));
    }

    fn unwraps(&mut self, line: usize) {
        if self.source.in_simulator() || self.is_explained(line) {
            return;
        }
        self.complain(line, "unwraps without a `// Unwrap safety:` line directly above");
    }

    /// The comment stands right above the call, or above the statement that the call is part of.
    fn is_explained(&self, line: usize) -> bool {
        let statement = self.statements.last().copied();
        [Some(line), statement].into_iter().flatten().any(|line| {
            let above = self.lines[..line.saturating_sub(1)].iter().rev();
            above
                .map(|line| line.trim_start())
                .take_while(|line| line.starts_with("//"))
                .any(|line| line.starts_with("// Unwrap safety: "))
        })
    }

    /// Tokens of a macro: `.unwrap(` and `.expect(` among them.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) if UNWRAPPING.iter().any(|wrong| name == wrong) => {
                    let dot = at.checked_sub(1).map(|before| &tokens[before]);
                    if matches!(dot, Some(TokenTree::Punct(dot)) if dot.as_char() == '.') {
                        self.unwraps(name.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        self.statements.push(statement.span().start().line);
        visit::visit_stmt(self, statement);
        self.statements.pop();
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if UNWRAPPING.iter().any(|wrong| call.method == wrong) {
            self.unwraps(call.method.span().start().line);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // `.map(Result::unwrap)`
        let last = path.segments.last().filter(|_| path.segments.len() > 1);
        if last.is_some_and(|last| UNWRAPPING.iter().any(|wrong| last.ident == wrong)) {
            self.unwraps(path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if UNFINISHED.iter().any(|wrong| item.path.is_ident(wrong)) {
            self.complain(item.span().start().line, "unfinished work");
        }
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if (attribute.path().is_ident("allow") || attribute.path().is_ident("expect"))
            && !attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("reason"))
        {
            self.complain(attribute.span().start().line, "a lint is switched off without a `reason`");
        }
        visit::visit_attribute(self, attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let top = path.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        complaints(&Source::parse(path, &[top], text))
    }

    #[test]
    fn unwraps_need_a_reason() {
        for text in [
            "fn f() { x.unwrap(); }",
            "fn f() { let y = x\n    .a()\n    .expect(\"b\"); }",
            "fn f() { println!(\"{}\", x.unwrap()); }",
            "fn f() { x.map(Result::unwrap); }",
            "// Unwrap safety: too far away.\n\nfn f() {\n    x.unwrap();\n}",
            "fn f() {\n    // Unwrap safety: another statement's.\n    a();\n    x.unwrap();\n}",
            "fn f() {\n    // unwrap\n    x.unwrap();\n}",
            "const X: u8 = Y.unwrap();",
            "impl S { fn f() { x.expect_err(\"y\"); } }",
        ] {
            assert_eq!(told("src/store/disk.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_reason_tests_and_simulators_are_left_alone() {
        for text in [
            "fn f() {\n    // Unwrap safety: it is there.\n    x.unwrap();\n}",
            "fn f() {\n    // Unwrap safety: it is there,\n    // as the line above says.\n    let y = x\n        .map(|x| x.unwrap());\n}",
            "fn f() {\n    let y = x\n        // Unwrap safety: it is there.\n        .unwrap();\n}",
            "#[cfg(test)] mod tests { fn f() { x.unwrap(); } }",
            "#[test] fn f() { x.unwrap(); }",
            "#[tokio::test] async fn f() { x.unwrap(); }",
            "#[cfg(test)] impl S { fn f() { x.unwrap(); } }",
            "fn f() { x.unwrap_or(1); x.expecting(); unwrap(); }",
        ] {
            assert_eq!(told("src/store/disk.rs", text), Vec::<String>::new(), "{text}");
        }
        assert!(told("src/sim/mts/post.rs", "fn f() { x.unwrap(); }").is_empty());
    }

    #[test]
    fn nothing_is_left_unfinished_or_switched_off() {
        assert_eq!(told("src/sim/mts/post.rs", "fn f() { todo!() }").len(), 1);
        assert_eq!(told("src/odoo/client.rs", "fn f() { dbg!(1); unimplemented!() }").len(), 2);
        assert_eq!(told("src/odoo/client.rs", "#[allow(dead_code)] fn f() {}").len(), 1);
        assert_eq!(told("src/odoo/client.rs", "#![allow(warnings)]").len(), 1);
        let reasoned = "#[expect(dead_code, reason = \"the next version uses it\")] fn f() {}";
        assert!(told("src/odoo/client.rs", reasoned).is_empty());
    }
}
