//! What the tests share: a sandbox to run the command in, and a model server that plays a script.

pub(crate) mod model_server;
pub(crate) mod sandbox;

pub(crate) use sandbox::{Output, Sandbox};
