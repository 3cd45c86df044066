//! Ends the processes that a dead run left behind, also those that left their process group.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{MARK_VARIABLE, TAG_VARIABLE, platform};

/// Time between SIGTERM and SIGKILL: shorter than a command's own, as somebody waits for the run to go on.
const GRACE: Duration = Duration::from_millis(500);
/// How long all of it may take before we say that it did not work.
const LIMIT: Duration = Duration::from_secs(10);
/// Time between two looks at the processes.
const PAUSE: Duration = Duration::from_millis(10);

/// A failure to end what a dead run left.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// The processes of the system could not be listed.
    #[error("could not list the processes of this machine to find those of the dead run")]
    List {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Some did not end.
    #[error(
        "processes {pids:?} of the dead run do not end although they were killed; end them, then resume again"
    )]
    StillAlive {
        /// Their numbers.
        pids: Vec<i32>,
    },
}

/// Ends every process whose environment says that it belongs to the run `tag`, and gives how many there were.
///
/// SIGTERM first, SIGKILL half a second later. We ourselves and the processes that we descend from are left alone.
/// A process that cleared or overwrote its environment is not found. Blocks until they are gone; with an empty tag
/// there is nothing to do.
pub fn kill_orphans(run_tag: &str) -> Result<usize, OrphanError> {
    if run_tag.is_empty() {
        return Ok(0);
    }
    kill_all(&format!("{TAG_VARIABLE}={run_tag}"))
}

/// Ends what a command with this mark has started and what has left its group. It does not block.
pub(crate) async fn end_marked(mark: &str) {
    if mark.is_empty() {
        return;
    }
    let entry = format!("{MARK_VARIABLE}={mark}");
    let ended = tokio::task::spawn_blocking(move || kill_all(&entry)).await;
    // The command is over, and what it left is found once more when the run is taken up.
    if let Ok(Err(error)) = ended {
        tracing::warn!(%error, "could not end what a command had left behind");
    }
}

/// Ends every process with `entry` in its environment.
fn kill_all(entry: &str) -> Result<usize, OrphanError> {
    let started = Instant::now();
    let mut seen = BTreeSet::new();
    loop {
        let found = platform::tagged(entry.as_bytes()).map_err(|source| OrphanError::List { source })?;
        if found.is_empty() {
            return Ok(seen.len());
        }
        let waited = started.elapsed();
        if waited > LIMIT {
            let pids = found
                .iter()
                .map(|process| process.pid.as_raw_nonzero().get())
                .collect();
            return Err(OrphanError::StillAlive { pids });
        }
        for process in found {
            let is_new = seen.insert(process.pid.as_raw_nonzero());
            if waited >= GRACE {
                process.signal(Signal::KILL);
            } else if is_new {
                process.signal(Signal::TERM);
                process.signal(Signal::CONT);
            }
        }
        // They are not our children, so there is nothing to wait on.
        std::thread::sleep(PAUSE);
    }
}
