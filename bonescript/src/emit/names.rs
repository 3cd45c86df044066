//! How names are spelled in TypeScript, and which are taken.

use std::collections::HashMap;

pub(super) use crate::check::snake;

/// Words that no variable, function or type of a module may be called: reserved ones, those of strict mode, and types
/// and globals that emitted code relies on.
const RESERVED: &[&str] = &[
    "Array",
    "BigInt",
    "Boolean",
    "Buffer",
    "Date",
    "Error",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "Record",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "abstract",
    "any",
    "arguments",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "console",
    "const",
    "constructor",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "get",
    "global",
    "globalThis",
    "if",
    "implements",
    "import",
    "in",
    "infer",
    "instanceof",
    "interface",
    "is",
    "keyof",
    "let",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "process",
    "protected",
    "public",
    "readonly",
    "require",
    "return",
    "satisfies",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unique",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether it can stand where TypeScript wants an identifier; reserved words too.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | '$'))
        && chars.all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$'))
}

/// The name, with `_` behind it where the language has taken the word.
pub(super) fn identifier(name: &str) -> String {
    if RESERVED.binary_search(&name).is_ok() {
        format!("{name}_")
    } else {
        name.to_owned()
    }
}

/// `place_order` and `PlaceOrder` to `placeOrder`.
pub(super) fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let mut chars = pascal.chars();
    // An acronym in front stays one word: `HTTPServer` has become `HttpServer`.
    chars.next().map_or_else(String::new, |first| {
        std::iter::once(first.to_ascii_lowercase()).chain(chars).collect()
    })
}

/// `place_order` and `placeOrder` to `PlaceOrder`. What begins with a digit afterwards gets a `_`.
pub(super) fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in snake(name).split('_').filter(|word| !word.is_empty()) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    if !is_identifier(&out) {
        out.insert(0, '_');
    }
    out
}

/// `PlaceOrder` and `place_order` to `place-order`.
pub(super) fn kebab(name: &str) -> String {
    snake(name).replace('_', "-")
}

/// The names that a module or a folder has given away.
#[derive(Debug, Default)]
pub(super) struct Taken(HashMap<String, usize>);

impl Taken {
    /// With these taken already.
    pub(super) fn with<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| (name.to_lowercase(), 1)).collect())
    }

    /// The name, or with a number behind it where it is taken. Upper and lower case count as the same, since names
    /// become names of files too.
    pub(super) fn take(&mut self, name: &str) -> String {
        let count = self.0.entry(name.to_lowercase()).or_insert(0);
        *count += 1;
        if *count == 1 {
            return name.to_owned();
        }
        let next = format!("{name}{count}");
        // `order2` may itself be a name of the program.
        if self.0.contains_key(&next.to_lowercase()) {
            self.take(name)
        } else {
            self.take(&next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn spellings() {
        for (name, camels, pascals, kebabs) in [
            ("place_order", "placeOrder", "PlaceOrder", "place-order"),
            ("OrderItem", "orderItem", "OrderItem", "order-item"),
            ("HTTPServer", "httpServer", "HttpServer", "http-server"),
            ("__a__b_", "aB", "AB", "--a--b-"),
            ("_1", "_1", "_1", "-1"),
            ("_", "_", "_", "-"),
        ] {
            assert_eq!(
                (camel(name), pascal(name), kebab(name)),
                (camels.into(), pascals.into(), kebabs.into())
            );
        }
        assert_eq!(identifier("class"), "class_");
        assert_eq!(identifier("order"), "order");
    }

    #[test]
    fn what_is_taken_gets_a_number() {
        let mut taken = Taken::with(["db"]);
        let given = ["order", "order2", "Order", "db", "order"].map(|name| taken.take(name));
        assert_eq!(given, ["order", "order2", "Order3", "db2", "order4"]);
    }
}
