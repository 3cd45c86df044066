//! The language as a whole: programs that are right, and what is said of those that are not.

use super::*;

mod codes;
pub(crate) mod examples;
mod imports;
mod meaning;
mod points;
mod properties;
mod recovery;
mod style;
