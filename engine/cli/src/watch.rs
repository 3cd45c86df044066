//! Watching a session: the reports on a thread of their own, signals, questions, and the end.

mod gate;
mod screen;

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use smallcode_core::run::{Event, NodeId, RunStatus, Timestamp};
use smallcode_runtime::dispatcher::{DispatchError, Ended, Notices, Observed, Question};
use smallcode_runtime::executor::Message;
use smallcode_runtime::journal::{BlobHash, JournalError, RunId};
use smallcode_runtime::process::TAG_VARIABLE;
use smallcode_runtime::process::signals::{self, Signals, Stage};
use smallcode_runtime::session::{Session, SessionError};
use tokio::sync::mpsc;

use crate::command::print;
use crate::exit::{Exit, Refusal};
use crate::report::jsonl::JsonLines;
use crate::report::junit::Junit;
use crate::report::plain::Plain;
use crate::report::terminal::Terminal as Live;
use crate::report::{Report, Verbosity, View};
use crate::terminal::Terminal;

use screen::Screen;

/// What every command that runs nodes takes.
#[derive(Debug, Args)]
pub(crate) struct WatchFlags {
    /// How many nodes run at the same time; the number of processors where it is left out
    #[arg(short, long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroU32>,
    /// Write every event to a file, as JSON lines
    #[arg(long, value_name = "FILE")]
    events: Option<Utf8PathBuf>,
    /// Write a report: `junit=FILE`; may be repeated
    #[arg(long, value_name = "KIND=FILE", value_parser = parse_report)]
    report: Vec<ReportFlag>,
    /// Print a single output that is text as it is
    #[arg(long)]
    raw: bool,
}

/// One `--report`.
#[derive(Clone, Debug)]
struct ReportFlag {
    file: Utf8PathBuf,
}

fn parse_jobs(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| "write a whole number of at least 1".to_owned())
}

fn parse_report(text: &str) -> Result<ReportFlag, String> {
    let (kind, file) = text.split_once('=').unwrap_or((text, ""));
    if kind != "junit" {
        return Err(format!("there is no report `{kind}`; there is `junit`"));
    }
    let file = if file.is_empty() { "junit.xml" } else { file };
    Ok(ReportFlag { file: file.into() })
}

impl WatchFlags {
    /// How many nodes run at the same time.
    pub(crate) fn jobs(&self) -> u32 {
        let processors = || {
            std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
        };
        self.jobs.map_or_else(processors, NonZeroU32::get)
    }
}

/// What earlier sessions of a run left.
#[derive(Clone, Copy)]
pub(crate) struct Past<'a> {
    /// The folder of the run.
    pub(crate) folder: &'a Path,
    /// Its events: counted, not shown.
    pub(crate) events: &'a [(Timestamp, Event)],
}

/// The reports of a session, on a thread of their own.
pub(crate) struct Watch {
    sender: Sender<Observed>,
    notices: Notices,
    questions: Option<mpsc::UnboundedSender<Question>>,
    asked: Option<mpsc::UnboundedReceiver<Question>>,
    screen: Arc<Screen>,
    /// The folder of the run, once it is known: reports show the ends of outputs that are kept there.
    blobs: Arc<OnceLock<PathBuf>>,
    /// What earlier sessions showed with their questions: the dispatcher asks again without it.
    shown: HashMap<NodeId, String>,
    thread: JoinHandle<Vec<std::io::Error>>,
}

