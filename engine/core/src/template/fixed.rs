//! What a template says in any case.

/// What opens a tag, with what closes it.
const TAGS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];

/// The statements that something else ends; `set` is one where it has no `=`.
const BLOCKS: [&str; 9] = [
    "if",
    "for",
    "block",
    "macro",
    "call",
    "filter",
    "with",
    "autoescape",
    "raw",
];

/// The text outside of tags and blocks. White space that a `-` takes away is not said.
pub(super) fn outside(source: &str) -> String {
    let mut said = String::new();
    let mut rest = source;
    let mut depth = 0_usize;
    while let Some((start, close)) = next(rest) {
        let (before, tag) = rest.split_at(start);
        let (inside, behind) = tag.split_once(close).unwrap_or((tag, ""));
        let inside = inside.get(2..).unwrap_or_default();
        if depth == 0 {
            said.push_str(if inside.starts_with('-') {
                before.trim_end()
            } else {
                before
            });
        }
        rest = if inside.ends_with('-') {
            behind.trim_start()
        } else {
            behind
        };
        if close != "%}" {
            continue;
        }
        let statement = inside.trim_matches(['-', '+']).trim();
        let word = statement.split_whitespace().next().unwrap_or_default();
        if word == "raw" {
            // What stands there is no tag; it is left out, which is no more than was promised.
            rest = after_raw(rest);
        } else if BLOCKS.contains(&word) || (word == "set" && !statement.contains('=')) {
            depth += 1;
        } else if word.starts_with("end") {
            depth = depth.saturating_sub(1);
        }
    }
    if depth == 0 {
        said.push_str(rest);
    }
    said
}

/// Where the next tag begins, and what closes it.
fn next(text: &str) -> Option<(usize, &'static str)> {
    let found = TAGS
        .iter()
        .filter_map(|(open, close)| Some((text.find(open)?, *close)));
    found.min()
}

fn after_raw(text: &str) -> &str {
    let mut rest = text;
    while let Some((_, tag)) = rest.split_once("{%") {
        let (inside, behind) = tag.split_once("%}").unwrap_or((tag, ""));
        if inside.trim_matches(['-', '+']).trim() == "endraw" {
            return behind;
        }
        rest = tag;
    }
    ""
}
