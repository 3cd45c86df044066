//! The functions, filters and tests that a template may use, and the closest name to a wrong one.

/// Functions of a workflow.
pub(super) const FUNCTIONS: [&str; 11] = [
    "always",
    "budget",
    "cancelled",
    "dict",
    "diff",
    "failure",
    "glob",
    "outline",
    "range",
    "read",
    "success",
];

/// Functions that the scope answers, as functions.
pub(super) const SCOPE_FUNCTIONS: [&str; 8] = [
    "always",
    "budget",
    "cancelled",
    "failure",
    "glob",
    "outline",
    "read",
    "success",
];

/// Functions that are filters, too: what is piped in is their first argument.
pub(super) const SCOPE_FILTERS: [&str; 4] = ["budget", "glob", "outline", "read"];

/// Filters of our own; the checks want to see each use.
pub(super) const OWN_FILTERS: [&str; 8] = [
    "basename", "budget", "diff", "glob", "json", "lines", "outline", "read",
];

/// Filters of MiniJinja that are kept.
pub(super) const BUILTIN_FILTERS: [&str; 41] = [
    "abs",
    "batch",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Filters and signs that put their value into another list or mapping.
pub(super) const WRAPPERS: [&str; 11] = [
    "batch", "slice", "zip", "items", "dictsort", "groupby", "map", "dict", "reverse", "select", "reject",
];

/// Tests, after `is`.
pub(super) const TESTS: [&str; 34] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Returns the candidate that was probably meant.
pub(super) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = 1 + name.chars().count().min(12) / 4;
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
