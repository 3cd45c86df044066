//! `edit`: patches of a model to files that it was shown.
//!
//! What can't be done is refused before the call: files that a model may not write, a prompt that leaves no room for
//! the answer. The edits of the answer are put into the files all together, and stay only if the verifiers say so.

mod files;
mod part;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use smallcode_core::diagnostic::{count, listed};
use smallcode_core::instruction;
use smallcode_core::load::Module;
use smallcode_core::patch::{self, Files, Reason, Refusal};
use smallcode_core::run::{FEEDBACK_TOKENS, Failure, FailureClass, Part, TaskResult};
use smallcode_core::spec;
use smallcode_core::spec::{Edit, Task};
use smallcode_core::template::Scope;
use smallcode_core::tokens::{self, Family};
use smallcode_parse::Known;

use self::part::{PART, View};
use super::parts::{Measure, wanted};
use super::stages::{self, Ask, Asker};
use super::verify::{Subject, Verification};
use super::{Answering, Job, Shared, context, keep, permit, text, writes};
use crate::answer;
use crate::model::{Message, Role};

pub(super) use self::files::read;
pub(super) use self::part::{join, outlined, texts};

/// How a file is made; said only where one may be.
const MAKE: &str = "To make a file that does not exist yet, leave the part between SEARCH and ======= empty.";

/// How many refused edits are told at once: a small model puts right what it can keep in mind.
const TOLD: usize = 3;

/// The longest summary that is kept, in characters.
const SUMMARY: usize = 300;