impl Watch {
    /// Starts the reports.
    pub(crate) fn start(
        flags: &WatchFlags,
        terminal: &Terminal,
        planned: Option<u64>,
        past: Option<Past<'_>>,
    ) -> Result<Self, Refusal> {
        let view = View {
            style: terminal.style,
            verbosity: terminal.verbosity,
            planned,
            asks: terminal.asks,
            afterwards: false,
        };
        let events = past.map_or(&[][..], |past| past.events);
        let past_events = || events.iter().map(|(at, event)| (*at, event));
        let blobs: Arc<OnceLock<PathBuf>> = Arc::default();
        if let Some(past) = past {
            let _ = blobs.set(past.folder.to_owned());
        }
        let mut reports: Vec<Box<dyn Report>> = Vec::new();
        if terminal.redraws && terminal.verbosity > Verbosity::Quiet {
            let mut live = Live::new(std::io::stderr(), view, Terminal::size);
            live.catch_up(past_events());
            reports.push(Box::new(live));
        } else {
            let mut plain = Plain::new(std::io::stderr(), view);
            plain.catch_up(past_events());
            reports.push(Box::new(plain));
        }
        if let Some(file) = &flags.events {
            reports.push(Box::new(JsonLines::new(create(file)?)));
        }
        for report in &flags.report {
            let blobs = Arc::clone(&blobs);
            let mut junit =
                Junit::new(create(&report.file)?).with_blobs(move |blob| end_of(blobs.get()?, blob));
            for (seq, (at, event)) in (1_u64..).zip(past_events()) {
                junit.event(at, seq, event);
            }
            reports.push(Box::new(junit));
        }
        survive_file_limit()
            .map_err(|error| Refusal::new(Exit::Io, format!("could not listen for signals: {error}")))?;
        let (sender, receiver) = channel();
        let wanted = terminal.verbosity == Verbosity::Verbose || flags.events.is_some();
        let notices = Notices::new(sender.clone(), wanted);
        let screen = Arc::new(Screen::new(receiver, notices.taken(), reports));
        let thread = {
            let screen = Arc::clone(&screen);
            std::thread::Builder::new()
                .name("reports".to_owned())
                .spawn(move || screen.run())
                .map_err(|error| Refusal::new(Exit::Io, format!("could not start a thread: {error}")))?
        };
        let (questions, asked) = if terminal.asks {
            let (sender, receiver) = mpsc::unbounded_channel();
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        Ok(Self {
            sender,
            notices,
            questions,
            asked,
            screen,
            blobs,
            shown: past.map(gate::shown).unwrap_or_default(),
            thread,
        })
    }

    /// Where events go.
    pub(crate) fn readers(&self) -> Sender<Observed> {
        self.sender.clone()
    }

    /// Where notices go.
    pub(crate) fn notices(&self) -> Notices {
        self.notices.clone()
    }

    /// Where questions go, when there is somebody to ask.
    pub(crate) fn questions(&self) -> Option<mpsc::UnboundedSender<Question>> {
        self.questions.clone()
    }

    /// Runs the session to its end, and prints its outputs.
    pub(crate) fn run(self, session: Session, flags: &WatchFlags) -> Result<Exit, Refusal> {
        let Self {
            sender,
            notices,
            questions,
            asked,
            screen,
            blobs,
            shown,
            thread,
        } = self;
        let _ = blobs.set(session.folder.clone());
        tag(&session.run);
        // The thread of reports ends when nobody can send any more.
        drop((sender, notices, questions));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(|error| Refusal::new(Exit::Io, format!("could not start: {error}")))?;
        // On the worker, and not on this thread: the run and its attempts then need not wake each other up.
        let run = runtime.spawn(drive(session, asked, shown, Arc::clone(&screen)));
        let ended = runtime.block_on(run);
        // Work that can't be stopped, such as a read of a dead disk, does not hold the end up.
        runtime.shutdown_timeout(Duration::from_millis(100));
        thread.thread().unpark();
        let failures = thread.join().unwrap_or_default();
        let ended = ended
            .map_err(|error| {
                Refusal::new(Exit::Bug, format!("the engine failed; this is a bug: {error}"))
                    .hint(crate::REPORT)
            })?
            .map_err(|error| refusal_of_dispatch(&error))?;
        let status = ended.status;
        finish(ended, flags)?;
        match failures.first() {
            Some(error) => Err(Refusal::new(
                Exit::Io,
                format!("a report could not be written: {error}"),
            )),
            None => Ok(status.into()),
        }
    }
}

/// Puts the tag of the run into the environment that its commands inherit. To set it for each of them would copy the
/// whole environment each time: an eighth of what it costs us to start a command.
#[expect(
    unsafe_code,
    reason = "an environment can't be changed otherwise; the one place where it is"
)]
fn tag(run: &RunId) {
    // SAFETY: beside this thread there are those of the reports and of the journal. Neither calls functions of the
    // system that look at the environment, and `std` locks it for its own.
    unsafe { std::env::set_var(TAG_VARIABLE, run.as_str()) }
}

