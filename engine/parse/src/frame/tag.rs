//! Reads one tag, in any of the ways in which families and their mistakes write it.
//!
//! Each attempt looks at no more than [`REACH`] bytes, so that a text of nothing but `<` costs its length.

mod index;
mod scan;

use super::marker::{self, Role};
use crate::tree::Span;
use scan::Scan;

pub(crate) use index::Tags;

/// A tag of the text.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a tag has or lacks is independent of each other"
)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'t> {
    /// The whole tag, with the noise before it.
    pub(crate) span: Span,
    /// Its name without namespace.
    pub(crate) name: &'t str,
    pub(crate) role: Role,
    pub(crate) close: bool,
    /// `f` of `<function=f>`, `<invoke name="f">`, `<argument key="f">`.
    pub(crate) value: Option<Span>,
    /// The value stood right after the tag's name: `<function=f>`.
    pub(crate) equals: bool,
    /// `string="true"`, or a type that is a string.
    pub(crate) string: bool,
    /// The tag closes itself: `<f/>`.
    pub(crate) empty: bool,
    /// The tag has its angle bracket or pipe at the end.
    pub(crate) whole: bool,
    /// The tag stands between pipes: such tags are special tokens.
    pub(crate) piped: bool,
}

/// The most bytes of a tag: names of tools and parameters are at most 64 long, and no family has more attributes.
const REACH: usize = 320;
/// The first byte of `◁`.
const LEFT: u8 = 0xe2;
/// What `MiniMax` M3 writes before each of its tags.
const NOISE: &str = "]<]minimax[>[";

/// The tag that begins at `start`.
pub(crate) fn at(text: &str, start: usize) -> Option<Tag<'_>> {
    let rest = text.get(start..)?;
    match rest.as_bytes().first()? {
        b'<' if rest.starts_with("<|open|>") => sectioned(text, start, start + "<|open|>".len(), false),
        b'<' if rest.starts_with("<|close|>") => sectioned(text, start, start + "<|close|>".len(), true),
        b'<' => angle(text, start, start + 1, '>'),
        b'[' => square(text, start),
        b']' => {
            rest.strip_prefix(NOISE)?;
            let inner = start + NOISE.len();
            // The noise alone is dropped too.
            let alone = Tag {
                name: "",
                ..blank(Span::new(start, inner))
            };
            let tag = text.get(inner..).filter(|rest| rest.starts_with('<'));
            let tag = tag.and_then(|_| angle(text, inner, inner + 1, '>'));
            Some(tag.map_or(alone, |tag| Tag {
                span: Span::new(start, tag.span.end),
                ..tag
            }))
        }
        _ if rest.starts_with('◁') => angle(text, start, start + '◁'.len_utf8(), '▷'),
        _ => None,
    }
}

/// Where the noise begins that stands right before `end`, or `end`.
pub(crate) fn before_noise(text: &str, end: usize) -> usize {
    match text.get(..end) {
        Some(before) if before.ends_with(NOISE) => end - NOISE.len(),
        _ => end,
    }
}

fn blank<'t>(span: Span) -> Tag<'t> {
    Tag {
        span,
        name: "",
        role: Role::Noise,
        close: false,
        value: None,
        equals: false,
        string: false,
        empty: false,
        whole: true,
        piped: false,
    }
}

fn angle(text: &str, start: usize, from: usize, closer: char) -> Option<Tag<'_>> {
    let mut scan = Scan {
        text,
        at: from,
        end: text.len().min(start + REACH),
    };
    scan.spaces();
    let mut close = scan.eat('/');
    let piped = scan.pipe();
    scan.spaces();
    close |= scan.eat('/');
    let mut name = Span::default();
    let mut namespaced = false;
    loop {
        let word = scan.word(piped);
        if word.len() == 0 {
            break;
        }
        if marker::is_namespace(word.of(text)) {
            namespaced = true;
        } else {
            name = word;
        }
        let mark = scan.at;
        if !(scan.eat(':') || scan.pipe()) {
            break;
        }
        let separator = scan.at;
        scan.spaces();
        if scan.word(piped).len() == 0 {
            scan.at = mark;
            break;
        }
        scan.at = separator;
        scan.spaces();
    }
    let written = name.of(text);
    let cut_here = scan.at == text.len();
    if written.is_empty() && !(cut_here && (close || piped || namespaced)) {
        return None;
    }
    let (glued, written) = unglue(written, scan.peek());
    let (role, closes) = marker::angle(written);
    let mut tag = Tag {
        name: written,
        role,
        close: close || closes,
        piped,
        ..blank(Span::new(start, start))
    };
    if scan.eat('=') {
        tag.value = Some(scan.value(!glued));
        tag.equals = !glued;
    }
    scan.attributes(&mut tag);
    scan.spaces();
    tag.empty = scan.eat('/');
    let right = scan.pipe();
    scan.spaces();
    tag.whole = scan.eat(closer) || (right && scan.peek() != Some('>'));
    // `<tool_call|>` closes `<|tool_call>`.
    if right && !piped {
        tag.close = true;
    }
    refine(text, &mut tag, namespaced, right);
    tag.span.end = scan.at;
    (tag.whole || tolerable(&tag, text, scan.at, cut_here)).then_some(tag)
}

