//! Servers are told apart and asked for their window.

use smallcode_runtime::model::Client;
use smallcode_runtime::model::discover::{ASSUMED_WINDOW, Candidates, Server, abilities, discover};
use smallcode_runtime::settings::{Origin, Sourced};

use crate::model_server::dialect::Dialect;
use crate::model_server::{Answer, Fault, ModelServer, Script};
use crate::profile_at;

fn playing(dialect: &Dialect) -> ModelServer {
    ModelServer::start(Script::answers([]).dialect(dialect, "tiny:latest"))
}

#[tokio::test]
async fn every_kind_of_server_is_recognised() {
    let kinds = [
        (
            Dialect::LlamaCpp {
                window: 8192,
                slots: 4,
            },
            Server::LlamaCpp,
            Some((8192, "/props")),
            Some(4),
        ),
        (
            Dialect::Ollama { window: Some(4096) },
            Server::Ollama,
            Some((4096, "/api/ps")),
            None,
        ),
        (Dialect::Ollama { window: None }, Server::Ollama, None, None),
        (
            Dialect::LmStudio {
                window: Some(2048),
                slots: 2,
            },
            Server::LmStudio,
            Some((2048, "/api/v1/models")),
            Some(2),
        ),
        (
            Dialect::LmStudio {
                window: None,
                slots: 2,
            },
            Server::LmStudio,
            None,
            None,
        ),
        (
            Dialect::OlderLmStudio { window: 2048 },
            Server::LmStudio,
            Some((2048, "/api/v0/models")),
            None,
        ),
        (
            Dialect::Vllm { window: 32768 },
            Server::Vllm,
            Some((32768, "/v1/models")),
            None,
        ),
        (Dialect::Plain, Server::Other, None, None),
    ];
    let servers: Vec<ModelServer> = kinds.iter().map(|(dialect, ..)| playing(dialect)).collect();
    let ports: Vec<u16> = servers.iter().map(ModelServer::port).collect();
    let found = discover(&Client::new(), &Candidates::on_ports(&ports))
        .await
        .unwrap();
    assert_eq!(found.len(), kinds.len());
    for ((dialect, server, window, slots), found) in kinds.iter().zip(&found) {
        assert_eq!(found.server, *server, "{dialect:?}");
        assert_eq!(found.models.len(), 1, "{dialect:?}");
        assert_eq!(found.models[0].name, "tiny:latest");
        assert_eq!(found.models[0].window, *window, "{dialect:?}");
        assert_eq!(found.slots, *slots, "{dialect:?}");
    }
    let profile = found[0].profile("local", &found[0].models[0]);
    assert_eq!(profile.window.as_ref().unwrap().value, 8192);
    assert_eq!(profile.needs_trust(), None);
    assert!(servers.iter().all(|server| server.calls().is_empty()));
}

#[tokio::test]
async fn other_services_on_a_usual_port_are_left_out() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let other =
        ModelServer::start(Script::answers([]).route("/v1/models", 200, serde_json::json!({ "ok": true })));
    let found = discover(&Client::new(), &Candidates::on_ports(&[closed, other.port()]))
        .await
        .unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_window_is_set_or_asked_or_assumed() {
    let client = Client::new();
    let server = playing(&Dialect::Ollama { window: Some(8192) });
    let mut profile = profile_at(&server.base_url());
    let window = abilities(&client, &profile).await.unwrap().window;
    assert_eq!(
        (window.value, window.origin.to_string().as_str()),
        (8192, "the server (/api/ps)")
    );
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.headers.contains_key("authorization"))
    );

    profile.model = Some(Sourced::built_in("another".to_owned()));
    let window = abilities(&client, &profile).await.unwrap().window;
    assert_eq!(window, Sourced::new(ASSUMED_WINDOW, Origin::Assumed));

    profile.window = Some(Sourced::built_in(1024));
    assert_eq!(abilities(&client, &profile).await.unwrap().window.value, 1024);

    let gone =
        Script::always(Answer::fault(Fault::Html200)).route("/v1/models", 500, serde_json::json!(null));
    let server = ModelServer::start(gone);
    let window = abilities(&client, &profile_at(&server.base_url()))
        .await
        .unwrap()
        .window;
    assert_eq!(window.origin, Origin::Assumed);
}

#[tokio::test]
async fn slots_are_set_or_asked() {
    let client = Client::new();
    let server = playing(&Dialect::LlamaCpp {
        window: 8192,
        slots: 4,
    });
    let mut profile = profile_at(&server.base_url());
    // A window of one's own doesn't hide how many calls the server takes.
    profile.window = Some(Sourced::built_in(1024));
    let told = abilities(&client, &profile).await.unwrap();
    assert_eq!((told.window.value, told.slots), (1024, Some(4)));

    profile.slots = Some(Sourced::built_in(2));
    let asked = server.requests().len();
    assert_eq!(abilities(&client, &profile).await.unwrap().slots, Some(2));
    assert_eq!(server.requests().len(), asked, "nothing is left to ask for");

    let server = playing(&Dialect::Plain);
    let told = abilities(&client, &profile_at(&server.base_url())).await.unwrap();
    assert_eq!(told.slots, None);
}
