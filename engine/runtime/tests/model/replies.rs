//! What a good server says is understood.

use serde_json::json;
use smallcode_core::tokens::{Family, Tokens};
use smallcode_runtime::model::{
    Client, Dialect, Finish, Request, ToolCall, Usage, UsageVerdict, call, compare_usage, estimate_request,
};
use tokio_util::sync::CancellationToken;

use crate::model_server::script::Reported;
use crate::model_server::{Answer, Fault, ModelServer, Script};
use crate::{KEY, call_profile, call_script, profile_at, request};

#[tokio::test]
async fn a_reply_is_streamed_and_put_together() {
    let answer = Answer::text("Grüße from a small model").thinking("hm, a greeting");
    let server = ModelServer::start(Script::answers([answer]));
    let mut streamed = Vec::new();
    let reply = call(
        &Client::new(),
        &profile_at(&server.base_url()),
        &Request {
            schema: Some(json!({ "type": "object" })),
            ..request("hello")
        },
        &CancellationToken::new(),
        &mut |text| streamed.push(text.to_owned()),
    )
    .await
    .unwrap();
    assert_eq!(reply.text, "Grüße from a small model");
    assert_eq!(reply.thinking, "hm, a greeting");
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(reply.model.as_deref(), Some("tiny"));
    assert!(!reply.usage.estimated && reply.usage.prompt > 0);
    assert_eq!(streamed.concat(), reply.text);
    assert!(streamed.len() > 1);

    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(calls[0].last_user_message(), "hello");
    assert_eq!(calls[0].schema(), Some(&json!({ "type": "object" })));
    for name in ["temperature", "top_p", "seed", "max_tokens"] {
        assert!(calls[0].body[name].is_number(), "{name}");
    }
}

