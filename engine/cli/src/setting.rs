//! What a run needs of the outside: inputs, the environment, profiles and the workspace.

mod inputs;
mod profiles;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value as Json};
use smallcode_core::load::Bundle;
use smallcode_core::plan::{self, Escalation, Given};
use smallcode_core::price::Usd;
use smallcode_core::spec::Task;
use smallcode_runtime::executor::Environment;
use smallcode_runtime::settings::{Flags, Settings, Sources};
use smallcode_runtime::workspace::Workspace;

use crate::command::{EscalateFlags, Inputs};
use crate::exit::{Exit, Refusal};
use crate::terminal::Terminal;

pub(crate) use profiles::{Profiles, asks};

/// The variables that may hold a profile's key; no command sees it unless its task lists it under `secrets`.
const KEY_VARIABLES: [&str; 5] = [
    "SMALLCODE_API_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "DEEPSEEK_API_KEY",
    "OPENROUTER_API_KEY",
];

/// The outside of one command.
pub(crate) struct Outside {
    /// The workspace.
    pub(crate) workspace: Arc<Workspace>,
    /// The environment of the process. Names and values that are not UTF-8 can't be passed on by an expression.
    pub(crate) environment: BTreeMap<String, String>,
    settings: Settings,
}

impl Outside {
    /// Opens the workspace and reads the settings. `profile` goes before what workflows name.
    pub(crate) fn open(
        workspace: &Utf8Path,
        profile: Option<&str>,
        terminal: &Terminal,
    ) -> Result<Self, Refusal> {
        let workspace =
            Workspace::open(workspace).map_err(|error| Refusal::new(Exit::Wrong, error.to_string()))?;
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let flags = Flags {
            profile: profile.map(str::to_owned),
            ..Flags::default()
        };
        let home = environment.get("HOME").map(Utf8PathBuf::from);
        let sources = Sources {
            environment: &environment,
            home: home.as_deref(),
            workspace: workspace.root(),
            flags: &flags,
        };
        let settings =
            Settings::load(&sources).map_err(|error| Refusal::new(Exit::Wrong, error.to_string()))?;
        for note in settings.notes() {
            terminal.say(&note.to_string());
        }
        Ok(Self {
            workspace: Arc::new(workspace),
            settings,
            environment,
        })
    }

    /// The environment that commands get.
    pub(crate) fn for_commands(&self, profiles: &Profiles) -> Environment {
        let named = profiles
            .keys()
            .filter_map(|key| key.variable().map(str::to_owned));
        let withheld = KEY_VARIABLES
            .iter()
            .map(|name| (*name).to_owned())
            .chain(named)
            .collect();
        Environment {
            all: self.environment.clone(),
            withheld,
        }
    }

    /// The values of keys, which are masked wherever they turn up.
    pub(crate) fn secrets(&self, profiles: &Profiles) -> Vec<String> {
        // Keys of profiles may be in `.env` or the user's own settings.
        let keys = profiles
            .answerers
            .values()
            .filter_map(|answerer| answerer.profile.key().map(str::to_owned));
        KEY_VARIABLES
            .iter()
            .filter_map(|name| self.environment.get(*name).cloned())
            .chain(keys)
            .filter(|secret| !secret.is_empty())
            .collect()
    }

    /// The variables that a workflow's expressions may use.
    pub(crate) fn env(&self, bundle: &Bundle) -> Map<String, Json> {
        let mut values = Map::new();
        for module in &bundle.modules {
            for (name, default) in &module.loaded.workflow.env.0 {
                if let Some(value) = self.environment.get(name).or(default.as_ref()) {
                    values.insert(name.clone(), Json::String(value.clone()));
                }
            }
        }
        values
    }

    /// What a run may escalate: what its command line says, else the settings. Nothing where no task wants it.
    pub(crate) fn escalation(
        &self,
        bundle: &Bundle,
        flags: &EscalateFlags,
        terminal: &Terminal,
    ) -> Result<Option<Escalation>, Refusal> {
        let wanting: Vec<(&str, &Task)> = tasks(bundle)
            .filter(|(_, task)| plan::wants_escalation(task))
            .collect();
        let Some((first, _)) = wanting.first() else {
            if flags.escalate.is_some() {
                terminal.say("`--escalate` changes nothing: no task has `on_failure: { escalate }`");
            }
            return Ok(None);
        };
        let settings = self.settings.escalation();
        if flags.escalate.is_none() && !settings.allowed {
            terminal.say(&format!(
                "`{first}` may ask a stronger model, which this run does not allow; `--escalate` does"
            ));
            return Ok(None);
        }
        let usd = match flags.escalate_usd {
            Some(dollars) => Usd::dollars(dollars).ok_or_else(|| {
                Refusal::new(
                    Exit::Wrong,
                    format!("`--escalate-usd {dollars}` is no amount of dollars"),
                )
            })?,
            None => settings.usd,
        };
        let escalation = Escalation {
            profile: flags.escalate.clone().flatten().or(settings.profile),
            calls: flags.escalate_calls.unwrap_or(settings.calls),
            usd,
        };
        if let Some((name, _)) = wanting
            .iter()
            .find(|(_, task)| escalation.profile_of(task).is_none())
        {
            return Err(Refusal::new(
                Exit::Wrong,
                format!("`{name}` may ask a stronger model, and nothing says which"),
            )
            .hint("name a profile: `--escalate=PROFILE`, or `profile` under `[escalate]` of your settings"));
        }
        Ok(Some(escalation))
    }

    /// What a plan is made with.
    pub(crate) fn given(
        &self,
        bundle: &Bundle,
        inputs: &Inputs,
        profiles: &Profiles,
        escalation: Option<Escalation>,
    ) -> Result<Given, Refusal> {
        let (inputs, unread) = inputs::read(bundle, inputs)?;
        Ok(Given {
            inputs,
            unread,
            env: self.env(bundle),
            profiles: profiles.facts.clone(),
            escalation,
        })
    }
}

/// Every task of a bundle with its name.
fn tasks(bundle: &Bundle) -> impl Iterator<Item = (&str, &Task)> {
    bundle
        .modules
        .iter()
        .flat_map(|module| &module.loaded.workflow.tasks.read)
        .map(|(name, task)| (name.as_str(), task))
}
