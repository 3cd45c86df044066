//! What a run costs beside what it runs: durable `exec` against `ninja -j2` on graphs of no-op commands, and a few
//! figures of start-up.
//!
//!     cargo bench --package smallcode --bench scheduler
//!
//! Needs `ninja` (Debian: `ninja-build`) and Linux's `/proc`. Both programs run in turn, in one run, so that the
//! ratios are fair on a noisy machine; each figure is the median of its repetitions.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and may fail"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SMALLCODE: &str = env!("CARGO_BIN_EXE_smallcode");

/// Kernel ticks a second in `/proc`: `USER_HZ`, 100 on every Linux platform that Rust supports.
const TICKS: f64 = 100.0;

/// One finished command.
struct Measured {
    wall: f64,
    cpu: f64,
    /// Peak resident memory, in MiB.
    peak: f64,
    stderr: String,
}

fn main() {
    // `cargo test --benches` would run it as a test; figures belong to `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if Command::new("ninja").arg("--version").output().is_err() {
        println!("ninja is not installed: on Debian, `apt-get install ninja-build`");
        return;
    }
    graphs();
    large();
    start_up();
}

fn graphs() {
    println!("durable exec against ninja, -j2, each node runs `true`");
    println!(
        "{:9} {:>6}  {:>7} {:>7} {:>6}  {:>7} {:>7} {:>6}  {:>7} {:>7} {:>6}",
        "shape", "nodes", "ninja s", "cpu s", "", "ours s", "cpu s", "MiB", "commits", "cpu ×", "wall ×"
    );
    for shape in ["chain", "wide", "diamonds"] {
        for nodes in [100, 1000, 5000] {
            let folder = tempfile::tempdir().unwrap();
            write_graph(folder.path(), shape, nodes);
            let repetitions = if nodes == 100 { 9 } else { 5 };
            let (mut ninja, mut ours, mut sync, mut commits) = (Vec::new(), Vec::new(), Vec::new(), 0);
            for _ in 0..repetitions {
                let _ = fs::remove_file(folder.path().join(".ninja_log"));
                let _ = fs::remove_dir_all(folder.path().join(".smallcode"));
                ninja.push(measure(
                    Command::new("ninja")
                        .args(["-j2", "--quiet"])
                        .current_dir(folder.path()),
                ));
                let measured = measure(
                    Command::new(SMALLCODE)
                        .args(["exec", "workflow.yaml", "-j2", "-q"])
                        .env("SMALLCODE_LOG", "smallcode_runtime=info")
                        .current_dir(folder.path()),
                );
                commits = field(&measured.stderr, "commits=");
                ours.push(measured);
                sync.push(fdatasync(folder.path()));
            }
            let (ninja_wall, ninja_cpu) = (median(&ninja, |m| m.wall), median(&ninja, |m| m.cpu));
            let (wall, cpu, peak) = (
                median(&ours, |m| m.wall),
                median(&ours, |m| m.cpu),
                median(&ours, |m| m.peak),
            );
            sync.sort_by(f64::total_cmp);
            let disk = f64::from(commits) * sync[sync.len() / 2];
            println!(
                "{shape:9} {nodes:6}  {ninja_wall:7.3} {ninja_cpu:7.3} {:6}  {wall:7.3} {cpu:7.3} {peak:6.1}  {commits:7} {:7.2} {:6.2}",
                "",
                cpu / ninja_cpu,
                wall / (ninja_wall + disk),
            );
        }
    }
    println!(
        "cpu ×: to ninja's; wall ×: to ninja's and the commits at one fdatasync each, timed in the same run\n"
    );
}

fn large() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path(), "chain", 10_000);
    let chain = measure(
        Command::new(SMALLCODE)
            .args(["exec", "workflow.yaml", "-j2", "-q"])
            .current_dir(folder.path()),
    );
    println!(
        "a chain of 10,000 commands: {:.2} s, {:.1} MiB",
        chain.wall, chain.peak
    );
    // The folders stay until all are measured: ext4 looks for long past inodes that were freed just now, and would
    // have each run pay for the clearing up after the one before it.
    let mut folders = Vec::new();
    for nodes in [25_000, 50_000, 100_000] {
        let folder = tempfile::tempdir().unwrap();
        let workflow = format!(
            "smallcode: 1\ntasks:\n  all:\n    foreach: \"{{{{ range({nodes})|list }}}}\"\n    max_items: {nodes}\n    render: {{ text: 'number {{{{ item }}}}', to: 'out/{{{{ index % 100 }}}}/{{{{ index }}}}.txt' }}\n"
        );
        fs::write(folder.path().join("workflow.yaml"), workflow).unwrap();
        let render = measure(
            Command::new(SMALLCODE)
                .args(["exec", "workflow.yaml", "-q"])
                .current_dir(folder.path()),
        );
        let plain = write_plainly(&folder.path().join("plain"), nodes);
        println!(
            "{nodes} nodes that render a file: {:.2} s, {:.2} s of CPU, {:.1} MiB; the same files written by a loop: {plain:.2} s",
            render.wall, render.cpu, render.peak
        );
        folders.push(folder);
    }
}

