//! How far a value may reach: found before it is read, so that a broken one does not swallow what follows it.

use super::{Framer, Role};

/// Where the text of the JSON value at `at` ends at the latest.
///
/// Brackets that balance say it exactly, if all between them is JSON: then a marker inside a string is data. Else a
/// marker ends the value which stands where the value could end, or failing that the first closing one.
pub(super) fn json(framer: &mut Framer<'_, '_>, at: usize, marked: bool) -> usize {
    let text = framer.text;
    let bytes = text.as_bytes();
    if framer.broke() {
        return outer(framer, at, marked);
    }
    match balanced(bytes, at) {
        Ok(end) => return end,
        Err(looked) => {
            if !framer.pay(looked - at) {
                return outer(framer, at, marked).min(text.len());
            }
        }
    }
    outer(framer, at, marked)
}

/// The end of the brackets that open at `at`, or how far they were looked at before that proved to be no JSON.
fn balanced(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let mut depth = 0_usize;
    let mut here = at;
    while let Some(byte) = bytes.get(here) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(here + 1);
                }
            }
            b'"' => here = string_end(bytes, here + 1).ok_or(bytes.len())?,
            byte if is_plain(*byte) => {}
            _ => return Err(here),
        }
        here += 1;
    }
    Err(bytes.len())
}

/// Space, punctuation, and the letters of numbers and literals.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_digit() || b",:+-.truefalsnE".contains(&byte)
}

fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(found) == Some(&b'"') {
            return Some(found);
        }
        at = found + 2;
    }
}

/// The first place where something other than the value begins.
fn outer(framer: &mut Framer<'_, '_>, at: usize, marked: bool) -> usize {
    let text = framer.text;
    let fence = fence_end(framer, at);
    let end = fence.unwrap_or(text.len());
    if framer.no_closer <= at {
        return end;
    }
    let mut first_closer = None;
    let mut here = at;
    loop {
        let Some(found) = framer.next_tag_within(here, end) else {
            // Nobody has to look again for what does not stand in the rest.
            if first_closer.is_none() && fence.is_none() {
                framer.no_closer = framer.no_closer.min(at);
            }
            break;
        };
        if !framer.pay((found.span.end - here) / 4) {
            return found.span.start.max(at + 1);
        }
        here = found.span.end;
        if matches!(
            found.role,
            Role::Other | Role::Parameter | Role::Key | Role::Value
        ) {
            continue;
        }
        let before = text.get(at..found.span.start).unwrap_or_default().trim_end();
        let opens = !found.close && matches!(found.role, Role::Call | Role::Calls | Role::Function);
        if opens && first_closer.is_some() {
            break;
        }
        if before.ends_with(['}', ']', ')']) && (marked || opens) {
            return found.span.start;
        }
        let closes = found.close && matches!(found.role, Role::Call | Role::Calls | Role::Function);
        if closes && first_closer.is_none() {
            first_closer = Some(found.span.start);
        }
    }
    first_closer.filter(|_| marked).unwrap_or(end)
}

/// The line that closes the fence around the value: three back-ticks after a bracket, or the first such line.
fn fence_end(framer: &mut Framer<'_, '_>, at: usize) -> Option<usize> {
    if !framer.fenced || framer.broke() {
        return None;
    }
    let text = framer.from(at);
    let mut first = None;
    for (count, found) in memchr::memmem::find_iter(text.as_bytes(), b"```").enumerate() {
        let before = text
            .get(..found)
            .unwrap_or_default()
            .trim_end_matches([' ', '\t']);
        if !before.ends_with('\n') && !before.ends_with(['}', ']']) {
            continue;
        }
        if before.trim_end().ends_with(['}', ']', ')', '>']) {
            return Some(at + found);
        }
        first = first.or(Some(at + found));
        framer.pay(found);
        // A string with many fences is not looked through for ever.
        if count > 64 {
            break;
        }
    }
    if first.is_none() {
        framer.pay(text.len());
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_end_json_and_nothing_else() {
        assert_eq!(balanced(br#"{"a": "}", "b": [1, true]} x"#, 0), Ok(26));
        assert_eq!(balanced(br#"{"a": "\"}"} x"#, 0), Ok(12));
        for text in ["{'a': 1}", "{key: 1}", "{\"a\": 1", "{\"a\": \"x}"] {
            assert!(balanced(text.as_bytes(), 0).is_err(), "{text}");
        }
    }
}
