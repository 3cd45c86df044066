//! Asking servers what they are: which runs here, which models it has, how much they can see.
//!
//! Servers are told apart by what they answer, not by their port or name. Every question has a short
//! limit and all servers are asked at once, so looking round a machine with none takes no time.

mod identify;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use smallcode_core::price::{Price, Usd};

use super::ability::Constraint;
use super::classify;
use super::count::{self, Counts};
use super::dialect::{Dialect, bearer};
use super::http::{Client, ClientError};
use crate::settings::{Origin, Profile, Provider, ServerUrl, Sourced};

/// The window of a model that nobody knows: what Ollama and LM Studio give a model by default.
pub const ASSUMED_WINDOW: u64 = 4_096;

/// Limit of one question. A server on this machine answers in milliseconds, also while it computes.
const QUESTION_TIME: Duration = Duration::from_secs(2);

/// Bytes of an answer at most; a list of hundreds of models has some 100 KB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The pause before a server that loads its model is asked again: a load takes seconds to minutes, and asking nothing.
const LOADING_PAUSE: Duration = Duration::from_secs(1);

/// Where to look for servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    servers: Vec<ServerUrl>,
}

impl Candidates {
    /// The usual ports on loopback: Ollama 11434, LM Studio 1234, llama.cpp 8080 (9931 in newer
    /// versions), vLLM 8000.
    pub fn usual() -> Self {
        Self::on_ports(&[11_434, 1_234, 8_080, 9_931, 8_000])
    }

    /// These ports on loopback, in this order.
    pub fn on_ports(ports: &[u16]) -> Self {
        let url = |port: &u16| ServerUrl::parse(&format!("http://127.0.0.1:{port}/v1")).ok();
        Self {
            servers: ports.iter().filter_map(url).collect(),
        }
    }
}

/// What a server is, by its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// `llama-server` of llama.cpp.
    LlamaCpp,
    /// Ollama.
    Ollama,
    /// LM Studio.
    LmStudio,
    /// vLLM.
    Vllm,
    /// Something else with a list of models.
    Other,
}

/// A server that answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is.
    pub server: Server,
    /// Its address.
    pub base_url: ServerUrl,
    /// Its models, in its own order.
    pub models: Vec<FoundModel>,
    /// Calls it takes at the same time, where it says so.
    pub slots: Option<u64>,
    /// Its version, where it says so.
    pub version: Option<String>,
}

/// A model on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundModel {
    /// The name to ask for it by.
    pub name: String,
    /// The tokens that it can really see now, where the server says so, and by which question.
    pub window: Option<(u64, &'static str)>,
    /// Whether it is in memory, where the server says so.
    pub loaded: Option<bool>,
    /// The server's digest of it.
    pub digest: Option<String>,
    /// What its tokens cost, where the server says so.
    pub price: Option<Price>,
}

impl Found {
    /// Returns a profile for one of the models.
    pub fn profile(&self, name: &str, model: &FoundModel) -> Profile {
        let origin = || Origin::Server {
            question: "/v1/models".to_owned(),
        };
        let base_url = Sourced::new(self.base_url.clone(), origin());
        let mut profile = Profile::new(name, base_url, Some(Sourced::new(model.name.clone(), origin())));
        profile.window = model.window.map(known_window);
        profile.slots = self.slots.map(|slots| Sourced::new(slots, origin()));
        profile
    }
}

/// Looks for servers, all at once; gives those that answered, in the order of the candidates.
///
/// # Errors
///
/// When HTTP cannot be set up. A server that does not answer is no error.
pub async fn discover(client: &Client, candidates: &Candidates) -> Result<Vec<Found>, ClientError> {
    let http = client.get(QUESTION_TIME, true)?;
    let asked = candidates.servers.iter().map(|url| {
        let questions = Questions::new(http.clone(), url.clone(), None);
        async move { identify::identify(&questions).await }
    });
    Ok(join_all(asked).await.into_iter().flatten().collect())
}

/// Looks for a server that is there, but loads its model still.
///
/// # Errors
///
/// When HTTP cannot be set up.
pub async fn loading(client: &Client, candidates: &Candidates) -> Result<Option<ServerUrl>, ClientError> {
    let http = client.get(QUESTION_TIME, true)?;
    let asked = candidates.servers.iter().map(|url| {
        let questions = Questions::new(http.clone(), url.clone(), None);
        async move { questions.is_loading().await.then(|| url.clone()) }
    });
    Ok(join_all(asked).await.into_iter().flatten().next())
}

