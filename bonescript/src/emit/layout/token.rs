//! Tokens and comments of TypeScript.
//!
//! A template literal is one token, whatever it holds. `>` is never joined with what follows it: in types it closes, and
//! the parser of expressions joins it itself. Gives up on what is no token; then the text stays as it is.

use super::Unsupported;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// `#name`.
    Private,
    Number,
    String,
    Template,
    Regex,
    Sign,
    /// Behind the last.
    End,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Line ends between what is before it, a comment or a token, and it.
    pub(super) lines: usize,
    /// How many comments stand before it, from the start of the text.
    pub(super) comments: usize,
    /// The bracket that closes this one, by index.
    pub(super) partner: usize,
}

impl Token<'_> {
    /// Behind all others.
    pub(super) const END: Self = Self {
        kind: Kind::End,
        text: "",
        start: 0,
        lines: 0,
        comments: 0,
        partner: 0,
    };
}

/// A comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment<'a> {
    pub(super) text: &'a str,
    /// Line ends before it.
    pub(super) lines: usize,
    /// Whether a line ends behind it.
    pub(super) ends_line: bool,
}

/// All tokens, an [`Kind::End`] last, and all comments.
pub(super) struct Tokens<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) comments: Vec<Comment<'a>>,
}

/// Names behind which a `/` begins a regular expression.
const BEFORE_REGEX: &[&str] = &[
    "return", "typeof", "case", "in", "of", "new", "delete", "void", "throw", "await", "else", "yield",
];

pub(super) fn tokenise(source: &str) -> Result<Tokens<'_>, Unsupported> {
    let mut found = Tokens {
        tokens: Vec::with_capacity(source.len() / 5 + 1),
        comments: Vec::new(),
    };
    let mut at = 0;
    let mut lines = 0;
    let bytes = source.as_bytes();
    while let Some(first) = bytes.get(at).copied() {
        if first.is_ascii_whitespace() {
            lines += usize::from(first == b'\n');
            at += 1;
            continue;
        }
        let rest = source.get(at..).ok_or(Unsupported)?;
        let second = bytes.get(at + 1).copied();
        if first == b'/' && matches!(second, Some(b'/' | b'*')) {
            let length = if second == Some(b'/') {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                rest.find("*/").ok_or(Unsupported)? + 2
            };
            let text = rest.get(..length).unwrap_or_default().trim_end();
            let after = rest.get(length..).unwrap_or_default();
            let ends_line = after
                .trim_start_matches([' ', '\t', '\r'])
                .chars()
                .next()
                .is_none_or(|next| next == '\n');
            found.comments.push(Comment {
                text,
                lines,
                ends_line,
            });
            lines = 0;
            at += length;
            continue;
        }
        let (kind, length) = token(rest, first, found.tokens.last())?;
        found.tokens.push(Token {
            kind,
            text: rest.get(..length).ok_or(Unsupported)?,
            start: at,
            lines,
            comments: found.comments.len(),
            partner: 0,
        });
        lines = 0;
        at += length;
    }
    found.tokens.push(Token {
        start: source.len(),
        lines,
        comments: found.comments.len(),
        ..Token::END
    });
    pair(&mut found.tokens)?;
    Ok(found)
}

fn token(rest: &str, first: u8, before: Option<&Token<'_>>) -> Result<(Kind, usize), Unsupported> {
    let named = |from: usize| {
        let bytes = rest.as_bytes().iter().skip(from);
        let ascii = bytes.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
        let ascii = from + ascii.count();
        let more = rest.get(ascii..).unwrap_or_default();
        if more.starts_with(|next: char| next.is_ascii()) {
            return ascii;
        }
        more.find(|next: char| !next.is_alphanumeric() && next != '_' && next != '$')
            .map_or(rest.len(), |length| ascii + length)
    };
    match first {
        b'"' | b'\'' => Ok((Kind::String, quoted(rest, first)?)),
        b'`' => Ok((Kind::Template, template(rest)?)),
        b'0'..=b'9' => Ok((Kind::Number, number(rest))),
        b'#' => Ok((Kind::Private, named(1))),
        b'/' if begins_regex(before) => Ok((Kind::Regex, regex(rest)?)),
        _ if first.is_ascii_alphabetic() || first == b'_' || first == b'$' || !first.is_ascii() => {
            match named(0) {
                0 => Err(Unsupported),
                length => Ok((Kind::Name, length)),
            }
        }
        _ => {
            let mut next = rest.bytes().skip(1);
            match sign(first, next.next().unwrap_or(b' '), next.next().unwrap_or(b' ')) {
                0 => Err(Unsupported),
                length => Ok((Kind::Sign, length)),
            }
        }
    }
}

