//! Which category of tools a model is shown next: by a rule where one decides, else by a question.
//!
//! A wrong guess costs little: the index names all tools, and a call of any of them is carried out. So the rules go for
//! what mostly comes next, and a question, which is a call of its own, is asked only where nothing speaks for one
//! category more than for another.

use serde_json::{Value, json};

use super::AgentTool::{Own, Served};
use super::{AgentTool, Category, Toolset};
use crate::spec::ToolName;

/// The most tokens of the answer to the question: one word in quotes.
pub const ANSWER_TOKENS: u64 = 8;

/// What happened last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Nothing yet. Whether the model is shown files to begin with.
    Began {
        /// Whether there are any.
        shown: bool,
    },
    /// A tool did what it was called for.
    Did(AgentTool),
    /// A tool could not do it.
    Failed(AgentTool),
    /// What is to be written was never read.
    Unread,
    /// A call that could not be carried out as it was written: its tool, where it is known.
    Miswritten(Option<AgentTool>),
    /// An answer without a call.
    Talked,
    /// The result was refused by the verifiers.
    Refused,
}

/// How the next category is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// This one.
    Show(Category),
    /// The model is asked.
    Ask,
}

/// Chooses the category of the next step.
pub fn route(tools: &Toolset, last: Last) -> Route {
    let categories = tools.categories();
    let mut working = categories.iter().filter(|category| **category != Category::Plan);
    if let (first, None) = (working.next(), working.next()) {
        return Route::Show(*first.unwrap_or(&Category::Plan));
    }
    likely(last)
        .iter()
        .find(|category| categories.contains(category))
        .map_or(Route::Ask, |category| Route::Show(*category))
}

/// What mostly comes next, the likeliest first; nothing where it may be anything.
fn likely(last: Last) -> &'static [Category] {
    match last {
        Last::Began { shown: true } | Last::Refused => &[Category::Write, Category::Read],
        Last::Began { shown: false }
        | Last::Did(Own(ToolName::ListFiles | ToolName::Search))
        | Last::Failed(Own(ToolName::ReadFile)) => &[Category::Read, Category::Search],
        // What was read is changed, or leads on to other places.
        Last::Did(Own(ToolName::ReadFile)) => &[Category::Write],
        // What a page says leads to another one, or to work on files.
        Last::Did(Served(tool)) if tool.category == Category::Search => &[Category::Read, Category::Write],
        Last::Did(Served(tool)) if tool.category == Category::Read => &[Category::Write],
        Last::Did(Own(ToolName::Patch | ToolName::WriteFile) | Served(_)) => &[Category::Run, Category::Plan],
        Last::Did(Own(ToolName::RunCommand | ToolName::BoneCompile)) => &[Category::Plan],
        // A program that is right is compiled; what is said of one that is not is mended in it.
        Last::Did(Own(ToolName::BoneCheck)) => &[Category::Run],
        Last::Failed(Own(ToolName::BoneCheck | ToolName::BoneCompile)) => {
            &[Category::Write, Category::Run, Category::Read]
        }
        // Whether the code or the command is to be mended, only the model knows.
        Last::Failed(Own(ToolName::RunCommand))
        | Last::Did(Own(ToolName::UpdatePlan | ToolName::Finish))
        | Last::Talked
        | Last::Miswritten(None) => &[],
        Last::Miswritten(Some(tool)) | Last::Failed(tool) => of(tool),
        Last::Unread => &[Category::Read],
    }
}

fn of(tool: AgentTool) -> &'static [Category] {
    match tool.category() {
        Category::Read => &[Category::Read],
        Category::Search => &[Category::Search],
        Category::Write => &[Category::Write],
        Category::Run => &[Category::Run],
        Category::Plan => &[Category::Plan],
    }
}

/// The question which category comes next.
pub fn question(categories: &[Category]) -> String {
    let words: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
    format!(
        "Which kind of step comes next? Answer with one word: {}.",
        words.join(", ")
    )
}

/// The form of its answer, for servers that can hold a model to one.
pub fn answer(categories: &[Category]) -> Value {
    let words: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
    json!({ "type": "string", "enum": words })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(tools: &[ToolName]) -> Toolset {
        Toolset {
            tools: tools.to_vec(),
            served: Vec::new(),
        }
    }

    #[test]
    fn a_rule_decides_where_one_can() {
        use Category::{Plan, Read, Run, Search, Write};
        use ToolName as T;
        let all = tools(&T::ALL);
        let reading = tools(&[T::ReadFile, T::Search, T::Finish]);
        for (tools, last, expected) in [
            (&all, Last::Began { shown: false }, Route::Show(Read)),
            (&all, Last::Began { shown: true }, Route::Show(Write)),
            (&reading, Last::Began { shown: true }, Route::Show(Read)),
            (&all, Last::Did(T::Search.into()), Route::Show(Read)),
            (&all, Last::Did(T::ReadFile.into()), Route::Show(Write)),
            (&reading, Last::Did(T::ReadFile.into()), Route::Ask),
            (&all, Last::Did(T::Patch.into()), Route::Show(Run)),
            (&reading, Last::Did(T::Patch.into()), Route::Show(Plan)),
            (&all, Last::Did(T::RunCommand.into()), Route::Show(Plan)),
            (&all, Last::Failed(T::RunCommand.into()), Route::Ask),
            (&all, Last::Failed(T::Patch.into()), Route::Show(Write)),
            (&all, Last::Failed(T::Search.into()), Route::Show(Search)),
            (&all, Last::Unread, Route::Show(Read)),
            (
                &all,
                Last::Miswritten(Some(T::RunCommand.into())),
                Route::Show(Run),
            ),
            (&all, Last::Miswritten(None), Route::Ask),
            (&all, Last::Talked, Route::Ask),
            (&all, Last::Refused, Route::Show(Write)),
        ] {
            assert_eq!(route(tools, last), expected, "{last:?}");
        }
    }

    #[test]
    fn where_there_is_one_kind_of_work_nobody_is_asked() {
        let one = tools(&[ToolName::Search, ToolName::Finish]);
        assert_eq!(route(&one, Last::Talked), Route::Show(Category::Search));
        let none = tools(&[ToolName::Finish]);
        assert_eq!(route(&none, Last::Talked), Route::Show(Category::Plan));
    }

    #[test]
    fn an_answer_is_a_word_wherever_it_stands() {
        let all = Category::ALL;
        for (text, expected) in [
            ("\"search\"", Some(Category::Search)),
            ("Write.", Some(Category::Write)),
            ("I would read", Some(Category::Read)),
            ("reading", None),
            ("", None),
        ] {
            assert_eq!(Category::named(text, &all), expected, "{text}");
        }
        assert_eq!(Category::named("run", &[Category::Read]), None);
    }
}
