//! The stable codes, each with the page that `smallcode explain` shows.

use std::fmt;

use super::Severity;

/// A stable code: a letter for the severity (`E`, `W`) and four digits, of which the first two name the area.
///
/// `01` the YAML text, `02` the shape of the file, `03` expressions and shell lines, `04` rules across tasks,
/// `05` inputs, plans and what can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        /// The page of a code (`E0201`, any case), in Markdown; `None` where there is no such code.
        pub fn explanation(code: &str) -> Option<&'static str> {
            match code.to_ascii_uppercase().as_str() {
                $($code => Some(include_str!(concat!("codes/", $code, ".md"))),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// The text is not YAML.
    YAML_SYNTAX = "E0101";
    /// A mapping has the same key twice.
    DUPLICATE_KEY = "E0102";
    /// The text is larger, deeper or more repetitive than a workflow may be.
    YAML_LIMIT = "E0103";
    /// The text is not UTF-8, or the file can't be read.
    UNREADABLE = "E0104";
    /// A key that nothing knows.
    UNKNOWN_KEY = "E0201";
    /// A value of another type than wanted.
    WRONG_TYPE = "E0202";
    /// A key that must be there is not.
    MISSING_KEY = "E0203";
    /// A value of the right type that means nothing here.
    BAD_VALUE = "E0204";
    /// A task with no kind, or with two.
    TASK_KIND = "E0205";
    /// A name that can't be used in expressions.
    BAD_NAME = "E0206";
    /// A key that does not go with the kind of its task.
    MISPLACED_KEY = "E0207";
    /// An expression that does not compile.
    BAD_EXPRESSION = "E0301";
    /// An expression names something that is not there.
    UNKNOWN_REFERENCE = "E0302";
    /// An expression uses a task that is not among the needs.
    NOT_NEEDED = "E0303";
    /// An expression uses an output that may not exist.
    MAYBE_MISSING = "E0304";
    /// A value stands in a shell line where it can't be passed safely.
    SHELL_VALUE = "E0305";
    /// `needs` names a task that is not there.
    UNKNOWN_TASK = "E0401";
    /// Tasks need each other in a circle.
    CYCLE = "E0402";
    /// Two tasks that may run at the same time write the same files.
    OVERLAPPING_WRITES = "E0403";
    /// A used workflow or one of its inputs or outputs does not fit.
    BAD_USE = "E0404";
    /// A path that leaves the place it is confined to.
    BAD_PATH = "E0405";
    /// A prompt that cannot fit the window.
    TOO_LARGE = "E0406";
    /// A model would write where the workflow's permissions don't let it.
    NOT_PERMITTED = "E0407";
    /// An input without a value.
    MISSING_INPUT = "E0501";
    /// An input of the wrong type, or one that the workflow does not have.
    BAD_INPUT = "E0502";
    /// A kind, verifier or key that this version checks but does not run yet.
    NOT_RUNNABLE = "E0503";
    /// A plan that no longer matches what it was made from.
    STALE_PLAN = "E0504";
    /// An input that nothing uses.
    UNUSED_INPUT = "W0501";
    /// A value in a shell line that is parsed a second time.
    REPARSED_VALUE = "W0301";
    /// A `needs` or key without effect.
    NO_EFFECT = "W0401";
}

impl Code {
    /// The severity that the code's letter tells.
    pub fn severity(self) -> Severity {
        if self.0.starts_with('W') {
            Severity::Warning
        } else {
            Severity::Error
        }
    }

    /// A code that another part defines and explains, such as `B0201` of BoneScript.
    pub const fn foreign(code: &'static str) -> Self {
        Self(code)
    }

    /// The code's text, such as `E0201`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_a_wrong_and_a_right_example() {
        for code in Code::ALL {
            let page = explanation(code.as_str()).expect("a page");
            assert!(page.starts_with(&format!("# {code}: ")), "{code}: first line");
            assert!(page.contains("## Wrong"), "{code}: wrong example");
            assert!(page.contains("## Right"), "{code}: right example");
        }
        assert_eq!(explanation("E9999"), None);
    }
}
