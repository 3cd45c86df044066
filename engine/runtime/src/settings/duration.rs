//! Durations as people write them: `500ms`, `10s`, `5m`, `2h`.

use std::time::Duration;

/// Reads a duration: plain decimal digits and one of `ms`, `s`, `m`, `h`.
///
/// ```
/// use smallcode_runtime::settings::parse_duration;
///
/// assert_eq!(parse_duration("5m").map(|time| time.as_secs()), Some(300));
/// assert_eq!(parse_duration("5 minutes"), None);
/// ```
pub fn parse_duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(amount)),
        "s" => Some(Duration::from_secs(amount)),
        "m" => amount.checked_mul(60).map(Duration::from_secs),
        "h" => amount.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}
