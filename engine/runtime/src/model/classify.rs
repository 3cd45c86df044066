//! Which [`CallError`] a failure is: by status, text of the server, or kind of broken connection.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::error::CallError;
use crate::settings::Profile;

/// Characters of a server's text that an error quotes: enough for its first sentences.
const EXCERPT_CHARS: usize = 300;

/// How servers say that a prompt is too long: OpenAI, llama.cpp, vLLM, LM Studio, Ollama, Anthropic.
const TOO_LONG: [&str; 9] = [
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "too many tokens",
];

/// The status of a server that can't answer now.
pub(super) const UNAVAILABLE: u16 = 503;

/// Tells whether a server says that it loads its model: llama.cpp answers 503 and `Loading model` to every question until
/// it has, and others that load when they are asked use the same word.
pub(super) fn says_loading(status: u16, body: &str) -> bool {
    status == UNAVAILABLE && body.to_ascii_lowercase().contains("loading")
}

/// Returns the start of a server's text, fit to be shown: on one line and without the key.
pub(super) fn excerpt(profile: &Profile, text: &str) -> String {
    let redacted = profile.redact(text);
    let mut words = redacted.split_whitespace().peekable();
    let mut short = String::new();
    while let Some(word) = words.next() {
        short.extend(word.chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS));
        if short.chars().count() >= EXCERPT_CHARS {
            short = short.chars().take(EXCERPT_CHARS).collect();
            short.push('…');
            break;
        }
        if words.peek().is_some() {
            short.push(' ');
        }
    }
    if short.is_empty() {
        "no explanation".to_owned()
    } else {
        short
    }
}

/// Names the failure of a response that is not a success.
pub(super) fn status(profile: &Profile, status: u16, retry_after: Option<Duration>, body: &str) -> CallError {
    let host = profile.base_url.value.host();
    let excerpt = excerpt(profile, body);
    match status {
        401 | 403 => CallError::Unauthorized { host, status },
        300..=399 => CallError::Redirected { host, status },
        429 => CallError::RateLimited {
            host,
            retry_after,
            excerpt,
        },
        // Some versions of llama.cpp answer 500 here.
        400 | 413 | 422 | 500 if says_too_long(body) => CallError::TooLong {
            host,
            window: window_in(body),
            excerpt,
        },
        _ if says_loading(status, body) => CallError::Loading { host, excerpt },
        408 | 500.. => CallError::ServerError {
            host,
            status,
            retry_after,
            excerpt,
        },
        _ => CallError::Rejected {
            host,
            status,
            excerpt,
        },
    }
}

/// Names the failure that an `error` object inside a stream tells. Without a status that we know it
/// is the server's.
pub(super) fn in_stream(profile: &Profile, code: Option<u16>, message: &str) -> CallError {
    match code.filter(|code| (400..600).contains(code)) {
        Some(code) => status(profile, code, None, message),
        None if says_too_long(message) => status(profile, 400, None, message),
        None => status(profile, 200, None, message).into_server_error(),
    }
}

impl CallError {
    /// A 200 that holds an error is the server's failure.
    fn into_server_error(self) -> Self {
        if let Self::Rejected {
            host,
            status,
            excerpt,
        } = self
        {
            return Self::ServerError {
                host,
                status,
                retry_after: None,
                excerpt,
            };
        }
        self
    }
}

fn says_too_long(body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    TOO_LONG.iter().any(|phrase| body.contains(phrase))
}

/// Finds llama.cpp's `n_ctx` in an error.
fn window_in(body: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    value.get("error")?.get("n_ctx")?.as_u64()
}

/// Names the failure of a connection before the head of a response.
pub(super) fn before_response(profile: &Profile, error: &reqwest::Error) -> CallError {
    let host = profile.base_url.value.host();
    if error.is_connect() {
        if error.is_timeout() {
            return CallError::ConnectTimeout {
                host,
                waited: profile.timeouts.connect,
            };
        }
        return CallError::Unreachable {
            host,
            reason: reason(profile, error),
        };
    }
    CallError::Reset {
        host,
        reason: reason(profile, error),
    }
}

