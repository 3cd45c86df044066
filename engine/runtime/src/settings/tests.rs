use super::*;

struct Fixture {
    directory: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    flags: Flags,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("home/.config/smallcode")).unwrap();
        std::fs::create_dir_all(directory.path().join("work")).unwrap();
        Self {
            directory,
            environment: BTreeMap::new(),
            flags: Flags::default(),
        }
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().join(name)).unwrap()
    }

    fn user(self, text: &str) -> Self {
        std::fs::write(self.path("home/.config/smallcode/config.toml"), text).unwrap();
        self
    }

    fn workspace(self, text: &str) -> Self {
        std::fs::write(self.path("work/smallcode.toml"), text).unwrap();
        self
    }

    fn dotenv(self, text: &str) -> Self {
        std::fs::write(self.path("work/.env"), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.values.insert(name.to_owned(), value.to_owned());
        self
    }

    fn load(&self) -> Result<Settings, LoadError> {
        let home = self.path("home");
        let workspace = self.path("work");
        Settings::load(&Sources {
            environment: &self.environment,
            home: Some(&home),
            workspace: &workspace,
            flags: &self.flags,
        })
    }

    fn selected(&self, name: &str) -> Selected {
        self.load().unwrap().profile(Some(name)).unwrap()
    }

    /// The problems, with the directory of this test left out.
    fn problems(&self) -> String {
        self.load()
            .unwrap_err()
            .to_string()
            .replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn texts(notes: &[Note]) -> Vec<String> {
    notes.iter().map(Note::to_string).collect()
}

#[test]
fn nothing_configured_is_a_cue_to_look_around() {
    let error = Fixture::new().load().unwrap().profile(None).unwrap_err();
    assert_eq!(
        error,
        ProfileError::NothingConfigured {
            name: "default".to_owned()
        }
    );
}

#[test]
fn each_layer_overrides_the_weaker_ones() {
    let layered = Fixture::new()
        .user("[profiles.default]\nbase_url = 'http://localhost:1/v1'\nmodel = 'user'\nwindow = 1000\nseed = 7\n")
        .workspace("[profiles.default]\nmodel = 'workspace'\nwindow = 2000\n")
        .dotenv("SMALLCODE_WINDOW=3000\nSMALLCODE_MODEL=dotenv\n")
        .variable("SMALLCODE_WINDOW", "4000");
    let profile = layered.selected("default").profile;
    assert_eq!(profile.seed.value, 7);
    assert_eq!(profile.model_name(), "dotenv");
    assert!(matches!(profile.model.unwrap().origin, Origin::Dotenv { .. }));
    let window = profile.window.unwrap();
    assert_eq!(
        (window.value, window.origin.to_string().as_str()),
        (4000, "environment (SMALLCODE_WINDOW)")
    );
    let place = profile.base_url.origin.to_string();
    assert!(place.ends_with("config.toml:2:12"), "{place}");

    let profile = layered
        .flag("SMALLCODE_WINDOW", "5000")
        .selected("default")
        .profile;
    assert_eq!(profile.window.unwrap().value, 5000);
    assert_eq!(profile.timeouts, Timeouts::default());
}

#[test]
fn a_profile_may_say_everything() {
    let profile = Fixture::new()
        .user(
            "[profiles.big]\nbase_url = 'https://models.example'\nmodel = 'm'\napi_key = 'k'\nwindow = 8_192\n\
             max_output = 1024\ntemperature = 1\ntop_p = 0.5\nseed = 3\nslots = 4\n\
             timeouts = { connect = '1s', first_byte = '2m', idle = '500ms', total = '1h' }\n",
        )
        .selected("big")
        .profile;
    assert_eq!(profile.base_url.value.to_string(), "https://models.example/v1");
    assert_eq!(profile.window.as_ref().unwrap().value, 8192);
    assert!((profile.temperature.value - 1.0).abs() < f64::EPSILON);
    assert_eq!(profile.slots.as_ref().unwrap().value, 4);
    assert_eq!(profile.timeouts.idle.as_millis(), 500);
    assert_eq!(profile.key(), Some("k"));
    assert!(!format!("{profile:?}").contains("\"k\""));
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let problems = Fixture::new()
        .workspace("[profiles.x]\nbase_ur = 'a'\nwindow = 'big'\napi_key = 'sk-1'\n[profile.y]\n")
        .variable("SMALLCODE_BASE_URL", "localhost:8080")
        .variable("SMALLCODE_WINDOW", "4k")
        .problems();
    let wanted = [
        "work/smallcode.toml:2:1: unknown key `base_ur`; did you mean `base_url`?",
        "work/smallcode.toml:3:10: `window` is a whole number from 256 to 16777216",
        "work/smallcode.toml:4:1: a key in a workspace would be shared with it; write `api_key_env = \"NAME\"`",
        "work/smallcode.toml:5:2: unknown key `profile`; did you mean `profiles`?",
        "environment (SMALLCODE_BASE_URL): `localhost:8080` is not a URL",
        "environment (SMALLCODE_WINDOW): a window is 256 to",
    ];
    for line in wanted {
        assert!(problems.contains(line), "{line}\nis not in\n{problems}");
    }
    assert!(!problems.contains("sk-1"));
}

#[test]
fn broken_toml_has_a_place() {
    let problems = Fixture::new().workspace("[profiles.x]\nmodel = \n").problems();
    assert!(problems.starts_with("work/smallcode.toml:2:"), "{problems}");
}

#[test]
fn a_name_nobody_defined_is_served_by_default() {
    let fixture = Fixture::new()
        .user("[profiles.local]\nbase_url = 'http://localhost:1'\n")
        .variable("SMALLCODE_BASE_URL", "http://127.0.0.1:2")
        .variable("SMALLCODE_MODEL", "tiny");
    let selected = fixture.selected("locel");
    assert_eq!(selected.profile.name, "default");
    assert_eq!(
        texts(&selected.notes),
        ["nobody defines profile `locel`; `default` serves it; did you mean `local`?"]
    );
    assert_eq!(
        fixture.selected("local").profile.base_url.value.host(),
        "localhost:1"
    );
}

#[test]
fn a_key_goes_only_to_the_server_it_was_configured_for() {
    let user = "[profiles.default]\nbase_url = 'https://api.example'\napi_key = 'sk-user'\n";
    let selected = Fixture::new()
        .user(user)
        .dotenv("SMALLCODE_BASE_URL=https://evil.example\n")
        .selected("default");
    assert_eq!(selected.profile.key(), None);
    let notes = texts(&selected.notes);
    let wanted = "belongs to api.example:443 and is not sent to evil.example:443";
    assert!(notes[0].ends_with(wanted), "{notes:?}");

    // A key of the environment belongs to the server that the user names.
    let selected = Fixture::new()
        .user("[profiles.default]\nbase_url = 'https://api.example'\n")
        .dotenv("SMALLCODE_BASE_URL=https://evil.example\n")
        .variable("SMALLCODE_API_KEY", "sk-env")
        .selected("default");
    assert_eq!(selected.profile.key(), None);

    // A key of the workspace is not sent to the user's own server.
    let selected = Fixture::new()
        .dotenv("SMALLCODE_BASE_URL=https://a.example\nSMALLCODE_API_KEY=sk-a\n")
        .variable("SMALLCODE_BASE_URL", "https://b.example")
        .selected("default");
    assert_eq!(selected.profile.key(), None);

    // A changed port or scheme is another server.
    let selected = Fixture::new()
        .user(user)
        .workspace("[profiles.default]\nbase_url = 'http://api.example'\n")
        .selected("default");
    assert_eq!(selected.profile.key(), None);
}

#[test]
fn a_weaker_key_for_the_right_server_is_found() {
    let selected = Fixture::new()
        .user("[profiles.default]\nbase_url = 'https://api.example'\n")
        .dotenv("SMALLCODE_BASE_URL=https://b.example\nSMALLCODE_API_KEY=sk-b\n")
        .variable("SMALLCODE_API_KEY", "sk-env")
        .selected("default");
    assert_eq!(selected.profile.key(), Some("sk-b"));
}

#[test]
fn nothing_shows_a_key() {
    let fixture = Fixture::new()
        .user("[profiles.a]\nbase_url = 'https://a.example'\napi_key = 'sk-1'\n")
        .dotenv("SMALLCODE_BASE_URL=http://127.0.0.1:1\nSMALLCODE_API_KEY=sk-2\n")
        .variable("OPENAI_API_KEY", "sk-3")
        .variable("SMALLCODE_API_KEY", "sk-4");
    let settings = fixture.load().unwrap();
    let shown = format!(
        "{settings:?} {:?} {:?}",
        fixture.selected("a"),
        fixture.selected("default")
    );
    assert!(!shown.contains("sk-"), "{shown}");
}

#[test]
fn an_ambient_openai_key_is_never_taken() {
    let selected = Fixture::new()
        .variable("OPENAI_API_KEY", "sk-ambient")
        .variable("SMALLCODE_BASE_URL", "https://models.example/v1")
        .selected("default");
    assert_eq!(selected.profile.key(), None);
    assert!(texts(&selected.notes)[0].starts_with("OPENAI_API_KEY is not sent to models.example:443"));
}

#[test]
fn a_missing_or_unsendable_key_is_an_error() {
    let named = "[profiles.a]\nbase_url = 'https://a.example'\napi_key_env = 'A_KEY'\n";
    let error = Fixture::new()
        .workspace(named)
        .load()
        .unwrap()
        .profile(Some("a"))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("takes its key from `A_KEY`, which is not set"),
        "{error}"
    );
    let fixture = Fixture::new().workspace(named).variable("A_KEY", "two\nlines");
    let error = fixture.load().unwrap().profile(Some("a")).unwrap_err();
    assert!(matches!(error, ProfileError::BadKey { .. }));
    assert!(!error.to_string().contains("two"));
    let fixture = Fixture::new().workspace(named).dotenv("A_KEY=sk-in-dotenv");
    assert_eq!(fixture.selected("a").profile.key(), Some("sk-in-dotenv"));
}

#[test]
fn dotenv_does_not_take_in_the_environment() {
    // `PATH` is set in every test process.
    let fixture = Fixture::new().dotenv(
        "\u{feff}SMALLCODE_BASE_URL=http://127.0.0.1:1/$PATH\nSMALLCODE_MODEL=\"a${PATH}b\"\nOTHER='c$d'\n",
    );
    let profile = fixture.selected("default").profile;
    assert_eq!(profile.model_name(), "a${PATH}b");
    assert_eq!(profile.base_url.value.to_string(), "http://127.0.0.1:1/$PATH");
}

#[test]
fn bad_lines_of_dotenv_are_reported_without_their_text() {
    let problems = Fixture::new()
        .dotenv("GOOD=1\nSMALLCODE_API_KEY sk-123\n")
        .problems();
    assert_eq!(
        problems,
        "work/.env:2: this line is not `NAME=value`; put quotes round a value with spaces"
    );

    let problems = Fixture::new()
        .dotenv("SMALLCODE_MODEL=two words\nSMALLCODE_WINDOW='4096\n")
        .problems();
    assert!(
        problems.starts_with("work/.env:1: ") && problems.contains("\nwork/.env:2: "),
        "{problems}"
    );
    let problems = Fixture::new().dotenv(&"not a dotenv\n".repeat(10_000)).problems();
    assert!(problems.starts_with("work/.env: "), "{problems}");

    let fixture = Fixture::new().dotenv("OTHER=secret with spaces\nSMALLCODE_BASE_URL=http://127.0.0.1:1\n");
    let notes = texts(fixture.load().unwrap().notes());
    assert!(
        notes[0].ends_with(".env:1: this line is not `NAME=value` and is passed over"),
        "{notes:?}"
    );
    assert_eq!(
        fixture.selected("default").profile.base_url.value.host(),
        "127.0.0.1:1"
    );
}

#[test]
fn a_misspelt_variable_is_noted() {
    let settings = Fixture::new()
        .dotenv("SMALLCODE_BASEURL=http://127.0.0.1:1\n")
        .load()
        .unwrap();
    let notes = texts(settings.notes());
    assert!(
        notes[0].ends_with("did you mean `SMALLCODE_BASE_URL`?"),
        "{notes:?}"
    );
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.path("work/.env")).unwrap();
    assert!(matches!(fixture.load(), Err(LoadError::NotAFile { .. })));
    let fixture = Fixture::new().workspace(&"#".repeat(70_000));
    assert!(matches!(fixture.load(), Err(LoadError::TooLarge { .. })));
}

