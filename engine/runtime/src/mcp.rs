//! Servers of tools, after the Model Context Protocol: a command is started, says which tools it has, and is asked to do
//! what they are for. The only file that names the crate that speaks it.
//!
//! A server may say anything at any time, or nothing. Every question has its limit in time, every message in size, and
//! all that one server says in a life as well. It is offered nothing of ours: no model to ask, no files, no user.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ContentBlock, Implementation,
    PaginatedRequestParams, ResourceContents,
};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError, serve_client};
use serde_json::{Map, Value};
use smallcode_core::tool::served::Listed;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinHandle;

use crate::process::{self, Conversation, Exit, RunError};

/// The most that one server may say before it is taken for one that never stops: 256 MiB, a hundred large results. A
/// message of more than 16 MiB is dropped before that, and its question runs out of time.
const MAX_SAID: u64 = 256 << 20;

/// The most pages of tools that are asked for, and the most tools that are taken: no small model is told of more.
const PAGES: usize = 20;
const TOOLS: usize = 1000;

/// What is kept of the end of standard error, to say why a server ended: 2 KiB, some lines.
const SAID: usize = 2048;

/// The longest reason of the protocol that is told, in characters: it may quote all that came.
const REASON: usize = 300;

/// How long a server has to end by itself once nobody talks to it, and then after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long is waited for the last words of a server that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running server.
pub struct Server {
    service: RunningService<RoleClient, ClientConfig>,
    process: Conversation,
    errors: Errors,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub text: String,
    /// Whether it could not do what it was called for.
    pub failed: bool,
}

/// Why there is no answer of a server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It did not start.
    #[error(transparent)]
    NotStarted(#[from] RunError),
    /// It started, and speaks something else.
    #[error("it does not speak the Model Context Protocol: {reason}{}", told(said))]
    NotOne {
        /// What was wrong with what it said.
        reason: String,
        /// What it wrote to standard error.
        said: String,
    },
    /// It ended instead of answering the first question.
    #[error("it ended before it was ready{}{}", ended(*exit), told(said))]
    NotReady {
        /// How, where the system told.
        exit: Option<Exit>,
        /// What it wrote to standard error.
        said: String,
    },
    /// It took too long.
    #[error("it did not answer within {} s{}", limit.as_secs_f64(), told(said))]
    TimedOut {
        /// The limit.
        limit: Duration,
        /// What it wrote to standard error.
        said: String,
    },
    /// It has ended.
    #[error("it has ended{}", told(said))]
    Ended {
        /// What it wrote to standard error.
        said: String,
    },
    /// It refused the question.
    #[error("it refused: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
}

