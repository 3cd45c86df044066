//! Reads any reply of a language model as tool calls or as a typed value.

mod align;
pub mod calls;
mod files;
mod frame;
mod names;
mod read;
mod reading;
mod schema;
mod tools;
mod tree;
pub mod value;

pub use files::{Edit, Edits, FileBlock, Files, edits, files};
pub use reading::{
    Call, Cut, Dialect, Problem, ProblemKind, Reading, Repair, RepairKind, RunnerUp, Severity,
};
pub use schema::Schema;
pub use tools::{Tool, Tools};
pub use tree::Span;

/// Containers nested deeper than this are kept as text: `serde_json` reads back no more than 128 levels, so a deeper
/// value could not be stored and read again.
pub const MAX_DEPTH: usize = 120;

/// The longest reply that is read, in bytes. A window of 1,000,000 tokens at 16 bytes each; offsets fit 32 bits.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
