//! Every way a call can fail has its name.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use smallcode_runtime::model::{CallError, Client, Dialect, Finish, Stop, call};
use tokio_util::sync::CancellationToken;

use crate::model_server::{Answer, Fault, ModelServer, Script};
use crate::{KEY, PATIENT, SHORT, call_profile, call_script, profile_at, request};

/// Makes a call to a server with one fault and checks what every error must hold to.
async fn failure(fault: Fault) -> CallError {
    let Err(error) = call_script(Script::always(Answer::fault(fault)), |_| ()).await else {
        panic!("a fault passed");
    };
    let text = error.to_string();
    assert!(
        !text.contains(KEY) && !format!("{error:?}").contains(KEY),
        "{text}"
    );
    assert!(!text.ends_with('.') && text.len() < 600, "{text}");
    error
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = call_profile(&profile_at(&format!("http://{address}/v1")), &request("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused") && error.is_unreachable() && !error.retryable());
}

#[tokio::test]
async fn no_such_host() {
    // `.invalid` never resolves (RFC 6761); the name stays on this machine.
    let error = call_profile(&profile_at("http://nowhere.invalid/v1"), &request("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_never_accepted() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Fills the queue of connections that wait to be accepted, so that the next gets no answer.
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
        waiting.push(stream);
    }
    let mut profile = profile_at(&format!("http://{address}/v1"));
    profile.timeouts.connect = SHORT;
    let error = call_profile(&profile, &request("x")).await.unwrap_err();
    assert!(
        matches!(error, CallError::ConnectTimeout { waited: SHORT, .. }),
        "{error:?}"
    );
    assert!(error.is_unreachable());
}

#[tokio::test]
async fn silence_before_and_inside_an_answer() {
    let late = Script::always(Answer::fault(Fault::Delay(PATIENT)));
    let error = call_script(late, |profile| profile.timeouts.first_byte = SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Silent {
                limit: "first_byte",
                ..
            }
        ),
        "{error:?}"
    );

    let no_body = Script::always(Answer::fault(Fault::Stall { after_events: 0 }));
    let error = call_script(no_body, |profile| profile.timeouts.first_byte = SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Silent {
                limit: "first_byte",
                ..
            }
        ),
        "{error:?}"
    );

    let stalled = Script::always(Answer::fault(Fault::Stall { after_events: 2 }));
    let error = call_script(stalled, |profile| profile.timeouts.idle = SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Silent {
                limit: "idle",
                waited: SHORT,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.retryable());
}

#[tokio::test]
async fn an_answer_without_end() {
    let late = Script::always(Answer::fault(Fault::Delay(PATIENT)));
    let error = call_script(late, |profile| profile.timeouts.total = SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::TotalTimeout { waited: SHORT, .. }),
        "{error:?}"
    );
    assert!(!error.retryable());
}