#[test]
fn a_server_elsewhere_that_the_workspace_chose_needs_trust_once() {
    let fixture = Fixture::new()
        .dotenv("SMALLCODE_BASE_URL=https://models.example\n")
        .variable("SMALLCODE_API_KEY", "sk-env");
    let trust = fixture.selected("default").profile.needs_trust().unwrap();
    assert_eq!(
        (trust.host.as_str(), trust.key.as_deref()),
        ("models.example:443", Some("SMALLCODE_API_KEY"))
    );
    assert!(trust.file.ends_with(".env"));

    let store = TrustStore::in_directory(&fixture.path("home/.local/state/smallcode"));
    let workspace = fixture.path("work");
    assert!(!store.is_trusted(&workspace, &trust).unwrap());
    store.remember(&workspace, &trust).unwrap();
    assert!(store.is_trusted(&workspace, &trust).unwrap());
    assert!(store.is_trusted(&workspace.join("../work"), &trust).unwrap());
    assert!(!store.is_trusted(&fixture.path("home"), &trust).unwrap());
    let other_key = Trust {
        key: Some("AWS_SECRET_ACCESS_KEY".to_owned()),
        ..trust.clone()
    };
    assert!(!store.is_trusted(&workspace, &other_key).unwrap());
    let other_host = Trust {
        host: "evil.example:443".to_owned(),
        ..trust
    };
    assert!(!store.is_trusted(&workspace, &other_host).unwrap());
}

