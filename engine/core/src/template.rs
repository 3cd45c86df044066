//! Expressions and templates: the only file that names MiniJinja.