/// Asks the model for edits, and applies them.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    edit: &Edit,
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let asker = Asker::new(shared, task, job)?;
    let measure = Measure::new(asker.answerer(), job);
    let mut read = None;
    let asked = ask(shared, module, task, edit, job, scope, asker, &mut read);
    let result = stages::in_time(task, asked).await;
    match (result, read) {
        (Err(failure), Some(files)) if wanted(task) => {
            Err(part::measured(failure, &measure, &files, job.part.as_deref()))
        }
        (result, _) => result,
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one attempt, in one place")]
async fn ask(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    edit: &Edit,
    job: &Job,
    scope: &Arc<dyn Scope>,
    mut asker: Asker<'_>,
    read: &mut Option<Files>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let all = files::read(shared, edit, scope).await?;
    let part = job.part.as_deref();
    let View { files, shown, rest } = View::new(&all, part);
    *read = Some(files.clone());
    if part.is_some() && shown.is_empty() {
        // The parts before it have left nothing of it.
        return part::unchanged(shared);
    }
    let messages = messages(edit, &files, shown, part, scope)?;
    fits(asker.answerer(), &files, &messages)?;
    let mut sections =
        context::sections(shared, &edit.beside.context.0, &edit.keys.instruction, scope).await?;
    sections.extend(rest);
    let asked = Ask {
        messages,
        sections,
        divides: false,
        schema: None,
    };
    let reply = asker.reply(asked).await?;
    if part.is_some() && part::is_no_change(answer::text(&reply.text)) {
        return part::unchanged(shared);
    }
    let (changed, summary) = stages::read(|| patched(&files, &reply.text))?;
    let value = json!({ "files": changed.keys().collect::<Vec<_>>(), "summary": summary });
    // The attempt puts them back where anything fails from here on.
    let changed: Vec<(String, String)> = changed.into_iter().collect();
    permit::permitted(&shared.workspace, &shared.write_permissions, &changed)?;
    let subject = Subject::files(value.clone(), &changed);
    verification.result(&subject)?;
    files::unchanged(shared, files).await?;
    writes::write(shared, job, changed).await?;
    verification.workspace(&subject, Some(&mut asker)).await?;
    Ok(TaskResult::of(keep(shared, value)?))
}

/// What is asked: the files first, as they stay the same where several tasks change them.
fn messages(
    edit: &Edit,
    files: &Files,
    shown: Vec<String>,
    part: Option<&Part>,
    scope: &Arc<dyn Scope>,
) -> Result<Vec<Message>, Failure> {
    let of = |spec: &spec::Text| text(spec, scope);
    let mut system = edit.beside.system.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    system.push(instruction::EDITS.to_owned());
    if files.values().any(|text| is_blank(text.as_deref())) {
        system.push(MAKE.to_owned());
    }
    system.extend(part.map(|_| PART.to_owned()));
    let mut user = shown;
    if let Some(part) = part.filter(|part| !part.found.is_empty()) {
        let found = &part.found;
        user.push(format!(
            "When all was done at once, this was found wrong with it:\n{found}"
        ));
    }
    user.push(text(&edit.keys.instruction, scope)?);
    Ok(vec![
        Message::new(Role::System, system.join("\n\n")),
        Message::new(Role::User, user.join("\n\n")),
    ])
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

/// A file as the model is shown it. Its line ends are kept when it is written, and cost only tokens here.
pub(super) fn section(path: &str, text: Option<&str>) -> String {
    let Some(text) = text.filter(|text| !is_blank(Some(text))) else {
        let what = if text.is_some() {
            "is empty"
        } else {
            "does not exist yet"
        };
        return format!("`{path}` {what}.");
    };
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{path}\n{fence}\n{text}{end}{fence}")
}

/// Refuses a prompt that leaves too little of the window for the answer, and says which files would fit.
fn fits(answerer: Answering<'_>, files: &Files, messages: &[Message]) -> Result<(), Failure> {
    let name = &answerer.profile.name;
    let family = Family::of_model(answerer.profile.model_name());
    let texts = messages.iter().map(|message| message.content.as_str());
    let whole = answerer.counted(tokens::estimate_chat(family, texts));
    // What a retry is told comes on top.
    let kept = answerer.facts.reserve.saturating_add(FEEDBACK_TOKENS.get());
    let room = answerer.facts.window.saturating_sub(kept);
    if whole <= room {
        return Ok(());
    }
    let mut sizes: Vec<(u64, &str)> = files
        .iter()
        .map(|(path, text)| {
            (
                answerer.text(tokens::estimate(family, text.as_deref().unwrap_or_default())),
                path.as_str(),
            )
        })
        .collect();
    sizes.sort_unstable();
    let around = whole.saturating_sub(sizes.iter().map(|(size, _)| size).sum());
    let mut left = room.saturating_sub(around);
    let (mut fit, mut over) = (Vec::new(), Vec::new());
    for (size, path) in sizes {
        match left.checked_sub(size) {
            Some(rest) => {
                left = rest;
                fit.push(format!("`{path}` ({size})"));
            }
            None => over.push(format!("`{path}` ({size})")),
        }
    }
    let fit = if fit.is_empty() {
        "no file would fit".to_owned()
    } else {
        format!("{} would fit", fit.join(", "))
    };
    let message = format!(
        "the prompt takes up to {whole} tokens, and the window of `{name}` has room for {room} beside the answer: \
         {fit}, and {} would not; give a task fewer or shorter files",
        over.join(", ")
    );
    Err(Failure::new(FailureClass::TooLarge, message))
}

/// The files as the answer wants them, and what it says of that.
fn patched(files: &Files, reply: &str) -> Result<(BTreeMap<String, String>, String), Failure> {
    let edits = answer::edits(reply, &Known::new(files.keys()))?;
    let changed = patch::apply(files, &edits).map_err(|refused| refusal(&refused))?;
    if changed.is_empty() {
        let message = "the edits change nothing: what they put in is what they search for";
        return Err(Failure::new(FailureClass::PatchWithoutMatch, message));
    }
    let summary = summary(answer::text(reply), &edits)
        .unwrap_or_else(|| format!("{} in {}", count(edits.len(), "edit"), listed(changed.keys())));
    Ok((changed, summary))
}

/// What a model is told of edits that have no place.
pub(super) fn refusal(refused: &[Refusal]) -> Failure {
    let told = refused.get(..TOLD).unwrap_or(refused);
    let mut lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    if refused.len() > told.len() {
        lines.push(format!(
            "and {} more edits have no place",
            refused.len() - told.len()
        ));
    }
    let mut failure = Failure::new(FailureClass::PatchWithoutMatch, lines.join("; "));
    for refusal in told {
        if let Reason::NoMatch(Some(near)) = &refusal.reason {
            let path = refusal.path.as_deref().unwrap_or_default();
            let lines = patch::numbered(near.lines.iter().map(String::as_str), near.line);
            let parts = ["the closest lines of `", path, "`, with their numbers:\n", &lines];
            failure.detail.extend(parts);
        }
    }
    failure
}

/// The line of the answer that says what was changed.
fn summary(text: &str, edits: &[smallcode_parse::Edit]) -> Option<String> {
    let mut outside = Vec::new();
    let mut from = 0;
    for edit in edits {
        outside.push(text.get(from..edit.span.start).unwrap_or_default());
        from = edit.span.end;
    }
    outside.push(text.get(from..).unwrap_or_default());
    let marks = ['*', '#', '>', '`', ' '];
    outside.into_iter().flat_map(str::lines).rev().find_map(|line| {
        let line = line.trim_start_matches(marks);
        let (word, said) = line.split_once(':')?;
        let said = said.trim_matches(marks);
        let is = word.trim_end_matches(marks).eq_ignore_ascii_case("summary") && !said.is_empty();
        is.then(|| said.chars().take(SUMMARY).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "a.md\n<<<<<<< SEARCH\nSummary: old\n=======\nSummary: new\n>>>>>>> REPLACE\n";

    fn of(reply: &str) -> String {
        let files = Files::from([("a.md".to_owned(), Some("Summary: old\n".to_owned()))]);
        patched(&files, reply).unwrap().1
    }

    #[test]
    fn the_summary_is_what_the_answer_says_outside_its_edits() {
        assert_eq!(of(&format!("{BLOCK}\n**Summary:** It is new.\n")), "It is new.");
        assert_eq!(of(&format!("summary: It is new\n{BLOCK}")), "It is new");
        assert_eq!(of(BLOCK), "1 edit in `a.md`");
        assert_eq!(of(&format!("{BLOCK}Summary:\n")), "1 edit in `a.md`");
    }

    #[test]
    fn a_file_is_shown_in_a_fence_that_is_longer_than_those_in_it() {
        assert_eq!(
            section("a.md", Some("x\r\n```\ny")),
            "a.md\n````\nx\n```\ny\n````"
        );
        assert_eq!(section("a.rs", Some("\u{feff}x\n")), "a.rs\n```\nx\n```");
        assert_eq!(section("a.rs", Some("\n")), "`a.rs` is empty.");
        assert_eq!(section("a.rs", None), "`a.rs` does not exist yet.");
    }
}