#[test]
fn loopback_and_the_users_own_choice_need_no_trust() {
    for host in [
        "127.0.0.1:1",
        "localhost:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
        "a.localhost",
    ] {
        let fixture = Fixture::new().dotenv(&format!("SMALLCODE_BASE_URL=http://{host}\n"));
        assert_eq!(fixture.selected("default").profile.needs_trust(), None, "{host}");
    }
    let fixture = Fixture::new().variable("SMALLCODE_BASE_URL", "https://models.example");
    assert_eq!(fixture.selected("default").profile.needs_trust(), None);
    for host in [
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::ffff:10.0.0.1]",
    ] {
        let fixture = Fixture::new().dotenv(&format!("SMALLCODE_BASE_URL=http://{host}\n"));
        assert!(
            fixture.selected("default").profile.needs_trust().is_some(),
            "{host}"
        );
    }
}

#[test]
fn addresses_are_read_strictly() {
    assert_eq!(
        ServerUrl::parse("http://h:1").unwrap().to_string(),
        "http://h:1/v1"
    );
    assert_eq!(
        ServerUrl::parse("http://h:1/api/v3/")
            .unwrap()
            .route("models")
            .as_str(),
        "http://h:1/api/v3/models"
    );
    assert_eq!(
        ServerUrl::parse("http://h:1/x/v1")
            .unwrap()
            .root_route("props")
            .as_str(),
        "http://h:1/x/props"
    );
    assert!(matches!(
        ServerUrl::parse("ftp://h"),
        Err(ServerUrlError::Scheme { .. })
    ));
    assert!(matches!(
        ServerUrl::parse("http://u:secret@h"),
        Err(ServerUrlError::Credentials)
    ));
    assert!(matches!(
        ServerUrl::parse("u:secret@h:99999"),
        Err(ServerUrlError::Credentials)
    ));
    assert!(matches!(
        ServerUrl::parse("http://h/?key=1"),
        Err(ServerUrlError::Query)
    ));
    assert!(matches!(ServerUrl::parse(""), Err(ServerUrlError::NotUrl { .. })));
}