/// The length of the sign that these begin with; nothing where it is none.
fn sign(first: u8, second: u8, third: u8) -> usize {
    let three = matches!(
        &[first, second, third],
        b"..." | b"===" | b"!==" | b"**=" | b"<<=" | b"&&=" | b"||=" | b"??="
    );
    if three {
        return 3;
    }
    let two = match &[first, second] {
        // A number may follow the question mark of `a ?.5 : 1`.
        b"?." => !third.is_ascii_digit(),
        b"=>" | b"==" | b"!=" | b"<=" | b"&&" | b"||" | b"??" | b"++" | b"--" | b"+=" | b"-=" | b"*="
        | b"/=" | b"%=" | b"&=" | b"|=" | b"^=" | b"**" | b"<<" => true,
        _ => false,
    };
    if two {
        2
    } else {
        usize::from(b"{}()[]<>;,.:?=+-*/%&|^!~@".contains(&first))
    }
}

fn begins_regex(before: Option<&Token<'_>>) -> bool {
    before.is_none_or(|token| match token.kind {
        Kind::Name => BEFORE_REGEX.contains(&token.text),
        Kind::Sign => !matches!(token.text, ")" | "]" | "}"),
        _ => false,
    })
}

/// The length of a string, its quotes among it.
fn quoted(rest: &str, quote: u8) -> Result<usize, Unsupported> {
    let mut bytes = rest.bytes().enumerate().skip(1);
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'\n' => return Err(Unsupported),
            _ if byte == quote => return Ok(index + 1),
            _ => {}
        }
    }
    Err(Unsupported)
}

/// The length of a template literal. Inside of `${}` are braces, strings and further templates.
fn template(rest: &str) -> Result<usize, Unsupported> {
    let bytes = rest.as_bytes();
    // One entry for each template around: the braces that are open in its substitution.
    let mut open: Vec<usize> = Vec::new();
    let mut in_text = true;
    let mut at = 1;
    while let Some(byte) = bytes.get(at).copied() {
        if in_text {
            match byte {
                b'\\' => at += 1,
                b'`' => {
                    if open.is_empty() {
                        return Ok(at + 1);
                    }
                    in_text = false;
                }
                b'$' if bytes.get(at + 1) == Some(&b'{') => {
                    open.push(0);
                    in_text = false;
                    at += 1;
                }
                _ => {}
            }
        } else {
            match byte {
                b'"' | b'\'' => {
                    at += quoted(rest.get(at..).ok_or(Unsupported)?, byte)? - 1;
                }
                b'`' => in_text = true,
                b'{' => *open.last_mut().ok_or(Unsupported)? += 1,
                b'}' => match open.last_mut() {
                    Some(0) => {
                        open.pop();
                        in_text = true;
                    }
                    Some(count) => *count -= 1,
                    None => return Err(Unsupported),
                },
                _ => {}
            }
        }
        at += 1;
    }
    Err(Unsupported)
}

fn number(rest: &str) -> usize {
    let mut previous = b' ';
    rest.bytes()
        .position(|byte| {
            let exponent_sign = matches!(byte, b'+' | b'-')
                && matches!(previous, b'e' | b'E')
                && !rest.starts_with("0x")
                && !rest.starts_with("0X");
            previous = byte;
            !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || exponent_sign)
        })
        .unwrap_or(rest.len())
}

fn regex(rest: &str) -> Result<usize, Unsupported> {
    let mut in_class = false;
    let mut bytes = rest.bytes().enumerate().skip(1);
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'\n' => return Err(Unsupported),
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => {
                let flags = rest
                    .bytes()
                    .skip(index + 1)
                    .take_while(u8::is_ascii_alphabetic)
                    .count();
                return Ok(index + 1 + flags);
            }
            _ => {}
        }
    }
    Err(Unsupported)
}

/// Says of each opening bracket where its partner is.
fn pair(tokens: &mut [Token<'_>]) -> Result<(), Unsupported> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut pairs = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Sign {
            continue;
        }
        match token.text {
            "(" => open.push((index, ")")),
            "[" => open.push((index, "]")),
            "{" => open.push((index, "}")),
            ")" | "]" | "}" => match open.pop() {
                Some((start, closing)) if closing == token.text => pairs.push((start, index)),
                _ => return Err(Unsupported),
            },
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err(Unsupported);
    }
    for (start, end) in pairs {
        if let Some(token) = tokens.get_mut(start) {
            token.partner = end;
        }
    }
    Ok(())
}
