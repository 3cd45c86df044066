//! The address of a model server.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The base address of an OpenAI-compatible server, such as `http://127.0.0.1:11434/v1`.
///
/// It is `http` or `https`, and carries no user, password, query or fragment, so it can be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// Why a text is no base address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// Not a URL at all.
    #[error("`{text}` is not a URL; write it like `http://127.0.0.1:8080/v1`")]
    NotUrl {
        /// What was given.
        text: String,
    },
    /// Another scheme.
    #[error("`{scheme}` is not `http` or `https`; write it like `http://127.0.0.1:8080/v1`")]
    Scheme {
        /// The scheme that was given.
        scheme: String,
    },
    /// A user or password in front of the host. The text is not repeated: it is a secret.
    #[error("a URL with a user or password is refused; put the key in `SMALLCODE_API_KEY`")]
    Credentials,
    /// A query or fragment.
    #[error("a base URL has no `?` or `#`; remove that part")]
    Query,
}

impl ServerUrl {
    /// Reads a base address. Where it has no path, `/v1` is added: every server that speaks this
    /// dialect has its routes there, and leaving it out is the most common mistake.
    ///
    /// # Errors
    ///
    /// When the text is not an `http` or `https` address, or holds more than an address.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let text = text.trim();
        let mut url = Url::parse(text).map_err(|_| not_url(text))?;
        if !matches!(url.scheme(), "http" | "https") {
            // `localhost:8080` parses as the scheme `localhost`.
            return if text.contains("://") {
                Err(ServerUrlError::Scheme {
                    scheme: url.scheme().to_owned(),
                })
            } else {
                Err(not_url(text))
            };
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ServerUrlError::Query);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(if path.is_empty() { "/v1" } else { &path });
        Ok(Self(url))
    }

    /// Returns the address of a route below the base, such as `chat/completions`.
    #[must_use]
    pub fn route(&self, route: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{route}", self.0.path().trim_end_matches('/')));
        url
    }

    /// Returns the address of a route at the server's root, such as `props`: what is not part of
    /// the OpenAI dialect lives outside `/v1`.
    #[must_use]
    pub fn root_route(&self, route: &str) -> Url {
        let mut url = self.0.clone();
        let path = self.0.path().trim_end_matches('/');
        let root = path.strip_suffix("/v1").unwrap_or(path);
        url.set_path(&format!("{root}/{route}"));
        url
    }

    /// Returns host and port, such as `127.0.0.1:8080`: what a key is bound to and what is shown.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Tells whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || address.is_unspecified();
        }
        let host = host.trim_end_matches('.');
        host == "localhost" || host.ends_with(".localhost")
    }

    /// Tells whether what is sent can be read on the way: plain `http` to another machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// Tells whether both are the same server: scheme, host and port.
    pub fn same_server(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }
}

/// The text is cut, and kept out where it may hold a password.
fn not_url(text: &str) -> ServerUrlError {
    if text.contains('@') {
        return ServerUrlError::Credentials;
    }
    ServerUrlError::NotUrl {
        text: text.chars().take(80).collect(),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}
