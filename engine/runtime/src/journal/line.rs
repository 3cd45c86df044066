//! One record as one line of text, and back.
//!
//! `{"v":1,"seq":7,"at":1732350000123,"event":{…},"crc":"1a2b3c4d"}`: the checksum is the CRC-32 (IEEE) of the
//! bytes before `,"crc"`, in lower-case hexadecimal. Members always stand in this order, so that a line can be
//! checked before anything in it is parsed. What an event means is the caller's affair.

use std::io::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::{Damage, MAX_DEPTH, MAX_LINE, Unwritable, VERSION};

/// What stands between the event and the digits of the checksum.
const SEAL: &[u8] = b",\"crc\":\"";
/// The digits of a CRC-32 in hexadecimal.
const DIGITS: usize = 8;
/// What follows the digits.
const CLOSE: &[u8] = b"\"}";

/// Appends the line of one record to `out`, its end of line included. On failure `out` is as it was.
pub(super) fn encode<E: Serialize>(
    out: &mut Vec<u8>,
    seq: u64,
    at: u64,
    event: &E,
) -> Result<(), Unwritable> {
    let start = out.len();
    let written = try_encode(out, start, seq, at, event);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn try_encode<E: Serialize>(
    out: &mut Vec<u8>,
    start: usize,
    seq: u64,
    at: u64,
    event: &E,
) -> Result<(), Unwritable> {
    let failed = |e| Unwritable::Serialize(Arc::new(e));
    write!(out, "{{\"v\":{VERSION},\"seq\":{seq},\"at\":{at},\"event\":")
        .map_err(|e| failed(serde_json::Error::io(e)))?;
    serde_json::to_writer(&mut *out, event).map_err(failed)?;
    let line = out.get(start..).unwrap_or_default();
    let bytes = line.len() + SEAL.len() + DIGITS + CLOSE.len() + 1;
    if bytes > MAX_LINE {
        return Err(Unwritable::TooLong { bytes });
    }
    if line.contains(&b'\n') {
        return Err(Unwritable::LineEnd);
    }
    if too_deep(line) {
        return Err(Unwritable::TooDeep);
    }
    let crc = crc32fast::hash(line);
    out.extend_from_slice(SEAL);
    out.extend_from_slice(&digits(crc));
    out.extend_from_slice(CLOSE);
    out.push(b'\n');
    Ok(())
}

/// The parts of a line whose checksum was right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) seq: u64,
    pub(super) at: u64,
    /// The JSON of the event.
    pub(super) event: &'a [u8],
}

/// What a line with a right checksum turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<'a> {
    Record(Parts<'a>),
    /// A record of another format.
    Version(u64),
}

/// Takes a line, without its end of line, apart.
pub(super) fn decode(line: &[u8]) -> Result<Decoded<'_>, Damage> {
    let (body, seal) = line
        .split_at_checked(line.len().wrapping_sub(SEAL.len() + DIGITS + CLOSE.len()))
        .ok_or(Damage::NoChecksum)?;
    let sum = seal
        .strip_prefix(SEAL)
        .and_then(|s| s.strip_suffix(CLOSE))
        .ok_or(Damage::NoChecksum)?;
    if sum != digits(crc32fast::hash(body)) {
        return Err(Damage::Checksum);
    }
    let (version, rest) = number_after(body, b"{\"v\":").ok_or(Damage::NotARecord)?;
    if version != VERSION {
        return Ok(Decoded::Version(version));
    }
    let (seq, rest) = number_after(rest, b",\"seq\":").ok_or(Damage::NotARecord)?;
    let (at, rest) = number_after(rest, b",\"at\":").ok_or(Damage::NotARecord)?;
    let event = rest.strip_prefix(b",\"event\":").ok_or(Damage::NotARecord)?;
    Ok(Decoded::Record(Parts { seq, at, event }))
}

/// The bytes that follow the first whole record at the start of `line`, if there is one.
///
/// A write that was cut short leaves a part of a record, or zeros; never a whole record and then something else.
/// So this tells a tail that was never committed from a committed line that lost its end. Linear in the line.
pub(super) fn after_record(line: &[u8]) -> Option<&[u8]> {
    let mut hasher = crc32fast::Hasher::new();
    let mut covered = 0;
    let mut from = 0;
    loop {
        let found = line.get(from..)?.windows(SEAL.len()).position(|w| w == SEAL)?;
        let (at, past) = (from + found, from + found + SEAL.len());
        hasher.update(line.get(covered..at)?);
        covered = at;
        from = past;
        let sum = digits(hasher.clone().finalize());
        if let Some(rest) = line
            .get(past..)?
            .strip_prefix(&sum)
            .and_then(|rest| rest.strip_prefix(CLOSE))
        {
            return Some(rest);
        }
    }
}

/// The decimal number that follows `prefix`, and what follows the number.
fn number_after<'a>(text: &'a [u8], prefix: &[u8]) -> Option<(u64, &'a [u8])> {
    let text = text.strip_prefix(prefix)?;
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(length)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

/// A checksum in lower-case hexadecimal.
fn digits(crc: u32) -> [u8; DIGITS] {
    let mut shift = 32;
    [(); DIGITS].map(|()| {
        shift -= 4;
        match (crc >> shift) & 0xf {
            n @ 0..=9 => b'0' + n.to_le_bytes()[0],
            n => b'a' - 10 + n.to_le_bytes()[0],
        }
    })
}

/// Whether the event in `line` is nested deeper than [`MAX_DEPTH`].
fn too_deep(line: &[u8]) -> bool {
    // One more for the record itself.
    let limit = MAX_DEPTH + 1;
    // Fewer brackets than levels: no need to look where they stand. True of nearly every event.
    if line.iter().filter(|b| matches!(b, b'{' | b'[')).count() <= limit {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_documented() {
        let mut out = Vec::new();
        encode(
            &mut out,
            7,
            1_732_350_000_123,
            &serde_json::json!({"kind": "started"}),
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"v\":1,\"seq\":7,\"at\":1732350000123,\"event\":{\"kind\":\"started\"},\"crc\":\"38daa7d6\"}\n"
        );
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let mut out = b"before".to_vec();
        let nested = |levels| (0..levels).fold(serde_json::Value::Null, |v, _| serde_json::json!([v]));
        encode(&mut out, 1, 0, &nested(MAX_DEPTH)).unwrap();
        let line = out.split_off(6);
        assert!(matches!(decode(line.trim_ascii_end()), Ok(Decoded::Record(p))
            if serde_json::from_slice::<serde_json::Value>(p.event).is_ok()));
        assert!(matches!(
            encode(&mut out, 1, 0, &nested(MAX_DEPTH + 1)),
            Err(Unwritable::TooDeep)
        ));
        assert_eq!(out, b"before");
        let many_but_flat = "[\"{\\\"".repeat(1000);
        encode(&mut out, 1, 0, &many_but_flat).unwrap();
    }

    #[test]
    fn a_record_is_found_before_what_follows_it() {
        let mut line = Vec::new();
        encode(&mut line, 1, 0, &",\"crc\":\"00000000\"}").unwrap();
        encode(&mut line, 2, 0, &"second").unwrap();
        let merged: Vec<u8> = line
            .into_iter()
            .map(|b| if b == b'\n' { b'*' } else { b })
            .collect();
        assert!(after_record(&merged).is_some_and(|rest| rest.starts_with(b"*{\"v\"")));
        assert_eq!(after_record(merged.get(1..).unwrap()), None);
    }
}
