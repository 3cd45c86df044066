//! What the journal promises: nothing acknowledged is lost, nothing damaged is believed.

use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::disk::Storage;
use super::*;

/// A journal of `n` records as text.
fn text(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for seq in 1..=n {
        let event = json!({"kind": "finished", "node": format!("n{seq}"), "out": "a\n\",\"crc\":\"é"});
        line::encode(&mut out, seq, 1_732_350_000_000 + seq, &event).unwrap();
    }
    out
}

/// Reads to the end: the records, and the torn tail or the error.
fn read_text(text: &[u8]) -> (u64, Result<Option<TornTail>, JournalError>) {
    let mut reader = Reader::<Value, _>::new(Cursor::new(text), Path::new("journal.jsonl"));
    for record in reader.by_ref() {
        if let Err(e) = record {
            return (reader.last_seq(), Err(e));
        }
    }
    (reader.last_seq(), Ok(reader.torn_tail()))
}

fn count_lines(text: &[u8]) -> u64 {
    text.split_inclusive(|b| *b == b'\n')
        .filter(|l| l.ends_with(b"\n"))
        .count()
        .try_into()
        .unwrap()
}

#[test]
fn every_cut_gives_the_whole_lines_before_it() {
    let text = text(12);
    for cut in 0..=text.len() {
        let (records, outcome) = read_text(&text[..cut]);
        assert_eq!(records, count_lines(&text[..cut]), "cut at {cut}");
        let torn = outcome.unwrap();
        let whole = text[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
        assert_eq!(torn.is_some(), whole < cut, "cut at {cut}");
        if let Some(torn) = torn {
            assert_eq!((torn.offset, torn.bytes), (whole as u64, (cut - whole) as u64));
        }
    }
}

#[test]
fn a_tail_of_zeros_or_noise_is_cut() {
    for tail in [
        &b"\0\0\0\0\0\0"[..],
        b"noise\nand more\n\n",
        b"\xff\xfe",
        &[0; 9000],
    ] {
        let mut text = text(3);
        text.extend_from_slice(tail);
        let (records, torn) = read_text(&text);
        assert_eq!((records, torn.unwrap().unwrap().bytes), (3, tail.len() as u64));
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let text = text(8);
    let last = text[..text.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[place] ^= 1 << bit;
            let (records, outcome) = read_text(&flipped);
            let line = count_lines(&text[..place]);
            match outcome {
                Err(JournalError::Damaged { line: at, .. }) => {
                    assert_eq!(at, line + 1, "byte {place}, bit {bit}");
                }
                Ok(Some(_)) if place >= last => assert_eq!(records, 7),
                other => panic!("byte {place}, bit {bit}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let whole = text(4);
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    let gap = [lines[0], lines[2], lines[3]].concat();
    let (_, error) = read_text(&gap);
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("line 2") && message.contains(&format!("byte {}", lines[0].len())),
        "{message}"
    );
    assert!(
        message.contains("record 2 should be here, and this is record 3"),
        "{message}"
    );

    let middle = [lines[0], b"nonsense\n", lines[2]].concat();
    assert!(matches!(
        read_text(&middle),
        (
            1,
            Err(JournalError::Damaged {
                line: 2,
                damage: Damage::NoChecksum,
                ..
            })
        )
    ));

    let seal = |body: &str| format!("{body},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(body.as_bytes()));
    let newer = seal("{\"v\":2,\"id\":\"x\"");
    assert!(matches!(
        read_text(newer.as_bytes()),
        (0, Err(JournalError::UnknownVersion { version: 2, .. }))
    ));
    let odd = seal("{\"v\":1,\"seq\":1,\"event\":0");
    assert!(matches!(
        read_text(odd.as_bytes()),
        (
            0,
            Err(JournalError::Damaged {
                damage: Damage::NotARecord,
                ..
            })
        )
    ));
    let mut reader = Reader::<u8, _>::new(Cursor::new(&whole), Path::new("j"));
    assert!(matches!(
        reader.next(),
        Some(Err(JournalError::UnknownEvent { line: 1, .. }))
    ));
    assert!(reader.next().is_none());
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    Started {
        plan: String,
    },
    Finished {
        node: String,
        tokens: u64,
        out: Vec<String>,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any::<String>().prop_map(|plan| Event::Started { plan }),
        (
            any::<String>(),
            any::<u64>(),
            prop::collection::vec(any::<String>(), 0..4)
        )
            .prop_map(|(node, tokens, out)| Event::Finished { node, tokens, out }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_goes_in_comes_out(batches in prop::collection::vec(prop::collection::vec((any::<u64>(), event()), 0..5), 0..5)) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/b/run");
        let (first, rest) = batches.split_at(batches.len() / 2);
        let journal = Journal::create(&dir).unwrap();
        for batch in first {
            journal.append_blocking(batch).unwrap();
        }
        journal.close().unwrap();
        let (journal, torn) = Journal::<Event>::open(&dir, |_| ()).unwrap();
        prop_assert_eq!(torn, None);
        for batch in rest {
            drop(journal.append(batch).unwrap());
        }
        drop(journal);
        let records: Vec<_> = read::<Event>(&dir).unwrap().map(Result::unwrap).collect();
        prop_assert!(records.iter().zip(1..).all(|(r, seq)| r.seq == seq));
        let events: Vec<_> = records.into_iter().map(|r| (r.at, r.event)).collect();
        prop_assert_eq!(events, batches.concat());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(start in 0_u64..3, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_text(&[text(start), noise].concat());
    }
}

#[test]
fn a_torn_tail_is_cut_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    journal.append_blocking(&[(1, 10_u8), (2, 20)]).unwrap();
    drop(journal);
    let path = folder.path().join(FILE);
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"{\"v\":1,\"seq\":3,\"at")
        .unwrap();

    let mut reader = read::<u8>(folder.path()).unwrap();
    assert_eq!(reader.by_ref().count(), 2);
    assert_eq!(reader.torn_tail().map(|t| (t.line, t.bytes)), Some((3, 18)));

    let (journal, torn) = Journal::<u8>::open(folder.path(), |_| ()).unwrap();
    assert_eq!(torn, reader.torn_tail());
    journal.append_blocking(&[(3, 30)]).unwrap();
    let events: Vec<u8> = read(folder.path()).unwrap().map(|r| r.unwrap().event).collect();
    assert_eq!(events, [10, 20, 30]);
}

#[test]
fn a_run_is_driven_by_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::<u8>::create(folder.path()).unwrap();
    let error = Journal::<u8>::open(folder.path(), |_| ()).unwrap_err();
    assert!(
        matches!(error, JournalError::InUse { pid, .. } if pid == Some(std::process::id())),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("by process {}", std::process::id()))
    );
    drop(journal);
    assert!(matches!(
        Journal::<u8>::create(folder.path()),
        Err(JournalError::Exists { .. })
    ));
    Journal::<u8>::open(folder.path(), |_| ()).unwrap();
    let missing = Journal::<u8>::open(&folder.path().join("no"), |_| ()).unwrap_err();
    assert!(matches!(missing, JournalError::Missing { .. }));
    assert!(!folder.path().join("no").exists());
}

/// A disk that is full after `room` bytes, and counts what it is asked.
struct Small {
    file: std::fs::File,
    room: u64,
    syncs: Arc<AtomicU64>,
}

impl Storage for Small {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let fits = usize::try_from(self.room.saturating_sub(offset))
            .unwrap()
            .min(bytes.len());
        Storage::write_at(&self.file, &bytes[..fits], offset)?;
        if fits < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
}

#[tokio::test]
async fn a_full_disk_leaves_what_was_committed_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let storage = Small {
        file: file.reopen().unwrap(),
        room: 400,
        syncs: Arc::default(),
    };
    let writer = Writer::start(file.path(), Box::new(storage), 0, 0).unwrap();
    let mut committed = 0;
    let error = loop {
        match writer.append(&[(0, "x".repeat(40))]) {
            Ok(commit) => commit.await.unwrap(),
            Err(e) => break e,
        }
        committed += 1;
    };
    assert!(matches!(error, JournalError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("make room"));
    assert!(matches!(
        writer.append(&[(0, "y")]),
        Err(JournalError::DiskFull { .. })
    ));
    assert_eq!(writer.stats().commits, committed);
    drop(writer);
    let text = std::fs::read(file.path()).unwrap();
    assert_eq!((committed, count_lines(&text)), (4, 4));
    assert!(text.ends_with(b"\n"));
}

#[test]
fn an_event_that_cannot_be_written_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    let bad = std::collections::BTreeMap::from([(vec![1], 1)]);
    let error = journal
        .append(&[(0, std::collections::BTreeMap::new()), (0, bad)])
        .unwrap_err();
    assert!(matches!(
        error,
        JournalError::Unwritable {
            problem: Unwritable::Serialize(_)
        }
    ));
    journal
        .append_blocking(&[(0, std::collections::BTreeMap::new())])
        .unwrap();
    journal.append_blocking(&[]).unwrap();
    drop(journal);
    assert_eq!(
        read::<Value>(folder.path()).unwrap().map(Result::unwrap).count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_wait_together_are_committed_together() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    let commits: Vec<_> = (0..2000_u64)
        .map(|n| journal.append(&[(n, n), (n, n + 1)]).unwrap())
        .collect();
    for (commit, n) in commits.into_iter().zip(1..) {
        assert_eq!(commit.last_seq(), n * 2);
        commit.await.unwrap();
    }
    let stats = journal.stats();
    assert_eq!(stats.records, 4000);
    assert!(stats.commits < 1000, "{stats:?}");
    assert_eq!(
        stats.bytes,
        std::fs::metadata(folder.path().join(FILE)).unwrap().len()
    );
}

#[test]
fn threads_that_append_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (journal, barrier) = (&journal, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for n in 0..50 {
                    journal.append_blocking(&[(thread, n)]).unwrap();
                }
            });
        }
    });
    let stats = journal.stats();
    assert!(stats.records == 400 && stats.commits < 400, "{stats:?}");
    let records: Vec<Record<u64>> = read(folder.path()).unwrap().map(Result::unwrap).collect();
    for thread in 0..8 {
        let own: Vec<u64> = records
            .iter()
            .filter(|r| r.at == thread)
            .map(|r| r.event)
            .collect();
        assert_eq!(own, (0..50).collect::<Vec<_>>());
    }
}

