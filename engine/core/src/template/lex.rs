//! Splits a template into its tags and their tokens, before MiniJinja sees it.
//!
//! What counts as a tag, a raw block, a comment and a string follows MiniJinja's own lexer to the
//! byte, so that nothing which is a tag to MiniJinja is text here. Linear, without recursion, and
//! the first place where the limits on size are enforced.

use std::ops::Range;

use super::{TemplateError, limits};

/// What a token is; its text is read from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Text,
    Number,
    Sign,
}

/// One token of a tag.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// How a tag began: `{{` or `{%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    Output,
    Statement,
}

/// One tag with its tokens.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) kind: TagKind,
    /// From the opening to the closing delimiter.
    pub(super) span: Range<usize>,
    /// What stands between the delimiters and their `-` or `+`.
    pub(super) inner: Range<usize>,
    pub(super) tokens: Vec<Token>,
}

/// Reads tags from a source, one after the other.
pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tags: usize,
    /// Whether a tag, a raw block or a comment was seen.
    pub(super) marked: bool,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Lexer {
            source,
            at: 0,
            tags: 0,
            marked: false,
        }
    }

    /// Returns the next tag; text, comments and raw blocks are passed over.
    pub(super) fn next_tag(&mut self) -> Result<Option<Tag>, TemplateError> {
        loop {
            let Some((start, marker)) = find_marker(self.source, self.at) else {
                self.at = self.source.len();
                return Ok(None);
            };
            self.marked = true;
            self.tags += 1;
            if self.tags > limits::TAGS {
                return Err(TemplateError::new(
                    format!("a template may hold {} tags, this has more", limits::TAGS),
                    start..start + 2,
                ));
            }
            let after = start + 2;
            let inner = after + usize::from(matches!(byte(self.source, after), Some(b'-' | b'+')));
            match marker {
                b'#' => self.at = self.after_comment(start, inner)?,
                b'%' => {
                    if let Some(length) = basic_tag(rest(self.source, inner), "raw", false) {
                        self.at = self.after_raw(start, inner + length)?;
                    } else {
                        return self.tag(TagKind::Statement, start, inner).map(Some);
                    }
                }
                _ => return self.tag(TagKind::Output, start, inner).map(Some),
            }
        }
    }

    fn after_comment(&self, start: usize, inner: usize) -> Result<usize, TemplateError> {
        match rest(self.source, inner).find("#}") {
            Some(end) => Ok(inner + end + 2),
            // `${#VAR}` of a shell, far more often than a comment.
            None if start.checked_sub(1).and_then(|before| byte(self.source, before)) == Some(b'$') => {
                Err(TemplateError::new(
                    "`{#` begins a comment of the template here, which is never closed",
                    start..start + 2,
                )
                .help(
                    "for the shell's own `${#…}`, give it the line as an argument that is no template: \
                     `run: { argv: [sh, -c, '{% raw %}…{% endraw %}'] }`",
                ))
            }
            None => Err(
                TemplateError::new("this comment is never closed", start..start + 2)
                    .help("end it with `#}`, or write `{{ '{#' }}` for the two characters"),
            ),
        }
    }

    fn after_raw(&self, start: usize, from: usize) -> Result<usize, TemplateError> {
        let mut at = from;
        while let Some(block) = rest(self.source, at).find("{%") {
            at += block + 2;
            if let Some(length) = basic_tag(rest(self.source, at), "endraw", true) {
                return Ok(at + length);
            }
        }
        Err(
            TemplateError::new("this `raw` block is never closed", start..from)
                .help("end it with `{% endraw %}`"),
        )
    }

    fn tag(&mut self, kind: TagKind, start: usize, inner: usize) -> Result<Tag, TemplateError> {
        let end = match kind {
            TagKind::Output => "}}",
            TagKind::Statement => "%}",
        };
        let (tokens, inner_end, after) = tokens(self.source, inner, start, Some(end))?;
        self.at = after;
        Ok(Tag {
            kind,
            span: start..after,
            inner: inner..inner_end,
            tokens,
        })
    }
}

/// Returns where the `{{ … }}` that begins at `start` ends.
pub(super) fn tag_end(source: &str, start: usize) -> Result<usize, TemplateError> {
    tokens(source, start + 2, start, Some("}}")).map(|(.., end)| end)
}

/// Returns the tokens of a whole source that is one expression.
pub(super) fn expression(source: &str) -> Result<Vec<Token>, TemplateError> {
    tokens(source, 0, 0, None).map(|(tokens, ..)| tokens)
}

