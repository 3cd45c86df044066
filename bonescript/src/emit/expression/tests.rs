//! Expressions as they come out.
