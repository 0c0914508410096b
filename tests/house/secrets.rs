//! What is personal or secret has a type that does not print it. A field that is named like a secret, or holds JSON in a type that
//! prints itself, is wrong until it is wrapped, or stands here with a reason.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, GenericArgument, ItemEnum, ItemMod, ItemStruct, Meta, PathArguments, Token, Type};

use crate::source::{Source, for_tests};

/// Parts of names that speak of a secret.
const SECRET: [&str; 7] = ["password", "passphrase", "secret", "bearer", "cookie", "credential", "api_key"];
/// Names, and ends of names after an underscore, of what is personal or opens something.
const PERSONAL: [&str; 13] = [
    "token",
    "vid",
    "vids",
    "auth_data",
    "authdata",
    "demographics",
    "values",
    "phone",
    "email",
    "birthdate",
    "given_name",
    "family_name",
    "full_address",
];
/// Types that show nothing of what they hold.
const WRAPPERS: [&str; 7] = ["Personal", "Secret", "SecretString", "Sealed", "Digest", "HeldVid", "HeldToken"];
/// Types that a text, or a whole record, can be in.
const TEXT: [&str; 6] = ["String", "str", "Value", "Map", "Cow", "u8"];
/// JSON: from Odoo or MTS it can be a person.
const JSON: [&str; 2] = ["Value", "Map"];

/// Fields, as `file: field`, that are none of it, or cannot be printed, and why.
const REASONED: [(&str, &str); 12] = [
    ("src/cli/simulate.rs: OdooArguments.password", "of a simulated Odoo, whose people are made up"),
    ("src/cli/simulate.rs: MosipArguments.secret_key", "of simulated services"),
    ("src/cli/simulate.rs: OdkArguments.email", "of a simulated ODK Central, whose people are made up"),
    ("src/cli/simulate.rs: OdkArguments.password", "of a simulated ODK Central"),
    ("src/config.rs: Secret.secret", "the key that the secret is given under"),
    ("src/domain/definition/row.rs: Row.values", "borrowed while a definition is read; has no Debug"),
    ("src/domain/shape.rs: Demographics.demographics", "has a Debug of its own that shows nothing"),
    ("src/domain/shape.rs: AuthData.authdata", "has a Debug of its own that shows nothing"),
    ("src/mts/envelope.rs: Submission.mapping", "names of fields"),
    ("src/mts/envelope.rs: Request.authdata", "what is written to MTS; has no Debug"),
    ("src/odoo/registry/report.rs: PreviewLine.auth_data", "masked"),
    ("src/seal/ring.rs: Key.secret", "has a Debug of its own that shows nothing"),
];

/// What is wrong with a file's types, a line each; and which of the reasons it needs.
pub fn complaints(source: &Source) -> (Vec<String>, Vec<&'static str>) {
    let mut reader = Reader { source, found: Vec::new(), reasons: Vec::new() };
    if !source.test && !source.in_simulator() {
        reader.visit_file(&source.syntax);
    }
    (reader.found, reader.reasons)
}

/// The fields that have a reason.
pub fn reasoned() -> impl Iterator<Item = &'static str> {
    REASONED.iter().map(|(field, _)| *field)
}

struct Reader<'a> {
    source: &'a Source,
    found: Vec<String>,
    reasons: Vec<&'static str>,
}

impl Reader<'_> {
    fn fields(&mut self, of: &str, attributes: &[Attribute], fields: &Fields) {
        let prints_itself = derives(attributes, "Debug");
        for field in fields {
            let name = field.ident.as_ref().map_or_else(|| of.to_lowercase(), ToString::to_string);
            let wrong = if is_named_like_a_secret(&name) && holds(&field.ty, &TEXT) {
                "is named like a secret, and would be printed; wrap it in `Personal`"
            } else if prints_itself && holds(&field.ty, &JSON) {
                "is JSON in a type that prints itself; wrap it in `Personal`"
            } else {
                continue;
            };
            let path = self.source.path.to_string_lossy();
            match reasoned().find(|reasoned| *reasoned == format!("{path}: {of}.{name}")) {
                Some(reason) => self.reasons.push(reason),
                None => self.found.push(format!("{path}:{}: `{of}.{name}` {wrong}", field.span().start().line)),
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

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        // The types that everything else is wrapped in.
        if item.ident != "Personal" && item.ident != "Secret" {
            self.fields(&item.ident.to_string(), &item.attrs, &item.fields);
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        for variant in &item.variants {
            self.fields(&variant.ident.to_string(), &item.attrs, &variant.fields);
        }
        visit::visit_item_enum(self, item);
    }
}

fn is_named_like_a_secret(name: &str) -> bool {
    SECRET.iter().any(|part| name.contains(part)) && !name.ends_with("_file")
        || PERSONAL.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")))
}

/// Whether one of the types is in this one, and no wrapper around it.
fn holds(kind: &Type, types: &[&str]) -> bool {
    match kind {
        Type::Path(path) => path.path.segments.iter().any(|segment| {
            let name = segment.ident.to_string();
            if WRAPPERS.contains(&name.as_str()) {
                return false;
            }
            let inside = match &segment.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(|argument| match argument {
                    GenericArgument::Type(kind) => holds(kind, types),
                    _ => false,
                }),
                _ => false,
            };
            types.contains(&name.as_str()) || inside
        }),
        Type::Reference(reference) => holds(&reference.elem, types),
        Type::Slice(slice) => holds(&slice.elem, types),
        Type::Array(array) => holds(&array.elem, types),
        Type::Tuple(tuple) => tuple.elems.iter().any(|kind| holds(kind, types)),
        _ => false,
    }
}

fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let derived = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        derived.is_ok_and(|derived| derived.iter().any(|meta| meta.path().is_ident(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> usize {
        complaints(&Source::parse("src/store/a.rs", &["store"], text)).0.len()
    }

    #[test]
    fn secrets_and_json_are_wrapped() {
        for text in [
            "struct S { password: String }",
            "struct S { admin_token: Option<String> }",
            "struct S<'a> { vid: &'a str }",
            "struct S { callback_bearer: Vec<u8> }",
            "struct S { session_cookie: [u8; 32] }",
            "enum E { Login { password: String } }",
            "enum E { Password(String) }",
            "struct Vid(String);",
            "struct S { values: Map<String, Value> }",
            "#[derive(Clone, Debug)] struct S { row: serde_json::Value }",
            "#[derive(Debug)] enum E { Send { row: Vec<Map<String, Value>> } }",
        ] {
            assert_eq!(told(text), 1, "{text}");
        }
        for text in [
            "struct S { password: Personal<String>, token: Option<SecretString>, vid: Digest }",
            "struct S { values: Personal<Map<String, Value>>, password_file: PathBuf, tokens: u64 }",
            "#[derive(Debug)] struct S { row: Personal<Value>, token_type: IdTypeId, token: Sealed }",
            "#[derive(Clone)] struct S { row: Value }",
            "#[cfg(test)] mod tests { struct S { password: String } }",
        ] {
            assert_eq!(told(text), 0, "{text}");
        }
        let simulator = Source::parse("src/sim/a.rs", &["sim"], "struct S { password: String }");
        assert!(complaints(&simulator).0.is_empty());
    }
}
