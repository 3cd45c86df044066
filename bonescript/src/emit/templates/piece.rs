//! What a template may print, and how each language writes it.

use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value};

use super::super::names;

/// Something that says what it is.
#[derive(Debug)]
struct Piece {
    kind: Kind,
    text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Name,
    Key,
    Comment,
    Code,
}

impl Object for Piece {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }
}

fn piece(kind: Kind, text: impl Into<Arc<str>>) -> Value {
    Value::from_object(Piece {
        kind,
        text: text.into(),
    })
}

/// A text of the user: becomes a string literal with its quotes; in Markdown and HTML, the same letters.
pub(in super::super) fn text(text: impl Into<Arc<str>>) -> Value {
    piece(Kind::Text, text)
}

/// A name: becomes an identifier that the language has not taken, quoted in SQL.
pub(in super::super) fn name(name: impl Into<Arc<str>>) -> Value {
    piece(Kind::Name, name)
}

/// The key of a property, as it stands before `:` in a literal or a type. Behind a row, write `row.{{ name }}` with it
/// only if it is no `__proto__`; `check` lets no such column through.
pub(in super::super) fn key(name: impl Into<Arc<str>>) -> Value {
    piece(Kind::Key, name)
}

/// Words for people inside of a comment: on one line, and never its end.
pub(in super::super) fn comment(text: impl Into<Arc<str>>) -> Value {
    piece(Kind::Comment, text)
}

/// What the compiler has built from its trees, or rendered before. Never a text of the user.
pub(in super::super) fn code(code: impl Into<Arc<str>>) -> Value {
    piece(Kind::Code, code)
}

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    TypeScript,
    Json,
    GraphQl,
    Yaml,
    Sql,
    Markdown,
    Html,
    Plain,
}

impl Language {
    const ALL: [Self; 8] = [
        Self::TypeScript,
        Self::Json,
        Self::GraphQl,
        Self::Yaml,
        Self::Sql,
        Self::Markdown,
        Self::Html,
        Self::Plain,
    ];

    /// By the name of the template.
    pub(super) fn of(template: &str) -> Self {
        let path = template.strip_suffix(".j2").unwrap_or(template);
        match path.rsplit('.').next().unwrap_or_default() {
            "ts" | "tsx" | "js" => Self::TypeScript,
            "json" => Self::Json,
            "graphql" => Self::GraphQl,
            "yaml" | "yml" => Self::Yaml,
            "sql" => Self::Sql,
            "md" => Self::Markdown,
            "html" => Self::Html,
            _ => Self::Plain,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript",
            Self::Json => "json",
            Self::GraphQl => "graphql",
            Self::Yaml => "yaml",
            Self::Sql => "sql",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Plain => "plain",
        }
    }
}

/// Prints a value of a template.
pub(super) fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let Some(piece) = value.downcast_object_ref::<Piece>() else {
        return Err(refused(format!(
            "a {} is printed that does not say what it is: make it a text, name, key, comment or code",
            value.kind()
        )));
    };
    let escape = state.auto_escape();
    let language = Language::ALL
        .into_iter()
        .find(|language| matches!(escape, AutoEscape::Custom(name) if name == language.as_str()))
        .unwrap_or(Language::Plain);
    let written = match piece.kind {
        Kind::Code => return Ok(out.write_str(&piece.text)?),
        Kind::Comment => comment_text(&piece.text),
        Kind::Text => text_in(language, &piece.text)?,
        Kind::Name | Kind::Key => name_in(language, piece.kind, &piece.text)?,
    };
    Ok(out.write_str(&written)?)
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn text_in(language: Language, text: &str) -> Result<String, Error> {
    Ok(match language {
        Language::TypeScript => typescript(text),
        Language::Json | Language::GraphQl | Language::Yaml => quoted(text, '"'),
        Language::Sql => {
            sql_text(text).ok_or_else(|| refused("SQL has no text with a zero byte".to_owned()))?
        }
        Language::Markdown => markdown(text),
        Language::Html => html(text),
        Language::Plain
            if text
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || " _.-/:".contains(char)) =>
        {
            text.to_owned()
        }
        Language::Plain => return Err(refused(format!("this file has no quotes for {text:?}"))),
    })
}

fn name_in(language: Language, kind: Kind, name: &str) -> Result<String, Error> {
    match language {
        Language::Sql => return Ok(sql_name(name)),
        Language::Json => return Ok(quoted(name, '"')),
        _ => {}
    }
    if !names::is_identifier(name) {
        return Err(refused(format!("{name:?} is no name")));
    }
    Ok(match (language, kind) {
        // In a literal, this key would set the prototype.
        (Language::TypeScript, Kind::Key) if name == "__proto__" => "[\"__proto__\"]".to_owned(),
        (Language::TypeScript, Kind::Name) => names::identifier(name),
        (Language::Markdown, _) => markdown(name),
        _ => name.to_owned(),
    })
}

/// A string literal with the quotes that need fewer escapes, as prettier has it.
pub(in super::super) fn typescript(text: &str) -> String {
    let double = text.matches('"').count();
    let single = text.matches('\'').count();
    quoted(text, if double > single { '\'' } else { '"' })
}

/// A string literal of JavaScript; with double quotes also of JSON, GraphQL and YAML.
fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if char == quote => {
                out.push('\\');
                out.push(char);
            }
            // Line ends of JavaScript, and what some tools take for one or hide.
            _ if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push(quote);
    out
}

/// A text literal of SQL; none where the text has a zero byte, which `PostgreSQL` cannot hold.
pub(in super::super) fn sql_text(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "''")))
}

/// A quoted identifier of SQL.
pub(in super::super) fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn comment_text(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    // A zero byte is no white space, and SQL files must have none.
    words.join(" ").replace("*/", "* /").replace('\0', "")
}

fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if "\\`*_{}[]<>()#+-!|~&".contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    out
}
