//! What is made again, and what is not.

use std::time::Duration;

use smallcode_runtime::model::{CallError, Client, Reply, RetryPolicy, call_with_retries};
use tokio_util::sync::CancellationToken;

use crate::model_server::{Answer, Fault, ModelServer, Script};
use crate::{profile_at, request};

const QUICK: RetryPolicy = RetryPolicy {
    tries: 3,
    first_wait: Duration::from_millis(2),
    longest_wait: Duration::from_millis(20),
    seed: 0,
};

/// Returns the outcome, the errors that were retried and the number of calls that arrived.
async fn retried(
    answers: Vec<Answer>,
    cancel: &CancellationToken,
) -> (Result<Reply, CallError>, Vec<CallError>, usize) {
    let server = ModelServer::start(Script::answers(answers));
    let profile = profile_at(&server.base_url());
    let mut failed = Vec::new();
    let outcome = call_with_retries(
        &Client::new(),
        &profile,
        &request("x"),
        cancel,
        &mut |_| (),
        &QUICK,
        &mut |retry| {
            assert!(retry.wait <= QUICK.longest_wait);
            failed.push(retry.error.clone());
        },
    )
    .await;
    (outcome, failed, server.calls().len())
}

#[tokio::test]
async fn a_server_that_comes_back_is_asked_again() {
    let limited = Fault::Status {
        status: 429,
        retry_after: Some("0".to_owned()),
        body: String::new(),
    };
    let answers = vec![
        Answer::fault(limited),
        Answer::fault(Fault::CutFrame { after_bytes: 200 }),
        Answer::text("ok"),
    ];
    let (outcome, failed, calls) = retried(answers, &CancellationToken::new()).await;
    assert_eq!(outcome.unwrap().text, "ok");
    assert!(
        matches!(
            failed[..],
            [CallError::RateLimited { .. }, CallError::CutStream { .. }]
        ),
        "{failed:?}"
    );
    assert_eq!(calls, 3);
}

#[tokio::test]
async fn a_server_that_wants_a_long_rest_is_not_asked_again() {
    let limited = Fault::Status {
        status: 429,
        retry_after: Some("3600".to_owned()),
        body: "out of quota".to_owned(),
    };
    let answers = vec![Answer::fault(limited), Answer::text("too early")];
    let (outcome, failed, calls) = retried(answers, &CancellationToken::new()).await;
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.ends_with("in 3600 s, and is waited for up to 60 s: run this again then"),
        "{error}"
    );
    assert_eq!((failed.len(), calls), (0, 1));
}

#[tokio::test]
async fn tries_have_an_end() {
    let (outcome, failed, calls) = retried(
        vec![Answer::fault(Fault::status(503)); 5],
        &CancellationToken::new(),
    )
    .await;
    assert!(matches!(outcome, Err(CallError::ServerError { status: 503, .. })));
    assert_eq!((failed.len(), calls), (2, 3));
}

#[tokio::test]
async fn what_would_fail_again_is_not_tried() {
    let answers = vec![Answer::fault(Fault::status(400)), Answer::text("never")];
    let (outcome, failed, calls) = retried(answers, &CancellationToken::new()).await;
    assert!(matches!(outcome, Err(CallError::Rejected { .. })));
    assert_eq!((failed.len(), calls), (0, 1));
}

#[tokio::test]
async fn a_wait_can_be_cancelled() {
    let server = ModelServer::start(Script::always(Answer::fault(Fault::status(503))));
    let cancel = CancellationToken::new();
    let policy = RetryPolicy {
        first_wait: Duration::from_secs(60),
        ..QUICK
    };
    let policy = RetryPolicy {
        longest_wait: Duration::from_secs(60),
        ..policy
    };
    let outcome = call_with_retries(
        &Client::new(),
        &profile_at(&server.base_url()),
        &request("x"),
        &cancel,
        &mut |_| (),
        &policy,
        &mut |_| cancel.cancel(),
    )
    .await;
    assert_eq!(outcome, Err(CallError::Cancelled));
}
