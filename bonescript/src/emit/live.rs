//! What moves by itself: events, channels, jobs, flows, notifications, and the algorithms.
//!
//! Their behaviour is in fixed modules below `templates/`, which are sent only where the program has something for them;
//! of each event, channel and flow a generated file says what is its own. `src/live.ts` is the seam to the rest: it makes
//! the parts, registers their routes and starts their workers.

pub(super) mod algorithm;
mod channel;
mod event;
pub(super) mod flow;
mod housekeeping;
pub(super) mod pipeline;
#[cfg(test)]
mod tests;

pub(super) use flow::inputs as flow_inputs;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use super::project::{FileSet, Owner};
use super::templates::{Templates, code, templates, text};
use super::{Build, EmitError};
use crate::ir::{Sync, System};

pub(super) static TEMPLATES: Templates = templates! {
    "common/src/algorithms/binary-search.ts",
    "common/src/algorithms/bipartite-matching.ts",
    "common/src/algorithms/consistent-hash.ts",
    "common/src/algorithms/percentile.ts",
    "common/src/algorithms/rank-by.ts",
    "common/src/algorithms/round-robin.ts",
    "common/src/algorithms/shortest-path.ts",
    "common/src/algorithms/topological-sort.ts",
    "common/src/algorithms/values.ts",
    "common/src/algorithms/weighted-average.ts",
    "common/src/caller.ts",
    "common/src/channels/channels.ts",
    "common/src/channels/definitions.ts.j2",
    "common/src/channels/limits.ts",
    "common/src/channels/participants.ts",
    "common/src/channels/room.ts",
    "common/src/channels/routes.ts",
    "common/src/channels/socket.ts",
    "common/src/channels/store.ts",
    "common/src/channels/stream.ts",
    "common/src/channels/types.ts",
    "common/src/events/claim.ts",
    "common/src/events/consumers.ts",
    "common/src/events/deliver.ts",
    "common/src/events/events.ts.j2",
    "common/src/events/handle.ts",
    "common/src/events/handlers.ts.j2",
    "common/src/events/outbox.ts",
    "common/src/events/types.ts",
    "common/src/events/worker.ts",
    "common/src/flows/_flow.ts.j2",
    "common/src/flows/definition.ts",
    "common/src/flows/drive.ts",
    "common/src/flows/flows.ts",
    "common/src/flows/index.ts.j2",
    "common/src/flows/outside.ts.j2",
    "common/src/flows/routes.ts",
    "common/src/flows/store.ts",
    "common/src/jobs/batch.ts",
    "common/src/jobs/cron.ts",
    "common/src/jobs/housekeeping.ts.j2",
    "common/src/jobs/jobs.ts",
    "common/src/jobs/retention.ts",
    "common/src/jobs/routes.ts",
    "common/src/jobs/scheduler.ts",
    "common/src/jobs/schedules.ts.j2",
    "common/src/jobs/types.ts",
    "common/src/live.ts.j2",
    "common/src/notify/address.ts",
    "common/src/notify/http.ts",
    "common/src/notify/notifier.ts",
    "common/src/notify/templates.ts.j2",
    "common/src/pipelines/pipeline.ts",
    "common/src/worker.ts",
    "common/tests/algorithms/binary-search.test.ts",
    "common/tests/algorithms/bipartite-matching.test.ts",
    "common/tests/algorithms/consistent-hash.test.ts",
    "common/tests/algorithms/percentile.test.ts",
    "common/tests/algorithms/rank-by.test.ts",
    "common/tests/algorithms/round-robin.test.ts",
    "common/tests/algorithms/shortest-path.test.ts",
    "common/tests/algorithms/topological-sort.test.ts",
    "common/tests/algorithms/weighted-average.test.ts",
    "common/tests/channels/upgrade.test.ts",
    "common/tests/jobs/cron.test.ts",
    "common/tests/notify/http.test.ts",
    "postgres/src/channels/bus.ts",
    "postgres/src/database/claim.ts",
    "sqlite/src/channels/bus.ts",
    "sqlite/src/database/claim.ts",
};