/// Reads tokens from `from` to the closing delimiter, or to the end when there is none.
/// Gives the tokens, where the content ends and where the text goes on.
fn tokens(
    source: &str,
    from: usize,
    start: usize,
    end: Option<&str>,
) -> Result<(Vec<Token>, usize, usize), TemplateError> {
    let mut tokens = Vec::new();
    let mut open = 0_usize;
    let mut at = from;
    loop {
        if at - start > limits::TAG_BYTES {
            return Err(TemplateError::new(
                format!("one tag may hold {} bytes, this has more", limits::TAG_BYTES),
                start..at,
            )
            .help("split it with `{% set name = … %}`"));
        }
        let remaining = rest(source, at);
        let Some(first) = remaining.bytes().next() else {
            return match end {
                None => Ok((tokens, at, at)),
                Some(end) => Err(TemplateError::new(
                    format!("this tag has no `{end}`"),
                    start..(start + 2).min(at),
                )
                .help("close the tag, or write `{{ '{{' }}` for the two characters")),
            };
        };
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if let (Some(end), 0) = (end, open) {
            let sign = usize::from(matches!(first, b'-' | b'+'));
            if rest(source, at + sign).starts_with(end) {
                return Ok((tokens, at, at + sign + end.len()));
            }
        }
        let (kind, length) = token(source, at)?;
        let span = at..at + length;
        match first {
            b'{' if byte(source, at + 1) == Some(b'{') => {
                return Err(TemplateError::new("there is already a tag here", at..at + 2)
                    .help("write the name without `{{ }}`; for a mapping in a list, put a space between the braces"));
            }
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => {
                open = open.checked_sub(1).ok_or_else(|| {
                    TemplateError::new(format!("`{}` closes nothing", char::from(first)), span.clone())
                })?;
            }
            _ => {}
        }
        if tokens.len() >= limits::TAG_TOKENS {
            return Err(TemplateError::new(
                format!(
                    "one expression may hold {} words and signs, this has more",
                    limits::TAG_TOKENS
                ),
                start..span.end,
            )
            .help("split it with `{% set name = … %}`"));
        }
        tokens.push(Token { kind, span });
        at += length;
    }
}

/// Reads the token that begins at `at`.
fn token(source: &str, at: usize) -> Result<(Kind, usize), TemplateError> {
    let text = rest(source, at);
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(quote @ (b'\'' | b'"')) => {
            let mut escaped = false;
            for (offset, byte) in bytes.iter().enumerate().skip(1) {
                if escaped {
                    escaped = false;
                } else if *byte == b'\\' {
                    escaped = true;
                } else if byte == quote {
                    return Ok((Kind::Text, offset + 1));
                }
            }
            Err(TemplateError::new("this text has no closing quote", at..at + 1))
        }
        Some(b'0'..=b'9') => {
            let length = number(
                bytes,
                at.checked_sub(1).and_then(|before| byte(source, before)) == Some(b'.'),
            );
            match bytes.get(length) {
                Some(next) if next.is_ascii_alphanumeric() || *next == b'_' => Err(TemplateError::new(
                    "a name cannot begin with a digit",
                    at..at + length + 1,
                )
                .help("write `['…']` to reach a key like this one")),
                _ => Ok((Kind::Number, length)),
            }
        }
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            let length = bytes
                .iter()
                .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                .count();
            Ok((Kind::Name, length))
        }
        Some(_)
            if ["//", "**", "==", "!=", ">=", "<="]
                .iter()
                .any(|sign| text.starts_with(sign)) =>
        {
            Ok((Kind::Sign, 2))
        }
        Some(first) if b"+-*/%.,:~|=><()[]{}".contains(first) => Ok((Kind::Sign, 1)),
        _ => {
            let character = text.chars().next().unwrap_or(' ');
            let range = at..at + character.len_utf8();
            let error = TemplateError::new(format!("`{character}` has no meaning in an expression"), range);
            Err(match character {
                '&' => error.help("write `and`"),
                '!' => error.help("write `not`"),
                '$' => error.help("write the name without `$`"),
                '“' | '”' | '‘' | '’' => error.help("write straight quotes: ' or \""),
                character if character.is_alphabetic() => error
                    .help("names are letters of a to z, digits and `_`; write `['…']` to reach another key"),
                _ => error,
            })
        }
    }
}

/// Returns the length of a number; right after a dot it is an index and has no fraction.
fn number(bytes: &[u8], after_dot: bool) -> usize {
    let digit = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_');
    if let (Some(b'0'), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) = (bytes.first(), bytes.get(1)) {
        return 2 + bytes
            .iter()
            .skip(2)
            .take_while(|b| b.is_ascii_hexdigit() || **b == b'_')
            .count();
    }
    let mut at = 0;
    while digit(at) {
        at += 1;
    }
    if after_dot {
        return at;
    }
    if bytes.get(at) == Some(&b'.')
        && !bytes
            .get(at + 1)
            .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
    {
        at += 1;
        while digit(at) {
            at += 1;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if digit(at + 1 + sign) {
            at += 1 + sign;
            while digit(at) {
                at += 1;
            }
        }
    }
    at
}

/// Finds the next `{{`, `{%` or `{#`.
fn find_marker(source: &str, from: usize) -> Option<(usize, u8)> {
    let mut at = from;
    loop {
        at += rest(source, at).find('{')?;
        match byte(source, at + 1) {
            Some(second @ (b'{' | b'%' | b'#')) => return Some((at, second)),
            _ => at += 1,
        }
    }
}

/// Returns the length of ` name %}` when the text begins with it.
fn basic_tag(text: &str, name: &str, signs: bool) -> Option<usize> {
    let mut left = text;
    if signs {
        left = left.strip_prefix(['-', '+']).unwrap_or(left);
    }
    let blank = |c: char| c.is_ascii_whitespace();
    left = left
        .trim_start_matches(blank)
        .strip_prefix(name)?
        .trim_start_matches(blank);
    left = left.strip_prefix(['-', '+']).unwrap_or(left).strip_prefix("%}")?;
    Some(text.len() - left.len())
}

fn rest(source: &str, at: usize) -> &str {
    source.get(at..).unwrap_or("")
}

fn byte(source: &str, at: usize) -> Option<u8> {
    source.as_bytes().get(at).copied()
}
