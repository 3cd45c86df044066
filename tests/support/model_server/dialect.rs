//! What other routes answer, to play a kind of server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A kind of server, with the window that its model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A list of models and nothing else.
    Plain,
    LlamaCpp {
        window: u64,
        slots: u64,
    },
    /// No window: the model is not loaded.
    Ollama {
        window: Option<u64>,
    },
    LmStudio {
        window: Option<u64>,
        slots: u64,
    },
    /// Before 0.4.
    OlderLmStudio {
        window: u64,
    },
    Vllm {
        window: u64,
    },
}

/// Returns the routes of a server, with their answers.
pub(super) fn routes(dialect: &Dialect, model: &str) -> BTreeMap<String, (u16, Value)> {
    let models = |extra: Value| {
        let mut entry = json!({ "id": model, "object": "model" });
        if let (Value::Object(entry), Value::Object(extra)) = (&mut entry, extra) {
            entry.extend(extra);
        }
        ("/v1/models", json!({ "object": "list", "data": [entry] }))
    };
    let answers = match *dialect {
        Dialect::Plain => vec![models(json!({ "owned_by": "nobody" }))],
        Dialect::LlamaCpp { window, slots } => vec![
            models(json!({ "owned_by": "llamacpp", "meta": { "n_ctx_train": 1_000_000 } })),
            (
                "/props",
                json!({
                    "build_info": "b1-0",
                    "total_slots": slots,
                    "default_generation_settings": { "n_ctx": window },
                }),
            ),
        ],
        Dialect::Ollama { window } => {
            let running: Vec<Value> = window
                .iter()
                .map(|window| json!({ "name": model, "context_length": window }))
                .collect();
            vec![
                models(json!({ "owned_by": "library" })),
                ("/api/version", json!({ "version": "0.99.0" })),
                (
                    "/api/tags",
                    json!({ "models": [{ "name": model, "digest": "d1" }] }),
                ),
                ("/api/ps", json!({ "models": running })),
            ]
        }
        Dialect::LmStudio { window, slots } => {
            let config = |window| json!({ "config": { "context_length": window, "parallel": slots } });
            let instances: Vec<Value> = window.iter().map(config).collect();
            let entry = json!({ "key": model, "max_context_length": 131_072, "loaded_instances": instances });
            vec![
                models(json!({})),
                ("/api/v1/models", json!({ "models": [entry] })),
            ]
        }
        Dialect::OlderLmStudio { window } => {
            let entry = json!({ "id": model, "state": "loaded", "loaded_context_length": window });
            vec![models(json!({})), ("/api/v0/models", json!({ "data": [entry] }))]
        }
        Dialect::Vllm { window } => {
            vec![
                models(json!({ "owned_by": "vllm", "max_model_len": window })),
                ("/version", json!({ "version": "0.12.1" })),
            ]
        }
    };
    answers
        .into_iter()
        .map(|(path, body)| (path.to_owned(), (200, body)))
        .collect()
}
