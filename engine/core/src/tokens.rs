//! Token counts: the only file that names `tiktoken_rs`.
