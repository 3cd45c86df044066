//! Everything of smallcode that touches the world: processes, servers, files and the journal.

pub mod answer;
pub mod dispatcher;
pub mod executor;
pub mod generated;
pub mod host;
pub mod journal;
pub mod mask;
pub mod mcp;
pub mod model;
mod own_time;
pub mod process;
pub mod runs;
pub mod session;
pub mod settings;
pub mod workspace;
