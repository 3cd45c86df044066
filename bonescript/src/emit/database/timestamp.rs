//! Instants that a program writes down, in the one form in which they are kept: RFC 3339 with milliseconds and `Z`.

/// `2026-01-31T13:00:00+01:00` to `2026-01-31T12:00:00.000Z`; none where there is no such day or time, or where it falls
/// outside of the years that have four digits.
pub(super) fn normalized(text: &str) -> Option<String> {
    let (date, rest) = text.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let clock_end = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(clock_end)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let millisecond = digits(&format!("{fraction:0<3}").chars().take(3).collect::<String>())?;
    let exists = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !exists {
        return None;
    }
    let minutes = (days_from_epoch(year, month, day) * 24 + hour) * 60 + minute - offset(zone)?;
    let (year, month, day) = date_of(minutes.div_euclid(24 * 60));
    let in_day = minutes.rem_euclid(24 * 60);
    (0..=9999).contains(&year).then(|| {
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{second:02}.{millisecond:03}Z",
            in_day / 60,
            in_day % 60
        )
    })
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The minutes that a zone is ahead.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':').unwrap_or((zone.get(1..)?, "0"));
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01, with years that begin in March: then the day that comes and goes is the last of its year.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The other way round.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_get_one_form() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00.000Z")),
            ("2026-01-31T13:30:00.25+01:30", Some("2026-01-31T12:00:00.250Z")),
            ("2024-02-29T23:59:59.9999-01:00", Some("2024-03-01T00:59:59.999Z")),
            ("1969-12-31T23:00:00-01:00", Some("1970-01-01T00:00:00.000Z")),
            ("2000-03-01T00:30:00+01:00", Some("2000-02-29T23:30:00.000Z")),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("0000-01-01T00:00:00+01:00", None),
            ("2026-01-01T00:00:00", None),
            ("x", None),
        ] {
            assert_eq!(normalized(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn days_go_there_and_back() {
        for days in (-800_000..3_000_000).step_by(997) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_from_epoch(year, month, day), days);
        }
    }
}
