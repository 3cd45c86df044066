//! End-to-end tests: the real command, real files, real processes, a scripted model server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test may fail"
)]

mod agent;
mod bone;
mod check;
#[cfg(target_os = "linux")]
mod confine;
mod contained;
mod context;
mod edit;
mod escalate;
mod exec;
mod exit;
mod hostile;
mod journal;
mod library;
mod parse;
mod plan;
mod prompt;
mod report;
mod resume;
mod servers;
mod signal;
mod split;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod verify;
mod writes;
