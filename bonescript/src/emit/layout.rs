//! The layout of emitted files: that of prettier 3 with 100 columns, so that `npm run format:check` of an emitted project
//! passes whatever the lengths of the names in it.
//!
//! [`typescript`] takes source in any layout and gives the same tokens laid out; only commas, semicolons, brackets and
//! quotes that mean nothing are added or taken. It knows the subset of TypeScript that the templates use. A statement
//! that is not of it stays as it was written. [`json()`] does the same for JSON.
//!
//! Pure and linear in the text. Recursion is bounded by the parser.

mod document;
mod json;
mod parse;
mod print;
mod syntax;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use json::json;

/// What the printer does not know; the text around it stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unsupported;

/// A file laid out by what its name says it is.
pub(super) fn file(path: &str, text: &str) -> String {
    match path.rsplit_once('.') {
        Some((_, "ts" | "tsx")) => typescript(text),
        // npm writes its lock in a layout of its own, and prettier leaves it alone.
        Some((_, "json")) if path != "package-lock.json" => json(text),
        _ => text.to_owned(),
    }
}

/// TypeScript laid out so that doing it again changes nothing.
pub(crate) fn typescript(source: &str) -> String {
    let Ok(tokens) = token::tokenise(source) else {
        return source.to_owned();
    };
    let block = parse::parse(source, &tokens);
    print::file(&block, source.len())
}
