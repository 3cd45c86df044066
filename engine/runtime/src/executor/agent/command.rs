//! `run_command`: a command that the workflow allows, by its words and without a shell, in an environment of which only
//! what programs need to be found and to work is left. Where the system can, it is kept to the workspace, and from the
//! network unless that is allowed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smallcode_core::diagnostic::listed;
use smallcode_core::load::Module;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::Task;
use smallcode_core::template::Scope;
use smallcode_core::tool::command::{allows, words};
use smallcode_core::tool::starts_server;

use super::super::command::{Most, execute, not_run, tail};
use super::super::{Job, Shared, text};
use super::writable::{Writable, writable};
use crate::process::{self, Captured, Confine, End, Exit, RunError};

/// How long a command of a model may take: a test suite of some size. What serves or watches never ends, and a model
/// starts it all the same.
const LIMIT: Duration = Duration::from_secs(300);

/// What is kept of each of its streams, in bytes: 64 MiB, a very long build log, of which the end is shown. What follows
/// is not kept, and that is said.
const MAX_OUTPUT: u64 = process::DEFAULT_MAX_OUTPUT;

/// How much of the end of each is made to fit what a model is shown, in bytes: far more than that ever is.
const SAID: usize = 64 * 1024;

/// The variables that a command gets: where programs and their tools are, who and where the user is, how text looks.
const VARIABLES: [&str; 25] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "CI",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOFLAGS",
    "JAVA_HOME",
    "NVM_DIR",
    "PNPM_HOME",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
];

/// What programs say when the system has denied them something: strerror(3) of EACCES, EPERM and EROFS, and their names
/// as Node.js has them.
const DENIED: [&str; 5] = [
    "ermission denied",
    "peration not permitted",
    "ead-only file system",
    "EACCES",
    "EPERM",
];

/// How many commands were started: each has a mark of its own.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// What came of a command.
pub(super) struct Ran {
    /// What the model is told.
    pub(super) text: String,
    /// Whether it ended with 0.
    pub(super) well: bool,
}

/// A command as its words, where it may be run; else why not.
pub(super) fn permitted(shared: &Shared, module: &Module, command: &str) -> Result<Vec<String>, String> {
    let words = words(command).map_err(|error| error.to_string())?;
    if may_run(shared, module, &words) {
        return Ok(words);
    }
    let patterns: Vec<String> = offered(shared)
        .iter()
        .map(|pattern| format!("`{pattern}`"))
        .collect();
    Err(format!(
        "`{command}` may not be run; what may be: {}",
        patterns.join(", ")
    ))
}

/// Whether the workflow, and what it is used by, allow a command.
pub(super) fn may_run(shared: &Shared, module: &Module, words: &[String]) -> bool {
    let own = &module.loaded.workflow.permissions.run;
    let allowed = shared
        .run_permissions
        .iter()
        .any(|pattern| allows(pattern, words));
    // A used workflow may narrow what its caller allows.
    let narrowed = own.iter().all(|pattern| pattern.template.is_literal())
        && !own.iter().any(|pattern| allows(pattern.template.source(), words));
    let is_root = std::ptr::eq(module, shared.bundle.root());
    allowed && (is_root || !narrowed)
}

/// The patterns of the commands that a model is told of: what is allowed for a server of tools is none of them.
pub(super) fn offered(shared: &Shared) -> Vec<String> {
    let patterns = shared.run_permissions.iter();
    let patterns = patterns.filter(|pattern| !starts_server(&shared.bundle, pattern));
    patterns.cloned().collect()
}

/// The patterns of the commands that a model may put into a plan of this workflow.
pub(in crate::executor) fn may_propose(shared: &Shared, module: &Module) -> Vec<String> {
    if std::ptr::eq(module, shared.bundle.root()) {
        return offered(shared);
    }
    // Those of a used workflow, as far as its caller allows them: word by word, a `*` is no less than a `*`.
    let own = module.loaded.workflow.permissions.run.iter();
    let own = own.filter(|pattern| pattern.template.is_literal());
    let own = own.map(|pattern| pattern.template.source().to_owned());
    own.filter(|pattern| {
        let allowed = |words: Vec<String>| {
            let patterns = shared.run_permissions.iter();
            patterns.into_iter().any(|outer| allows(outer, &words))
        };
        !starts_server(&shared.bundle, pattern) && words(pattern).is_ok_and(allowed)
    })
    .collect()
}

