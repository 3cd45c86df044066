//! Halves of characters in JSON.
//!
//! JSON writes a character beyond U+FFFF, such as an emoji, as two escapes. A server that counts characters in such halves
//! cuts its text between them, and then neither of two events is JSON. What belongs together is joined; a half that has
//! no other becomes U+FFFD, the character for what can't be read.

/// What stands for a half without its other.
const UNREADABLE: &str = "\\ufffd";

/// Puts right an event whose strings begin or end with half a character, and gives it where anything was wrong. The half
/// at its end is kept for the next event; where there is none, it is one without its other.
pub(in crate::model) fn joined(event: &str, mut half: Option<&mut Option<u16>>) -> Option<String> {
    let before = half.as_mut().and_then(|half| half.take());
    let (mut next, mut is_used) = (None, false);
    let mut text = String::new();
    let (mut copied, mut at, mut quote) = (0, 0, None);
    while let Some(&byte) = event.as_bytes().get(at) {
        match byte {
            b'"' => quote = Some(at),
            b'\\' => {
                let Some(code) = escaped(event, at) else {
                    // The character behind it is no quote.
                    at += 2;
                    continue;
                };
                let end = at + ESCAPE;
                let put = match code {
                    0xd800..=0xdbff if escaped(event, end).is_some_and(is_low) => {
                        at = end + ESCAPE;
                        continue;
                    }
                    0xd800..=0xdbff if half.is_some() && event.as_bytes().get(end) == Some(&b'"') => {
                        next = Some(code);
                        String::new()
                    }
                    low if is_low(low) && at.checked_sub(1) == quote && before.is_some() => {
                        is_used = true;
                        let high = before.unwrap_or_default();
                        format!("\\u{high:04x}\\u{low:04x}")
                    }
                    0xd800..=0xdfff => UNREADABLE.to_owned(),
                    _ => {
                        at = end;
                        continue;
                    }
                };
                text.push_str(event.get(copied..at).unwrap_or_default());
                text.push_str(&put);
                (copied, at) = (end, end);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(half) = half {
        *half = next.or(before.filter(|_| !is_used));
    }
    (copied > 0).then(|| text + event.get(copied..).unwrap_or_default())
}

/// The bytes of an escape: `\ud83d`.
const ESCAPE: usize = 6;

/// The code of the escape at this place.
fn escaped(event: &str, at: usize) -> Option<u16> {
    let digits = event.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    // A sign is no digit.
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

fn is_low(code: u16) -> bool {
    (0xdc00..=0xdfff).contains(&code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The texts that a stream of strings says.
    fn said(events: &[&str]) -> Vec<String> {
        let mut half = None;
        let texts = events.iter().map(|event| {
            let joined = joined(event, Some(&mut half));
            let text = joined.as_deref().unwrap_or(event);
            serde_json::from_str::<String>(text).unwrap_or_else(|error| panic!("{text}: {error}"))
        });
        texts.collect()
    }

    #[test]
    fn halves_of_a_character_find_each_other() {
        assert_eq!(said(&[r#""a\ud83d""#, r#""\ude00b""#]), ["a", "😀b"]);
        // Something may come in between, and each may be the half of another.
        assert_eq!(
            said(&[r#""\uD83D""#, r#""""#, r#""\uDE00\ud83d""#, r#""\ude01""#]),
            ["", "", "😀", "😁"]
        );
        assert_eq!(said(&[r#""\ud83d\ude00""#]), ["😀"]);
        for (alone, text) in [
            (r#""\ude00""#, "\u{fffd}"),
            (r#""\ud83d x""#, "\u{fffd} x"),
            (r#""x\ude00""#, "x\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        ] {
            assert_eq!(said(&[alone]), [text], "{alone}");
        }
        assert_eq!(joined(r#"{"a":"\ud83d"}"#, None).unwrap(), r#"{"a":"\ufffd"}"#);
    }

    #[test]
    fn what_is_right_stays_as_it_is() {
        for event in [
            r#"{"a":"\\ud83d","b":"\"\\\\\u00e9\n"}"#,
            r#""\u+123""#,
            "\\",
            "\\u",
            "{not json \\ud8",
            "é\\é",
            "",
        ] {
            assert_eq!(joined(event, Some(&mut None)), None, "{event}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_wherever_it_is_cut(text in "[a\"\\\\é😀]{0,6}", cut in 0_usize..12) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let (left, right) = units.split_at(cut.min(units.len()));
            let json = |units: &[u16]| {
                let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                format!("{{\"x\":1,\"a\":\"{}\"}}", escapes.concat())
            };
            let mut half = None;
            let mut said = String::new();
            for event in [json(left), json(right)] {
                let event = joined(&event, Some(&mut half)).unwrap_or(event);
                let value: Value = serde_json::from_str(&event).unwrap();
                said.push_str(value["a"].as_str().unwrap());
            }
            prop_assert_eq!(said, text);
        }

        #[test]
        fn any_text_is_survived(text in "[\\\\ud8fc0\"é]{0,30}") {
            let _ = joined(&text, Some(&mut Some(0xd83d)));
        }
    }
}
