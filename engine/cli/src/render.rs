//! What people see: text, colours and pictures made from plain data.
//!
//! Goes in: diagnostics, graphs, texts of commands and models. Comes out: strings. Who writes them where is
//! the business of the commands; the events of a run are shown by `report`.

pub(crate) mod diagnostics;
pub(crate) mod graph;
pub(crate) mod reading;
pub(crate) mod style;
pub(crate) mod text;
