//! What the tests share: a sandbox to run the command in, and a model server that plays a script.

pub mod model_server;
pub mod sandbox;

pub use sandbox::{Output, Sandbox};
