//! Why a call gave no reply.

use std::time::Duration;

use super::http::ClientError;

/// The longest that a server is waited for when it wants to be asked later: a minute is the window of most rate limits.
/// What is further away is told to the user, who need not keep a run open for it.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a call gave no reply; each message says what to do. Text of a server is cut, without control
/// characters, and never holds the key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// HTTP cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No connection: refused, or no such host.
    #[error("cannot reach {host}: {reason}; start the server or correct `base_url`")]
    Unreachable {
        /// The server.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// No connection in time.
    #[error(
        "{host} did not accept a connection in {waited:?}; check the network or raise `timeouts.connect`"
    )]
    ConnectTimeout {
        /// The server.
        host: String,
        /// How long we waited.
        waited: Duration,
    },
    /// The server says nothing: not a first byte, or none after others.
    #[error(
        "{host} sent nothing for {waited:?}; check that it is not overloaded, or raise `timeouts.{limit}`"
    )]
    Silent {
        /// The server.
        host: String,
        /// How long we waited.
        waited: Duration,
        /// The timeout that was reached: `first_byte` or `idle`.
        limit: &'static str,
    },
    /// The answer took longer than a call may.
    #[error("{host} did not finish in {waited:?}; ask for less or raise `timeouts.total`")]
    TotalTimeout {
        /// The server.
        host: String,
        /// How long the call ran.
        waited: Duration,
    },
    /// Too many requests.
    #[error(
        "{host} takes no more requests now: {excerpt}; {}",
        advice(*.retry_after, "wait, or lower the number of parallel calls")
    )]
    RateLimited {
        /// The server.
        host: String,
        /// When to come back, if it says so.
        retry_after: Option<Duration>,
        /// What it said.
        excerpt: String,
    },
    /// The server failed. A status of 200 stands for an error inside a stream.
    #[error(
        "{host} failed {}: {excerpt}; {}",
        place(*.status),
        advice(*.retry_after, "look at the server's own log")
    )]
    ServerError {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// When to come back, if it says so.
        retry_after: Option<Duration>,
        /// What it said.
        excerpt: String,
    },
    /// The server has not loaded its model yet.
    #[error(
        "{host} is loading its model ({excerpt}); it is waited for up to `timeouts.first_byte`: raise that, or look at the \
         server's own log"
    )]
    Loading {
        /// The server.
        host: String,
        /// What it said.
        excerpt: String,
    },
    /// The server refuses this request.
    #[error(
        "{host} refused the request with status {status}: {excerpt}; correct the profile or the workflow"
    )]
    Rejected {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        excerpt: String,
    },
    /// The prompt and the answer do not fit the server's window.
    #[error(
        "the prompt does not fit the window of {host}: {excerpt}; lower `window` or start the server with a larger one"
    )]
    TooLong {
        /// The server.
        host: String,
        /// The server's window in tokens, where it says so.
        window: Option<u64>,
        /// What it said.
        excerpt: String,
    },
    /// The key is missing, wrong, or may not use this model.
    #[error("{host} does not accept the key (status {status}); set the right one for this host")]
    Unauthorized {
        /// The server.
        host: String,
        /// 401 or 403.
        status: u16,
    },
    /// The server points elsewhere; that is not followed.
    #[error("{host} redirects (status {status}); set `base_url` to where the server really is")]
    Redirected {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The connection broke.
    #[error("the connection to {host} broke: {reason}; check that the server did not crash")]
    Reset {
        /// The server.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The stream ended before the answer did.
    #[error("the answer of {host} ended in the middle; check that the server did not crash")]
    CutStream {
        /// The server.
        host: String,
    },
    /// The server says itself that it broke off.
    #[error("{host} broke the answer off (`{reason}`); look at the server's own log")]
    Aborted {
        /// The server.
        host: String,
        /// Its word for why.
        reason: String,
    },
    /// What the server streams is not JSON.
    #[error("{host} streams what is not JSON: {excerpt}; check that it speaks the OpenAI dialect")]
    Malformed {
        /// The server.
        host: String,
        /// What it sent.
        excerpt: String,
    },
    /// The answer is larger than any real one.
    #[error("the answer of {host} is larger than {limit} bytes; check that the server is a model server")]
    TooLarge {
        /// The server.
        host: String,
        /// The most that is read.
        limit: usize,
    },
    /// Success with something that is no answer, such as a web page.
    #[error("{host} answers with {content}, not a model's reply; check the path in `base_url` (often `/v1`)")]
    NotJson200 {
        /// The server.
        host: String,
        /// What it sent: a content type or an excerpt.
        content: String,
    },
    /// We stopped it.
    #[error("the call was cancelled")]
    Cancelled,
}

#[cfg(test)]
impl CallError {
    /// A server of tests that wants to rest for so long.
    pub(crate) fn limited(seconds: u64) -> Self {
        Self::RateLimited {
            host: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
            excerpt: String::new(),
        }
    }
}

impl CallError {
    /// Tells whether the same call may succeed when it is made again: the transport failed or the
    /// server was busy, and not what was asked.
    pub fn retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Loading { .. }
            | Self::Silent { .. }
            | Self::Reset { .. }
            | Self::CutStream { .. }
            | Self::Aborted { .. } => true,
            // 501 says that the server cannot do this at all.
            Self::ServerError { status, .. } => *status != 501,
            Self::Client(_)
            | Self::Unreachable { .. }
            | Self::ConnectTimeout { .. }
            | Self::TotalTimeout { .. }
            | Self::Rejected { .. }
            | Self::TooLong { .. }
            | Self::Unauthorized { .. }
            | Self::Redirected { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::NotJson200 { .. }
            | Self::Cancelled => false,
        }
    }

    /// Tells whether another server may answer the same request.
    pub fn is_of_the_server(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::ConnectTimeout { .. }
            | Self::Silent { .. }
            | Self::TotalTimeout { .. }
            | Self::RateLimited { .. }
            | Self::Loading { .. }
            | Self::ServerError { .. }
            | Self::Unauthorized { .. }
            | Self::Redirected { .. }
            | Self::Reset { .. }
            | Self::CutStream { .. }
            | Self::Aborted { .. }
            | Self::Malformed { .. }
            | Self::NotJson200 { .. } => true,
            Self::Client(_)
            | Self::Rejected { .. }
            | Self::TooLong { .. }
            | Self::TooLarge { .. }
            | Self::Cancelled => false,
        }
    }

    /// Tells whether the server refused before it did any work, so that nothing was used.
    pub fn is_before_work(&self) -> bool {
        match self {
            Self::Client(_)
            | Self::Unreachable { .. }
            | Self::ConnectTimeout { .. }
            | Self::RateLimited { .. }
            | Self::Loading { .. }
            | Self::Rejected { .. }
            | Self::TooLong { .. }
            | Self::Unauthorized { .. }
            | Self::Redirected { .. } => true,
            // A status of 200 stands for an error inside a stream.
            Self::ServerError { status, .. } => *status != 200,
            Self::Silent { .. }
            | Self::TotalTimeout { .. }
            | Self::Reset { .. }
            | Self::CutStream { .. }
            | Self::Aborted { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::NotJson200 { .. }
            | Self::Cancelled => false,
        }
    }

    /// Tells whether no server could be reached, which has an exit code of its own.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::ConnectTimeout { .. })
    }

    /// Tells whether the server loads its model.
    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading { .. })
    }

    /// Tells whether the server wants to be asked again later than it is waited for.
    pub fn wants_long_rest(&self) -> bool {
        self.retry_after().is_some_and(|asked| asked > LONGEST_WAIT)
    }

    /// Returns when the server wants to be asked again, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::RateLimited { retry_after, .. } | Self::ServerError { retry_after, .. } = self {
            *retry_after
        } else {
            None
        }
    }
}

/// Where a server failed.
fn place(status: u16) -> String {
    match status {
        200 => "in the middle of its answer".to_owned(),
        status => format!("with status {status}"),
    }
}

/// What to do about a server that can't answer now.
fn advice(retry_after: Option<Duration>, otherwise: &str) -> String {
    match retry_after.filter(|asked| *asked > LONGEST_WAIT) {
        Some(asked) => format!(
            "it wants to be asked again in {}, and is waited for up to {}: run this again then",
            whole_seconds(asked),
            whole_seconds(LONGEST_WAIT)
        ),
        None => otherwise.to_owned(),
    }
}

/// A time in seconds, from one on: what it is a fraction more says nothing to anyone.
pub fn whole_seconds(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    format!("{} s", seconds.max(1))
}
