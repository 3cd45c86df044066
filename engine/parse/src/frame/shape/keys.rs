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
/// The longest key of ours is a good deal shorter; a longer one is none.
const LONGEST: usize = 32;

/// A key without case and separators.
#[derive(Clone, Copy)]
pub(super) struct Folded {
    letters: [u8; LONGEST],
    length: usize,
}

impl Folded {
    pub(super) fn is(&self, key: &str) -> bool {
        self.letters.get(..self.length) == Some(key.as_bytes())
    }

    pub(super) fn is_one_of(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.is(key))
    }
}

/// Folds a key; a long one to nothing.
pub(super) fn folded(key: &str) -> Folded {
    let mut folded = Folded {
        letters: [0; LONGEST],
        length: 0,
    };
    if key.len() > LONGEST {
        return folded;
    }
    let letters = key.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' '));
    for (slot, letter) in folded.letters.iter_mut().zip(letters) {
        *slot = letter.to_ascii_lowercase();
        folded.length += 1;
    }
    folded
}
