//! A server, a model, and what is known of them.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use smallcode_core::price::Price;

use super::origin::{Origin, Sourced};
use super::provider::Provider;
use super::server_url::ServerUrl;
use super::trust::Trust;
use crate::model::Dialect;

/// How long to wait, for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection. 10 s: a machine that is there answers in far less, also over a slow link.
    pub connect: Duration,
    /// For the first byte of an answer. 5 min: a small machine loads a model of 5 GB from disk and
    /// reads a prompt of 8,000 tokens at 40 tokens a second before it says anything.
    pub first_byte: Duration,
    /// Between bytes after that. 60 s: twice the interval at which llama.cpp sends a sign of life.
    pub idle: Duration,
    /// For the whole call. 30 min: 8,000 tokens at 5 tokens a second.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(1_800),
        }
    }
}

/// A key, and the one server that it may be sent to.
///
/// It has no `Display`, and its `Debug` hides the key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    secret: SecretString,
    server: ServerUrl,
    origin: Origin,
    /// The variable that holds the key, where it is in one.
    variable: Option<String>,
}

impl ApiKey {
    /// Binds a key to a server.
    pub fn new(secret: SecretString, server: ServerUrl, origin: Origin, variable: Option<String>) -> Self {
        Self {
            secret,
            server,
            origin,
            variable,
        }
    }

    /// Returns the key for a request to a server; nothing when it belongs to another one.
    pub fn expose_to(&self, server: &ServerUrl) -> Option<&str> {
        self.server
            .same_server(server)
            .then(|| self.secret.expose_secret())
    }

    /// Returns the variable that holds the key, where it is in one.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    /// Returns where the key came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Replaces the key in a text that a server sent back.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let secret = self.secret.expose_secret();
        if secret.is_empty() {
            text.to_owned()
        } else {
            text.replace(secret, "[key]")
        }
    }
}

/// A server, a model, and what is known of them.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name in the settings.
    pub name: String,
    /// The server.
    pub base_url: Sourced<ServerUrl>,
    /// Further servers with the same model: calls go to whichever is free and well.
    pub others: Vec<Sourced<ServerUrl>>,
    /// Whose server it is, where it is that of a provider of hosted models, or a way to one.
    pub provider: Option<Provider>,
    /// What it speaks.
    pub dialect: Dialect,
    /// The model's name on that server; without one the server chooses, if it can.
    pub model: Option<Sourced<String>>,
    /// The key, already bound to the server.
    pub api_key: Option<ApiKey>,
    /// Tokens that the model can see; without it the server is asked.
    pub window: Option<Sourced<u64>>,
    /// Tokens of an answer at most.
    pub max_output: Option<Sourced<u64>>,
    /// Sampling temperature.
    pub temperature: Sourced<f64>,
    /// Nucleus sampling.
    pub top_p: Sourced<f64>,
    /// The seed of sampling.
    pub seed: Sourced<u64>,
    /// Calls at the same time; without it the server is asked.
    pub slots: Option<Sourced<u64>>,
    /// What tokens cost, where anybody says.
    pub price: Option<Sourced<Price>>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl Profile {
    /// A profile for a server and a model, with built-in values for the rest.
    ///
    /// Low randomness (0.2) suits code and extraction and still lets a second attempt differ, where
    /// 0 makes small models repeat themselves.
    pub fn new(
        name: impl Into<String>,
        base_url: Sourced<ServerUrl>,
        model: Option<Sourced<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            base_url,
            others: Vec::new(),
            provider: None,
            dialect: Dialect::OpenAi,
            model,
            api_key: None,
            window: None,
            max_output: None,
            temperature: Sourced::built_in(0.2),
            top_p: Sourced::built_in(0.95),
            seed: Sourced::built_in(0),
            slots: None,
            price: None,
            timeouts: Timeouts::default(),
        }
    }

    /// Returns the model's name, empty when the server chooses.
    pub fn model_name(&self) -> &str {
        self.model.as_ref().map_or("", |model| model.value.as_str())
    }

    /// Returns the key, if there is one for this server.
    pub fn key(&self) -> Option<&str> {
        self.api_key.as_ref()?.expose_to(&self.base_url.value)
    }

    /// Tells whether what is asked of it leaves this machine, be it by way of a gateway on it.
    pub fn leaves_machine(&self) -> bool {
        self.provider.is_some() || !self.base_url.value.is_loopback()
    }

    /// Returns the same profile at another of its servers. A key stays with the server that it is for.
    #[must_use]
    pub fn at(&self, server: &Sourced<ServerUrl>) -> Self {
        Self {
            base_url: server.clone(),
            others: Vec::new(),
            ..self.clone()
        }
    }

    /// Replaces the key in a text.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.api_key
            .as_ref()
            .map_or_else(|| text.to_owned(), |key| key.redact(text))
    }

    /// Returns what the user must confirm once before anything is sent: a file of the workspace,
    /// not the user, chose a server on another machine.
    pub fn needs_trust(&self) -> Option<Trust> {
        let servers = std::iter::once(&self.base_url).chain(&self.others);
        let mut chosen = servers.filter_map(|server| {
            let away = self.provider.is_some() || !server.value.is_loopback();
            Some((
                server.origin.workspace_file().filter(|_| away)?,
                server.value.host(),
            ))
        });
        let (file, first) = chosen.next()?;
        let mut hosts = vec![first];
        hosts.extend(chosen.map(|(_, host)| host));
        let key = self.api_key.as_ref().map(|key| match &key.variable {
            Some(variable) => variable.clone(),
            None => key.origin.to_string(),
        });
        Some(Trust {
            file: file.clone(),
            host: hosts.join(", "),
            key,
        })
    }
}
