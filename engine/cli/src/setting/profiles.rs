//! The profiles that a workflow's tasks ask: found, trusted, and asked what their servers can do.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use smallcode_core::load::Bundle;
use smallcode_core::plan::{self, Escalation, ProfileFacts};
use smallcode_core::spec::Task;
use smallcode_runtime::executor::{Answerer, Told};
use smallcode_runtime::model::discover::{self, AskError, Candidates, Found};
use smallcode_runtime::model::{Client, Counter, Learned, Pool, whole_seconds};
use smallcode_runtime::settings::{self, ApiKey, PRICES_OF, Profile, ProfileError, Timeouts, TrustStore};

use super::{Outside, tasks};
use crate::exit::{Exit, Refusal};
use crate::terminal::{Terminal, confirm};

/// The profiles of a run, ready to be called.
pub(crate) struct Profiles {
    /// By the name that workflows use.
    pub(crate) answerers: HashMap<String, Answerer>,
    /// What plans say of them.
    pub(crate) facts: IndexMap<String, ProfileFacts>,
    /// Makes HTTP connections; there where prompts are.
    pub(crate) client: Option<Client>,
}

impl Profiles {
    pub(super) fn keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.answerers
            .values()
            .filter_map(|answerer| answerer.profile.api_key.as_ref())
    }
}

impl Outside {
    /// What the settings say of the profiles that a workflow's prompts use; no server is asked.
    pub(crate) fn stated(&self, bundle: &Bundle) -> Result<IndexMap<String, ProfileFacts>, Refusal> {
        let mut facts = IndexMap::new();
        for task in asking(bundle) {
            let name = plan::profile_of(bundle, &task.common);
            if facts.contains_key(&name) {
                continue;
            }
            let profile = match self.settings.profile(Some(&name)) {
                Ok(selected) => selected.profile,
                Err(ProfileError::NothingConfigured { .. }) => continue,
                Err(error) => return Err(Refusal::new(Exit::Wrong, error.to_string())),
            };
            let window = profile
                .window
                .as_ref()
                .map_or(plan::UNKNOWN_WINDOW, |window| window.value);
            facts.insert(name, facts_of(&profile, window));
        }
        Ok(facts)
    }

