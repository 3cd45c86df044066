//! Any bytes as a reply: what holds for every reply must hold for them.
//!
//! The first byte says what is expected (its last three bits, so a digit does), the second how the text is cut into
//! chunks; the rest is the reply. A file of the corpus can therefore be read and written by hand.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use smallcode_parse::{
    Expect, MAX_DEPTH, Reading, Schema, Span, Stream, Tool, Tools, edits, files, native, parse,
};

fuzz_target!(|data: &[u8]| {
    let [mode, seed, reply @ ..] = data else { return };
    let reply = String::from_utf8_lossy(reply);
    match mode & 7 {
        0 => calls(&reply, &OFFERED, *seed),
        1 => calls(&reply, &ANY, *seed),
        2 => calls(&reply, &NONE, *seed),
        3 => value(&reply, &RECORD, *seed),
        4 => value(&reply, &CHOICE, *seed),
        5 => value(&reply, &TREE, *seed),
        6 => value(&reply, &Expect::Json, *seed),
        _ => code(&reply, *seed),
    }
});

const NAMES: [&str; 5] = ["read_file", "write_file", "shell", "finish", "db.query"];

fn offered() -> Tools {
    let schemas = [
        json!({"type": "object", "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}, "required": ["path"]}),
        json!({"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}, "mode": {"enum": ["new", "append"]}}, "required": ["path", "content"]}),
        json!({"type": "object", "properties": {"command": {"type": "array", "items": {"type": "string"}}, "timeout": {"type": ["number", "null"]}}, "required": ["command"]}),
        json!({"type": "object", "properties": {}}),
        json!({"type": "object", "properties": {"where": {"type": "object", "additionalProperties": {"type": "string"}}, "all": {"type": "boolean"}}}),
    ];
    let tools = NAMES
        .iter()
        .zip(&schemas)
        .map(|(name, schema)| Tool::new(name, schema));
    Tools::new(tools.collect())
}

static OFFERED: LazyLock<Expect> = LazyLock::new(|| Expect::Calls(offered()));
static ANY: LazyLock<Expect> = LazyLock::new(|| Expect::Calls(Tools::any()));
static NONE: LazyLock<Expect> = LazyLock::new(|| Expect::Calls(Tools::new(Vec::new())));

static RECORD: LazyLock<Expect> = LazyLock::new(|| {
    typed(&json!({
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "done": {"type": "boolean"},
            "kind": {"enum": ["bug", "feature", "question"]},
            "labels": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object", "additionalProperties": {"type": "number"}},
        },
        "required": ["title"],
    }))
});
static CHOICE: LazyLock<Expect> = LazyLock::new(|| {
    typed(&json!({
        "type": "array",
        "items": {"anyOf": [
            {"type": "null"},
            {"type": "number"},
            {"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"]},
            {"type": "object", "properties": {"add": {"type": "array", "items": {"type": "integer"}}}, "required": ["add"]},
        ]},
    }))
});
static TREE: LazyLock<Expect> = LazyLock::new(|| {
    typed(&json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["name"],
        }},
    }))
});

fn typed(schema: &Value) -> Expect {
    Expect::Value(Schema::new(schema))
}

fn calls(reply: &str, expect: &Expect, seed: u8) {
    let reading = streamed(reply, expect, seed);
    assert!(reading.value.is_none());
    // What is no call is told once.
    assert!(reading.text.len() <= reply.len());
    for call in &reading.calls {
        lies_in(reply, call.span);
        let arguments = call.arguments.to_json();
        assert!(depth(&arguments) <= MAX_DEPTH);
        match expect {
            Expect::Calls(tools) if tools.is_empty() => {
                panic!("`{}` was called, and nothing is offered", call.name)
            }
            Expect::Calls(_) if std::ptr::eq(expect, &*OFFERED) => {
                assert!(
                    NAMES.contains(&call.name.as_str()),
                    "`{}` is not offered",
                    call.name
                );
            }
            _ => continue,
        }
        if call.cut.is_some() || !reading.diagnostics.is_empty() {
            continue;
        }
        let again = native(&call.name, &arguments, &offered());
        let again: Vec<_> = again
            .calls
            .iter()
            .map(|call| call.arguments.to_json())
            .collect();
        assert_eq!(again, [arguments], "the arguments of `{}`, read again", call.name);
    }
}

fn value(reply: &str, expect: &Expect, seed: u8) {
    let reading = streamed(reply, expect, seed);
    assert!(reading.calls.is_empty());
    let Some(value) = reading.value else { return };
    let json = value.to_json();
    assert!(depth(&json) <= MAX_DEPTH);
    let written: Value = serde_json::from_str(&value.to_string()).expect("the value is JSON");
    assert_eq!(written, json, "the value, written and read again");
    if reading.diagnostics.is_empty() {
        let again = parse(&value.to_string(), expect, false).value;
        assert_eq!(again, Some(value), "the value, read again");
    }
}

fn code(reply: &str, seed: u8) {
    for file in files(reply).files {
        lies_in(reply, file.span);
    }
    for edit in edits(reply).edits {
        lies_in(reply, edit.span);
    }
    // What the server says were arguments is any text as well.
    let name = NAMES[usize::from(seed) % NAMES.len()];
    for call in native(name, &Value::String(reply.to_owned()), &offered()).calls {
        assert_eq!(call.name, name);
        assert!(depth(&call.arguments.to_json()) <= MAX_DEPTH);
    }
}

/// The reading of the whole reply, which must not depend on how it arrived.
fn streamed(reply: &str, expect: &Expect, seed: u8) -> Reading {
    let whole = parse(reply, expect, false);
    let mut stream = Stream::new(expect);
    let mut by_char = Stream::new(expect);
    let (mut told, mut told_by_char) = (Vec::new(), Vec::new());
    let mut rest = reply;
    let mut state = u32::from(seed) + 1;
    while !rest.is_empty() {
        // Any generator does; this one needs no crate.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut end = rest
            .len()
            .min(1 + (state >> 24) as usize % (1 + usize::from(seed)));
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (chunk, later) = rest.split_at(end);
        rest = later;
        let progress = stream.feed(chunk);
        told.extend(progress.calls);
        for ch in chunk.chars() {
            told_by_char.extend(by_char.feed(ch.encode_utf8(&mut [0; 4])).calls);
        }
    }
    assert_eq!(told, told_by_char, "chunks made a difference");
    stream.so_far();
    assert_eq!(stream.finish(), whole);
    for repair in &whole.repairs {
        lies_in(reply, repair.span);
    }
    for span in whole.diagnostics.iter().filter_map(|diagnostic| diagnostic.span) {
        lies_in(reply, span);
    }
    whole
}

fn lies_in(reply: &str, span: Span) {
    assert!(
        reply.get(span.start..span.end).is_some(),
        "{span:?} is no part of the reply"
    );
}

/// How many containers enclose the innermost one, itself counted.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
