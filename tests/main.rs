//! End-to-end tests: the real command, real files, real processes, a scripted model server.

mod check;
mod exec;
mod hostile;
mod journal;
mod library;
mod prompt;
mod report;
mod resume;
mod signal;
mod support;
