//! Text to tokens. Any text gives tokens: what means nothing is reported, and read as [`TokenKind::Invalid`].

use crate::diagnostic::{Code, Diagnostic, Problems};
use crate::text::{SourceId, Span};
use crate::token::{Token, TokenKind};

/// The tokens of a text, comments among them and [`TokenKind::End`] last.
pub(crate) fn tokens(source: SourceId, text: &str, problems: &mut Problems) -> Vec<Token> {
    let mut lexer = Lexer {
        source,
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        line_strings: false,
        problems,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    tokens.push(Token {
        kind: TokenKind::End,
        span: Span::new(text.len(), text.len()),
    });
    tokens
}

/// What a string token says, without quotes and escapes.
pub(crate) fn unescape(token: &str) -> String {
    let quote = token.chars().next().unwrap_or('"');
    let body = token.strip_prefix(quote).unwrap_or(token);
    let body = body.strip_suffix(quote).unwrap_or(body);
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => {}
            },
            // The same program under other line ends has the same strings.
            '\r' if chars.as_str().starts_with('\n') => {}
            other => out.push(other),
        }
    }
    out
}

struct Lexer<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    /// A string was not closed: others are looked for on their own line only, so that no byte is read often.
    line_strings: bool,
    problems: &'a mut Problems,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        let start = self.at;
        let first = *bytes.get(start)?;
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.skip(is_word);
                TokenKind::Word
            }
            b'0'..=b'9' => self.number(),
            b'"' | b'\'' => self.string(first),
            b'/' if self.follows(b"//") => {
                self.line();
                TokenKind::LineComment
            }
            b'/' if self.follows(b"/*") => self.block_comment(),
            b'#' => {
                self.line();
                let span = Span::new(start, start + 1);
                let problem = self
                    .problem(Code::UNEXPECTED_CHARACTER, span, "comments begin with `//`")
                    .replace(span, "//");
                self.problems.push(problem);
                TokenKind::LineComment
            }
            _ => self.sign(first),
        };
        Some(Token {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn number(&mut self) -> TokenKind {
        self.skip(|byte| byte.is_ascii_digit());
        let bytes = self.text.as_bytes();
        let at = |offset: usize| bytes.get(self.at + offset).copied().unwrap_or(0);
        if at(0) == b'.' && at(1).is_ascii_digit() {
            self.at += 1;
            self.skip(|byte| byte.is_ascii_digit());
            return TokenKind::Float;
        }
        if at(0) == b'm' && at(1) == b's' && !is_word(at(2)) {
            self.at += 2;
            return TokenKind::Duration;
        }
        if matches!(at(0), b's' | b'm' | b'h' | b'd') && !is_word(at(1)) {
            self.at += 1;
            return TokenKind::Duration;
        }
        TokenKind::Integer
    }

    fn string(&mut self, quote: u8) -> TokenKind {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + 1;
        let mut line_end = None;
        loop {
            match bytes.get(at) {
                Some(byte) if *byte == quote => break,
                Some(b'\\') => at += 2,
                Some(b'\n') => {
                    line_end = line_end.or(Some(at));
                    if self.line_strings || quote == b'\'' {
                        at = bytes.len();
                    } else {
                        at += 1;
                    }
                }
                Some(_) => at += 1,
                None => {
                    self.line_strings = true;
                    // The brackets and commas at the end of its line are hardly text.
                    let line = self
                        .text
                        .get(start..line_end.unwrap_or(bytes.len()))
                        .unwrap_or_default();
                    let said = line.trim_end_matches([' ', '\t', '\r', ',', ']', '}', ')']);
                    self.at = start + said.len().max(1);
                    let span = Span::new(start, start + 1);
                    let problem = self
                        .problem(
                            Code::UNTERMINATED_STRING,
                            span,
                            "this string has no closing quote",
                        )
                        .help("close it with `\"`");
                    self.problems.push(problem);
                    return TokenKind::String;
                }
            }
        }
        self.at = at + 1;
        let span = Span::new(start, self.at);
        if quote == b'\'' {
            let text = self
                .text
                .get(start + 1..at)
                .unwrap_or_default()
                .replace('"', "\\\"");
            let problem = self
                .problem(Code::UNEXPECTED_CHARACTER, span, "strings stand in double quotes")
                .replace(span, format!("\"{text}\""));
            self.problems.push(problem);
            return TokenKind::String;
        }
        self.escapes(span);
        TokenKind::String
    }

    fn escapes(&mut self, span: Span) {
        let text = self.text.get(span.range()).unwrap_or_default();
        let mut chars = text.char_indices();
        while let Some((at, char)) = chars.next() {
            if char != '\\' {
                continue;
            }
            if let Some((_, escaped)) = chars.next().filter(|(_, next)| !"nrt\"\\".contains(*next)) {
                let start = span.start as usize + at;
                let place = Span::new(start, start + 1 + escaped.len_utf8());
                let message = format!("strings have no escape `\\{}`", escaped.escape_debug());
                let problem = self
                    .problem(Code::BAD_ESCAPE, place, message)
                    .expected("`\\n`, `\\r`, `\\t`, `\\\"` or `\\\\`");
                self.problems.push(problem);
            }
        }
    }

    fn block_comment(&mut self) -> TokenKind {
        let start = self.at;
        let rest = self.text.get(start + 2..).unwrap_or_default();
        if let Some(end) = rest.find("*/") {
            self.at = start + 2 + end + 2;
        } else {
            self.at = self.text.len();
            let span = Span::new(start, start + 2);
            let problem = self
                .problem(Code::UNTERMINATED_COMMENT, span, "this comment has no end")
                .help("close it with `*/`");
            self.problems.push(problem);
        }
        TokenKind::BlockComment
    }

    fn sign(&mut self, first: u8) -> TokenKind {
        use TokenKind as T;
        const LONG: [(&[u8], TokenKind); 14] = [
            (b"===", T::EqualEqual),
            (b"!==", T::NotEqual),
            (b"<<=", T::Append),
            (b"->", T::Arrow),
            (b"..", T::DotDot),
            (b"==", T::EqualEqual),
            (b"!=", T::NotEqual),
            (b"<=", T::LessEqual),
            (b">=", T::GreaterEqual),
            (b"+=", T::PlusEqual),
            (b"-=", T::MinusEqual),
            (b"&&", T::And),
            (b"||", T::Or),
            (b"=>", T::Arrow),
        ];
        let start = self.at;
        if let Some((text, kind)) = LONG.iter().find(|(text, _)| self.follows(text)) {
            self.at += text.len();
            let written = std::str::from_utf8(text).unwrap_or_default();
            let ours = match *text {
                b"&&" => "and",
                b"||" => "or",
                b"===" => "==",
                b"!==" => "!=",
                b"=>" => "->",
                _ => return *kind,
            };
            let span = Span::new(start, self.at);
            let message = format!("there is no operator `{written}`");
            let problem = self
                .problem(Code::FOREIGN_OPERATOR, span, message)
                .replace(span, ours);
            self.problems.push(problem);
            return *kind;
        }
        self.at += 1;
        match first {
            b'{' => T::OpenBrace,
            b'}' => T::CloseBrace,
            b'[' => T::OpenBracket,
            b']' => T::CloseBracket,
            b'(' => T::OpenParen,
            b')' => T::CloseParen,
            b'<' => T::Less,
            b'>' => T::Greater,
            b'=' => T::Equal,
            b'+' => T::Plus,
            b'-' => T::Minus,
            b'*' => T::Star,
            b'/' => T::Slash,
            b'%' => T::Percent,
            b':' => T::Colon,
            b',' => T::Comma,
            b'.' => T::Dot,
            b'|' => T::Pipe,
            b'?' => T::Question,
            b'@' => T::At,
            b';' => T::Semicolon,
            b'!' => {
                let span = Span::new(start, self.at);
                let problem = self
                    .problem(Code::FOREIGN_OPERATOR, span, "there is no operator `!`")
                    .replace(span, "not ");
                self.problems.push(problem);
                T::Not
            }
            _ => {
                // One report for a run of them: garbage has many.
                self.at = start;
                self.skip(|byte| !byte.is_ascii() || is_garbage(byte));
                let span = Span::new(start, self.at);
                let char = self.text.get(start..).and_then(|rest| rest.chars().next());
                let shown = char.unwrap_or(' ').escape_debug();
                let message = format!("the character `{shown}` means nothing here");
                let problem = self
                    .problem(Code::UNEXPECTED_CHARACTER, span, message)
                    .help("remove it, or put text into a string or a comment");
                self.problems.push(problem);
                T::Invalid
            }
        }
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| wanted(*byte)) {
            self.at += 1;
        }
    }

    fn line(&mut self) {
        self.skip(|byte| byte != b'\n');
        // The carriage return is not part of what is said.
        if self.text.as_bytes().get(self.at.saturating_sub(1)) == Some(&b'\r') {
            self.at -= 1;
        }
    }

    fn follows(&self, text: &[u8]) -> bool {
        self.text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(text))
    }

    fn problem(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.source, span, message)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// ASCII that begins no token and is no blank.
fn is_garbage(byte: u8) -> bool {
    matches!(byte, b'$' | b'&' | b'\\' | b'^' | b'`' | b'~' | 0x7f)
        || (byte < b' ' && !b"\t\r\n".contains(&byte))
}
