//! End-to-end tests: the real command, real files, real processes, a scripted model server.

mod check;
mod exec;
mod hostile;
mod library;
mod report;
mod support;
