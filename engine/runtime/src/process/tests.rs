//! Real processes: everything ends, nothing is left, nothing is lost.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::group::{Group, Watch};
use super::signals::{Signals, Stage};
use super::*;

/// Far longer than any of these tests takes: what should be killed must not end by itself.
const FOREVER: &str = "sleep 300";

struct Bench {
    folder: TempDir,
    cancel: CancellationToken,
    kill: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cancel: CancellationToken::new(),
            kill: CancellationToken::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn shell(&self, script: &str) -> Spec {
        Spec::shell(script, self.path(), self.path().join("spool"))
    }

    async fn run(&self, spec: &Spec) -> Result<Finished, RunError> {
        run(spec, &self.cancel, &self.kill, None, |_, _| ()).await
    }

    async fn finish(&self, script: &str) -> Finished {
        self.run(&self.shell(script)).await.unwrap()
    }

    /// Runs a script, and does `act` once it has printed a line.
    async fn run_until_line(&self, spec: &Spec, mut act: impl FnMut()) -> Finished {
        let act = |_: Stream, bytes: &[u8]| {
            if bytes.contains(&b'\n') {
                act();
            }
        };
        run(spec, &self.cancel, &self.kill, None, act).await.unwrap()
    }
}

fn memory(captured: &Captured) -> &str {
    match captured {
        Captured::Memory(bytes) => std::str::from_utf8(bytes).unwrap(),
        Captured::Spooled { .. } => panic!("spooled: {captured:?}"),
    }
}

/// The process numbers that a script printed.
fn pids(captured: &Captured) -> Vec<Pid> {
    memory(captured)
        .split_whitespace()
        .map(|p| Pid::from_raw(p.parse().unwrap()).unwrap())
        .collect()
}

