//! What a reply was read as: calls or a value, and everything that had to be done to get there.

use serde::Serialize;

use crate::tape::Value;
use crate::tree::Span;

/// A tool call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// The name of an offered tool, or what the reply said where any name is accepted.
    pub name: String,
    /// The arguments, aligned to the tool's schema: an object.
    pub arguments: Value,
    /// The id that the model gave to the call, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where the call stands in the reply.
    pub span: Span,
    /// The form in which the model wrote it.
    pub dialect: Dialect,
    /// Where the reply ended in the middle of this call; a tool that writes should refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// Where a reply ended in the middle of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The value that is not whole, as a JSON pointer (RFC 6901) into the arguments or the value.
    pub path: String,
}

/// The written form of a call or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// JSON, whole or broken, with or without a fence or a marker around it.
    Json,
    /// A marker or tag with the name, then JSON arguments.
    NameThenJson,
    /// Tags with the name and one tag for each parameter.
    Xml,
    /// `<arg_key>` and `<arg_value>` pairs.
    KeyValue,
    /// `name(key=value)`, alone or in a list.
    Pythonic,
    /// `call:name{key:value}` with marked strings.
    Gemma,
    /// `Action:` and `Action Input:` lines.
    React,
    /// YAML.
    Yaml,
    /// The server's own `tool_calls` field.
    Native,
    /// Text that was taken as it is.
    Text,
}

/// Something that the parser did to read what the model did not quite write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What was done.
    pub kind: RepairKind,
    /// Where.
    pub span: Span,
}

/// How much a repair may have changed of what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Only spelling: the meaning can't have changed.
    Cosmetic,
    /// The structure was completed in the one way that makes sense.
    Structural,
    /// Something was left out, or chosen among several.
    Lossy,
}

/// What a repair did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairKind {
    /// A byte order mark, a zero-width or other odd space was skipped.
    OddSpace,
    /// A trailing or doubled comma was skipped.
    ExtraComma,
    /// A missing comma was put in.
    MissingComma,
    /// A missing colon was put in.
    MissingColon,
    /// A comment was skipped.
    Comment,
    /// An ellipsis was skipped.
    Ellipsis,
    /// Quotes of another kind than JSON's.
    OtherQuotes,
    /// A string or key had no quotes.
    BareText,
    /// A string had only one of its quotes.
    MissingQuote,
    /// A quote inside a string was not escaped.
    InnerQuote,
    /// A raw control character stood in a string.
    RawControl,
    /// An escape that JSON does not know was kept as text.
    BadEscape,
    /// A literal of Python or JavaScript (`True`, `None`, `undefined`).
    ForeignLiteral,
    /// A number in another form than JSON's.
    OddNumber,
    /// A bracket was closed that the text left open, or closed by another kind.
    MissingCloser,
    /// A closing bracket without an opening one was skipped.
    StrayCloser,
    /// Text between values was skipped.
    SkippedText,
    /// A value was missing after a key; it is null.
    MissingValue,
    /// Several values stood where one was expected.
    SeveralValues,
    /// A wrapper such as `ObjectId(…)` or a callback's parentheses was taken off.
    Wrapper,
    /// The whole text was escaped once too often.
    DoublyEscaped,
    /// Nested deeper than [`crate::MAX_DEPTH`]: kept as text.
    TooDeep,
    /// A marker of the dialect was missing, doubled or misspelt.
    Marker,
    /// A tool's name was not written as offered.
    ToolName,
    /// A parameter's name was not written as in the schema.
    ParameterName,
    /// A value was taken out of a key that wraps it, or arguments stood beside the name.
    Nesting,
    /// A scalar or container was converted to the type that the schema names.
    Type,
    /// An enum's value was written in other case, with accents or inside more text.
    EnumValue,
    /// A value that the schema does not know was left out.
    UnknownParameter,
    /// One of several readings was taken.
    Choice,
    /// The same call stands twice in the reply.
    Repeated,
    /// A call was taken although the model never ended its thinking.
    UnendedThinking,
}

/// Repairs of one kind that a reading counts and does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// What was done.
    pub kind: RepairKind,
    /// How often.
    pub count: usize,
}

/// So many repairs are listed: more than a person reads. A megabyte of broken JSON takes a hundred thousand.
pub const MAX_REPAIRS: usize = 100;

/// What a reply lacks, in words that a model can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub kind: DiagnosticKind,
    /// Where in the reply, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Where in the arguments or the value: a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What was found and what was expected, in one sentence.
    pub message: String,
}

/// The class of a [`Diagnostic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosticKind {
    /// The reply holds no call and no value.
    Nothing,
    /// A call names a tool that was not offered.
    UnknownTool,
    /// A required parameter or member is missing.
    Missing,
    /// A value does not fit its schema.
    Mismatch,
    /// Two readings fit equally well and mean different things.
    Ambiguous,
    /// The reply ended in the middle of a value.
    Cut,
    /// The reply is longer than [`crate::MAX_BYTES`].
    TooLong,
}

/// Another reading, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunnerUp {
    /// What it would have been.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
    /// Its cost; the one that was taken costs less. What looked like a call and is none has the cost of a diagnostic.
    pub cost: u32,
}