/// What starts a command that a model has put into a plan.
pub(in crate::executor) fn of_plan(
    shared: &Shared,
    module: &Module,
    task: &Task,
    job: &Job,
    scope: &Arc<dyn Scope>,
    words: Vec<String>,
) -> Result<(process::Spec, Duration), Failure> {
    // It was allowed when it was proposed; a journal is a file, and says nothing of permissions.
    if !may_run(shared, module, &words) {
        let message = format!("`{}` may not be run", words.join(" "));
        return Err(Failure::new(FailureClass::Denied, message));
    }
    Ok((
        spec(shared, task, scope, words, &Limits::new(shared, module, job))?,
        LIMIT,
    ))
}

/// What the commands of a model may do in an attempt.
pub(super) struct Limits {
    /// The paths and globs that they may write.
    writes: Vec<String>,
    network: bool,
}

impl Limits {
    pub(super) fn new(shared: &Shared, module: &Module, job: &Job) -> Self {
        let root = &shared.bundle.root().loaded.workflow.permissions;
        // What a model has planned has the permissions of the workflow that it planned for.
        let planned = job.planned.is_some();
        Self {
            writes: if planned {
                shared.write_permissions.clone()
            } else {
                job.writes.globs()
            },
            // A used workflow can only narrow what its caller allows.
            network: root.network && (planned || module.loaded.workflow.permissions.network),
        }
    }
}

/// What starts a command that a model has chosen, or talks to: its folder, its environment and its limits.
pub(super) fn spec(
    shared: &Shared,
    task: &Task,
    scope: &Arc<dyn Scope>,
    words: Vec<String>,
    limits: &Limits,
) -> Result<process::Spec, Failure> {
    let cwd = match &task.common.cwd {
        Some(cwd) => shared
            .workspace
            .folder(&text(cwd, scope)?)
            .map_err(|error| Failure::new(FailureClass::Io, format!("`cwd`: {error}")))?,
        None => shared.workspace.root().to_path_buf(),
    };
    let program = words.first().cloned().unwrap_or_default();
    let mut spec = process::Spec::new(words, cwd.as_std_path(), &shared.spool);
    spec.tag.clone_from(&shared.run);
    spec.max_output = MAX_OUTPUT;
    spec.clear_env = true;
    let environment = &shared.environment;
    let kept = environment
        .all
        .iter()
        .filter(|(name, _)| VARIABLES.contains(&name.as_str()) && !environment.withheld.contains(name));
    spec.env = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let temporary = temporary(shared)?;
    if cwd.join("go.mod").is_file() {
        // Go builds nothing without a place for what it has built, and that in the user's home is not to be written.
        spec.env
            .push(("GOCACHE".to_owned(), format!("{temporary}/go-build")));
    }
    spec.env.push(("TMPDIR".to_owned(), temporary));
    spec.mark = format!("{}-{}", shared.run, STARTED.fetch_add(1, Ordering::Relaxed));
    for (name, value) in &task.common.env.0 {
        spec.env.push((name.clone(), text(value, scope)?));
    }
    let given: BTreeMap<String, String> = spec.env.iter().cloned().collect();
    let root = shared.workspace.root().as_std_path();
    if process::offered() {
        let Writable { write, keep } = writable(shared, &limits.writes, &cwd, &program);
        spec.confine = Some(Confine::to_workspace(root, &write, &keep, &given, limits.network));
    }
    Ok(spec)
}

/// The folder for temporary files of the run's commands: one of their own, since others hold keys and sockets.
fn temporary(shared: &Shared) -> Result<String, Failure> {
    let refused = |why: String| {
        let message = format!("there is no folder for temporary files: {why}");
        Failure::new(FailureClass::Io, message)
    };
    let folder = if let Some(folder) = shared.temporary.get() {
        folder
    } else {
        let made = tempfile::Builder::new().prefix("smallcode-").tempdir();
        let made = made.map_err(|error| refused(error.to_string()))?;
        // Where two commands begin at once, the folder of one of them is not needed.
        shared.temporary.get_or_init(|| made)
    };
    let text = folder.path().to_str().map(str::to_owned);
    text.ok_or_else(|| refused("its path is not UTF-8".to_owned()))
}

