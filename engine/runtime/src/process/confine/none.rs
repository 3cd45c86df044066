//! Systems that have nothing to confine a command with.

use std::convert::Infallible;
use std::ffi::OsString;

use super::ConfineError;

/// Whether this system confines commands: it does not.
pub fn offered() -> bool {
    false
}

/// Refuses: the engine starts no confined command here.
///
/// # Errors
/// Always.
pub fn enter(_: impl IntoIterator<Item = OsString>) -> Result<Infallible, ConfineError> {
    Err(ConfineError::NotOurs)
}
