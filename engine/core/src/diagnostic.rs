//! What is wrong with what the user wrote, where, and what to do about it.
