//! Values in a shell line: where they stand, and how they reach the command without becoming text of it.
