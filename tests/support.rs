//! What the tests share: a sandbox to run the command in, and a model server that plays a script.

pub(crate) mod model_server;
#[cfg(target_os = "linux")]
pub(crate) mod pty;
pub(crate) mod sandbox;

pub(crate) use sandbox::{Output, Sandbox};

/// Waits until something is so; a minute is more than any machine needs.
#[track_caller]
pub(crate) fn wait_until(holds: impl Fn() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !holds() {
        assert!(std::time::Instant::now() < until, "waited for a minute");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
