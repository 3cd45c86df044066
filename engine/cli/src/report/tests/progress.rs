use super::super::progress::{Activity, Change, Counts, Progress};
use super::*;

fn fold(planned: Option<u64>, events: &[(u64, Event)]) -> Progress {
    let mut progress = Progress::new(planned);
    for (millis, event) in events {
        let _ = progress.apply(START.after(*millis), event);
    }
    progress
}

#[test]
fn counts_every_end_once() {
    let progress = fold(Some(5), &story());
    assert_eq!(
        progress.counts,
        Counts {
            succeeded: 3,
            failed: 1,
            skipped: 2,
            cancelled: 1,
            retried: 1
        }
    );
    assert_eq!(progress.total(), Some(7));
    assert_eq!((progress.spent.calls, progress.spent.tokens), (2, 4_464));
    assert_eq!(progress.running().len(), 0);
    assert_eq!(progress.failures[0].node, id("test[1]"));
    assert!(!progress.can_resume());
    let again = (
        13_000,
        Event::TaskSkipped {
            task: id("deploy"),
            because: "again".to_owned(),
        },
    );
    assert_eq!(
        fold(Some(5), &[story(), vec![again]].concat()).counts,
        progress.counts
    );
}

#[test]
fn knows_what_runs() {
    let progress = fold(None, &story()[..14]);
    let running: Vec<&str> = progress.running().map(|running| running.node.as_str()).collect();
    assert_eq!(running, ["test[0]", "test[1]"]);
    assert_eq!(progress.total(), None);
    let progress = fold(None, &story()[..3]);
    assert_eq!(
        progress.running().next().unwrap().activity,
        Activity::Calling("local".to_owned(), 1)
    );
}

#[test]
fn a_resumed_run_starts_with_nothing_running() {
    let mut events = story()[..3].to_vec();
    events.push((
        60_000,
        Event::RunResumed {
            jobs: 2,
            confirmed: false,
            boot: None,
        },
    ));
    let progress = fold(Some(5), &events);
    assert_eq!(progress.running().len(), 0);
    assert_eq!(progress.elapsed(START.after(61_000)), 1_000);
    assert!(progress.can_resume());
}

#[test]
fn a_node_that_runs_again_counts_once() {
    let events = [
        (0, started("a", 1)),
        (5, failed("a", 1, command_failed(), None)),
        (9, started("a", 1)),
        (10, succeeded("a", 1)),
    ];
    let progress = fold(Some(1), &events);
    assert_eq!(
        progress.counts,
        Counts {
            succeeded: 1,
            ..Counts::default()
        }
    );
    assert_eq!(progress.failures, []);
    assert_eq!(progress.total(), Some(1));
}

#[test]
fn the_end_of_a_node_tells_attempts_and_time() {
    let events = story();
    let mut progress = fold(None, &events[..8]);
    let change = progress.apply(START.after(9_100), &events[8].1).unwrap();
    assert!(
        matches!(
            change,
            Change::Ended {
                attempts: 2,
                took: 9_090,
                ..
            }
        ),
        "{change:?}"
    );
}

#[test]
fn a_hundred_thousand_nodes_are_counted() {
    let mut progress = Progress::new(Some(1));
    let expanded = Event::TaskExpanded {
        task: id("all"),
        items: Stored::null(),
        count: 100_000,
    };
    let _ = progress.apply(START, &expanded);
    for index in 0..100_000 {
        let node = format!("all[{index}]");
        let _ = progress.apply(START, &started(&node, 1));
        let _ = progress.apply(START, &succeeded(&node, 1));
    }
    assert_eq!(
        (progress.counts.succeeded, progress.total()),
        (100_000, Some(100_000))
    );
}

#[test]
fn calls_that_are_cut_off_count_as_what_was_set_aside() {
    let spent = |events: &[Event]| {
        let events: Vec<(u64, Event)> = (0..).zip(events.iter().cloned()).collect();
        let progress = fold(None, &events);
        let all = progress.spent_in_all();
        (
            (progress.spent.calls, progress.spent.cut_off),
            (all.tokens, all.cut_off),
        )
    };
    let begun = [run_started(), started("a", 1), called("a", 1)];
    // It may end yet; of a run that was killed, it did not.
    assert_eq!(spent(&begun), ((0, 0), (1_924, 1)));
    let with = |more: &[Event]| [begun.as_slice(), more].concat();
    assert_eq!(spent(&with(&[answered("a", 1)])), ((1, 0), (2_232, 0)));
    let resumed = Event::RunResumed {
        jobs: 4,
        confirmed: false,
        boot: None,
    };
    let timed_out = failed("a", 1, Failure::new(FailureClass::TimedOut, "too long"), None);
    let stopped = Event::NodeCancelled {
        node: id("a"),
        because: "a signal".to_owned(),
    };
    let interrupted = run_finished(RunStatus::Interrupted, "");
    for end in [resumed.clone(), timed_out, stopped, interrupted] {
        assert_eq!(
            spent(&with(std::slice::from_ref(&end))),
            ((1, 1), (1_924, 1)),
            "{end:?}"
        );
    }
    let again = with(&[resumed, started("a", 1), called("a", 1), answered("a", 1)]);
    assert_eq!(spent(&again), ((2, 1), (4_156, 1)));
}
