//! Values that are one word of a few.

use super::lower::Context;
use super::scalar::shorten;
use crate::diagnostic::{Code, Span, listed};

/// Writes an enum whose variants are words of the file, with `Lower` and `JsonSchema`.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[doc = $variant_doc])+ #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// Its words, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word in the file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl $crate::spec::lower::Lower for $name {
            fn lower(
                tree: &$crate::yaml::Tree,
                context: &mut $crate::spec::lower::Context<'_>,
            ) -> Option<Self> {
                let text = String::lower(tree, context)?;
                let found = Self::from_word(&text);
                if found.is_none() {
                    $crate::spec::choice::unknown_word(&text, Self::WORDS, tree.span, context);
                }
                found
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool { true }

            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": Self::WORDS })
            }
        }
    };
}

pub(crate) use choice;

/// Reports a word that is none of the choices.
pub(crate) fn unknown_word(word: &str, words: &[&'static str], span: Span, context: &mut Context<'_>) {
    let list = listed(words.iter());
    context
        .error(
            Code::BAD_VALUE,
            span,
            format!("`{}` is not one of {list}", shorten(word)),
        )
        .suggest(word, words.iter().copied());
}