/// Why a server was not asked what it can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// HTTP cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It loads its model: what it can do is not known before.
    #[error(
        "{host} has not loaded its model, for which it was waited {}; wait until it has, look at the server's own log, or \
         raise `timeouts.first_byte` of the profile",
        super::whole_seconds(*.waited)
    )]
    Loading {
        /// The server.
        host: String,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Asks the server of a profile what it can do, once it has loaded its model; `on_loading` hears once that this is waited
/// for.
///
/// It is waited for as long as for the first byte of an answer: servers that load a model only when they are asked are
/// silent for just this, and the user can say how long.
///
/// # Errors
///
/// See [`AskError`].
pub async fn abilities_once_loaded(
    client: &Client,
    profile: &Profile,
    on_loading: &mut dyn FnMut(&str, Duration),
) -> Result<Abilities, AskError> {
    let limit = profile.timeouts.first_byte;
    let mut waited = Duration::ZERO;
    loop {
        match abilities(client, profile).await {
            Err(AskError::Loading { host, .. }) if waited < limit => {
                if waited.is_zero() {
                    on_loading(&host, limit);
                }
                let pause = LOADING_PAUSE.min(limit.saturating_sub(waited));
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            Err(AskError::Loading { host, .. }) => return Err(AskError::Loading { host, waited }),
            other => return other,
        }
    }
}

/// Waits until the server of a profile has loaded its model, up to a limit; one that does not say that it loads has.
pub async fn loaded(client: &Client, profile: &Profile, limit: Duration) {
    let Ok(questions) = questions(client, profile) else {
        return;
    };
    let mut waited = Duration::ZERO;
    while waited < limit && questions.is_loading().await {
        let pause = LOADING_PAUSE.min(limit.saturating_sub(waited));
        tokio::time::sleep(pause).await;
        waited += pause;
    }
}

/// Asks the server of a profile what it is; nothing when it does not say.
///
/// # Errors
///
/// See [`AskError`].
pub async fn inspect(client: &Client, profile: &Profile) -> Result<Option<Found>, AskError> {
    let questions = questions(client, profile)?;
    let found = identify::identify(&questions).await;
    // Some answer one question of several while they load, such as for their list of models.
    if questions.said_loading() {
        return Err(AskError::Loading {
            host: questions.url.host(),
            waited: Duration::ZERO,
        });
    }
    Ok(found)
}

pub(super) fn questions(client: &Client, profile: &Profile) -> Result<Questions, ClientError> {
    let url = profile.base_url.value.clone();
    let connect = profile.timeouts.connect.min(QUESTION_TIME);
    let http = client.get(connect, url.is_loopback())?;
    Ok(Questions::new(http, url, bearer(profile)))
}

/// What a server can do, as it showed itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Abilities {
    /// What it speaks best.
    pub dialect: Dialect,
    /// Tokens that the model can see: what the profile says, else what its server says, else [`ASSUMED_WINDOW`] with
    /// the origin *assumed*.
    pub window: Sourced<u64>,
    /// Calls that the server takes at the same time: what the profile says, else what its server says, if it does.
    pub slots: Option<u64>,
    /// What its tokens cost, where it says so.
    pub price: Option<Price>,
    /// How it counts the tokens of a chat, where it does.
    pub counts: Option<Counts>,
    /// How it may be asked to keep an answer to a schema.
    pub constraints: Vec<Constraint>,
    /// Its digest of the model, where it says so.
    pub digest: Option<String>,
}

/// Calls at the same time to a provider that does not say: what the smallest accounts may make.
const HOSTED_SLOTS: u64 = 4;

/// Asks the server of a profile what it can do.
///
/// # Errors
///
/// See [`AskError`].
pub async fn abilities(client: &Client, profile: &Profile) -> Result<Abilities, AskError> {
    let assumed = || Sourced::new(ASSUMED_WINDOW, Origin::Assumed);
    let hosted = profile
        .provider
        .is_some_and(|provider| provider != Provider::OpenRouter);
    let found = if hosted {
        // It does not tell more than its table does.
        None
    } else {
        inspect(client, profile).await?
    };
    let model = found.as_ref().and_then(|found| model_of(found, profile));
    let told = model.and_then(|model| model.window).map(known_window);
    let is_ollama = found.as_ref().is_some_and(|found| found.server == Server::Ollama);
    let mut abilities = Abilities {
        dialect: profile.dialect,
        window: profile.window.clone().or(told).unwrap_or_else(assumed),
        slots: profile
            .slots
            .as_ref()
            .map(|slots| slots.value)
            .or(found.as_ref().and_then(|found| found.slots)),
        price: model.and_then(|model| model.price),
        counts: None,
        constraints: Constraint::known_to(
            profile.provider,
            found.as_ref().map(|found| found.server),
            found.as_ref().and_then(|found| found.version.as_deref()),
        ),
        digest: model.and_then(|model| model.digest.clone()),
    };
    let counts = |found: &Found| matches!(found.server, Server::LlamaCpp | Server::Vllm | Server::Other);
    if profile.provider.is_none() && found.as_ref().is_some_and(counts) {
        abilities.counts = count::found(client, profile).await;
    }
    if profile.provider.is_some() {
        abilities.slots.get_or_insert(HOSTED_SLOTS);
    }
    // Its own chat wants a model's name.
    if is_ollama && !profile.model_name().is_empty() {
        abilities.dialect = Dialect::Ollama;
        if abilities.window.origin == Origin::Assumed {
            let questions = questions(client, profile)?;
            abilities.window = identify::ollama_window(&questions, profile.model_name()).await;
        }
    }
    Ok(abilities)
}

/// Returns the profile's model among those of its server; the only one where the profile names none.
fn model_of<'a>(found: &'a Found, profile: &Profile) -> Option<&'a FoundModel> {
    let wanted = profile.model_name();
    let named = found.models.iter().find(|model| same_model(&model.name, wanted));
    match (named, found.models.as_slice()) {
        (Some(model), _) => Some(model),
        // llama.cpp serves its one model whatever it is called.
        (None, [only]) if wanted.is_empty() || found.server == Server::LlamaCpp => Some(only),
        (None, _) => None,
    }
}