/// Names the failure of a connection inside a response.
pub(super) fn in_body(profile: &Profile, error: &reqwest::Error) -> CallError {
    let host = profile.base_url.value.host();
    let broken = chain(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| {
            matches!(
                cause.kind(),
                std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::ConnectionAborted
                    | std::io::ErrorKind::BrokenPipe
            )
        });
    if broken {
        CallError::Reset {
            host,
            reason: reason(profile, error),
        }
    } else {
        CallError::CutStream { host }
    }
}

/// The innermost cause says most, and holds no address.
fn reason(profile: &Profile, error: &reqwest::Error) -> String {
    let innermost = chain(error).last().map(ToString::to_string).unwrap_or_default();
    excerpt(profile, &innermost)
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Reads `Retry-After`: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    Some(http_date(value)?.saturating_sub(now))
}

/// Reads a date as HTTP writes it today (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
/// Returns the time since 1970.
fn http_date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = text.split_once(", ")?;
    let mut parts = date.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let in_range = (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60;
    if parts.next() != Some("GMT") || !in_range || second > 60 {
        return None;
    }
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March, so that
    // a leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(Duration::from_secs(
        u64::try_from(days).ok()? * 86_400 + hour * 3_600 + minute * 60 + second,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{ApiKey, Origin, ServerUrl, Sourced};

    fn profile() -> Profile {
        let url = ServerUrl::parse("http://127.0.0.1:1").unwrap();
        let mut profile = Profile::new("p", Sourced::built_in(url.clone()), None);
        profile.api_key = Some(ApiKey::new("sk-secret".into(), url, Origin::BuiltIn, None));
        profile
    }

    #[test]
    fn dates_are_read_as_http_writes_them() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("soon", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(http_date(text).map(|time| time.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str, now: u64| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, UNIX_EPOCH + Duration::from_secs(now)).map(|time| time.as_secs())
        };
        assert_eq!(read("7", 0), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", 800_000_000), Some(0));
        assert_eq!(read("-1", 0), None);
    }

    #[test]
    fn statuses_have_names() {
        let profile = profile();
        let named = |code, body: &str| status(&profile, code, None, body);
        assert!(matches!(named(401, ""), CallError::Unauthorized { .. }));
        assert!(matches!(named(302, ""), CallError::Redirected { .. }));
        assert!(matches!(
            named(404, "model not found"),
            CallError::Rejected { status: 404, .. }
        ));
        assert!(matches!(
            named(400, "bad temperature"),
            CallError::Rejected { .. }
        ));
        let llama = r#"{"error":{"code":400,"type":"exceed_context_size_error","n_ctx":4096}}"#;
        assert!(matches!(
            named(400, llama),
            CallError::TooLong {
                window: Some(4096),
                ..
            }
        ));
        assert!(matches!(
            named(500, "exceeds the available context size"),
            CallError::TooLong { .. }
        ));
        assert!(matches!(named(503, "busy"), CallError::ServerError { .. }));
        let loading = r#"{"error":{"code":503,"message":"Loading model"}}"#;
        assert!(matches!(named(503, loading), CallError::Loading { .. }));
        assert!(matches!(named(500, loading), CallError::ServerError { .. }));
        assert!(!named(501, "").retryable());
        assert!(matches!(
            in_stream(&profile, Some(429), "x"),
            CallError::RateLimited { .. }
        ));
        assert!(matches!(
            in_stream(&profile, Some(7), "x"),
            CallError::ServerError { status: 200, .. }
        ));
        assert!(matches!(
            in_stream(&profile, None, "maximum context length"),
            CallError::TooLong { .. }
        ));
    }

    #[test]
    fn excerpts_are_short_plain_and_without_the_key() {
        let long = format!("\u{1b}[31mno\n\tsk-secret {}", "x".repeat(10_000));
        let excerpt = excerpt(&profile(), &long);
        assert!(excerpt.starts_with("[31mno [key] xxx"), "{excerpt}");
        assert_eq!(excerpt.chars().count(), EXCERPT_CHARS + 1);
        assert_eq!(super::excerpt(&profile(), " \n"), "no explanation");
    }
}
