//! What a run needs of the outside: inputs, the environment, profiles and the workspace.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use smallcode_core::diagnostic::Span;
use smallcode_core::load::Bundle;
use smallcode_core::plan::{self, Escalation, Given, ProfileFacts};
use smallcode_core::price::Usd;
use smallcode_core::spec::{Mismatch, Task};
use smallcode_core::yaml;
use smallcode_runtime::executor::{Answerer, Environment};
use smallcode_runtime::model::discover::{self, Candidates};
use smallcode_runtime::model::{Client, Counter, Learned, Pool};
use smallcode_runtime::settings::{
    self, ApiKey, Flags, PRICES_OF, Profile, ProfileError, Settings, Sources, TrustStore,
};
use smallcode_runtime::workspace::Workspace;

use crate::command::{EscalateFlags, Inputs};
use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// The variable that chooses the profile's key; no command sees it unless its task lists it under `secrets`.
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
    fn keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.answerers
            .values()
            .filter_map(|answerer| answerer.profile.api_key.as_ref())
    }
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
            say(terminal, &note.to_string());
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
                say(
                    terminal,
                    "`--escalate` changes nothing: no task has `on_failure: { escalate }`",
                );
            }
            return Ok(None);
        };
        let settings = self.settings.escalation();
        if flags.escalate.is_none() && !settings.allowed {
            say(
                terminal,
                &format!(
                    "`{first}` may ask a stronger model, which this run does not allow; `--escalate` does"
                ),
            );
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
            let answerer = runtime.block_on(prepare(&client, profile, state.as_deref()))?;
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
            say(terminal, &note.to_string());
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
                    say(terminal, &note.to_string());
                }
                self.trusted(&selected.profile, terminal)?;
                Ok(Some(selected.profile))
            }
            Err(ProfileError::NothingConfigured { .. }) => {
                let found = discover::discover(client, &Candidates::usual())
                    .await
                    .map_err(|error| Refusal::of(Exit::Bug)(&error))?;
                let with_model = found.iter().find_map(|server| {
                    let loaded = server.models.iter().find(|model| model.loaded == Some(true));
                    Some((server, loaded.or(server.models.first())?))
                });
                match with_model {
                    Some((server, model)) => {
                        let told = format!("`{name}` is {} at {}", model.name, server.base_url);
                        say(terminal, &told);
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

    /// What a plan is made with.
    pub(crate) fn given(
        &self,
        bundle: &Bundle,
        inputs: &Inputs,
        profiles: &Profiles,
        escalation: Option<Escalation>,
    ) -> Result<Given, Refusal> {
        let (inputs, unread) = read_inputs(bundle, inputs)?;
        Ok(Given {
            inputs,
            unread,
            env: self.env(bundle),
            profiles: profiles.facts.clone(),
            escalation,
        })
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

/// Every task of a bundle with its name.
fn tasks(bundle: &Bundle) -> impl Iterator<Item = (&str, &Task)> {
    bundle
        .modules
        .iter()
        .flat_map(|module| &module.loaded.workflow.tasks.read)
        .map(|(name, task)| (name.as_str(), task))
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

/// Asks a profile's server what it can do, and makes the profile ready to be called.
async fn prepare(
    client: &Client,
    mut profile: Profile,
    state: Option<&Utf8Path>,
) -> Result<Answerer, Refusal> {
    let abilities = discover::abilities(client, &profile)
        .await
        .map_err(|error| Refusal::of(Exit::Bug)(&error))?;
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

/// Asks a yes-or-no question on the terminal; anything but yes is no, and the end of input no answer.
fn confirm(question: &str) -> Option<bool> {
    let answer = ask(&format!("{question} [y/N] "))?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a line on the terminal; the end of input is no answer.
pub(crate) fn ask(question: &str) -> Option<String> {
    // Standard error is not held while the answer is awaited: a signal has things to say meanwhile.
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question}");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer).ok()?;
    (read > 0).then_some(answer)
}

/// A line for the user, unless asked to be quiet.
pub(crate) fn say(terminal: &Terminal, line: &str) {
    if terminal.verbosity > Verbosity::Quiet {
        let _ = writeln!(std::io::stderr(), "{}", crate::render::text::clean(line));
    }
}

/// Inputs by name, and those whose text is no value of their type.
type Read = (Map<String, Json>, Vec<(String, Mismatch)>);

/// The inputs of the command line: those of the file, then each `NAME=VALUE` by the type of its input.
fn read_inputs(bundle: &Bundle, inputs: &Inputs) -> Result<Read, Refusal> {
    let pairs = inputs
        .input
        .iter()
        .map(|given| given.split_once('=').ok_or(given));
    let without: Vec<String> = pairs
        .clone()
        .filter_map(Result::err)
        .map(|given| format!("`--input {given}`"))
        .collect();
    if !without.is_empty() {
        let have = if without.len() == 1 { "has" } else { "have" };
        let message = format!("{} {have} no value", without.join(", "));
        return Err(Refusal::new(Exit::Wrong, message).hint("write `--input NAME=VALUE`"));
    }
    let mut values = match &inputs.inputs {
        Some(file) => read_file(file)?,
        None => Map::new(),
    };
    let mut unread = Vec::new();
    let wanted = &bundle.root().loaded.workflow.inputs;
    for (name, text) in pairs.filter_map(Result::ok) {
        let value = match wanted.get(name) {
            // The plan says that there is no such input, with the near ones.
            None => Ok(Json::String(text.to_owned())),
            Some(input) => input.parse(text),
        };
        // The last one given counts, as it does where all can be read.
        unread.retain(|(earlier, _)| earlier != name);
        match value {
            Ok(value) => {
                values.insert(name.to_owned(), value);
            }
            Err(mismatch) => unread.push((name.to_owned(), mismatch)),
        }
    }
    Ok((values, unread))
}

fn read_file(file: &Utf8Path) -> Result<Map<String, Json>, Refusal> {
    use smallcode_core::load::Files as _;
    let refuse = |reason: String| Refusal::new(Exit::Wrong, format!("`{file}`: {reason}"));
    let text = smallcode_runtime::workspace::Disk.read(file).map_err(refuse)?;
    let at = |span: Span, reason: String| {
        let before = text.get(..span.range().start).unwrap_or_default();
        refuse(format!("line {}: {reason}", before.matches('\n').count() + 1))
    };
    let tree = yaml::parse(&text).map_err(|error| at(error.span, error.message))?;
    if let Some(key) = tree.repeated() {
        return Err(at(key.span, format!("`{}` is here twice", key.text)));
    }
    match tree.to_json() {
        Json::Object(values) => Ok(values),
        Json::Null => Ok(Map::new()),
        _ => Err(refuse("inputs are a mapping from names to values".to_owned())),
    }
}