#[tokio::test]
async fn statuses() {
    let limited = Fault::Status {
        status: 429,
        retry_after: Some("7".to_owned()),
        body: "slow down".to_owned(),
    };
    let error = failure(limited).await;
    assert!(matches!(error, CallError::RateLimited { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(error.retryable());

    for code in [500, 502, 503, 529] {
        let error = failure(status(code, "out of memory")).await;
        assert!(
            matches!(error, CallError::ServerError { status, .. } if status == code),
            "{error:?}"
        );
        assert!(error.retryable() && error.to_string().contains("out of memory"));
    }
    for code in [400, 404, 422] {
        let error = failure(status(code, "no model `tiny`")).await;
        assert!(
            matches!(error, CallError::Rejected { status, .. } if status == code),
            "{error:?}"
        );
        assert!(!error.retryable());
    }
    for code in [401, 403] {
        let error = failure(status(code, &format!("wrong key {KEY}"))).await;
        assert!(
            matches!(error, CallError::Unauthorized { status, .. } if status == code),
            "{error:?}"
        );
    }
    let error = failure(status(307, "")).await;
    assert!(
        matches!(error, CallError::Redirected { status: 307, .. }),
        "{error:?}"
    );
    let body =
        r#"{"error":{"code":400,"message":"the request exceeds the available context size","n_ctx":4096}}"#;
    let error = failure(status(400, body)).await;
    assert!(
        matches!(
            error,
            CallError::TooLong {
                window: Some(4096),
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_repeats_the_key() {
    let error = failure(status(500, &format!("{} Bearer {KEY} is bad", "x ".repeat(100)))).await;
    assert!(error.to_string().contains("Bearer [key] is bad"), "{error}");
    let error = failure(Fault::ErrorInStream(json!({ "message": KEY }))).await;
    assert!(error.to_string().contains("[key]"), "{error}");
}

#[tokio::test]
async fn broken_connections() {
    for after_bytes in [0, 300] {
        let error = failure(Fault::Reset { after_bytes }).await;
        assert!(
            matches!(error, CallError::Reset { .. }),
            "{after_bytes}: {error:?}"
        );
        assert!(error.retryable());
    }
}

#[tokio::test]
async fn streams_that_end_too_soon() {
    for after_bytes in [1, 100, 300, 500] {
        for fault in [Fault::Cut { after_bytes }, Fault::CutFrame { after_bytes }] {
            let error = failure(fault.clone()).await;
            assert!(
                matches!(error, CallError::CutStream { .. }),
                "{fault:?}: {error:?}"
            );
            assert!(error.retryable());
        }
    }
}

#[tokio::test]
async fn an_answer_that_the_server_breaks_off() {
    for reason in ["error", "abort", "CANCELLED"] {
        for answer in [
            Answer::text("half a sentence"),
            Answer::text("half").with(Fault::WholeJson),
        ] {
            let error = call_script(Script::always(answer.finish(reason)), |_| ())
                .await
                .unwrap_err();
            assert!(matches!(error, CallError::Aborted { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("(`{reason}`)")) && error.retryable());
            assert!(!error.is_before_work());
        }
    }
}

fn body(kind: &'static str, body: &str) -> Script {
    let body = body.to_owned();
    Script::always(Answer::fault(Fault::Body { kind, body }))
}

#[tokio::test]
async fn errors_in_a_stream_are_told_as_they_are() {
    let is_told = |error: &CallError| {
        let told = error.to_string();
        assert!(
            told.contains("failed in the middle of its answer: out of memory"),
            "{told}"
        );
    };
    let begun = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let named = [
        "event: error\ndata: {\"message\":\"out of memory\"}\n\n",
        "event: error\ndata: out of memory\n\n",
        "error: {\"code\":7,\"message\":\"out of memory\"}\n\n",
    ];
    for event in named {
        let error = call_script(body("text/event-stream", &format!("{begun}{event}")), |_| ()).await;
        is_told(&error.unwrap_err());
    }
    let lines = "{\"message\":{\"content\":\"half\"},\"done\":false}\n{\"error\":\"out of memory\"}\n";
    let ollama = |profile: &mut smallcode_runtime::settings::Profile| profile.dialect = Dialect::Ollama;
    let error = call_script(body("application/x-ndjson", lines), ollama).await;
    is_told(&error.unwrap_err());
}

/// Wherever a stream is cut: an error, or the whole text. Lost after the reason, it lacks the counts.
#[tokio::test]
async fn a_cut_at_any_byte_gives_the_whole_text_or_an_error() {
    const LONGEST: usize = 800;
    let cuts = (1..LONGEST).step_by(3).flat_map(|after_bytes| {
        [Fault::Cut { after_bytes }, Fault::CutFrame { after_bytes }]
            .map(|cut| Answer::text("short").with(cut))
    });
    let server = ModelServer::start(Script::answers(cuts).otherwise(Answer::text("end")));
    let profile = profile_at(&server.base_url());
    let (mut errors, mut without_counts, mut whole) = (0, 0, 0);
    let (client, cancel) = (Client::new(), CancellationToken::new());
    loop {
        match call(&client, &profile, &request("x"), &cancel, &mut |_| ()).await {
            Ok(reply) if reply.text == "end" => break,
            Ok(reply) => {
                assert_eq!(reply.text, "short");
                if reply.usage.estimated {
                    without_counts += 1;
                } else {
                    whole += 1;
                }
            }
            Err(CallError::CutStream { .. }) => errors += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(
        errors > 100 && without_counts > 20 && whole > 0,
        "{errors} {without_counts} {whole}"
    );
}

#[tokio::test]
async fn what_is_no_answer() {
    let error = failure(Fault::MalformedSse).await;
    assert!(
        matches!(&error, CallError::Malformed { excerpt, .. } if excerpt.contains("oh no")),
        "{error:?}"
    );
    let error = failure(Fault::Html200).await;
    assert!(
        matches!(&error, CallError::NotJson200 { content, .. } if content.contains("text/html")),
        "{error:?}"
    );
    assert!(error.to_string().contains("`/v1`"));
    let error = failure(status(200, "<html>")).await;
    assert!(
        matches!(&error, CallError::NotJson200 { content, .. } if content == "<html>"),
        "{error:?}"
    );
}

/// One that streams is stopped long before; what comes at once is read up to a limit.
#[tokio::test]
async fn an_answer_that_is_larger_than_any_real_one() {
    let huge = Answer::fault(Fault::HugeAnswer {
        bytes: 17 * 1024 * 1024,
    });
    let at_once = huge.clone().with(Fault::WholeJson);
    let result = call_script(Script::always(at_once), |_| ()).await;
    assert!(matches!(result, Err(CallError::TooLarge { .. })), "{result:?}");
    let reply = call_script(Script::always(huge), |_| ()).await.unwrap();
    assert_eq!(reply.finish, Finish::Stopped(Stop::Looping));
    assert!(reply.text.len() < 1024 * 1024, "{}", reply.text.len());
}

#[tokio::test]
async fn errors_inside_a_stream() {
    let error = failure(Fault::ErrorInStream(
        json!({ "message": "cuda error", "type": "server_error" }),
    ))
    .await;
    assert!(
        matches!(error, CallError::ServerError { status: 200, .. }),
        "{error:?}"
    );
    let error = failure(Fault::ErrorInStream(json!({ "message": "later", "code": 429 }))).await;
    assert!(matches!(error, CallError::RateLimited { .. }), "{error:?}");
    let error = failure(Fault::ErrorInStream(json!({ "code": "context_length_exceeded" }))).await;
    assert!(matches!(error, CallError::TooLong { .. }), "{error:?}");
}

#[tokio::test]
async fn a_cancelled_call_ends_at_once() {
    let server = ModelServer::start(Script::always(Answer::fault(Fault::Stall { after_events: 3 })));
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let profile = profile_at(&server.base_url());
    // The first text of the answer stops it.
    let mut on_text = |_: &str| stop.cancel();
    let outcome = call(&Client::new(), &profile, &request("x"), &cancel, &mut on_text).await;
    assert_eq!(outcome, Err(CallError::Cancelled));
}

#[test]
fn a_profile_does_not_show_its_key() {
    let profile = profile_at("http://127.0.0.1:1");
    assert!(!format!("{profile:?}").contains(KEY));
}