/// What a reply was read as.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reading {
    /// The calls, in the order of the reply.
    pub calls: Vec<Call>,
    /// The value, where one was asked for and found.
    pub value: Option<Value>,
    /// What is neither a call nor thinking.
    pub text: String,
    /// What the model thought aloud.
    pub thinking: String,
    /// What had to be done, in the order of the reply: at most [`MAX_REPAIRS`], the gravest.
    pub repairs: Vec<Repair>,
    /// What had to be done beside: how often, of each kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// What is missing or wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the value was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Other readings, best first.
    pub runners_up: Vec<RunnerUp>,
}

impl Reading {
    /// What is said of a reply that is too long to be read.
    pub(crate) fn too_long(reply: &str) -> Self {
        Self {
            text: reply.to_owned(),
            diagnostics: vec![Diagnostic::too_long(reply.len())],
            ..Self::default()
        }
    }

    /// Lists no more than [`MAX_REPAIRS`] repairs, in their order, and counts the rest.
    pub(crate) fn bounded(mut self) -> Self {
        if self.repairs.len() > MAX_REPAIRS {
            self.omit();
        }
        self.repairs.sort_by_key(|repair| repair.span);
        self
    }

    fn omit(&mut self) {
        let all = self.repairs.len();
        let mut kept = 0;
        let repairs = std::mem::take(&mut self.repairs);
        // The gravest first, of each severity the first of the text.
        let mut listed = vec![false; all];
        for severity in [Severity::Lossy, Severity::Structural, Severity::Cosmetic] {
            for (repair, listed) in repairs.iter().zip(&mut listed) {
                if kept < MAX_REPAIRS && repair.kind.severity() == severity {
                    *listed = true;
                    kept += 1;
                }
            }
        }
        for (repair, listed) in repairs.into_iter().zip(listed) {
            if listed {
                self.repairs.push(repair);
                continue;
            }
            match self
                .omitted
                .iter_mut()
                .find(|omitted| omitted.kind == repair.kind)
            {
                Some(omitted) => omitted.count += 1,
                None => self.omitted.push(Omitted {
                    kind: repair.kind,
                    count: 1,
                }),
            }
        }
    }
}

impl Diagnostic {
    /// What is said of a text of so many bytes.
    pub(crate) fn too_long(bytes: usize) -> Self {
        Self {
            kind: DiagnosticKind::TooLong,
            span: None,
            path: None,
            message: format!(
                "the reply has {bytes} bytes; at most {} are read",
                crate::MAX_BYTES
            ),
        }
    }

    /// What is said of a value in whose middle the reply ends.
    pub(crate) fn cut(span: Span, cut: &Cut) -> Self {
        Self {
            kind: DiagnosticKind::Cut,
            span: Some(span),
            path: Some(cut.path.clone()),
            message: "the reply ends in the middle of this value".to_owned(),
        }
    }
}

impl RepairKind {
    /// How much this kind of repair may have changed.
    pub fn severity(self) -> Severity {
        match self {
            Self::OddSpace
            | Self::ExtraComma
            | Self::Comment
            | Self::OtherQuotes
            | Self::RawControl
            | Self::ForeignLiteral
            | Self::OddNumber
            | Self::Marker
            | Self::DoublyEscaped
            | Self::Type => Severity::Cosmetic,
            Self::MissingComma
            | Self::MissingColon
            | Self::BareText
            | Self::MissingQuote
            | Self::InnerQuote
            | Self::BadEscape
            | Self::MissingCloser
            | Self::StrayCloser
            | Self::Wrapper
            | Self::ToolName
            | Self::ParameterName
            | Self::Nesting
            | Self::EnumValue
            | Self::Repeated => Severity::Structural,
            Self::Ellipsis
            | Self::SkippedText
            | Self::MissingValue
            | Self::SeveralValues
            | Self::TooDeep
            | Self::UnknownParameter
            | Self::Choice
            | Self::UnendedThinking => Severity::Lossy,
        }
    }

    /// What a repair costs when readings are compared: 1 for spelling, 3 for structure, 10 where something may be lost,
    /// so that one lost part weighs more than any usual number of spelling repairs.
    pub(crate) fn cost(self) -> u32 {
        match self.severity() {
            Severity::Cosmetic => 1,
            Severity::Structural => 3,
            Severity::Lossy => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expect, parse};

    #[test]
    fn long_lists_of_repairs_are_counted_with_the_gravest_listed() {
        let text = format!("[{} {{'b': }}]", "{'a': 1,}, ".repeat(400));
        let reading = parse(&text, &Expect::Json, false);
        assert_eq!(reading.repairs.len(), MAX_REPAIRS);
        let missing = |repair: &&Repair| repair.kind == RepairKind::MissingValue;
        assert_eq!(reading.repairs.iter().filter(missing).count(), 1);
        assert!(reading.repairs.is_sorted_by_key(|repair| repair.span.start));
        let count = |kind| {
            let omitted = reading.omitted.iter().filter(|omitted| omitted.kind == kind);
            let listed = reading
                .repairs
                .iter()
                .filter(|repair| repair.kind == kind)
                .count();
            listed + omitted.map(|omitted| omitted.count).sum::<usize>()
        };
        assert_eq!(
            (count(RepairKind::ExtraComma), count(RepairKind::OtherQuotes)),
            (400, 401)
        );
        let few = parse("[{'a': 1,}]", &Expect::Json, false);
        assert_eq!((few.repairs.len(), few.omitted.len()), (2, 0));
    }
}