/// Files that are the user's once they are written.
const OF_USER: &[&str] = &["src/jobs/schedules.ts", "src/notify/templates.ts"];

/// What of all this a program has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one part whether it is there"
)]
pub(super) struct Features {
    /// It tells events.
    pub(super) events: bool,
    /// It has channels.
    pub(super) channels: bool,
    /// It has capabilities that are queued.
    pub(super) batch: bool,
    /// It has flows.
    pub(super) flows: bool,
    /// It has capabilities that are pipelines.
    pub(super) pipelines: bool,
    /// Rows of some table are kept only for a time.
    retention: bool,
    /// The algorithms that it uses, by the names of their files.
    algorithms: Vec<&'static str>,
}

impl Features {
    /// Those of a program.
    pub(super) fn of(system: &System) -> Self {
        let algorithms = system
            .capabilities
            .iter()
            .filter_map(|capability| Some(algorithm::file(capability.algorithm.as_ref()?.name)));
        Self {
            events: !system.events.is_empty(),
            channels: !system.channels.is_empty(),
            batch: system
                .capabilities
                .iter()
                .any(|capability| capability.sync == Sync::Batch),
            flows: !system.flows.is_empty(),
            pipelines: system
                .capabilities
                .iter()
                .any(|capability| capability.pipeline.is_some()),
            retention: !housekeeping::retained(system).is_empty(),
            algorithms: algorithms.collect(),
        }
    }

    /// Whether a fixed file is for this program.
    fn want(&self, path: &str) -> bool {
        let inside = path.trim_start_matches("src/").trim_start_matches("tests/");
        match inside.split_once('/') {
            Some(("algorithms", "values.ts")) => !self.algorithms.is_empty(),
            Some(("algorithms", file)) => {
                let name = file.split('.').next().unwrap_or(file);
                self.algorithms.contains(&name)
            }
            Some(("channels", _)) => self.channels,
            Some(("events", _)) => self.events,
            Some(("flows", _)) => self.flows,
            Some(("pipelines", _)) => self.pipelines,
            Some(("jobs", "retention.ts")) => self.retention,
            Some(("jobs", "batch.ts" | "jobs.ts" | "routes.ts")) => self.batch,
            Some(("database", "claim.ts")) => self.events || self.batch || self.flows,
            None if inside == "caller.ts" => self.batch || self.flows,
            _ => true,
        }
    }
}

pub(super) fn emit(build: &Build<'_>, files: &mut FileSet) -> Result<(), EmitError> {
    let system = build.system;
    let features = Features::of(system);
    files.fixed(|path| features.want(path))?;
    for path in OF_USER {
        files.render_as(path, path, context! {}, Owner::User)?;
    }
    let Features {
        events,
        channels,
        batch,
        flows,
        ..
    } = features;
    files.render("src/live.ts", context! { events, channels, batch, flows })?;
    housekeeping::emit(system, &features, files)?;
    if events {
        event::emit(system, files)?;
    }
    if channels {
        channel::emit(system, files)?;
    }
    if flows {
        flow::emit(system, files)?;
    }
    Ok(())
}

/// An entry of an object in TypeScript.
fn entry(name: &str, value: &str) -> String {
    let key = super::expression::key(name);
    if key == value {
        key
    } else {
        format!("{key}: {value}")
    }
}

/// An object in TypeScript.
fn object(entries: &[String]) -> String {
    if entries.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", entries.join(", "))
    }
}

/// Imports, for a template: files with the names that are imported from each.
fn import_values(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<Value> {
    imports
        .iter()
        .map(|(file, names)| {
            let names: Vec<Value> = names.iter().map(|name| code(name.as_str())).collect();
            context! { file => text(file.as_str()), names }
        })
        .collect()
}