    /// Finds and prepares the profiles that a workflow's prompts use.
    ///
    /// `needed` tells whether a model must be there: a run needs one, a plan does not.
    pub(crate) fn profiles(
        &self,
        bundle: &Bundle,
        escalation: Option<&Escalation>,
        needed: bool,
        terminal: &Terminal,
    ) -> Result<Profiles, Refusal> {
        let mut wanted: Vec<(String, Use)> = Vec::new();
        for task in asking(bundle) {
            let answers = (plan::profile_of(bundle, &task.common), Use::Answers);
            let stronger = escalation
                .and_then(|escalation| escalation.profile_of(task))
                .map(|name| (name.to_owned(), Use::Escalates));
            for (name, of) in std::iter::once(answers).chain(stronger) {
                match wanted.iter_mut().find(|(known, _)| *known == name) {
                    // Where it is both, nothing may stand in for it.
                    Some((_, known)) => *known = (*known).max(of),
                    None => wanted.push((name, of)),
                }
            }
        }
        if wanted.is_empty() {
            return Ok(Profiles {
                answerers: HashMap::new(),
                facts: IndexMap::new(),
                client: None,
            });
        }
        let client = Client::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Refusal::new(Exit::Io, format!("could not start: {error}")))?;
        let priced = capped_in_usd(bundle);
        let home = self.environment.get("HOME").map(Utf8PathBuf::from);
        let state = settings::state_directory(&self.environment, home.as_deref());
        let mut answerers = HashMap::new();
        let mut facts = IndexMap::new();
        for (name, of) in wanted {
            let found = match of {
                Use::Answers => runtime.block_on(self.profile(&name, &client, needed, terminal))?,
                Use::Escalates => Some(self.stronger(&name, terminal)?),
            };
            let Some(profile) = found else {
                continue;
            };
            let answerer = runtime.block_on(prepare(&client, profile, state.as_deref(), terminal))?;
            let profile = &answerer.profile;
            if (priced || of == Use::Escalates) && answerer.facts.price.is_none() && profile.leaves_machine()
            {
                return Err(no_price(profile));
            }
            facts.insert(name.clone(), answerer.facts.clone());
            answerers.insert(name, answerer);
        }
        Ok(Profiles {
            answerers,
            facts,
            client: Some(client),
        })
    }

    /// The profile of a name that a task escalates to: no other stands in for it.
    fn stronger(&self, name: &str, terminal: &Terminal) -> Result<Profile, Refusal> {
        let selected = self
            .settings
            .profile_named(name)
            .map_err(|error| Refusal::new(Exit::Wrong, error.to_string()))?;
        for note in &selected.notes {
            terminal.say(&note.to_string());
        }
        self.trusted(&selected.profile, terminal)?;
        Ok(selected.profile)
    }

    async fn profile(
        &self,
        name: &str,
        client: &Client,
        needed: bool,
        terminal: &Terminal,
    ) -> Result<Option<Profile>, Refusal> {
        match self.settings.profile(Some(name)) {
            Ok(selected) => {
                for note in &selected.notes {
                    terminal.say(&note.to_string());
                }
                self.trusted(&selected.profile, terminal)?;
                Ok(Some(selected.profile))
            }
            Err(ProfileError::NothingConfigured { .. }) => {
                let found = look_round(client, terminal).await?;
                let with_model = found.iter().find_map(|server| {
                    let loaded = server.models.iter().find(|model| model.loaded == Some(true));
                    Some((server, loaded.or(server.models.first())?))
                });
                match with_model {
                    Some((server, model)) => {
                        let told = format!("`{name}` is {} at {}", model.name, server.base_url);
                        terminal.say(&told);
                        Ok(Some(server.profile(name, model)))
                    }
                    None if !needed => Ok(None),
                    None => Err(Refusal::new(
                        Exit::NoModel,
                        "no model is configured, and no server answers on the usual local ports",
                    )
                    .hint("start Ollama, LM Studio, llama.cpp or vLLM, or set SMALLCODE_BASE_URL and SMALLCODE_MODEL")),
                }
            }
            Err(error) => Err(Refusal::new(Exit::Wrong, error.to_string())),
        }
    }

    /// A server off this machine that the workspace names is confirmed once.
    fn trusted(&self, profile: &Profile, terminal: &Terminal) -> Result<(), Refusal> {
        let Some(trust) = profile.needs_trust() else {
            return Ok(());
        };
        let home = self.environment.get("HOME").map(Utf8PathBuf::from);
        let refuse = |why: &str| {
            Refusal::new(
                Exit::Untrusted,
                format!("`{}` of this workspace sends prompts to {}, {why}", trust.file, trust.host),
            )
            .hint("run it once in a terminal and confirm, or name the server in your own settings or the environment")
        };
        let Some(state) = settings::state_directory(&self.environment, home.as_deref()) else {
            return Err(refuse(
                "and there is no home folder to remember a confirmation in",
            ));
        };
        let store = TrustStore::in_directory(&state);
        let known = store
            .is_trusted(self.workspace.root(), &trust)
            .map_err(|error| Refusal::of(Exit::Io)(&error))?;
        if known {
            return Ok(());
        }
        if !terminal.asks {
            return Err(refuse("which was not confirmed"));
        }
        let question = format!(
            "`{}` sends prompts to {}. Trust it for this workspace?",
            trust.file, trust.host
        );
        if confirm(&question) != Some(true) {
            return Err(refuse("which was not confirmed"));
        }
        store
            .remember(self.workspace.root(), &trust)
            .map_err(|error| Refusal::of(Exit::Io)(&error))
    }
}

/// What a profile is for; the stricter is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Answers,
    Escalates,
}

/// Whether any task asks a model.
pub(crate) fn asks(bundle: &Bundle) -> bool {
    asking(bundle).next().is_some()
}