/// Writes what the renders write, each file beside its place first; gives the seconds that it took.
fn write_plainly(folder: &Path, files: u32) -> f64 {
    let started = Instant::now();
    for part in 0..100 {
        fs::create_dir_all(folder.join(part.to_string())).unwrap();
    }
    for file in 0..files {
        let part = folder.join((file % 100).to_string());
        let beside = part.join(".new");
        fs::write(&beside, format!("number {file}")).unwrap();
        fs::rename(&beside, part.join(format!("{file}.txt"))).unwrap();
    }
    started.elapsed().as_secs_f64()
}

fn start_up() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path(), "diamonds", 1000);
    let repeat = |program: &str, arguments: &[&str], count: usize| {
        let all: Vec<Measured> = (0..count)
            .map(|_| measure(Command::new(program).args(arguments).current_dir(folder.path())))
            .collect();
        median(&all, |measured| measured.wall) * 1000.0
    };
    println!("ninja --version: {:.1} ms", repeat("ninja", &["--version"], 41));
    println!(
        "smallcode --version: {:.1} ms",
        repeat(SMALLCODE, &["--version"], 41)
    );
    println!(
        "check of 1,000 tasks: {:.1} ms",
        repeat(SMALLCODE, &["check", "workflow.yaml"], 21)
    );
}

/// The same graph as a workflow and as a build of ninja.
fn write_graph(folder: &Path, shape: &str, nodes: usize) {
    let mut workflow = String::from("smallcode: 1\ntasks:\n");
    let mut build = String::from("rule t\n  command = true\n");
    for node in 0..nodes {
        let needs: Vec<usize> = match (shape, node % 4) {
            _ if node == 0 => vec![],
            ("wide", _) => vec![],
            ("chain", _) | (_, 0) => vec![node - 1],
            (_, 3) => vec![node - 2, node - 1],
            (_, place) => vec![node - place],
        };
        let list: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
        let _ = writeln!(
            workflow,
            "  t{node}: {{ run: 'true', needs: [{}] }}",
            list.join(", ")
        );
        let _ = writeln!(build, "build t{node}: t {}", list.join(" "));
    }
    fs::write(folder.join("workflow.yaml"), workflow).unwrap();
    fs::write(folder.join("build.ninja"), build).unwrap();
}

fn measure(command: &mut Command) -> Measured {
    let before = children_cpu();
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak: f64 = 0.0;
    let wall = loop {
        if let Some(exit) = child.try_wait().unwrap() {
            let wall = started.elapsed().as_secs_f64();
            assert!(exit.success(), "{command:?}: {exit}\n{}", reader.join().unwrap());
            break wall;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        peak = peak.max(f64::from(field(&text, "VmHWM:")) / 1024.0);
        // Short commands are timed exactly, long ones are not disturbed.
        std::thread::sleep(Duration::from_micros(if started.elapsed().as_millis() < 50 {
            200
        } else {
            5000
        }));
    };
    let cpu = children_cpu() - before;
    Measured {
        wall,
        cpu,
        peak,
        stderr: reader.join().unwrap(),
    }
}

/// User and system time of all children that were waited for, in seconds: fields 16 and 17 of proc(5)'s `stat`.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(13) + ticks(14)) / TICKS
}

/// The number after a word.
fn field(text: &str, word: &str) -> u32 {
    let rest = text.split(word).nth(1).unwrap_or_default().trim_start();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The median time of one durable append of a journal line, in seconds.
fn fdatasync(folder: &Path) -> f64 {
    let file = fs::File::create(folder.join("sync")).unwrap();
    let mut times: Vec<f64> = (0..100_u64)
        .map(|line| {
            let started = Instant::now();
            file.write_all_at(&[b'x'; 300], line * 300).unwrap();
            file.sync_data().unwrap();
            started.elapsed().as_secs_f64()
        })
        .collect();
    std::io::stdout().flush().unwrap();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn median(all: &[Measured], of: impl Fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
