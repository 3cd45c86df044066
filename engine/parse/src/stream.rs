//! A reply that is still being written: what is complete already, and what it looks like so far.
//!
//! The text is read again, whole, where a bracket, a tag or a fence may have completed something; the last reading
//! is therefore the one that [`parse`] gives for the whole text, however it was cut into chunks. How often that may
//! happen is bounded by the length of the text, so that a stream costs linear time.

use crate::{Call, Expect, Reading, RepairKind, Value, parse, read_whole};

/// How many bytes may be read again for each byte of the text. Sixteen attempts for each doubling of the text are
/// more than the brackets of ordinary replies ask for; hostile ones get no more.
const WORK: usize = 16;

/// Work that is free: a short reply is looked at as often as it asks for.
const FREE_WORK: usize = 64 * 1024;

/// A reply as it arrives.
#[derive(Debug)]
pub struct Stream<'e> {
    expect: &'e Expect,
    text: String,
    scanner: Scanner,
    work: usize,
    calls: usize,
    value: bool,
}

/// What a chunk completed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Calls that are complete since this chunk.
    pub calls: Vec<Call>,
    /// The value, once it is complete.
    pub value: Option<Value>,
    /// The byte of the whole text after which the last of them was complete.
    pub at: Option<usize>,
}

/// Follows quotes and brackets just well enough to tell where something may have ended.
#[derive(Debug, Default)]
struct Scanner {
    at: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl<'e> Stream<'e> {
    /// A reply of which nothing has arrived.
    pub fn new(expect: &'e Expect) -> Self {
        Self {
            expect,
            text: String::new(),
            scanner: Scanner::default(),
            work: 0,
            calls: 0,
            value: false,
        }
    }

    /// Takes the next part of the reply and tells what is complete with it.
    ///
    /// The result depends on the text so far alone: it is told for the same byte whatever the chunks were.
    pub fn feed(&mut self, chunk: &str) -> Progress {
        self.text.push_str(chunk);
        let mut progress = Progress::default();
        while let Some(at) = self.scanner.next_end(self.text.as_bytes()) {
            if self.value || self.work + at > FREE_WORK + WORK * at {
                continue;
            }
            self.work += at;
            let Some(so_far) = self.text.get(..at) else {
                continue;
            };
            let reading = read_whole(so_far, self.expect, true);
            if is_open(&reading, at) {
                continue;
            }
            let complete = reading.calls.iter().take_while(|call| call.cut.is_none()).count();
            if complete > self.calls {
                progress
                    .calls
                    .extend(reading.calls.into_iter().take(complete).skip(self.calls));
                self.calls = complete;
                progress.at = Some(at);
            }
            if let Some(value) = reading
                .value
                .filter(|_| reading.cut.is_none() && reading.diagnostics.is_empty())
            {
                progress.value = Some(value);
                self.value = true;
                progress.at = Some(at);
            }
        }
        progress
    }

    /// What has arrived, read as it stands; values that are being written are marked as cut.
    pub fn so_far(&self) -> Reading {
        parse(&self.text, self.expect, true)
    }

    /// What has arrived.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The reading of the whole reply, after its last chunk.
    pub fn finish(self) -> Reading {
        parse(&self.text, self.expect, false)
    }
}

/// Whether a reading had to close at its end what the text left open.
fn is_open(reading: &Reading, end: usize) -> bool {
    reading.repairs.iter().any(|repair| {
        repair.span.end >= end
            && matches!(
                repair.kind,
                RepairKind::MissingCloser | RepairKind::MissingQuote | RepairKind::Marker
            )
    })
}

impl Scanner {
    /// The byte after the next place where a value or call may end.
    fn next_end(&mut self, text: &[u8]) -> Option<usize> {
        while let Some(byte) = text.get(self.at) {
            self.at += 1;
            if std::mem::take(&mut self.escaped) {
                continue;
            }
            match byte {
                b'\\' if self.quoted => self.escaped = true,
                // Quotes count inside brackets only: prose has apostrophes and unpaired quotes.
                b'"' if self.depth > 0 => self.quoted = !self.quoted,
                b'{' | b'[' | b'(' if !self.quoted => self.depth += 1,
                b'}' | b']' | b')' if !self.quoted => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
                // A closing tag or marker ends what is inside, whatever its brackets look like.
                b'>' if !self.quoted || self.depth == 0 => return Some(self.at),
                b'`' if !self.quoted && text.get(self.at.saturating_sub(3)..self.at) == Some(b"```") => {
                    return Some(self.at);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Schema, Tool, Tools};

    fn tools() -> Expect {
        let schema = json!({
            "type": "object",
            "properties": { "path": { "type": "string" }, "content": { "type": "string" } },
            "required": ["path"],
        });
        Expect::Calls(Tools::new(vec![
            Tool::new("write_file", &schema),
            Tool::new("read_file", &schema),
        ]))
    }

    /// Where each call or the value was told to be complete, whatever the chunks.
    fn completions(text: &str, expect: &Expect, sizes: &[usize]) -> Vec<(usize, usize)> {
        let mut stream = Stream::new(expect);
        let mut told = Vec::new();
        let mut start = 0;
        let mut sizes = sizes.iter().cycle();
        while start < text.len() {
            let mut end = (start + sizes.next().copied().unwrap_or(1).max(1)).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            let progress = stream.feed(&text[start..end]);
            if let Some(at) = progress.at {
                told.push((at, progress.calls.len() + usize::from(progress.value.is_some())));
            }
            start = end;
        }
        let whole = parse(text, expect, false);
        assert_eq!(stream.finish(), whole);
        told
    }

    /// A reply, and the texts right after which something is complete.
    const REPLIES: [(&str, &[&str]); 6] = [
        (
            "I read it. <tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a}b\"}}\n</tool_call> bye",
            &["}}\n"],
        ),
        (
            "<function=read_file>\n<parameter=path>\na.rs\n</parameter>\n</function>\n</tool_call>",
            &["</function>"],
        ),
        ("[read_file(path=\"a.rs\"), read_file(path='b]')]", &[")]"]),
        (
            "```json\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"ü\"}}\n```\ndone",
            &["}}\n"],
        ),
        ("{\"name\": \"read_file\", \"arguments\": {\"path\": \"x", &[]),
        ("no call at all (really), see [1]", &[]),
    ];

    #[test]
    fn a_call_is_told_as_soon_as_it_is_complete() {
        for (text, ends) in REPLIES {
            let told = completions(text, &tools(), &[1]);
            assert_eq!(told.len(), ends.len(), "{text}: {told:?}");
            for ((at, _), end) in told.iter().zip(ends) {
                let latest = text.find(end).unwrap() + end.len();
                assert!(*at <= latest, "{text}: told at {at}, complete at {latest}");
            }
        }
    }

    #[test]
    fn a_value_is_told_once_and_partly_on_the_way() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "string" } } }, "required": ["a"] });
        let expect = Expect::Value(Schema::new(&schema));
        let mut stream = Stream::new(&expect);
        assert_eq!(stream.feed("Here: {\"a\": [\"one\", \"tw").value, None);
        let so_far = stream.so_far();
        assert_eq!(so_far.value, Some(json!({ "a": ["one", "tw"] }).into()));
        assert_eq!(so_far.cut.unwrap().path, "/a/1");
        let progress = stream.feed("o\"]} and more {\"a\": []}");
        assert_eq!(progress.value, Some(json!({ "a": ["one", "two"] }).into()));
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(reply in 0..REPLIES.len(), sizes in prop::collection::vec(1_usize..20, 1..8)) {
            let (text, _) = REPLIES[reply];
            let one_by_one: Vec<usize> = completions(text, &tools(), &[1]).iter().map(|(at, _)| *at).collect();
            let chunked: Vec<usize> = completions(text, &tools(), &sizes).iter().map(|(at, _)| *at).collect();
            // A chunk tells of its last completion only; which these are depends on the text alone.
            prop_assert!(chunked.iter().all(|at| one_by_one.contains(at)), "{chunked:?} {one_by_one:?}");
            prop_assert_eq!(chunked.last(), one_by_one.last());
        }
    }
}
