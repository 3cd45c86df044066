//! A JSON value a line, byte by byte, as Ollama streams them.

use super::sse::{EventTooLarge, MAX_EVENT_BYTES, text};

/// Turns bytes into lines, however the network cut them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes in bytes and gives each finished line that is not empty.
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) -> Result<(), EventTooLarge> {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            if self.line.len() + piece.len() > MAX_EVENT_BYTES {
                return Err(EventTooLarge);
            }
            self.line.extend_from_slice(piece);
            // The last piece goes on in the next bytes.
            if pieces.peek().is_some() {
                self.end(&mut line);
            }
        }
        Ok(())
    }

    /// Ends the stream, with the line that nothing ended.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&str)) {
        self.end(&mut line);
    }

    fn end(&mut self, line: &mut impl FnMut(&str)) {
        if !self.line.trim_ascii().is_empty() {
            line(&text(&self.line));
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_at_every_byte_changes_nothing() {
        let stream = "{\"a\":\"ü\"}\r\n\n{}\n{\"last\":1}";
        for cut in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for bytes in [left, right] {
                lines
                    .push(bytes, |line| found.push(line.trim().to_owned()))
                    .unwrap();
            }
            lines.finish(|line| found.push(line.to_owned()));
            assert_eq!(found, ["{\"a\":\"ü\"}", "{}", "{\"last\":1}"], "cut at {cut}");
        }
        let long = vec![b'x'; MAX_EVENT_BYTES];
        let mut lines = Lines::default();
        assert!(lines.push(&long, |_| ()).is_ok());
        assert_eq!(lines.push(b"x", |_| ()), Err(EventTooLarge));
    }
}
