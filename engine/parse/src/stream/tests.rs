//! What holds for every stream, whatever its chunks.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::{DiagnosticKind, Schema, Tool, Tools};

fn tools() -> Expect {
    let schema = json!({
        "type": "object",
        "properties": { "path": { "type": "string" }, "content": { "type": "string" } },
        "required": ["path"],
    });
    Expect::Calls(Tools::new(vec![
        Tool::new("write_file", &schema),
        Tool::new("read_file", &schema),
    ]))
}

/// Where each call or the value was told to be complete, whatever the chunks.
fn completions(text: &str, expect: &Expect, sizes: &[usize]) -> Vec<(usize, usize)> {
    let mut stream = Stream::new(expect);
    let mut told = Vec::new();
    let mut start = 0;
    let mut sizes = sizes.iter().cycle();
    while start < text.len() {
        let mut end = (start + sizes.next().copied().unwrap_or(1).max(1)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let progress = stream.feed(&text[start..end]);
        if let Some(at) = progress.at {
            told.push((at, progress.calls.len() + usize::from(progress.value.is_some())));
        }
        start = end;
    }
    let whole = parse(text, expect, false);
    assert_eq!(stream.finish(), whole);
    told
}

/// A reply, and the texts right after which something is complete.
const REPLIES: [(&str, &[&str]); 6] = [
    (
        "I read it. <tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a}b\"}}\n</tool_call> bye",
        &["}}\n"],
    ),
    (
        "<function=read_file>\n<parameter=path>\na.rs\n</parameter>\n</function>\n</tool_call>",
        &["</function>"],
    ),
    ("[read_file(path=\"a.rs\"), read_file(path='b]')]", &[")]"]),
    (
        "```json\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"ü\"}}\n```\ndone",
        &["}}\n"],
    ),
    ("{\"name\": \"read_file\", \"arguments\": {\"path\": \"x", &[]),
    ("no call at all (really), see [1]", &[]),
];

#[test]
fn a_call_is_told_as_soon_as_it_is_complete() {
    for (text, ends) in REPLIES {
        let told = completions(text, &tools(), &[1]);
        assert_eq!(told.len(), ends.len(), "{text}: {told:?}");
        for ((at, _), end) in told.iter().zip(ends) {
            let latest = text.find(end).unwrap() + end.len();
            assert!(*at <= latest, "{text}: told at {at}, complete at {latest}");
        }
    }
}

#[test]
fn a_value_is_told_once_and_partly_on_the_way() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "array", "items": { "type": "string" } } }, "required": ["a"] });
    let expect = Expect::Value(Schema::new(&schema));
    let mut stream = Stream::new(&expect);
    assert_eq!(stream.feed("Here: {\"a\": [\"one\", \"tw").value, None);
    let so_far = stream.so_far();
    assert_eq!(so_far.value, Some(json!({ "a": ["one", "tw"] }).into()));
    assert_eq!(so_far.cut.unwrap().path, "/a/1");
    let progress = stream.feed("o\"]} and more {\"a\": []}");
    assert_eq!(progress.value, Some(json!({ "a": ["one", "two"] }).into()));
}

/// A call of `write_file` in each family of dialects, and what closes it.
const COMPLETE: [(&str, &str); 9] = [
    (
        "{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\", \"content\": \"end\"}}",
        "}}",
    ),
    (
        "```json\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\", \"content\": \"end\"}}\n```",
        "}}",
    ),
    (
        "<tool_call>\n{'name': 'write_file', 'arguments': {'path': 'a', 'content': 'end'}}\n</tool_call>",
        "}}",
    ),
    (
        "[TOOL_CALLS][{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\", \"content\": \"end\"}}]",
        "}]",
    ),
    (
        "<function=write_file>{\"path\": \"a\", \"content\": \"end\"}</function>",
        "}",
    ),
    (
        "<function=write_file>\n<parameter=path>\na\n</parameter>\n<parameter=content>\nend\n</parameter>\n</function>",
        "</function>",
    ),
    (
        "<tool_call>write_file\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n<arg_key>content</arg_key>\n\
         <arg_value>end</arg_value>\n</tool_call>",
        "</tool_call>",
    ),
    ("[write_file(path='a', content='end')]", ")]"),
    (
        "<|tool_call_start|>[write_file(path='a', content='end')]<|tool_call_end|>",
        ")]",
    ),
];

#[test]
fn every_dialect_is_told_when_it_is_complete_and_not_before() {
    for (text, closer) in COMPLETE {
        let told = completions(text, &tools(), &[1]);
        let [(at, 1)] = told.as_slice() else {
            panic!("{text}: {told:?}");
        };
        let least = text.find("end").unwrap() + "end".len();
        let most = text.rfind(closer).unwrap() + closer.len();
        assert!(
            (least..=most).contains(at),
            "{text}: told at {at}, complete at {most}"
        );
        // What is told early is what the whole reply says.
        let expect = tools();
        let mut stream = Stream::new(&expect);
        let told = stream.feed(text).calls;
        assert_eq!(told[0].arguments, stream.finish().calls[0].arguments, "{text}");
        assert_eq!(
            told[0].arguments,
            json!({"path": "a", "content": "end"}),
            "{text}"
        );
    }
}

