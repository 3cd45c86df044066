//! The words that tell what is shown from what is meant.

/// What leads over to an example.
pub(super) const EXAMPLE: &[&str] = &[
    "example",
    "for instance",
    "e.g.",
    "such as",
    "something like",
    "sample",
    "template",
    "looks like",
    "look like",
    "looked like",
    "look as",
    "formatted",
    "would contain",
    "syntax",
    "format is",
    "format would be",
    "usage",
    "beispiel",
    "ejemplo",
    "exemple",
];
/// Words that say it alone, or with one more: `Format:`, `Expected schema:`.
pub(super) const LABELS: &[&str] = &[
    "format",
    "schema",
    "pseudo-code",
    "pseudocode",
    "bad",
    "wrong",
    "before",
    "history",
    "stdout",
    "stderr",
];
/// What its writer is about to do.
pub(super) const INTENT: &[&str] = &[
    "i'll", "i’ll", "i will", "let me", "let's", "going to", "i need", "i now", "i use", "i call", "i run",
    "i make", "i look", "i read", "calling",
];
/// What a model says before it does what it was asked.
pub(super) const ASSENT: &[&str] = &[
    "ok",
    "okay",
    "sure",
    "sure thing",
    "alright",
    "all right",
    "certainly",
    "of course",
    "absolutely",
    "right away",
    "got it",
    "understood",
    "no problem",
    "yes",
    "on it",
];
/// … which may be to show something.
pub(super) const SHOWING: &[&str] = &["show", "give you", "illustrate", "explain", "describe", "how i"];
/// What turns a deed into its contrary.
pub(super) const NOT: &[&str] = &[
    "not",
    "never",
    "don't",
    "don’t",
    "won't",
    "won’t",
    "can't",
    "can’t",
    "cannot",
    "shouldn't",
    "shouldn’t",
    "mustn't",
    "wouldn't",
    "avoid",
    "refuse",
];
/// What is done with a call, or may be.
pub(super) const DEEDS: &[&str] = &[
    "call",
    "calling",
    "send",
    "sending",
    "run",
    "running",
    "execute",
    "executing",
    "use",
    "using",
    "do",
    "doing",
    "make",
    "making",
    "invoke",
    "issue",
    "write",
    "allowed",
    "permitted",
];
/// What makes of "can't do that" a reason to do something else first.
pub(super) const UNLESS: &[&str] = &["without", "until", "unless", "yet"];
/// A call that is past, or was given up.
pub(super) const DONE: &[&str] = &[
    "wrong to",
    "be wrong",
    "is wrong",
    "was wrong",
    "be dangerous",
    "is dangerous",
    "be harmful",
    "be a mistake",
    "is invalid",
    "was invalid",
    "would have",
    "could have",
    "was rejected",
    "cancelled",
    "canceled",
    "decided against",
    "already run",
    "already ran",
    "already called",
    "already sent",
    "already made",
    "previously",
    "earlier calls",
];
/// The last word of a sentence before something that was found or given back.
pub(super) const ECHO: &[&str] = &[
    "contains",
    "contained",
    "returned",
    "returns",
    "says",
    "said",
    "printed",
    "prints",
    "wrote",
    "sent",
    "has",
    "had",
    "holds",
    "held",
    "found",
    "shows",
    "showed",
    "means",
    "failed",
];
/// What is said to be something, or stands before its colon alone: `Output:`.
pub(super) const FOUND: &[&str] = &[
    "output",
    "outputs",
    "result",
    "results",
    "observation",
    "content",
    "contents",
    "transcript",
    "message",
    "log",
    "logs",
    "file",
];
/// Words that may stand before one of these.
pub(super) const OF_FOUND: &[&str] = &[
    "the", "a", "tool", "sample", "raw", "full", "final", "expected", "server", "command", "program", "its",
];
/// Where something is found.
pub(super) const PLACES: &[&str] = &[
    "config",
    "configuration",
    "settings",
    "log",
    "logs",
    "file",
    "docs",
    "documentation",
    "manual",
    "readme",
    "history",
    "transcript",
    "conversation",
    "notes",
    "source",
    "code",
];
/// Deeds that are done, and whose they were.
pub(super) const PAST: &[&str] = &["did", "ran", "pasted", "issued", "executed", "called"];
/// What was before this.
pub(super) const EARLIER: &[&str] = &["last", "previous", "earlier", "past", "prior"];
/// What somebody else might do.
pub(super) const SUPPOSED: &[&str] = &[
    "attacker",
    "malicious",
    "injected",
    "injection",
    "ignore this",
    "ignore the",
];