/// Kimi K3 writes `<|open|>call tool="f"<|sep|>` for `<call tool="f">`.
fn sectioned(text: &str, start: usize, from: usize, close: bool) -> Option<Tag<'_>> {
    let mut scan = Scan {
        text,
        at: from,
        end: text.len().min(start + REACH),
    };
    let name = scan.word(false).of(text);
    let role = match name {
        "call" => Role::Function,
        "argument" => Role::Parameter,
        "tools" => Role::Calls,
        "think" => Role::Think,
        _ => Role::Noise,
    };
    let mut tag = Tag {
        name,
        role,
        close,
        ..blank(Span::new(start, start))
    };
    scan.attributes(&mut tag);
    tag.whole = text.get(scan.at..)?.starts_with("<|sep|>");
    tag.span.end = scan.at + if tag.whole { "<|sep|>".len() } else { 0 };
    Some(tag)
}

/// `<functionname="f">` is `<function name="f">`.
fn unglue(name: &str, next: Option<char>) -> (bool, &str) {
    if next != Some('=') {
        return (false, name);
    }
    ["function", "invoke", "parameter", "param"]
        .into_iter()
        .find(|tag| name.strip_prefix(tag) == Some("name"))
        .map_or((false, name), |tag| (true, tag))
}

/// What a role means beside attributes, pipes and what follows.
fn refine(text: &str, tag: &mut Tag<'_>, namespaced: bool, right: bool) {
    tag.role = match tag.role {
        Role::Header if tag.name.eq_ignore_ascii_case("channel") && tag.piped != right => Role::Think,
        Role::Header | Role::Message | Role::End | Role::Speaker | Role::Separator
            if !tag.piped && !right && !namespaced =>
        {
            plain(tag)
        }
        Role::Speaker => Role::Noise,
        Role::Noise if !tag.piped && !tag.close && !right => Role::Other,
        // Those of a tag with a name, such as `<tool_call name="f">`.
        Role::Call | Role::Calls if tag.value.is_some() && !tag.close => Role::Function,
        Role::Call | Role::Calls if !tag.piped && tag.name == "call" => Role::Other,
        Role::End if tag.value.is_some() => Role::Function,
        // Words of every text: without a name they are no markers.
        Role::Function | Role::Parameter if tag.value.is_none() && !tag.close => Role::Other,
        Role::Other if tag.name.is_empty() || (tag.piped && right) || namespaced && !tag.close => Role::Noise,
        role => role,
    };
    if tag.role == Role::Noise && namespaced && tag.value.is_some() {
        tag.role = Role::Other;
    }
    if tag.name.eq_ignore_ascii_case("tool") && tag.value.is_some() {
        tag.role = Role::Function;
    }
    if matches!(tag.name, "arg") && tag.value.is_some() {
        tag.role = Role::Parameter;
    }
    if let Some(value) = tag.value {
        tag.value = Some(trim(text, value));
    }
}

/// Words such as `message` are markers between pipes only.
fn plain(tag: &Tag<'_>) -> Role {
    match tag.role {
        Role::End if tag.value.is_some() => Role::Function,
        Role::Speaker => Role::Speaker,
        Role::Separator if tag.name.contains('_') => Role::Separator,
        Role::End if tag.name.contains('_') => Role::End,
        // `</call>` of an element that stands for a function.
        Role::End if tag.close && tag.name == "call" => Role::Function,
        _ => Role::Other,
    }
}