/// JSON of any shape, as models are asked for it: an object.
fn object() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        "[ -~é\n]{0,12}".prop_map(Json::from),
    ];
    let any = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z/~]{1,6}", inner, 0..4)
                .prop_map(|members| Json::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    });
    prop::collection::btree_map("[a-z]{1,6}", any, 1..4)
        .prop_map(|members| Json::from(members.into_iter().collect::<serde_json::Map<_, _>>()))
}

proptest! {
    #[test]
    fn chunks_change_nothing(
        reply in 0..REPLIES.len() + COMPLETE.len(),
        sizes in prop::collection::vec(1_usize..20, 1..8),
    ) {
        let texts: Vec<&str> = REPLIES.iter().map(|(text, _)| *text).chain(COMPLETE.iter().map(|(text, _)| *text)).collect();
        let text = texts[reply];
        let one_by_one: Vec<usize> = completions(text, &tools(), &[1]).iter().map(|(at, _)| *at).collect();
        let chunked: Vec<usize> = completions(text, &tools(), &sizes).iter().map(|(at, _)| *at).collect();
        // A chunk tells of its last completion only; which these are depends on the text alone.
        prop_assert!(chunked.iter().all(|at| one_by_one.contains(at)), "{chunked:?} {one_by_one:?}");
        prop_assert_eq!(chunked.last(), one_by_one.last());
    }

    /// A value is told when its last bracket arrives, not before, in whatever chunks.
    #[test]
    fn a_value_is_complete_at_its_last_bracket(value in object(), sizes in prop::collection::vec(1_usize..9, 1..8)) {
        let text = value.to_string();
        let told = completions(&text, &Expect::Json, &sizes);
        prop_assert_eq!(told, vec![(text.len(), 1)]);
    }

    /// Whatever part of a value has arrived: nothing is in it that the whole does not hold, but at the place where it
    /// is marked as cut, and that place is there. Where all that stands there is whole, only closers are missing.
    #[test]
    fn a_part_of_a_value_is_marked_as_cut(value in object(), part in 0.0..1.0) {
        let text = value.to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part of a short text")]
        let mut end = 1 + (part * (text.len() - 1) as f64) as usize;
        while !text.is_char_boundary(end) {
            end += 1;
        }
        if end >= text.len() {
            return Ok(());
        }
        let reading = parse(&text[..end], &Expect::Json, true);
        prop_assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
        let so_far = reading.value.expect("a value").to_json();
        let Some(cut) = reading.cut else {
            let missing = |repair: &crate::Repair| repair.kind == RepairKind::MissingCloser;
            prop_assert!(reading.repairs.iter().all(missing), "{:?}", reading.repairs);
            prop_assert!(begins(&so_far, &value, NOWHERE, ""), "{so_far} of {value}");
            return Ok(());
        };
        prop_assert!(so_far.pointer(&cut.path).is_some(), "{} in {so_far}", cut.path);
        prop_assert!(begins(&so_far, &value, &cut.path, ""), "{so_far} of {value}, cut at {}", cut.path);
        // As a whole it is a fault, at the same place.
        let whole = parse(&text[..end], &Expect::Json, false);
        let told = whole.diagnostics.iter().any(|told| {
            told.kind == DiagnosticKind::Cut && told.path.as_ref() == Some(&cut.path)
        });
        prop_assert!(told, "{:?}", whole.diagnostics);
    }
}

/// No path of a value.
const NOWHERE: &str = "nowhere";

/// Whether `part` is how `whole` begins. Only what stands at `cut` may differ from what it will be.
fn begins(part: &Json, whole: &Json, cut: &str, here: &str) -> bool {
    match (part, whole) {
        (Json::Array(part), Json::Array(whole)) => {
            part.len() <= whole.len()
                && part
                    .iter()
                    .zip(whole)
                    .enumerate()
                    .all(|(index, (part, whole))| begins(part, whole, cut, &format!("{here}/{index}")))
        }
        (Json::Object(part), Json::Object(whole)) => part.iter().all(|(key, part)| {
            let name = key.replace('~', "~0").replace('/', "~1");
            let path = format!("{here}/{name}");
            whole.get(key).map_or(path == cut || here == cut, |whole| {
                begins(part, whole, cut, &path)
            })
        }),
        (Json::String(part), Json::String(whole)) if here == cut => whole.starts_with(part.as_str()),
        _ => part == whole || here == cut,
    }
}
