//! What a word without quotes says: a literal, a number in any usual spelling, or text.

use std::borrow::Cow;

/// A scalar without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'s> {
    Null,
    Bool(bool),
    /// A number, as a literal of JSON's grammar.
    Number(Cow<'s, str>),
    Text,
}

/// What `text` says when it is read as a scalar of JSON, Python or JavaScript; and whether it was JSON's own spelling.
pub(crate) fn scalar(text: &str) -> (Scalar<'_>, bool) {
    match text {
        "null" => return (Scalar::Null, true),
        "true" => return (Scalar::Bool(true), true),
        "false" => return (Scalar::Bool(false), true),
        _ => {}
    }
    if text.len() <= 9 {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("null") || is("none") || text == "undefined" || text == "nil" {
            return (Scalar::Null, false);
        }
        if is("true") {
            return (Scalar::Bool(true), false);
        }
        if is("false") {
            return (Scalar::Bool(false), false);
        }
    }
    match number(text) {
        Some(Cow::Borrowed(same)) => (Scalar::Number(Cow::Borrowed(same)), true),
        Some(other) => (Scalar::Number(other), false),
        None => (Scalar::Text, true),
    }
}

/// Whether a double can hold a number of JSON's grammar.
pub(crate) fn is_finite(literal: &str) -> bool {
    /// No shorter number without an exponent is too large.
    const ALWAYS: usize = 300;
    (literal.len() < ALWAYS && !literal.bytes().any(|byte| matches!(byte, b'e' | b'E')))
        || literal.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `text` as a number of JSON's grammar: `.5`, `2.`, `+1`, `1_000` and an unfinished exponent are put right.
///
/// Leading zeros are left alone: what starts with them (a zip code, a phone number) is text.
pub(crate) fn number(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    // Longer than any 64-bit integer or double prints: no number.
    if bytes.is_empty() || bytes.len() > 400 {
        return None;
    }
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let digits = |mut at: usize| {
        while byte(at).is_ascii_digit() || (byte(at) == b'_' && byte(at + 1).is_ascii_digit()) {
            at += 1;
        }
        at
    };
    let signed = usize::from(matches!(byte(0), b'-' | b'+'));
    let whole = digits(signed);
    let mut at = whole;
    let mut fraction = whole;
    if byte(at) == b'.' {
        fraction = digits(at + 1);
        at = fraction;
    }
    if whole == signed && fraction <= whole + 1 {
        return None;
    }
    if byte(signed) == b'_' || (byte(signed) == b'0' && whole > signed + 1) {
        return None;
    }
    let mantissa = at;
    if matches!(byte(at), b'e' | b'E') {
        let sign = at + 1 + usize::from(matches!(byte(at + 1), b'+' | b'-'));
        at = digits(sign);
    }
    if at != bytes.len() {
        return None;
    }
    let exponent = text.get(mantissa..).unwrap_or_default();
    let unfinished = exponent.bytes().last().is_some_and(|last| !last.is_ascii_digit());
    let clean = byte(0) != b'+'
        && whole > signed
        && (fraction == whole || fraction > whole + 1)
        && !unfinished
        && !bytes.contains(&b'_');
    if clean {
        return Some(Cow::Borrowed(text));
    }
    let mut literal = String::with_capacity(text.len() + 2);
    if byte(0) == b'-' {
        literal.push('-');
    }
    let plain = |part: &str| part.replace('_', "");
    let before = plain(text.get(signed..whole).unwrap_or_default());
    literal.push_str(if before.is_empty() { "0" } else { &before });
    let after = plain(text.get(whole..mantissa).unwrap_or_default());
    if after.starts_with('.') {
        literal.push_str(if after.len() > 1 { &after } else { ".0" });
    } else if unfinished {
        // `2e` was going to be a double.
        literal.push_str(".0");
    }
    if !unfinished {
        literal.push_str(&plain(exponent));
    }
    Some(Cow::Owned(literal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_put_right() {
        for (written, literal) in [
            ("1", Some("1")),
            ("-1.5e3", Some("-1.5e3")),
            (".25", Some("0.25")),
            ("2.", Some("2.0")),
            ("+7", Some("7")),
            ("1_234.5_6", Some("1234.56")),
            ("2e", Some("2.0")),
            ("2e+", Some("2.0")),
            ("1e1_0", Some("1e10")),
            ("_000", None),
            ("007", None),
            ("1.2.3", None),
            ("1/3", None),
            ("-", None),
            (".", None),
            ("e5", None),
            ("", None),
        ] {
            assert_eq!(number(written).as_deref(), literal, "{written}");
        }
    }

    #[test]
    fn literals_of_other_languages_are_known() {
        for (written, scalar_, own) in [
            ("None", Scalar::Null, false),
            ("True", Scalar::Bool(true), false),
            ("FALSE", Scalar::Bool(false), false),
            ("null", Scalar::Null, true),
            ("nullable", Scalar::Text, true),
        ] {
            assert_eq!(scalar(written), (scalar_, own), "{written}");
        }
    }
}
