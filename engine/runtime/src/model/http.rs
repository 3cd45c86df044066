//! The only place that builds HTTP clients.

use std::collections::BTreeMap;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use crate::settings::Profile;

/// Connections to model servers, shared by all calls of a process.
///
/// Loopback servers are never reached through a proxy, redirects are not followed (they would carry
/// the prompt to a place that nobody named), and bodies are not decompressed.
#[derive(Debug, Default)]
pub struct Client {
    /// By connect timeout and whether the server is on loopback: both belong to the client.
    clients: Mutex<BTreeMap<(Duration, bool), reqwest::Client>>,
}

/// Why no connection can be made at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot set up HTTP: {reason}; check the proxy variables and the system's certificates")]
pub struct ClientError {
    reason: String,
}

impl Client {
    /// No connection is made before the first call.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn for_profile(&self, profile: &Profile) -> Result<reqwest::Client, ClientError> {
        self.get(profile.timeouts.connect, profile.base_url.value.is_loopback())
    }

    pub(super) fn get(&self, connect: Duration, loopback: bool) -> Result<reqwest::Client, ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(connect, loopback)) {
            return Ok(client.clone());
        }
        let client = build(connect, loopback)?;
        clients.insert((connect, loopback), client.clone());
        Ok(client)
    }
}

/// Timeouts other than connecting are kept by the call: they depend on what has arrived.
fn build(connect: Duration, loopback: bool) -> Result<reqwest::Client, ClientError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only when the process has one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = reqwest::Client::builder()
        .user_agent(concat!("smallcode/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none());
    let builder = if loopback { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| ClientError {
        reason: error.to_string(),
    })
}
