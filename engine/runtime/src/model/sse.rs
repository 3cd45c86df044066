//! Server-sent events, byte by byte.
//!
//! Chunks of bytes go in as the network cuts them, whole events come out; how they were cut makes no
//! difference. Time is linear in the bytes, and one event is held in memory, up to a limit.

use std::borrow::Cow;

/// Bytes of one event at most: 4 MiB holds an answer of a million tokens sent at once.
pub(super) const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// What marks the start of some streams.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// An event grew beyond [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventTooLarge;

/// What an event is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    #[default]
    Other,
    Error,
}

/// Turns bytes into the data of events. Names and ids of events are read over: model servers tell
/// everything in the data, but that an event is an error.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The line that is not finished yet.
    line: Vec<u8>,
    /// The data of the event that is not finished yet.
    data: Vec<u8>,
    /// Whether a data line was seen: an event may have empty data.
    has_data: bool,
    /// What it is named.
    name: Name,
    /// A CR ended the last line, so a LF right after it belongs to it.
    after_cr: bool,
    /// The first line is over, so a byte order mark is text.
    started: bool,
}

impl Decoder {
    /// Takes in bytes and gives each finished event's data to `event`.
    pub(super) fn push(&mut self, bytes: &[u8], mut event: impl FnMut(&str)) -> Result<(), EventTooLarge> {
        let mut rest = bytes;
        while let Some((&first, after_first)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = after_first;
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.extend_line(rest)?;
                break;
            };
            let (line, ending) = rest.split_at(end);
            // Most lines arrive whole.
            if self.line.is_empty() {
                self.admit(line)?;
                self.take_line(line, &mut event)?;
            } else {
                self.extend_line(line)?;
                self.end_line(&mut event)?;
            }
            self.after_cr = ending.first() == Some(&b'\r');
            rest = ending.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the stream. The standard drops an event without an empty line after it; servers that
    /// leave out the last one are common, so it is given.
    pub(super) fn finish(&mut self, mut event: impl FnMut(&str)) -> Result<(), EventTooLarge> {
        self.end_line(&mut event)?;
        self.dispatch(&mut event);
        Ok(())
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        self.admit(bytes)?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether so many bytes more may be held.
    fn admit(&self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(EventTooLarge);
        }
        Ok(())
    }

    fn end_line(&mut self, event: &mut impl FnMut(&str)) -> Result<(), EventTooLarge> {
        let mut line = std::mem::take(&mut self.line);
        let taken = self.take_line(&line, event);
        // The buffer is used again for the next line.
        line.clear();
        self.line = line;
        taken
    }

    fn take_line(&mut self, mut line: &[u8], event: &mut impl FnMut(&str)) -> Result<(), EventTooLarge> {
        if !std::mem::replace(&mut self.started, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(event);
        } else if let Some(name) = field_value(line, b"event") {
            self.name = if name == ERROR { Name::Error } else { Name::Other };
        } else if let Some((value, name)) = data(line) {
            self.name = self.name.max(name);
            if self.data.len() + value.len() >= MAX_EVENT_BYTES {
                return Err(EventTooLarge);
            }
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
            self.has_data = true;
        }
        Ok(())
    }

    fn dispatch(&mut self, event: &mut impl FnMut(&str)) {
        let name = std::mem::take(&mut self.name);
        if std::mem::take(&mut self.has_data) {
            let data = text(&self.data);
            match name {
                Name::Error => event(&as_error(&data)),
                Name::Other => event(&data),
            }
        }
        self.data.clear();
    }
}

/// Bytes as text. Whether they are is seen much faster than where they are not.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The name of an event that is an error.
const ERROR: &[u8] = b"error";

/// The data of a line, and what it names its event: older versions of llama.cpp have errors in a field of that name.
fn data(line: &[u8]) -> Option<(&[u8], Name)> {
    let data = field_value(line, b"data").map(|value| (value, Name::Other));
    data.or_else(|| field_value(line, ERROR).map(|value| (value, Name::Error)))
}

/// The data of an event that is an error, as an object that says so; in the words of all dialects.
fn as_error(data: &str) -> String {
    let error = match serde_json::from_str(data) {
        Ok(serde_json::Value::Object(fields)) if fields.contains_key("error") => return data.to_owned(),
        Ok(error) => error,
        Err(_) => data.into(),
    };
    serde_json::json!({ "type": "error", "error": error }).to_string()
}

/// Returns the value when the line is this field: after the colon, without one space.
fn field_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut events = Vec::new();
        let mut decoder = Decoder::default();
        for chunk in chunks {
            decoder
                .push(chunk, |event| events.push(event.to_owned()))
                .unwrap();
        }
        decoder.finish(|event| events.push(event.to_owned())).unwrap();
        events
    }

    #[test]
    fn every_kind_of_line_end_and_field() {
        let cases: [(&[u8], &[&str]); 11] = [
            (b"data: a\n\ndata: b\n\n", &["a", "b"]),
            (b"data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            (b"data: a\r\rdata: b\r\r", &["a", "b"]),
            (b"\xef\xbb\xbfdata: a\n\n", &["a"]),
            (b"\xef\xbb\xbf\ndata: a\n\n", &["a"]),
            (b"data: a\ndata: b\n\n", &["a\nb"]),
            (b"data:  a\n\ndata:b\n\n", &[" a", "b"]),
            (b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", &["a"]),
            (b"data\n\ndatax: no\n\n", &[""]),
            (b"data: last", &["last"]),
            (b"data: \xff\xfe\n\n", &["\u{fffd}\u{fffd}"]),
        ];
        for (bytes, events) in cases {
            assert_eq!(decode(&[bytes]), events, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_event_that_is_an_error_says_so() {
        let error = |said: &str| format!(r#"{{"type":"error","error":{said}}}"#);
        let cases: [(&[u8], String); 6] = [
            (
                b"event: error\ndata: {\"message\":\"boom\"}\n\n",
                error(r#"{"message":"boom"}"#),
            ),
            (b"data: boom\nevent:error\n\n", error(r#""boom""#)),
            (b"event: error\ndata: null\n\n", error("null")),
            (b"error: {\"code\":500}\n\n", error(r#"{"code":500}"#)),
            (
                b"event: error\ndata: {\"error\":\"boom\"}\n\n",
                r#"{"error":"boom"}"#.to_owned(),
            ),
            (b"event: error\nevent: delta\ndata: {}\n\n", "{}".to_owned()),
        ];
        for (bytes, event) in cases {
            let then = [bytes, b"data: {}\n\n"].concat();
            assert_eq!(decode(&[&then]), [event.as_str(), "{}"]);
        }
    }

    #[test]
    fn a_cut_at_every_byte_changes_nothing() {
        let stream =
            "\u{feff}: hi\r\ndata: {\"a\":\"ü\"}\r\n\r\ndata: x\ndata: y\n\ndata: z\r\rdata: [DONE]\n\n";
        let whole = decode(&[stream.as_bytes()]);
        assert_eq!(whole, ["{\"a\":\"ü\"}", "x\ny", "z", "[DONE]"]);
        for cut in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            assert_eq!(decode(&[left, right]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = Decoder::default();
        let chunk = vec![b'x'; 1024 * 1024];
        let results: Vec<_> = (0..5).map(|_| decoder.push(&chunk, |_| ())).collect();
        assert_eq!(results.last(), Some(&Err(EventTooLarge)));

        let mut decoder = Decoder::default();
        let line = [b"data: ".as_slice(), &chunk, b"\n"].concat();
        assert!((0..5).any(|_| decoder.push(&line, |_| ()).is_err()));
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            stream in "((data: ?|: |event:|data|\u{feff})?[a-z{}é ]{0,8}(\n|\r|\r\n|\n\n|\r\r|\r\n\r\n)){0,20}",
            cuts in prop::collection::vec(0_usize..400, 0..20),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&chunks), decode(&[bytes]));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode(&[&bytes]);
        }
    }
}
