//! Arguments of a template, such as `<path>` and `{{query}}`: the form of a call is explained, not used.

use crate::tape::Value;

/// Whether all that is given are places to fill in. One real argument makes it a call: files may hold templates.
pub(super) fn is_template(arguments: &Value) -> bool {
    let members = arguments.view().members();
    members.len() > 0
        && members
            .clone()
            .all(|(name, value)| value.as_str().is_some_and(|text| is_place(name, text.trim())))
}

/// Whether `text` only says what would stand there.
fn is_place(name: &str, text: &str) -> bool {
    // A sentence in brackets is longer than this at most by accident.
    const LONGEST: usize = 60;
    if text.len() > LONGEST || text.contains('\n') {
        return false;
    }
    if let Some(inner) = between(text, "<", ">") {
        // `<br>` and `<a href="x">` are markup, `<path>` of a path and `<file name>` are not.
        return inner
            .chars()
            .all(|ch| ch.is_alphanumeric() || matches!(ch, ' ' | '_' | '-'))
            && (inner.contains([' ', '_', '-']) || inner.eq_ignore_ascii_case(name));
    }
    let inner = between(text, "{{", "}}").or_else(|| between(text, "${", "}"));
    if let Some(inner) = inner {
        return inner
            .chars()
            .all(|ch| ch.is_alphanumeric() || matches!(ch, ' ' | '_' | '-' | '.'));
    }
    let text = text.to_ascii_lowercase();
    text.starts_with("your_") && text.ends_with("_here")
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    text.strip_prefix(open)?
        .strip_suffix(close)
        .filter(|inner| !inner.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tape::Builder;

    fn template(arguments: &serde_json::Value) -> bool {
        let mut out = Builder::default();
        out.json(arguments);
        is_template(&out.finish())
    }

    #[test]
    fn places_to_fill_in_are_no_arguments() {
        for arguments in [
            json!({"path": "<path>"}),
            json!({"path": "<path to the file>", "text": "{{ text }}"}),
            json!({"path": "${PATH}"}),
            json!({"path": "your_path_here"}),
        ] {
            assert!(template(&arguments), "{arguments}");
        }
        for arguments in [
            json!({}),
            json!({"path": "a.html", "text": "{{ text }}"}),
            json!({"text": "<br>"}),
            json!({"text": "<a href=\"path\">"}),
            json!({"text": "<>"}),
            json!({"command": "cat <file>"}),
            json!({"count": 3, "text": "<text>"}),
        ] {
            assert!(!template(&arguments), "{arguments}");
        }
    }
}
