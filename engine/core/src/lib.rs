//! The pure core of smallcode: what a workflow says, what it plans, and what a run decides.
//!
//! Nothing here reads a clock, a file or the environment, and nothing prints: text and facts come
//! in as arguments, decisions go out as values. What acts on them is `smallcode-runtime`.

pub mod check;
pub mod context;
pub mod diagnostic;
pub mod expand;
pub mod glob;
pub mod graph;
pub mod instruction;
pub mod load;
pub mod patch;
pub mod path;
pub mod plan;
pub mod price;
pub mod problems;
pub mod proposal;
pub mod run;
pub mod schema;
pub mod scope;
pub mod shell;
pub mod spec;
pub mod syntax;
pub mod template;
pub mod tokens;
pub mod tool;
pub mod yaml;
