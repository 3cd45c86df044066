//! A JSON Schema as the parser needs it: what a value may be, with references resolved and nothing else.
