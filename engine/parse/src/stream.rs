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
mod tests;
