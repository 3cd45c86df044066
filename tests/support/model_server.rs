//! A scripted model server: real HTTP on loopback, answers and faults as a test says.
//!
//! It runs on a thread of its own with its own runtime, so that blocking tests can use it, and ends
//! when dropped. It depends on `std`, `tokio` and `serde_json` only. A test binary includes it with
//! `mod support` or `#[path]`.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "indexing JSON gives null, and a fault is looked for among all"
)]

#[path = "model_server/dialect.rs"]
pub(crate) mod dialect;
#[path = "model_server/messages.rs"]
mod messages;
#[path = "model_server/script.rs"]
pub(crate) mod script;
#[path = "model_server/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub(crate) use script::{Answer, Fault, Script};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// `Null` when there was none, or it was not JSON.
    pub(crate) body: Value,
}

impl RecordedRequest {
    /// Returns the text of the last message of the user.
    pub(crate) fn last_user_message(&self) -> &str {
        let messages = self.body["messages"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let last = messages.iter().rev().find(|message| message["role"] == "user");
        last.and_then(|message| message["content"].as_str())
            .unwrap_or_default()
    }

    /// Whether the roles are what the templates of Mistral and Gemma take: after a system message, user and
    /// assistant in turn. What tools answer stands between calls of the assistant.
    fn alternates(&self) -> bool {
        let roles = self.body["messages"].as_array().map(Vec::as_slice);
        let roles: Vec<&str> = roles
            .unwrap_or_default()
            .iter()
            .filter_map(|message| message["role"].as_str())
            .collect();
        let chat = roles.strip_prefix(&["system"]).unwrap_or(&roles);
        let first = chat.first() == Some(&"user");
        first
            && chat.windows(2).all(|pair| {
                matches!(
                    pair,
                    ["user" | "tool", "assistant"] | ["assistant", "user" | "tool"] | ["tool", "tool"]
                )
            })
    }

    /// Returns the JSON Schema that the answer shall follow.
    pub(crate) fn schema(&self) -> Option<&Value> {
        let of_ollama = self.body.get("format");
        self.body
            .pointer("/response_format/json_schema/schema")
            .or(of_ollama)
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    requests: Mutex<Vec<RecordedRequest>>,
}

impl ModelServer {
    /// Starts a server on a free port of loopback.
    pub(crate) fn start(script: Script) -> Self {
        let shared = Arc::new(Shared {
            script,
            requests: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap_or_else(|error| panic!("no free port on loopback: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            run(listener, &for_thread, stopped).unwrap_or_else(|error| panic!("the model server: {error}"));
        });
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Returns the address of the OpenAI dialect, with `/v1`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns every request so far, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the requests for a completion so far.
    pub(crate) fn calls(&self) -> Vec<RecordedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| wire::is_call(&request.path));
        requests
    }

    /// Returns the messages of each of them, as JSON.
    pub(crate) fn asked(&self) -> Vec<String> {
        let calls = self.calls();
        calls
            .iter()
            .map(|call| call.body["messages"].to_string())
            .collect()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread is gone already when nobody listens.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the server was printed by its thread.
            let _ = thread.join();
        }
    }
}

/// Accepts until stopped; connections that still stall end with the runtime.
fn run(
    listener: std::net::TcpListener,
    shared: &Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        tokio::select! {
            _ = stopped => Ok(()),
            ended = accept(&listener, shared) => ended,
        }
    })
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            // A client that goes away is part of many tests.
            let _ = serve(stream, &shared).await;
        });
    }
}

/// Serves one connection until either side ends it.
async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = wire::Connection::new(stream);
    while let Some(request) = connection.read_request().await? {
        shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.clone());
        if shared.script.is_loading() {
            let error =
                serde_json::json!({ "code": 503, "message": "Loading model", "type": "unavailable_error" });
            connection
                .write_json(503, &[], &serde_json::json!({ "error": error }))
                .await?;
        } else if wire::is_call(&request.path) && !request.alternates() {
            let reason = "Conversation roles must alternate user/assistant/user/assistant/...";
            let body = serde_json::json!({ "error": { "message": reason, "type": "invalid_request_error" } });
            connection.write_json(400, &[], &body).await?;
        } else if wire::is_call(&request.path)
            && let Some(reason) = shared.script.refusal(&request)
        {
            let body = serde_json::json!({ "error": { "message": reason, "type": "invalid_request_error" } });
            connection.write_json(400, &[], &body).await?;
        } else if wire::is_call(&request.path) {
            let answer = shared.script.answer(&request);
            if !connection.write_answer(&request, &answer).await? {
                return Ok(());
            }
        } else {
            let (status, body) = shared.script.route_answer(&request);
            connection.write_json(status, &[], &body).await?;
        }
    }
    Ok(())
}