/// How many threads move the run along. The work is done by child processes and servers; one thread keeps up with
/// thousands of them, and pays for no wake-ups of another. What blocks goes to threads of its own.
const WORKERS: usize = 1;

/// The limit on the size of files shall be an error of the journal, not the end of this process.
fn survive_file_limit() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _context = runtime.enter();
    signals::survive_file_limit()
}

fn create(file: &Utf8PathBuf) -> Result<std::fs::File, Refusal> {
    std::fs::File::create(file)
        .map_err(|error| Refusal::new(Exit::Io, format!("`{file}` can't be written: {error}")))
}

async fn drive(
    session: Session,
    asked: Option<mpsc::UnboundedReceiver<Question>>,
    shown: HashMap<NodeId, String>,
    screen: Arc<Screen>,
) -> Result<Ended, DispatchError> {
    let inbox = session.inbox();
    if let Ok(mut signals) = Signals::listen() {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            loop {
                let stage = match signals.next().await {
                    Stage::Stop => 1,
                    Stage::Kill => 2,
                    Stage::Leave => leave(),
                };
                let _ = inbox.send(Message::Signal(stage));
            }
        });
    }
    if let Some(asked) = asked {
        std::thread::spawn(move || gate::answer(asked, shown, &inbox, &screen));
    }
    session.run().await
}

/// The third signal: the journal holds all that was done, so leaving at once loses nothing.
fn leave() -> ! {
    #[expect(clippy::exit, reason = "the third signal asks for exactly this")]
    std::process::exit(Exit::Interrupted as i32)
}

/// How much of an output in a blob a report shows, in bytes: some screens.
const SHOWN: u64 = 16 * 1024;

/// The end of a text in a blob of the run.
fn end_of(folder: &Path, blob: &str) -> Option<String> {
    // Only what can be the name of a blob becomes part of a path.
    let hash: BlobHash = blob.parse().ok()?;
    let mut file = std::fs::File::open(folder.join("blobs").join(hash.to_string())).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(SHOWN))).ok()?;
    let mut bytes = Vec::new();
    file.take(SHOWN).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Prints the outputs of a run that succeeded.
fn finish(ended: Ended, flags: &WatchFlags) -> Result<(), Refusal> {
    if !ended.message.is_empty() && ended.status == RunStatus::Failure {
        return Err(Refusal::new(Exit::Failed, ended.message));
    }
    let Some(outputs) = ended.outputs else {
        return Ok(());
    };
    if flags.raw
        && let Some(only) = outputs
            .as_object()
            .filter(|map| map.len() == 1)
            .and_then(|map| map.values().next())
        && let Some(text) = only.as_str()
    {
        return print(&format!("{text}\n"));
    }
    print(&format!("{outputs}\n"))
}

fn exit_of(error: &JournalError) -> Exit {
    if matches!(error, JournalError::InUse { .. }) {
        Exit::InUse
    } else {
        Exit::Io
    }
}

fn refusal_of_dispatch(error: &DispatchError) -> Refusal {
    let exit = match error {
        DispatchError::Journal(error) => exit_of(error),
        DispatchError::Misfit(_) => Exit::Bug,
        DispatchError::Blob(_) | DispatchError::NotRestored(_) => Exit::Io,
    };
    Refusal::of(exit)(error)
        .hint("nothing that the journal holds is lost: `smallcode resume` goes on from there")
}

/// A session that could not be begun or taken up.
pub(crate) fn refusal_of(error: &SessionError) -> Refusal {
    let exit = match error {
        SessionError::Journal(JournalError::Missing { .. })
        | SessionError::File(_)
        | SessionError::Over { .. }
        | SessionError::NotBegun { .. }
        | SessionError::AnsweredTwice { .. }
        | SessionError::NotAsked { .. } => Exit::Wrong,
        SessionError::Journal(error) => exit_of(error),
        SessionError::Blob(_)
        | SessionError::Orphan(_)
        | SessionError::NotRestored { .. }
        | SessionError::Misfit(_)
        | SessionError::Plan { .. } => Exit::Io,
    };
    Refusal::of(exit)(error)
}