/// Whether a process is there and not a zombie.
fn is_alive(pid: Pid) -> bool {
    if cfg!(not(target_os = "linux")) {
        return rustix::process::test_kill_process(pid).is_ok();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    status
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until a process is gone, which takes an instant after a SIGKILL.
fn assert_ends(pid: Pid) {
    let start = Instant::now();
    while is_alive(pid) {
        assert!(start.elapsed() < Duration::from_secs(5), "process {pid:?} lives");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn exits_and_output_are_told_as_they_are() {
    let bench = Bench::new();
    let finished = bench.finish("echo out; echo err >&2; exit 7").await;
    assert_eq!(
        (finished.exit, finished.end, finished.leaked),
        (Exit::Code(7), End::Exited, false)
    );
    assert_eq!(
        (memory(&finished.stdout), memory(&finished.stderr)),
        ("out\n", "err\n")
    );
    assert_eq!(bench.finish("kill -9 $$").await.exit, Exit::Signal(9));
    assert_eq!(bench.finish("false; echo not reached").await.exit, Exit::Code(1));
    let finished = bench.finish("printf '\\377\\000\\376'").await;
    assert_eq!(finished.stdout, Captured::Memory(vec![0xff, 0, 0xfe]));
    assert!(!bench.path().join("spool").exists());
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for() {
    let bench = Bench::new();
    let mut spec = bench.shell("echo \"$SMALLCODE_RUN $A ${HOME-none} $(pwd)\"");
    spec.tag = "run".into();
    spec.env = vec![
        ("A".into(), "1".into()),
        ("A".into(), "2".into()),
        ("HOME".into(), "/h".into()),
    ];
    let cwd = bench.path().canonicalize().unwrap();
    let finished = bench.run(&spec).await.unwrap();
    assert_eq!(memory(&finished.stdout), format!("run 2 /h {}\n", cwd.display()));
    spec.env.truncate(1);
    spec.clear_env = true;
    let finished = bench.run(&spec).await.unwrap();
    assert_eq!(
        memory(&finished.stdout),
        format!("run 1 none {}\n", cwd.display())
    );
}

#[tokio::test]
async fn a_program_is_looked_up_on_the_path_of_the_command() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path().join("bin")).unwrap();
    let tool = bench.path().join("bin/tool");
    std::fs::write(&tool, "#!/bin/sh\necho \"tool $1\"\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut spec = Spec::new(["tool", "x"], bench.path(), bench.path());
    spec.env = vec![("PATH".into(), "/nowhere:bin".into())];
    assert_eq!(memory(&bench.run(&spec).await.unwrap().stdout), "tool x\n");
    spec.argv = vec!["bin/tool".into(), "y".into()];
    spec.env.clear();
    assert_eq!(memory(&bench.run(&spec).await.unwrap().stdout), "tool y\n");
}

#[tokio::test]
async fn a_command_that_cannot_start_says_why() {
    let bench = Bench::new();
    let write = |name: &str, text: &str, mode| {
        let path = bench.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", "echo", 0o644);
    write("odd", "#!/no/such/interpreter\n", 0o755);
    let long = "x".repeat(4 * 1024 * 1024);
    let cases: &[(&[&str], &str)] = &[
        (&[], "the command is empty"),
        (
            &["no-such-program-here"],
            "program `no-such-program-here` was not found on PATH (",
        ),
        (&["./missing"], "program `./missing` was not found at that path"),
        (&["./plain"], "`./plain` cannot be executed"),
        (
            &["./odd"],
            "the interpreter that its first line names was not found",
        ),
        (
            &["true", &long],
            "the arguments of `true` and its environment take 41943",
        ),
        (&["true", "a\0b"], "argument 1 of `true` holds a NUL byte"),
    ];
    let expect = async |spec: &Spec, part: &str| {
        let error = bench.run(spec).await.unwrap_err();
        assert!(matches!(error, RunError::Spawn(_)), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
    };
    for (argv, part) in cases {
        expect(&Spec::new(argv.iter(), bench.path(), bench.path()), part).await;
    }
    let mut spec = Spec::new(["no-such-program-here"], bench.path(), bench.path());
    spec.env = vec![("PATH".into(), "/nowhere".into())];
    expect(&spec, "was not found on PATH (/nowhere)").await;
    for argv in ["true", "./missing"] {
        let spec = Spec::new([argv], bench.path().join("gone"), bench.path());
        expect(&spec, "there is no such folder").await;
    }
    let mut spec = bench.shell("true");
    spec.env = vec![("A=B".into(), String::new())];
    expect(&spec, "`A=B` cannot be the name").await;
    spec.env.clear();
    spec.stdin = Stdin::File(bench.path().join("gone"));
    expect(&spec, "as the input of `sh`").await;
}

#[tokio::test]
async fn input_reaches_who_reads_and_stops_nobody_else() {
    let bench = Bench::new();
    let input: Vec<u8> = (0..10 * 1024 * 1024_u32).map(|n| n.to_le_bytes()[1]).collect();
    let mut spec = bench.shell("cat");
    spec.keep_in_memory = usize::MAX;
    spec.stdin = Stdin::Bytes(input.clone());
    assert!(bench.run(&spec).await.unwrap().stdout == Captured::Memory(input.clone()));
    for script in ["true", "exec <&-; echo closed", "head -c 1 >/dev/null"] {
        let mut spec = bench.shell(script);
        spec.stdin = Stdin::Bytes(input.clone());
        assert_eq!(bench.run(&spec).await.unwrap().exit, Exit::Code(0), "{script}");
    }
    std::fs::write(bench.path().join("file"), "from a file").unwrap();
    spec.stdin = Stdin::File(bench.path().join("file"));
    assert_eq!(memory(&bench.run(&spec).await.unwrap().stdout), "from a file");
    spec.stdin = Stdin::Bytes(Vec::new());
    assert_eq!(memory(&bench.run(&spec).await.unwrap().stdout), "");
}

#[tokio::test]
async fn long_output_is_spooled_and_longer_output_counted() {
    let bench = Bench::new();
    let mut spec = bench.shell("head -c 209715200 /dev/zero; echo end >&2");
    spec.max_output = 1024 * 1024 + 1;
    let (mut seen, mut largest) = (0, 0);
    let finished = run(&spec, &bench.cancel, &bench.kill, None, |stream, bytes| {
        seen += if stream == Stream::Stdout { bytes.len() } else { 0 };
        largest = largest.max(bytes.len());
    });
    let finished = finished.await.unwrap();
    let Captured::Spooled {
        path,
        bytes,
        truncated,
    } = &finished.stdout
    else {
        panic!("{finished:?}")
    };
    assert_eq!(
        (*bytes, *truncated, seen),
        (200 * 1024 * 1024, true, 200 * 1024 * 1024)
    );
    assert_eq!(std::fs::metadata(path).unwrap().len(), spec.max_output);
    assert!(largest <= 64 * 1024, "{largest}");
    assert_eq!(memory(&finished.stderr), "end\n");

    let mut spec = bench.shell("seq 1 1000");
    spec.keep_in_memory = 100;
    let finished = bench.run(&spec).await.unwrap();
    let Captured::Spooled {
        path,
        bytes: 3893,
        truncated: false,
    } = &finished.stdout
    else {
        panic!("{finished:?}")
    };
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("1\n2\n") && text.ends_with("999\n1000\n") && text.len() == 3893);
    for (max_output, expect) in [(3893, false), (3892, true), (0, true)] {
        spec.max_output = max_output;
        let finished = bench.run(&spec).await.unwrap();
        let Captured::Spooled { path, truncated, .. } = &finished.stdout else {
            panic!("{finished:?}")
        };
        assert_eq!(
            (*truncated, std::fs::metadata(path).unwrap().len()),
            (expect, max_output)
        );
    }
}

#[tokio::test]
async fn output_that_cannot_be_kept_ends_the_command() {
    let bench = Bench::new();
    let mut spec = bench.shell(&format!("echo $$ > pid; seq 1 100000; {FOREVER}"));
    std::fs::write(bench.path().join("file"), "").unwrap();
    spec.spool_dir = bench.path().join("file");
    let error = bench.run(&spec).await.unwrap_err();
    assert!(matches!(error, RunError::Spool { .. }), "{error}");
    let pid = std::fs::read_to_string(bench.path().join("pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_ends(Pid::from_raw(pid).unwrap());
}

#[tokio::test]
async fn a_timeout_ends_the_grandchildren_too() {
    let bench = Bench::new();
    let spec = bench.shell(&format!(
        "{FOREVER} & echo $!; (trap '' TERM; exec {FOREVER}) & echo $!; wait"
    ));
    let mut spec = spec;
    spec.grace = Duration::from_millis(300);
    let timeout = Some(Duration::from_millis(200));
    let finished = run(&spec, &bench.cancel, &bench.kill, timeout, |_, _| ())
        .await
        .unwrap();
    assert_eq!((finished.end, finished.exit), (End::TimedOut, Exit::Signal(15)));
    let pids = pids(&finished.stdout);
    assert_eq!(pids.len(), 2);
    pids.into_iter().for_each(assert_ends);
}

#[tokio::test]
async fn who_ignores_a_cancel_is_killed_after_the_grace() {
    let bench = Bench::new();
    let mut spec = bench.shell("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01 || :; done");
    spec.grace = Duration::from_millis(200);
    let start = Instant::now();
    let finished = bench.run_until_line(&spec, || bench.cancel.cancel()).await;
    assert_eq!((finished.end, finished.exit), (End::Cancelled, Exit::Signal(9)));
    assert!(memory(&finished.stdout).contains("asked"));
    assert!(start.elapsed() >= spec.grace);
}

#[tokio::test]
async fn a_cancelled_command_can_clean_up() {
    let bench = Bench::new();
    let mut spec =
        bench.shell("trap 'echo clean; exit 3' TERM; echo ready; while :; do sleep 0.01 || :; done");
    spec.grace = Duration::from_secs(60);
    let finished = bench.run_until_line(&spec, || bench.cancel.cancel()).await;
    assert_eq!((finished.end, finished.exit), (End::Cancelled, Exit::Code(3)));
    assert_eq!(memory(&finished.stdout), "ready\nclean\n");
    assert!(!finished.leaked);
}

#[tokio::test]
async fn a_stopped_command_is_cancelled_all_the_same() {
    let bench = Bench::new();
    let mut spec = bench.shell("echo ready; kill -STOP $$");
    spec.grace = Duration::from_secs(60);
    let finished = bench.run_until_line(&spec, || bench.cancel.cancel()).await;
    assert_eq!((finished.end, finished.exit), (End::Cancelled, Exit::Signal(15)));
}

#[tokio::test]
async fn a_kill_does_not_wait() {
    let bench = Bench::new();
    let mut spec = bench.shell(&format!("trap '' TERM; {FOREVER} & echo $!; wait"));
    spec.grace = Duration::from_secs(60);
    let finished = bench
        .run_until_line(&spec, || {
            bench.cancel.cancel();
            bench.kill.cancel();
        })
        .await;
    assert_eq!((finished.end, finished.exit), (End::Killed, Exit::Signal(9)));
    pids(&finished.stdout).into_iter().for_each(assert_ends);
    assert!(finished.duration < Duration::from_secs(30));
}

#[tokio::test]
async fn what_is_left_of_the_group_is_killed_after_the_exit() {
    let bench = Bench::new();
    let finished = bench
        .finish(&format!("{FOREVER} >/dev/null 2>&1 & echo $!"))
        .await;
    assert_eq!((finished.end, finished.leaked), (End::Exited, false));
    pids(&finished.stdout).into_iter().for_each(assert_ends);
}

#[tokio::test]
#[cfg(target_os = "linux")] // macOS has no `setsid` command.
async fn a_pipe_held_by_a_daemon_is_left_when_its_time_is_over() {
    let bench = Bench::new();
    let mut spec = bench.shell(&format!(
        "setsid sh -c 'echo $$; exec {FOREVER}' & echo $! >/dev/null; exit 5"
    ));
    spec.leak = Duration::from_millis(300);
    spec.tag = format!("leak-{}", std::process::id());
    let start = Instant::now();
    let finished = bench.run(&spec).await.unwrap();
    assert_eq!(
        (finished.end, finished.exit, finished.leaked),
        (End::Exited, Exit::Code(5), true)
    );
    assert!(start.elapsed() >= spec.leak && finished.duration < start.elapsed());
    // It left the group, so it lives on until it is looked for by its tag.
    let escaped = pids(&finished.stdout);
    assert_eq!(escaped.len(), 1);
    assert!(is_alive(escaped[0]));
    assert_eq!(kill_orphans(&format!("{}0", spec.tag)).unwrap(), 0);
    assert_eq!(kill_orphans(&spec.tag).unwrap(), 1);
    escaped.into_iter().for_each(assert_ends);
    assert_eq!(kill_orphans(&spec.tag).unwrap(), 0);
    assert_eq!(kill_orphans("").unwrap(), 0);
}

#[tokio::test]
#[cfg(target_os = "linux")] // macOS has no `setsid` command.
async fn an_orphan_that_ignores_sigterm_is_killed() {
    let bench = Bench::new();
    let mut spec = bench.shell(&format!(
        "setsid sh -c 'trap \"\" TERM; echo $$; exec {FOREVER}' & wait"
    ));
    spec.tag = format!("stubborn-{}", std::process::id());
    // The group is gone at once; the escapee holds the pipe.
    let finished = bench.run_until_line(&spec, || bench.kill.cancel()).await;
    assert_eq!(finished.end, End::Killed);
    assert_eq!(kill_orphans(&spec.tag).unwrap(), 1);
    pids(&finished.stdout).into_iter().for_each(assert_ends);
}

#[tokio::test]
async fn a_dropped_future_kills_the_group() {
    let bench = Bench::new();
    let spec = bench.shell(&format!("{FOREVER} & echo $! $$; wait"));
    let mut printed = Vec::new();
    {
        let seen = CancellationToken::new();
        let command = run(&spec, &bench.cancel, &bench.kill, None, |_, bytes| {
            printed.extend_from_slice(bytes);
            seen.cancel();
        });
        tokio::select! {
            finished = command => panic!("{finished:?}"),
            () = seen.cancelled() => {}
        }
    }
    let pids = pids(&Captured::Memory(printed));
    assert_eq!(pids.len(), 2);
    pids.into_iter().for_each(assert_ends);
    // The next command reaps what was left.
    bench.finish("true").await;
}

#[tokio::test]
async fn an_exit_is_seen_without_descriptors_too() {
    use std::os::unix::process::CommandExt as _;
    let mut child = std::process::Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let group = Group::new(child);
    let mut watch = Watch::by_signals(group.pid()).unwrap();
    let (exited, ()) = tokio::join!(watch.exited(), async { drop(stdin) });
    exited.unwrap();
    assert!(group.reap().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_run_side_by_side() {
    let bench = Bench::new();
    let spec = bench.shell("echo $$; exit 2");
    let commands = (0..100).map(|_| bench.run(&spec));
    let finished = futures_util::future::join_all(commands).await;
    assert!(finished.into_iter().all(|f| f.unwrap().exit == Exit::Code(2)));
}

#[tokio::test]
async fn arguments_need_not_be_text() {
    let bench = Bench::new();
    let argv = [
        OsString::from("printf"),
        OsString::from_vec(b"%s".into()),
        OsString::from_vec(b"\xff\xfe".into()),
    ];
    let finished = bench
        .run(&Spec::new(argv, bench.path(), bench.path()))
        .await
        .unwrap();
    assert_eq!(finished.stdout, Captured::Memory(b"\xff\xfe".into()));
}

/// The variable that makes [`prints_its_stages`] the child of [`signals_come_in_three_stages`].
const CHILD: &str = "SMALLCODE_TEST_SIGNALS";

#[tokio::test]
async fn prints_its_stages() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut signals = Signals::listen().unwrap();
    loop {
        std::io::Write::write_all(&mut std::io::stdout(), b"listening\n").unwrap();
        let stage = signals.next().await;
        std::io::Write::write_all(&mut std::io::stdout(), format!("{stage:?}\n").as_bytes()).unwrap();
        if stage == Stage::Leave {
            return;
        }
    }
}

#[test]
fn signals_come_in_three_stages() {
    use std::io::BufRead as _;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "process::tests::prints_its_stages"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let pid = Pid::from_child(&child);
    let mut stages = Vec::new();
    for signal in [Signal::INT, Signal::TERM, Signal::INT] {
        let mut line = String::new();
        while line.trim_end() != "listening" {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "{stages:?}");
            stages.extend(
                ["Stop", "Kill", "Leave"]
                    .into_iter()
                    .filter(|s| line.trim_end() == *s),
            );
        }
        rustix::process::kill_process(pid, signal).unwrap();
    }
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(stages, ["Stop", "Kill"]);
    assert!(rest.starts_with("Leave\n"), "{rest}");
    child.wait().unwrap();
}

#[tokio::test]
#[ignore = "measures: run it with --release --nocapture"]
async fn what_a_command_costs() {
    let bench = Bench::new();
    for argv in [&["sh", "-c", "true"][..], &["true"]] {
        let mut spec = Spec::new(argv.iter(), bench.path(), bench.path());
        spec.tag = "20261123-084501-7f3a".into();
        let start = Instant::now();
        for _ in 0..2000 {
            bench.run(&spec).await.unwrap();
        }
        let (elapsed, cpu) = (
            start.elapsed(),
            std::fs::read_to_string("/proc/self/stat").unwrap_or_default(),
        );
        let ticks: Vec<&str> = cpu
            .rsplit_once(')')
            .map_or("", |c| c.1)
            .split_whitespace()
            .collect();
        println!(
            "{argv:?}: {:?} each; user, system, and children's, in ticks so far: {:?}",
            elapsed / 2000,
            &ticks[11..15]
        );
    }
}