/// Every task that asks a model.
fn asking(bundle: &Bundle) -> impl Iterator<Item = &Task> {
    let tasks = tasks(bundle).map(|(_, task)| task);
    tasks.filter(|task| plan::calls_of_attempt(task) > 0)
}

/// Whether any budget is in dollars, so that a price must be known of every call that may cost something.
fn capped_in_usd(bundle: &Bundle) -> bool {
    let modules = bundle.modules.iter();
    let of_workflow = modules.filter_map(|module| module.loaded.workflow.budget.as_ref());
    let of_task = tasks(bundle).filter_map(|(_, task)| task.common.budget.as_ref());
    of_workflow.chain(of_task).any(|budget| budget.usd.is_some())
}

/// What a profile says of itself, with the window that it has.
fn facts_of(profile: &Profile, window: u64) -> ProfileFacts {
    let reserve = profile
        .max_output
        .as_ref()
        .map_or(plan::reserve_of(window), |output| output.value);
    // Whoever lets answers be as long as the window still wants to ask something.
    let reserve = reserve.min(window - plan::reserve_of(window));
    ProfileFacts {
        model: profile.model.as_ref().map(|model| model.value.clone()),
        window,
        reserve,
        price: profile.price.as_ref().map(|price| price.value),
    }
}

/// Looks for servers on the usual ports of this machine; for one that loads its model only where no other is found.
async fn look_round(client: &Client, terminal: &Terminal) -> Result<Vec<Found>, Refusal> {
    let candidates = Candidates::usual();
    let limit = Timeouts::default().first_byte;
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        let found = discover::discover(client, &candidates)
            .await
            .map_err(|error| Refusal::of(Exit::Bug)(&error))?;
        if found.iter().any(|server| !server.models.is_empty()) || begun.elapsed() > limit {
            return Ok(found);
        }
        let loading = discover::loading(client, &candidates)
            .await
            .map_err(|error| Refusal::of(Exit::Bug)(&error))?;
        let Some(server) = loading else {
            return Ok(found);
        };
        if !std::mem::replace(&mut is_told, true) {
            tell_loading(&server.host(), limit, terminal);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn tell_loading(host: &str, limit: Duration, terminal: &Terminal) {
    let limit = whole_seconds(limit);
    terminal.say(&format!(
        "{host} is loading its model; it is waited for up to {limit}"
    ));
}

/// Asks a profile's server what it can do, and makes the profile ready to be called.
async fn prepare(
    client: &Client,
    mut profile: Profile,
    state: Option<&Utf8Path>,
    terminal: &Terminal,
) -> Result<Answerer, Refusal> {
    let mut on_loading = |host: &str, limit| tell_loading(host, limit, terminal);
    let abilities = discover::abilities_once_loaded(client, &profile, &mut on_loading)
        .await
        .map_err(|error| match error {
            AskError::Client(error) => Refusal::of(Exit::Bug)(&error),
            AskError::Loading { .. } => Refusal::new(Exit::NoModel, error.to_string()),
        })?;
    let window = abilities.window.value;
    let mut facts = facts_of(&profile, window);
    facts.price = facts.price.or(abilities.price);
    let learned = Learned::of(&profile, abilities.digest, abilities.constraints, state);
    profile.window = Some(abilities.window);
    profile.dialect = abilities.dialect;
    Ok(Answerer {
        // A server that doesn't say is taken for one that computes one answer at a time.
        pool: Pool::new(&profile, abilities.slots.unwrap_or(1)),
        profile,
        facts,
        learned,
        counter: Counter::new(abilities.counts),
        told: Told::default(),
    })
}

/// A cap on dollars can't be kept where the price is not known.
fn no_price(profile: &Profile) -> Refusal {
    let model = profile.model_name();
    Refusal::new(
        Exit::Wrong,
        format!("no price is known of `{model}` of the profile `{}`, and a cap in dollars is set", profile.name),
    )
    .hint(format!(
        "set `price = {{ input = …, output = … }}` of the profile, in dollars for a million tokens; the built-in prices are of {PRICES_OF}"
    ))
}
