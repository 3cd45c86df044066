//! What the engine tells a model of how to work and to answer, before anything of the workflow.
//!
//! These words stand at the start of every prompt of their kind, so that what a prompt takes at least is known before a
//! run. What depends on the run itself (files, results, forms of tools) is told by the runtime.

use serde_json::Value as Json;

use crate::spec::Output;
use crate::tokens::Tokens;
use crate::tool::served;

/// How an answer to `edit` is to look. Small models follow an example better than a description.
pub const EDITS: &str = "\
Answer with search/replace blocks, each with the path of its file in the line before it:

path/of/file
<<<<<<< SEARCH
whole lines of the file, exactly as they stand there
=======
the lines that take their place
>>>>>>> REPLACE

Search for just enough lines to make the place unique. Change only the files that stand before the instruction. After the last block, write \
one line that begins with `Summary:` and says what you changed.";

/// How an `agent` is to work. The example names no tool: a model that repeats it calls nothing.
pub const STEPS: &str = "\
You work on the files of a project, step by step, with tools. Answer with one short sentence and one call of a tool, in this form:

<tool_call>
{\"name\": \"TOOL\", \"arguments\": {…}}
</tool_call>

Then stop: the next message brings the result. Paths are relative to the folder of the project. Read a file before you \
change it. When the goal is reached, call `finish`.";

/// The fewest tokens that the result of a tool may take: a dozen lines of code.
pub const LEAST_RESULT: Tokens = Tokens(100);

/// How many results an agent's conversation has room for at least, so that it can compare a few.
pub const RESULTS: u64 = 4;

/// How the answer to a `prompt` is to look; nothing where any text will do.
pub fn of_answer(output: Option<&Output>, schema: Option<&Json>) -> Option<String> {
    match output? {
        Output::Schema(_) => Some(format!(
            "Answer with one JSON value and nothing else. It follows this JSON Schema:\n{}",
            schema?
        )),
        Output::File(_) => {
            Some("Answer with the content of the file in one fenced code block, and nothing else.".to_owned())
        }
        Output::Files(_) => Some(
            "Answer with one fenced code block for each file. Put the path of the file after the opening fence, \
             as in ```src/main.rs"
                .to_owned(),
        ),
    }
}

/// What is kept for the forms of tools and the plan at the end of each prompt of an agent, in tokens; more where it has
/// tools of servers, whose forms are cut to [`served::FORMS`].
pub fn kept_for_tools(has_servers: bool) -> Tokens {
    /// The forms of our own tools take at most 200, the plan the rest.
    const OWN: Tokens = Tokens(300);
    /// The plan.
    const PLAN: Tokens = Tokens(150);
    if has_servers {
        served::FORMS.saturating_add(PLAN)
    } else {
        OWN
    }
}
