//! Which server it is, by its answers to the questions that only one kind knows.

use serde_json::{Value, json};

use super::{ASSUMED_WINDOW, Found, FoundModel, Origin, Price, Questions, Server, Sourced, Usd};

/// Asks one server everything at once, so that one that never answers costs a single limit.
pub(super) async fn identify(questions: &Questions) -> Option<Found> {
    let (listed, props, version, studio, older_studio) = tokio::join!(
        questions.ask_dialect("models"),
        questions.ask("props"),
        questions.ask("api/version"),
        questions.ask("api/v1/models"),
        questions.ask("api/v0/models"),
    );
    let models = listed.as_ref().map(openai_models).unwrap_or_default();
    if let Some(found) = props.and_then(|props| llama_cpp(questions, &props, &models)) {
        return Some(found);
    }
    if version.is_some_and(|version| text(&version, "version").is_some())
        && let Some(found) = ollama(questions).await
    {
        return Some(found);
    }
    if let Some(found) = studio.and_then(|listed| lm_studio(questions, &listed)) {
        return Some(found);
    }
    if let Some(found) = older_studio.and_then(|listed| older_lm_studio(questions, &listed)) {
        return Some(found);
    }
    let listed = listed.filter(|listed| listed.get("data").is_some_and(Value::is_array))?;
    let is_vllm = items(&listed, "data").any(|model| text(model, "owned_by") == Some("vllm"));
    let server = if is_vllm { Server::Vllm } else { Server::Other };
    let mut found = found(questions, server, models, None);
    if is_vllm {
        let told = questions.ask("version").await;
        found.version = told.and_then(|told| text(&told, "version").map(str::to_owned));
    }
    Some(found)
}

fn found(questions: &Questions, server: Server, models: Vec<FoundModel>, slots: Option<u64>) -> Found {
    Found {
        server,
        base_url: questions.url.clone(),
        models,
        slots,
        version: None,
    }
}

/// `/props` tells llama.cpp; its `n_ctx` is what one slot sees, which is what counts.
fn llama_cpp(questions: &Questions, props: &Value, models: &[FoundModel]) -> Option<Found> {
    let slots = number(props, "total_slots");
    if slots.is_none() && props.get("build_info").is_none() {
        return None;
    }
    let window = props
        .get("default_generation_settings")
        .and_then(|settings| number(settings, "n_ctx"));
    let mut models = models.to_vec();
    // With several models (router mode) the window is of one that nobody named.
    if let [only] = models.as_mut_slice() {
        only.window = window.map(|window| (window, "/props"));
        only.loaded = Some(true);
    }
    Some(found(questions, Server::LlamaCpp, models, slots))
}

/// `/api/version` told Ollama; `/api/ps` has the windows of what is loaded. What is not loaded has
/// no window yet: its trained length says nothing about what Ollama will allot.
async fn ollama(questions: &Questions) -> Option<Found> {
    let (tags, running) = tokio::join!(questions.ask("api/tags"), questions.ask("api/ps"));
    let (tags, running) = (tags?, running.unwrap_or(Value::Null));
    let models = items(&tags, "models").filter_map(|tag| {
        let name = text(tag, "name")?;
        let loaded = items(&running, "models").find(|model| text(model, "name") == Some(name));
        Some(FoundModel {
            name: name.to_owned(),
            window: loaded
                .and_then(|model| number(model, "context_length"))
                .map(|window| (window, "/api/ps")),
            loaded: Some(loaded.is_some()),
            digest: text(tag, "digest").map(str::to_owned),
            price: None,
        })
    });
    Some(found(questions, Server::Ollama, models.collect(), None))
}

/// `/api/v1/models` tells LM Studio from 0.4 on. It answers 200 to any path, so the keys decide.
fn lm_studio(questions: &Questions, listed: &Value) -> Option<Found> {
    if !listed.get("models").is_some_and(Value::is_array) {
        return None;
    }
    let slots = items(listed, "models").find_map(|model| number(config(model)?, "parallel"));
    let models = items(listed, "models").filter_map(|model| {
        let window = config(model).and_then(|config| number(config, "context_length"));
        Some(FoundModel {
            name: text(model, "key")?.to_owned(),
            window: window.map(|window| (window, "/api/v1/models")),
            loaded: Some(config(model).is_some()),
            digest: None,
            price: None,
        })
    });
    Some(found(questions, Server::LmStudio, models.collect(), slots))
}

/// `/api/v0/models` tells LM Studio from 0.3.6 on.
fn older_lm_studio(questions: &Questions, listed: &Value) -> Option<Found> {
    if !items(listed, "data").any(|model| model.get("state").is_some()) {
        return None;
    }
    let models = items(listed, "data").filter_map(|model| {
        let window = number(model, "loaded_context_length");
        Some(FoundModel {
            name: text(model, "id")?.to_owned(),
            window: window.map(|window| (window, "/api/v0/models")),
            loaded: Some(text(model, "state") == Some("loaded")),
            digest: None,
            price: None,
        })
    });
    Some(found(questions, Server::LmStudio, models.collect(), None))
}

/// The settings of an LM Studio model's first loaded instance.
fn config(model: &Value) -> Option<&Value> {
    items(model, "loaded_instances").next()?.get("config")
}

/// The models of `/v1/models`; vLLM tells `max_model_len`, `OpenRouter` and others `context_length`.
fn openai_models(listed: &Value) -> Vec<FoundModel> {
    let models = items(listed, "data").filter_map(|model| {
        let window = number(model, "max_model_len").or_else(|| number(model, "context_length"));
        Some(FoundModel {
            name: text(model, "id")?.to_owned(),
            window: window.map(|window| (window, "/v1/models")),
            loaded: None,
            digest: None,
            price: model.get("pricing").and_then(price),
        })
    });
    models.collect()
}

/// `OpenRouter` tells what one token costs, in dollars and as text.
fn price(pricing: &Value) -> Option<Price> {
    let of = |name: &str| {
        let dollars: f64 = text(pricing, name)?.parse().ok()?;
        // Dollars for a token are as many millionths of a dollar for a million of them, a million times.
        Some(Usd::dollars(dollars * 1_000_000.0)?.0.div_ceil(1_000))
    };
    let input = of("prompt")?;
    Some(Price {
        input,
        cached: of("input_cache_read").unwrap_or(input),
        output: of("completion")?,
    })
}

/// The window to ask Ollama for where nothing says one: twice what it gives by itself on a small machine, so that
/// prompts have room, and 1 GB of memory for a model of 7B.
const OLLAMA_WINDOW: u64 = 8_192;

/// The window of a model that is not loaded: Ollama gives it the one that is asked for, as far as the model goes.
pub(super) async fn ollama_window(questions: &Questions, model: &str) -> Sourced<u64> {
    let shown = questions.post("api/show", &json!({ "model": model })).await;
    let info = shown.as_ref().and_then(|shown| shown.get("model_info"));
    let trained = info.and_then(Value::as_object).and_then(|info| {
        let of_model =
            |(name, value): (&String, &Value)| value.as_u64().filter(|_| name.ends_with(".context_length"));
        info.iter().find_map(of_model)
    });
    match trained {
        Some(trained) => Sourced::new(
            OLLAMA_WINDOW.min(trained),
            Origin::Server {
                question: "/api/show".to_owned(),
            },
        ),
        None => Sourced::new(ASSUMED_WINDOW, Origin::Assumed),
    }
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value
        .get(name)
        .and_then(Value::as_u64)
        .filter(|number| *number > 0)
}
