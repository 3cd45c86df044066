//! `mcp:`: servers of tools that agents may use, after the Model Context Protocol. Each is a command that speaks it over
//! its standard input and output.
//!
//! What starts them, and what a model is shown of their tools, is the runtime's and [`tool::served`](crate::tool::served)'s
//! business.

use super::lower::{OneOrMany, record};
use super::{Duration, Plain};
use crate::tool::command::{WordsError, words};

record! {
    /// A server of tools, after the Model Context Protocol.
    pub struct McpServer {
        /// The command that starts it: its words, without a shell. `permissions.run` must allow it. It gets the `env`
        /// and the `cwd` of the task whose agent uses it, and is kept to the workspace as the commands of a model are.
        [required] command: Plain = "docs-server --stdio",
        /// The tools of it that agents may use, as it calls them; all of them where this is missing.
        [default] tools: OneOrMany<Plain> = r#"["search"]"#,
        /// How long it may take to start, and then for each call; 60 s where this is missing.
        [optional] timeout: Duration = "60s",
    }
}

impl McpServer {
    /// The words of its command.
    ///
    /// # Errors
    /// When it is not one plain command.
    pub fn words(&self) -> Result<Vec<String>, WordsError> {
        words(&self.command.text)
    }

    /// Whether agents may use a tool of it.
    pub fn offers(&self, tool: &str) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|named| named.text == tool)
    }
}
