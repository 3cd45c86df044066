//! Layers laid over one another: the strongest that says something wins, key by key.

use secrecy::{ExposeSecret, SecretString};

use super::layer::{KeySource, Kind, Partial};
use super::origin::Sourced;
use super::problem::{Note, ProfileError, nearest};
use super::profile::{ApiKey, Profile, Timeouts};
use super::server_url::ServerUrl;
use super::{DEFAULT_PROFILE, Selected, Settings};

/// Builds a profile from all layers.
pub(super) fn profile(settings: &Settings, wanted: &str) -> Result<Selected, ProfileError> {
    let mut notes = Vec::new();
    let names = settings.profile_names();
    let name = if names.contains(wanted) {
        wanted
    } else if names.contains(DEFAULT_PROFILE) {
        let near = nearest(
            wanted,
            names.iter().copied().filter(|name| *name != DEFAULT_PROFILE),
        );
        notes.push(Note::ServedByDefault {
            name: wanted.to_owned(),
            near,
        });
        DEFAULT_PROFILE
    } else {
        return Err(ProfileError::NothingConfigured {
            name: wanted.to_owned(),
        });
    };

    let stack = Stack { settings, name };
    let Some(base_url) = stack.strongest(|partial| partial.base_url.clone()) else {
        return Err(ProfileError::NoServer {
            name: name.to_owned(),
        });
    };
    let mut profile = Profile::new(name, base_url, stack.strongest(|partial| partial.model.clone()));
    profile.window = stack.strongest(|partial| partial.window.clone());
    profile.max_output = stack.strongest(|partial| partial.max_output.clone());
    profile.slots = stack.strongest(|partial| partial.slots.clone());
    if let Some(temperature) = stack.strongest(|partial| partial.temperature.clone()) {
        profile.temperature = temperature;
    }
    if let Some(top_p) = stack.strongest(|partial| partial.top_p.clone()) {
        profile.top_p = top_p;
    }
    if let Some(seed) = stack.strongest(|partial| partial.seed.clone()) {
        profile.seed = seed;
    }
    let usual = Timeouts::default();
    profile.timeouts = Timeouts {
        connect: stack
            .strongest(|partial| partial.connect)
            .unwrap_or(usual.connect),
        first_byte: stack
            .strongest(|partial| partial.first_byte)
            .unwrap_or(usual.first_byte),
        idle: stack.strongest(|partial| partial.idle).unwrap_or(usual.idle),
        total: stack.strongest(|partial| partial.total).unwrap_or(usual.total),
    };
    profile.api_key = stack.key(&profile.base_url.value, &mut notes)?;
    note_keys(settings, &profile, &mut notes);
    Ok(Selected { profile, notes })
}

fn note_keys(settings: &Settings, profile: &Profile, notes: &mut Vec<Note>) {
    let server = &profile.base_url.value;
    if profile.api_key.is_some() {
        if server.is_readable_on_the_way() {
            notes.push(Note::KeyInPlainText {
                server: server.host(),
            });
        }
    } else if !server.is_loopback() && settings.environment.contains_key("OPENAI_API_KEY") {
        notes.push(Note::AmbientKeyNotSent {
            server: server.host(),
        });
    }
}

/// What the layers say of one profile.
struct Stack<'a> {
    settings: &'a Settings,
    name: &'a str,
}

impl<'a> Stack<'a> {
    /// Strongest first.
    fn partials(&self) -> impl Iterator<Item = (Kind, &'a Partial)> + use<'a> {
        let name = self.name;
        self.settings
            .layers
            .iter()
            .rev()
            .filter_map(move |layer| layer.profiles.get(name).map(|partial| (layer.kind, partial)))
    }

    fn strongest<T>(&self, value: impl Fn(&Partial) -> Option<T>) -> Option<T> {
        self.partials().find_map(|(_, partial)| value(partial))
    }

    /// Returns the strongest key that belongs to the server.
    fn key(&self, server: &ServerUrl, notes: &mut Vec<Note>) -> Result<Option<ApiKey>, ProfileError> {
        for (kind, partial) in self.partials() {
            let Some(source) = &partial.api_key else { continue };
            let belongs_to = self.server_of_key(kind, partial).unwrap_or(server);
            if !belongs_to.same_server(server) {
                notes.push(Note::KeyNotSent {
                    key: source.origin.clone(),
                    belongs_to: belongs_to.host(),
                    server: server.host(),
                });
                continue;
            }
            let (secret, variable) = self.find(kind, source)?;
            if !secret.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ProfileError::BadKey {
                    name: self.name.to_owned(),
                    place: source.origin.clone(),
                });
            }
            return Ok(Some(ApiKey::new(
                secret,
                server.clone(),
                source.origin.clone(),
                variable,
            )));
        }
        Ok(None)
    }

    /// Returns the server that a key was configured for: the one named beside it, else the one that
    /// the same hand (the user's or the workspace's) names, else nothing: then it is for whatever
    /// server is used, which the user confirms when the workspace chose it.
    fn server_of_key(&self, kind: Kind, partial: &'a Partial) -> Option<&'a ServerUrl> {
        if let Some(beside) = &partial.base_url {
            return Some(&beside.value);
        }
        self.partials()
            .filter(|(other, _)| other.is_of_workspace() == kind.is_of_workspace())
            .find_map(|(_, other)| other.base_url.as_ref())
            .map(|base_url| &base_url.value)
    }

    fn find(
        &self,
        kind: Kind,
        source: &Sourced<KeySource>,
    ) -> Result<(SecretString, Option<String>), ProfileError> {
        let variable = match &source.value {
            KeySource::Given(secret, variable) => return Ok((secret.clone(), variable.clone())),
            KeySource::Variable(variable) => variable,
        };
        let of_workspace = || {
            self.settings
                .dotenv
                .get(variable)
                .filter(|_| kind.is_of_workspace())
        };
        match self
            .settings
            .environment
            .get(variable)
            .or_else(of_workspace)
            .map(|value| value.trim())
        {
            Some(value) if !value.is_empty() => Ok((SecretString::from(value), Some(variable.clone()))),
            _ => Err(ProfileError::MissingKey {
                name: self.name.to_owned(),
                variable: variable.clone(),
                place: source.origin.clone(),
            }),
        }
    }
}
