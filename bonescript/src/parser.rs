//! Tokens to the tree: recursive descent by hand.
//!
//! An error ends the smallest part that it is in: an item of a list, else a clause, else a declaration. The parser then
//! goes to where the next one surely begins, forwards only, so that it takes linear time on any text; brackets are
//! paired beforehand, which makes stepping over them cost nothing.

mod capability;
mod clause;
mod entity;
mod expression;
mod system;
mod types;

use crate::ast::{Duration, File, Name, Number};
use crate::diagnostic::{Code, Diagnostic, Problems, some_of};
use crate::text::{SourceId, Span};
use crate::token::{Token, TokenKind};

/// Expressions and types nested deeper than this are refused. A debug build overflows the 2 MiB of a test's thread at some
/// sixty levels of lists, and nobody writes ten.
pub(crate) const MAX_DEPTH: usize = 32;

/// An expression with more operators than this is refused: what walks over trees recurses along them.
const MAX_OPERATORS: usize = 128;

/// What is wrong was reported; whoever knows where to go on does.
#[derive(Clone, Copy, Debug)]
struct Reported;

type Parse<T> = Result<T, Reported>;

/// Reads the tokens of a text.
pub(crate) fn parse(source: SourceId, text: &str, tokens: &[Token], problems: &mut Problems) -> File {
    let significant: Vec<Token> = tokens
        .iter()
        .filter(|token| !token.kind.is_comment())
        .copied()
        .collect();
    refuse_prototypes(source, text, &significant, problems);
    let partners = partners(&significant);
    let mut parser = Parser {
        source,
        text,
        tokens: &significant,
        partners,
        at: 0,
        words: &[],
        depth: 0,
        operators: 0,
        reported_at: None,
        problems,
    };
    parser.file()
}

/// Refuses `__proto__` wherever it is written as a name or a key: bodies with such a key are refused, and in an object of
/// JavaScript it is no key.
fn refuse_prototypes(source: SourceId, text: &str, tokens: &[Token], problems: &mut Problems) {
    for (at, token) in tokens.iter().enumerate() {
        let written = text.get(token.span.range()).unwrap_or_default();
        let key = || {
            tokens
                .get(at + 1)
                .is_some_and(|next| next.kind == TokenKind::Colon)
        };
        let found = match token.kind {
            TokenKind::Word => written == "__proto__",
            TokenKind::String => written == "\"__proto__\"" && key(),
            _ => false,
        };
        if found {
            let message = "`__proto__` can't be a name: no JSON may have such a key";
            let problem = Diagnostic::new(Code::RESERVED_NAME, source, token.span, message);
            problems.push(problem.help("give it another name"));
        }
    }
}

struct Parser<'a> {
    source: SourceId,
    text: &'a str,
    tokens: &'a [Token],
    /// For each opening bracket the index of its closing one; its own index where there is none.
    partners: Vec<u32>,
    at: usize,
    /// The clauses of the declaration that is being read.
    words: &'static [&'static str],
    depth: usize,
    operators: usize,
    /// The token at which the last syntax error was reported: nothing else is said of it.
    reported_at: Option<usize>,
    problems: &'a mut Problems,
}

/// Pairs the brackets: one that closes another kind leaves what stands open inside of its own without a partner.
fn partners(tokens: &[Token]) -> Vec<u32> {
    let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut partners: Vec<u32> = (0..tokens.len()).map(index).collect();
    let mut open: Vec<(usize, TokenKind)> = Vec::new();
    // How many of each kind stand open, so that a closing one without an opening one costs nothing.
    let mut standing = [0usize; 3];
    let slot = |kind: TokenKind| match kind {
        TokenKind::CloseBrace => 0,
        TokenKind::CloseBracket => 1,
        _ => 2usize,
    };
    for (at, token) in tokens.iter().enumerate() {
        if let Some(closing) = token.kind.closing() {
            open.push((at, closing));
            if let Some(count) = standing.get_mut(slot(closing)) {
                *count += 1;
            }
        } else if token.kind.closes() && standing.get(slot(token.kind)).is_some_and(|count| *count > 0) {
            while let Some((opened, wanted)) = open.pop() {
                if let Some(count) = standing.get_mut(slot(wanted)) {
                    *count -= 1;
                }
                if wanted == token.kind {
                    if let Some(partner) = partners.get_mut(opened) {
                        *partner = index(at);
                    }
                    break;
                }
            }
        }
    }
    partners
}