/// Runs a command to its end.
pub(super) async fn run(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    job: &Job,
    scope: &Arc<dyn Scope>,
    words: Vec<String>,
) -> Result<Ran, Failure> {
    let limits = Limits::new(shared, module, job);
    let spec = tokio::task::block_in_place(|| spec(shared, task, scope, words, &limits))?;
    let finished = match execute(shared, job, &spec, Some(LIMIT)).await {
        Ok(finished) => finished,
        Err(RunError::Spawn(error)) => {
            let text = error.to_string();
            return Ok(Ran { text, well: false });
        }
        Err(error) => return Err(not_run(shared, error)),
    };
    let Some((how, well)) = ended(finished.end, finished.exit) else {
        return Err(Failure::new(FailureClass::Cancelled, "it was stopped"));
    };
    let mut parts = vec![how];
    let mut denied = false;
    for captured in [&finished.stdout, &finished.stderr] {
        let told = output(shared, captured);
        denied |= DENIED.iter().any(|words| told.contains(words));
        if !told.trim().is_empty() {
            parts.push(told);
        }
    }
    if let Some(confine) = spec.confine.as_ref().filter(|_| denied && !well) {
        parts.push(may_change(shared, confine));
    }
    for captured in [finished.stdout, finished.stderr] {
        if let Captured::Spooled { path, .. } = captured {
            // What can't be removed now goes with the folder at the end of the run.
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(Ran {
        text: parts.join("\n"),
        well,
    })
}

/// What a command that was denied something is told: it can't be known whether it was a write of its own.
fn may_change(shared: &Shared, confine: &Confine) -> String {
    let below = |places: &[PathBuf]| -> Vec<String> {
        let below = places
            .iter()
            .filter_map(|place| place.strip_prefix(shared.workspace.root()).ok());
        below.map(|place| place.to_string_lossy().into_owned()).collect()
    };
    let given = below(&confine.write);
    let kept = below(&confine.keep);
    let places = if given.iter().any(String::is_empty) && kept.is_empty() {
        "all of the workspace".to_owned()
    } else if !kept.is_empty() {
        // Some systems keep it by not giving the top folder itself.
        format!(
            "all but {}, new files in the top folder perhaps by a tool only",
            listed(&kept)
        )
    } else if given.is_empty() {
        "nothing of the workspace".to_owned()
    } else {
        listed(&given)
    };
    format!("(commands may change {places}, and temporary files; the task's `writes` say so)")
}

/// How a command has ended, and whether well; nothing where the run was stopped, which is no end of its own.
fn ended(end: End, exit: Exit) -> Option<(String, bool)> {
    match (end, exit) {
        (End::Cancelled | End::Killed, _) => None,
        (End::TimedOut, _) => {
            let told = format!("it did not end within {} s and was stopped", LIMIT.as_secs());
            Some((told, false))
        }
        (End::Exited, Exit::Code(code)) => Some((format!("exit code {code}"), code == 0)),
        (End::Exited, Exit::Signal(signal)) => Some((format!("ended by signal {signal}"), false)),
    }
}

/// What a command wrote to one of its streams, the start left out where it is very long, and that said.
fn output(shared: &Shared, captured: &Captured) -> String {
    let text = tail(
        shared,
        captured,
        Most {
            lines: usize::MAX,
            bytes: SAID,
        },
    );
    let said = u64::try_from(SAID).unwrap_or(u64::MAX);
    match captured {
        Captured::Spooled {
            bytes,
            truncated: true,
            ..
        } => format!(
            "(of {bytes} bytes, the last {SAID} of the first {MAX_OUTPUT}; the rest was not kept)\n{text}"
        ),
        Captured::Spooled { bytes, .. } if *bytes > said => {
            format!("(of {bytes} bytes, the last {SAID})\n{text}")
        }
        Captured::Spooled { .. } | Captured::Memory(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever code it leaves when it is told to stop: one that has to be stopped has not done what it was called for.
    #[test]
    fn a_command_that_does_not_end_is_told_as_that() {
        for exit in [Exit::Signal(15), Exit::Code(0)] {
            assert_eq!(
                ended(End::TimedOut, exit),
                Some(("it did not end within 300 s and was stopped".to_owned(), false))
            );
        }
        assert_eq!(ended(End::Cancelled, Exit::Signal(15)), None);
        assert_eq!(
            ended(End::Exited, Exit::Code(0)),
            Some(("exit code 0".to_owned(), true))
        );
        assert_eq!(
            ended(End::Exited, Exit::Signal(11)),
            Some(("ended by signal 11".to_owned(), false))
        );
    }
}
