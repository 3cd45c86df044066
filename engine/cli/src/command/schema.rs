//! `smallcode schema`: the JSON Schemas of the formats.

use clap::{Args, ValueEnum};

use super::{pretty, print};
use crate::exit::{Exit, Refusal};
use crate::report::jsonl;

/// Print the JSON Schema of workflow files, or of another format
#[derive(Debug, Args)]
pub(crate) struct SchemaCommand {
    /// Of what
    #[arg(value_enum, default_value = "workflow")]
    of: Of,
}

/// The formats that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// Workflow files
    Workflow,
    /// The lines of `--events`
    Event,
    /// What `plan --json` prints
    Plan,
}

/// Prints the schema.
pub(crate) fn run(schema: &SchemaCommand) -> Result<Exit, Refusal> {
    let value = match schema.of {
        Of::Workflow => smallcode_core::spec::workflow_schema(),
        Of::Event => jsonl::schema(),
        Of::Plan => {
            let mut schema = schemars::schema_for!(smallcode_core::plan::Plan);
            schema.insert("title".to_owned(), "smallcode plan".into());
            schema.to_value()
        }
    };
    print(&pretty(&value)?)?;
    Ok(Exit::Done)
}
