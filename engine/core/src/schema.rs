//! JSON Schema of values: compiled without network or files, with patterns that can't blow up.

use serde_json::Value;

use crate::diagnostic::count;

/// A compiled schema.
pub struct Validator(jsonschema::Validator);

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Validator")
    }
}

/// One way in which a value does not follow its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place in the value, as a JSON Pointer (RFC 6901); empty for the value itself.
    pub pointer: String,
    /// What is wrong, without the value itself.
    pub message: String,
}

/// How many violations are told: more don't help whoever mends the value.
const MAX_VIOLATIONS: usize = 10;

/// The longest that one message may be, in characters; the crate's quote the whole value.
const MAX_MESSAGE: usize = 200;

/// Compiles a schema (draft 2020-12 unless it names another). References to other files are refused.
///
/// # Errors
/// When it is no schema; the text says why.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        // Linear-time patterns: a schema must not be able to hang the engine.
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .map(Validator)
        .map_err(|error| shorten(&error.to_string()))
}

impl Validator {
    /// How a value departs from the schema; empty when it follows it.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        let mut errors = self.0.iter_errors(value);
        let mut found: Vec<Violation> = errors
            .by_ref()
            .take(MAX_VIOLATIONS)
            .map(|error| Violation {
                pointer: error.instance_path().to_string(),
                message: shorten(&error.masked().to_string()),
            })
            .collect();
        let more = errors.count();
        if more > 0 {
            found.push(Violation {
                pointer: String::new(),
                message: format!("and {}", count(more, "more problem")),
            });
        }
        found
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    text.chars().take(MAX_MESSAGE).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_name_the_place_and_not_the_value() {
        let schema = serde_json::json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["t"] });
        let validator = compile(&schema).unwrap();
        let found = validator.violations(&serde_json::json!({ "n": "x".repeat(10_000) }));
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|violation| violation.pointer == "/n"));
        assert!(found.iter().all(|violation| violation.message.len() < 300));
    }

    #[test]
    fn files_and_network_are_refused() {
        for reference in ["file:///etc/passwd", "http://127.0.0.1/x.json"] {
            assert!(compile(&serde_json::json!({ "$ref": reference })).is_err());
        }
    }
}
