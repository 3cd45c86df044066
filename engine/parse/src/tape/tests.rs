//! What is built is what is read, compared and written.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

/// JSON of any shape, with numbers that come back as they were.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((".{0,3}", inner), 0..6)
                .prop_map(|members| Json::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_the_json_it_was_made_of(json in any_json()) {
        let value = Value::from(json.clone());
        prop_assert_eq!(&value.to_json(), &json);
        prop_assert_eq!(serde_json::from_str::<Json>(&value.to_string()).unwrap(), json.clone());
        prop_assert_eq!(serde_json::to_value(&value).unwrap(), json.clone());
        prop_assert_eq!(&value, &json);
        let mut written = String::from("so: ");
        value.write_json(&mut written);
        prop_assert_eq!(written, format!("so: {value}"));
        // What is read of its text is the same again.
        let read = crate::parse(&json.to_string(), &crate::Expect::Json, false);
        if json.is_object() || json.is_array() {
            prop_assert_eq!(read.value, Some(value));
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts(keys in prop::collection::vec("[ab]{1,2}", 0..40)) {
        let mut out = Builder::default();
        let start = out.open_object();
        for (place, key) in keys.iter().enumerate() {
            out.key(key);
            let inner = out.open_array();
            out.number(&place.to_string());
            out.close(inner);
        }
        out.close_unique(start);
        let expected: serde_json::Map<_, _> =
            keys.iter().enumerate().map(|(place, key)| (key.clone(), json!([place]))).collect();
        prop_assert_eq!(out.finish().to_json(), Json::from(expected));
    }
}

/// Eight bytes are looked at at once: each may stand at any of eight places, among others or at the end.
#[test]
fn what_needs_it_is_escaped_wherever_it_stands() {
    for ch in (0..=0x100)
        .filter_map(char::from_u32)
        .chain(['\u{2028}', '\u{1f980}'])
    {
        for before in 0..=16 {
            for after in [0, 1, 9] {
                let text = format!("{}{ch}{}", "x".repeat(before), "!".repeat(after));
                let mut quoted = String::new();
                quote_json(&text, &mut quoted);
                assert_eq!(
                    serde_json::from_str::<String>(&quoted).ok(),
                    Some(text.clone()),
                    "{quoted}"
                );
                let escaped = ch < ' ' || matches!(ch, '"' | '\\');
                assert_eq!(quoted != format!("\"{text}\""), escaped, "{quoted}");
            }
        }
    }
}

#[test]
fn values_are_equal_by_what_they_say() {
    let equal = |one: &str, other: &str| {
        let read = |text| crate::parse(text, &crate::Expect::Json, false).value.unwrap();
        read(one) == read(other)
    };
    assert!(equal(r#"{"a": 1, "b": [2]}"#, r#"{"b": [2.0], "a": 1e0}"#));
    assert!(!equal("[1, 2]", "[2, 1]"));
    assert!(!equal(r#"{"a": null}"#, "{}"));
    assert!(!equal(r#"["1"]"#, "[1]"));
    assert!(!equal("[9007199254740993]", "[9007199254740992]"));
}

/// It would take longer than anyone waits if a level took twice what is in it.
#[test]
fn values_that_differ_deep_inside_are_compared_at_once() {
    let nested = |leaf: u64, swapped: bool| {
        (0..100).fold(json!(leaf), |inner, _| {
            let members = if swapped {
                json!({"b": inner, "a": 1})
            } else {
                json!({"a": 1, "b": inner})
            };
            Json::from(members.as_object().unwrap().clone())
        })
    };
    let value = |leaf, swapped| Value::from(nested(leaf, swapped));
    assert_ne!(value(1, false), value(2, false));
    assert_ne!(value(1, false), value(2, true));
    assert_eq!(value(1, false), value(1, true));
}

#[test]
fn a_view_gives_parts_of_their_kind_only() {
    let value = Value::from(json!({"text": "x", "count": 3, "on": true, "list": [1, null], "share": -0.5}));
    let get = |key| value.get(key).unwrap();
    assert_eq!(get("text").as_str(), Some("x"));
    assert_eq!(get("text").as_u64(), None);
    assert_eq!(
        (get("count").as_i64(), get("count").as_f64()),
        (Some(3), Some(3.0))
    );
    assert_eq!((get("share").as_i64(), get("share").as_f64()), (None, Some(-0.5)));
    assert_eq!(get("on").as_bool(), Some(true));
    assert_eq!(get("list").items().len(), 2);
    assert!(get("list").items().last().unwrap().is_null());
    assert_eq!(get("list").members().len(), 0);
    assert!(value.get("other").is_none() && get("text").get("x").is_none());
    let Shape::Object(members) = value.view().shape() else {
        panic!("{value}");
    };
    let keys: Vec<_> = members.map(|(key, _)| key).collect();
    assert_eq!(keys, ["text", "count", "on", "list", "share"]);
}

#[test]
fn numbers_keep_their_digits() {
    let digits = "[123456789012345678901234567890.5, 1.50, -0]";
    let value = crate::parse(digits, &crate::Expect::Json, false).value.unwrap();
    assert_eq!(value.to_string(), digits.replace(' ', ""));
}
