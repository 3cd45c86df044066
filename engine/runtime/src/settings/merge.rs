//! Layers laid over one another: the strongest that says something wins, key by key.

use secrecy::{ExposeSecret, SecretString};

use super::layer::{KeySource, Kind, Partial};
use super::origin::{Origin, Sourced};
use super::problem::{Note, ProfileError, nearest};
use super::profile::{ApiKey, Profile, Timeouts};
use super::provider::{HOSTED_ANSWER, Provider};
use super::server_url::ServerUrl;
use super::{DEFAULT_PROFILE, Selected, Settings};
use crate::model::Dialect;

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
    let Some(base_url) = stack.strongest(Partial::server) else {
        return Err(ProfileError::NoServer {
            name: name.to_owned(),
        });
    };
    let provider = stack
        .strongest(|partial| partial.provider.clone())
        .map(|provider| provider.value)
        .or_else(|| Provider::of_server(&base_url.value));
    let mut profile = Profile::new(name, base_url, stack.strongest(|partial| partial.model.clone()));
    profile.others = stack
        .partials()
        .find(|(_, partial)| partial.server().is_some())
        .map(|(_, partial)| partial.others.clone())
        .unwrap_or_default();
    profile.price = stack.strongest(|partial| partial.price.clone());
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
    if let Some(provider) = provider {
        of_provider(settings, &mut profile, provider)?;
    }
    note_keys(settings, &profile, &mut notes);
    Ok(Selected { profile, notes })
}

/// Adds what is known of a provider: what it speaks, its key, and what its models cost and see.
fn of_provider(settings: &Settings, profile: &mut Profile, provider: Provider) -> Result<(), ProfileError> {
    profile.provider = Some(provider);
    if provider == Provider::Anthropic {
        profile.dialect = Dialect::Anthropic;
    }
    let Some(model) = profile.model.as_ref().map(|model| model.value.clone()) else {
        return Err(ProfileError::NoModel {
            name: profile.name.clone(),
            provider: provider.as_str(),
        });
    };
    if let Some(hosted) = provider.hosted(&model) {
        profile.window.get_or_insert(Sourced::built_in(hosted.window));
        profile.price.get_or_insert(Sourced::built_in(hosted.price));
    }
    profile.max_output.get_or_insert(Sourced::built_in(HOSTED_ANSWER));
    // The key of a provider goes to that provider, whoever stands in its place.
    let server = profile.base_url.value.clone();
    if profile.api_key.is_none() && provider.is_at(&server) {
        let variable = provider.key_variable();
        let found = settings.environment.get(variable).map(|value| value.trim());
        if let Some(value) = found.filter(|value| !value.is_empty()) {
            let origin = Origin::Environment {
                variable: variable.to_owned(),
            };
            if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ProfileError::BadKey {
                    name: profile.name.clone(),
                    place: origin,
                });
            }
            let secret = SecretString::from(value);
            profile.api_key = Some(ApiKey::new(secret, server, origin, Some(variable.to_owned())));
        }
    }
    Ok(())
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
            self.refuse_foreign(kind, source, server)?;
            let belongs_to = self
                .server_of_key(kind, partial)
                .unwrap_or_else(|| server.clone());
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
    fn server_of_key(&self, kind: Kind, partial: &'a Partial) -> Option<ServerUrl> {
        let of_same_hand = self
            .partials()
            .filter(|(other, _)| other.is_of_workspace() == kind.is_of_workspace())
            .map(|(_, other)| other);
        std::iter::once(partial)
            .chain(of_same_hand)
            .find_map(Partial::server)
            .map(|server| server.value)
    }

    /// Refuses a workspace that asks for the key of a provider and names a server that is not that provider's.
    fn refuse_foreign(
        &self,
        kind: Kind,
        source: &Sourced<KeySource>,
        server: &ServerUrl,
    ) -> Result<(), ProfileError> {
        let KeySource::Variable(variable) = &source.value else {
            return Ok(());
        };
        match Provider::of_key_variable(variable) {
            Some(provider) if kind.is_of_workspace() && !provider.is_at(server) => {
                Err(ProfileError::KeyOfAnother {
                    name: self.name.to_owned(),
                    variable: variable.clone(),
                    belongs_to: provider.as_str(),
                    server: server.host(),
                    place: source.origin.clone(),
                })
            }
            _ => Ok(()),
        }
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
