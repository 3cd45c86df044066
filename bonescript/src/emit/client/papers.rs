//! What a project is started, explained and shipped with.

use minijinja::context;

use super::super::project::FileSet;
use super::super::templates::{code, comment, text};
use super::super::{Build, EmitError, Target, names};
use super::operation::Operation;

/// Settings: name, what stands there at first, what it is for.
const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "JWT_SECRET",
        "",
        "Signs tokens; 32 characters at least. There is no default: `openssl rand -hex 32`.",
    ),
    (
        "TOKEN_TTL",
        "1h",
        "How long a token is good for: seconds, or with `s`, `m`, `h`, `d`.",
    ),
    ("HOST", "127.0.0.1", "Where it listens; `0.0.0.0` in a container."),
    ("PORT", "3000", "Where it listens."),
    (
        "LOG_LEVEL",
        "info",
        "`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.",
    ),
    (
        "ALLOWED_ORIGINS",
        "",
        "Origins of browsers that may call, with commas between.",
    ),
    (
        "TRUST_PROXY",
        "",
        "Addresses of proxies whose `X-Forwarded-For` is believed.",
    ),
    ("BODY_LIMIT_BYTES", "1048576", "The largest body."),
    (
        "REQUEST_TIMEOUT_MS",
        "30000",
        "A request that needs longer is answered with 503.",
    ),
    (
        "METRICS_TOKEN",
        "",
        "Whoever reads `/metrics` sends it as a bearer token.",
    ),
    ("COOKIE_SECURE", "true", "Session cookies over TLS only."),
    (
        "OIDC_ISSUER",
        "",
        "Whose tokens are accepted for entities with `auth: oauth2`.",
    ),
    ("OIDC_AUDIENCE", "", "Needed with it."),
    ("OIDC_CLAIM", "email", "The claim that names the user."),
    (
        "EVENT_WORKER_INTERVAL_MS",
        "1000",
        "How often the outbox is looked at.",
    ),
    ("BATCH_INTERVAL_MS", "1000", "How often the queue is looked at."),
    (
        "EVENT_WEBHOOKS",
        "[]",
        "Where events go: JSON, a list of `{url, secret, events}`.",
    ),
    (
        "NOTIFY_PROVIDER",
        "log",
        "`log`, `resend`, `sendgrid` or `webhook`.",
    ),
    ("NOTIFY_API_KEY", "", "Of the provider."),
    ("NOTIFY_FROM_EMAIL", "", "Who mail is from."),
    ("NOTIFY_WEBHOOK_URL", "", "Where notifications go with `webhook`."),
    ("NOTIFY_WEBHOOK_SECRET", "", "Signs them."),
    (
        "NOTIFY_WEBHOOK_ALLOW_PRIVATE",
        "false",
        "Whether addresses of the own network are allowed.",
    ),
];

/// A table of Markdown whose columns are as wide as their widest cell.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count().max(3)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>, fill: &str| {
        for (cell, width) in cells.zip(&widths) {
            let missing = width.saturating_sub(cell.chars().count());
            out.extend(["| ", cell]);
            out.extend(std::iter::repeat_n(fill, missing));
            out.push(' ');
        }
        out.push_str("|\n");
    };
    line(&mut head.iter().copied(), " ");
    line(&mut head.iter().map(|_| ""), "-");
    for row in rows {
        line(&mut row.iter().map(String::as_str), " ");
    }
    out
}

pub(super) fn emit(
    build: &Build<'_>,
    operations: &[Operation],
    files: &mut FileSet,
) -> Result<(), EmitError> {
    let system = build.system;
    let postgres = build.target == Target::Postgres;
    let database = if postgres {
        (
            "DATABASE_URL",
            "postgres://app:app@localhost:5432/app",
            "The database.",
        )
    } else {
        ("DATABASE_PATH", "data/app.db", "The file of the database.")
    };
    let settings: Vec<(&str, &str, &str)> = std::iter::once(database)
        .chain(SETTINGS.iter().copied())
        .collect();
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|(name, value, about)| {
            let value = if value.is_empty() {
                String::new()
            } else {
                format!("`{value}`")
            };
            vec![format!("`{name}`"), value, (*about).to_owned()]
        })
        .collect();
    let routes: Vec<Vec<String>> = operations
        .iter()
        .map(|operation| {
            let who = if operation.open { "anyone" } else { "with a token" };
            vec![
                format!("`{} {}`", operation.method.to_uppercase(), operation.path),
                operation.summary.clone(),
                who.to_owned(),
            ]
        })
        .collect();
    let folders = [
        (
            !system.extension_points.is_empty(),
            "`src/extensions/`",
            "Functions that the program declares: write their bodies.",
        ),
        (
            !system.events.is_empty(),
            "`src/events/handlers.ts`",
            "What follows from events.",
        ),
        (true, "`src/jobs/schedules.ts`", "What is done at certain times."),
    ];
    let yours: Vec<Vec<String>> = folders
        .iter()
        .filter(|(there, ..)| *there)
        .map(|(_, path, about)| vec![(*path).to_owned(), (*about).to_owned()])
        .collect();
    files.render(
        "README.md",
        context! {
            system => text(system.name.as_str()),
            postgres,
            settings => code(table(&["Variable", "At first", "What for"], &rows)),
            routes => code(table(&["Route", "What it does", "Who"], &routes)),
            yours => code(table(&["File", "What for"], &yours).trim_end()),
        },
    )?;
    let settings: Vec<minijinja::Value> = settings
        .iter()
        .map(|(name, value, about)| {
            context! { name => code(*name), value => code(*value), about => comment(*about) }
        })
        .collect();
    files.render(".env.example", context! { settings })?;
    files.render(
        "compose.yaml",
        context! { name => code(names::kebab(&system.name).trim_matches('-')), postgres },
    )?;
    files.render(".github/workflows/ci.yaml", context! { postgres })
}