impl Parser<'_> {
    fn peek(&self) -> TokenKind {
        self.kind_at(self.at)
    }

    fn kind_at(&self, at: usize) -> TokenKind {
        self.tokens.get(at).map_or(TokenKind::End, |token| token.kind)
    }

    fn span_at(&self, at: usize) -> Span {
        let end = self.text.len();
        self.tokens
            .get(at)
            .map_or(Span::new(end, end), |token| token.span)
    }

    fn span(&self) -> Span {
        self.span_at(self.at)
    }

    /// The place of the token before this one.
    fn before(&self) -> Span {
        self.at
            .checked_sub(1)
            .map_or(Span::default(), |at| self.span_at(at))
    }

    fn text_at(&self, at: usize) -> &str {
        self.text.get(self.span_at(at).range()).unwrap_or_default()
    }

    /// The word at this place; empty where there is none.
    fn word(&self) -> &str {
        self.word_at(self.at)
    }

    fn word_at(&self, at: usize) -> &str {
        if self.kind_at(at) == TokenKind::Word {
            self.text_at(at)
        } else {
            ""
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.word() == word
    }

    fn step(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len());
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let there = self.peek() == kind;
        if there {
            self.step();
        }
        there
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        if there {
            self.step();
        }
        there
    }

    fn want(&mut self, kind: TokenKind) -> Parse<Span> {
        let span = self.span();
        if self.eat(kind) {
            return Ok(span);
        }
        Err(self.expected(&format!("`{}`", kind.sign())))
    }

    /// A name: any word.
    fn name(&mut self, what: &str) -> Parse<Name> {
        if self.peek() != TokenKind::Word {
            return Err(self.expected(what));
        }
        let name = Name {
            text: self.word().to_owned(),
            span: self.span(),
        };
        self.step();
        Ok(name)
    }

    fn number(&mut self, what: &str) -> Parse<Number> {
        if self.peek() != TokenKind::Integer {
            return Err(self.expected(what));
        }
        let span = self.span();
        let value = self.integer();
        Ok(Number { value, span })
    }

    /// The value of an integer token, which is stepped over.
    fn integer(&mut self) -> u64 {
        let span = self.span();
        let value = self.word_of_number().parse();
        self.step();
        value.unwrap_or_else(|_| {
            let message = "this number is larger than 64 bits hold";
            self.report(
                Diagnostic::new(Code::NUMBER_TOO_LARGE, self.source, span, message)
                    .help("the largest is 9223372036854775807"),
            );
            0
        })
    }

    fn word_of_number(&self) -> &str {
        self.text_at(self.at)
    }

    /// `5m`; a whole number is milliseconds.
    fn duration(&mut self) -> Parse<Duration> {
        if !matches!(self.peek(), TokenKind::Duration | TokenKind::Integer) {
            return Err(self.expected("a duration such as `30s`, `5m`, `12h` or `7d`"));
        }
        let span = self.span();
        let milliseconds = self.milliseconds();
        Ok(Duration { milliseconds, span })
    }

    /// The value of a duration token, which is stepped over.
    fn milliseconds(&mut self) -> u64 {
        let span = self.span();
        let text = self.text_at(self.at);
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => 1,
        };
        let value = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit));
        self.step();
        // A hundred years: beyond it nothing that is waited for or kept is meant.
        value
            .filter(|value| *value <= 3_155_760_000_000)
            .unwrap_or_else(|| {
                let message = "this duration is longer than a hundred years";
                self.report(
                    Diagnostic::new(Code::NUMBER_TOO_LARGE, self.source, span, message)
                        .help("write a shorter one"),
                );
                0
            })
    }

    fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Says that something else should stand here, once for each token.
    fn expected(&mut self, what: &str) -> Reported {
        if self.reported_at != Some(self.at) && self.peek() != TokenKind::Invalid {
            self.reported_at = Some(self.at);
            let found = self.found();
            let message = format!("expected {what}, found {found}");
            let mut problem = Diagnostic::new(Code::SYNTAX, self.source, self.span(), message).expected(what);
            if self.peek() == TokenKind::Semicolon {
                problem = problem.replace(self.span(), "").help("nothing ends with `;`");
            } else if let Some(sign) = what.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
                // Only where exactly one sign would do.
                if !sign.contains('`') {
                    let place = self.before().after();
                    problem = problem.replace(place, sign).help(format!("insert `{sign}`"));
                }
            }
            self.report(problem);
        }
        Reported
    }

    fn found(&self) -> String {
        match self.peek() {
            TokenKind::End => "the end of the file".to_owned(),
            TokenKind::String => "a string".to_owned(),
            _ => {
                let text = self.text_at(self.at);
                let short: String = text.chars().take(40).collect();
                format!("`{short}`")
            }
        }
    }

    /// Steps over the token, and over all that stands between it and its partner.
    fn skip(&mut self) {
        let partner = self.partners.get(self.at).map_or(self.at, |at| *at as usize);
        self.at = partner.max(self.at);
        self.step();
    }

    /// Whether a declaration begins here: its word, then what only a declaration goes on with.
    fn at_declaration(&self) -> bool {
        use TokenKind as T;
        let after = |at: usize| self.kind_at(self.at + at);
        match self.word() {
            "system" | "entity" | "event" | "store" | "channel" | "policy" | "flow" => {
                after(1) == T::Word && after(2) == T::OpenBrace
            }
            "capability" | "extension_point" => after(1) == T::Word && after(2) == T::OpenParen,
            "constraint" => after(1) == T::Word && after(2) == T::Colon,
            "import" => after(1) == T::Word && self.word_at(self.at + 2) == "from",
            _ => false,
        }
    }

    /// Whether a clause of the declaration that is being read begins here.
    fn at_clause(&self) -> bool {
        let word = self.word();
        if word.is_empty() || !self.words.contains(&word) {
            return false;
        }
        match word {
            "relation" | "derived" | "step" => {
                self.kind_at(self.at + 1) == TokenKind::Word && self.kind_at(self.at + 2) == TokenKind::Colon
            }
            _ => self.kind_at(self.at + 1) == TokenKind::Colon,
        }
    }

    /// Goes to where the next clause, the end of the body or the next declaration is.
    fn recover(&mut self) {
        while self.peek() != TokenKind::End
            && self.peek() != TokenKind::CloseBrace
            && !self.at_clause()
            && !self.at_declaration()
        {
            self.skip();
        }
    }

    /// `one of` for a message.
    fn listed(words: &[&str]) -> String {
        some_of(words)
    }
}
