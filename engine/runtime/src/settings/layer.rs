//! One layer of settings: what one source says of each profile.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;
use secrecy::SecretString;
use smallcode_core::price::Price;

use super::origin::{Origin, Sourced};
use super::problem::{Note, Problem, nearest};
use super::provider::Provider;
use super::server_url::ServerUrl;
use super::{DEFAULT_PROFILE, escalate};

/// Which source a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Workspace,
    Dotenv,
    Environment,
    Flags,
}

impl Kind {
    /// Tells whether whoever wrote the workspace chose these values, and not the user.
    pub(super) fn is_of_workspace(self) -> bool {
        matches!(self, Self::Workspace | Self::Dotenv)
    }
}

/// Where a key is to be found.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    /// In the layer itself; the variable that held it, if one did.
    Given(SecretString, Option<String>),
    /// In a variable of this name.
    Variable(String),
}

/// What a layer says of one profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Partial {
    pub(super) provider: Option<Sourced<Provider>>,
    pub(super) base_url: Option<Sourced<ServerUrl>>,
    /// Further servers with the same model.
    pub(super) others: Vec<Sourced<ServerUrl>>,
    pub(super) model: Option<Sourced<String>>,
    pub(super) api_key: Option<Sourced<KeySource>>,
    pub(super) window: Option<Sourced<u64>>,
    pub(super) max_output: Option<Sourced<u64>>,
    pub(super) temperature: Option<Sourced<f64>>,
    pub(super) top_p: Option<Sourced<f64>>,
    pub(super) seed: Option<Sourced<u64>>,
    pub(super) slots: Option<Sourced<u64>>,
    pub(super) price: Option<Sourced<Price>>,
    pub(super) connect: Option<Duration>,
    pub(super) first_byte: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) total: Option<Duration>,
}

impl Partial {
    /// The server that this layer names: by its address, or by whose it is.
    pub(super) fn server(&self) -> Option<Sourced<ServerUrl>> {
        self.base_url.clone().or_else(|| {
            let provider = self.provider.as_ref()?;
            Some(Sourced::new(provider.value.base_url()?, provider.origin.clone()))
        })
    }
}

/// What one source says.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    pub(super) profiles: BTreeMap<String, Partial>,
    pub(super) escalate: escalate::Partial,
}

impl Layer {
    /// Tells whether a key stands in the source itself.
    pub(super) fn holds_key(&self) -> bool {
        self.profiles.values().any(|partial| {
            matches!(
                &partial.api_key,
                Some(Sourced {
                    value: KeySource::Given(..),
                    ..
                })
            )
        })
    }
}

/// The smallest window that makes sense: a prompt of a few lines and an answer.
pub(super) const SMALLEST_WINDOW: u64 = 256;
/// The largest window that is believed; the longest on offer is 10,000,000.
pub(super) const LARGEST_WINDOW: u64 = 16_777_216;

const MODEL: &str = "SMALLCODE_MODEL";
const BASE_URL: &str = "SMALLCODE_BASE_URL";
const API_KEY: &str = "SMALLCODE_API_KEY";
const WINDOW: &str = "SMALLCODE_WINDOW";

/// The variables that define the profile `default`.
const VARIABLES: [&str; 4] = [MODEL, BASE_URL, API_KEY, WINDOW];

/// Reads the variables that define the profile `default`. An empty value counts as not set.
pub(super) fn from_variables(
    kind: Kind,
    values: &BTreeMap<String, String>,
    origin: impl Fn(&str) -> Origin,
    problems: &mut Vec<Problem>,
) -> Layer {
    let value = |name: &str| {
        values
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    let mut partial = Partial::default();
    if let Some(text) = value(MODEL) {
        partial.model = Some(Sourced::new(text.to_owned(), origin(MODEL)));
    }
    if let Some(text) = value(BASE_URL) {
        match ServerUrl::parse(text) {
            Ok(url) => partial.base_url = Some(Sourced::new(url, origin(BASE_URL))),
            Err(error) => problems.push(Problem::at_origin(&origin(BASE_URL), error.to_string())),
        }
    }
    if let Some(text) = value(API_KEY) {
        let key = KeySource::Given(SecretString::from(text), Some(API_KEY.to_owned()));
        partial.api_key = Some(Sourced::new(key, origin(API_KEY)));
    }
    if let Some(text) = value(WINDOW) {
        match text
            .parse()
            .ok()
            .filter(|window| (SMALLEST_WINDOW..=LARGEST_WINDOW).contains(window))
        {
            Some(window) => partial.window = Some(Sourced::new(window, origin(WINDOW))),
            None => problems.push(Problem::at_origin(
                &origin(WINDOW),
                format!("a window is {SMALLEST_WINDOW} to {LARGEST_WINDOW} tokens, in plain digits"),
            )),
        }
    }
    let mut profiles = BTreeMap::new();
    if VARIABLES.iter().any(|name| value(name).is_some()) {
        profiles.insert(DEFAULT_PROFILE.to_owned(), partial);
    }
    Layer {
        kind,
        profiles,
        escalate: escalate::Partial::default(),
    }
}

/// Returns a note for each variable of ours in a `.env` that means nothing.
pub(super) fn unknown_variables(file: &Utf8Path, values: &BTreeMap<String, String>) -> Vec<Note> {
    let unknown = |name: &&String| name.starts_with("SMALLCODE_") && !VARIABLES.contains(&name.as_str());
    values
        .keys()
        .filter(unknown)
        .map(|name| Note::UnknownVariable {
            file: file.to_owned(),
            variable: name.clone(),
            near: nearest(name, VARIABLES),
        })
        .collect()
}
