//! What the server of small programs looks like.
