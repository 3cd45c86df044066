//! Calls over real HTTP, with every fault that a server can have.

#[path = "../../../tests/support/model_server.rs"]
mod model_server;

#[path = "model/discover.rs"]
mod discover;
#[path = "model/faults.rs"]
mod faults;
#[path = "model/replies.rs"]
mod replies;
#[path = "model/retries.rs"]
mod retries;

use std::time::Duration;

use model_server::{ModelServer, Script};
use smallcode_runtime::model::{CallError, Client, Message, Reply, Request, Role, call};
use smallcode_runtime::settings::{ApiKey, Origin, Profile, ServerUrl, Sourced, Timeouts};
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-very-secret";

/// Long enough for a busy machine, far longer than any answer without a fault takes.
const PATIENT: Duration = Duration::from_secs(20);

/// For what must time out.
const SHORT: Duration = Duration::from_millis(100);

fn request(text: &str) -> Request {
    Request {
        messages: vec![
            Message::new(Role::System, "Be brief."),
            Message::new(Role::User, text),
        ],
        max_tokens: 100,
        temperature: 0.2,
        top_p: 0.9,
        seed: 1,
        stop: Vec::new(),
        schema: None,
        constraint: smallcode_runtime::model::Constraint::default(),
        offered: smallcode_runtime::model::Offered::default(),
    }
}

/// A profile with a key and patient timeouts.
fn profile_at(base_url: &str) -> Profile {
    let url = ServerUrl::parse(base_url).unwrap_or_else(|error| panic!("{error}"));
    let model = Sourced::built_in("tiny".to_owned());
    let mut profile = Profile::new("test", Sourced::built_in(url.clone()), Some(model));
    profile.api_key = Some(ApiKey::new(KEY.into(), url, Origin::BuiltIn, None));
    profile.timeouts = Timeouts {
        connect: PATIENT,
        first_byte: PATIENT,
        idle: PATIENT,
        total: PATIENT,
    };
    profile
}

/// Makes one call to a script.
async fn call_script(script: Script, change: impl FnOnce(&mut Profile)) -> Result<Reply, CallError> {
    let server = ModelServer::start(script);
    let mut profile = profile_at(&server.base_url());
    change(&mut profile);
    call_profile(&profile, &request("hello")).await
}

async fn call_profile(profile: &Profile, request: &Request) -> Result<Reply, CallError> {
    call(
        &Client::new(),
        profile,
        request,
        &CancellationToken::new(),
        &mut |_| (),
    )
    .await
}
