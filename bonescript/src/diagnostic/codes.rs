//! The stable codes, each with the page that `explain` shows.

use std::fmt;

use super::Severity;

/// A stable code: `B` and four digits, of which the first two name the area.
///
/// `01` the text and its grammar, `02` names and words, `03` types, `04` rules of declarations, `05` files, `09`
/// warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }

        /// The page of a code (`B0201`, any case), in Markdown; `None` where there is no such code.
        pub fn explanation(code: &str) -> Option<&'static str> {
            match code.to_ascii_uppercase().as_str() {
                $($code => Some(include_str!(concat!("codes/", $code, ".md"))),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// A character that means nothing.
    UNEXPECTED_CHARACTER = "B0101";
    /// A string without its closing quote.
    UNTERMINATED_STRING = "B0102";
    /// A comment without its end.
    UNTERMINATED_COMMENT = "B0103";
    /// An escape that strings don't have.
    BAD_ESCAPE = "B0104";
    /// A number that 64 bits don't hold.
    NUMBER_TOO_LARGE = "B0105";
    /// Something else stands where the grammar wants something.
    SYNTAX = "B0106";
    /// Nested deeper, or longer, than is read.
    TOO_DEEP = "B0107";
    /// A bracket without its partner.
    UNCLOSED = "B0108";
    /// No clause or declaration begins with this word.
    UNKNOWN_CLAUSE = "B0109";
    /// A clause that is there already.
    REPEATED_CLAUSE = "B0110";
    /// Comparisons in a chain.
    CHAINED_COMPARISON = "B0111";
    /// The file is too large.
    TOO_LARGE = "B0112";
    /// So many problems that the rest is not shown.
    TOO_MANY = "B0113";
    /// An operator of another language.
    FOREIGN_OPERATOR = "B0114";
    /// The same name twice.
    DUPLICATE = "B0201";
    /// A name that stands for nothing.
    UNKNOWN_NAME = "B0202";
    /// A field or member that is not there.
    UNKNOWN_FIELD = "B0203";
    /// A type that is not there.
    UNKNOWN_TYPE = "B0204";
    /// An event that is not declared.
    UNKNOWN_EVENT = "B0205";
    /// An entity that is not declared.
    UNKNOWN_ENTITY = "B0206";
    /// A state, or one of the listed values of a field, that is not there.
    UNKNOWN_VALUE = "B0207";
    /// A capability, function or extension point that is not declared.
    UNKNOWN_CALL = "B0208";
    /// A name that can't be given.
    RESERVED_NAME = "B0209";
    /// A word that is not of the closed list that is allowed here.
    UNKNOWN_WORD = "B0210";
    /// An annotation that is not there.
    UNKNOWN_ANNOTATION = "B0211";
    /// An algorithm, or an input of one, that the catalogue does not have.
    UNKNOWN_ALGORITHM = "B0212";
    /// A value of another type than its place.
    TYPE_MISMATCH = "B0301";
    /// A condition that is not true or false.
    NOT_BOOL = "B0302";
    /// Two values that can't be compared.
    INCOMPARABLE = "B0303";
    /// An operator on a type that does not have it.
    BAD_OPERAND = "B0304";
    /// `+=`, `-=` or `<<=` on something that has no such effect.
    BAD_EFFECT = "B0305";
    /// Too few or too many arguments.
    ARGUMENT_COUNT = "B0306";
    /// A type that can't stand here.
    MISPLACED_TYPE = "B0307";
    /// A number outside of its type.
    OUT_OF_RANGE = "B0308";
    /// An effect on something that the capability may not change.
    NOT_CHANGEABLE = "B0309";
    /// A default that is not a constant.
    NOT_CONSTANT = "B0310";
    /// A constraint or derived field that looks beyond its row.
    NOT_OWN = "B0311";
    /// A number in a clause that makes no sense.
    BAD_NUMBER = "B0401";
    /// Bounds of a relation that no row can meet, or that its kind doesn't have.
    BAD_CARDINALITY = "B0402";
    /// Derived fields that need each other.
    CIRCULAR_DERIVED = "B0403";
    /// A field of an event that nothing fills.
    UNFILLED_PAYLOAD = "B0404";
    /// A flow with fewer than two steps.
    SHORT_FLOW = "B0405";
    /// Two clauses that exclude each other.
    EXCLUSIVE = "B0406";
    /// A state that can't be reached, or a transition that the graph does not have.
    NO_TRANSITION = "B0407";
    /// What is created lacks a row that it must belong to.
    INCOMPLETE_ROW = "B0408";
    /// A sensitive value that is put where clients or others read it.
    SENSITIVE_SHOWN = "B0409";
    /// A relation that may be the other side of several.
    AMBIGUOUS_RELATION = "B0410";
    /// A file that can't be imported.
    BAD_IMPORT = "B0501";
    /// Files that import each other.
    CIRCULAR_IMPORT = "B0502";
    /// A program that can't be read.
    UNREADABLE = "B0503";
    /// `not` binds tighter than the comparison after it.
    LOOSE_NOT = "B0901";
    /// A domain without defaults of its own.
    UNKNOWN_DOMAIN = "B0902";
    /// An import that names nothing of its file.
    UNUSED_IMPORT = "B0903";
    /// A capability without effect.
    NO_EFFECT = "B0904";
    /// A role that is called nearly like an entity.
    CLOSE_ROLE = "B0905";
    /// A step or an algorithm names a function that nobody declares.
    IMPLIED_POINT = "B0906";
    /// An answer that nothing computes.
    EMPTY_ANSWER = "B0907";
    /// What is told in no channel.
    UNHEARD = "B0908";
    /// No account can be made by a request.
    NO_WAY_IN = "B0909";
}

impl Code {
    /// The severity: `B09` are warnings.
    pub fn severity(self) -> Severity {
        if self.0.starts_with("B09") {
            Severity::Warning
        } else {
            Severity::Error
        }
    }

    /// The code's text, such as `B0201`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
