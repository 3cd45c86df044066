//! Reads any reply of a language model as tool calls or as a typed value.
//!
//! Small models answer in whatever dialect they were trained on, and break it. This crate takes the reply as text,
//! with the tools that were offered or the schema that was asked for, and gives what it says, what had to be repaired
//! to read it, and what is missing, in words that the model can act on. It invents nothing: a value that the text
//! does not hold stays missing.
//!
//! ```
//! use smallcode_parse::{Expect, Tool, Tools, parse};
//! use serde_json::json;
//!
//! let schema = json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] });
//! let tools = Tools::new(vec![Tool::new("read_file", &schema)]);
//! let reply = "Sure!\n<tool_call>{'name': 'ReadFile', 'arguments': {'file_path': 'src/main.rs',}}";
//! let reading = parse(reply, &Expect::Calls(tools), false);
//! assert_eq!(reading.calls[0].name, "read_file");
//! assert_eq!(reading.calls[0].arguments, json!({ "path": "src/main.rs" }));
//! assert!(!reading.repairs.is_empty());
//! ```
//!
//! # How it works
//!
//! `read` turns text into a `tree` of nodes that point into it, strict JSON first, then forgiving; `frame` finds
//! where in a reply calls stand and in which dialect; `align` gives the nodes the types of a schema; `calls` and
//! `value` compare the candidates by what had to be repaired and take the best; [`Stream`] does so while the reply
//! arrives; [`files()`] and [`edits`] read code, which never travels inside JSON.
//!
//! What is read is a [`Value`]: two blocks of memory, however many members it has, to be looked at through [`View`],
//! printed as JSON, or given to `serde`. [`Value::to_json`] makes a `serde_json::Value` of it, which takes several times
//! as long as reading did.
//!
//! # What holds for any input
//!
//! No panic; time and memory linear in its length; no recursion deeper than [`MAX_DEPTH`]; the same result for the
//! same text, however it arrived. Nothing here reads a file or a clock, and nothing that a reply says is executed.

mod align;
mod calls;
mod files;
mod frame;
mod names;
mod next;
mod read;
mod reading;
mod schema;
mod stream;
mod tape;
mod tools;
mod tree;
mod value;

pub use calls::native;
pub use files::{
    Block, Edit, Edits, FileBlock, Files, Known, LONGER, blocks, edits, edits_of, files, files_of, unclosed,
};
pub use reading::{
    Call, Cut, Diagnostic, DiagnosticKind, Dialect, MAX_REPAIRS, Omitted, Reading, Repair, RepairKind,
    RunnerUp, Severity,
};
pub use schema::Schema;
pub use stream::{Progress, Stream};
pub use tape::{Items, Members, Shape, Value, View, quote_json};
pub use tools::{Tool, Tools};
pub use tree::Span;

/// Containers nested deeper than this are kept as text: `serde_json` reads back no more than 128 levels, so a deeper
/// value could not be stored and read again.
pub const MAX_DEPTH: usize = 120;

/// The longest reply that is read, in bytes. A window of 1,000,000 tokens at 16 bytes each; offsets fit 32 bits.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a reply is expected to hold.
#[derive(Debug)]
pub enum Expect {
    /// Calls of these tools, or none.
    Calls(Tools),
    /// A value of this schema.
    Value(Schema),
    /// A value of any kind.
    Json,
}

/// Reads `reply`. With `partial`, more of it may come: what is missing at its end is then no problem yet, and a value
/// that is being written is marked as cut.
pub fn parse(reply: &str, expect: &Expect, partial: bool) -> Reading {
    read_whole(reply, expect, partial).bounded()
}

/// The reading with every repair that it took.
fn read_whole(reply: &str, expect: &Expect, partial: bool) -> Reading {
    if reply.len() > MAX_BYTES {
        return Reading::too_long(reply);
    }
    match expect {
        Expect::Calls(tools) => calls::read(reply, tools, partial),
        Expect::Value(schema) => value::read(reply, Some(schema), partial),
        Expect::Json => value::read(reply, None, partial),
    }
}

/// `reply` without what the model thought aloud in it, and without blank space around it.
///
/// ```
/// assert_eq!(smallcode_parse::without_thinking("<think>hm</think>\nyes\n"), "yes");
/// ```
pub fn without_thinking(reply: &str) -> &str {
    value::answer(reply)
}

/// Whether all of `reply` is what the model thought aloud, or may be: it began to think and never said that it ended.
/// [`without_thinking`] leaves such thinking, as it may hold a value or a call; what is free text is none.
///
/// ```
/// assert!(smallcode_parse::is_thinking("<think>The user wants"));
/// assert!(!smallcode_parse::is_thinking("<think>hm</think>yes"));
/// ```
pub fn is_thinking(reply: &str) -> bool {
    value::is_thinking(reply)
}