/// A tag without its last bracket is one where nothing else can be meant.
fn tolerable(tag: &Tag<'_>, text: &str, at: usize, cut_here: bool) -> bool {
    if cut_here {
        return tag.close || tag.piped || tag.role != Role::Other;
    }
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    match tag.role {
        Role::Function | Role::Parameter => tag.value.is_some() || tag.close,
        Role::Call | Role::Calls => matches!(next, None | Some('\n' | '\r' | '{' | '<')),
        _ => false,
    }
}

fn square(text: &str, start: usize) -> Option<Tag<'_>> {
    let mut scan = Scan {
        text,
        at: start + 1,
        end: text.len().min(start + 40),
    };
    let close = scan.eat('/');
    let from = scan.at;
    while scan
        .peek()
        .is_some_and(|ch| ch.is_ascii_alphabetic() || matches!(ch, '_' | ' '))
    {
        scan.at += 1;
    }
    let name = Span::new(from, scan.at);
    if name.len() == 0 || !scan.eat(']') {
        return None;
    }
    let name = name.of(text);
    let (role, closes) = marker::square(name)?;
    let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    let span = Span::new(start, scan.at);
    upper.then_some(Tag {
        name,
        role,
        close: close || closes,
        piped: true,
        ..blank(span)
    })
}

fn trim(text: &str, span: Span) -> Span {
    let value = span.of(text);
    let start = span.start + (value.len() - value.trim_start().len());
    let value = value.trim();
    Span::new(start, start + value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Role, bool, &str) {
        let tag = at(text, 0).unwrap();
        (tag.role, tag.close, tag.value.map_or("", |value| value.of(text)))
    }

    #[test]
    fn one_marker_is_known_in_every_spelling() {
        for text in [
            "<tool_call>",
            "<|tool_call|>",
            "< tool_call >",
            "<minimax:tool_call>",
            "<｜tool▁call▁begin｜>",
            "<|tool_call>",
            "]<]minimax[>[<tool_call>",
            "<ifm|tool_call>",
            "<tool_call\n",
            "[TOOL_CALLS]",
            "<|tool call begin|>",
        ] {
            assert_eq!(read(text), (Role::Call, false, ""), "{text}");
        }
        for text in [
            "</tool_call>",
            "<tool_call|>",
            "<|tool_call_end|>",
            "</minimax:tool_call>",
            "<|/tool_call|>",
        ] {
            assert_eq!(read(text), (Role::Call, true, ""), "{text}");
        }
    }

    #[test]
    fn names_are_read_whatever_stands_around_them() {
        for text in [
            "<function=f g>",
            "<function=\"f g\">",
            "<function name='f g'>",
            "<functionname=\"f g\">",
            "<invoke name=\"f g\">",
            "<｜DSML｜ invoke name=\"f g\">",
            "<atem:invoke name=\"f g<|message|>\">",
            "<function=f g\n",
            "<tool_call name=\"f g\">",
            "<tool name=\"f g\" id=\"3\">",
        ] {
            assert_eq!(read(text), (Role::Function, false, "f g"), "{text}");
        }
        let text = "<｜DSML｜parameter name=\"p\" string=\"true\">";
        assert!(at(text, 0).unwrap().string);
        assert_eq!(read(text), (Role::Parameter, false, "p"));
    }

    #[test]
    fn text_is_no_marker() {
        for text in [
            "< b", "<3", "<", "<a b", "[1]", "[x](y)", "[args]", "<-", "]", "<>",
        ] {
            assert!(at(text, 0).is_none(), "{text}");
        }
        for text in ["<div class=\"a\">", "<message>", "<function>", "<end>", "<p>"] {
            assert_eq!(read(text).0, Role::Other, "{text}");
        }
        assert!(at(&format!("<{}", "a".repeat(5000)), 0).is_none());
    }

    #[test]
    fn thinking_has_many_names() {
        for text in [
            "<think>",
            "<seed:think>",
            "<mm:think>",
            "[THINK]",
            "<|START_THINKING|>",
            "<|channel>",
            "◁think▷",
        ] {
            assert_eq!(read(text), (Role::Think, false, ""), "{text}");
        }
        for text in [
            "</think>",
            "<|END_THINKING|>",
            "<channel|>",
            "◁/think▷",
            "<|plamo:end_think:plamo|>",
        ] {
            assert_eq!(read(text), (Role::Think, true, ""), "{text}");
        }
    }
}
