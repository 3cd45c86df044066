//! The words by which an object says that it is a call, folded: a table for each part of one.

/// Keys of a name, of which the first found counts.
pub(super) const NAMES: &[&str] = &[
    "name",
    "toolname",
    "tool",
    "functionname",
    "function",
    "action",
    "recipientname",
    "funcname",
];
/// Keys of arguments.
pub(super) const ARGUMENTS: &[&str] = &[
    "arguments",
    "parameters",
    "args",
    "toolinput",
    "actioninput",
    "input",
    "params",
    "kwargs",
    "toolargs",
    "toolarguments",
    "toolparameters",
    "functionargs",
    "functionarguments",
    "functionparameters",
    "inputs",
    "argument",
    "parameter",
    "actionparameters",
    "actionargs",
];
/// Keys of an object that is the call.
pub(super) const NESTED: &[&str] = &[
    "function",
    "functioncall",
    "toolcall",
    "tooluse",
    "call",
    "tool",
    "action",
];
/// Keys of a list of calls.
pub(super) const LISTS: &[&str] = &[
    "toolcalls",
    "calls",
    "tooluses",
    "functioncalls",
    "tools",
    "actions",
];
/// Keys beside name and arguments that say nothing about the call.
pub(super) const BESIDE: &[&str] = &[
    "id",
    "type",
    "toolcallid",
    "callid",
    "index",
    "thought",
    "thoughts",
    "reasoning",
    "status",
];
/// Keys that only the record of a call has.
pub(super) const RECORD: &[&str] = &[
    "result",
    "results",
    "output",
    "response",
    "content",
    "error",
    "duration",
    "durationms",
    "elapsed",
    "level",
    "ts",
    "timestamp",
    "ms",
    "ok",
    "success",
    "exitcode",
    "returncode",
    "stdout",
    "observation",
];
/// What a schema calls its types, for a list of parameters that gives no more than these.
pub(super) const TYPES: &[&str] = &[
    "string", "str", "integer", "int", "number", "float", "boolean", "bool", "array", "list", "object",
    "dict", "any",
];
/// A key without case and separators; a long one is none of ours.
pub(super) fn folded(key: &str) -> String {
    if key.len() > 32 {
        return String::new();
    }
    key.chars()
        .filter(|ch| !matches!(ch, '_' | '-' | ' '))
        .map(|ch| ch.to_ascii_lowercase())
        .collect()
}
