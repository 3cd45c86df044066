//! Everything of smallcode that touches the world: processes, servers, files and the journal.

pub mod journal;
pub mod model;
pub mod process;
pub mod settings;