impl ServerError {
    /// Whether the server can be asked again as it is.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

fn ended(exit: Option<Exit>) -> String {
    match exit {
        Some(Exit::Code(code)) => format!(", with exit code {code}"),
        Some(Exit::Signal(signal)) => format!(", by signal {signal}"),
        None => String::new(),
    }
}

fn told(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!("; it wrote:\n{said}")
    }
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub async fn start(spec: &process::Spec, limit: Duration) -> Result<Self, ServerError> {
        let (process, pipes) = process::converse(spec).await?;
        let mut errors = Errors::drain(pipes.errors);
        let who = Implementation::new("smallcode", env!("CARGO_PKG_VERSION"));
        let we = ClientConfig::new(ClientCapabilities::default(), who);
        let output = pipes.output.take(MAX_SAID);
        // What speaks the protocol is boxed: every attempt of an agent would else carry room for it around.
        let service = tokio::time::timeout(limit, Box::pin(serve_client(we, (output, pipes.input)))).await;
        match service {
            Ok(Ok(service)) => Ok(Self {
                service,
                process,
                errors,
            }),
            // Whoever has nobody to talk to is soon gone.
            Ok(Err(
                ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. },
            )) => {
                let said = errors.last_words().await;
                let exit = process.end(PATIENCE).await.ok();
                Err(ServerError::NotReady { exit, said })
            }
            Ok(Err(error)) => {
                let said = errors.last_words().await;
                let reason = cut(&error.to_string());
                Err(ServerError::NotOne { reason, said })
            }
            Err(_) => Err(ServerError::TimedOut {
                limit,
                said: errors.so_far(),
            }),
        }
    }

    /// The tools that it has.
    ///
    /// # Errors
    /// When it does not say so within `limit`.
    pub async fn tools(&mut self, limit: Duration) -> Result<Vec<Listed>, ServerError> {
        let peer = self.service.peer().clone();
        let ask = async {
            let mut tools = Vec::new();
            let mut cursor = None;
            for _ in 0..PAGES {
                let page = PaginatedRequestParams::default().with_cursor(cursor);
                let page = peer.list_tools(Some(page)).await?;
                tools.extend(page.tools);
                cursor = page.next_cursor;
                if cursor.is_none() || tools.len() >= TOOLS {
                    break;
                }
            }
            tools.truncate(TOOLS);
            Ok(tools)
        };
        let tools = tokio::time::timeout(limit, Box::pin(ask)).await;
        let tools = self.answered(tools, limit).await?;
        let listed = tools.into_iter().map(|tool| Listed {
            name: tool.name.into_owned(),
            about: tool
                .description
                .map(String::from)
                .or(tool.title)
                .unwrap_or_default(),
            schema: Value::Object((*tool.input_schema).clone()),
            reads: tool
                .annotations
                .is_some_and(|annotations| annotations.read_only_hint == Some(true)),
        });
        Ok(listed.collect())
    }

    /// Has a tool do what it is for.
    ///
    /// # Errors
    /// When there is no answer within `limit`. That a tool could not do it is an answer.
    pub async fn call(
        &mut self,
        tool: &str,
        arguments: Map<String, Value>,
        limit: Duration,
    ) -> Result<Answer, ServerError> {
        let peer = self.service.peer().clone();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let answer = tokio::time::timeout(limit, Box::pin(peer.call_tool(params))).await;
        self.answered(answer, limit)
            .await
            .map(|result| answer_of(&result))
    }

    /// Ends it.
    pub async fn end(mut self) -> Result<Exit, RunError> {
        // Its input is closed with the service; one that does not let go of its pipes is killed all the same.
        let _ = self.service.close_with_timeout(PATIENCE).await;
        self.process.end(PATIENCE).await
    }

    async fn answered<T>(
        &mut self,
        answer: Result<Result<T, ServiceError>, tokio::time::error::Elapsed>,
        limit: Duration,
    ) -> Result<T, ServerError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ServiceError::McpError(error))) => Err(ServerError::Refused {
                reason: cut(&error.message),
            }),
            Ok(Err(ServiceError::TransportClosed | ServiceError::TransportSend(_))) => {
                Err(ServerError::Ended {
                    said: self.errors.last_words().await,
                })
            }
            Ok(Err(error)) => Err(ServerError::NotOne {
                reason: cut(&error.to_string()),
                said: String::new(),
            }),
            Err(_) => Err(ServerError::TimedOut {
                limit,
                said: self.errors.so_far(),
            }),
        }
    }
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut cut: String = letters.by_ref().take(REASON).collect();
    if letters.next().is_some() {
        cut.push('…');
    }
    cut
}

/// What stands for what the protocol may come to have.
const NOT_SHOWN: &str = "(something that is not shown)";

/// What a result says, as text: what a model can't read is named.
fn answer_of(result: &CallToolResult) -> Answer {
    let mut parts: Vec<String> = result.content.iter().map(block).collect();
    if parts.is_empty()
        && let Some(value) = &result.structured_content
    {
        parts.push(serde_json::to_string_pretty(value).unwrap_or_default());
    }
    Answer {
        text: parts.join("\n"),
        failed: result.is_error == Some(true),
    }
}

fn block(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("(an image, {}, which is not shown)", image.mime_type),
        ContentBlock::Audio(audio) => format!("(a sound, {}, which is not shown)", audio.mime_type),
        ContentBlock::ResourceLink(link) => format!("{}: {}", link.name, link.uri),
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, .. } => format!("({uri}, which is not shown)"),
            _ => NOT_SHOWN.to_owned(),
        },
        _ => NOT_SHOWN.to_owned(),
    }
}

/// The end of what a server writes to standard error.
struct Errors {
    kept: Arc<Mutex<VecDeque<u8>>>,
    reader: JoinHandle<()>,
}

impl Errors {
    fn drain(mut pipe: Receiver) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let tail = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let mut chunk = vec![0; SAID];
            while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend(chunk.get(..read).unwrap_or_default());
                let over = tail.len().saturating_sub(SAID);
                tail.drain(..over);
            }
        });
        Self { kept, reader }
    }

    fn so_far(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    async fn last_words(&mut self) -> String {
        if !self.reader.is_finished() {
            let _ = tokio::time::timeout(LAST_WORDS, &mut self.reader).await;
        }
        self.so_far()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
