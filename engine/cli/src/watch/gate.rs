//! Gates that are answered at the terminal: one question at a time, with all that belongs to it.

use std::collections::HashMap;
use std::io::Write as _;

use smallcode_core::run::{Event, NodeId, Stored};
use smallcode_runtime::dispatcher::Question;
use smallcode_runtime::executor::Message;
use smallcode_runtime::journal::{BlobHash, Blobs};
use tokio::sync::mpsc;

use super::Past;
use super::screen::Screen;
use crate::render::text;
use crate::terminal::ask;

/// Puts each question to the human in front of the terminal, until there is nobody any more.
pub(super) fn answer(
    mut asked: mpsc::UnboundedReceiver<Question>,
    mut shown: HashMap<NodeId, String>,
    inbox: &mpsc::UnboundedSender<Message>,
    screen: &Screen,
) {
    while let Some(mut question) = asked.blocking_recv() {
        let before = shown.remove(&question.node);
        question.diff = question.diff.take().or(before);
        if !screen.make_room() {
            return;
        }
        let answer = put(&question);
        screen.answered();
        let message = match answer {
            Some((approved, comment)) => Message::Answer(question.node, approved, comment),
            None => Message::Unanswered,
        };
        let nobody = matches!(message, Message::Unanswered);
        if inbox.send(message).is_err() || nobody {
            return;
        }
    }
}

/// What was shown with the questions of earlier sessions.
pub(super) fn shown(past: Past<'_>) -> HashMap<NodeId, String> {
    let blobs = Blobs::new(past.folder.join("blobs"));
    let mut shown = HashMap::new();
    for (_, event) in past.events {
        if let Event::ApprovalAsked { node, diff, .. } = event
            && let Some(text) = diff.as_ref().and_then(|diff| read(diff, &blobs))
        {
            shown.insert(node.clone(), text);
        }
    }
    shown
}

fn read(stored: &Stored, blobs: &Blobs) -> Option<String> {
    match stored {
        Stored::Inline(value) => value.as_str().map(str::to_owned),
        Stored::Text { blob, .. } => {
            // A blob that is lost is told where it is: nobody shall approve what was not shown.
            let read = blob.parse::<BlobHash>().ok().map(|hash| blobs.get(&hash));
            Some(match read {
                Some(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Err(error)) => format!("what belongs to the question can't be shown: {error}"),
                None => format!("what belongs to the question can't be shown: `{blob}` is no name of a blob"),
            })
        }
        Stored::Json { .. } => None,
    }
}

/// Asks until the answer can be understood; nothing at the end of input.
fn put(question: &Question) -> Option<(bool, String)> {
    if let Some(diff) = &question.diff {
        let _ = writeln!(std::io::stderr(), "{}", text::clean(diff).trim_end());
    }
    let message = text::clean(&format!("{}: {}", question.node, question.message)).into_owned();
    loop {
        if let Some(answer) = understand(&ask(&format!("{message} [y/N, and a comment] "))?) {
            return Some(answer);
        }
        let _ = writeln!(
            std::io::stderr(),
            "answer `y` or `n`, and what there is to say with it, as in `n too early`"
        );
    }
}

/// Whether an answer approves, and its comment. What begins with neither yes nor no is no answer: somebody who
/// writes `looks good` must not be taken to reject.
fn understand(answer: &str) -> Option<(bool, String)> {
    let answer = answer.trim();
    let end = answer
        .find(|c: char| c.is_whitespace() || matches!(c, ',' | ':'))
        .unwrap_or(answer.len());
    let (word, comment) = answer.split_at(end);
    let approved = match word.to_lowercase().as_str() {
        "y" | "yes" => true,
        "n" | "no" => false,
        "" if comment.is_empty() => false,
        _ => return None,
    };
    let comment = comment.trim_start_matches([',', ':']).trim();
    Some((approved, comment.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_yes_or_no_with_a_comment() {
        for (answer, approved, comment) in [
            ("y", true, ""),
            (" YES \n", true, ""),
            ("y, but mind the date", true, "but mind the date"),
            ("n: too early", false, "too early"),
            ("no   not today ", false, "not today"),
            ("", false, ""),
            ("\n", false, ""),
        ] {
            assert_eq!(
                understand(answer),
                Some((approved, comment.to_owned())),
                "{answer:?}"
            );
        }
        for unclear in ["looks good", "yess", "1", ", y"] {
            assert_eq!(understand(unclear), None, "{unclear:?}");
        }
    }
}