/// Ollama knows `name` and `name:latest` as the same model.
fn same_model(known: &str, wanted: &str) -> bool {
    known == wanted || known.strip_suffix(":latest") == Some(wanted)
}

fn known_window((tokens, question): (u64, &'static str)) -> Sourced<u64> {
    Sourced::new(
        tokens,
        Origin::Server {
            question: question.to_owned(),
        },
    )
}

/// What is needed to ask one server.
pub(super) struct Questions {
    http: reqwest::Client,
    url: ServerUrl,
    bearer: Option<reqwest::header::HeaderValue>,
    /// Whether any answer was that the model is loading.
    loading: AtomicBool,
}

impl Questions {
    fn new(http: reqwest::Client, url: ServerUrl, bearer: Option<reqwest::header::HeaderValue>) -> Self {
        Self {
            http,
            url,
            bearer,
            loading: AtomicBool::new(false),
        }
    }

    /// Asks whether the server loads its model. Newer versions of llama.cpp list their models all the same, but tell
    /// nothing else.
    async fn is_loading(&self) -> bool {
        self.loading.store(false, Ordering::Relaxed);
        tokio::join!(self.ask("health"), self.ask("props"), self.ask_dialect("models"));
        self.said_loading()
    }

    fn said_loading(&self) -> bool {
        self.loading.load(Ordering::Relaxed)
    }

    /// Asks for a route at the server's root; nothing when the answer is not a success with JSON.
    async fn ask(&self, route: &str) -> Option<serde_json::Value> {
        self.get(self.url.root_route(route)).await
    }

    /// Asks for a route of the OpenAI dialect.
    async fn ask_dialect(&self, route: &str) -> Option<serde_json::Value> {
        self.get(self.url.route(route)).await
    }

    /// Asks a question that has a body, at the server's root.
    pub(super) async fn post(&self, route: &str, body: &serde_json::Value) -> Option<serde_json::Value> {
        self.send(self.http.post(self.url.root_route(route)).json(body))
            .await
    }

    async fn get(&self, url: reqwest::Url) -> Option<serde_json::Value> {
        self.send(self.http.get(url)).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Option<serde_json::Value> {
        if let Some(bearer) = &self.bearer {
            request = request.header(reqwest::header::AUTHORIZATION, bearer.clone());
        }
        let answer = async {
            let mut response = request.send().await.ok()?;
            let status = response.status();
            if !status.is_success() && status.as_u16() != classify::UNAVAILABLE {
                return None;
            }
            let mut body = Vec::new();
            while let Some(bytes) = response.chunk().await.ok()? {
                body.extend_from_slice(&bytes);
                if body.len() > MAX_ANSWER_BYTES {
                    return None;
                }
            }
            if classify::says_loading(status.as_u16(), &String::from_utf8_lossy(&body)) {
                self.loading.store(true, Ordering::Relaxed);
            }
            status.is_success().then(|| serde_json::from_slice(&body).ok())?
        };
        tokio::time::timeout(QUESTION_TIME, answer).await.ok().flatten()
    }
}
