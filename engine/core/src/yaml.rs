//! YAML text to a tree with spans: the only file that names the YAML crate.