#[tokio::test]
async fn pieces_of_any_size_make_the_same_reply() {
    let answer = Answer::text("ünïcödé 我们 and\nlines").tool("read", r#"{"path":"ä.rs"}"#);
    let whole = call_script(Script::always(answer.clone()), |_| ()).await.unwrap();
    for bytes in [1, 2, 3, 7, 64] {
        let pieces = Script::always(answer.clone().with(Fault::Pieces { bytes }));
        assert_eq!(call_script(pieces, |_| ()).await.unwrap(), whole, "{bytes}");
    }
}

#[tokio::test]
async fn tool_calls_are_put_together() {
    let answer = Answer::text("")
        .tool("read_file", r#"{"path":"src/main.rs"}"#)
        .tool("list", "{}");
    let reply = call_script(Script::always(answer), |_| ()).await.unwrap();
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let wanted = [
        call("call_0", "read_file", r#"{"path":"src/main.rs"}"#),
        call("call_1", "list", "{}"),
    ];
    assert_eq!(reply.tool_calls, wanted);
    assert_eq!(reply.finish, Finish::ToolCalls);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let answer = Answer::text("whole")
        .thinking("t")
        .tool("a", "{}")
        .with(Fault::WholeJson);
    let reply = call_script(Script::always(answer), |_| ()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.thinking.as_str()), ("whole", "t"));
    assert_eq!(reply.tool_calls.len(), 1);
}

#[tokio::test]
async fn missing_counts_are_estimated_and_marked() {
    let answer = Answer::text("four words of text").usage(Reported::Absent);
    let reply = call_script(Script::always(answer), |_| ()).await.unwrap();
    let estimate = estimate_request(Family::Unknown, &request("hello"));
    assert!(reply.usage.estimated);
    assert_eq!(reply.usage.prompt, estimate.high.get());
    assert!(reply.usage.completion >= 4);
    assert_eq!(
        compare_usage(estimate, estimate.high, &reply.usage),
        UsageVerdict::Consistent
    );
}

#[tokio::test]
async fn reasons_of_all_kinds_are_kept() {
    for (reason, finish) in [
        ("length", Finish::Length),
        ("content_filter", Finish::Withheld("content_filter".to_owned())),
        // The stream ended as it should, without a reason.
        ("", Finish::Other(String::new())),
    ] {
        let reply = call_script(Script::always(Answer::text("x").finish(reason)), |_| ())
            .await
            .unwrap();
        assert_eq!(reply.finish, finish);
    }
}

#[tokio::test]
async fn a_prompt_cut_in_silence_is_found() {
    let long = request(&"The quick brown fox jumps over the lazy dog. ".repeat(800));
    let estimate = estimate_request(Family::Unknown, &long);
    let verdict = async |reported| {
        let server = ModelServer::start(Script::always(Answer::text("ok").usage(reported)));
        let reply = call_profile(&profile_at(&server.base_url()), &long)
            .await
            .unwrap();
        compare_usage(estimate, estimate.high, &reply.usage)
    };
    assert_eq!(verdict(Reported::Counted).await, UsageVerdict::Consistent);
    let UsageVerdict::Cut(cut) = verdict(Reported::Exactly {
        prompt: 2_048,
        completion: 1,
    })
    .await
    else {
        panic!("a cut prompt passed");
    };
    assert_eq!(cut.counted, Tokens(2_048));
    assert!(cut.to_string().contains("cut the prompt in silence"));
    let more = verdict(Reported::Exactly {
        prompt: 50_000,
        completion: 1,
    })
    .await;
    assert!(matches!(
        more,
        UsageVerdict::Underestimated {
            counted: Tokens(50_000),
            ..
        }
    ));
}

#[tokio::test]
async fn a_key_is_not_sent_to_another_server() {
    let server = ModelServer::start(Script::always(Answer::text("x")));
    let mut profile = profile_at("http://127.0.0.1:1");
    profile.base_url = profile_at(&server.base_url()).base_url;
    let reply = call_profile(&profile, &request("hello")).await.unwrap();
    assert_eq!(server.calls()[0].headers.get("authorization"), None);
    assert_eq!(
        reply.usage,
        Usage {
            estimated: false,
            ..reply.usage
        }
    );
}

/// Attempts run as tasks of their own.
#[test]
fn a_call_can_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let (client, profile, request) = (Client::new(), profile_at("http://127.0.0.1:1"), request("x"));
    let (cancel, mut on_text) = (CancellationToken::new(), |_: &str| ());
    is_send(&call(&client, &profile, &request, &cancel, &mut on_text));
    is_send(&smallcode_runtime::model::discover::abilities(&client, &profile));
}

#[test]
fn faults_by_chance_follow_the_seed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcomes = |seed| {
        let rates = vec![
            crate::model_server::script::Rate {
                percent: 30,
                fault: Fault::status(503),
            },
            crate::model_server::script::Rate {
                percent: 20,
                fault: Fault::Cut { after_bytes: 100 },
            },
        ];
        let server = ModelServer::start(Script::seeded(seed, rates, []).otherwise(Answer::text("an answer")));
        let profile = profile_at(&server.base_url());
        (0..20)
            .map(|number| {
                let outcome = runtime.block_on(call_profile(&profile, &request(&number.to_string())));
                outcome.map_or_else(|error| error.to_string(), |reply| reply.text)
            })
            .map(|text| text.replace(&profile.base_url.value.host(), "host"))
            .collect::<Vec<_>>()
    };
    let first = outcomes(7);
    assert_eq!(first, outcomes(7));
    assert_ne!(first, outcomes(8));
    assert!(first.iter().any(|text| text == "an answer"));
    assert!(first.iter().any(|text| text.contains("503")));
}

#[tokio::test]
async fn a_whole_answer_that_is_called_a_stream_is_read() {
    for dialect in [Dialect::OpenAi, Dialect::Ollama] {
        let body = match dialect {
            Dialect::Ollama => "{\"message\":{\"content\":\"so\"}}\n{\"done\":true}\n",
            _ => {
                "\n{\n  \"choices\": [{ \"message\": { \"content\": \"so\" }, \"finish_reason\": \"stop\" }]\n}\n"
            }
        };
        let answer = Answer::fault(Fault::Body {
            kind: "text/event-stream",
            body: body.to_owned(),
        });
        let reply = call_script(Script::always(answer), |profile| profile.dialect = dialect)
            .await
            .unwrap();
        assert_eq!(reply.text, "so");
    }
}

#[tokio::test]
async fn a_character_that_was_cut_in_half_is_whole_again() {
    let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let end = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n";
    let answer = Answer::fault(Fault::Body {
        kind: "text/event-stream",
        body: event("a\\ud83d") + &event("\\ude00b") + end,
    });
    let reply = call_script(Script::always(answer), |_| ()).await.unwrap();
    assert_eq!(reply.text, "a😀b");
}