/// The variable that makes [`writes_until_it_is_killed`] the child of [`a_kill_loses_nothing_acknowledged`].
const CHILD: &str = "SMALLCODE_TEST_JOURNAL";

#[test]
fn writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let journal = Journal::create(Path::new(&dir)).unwrap();
    let mut out = std::io::stdout();
    for n in 0_u64.. {
        let commit = journal
            .append(&[(n, "x".repeat(100)), (n, "y".repeat(3000))])
            .unwrap();
        drop(journal.append(&[(n, "never awaited".to_owned())]).unwrap());
        let seq = commit.last_seq();
        commit.wait().unwrap();
        out.write_all(format!("ack {seq}\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_kill_loses_nothing_acknowledged() {
    for round in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "journal::tests::writes_until_it_is_killed",
            ])
            .env(CHILD, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .filter_map(|line| line.unwrap().strip_prefix("ack ")?.parse::<u64>().ok());
        let before = acknowledged.nth(20 + 17 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = acknowledged.last().unwrap_or(before);
        let mut last = 0;
        let (journal, _) = Journal::<String>::open(&dir, |record| last = record.seq).unwrap();
        assert!(
            last >= acknowledged,
            "{last} records, {acknowledged} acknowledged"
        );
        journal.append_blocking(&[(0, "goes on".to_owned())]).unwrap();
    }
}

#[test]
fn blobs_are_found_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().join("deep/blobs"));
    let hash = blobs.put(b"hello").unwrap();
    assert_eq!(blobs.put(b"hello").unwrap(), hash);
    assert_eq!(blobs.get(&hash).unwrap(), b"hello");
    assert_eq!(blobs.size(&hash).unwrap(), 5);
    assert_eq!(hash.to_string().parse::<BlobHash>().unwrap(), hash);
    assert_eq!(serde_json::to_value(hash).unwrap(), json!(hash.to_string()));

    let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = folder.path().join("large");
    std::fs::write(&file, &large).unwrap();
    let copied = blobs.put_file(&file).unwrap();
    assert_eq!(copied, BlobHash::of(&large));
    let mut back = Vec::new();
    blobs.open(&copied).unwrap().read_to_end(&mut back).unwrap();
    assert!(back == large);

    drop(blobs.writer().unwrap());
    assert_eq!(
        std::fs::read_dir(folder.path().join("deep/blobs"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn a_blob_that_changed_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path());
    let hash = blobs.put(b"hello").unwrap();
    std::fs::write(blobs.path(&hash), b"jello").unwrap();
    let error = blobs.get(&hash).unwrap_err();
    assert!(matches!(error, BlobError::Damaged { .. }) && error.to_string().contains(&hash.to_string()));
    let error = blobs
        .open(&hash)
        .unwrap()
        .read_to_end(&mut Vec::new())
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    std::fs::write(blobs.path(&hash), b"he").unwrap();
    assert_eq!(blobs.put(b"hello").unwrap(), hash);
    assert_eq!(blobs.get(&hash).unwrap(), b"hello");
    assert!(matches!(
        blobs.get(&BlobHash::of(b"other")),
        Err(BlobError::Missing { .. })
    ));
    for text in ["", "../../etc/passwd", &hash.to_string().to_uppercase()] {
        assert!(
            matches!(text.parse::<BlobHash>(), Err(BlobError::NotAHash { .. })),
            "{text}"
        );
    }
}

#[test]
fn unfinished_blobs_go_when_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::<u8>::create(folder.path()).unwrap();
    let hash = journal.blobs().put(b"kept").unwrap();
    let leftover = folder.path().join("blobs/.tmp-dead");
    std::fs::write(&leftover, b"half").unwrap();
    drop(journal);
    let (journal, _) = Journal::<u8>::open(folder.path(), |_| ()).unwrap();
    assert!(!leftover.exists());
    assert_eq!(journal.blobs().get(&hash).unwrap(), b"kept");
}

#[test]
#[ignore = "measures: run it with --release --nocapture"]
fn what_an_event_costs() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    let event = Event::Finished {
        node: "build[17]".into(),
        tokens: 812,
        out: vec!["src/main.rs".into(); 6],
    };
    let batch = [(1_732_350_000_123, event)];
    let start = std::time::Instant::now();
    let commits: Vec<_> = (0..10_000).map(|_| journal.append(&batch).unwrap()).collect();
    let queued = start.elapsed();
    for commit in commits {
        commit.wait().unwrap();
    }
    println!(
        "queued in {queued:?}, durable in {:?}, {:?}",
        start.elapsed(),
        journal.stats()
    );
    let start = std::time::Instant::now();
    let records = read::<Event>(folder.path()).unwrap().map(Result::unwrap).count();
    println!("{records} records read in {:?}", start.elapsed());
}
