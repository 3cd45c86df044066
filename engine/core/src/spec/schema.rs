//! The JSON Schema of workflow files, for editors and for validators that are not ours.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Workflow;

/// The JSON Schema (draft 2020-12) of a workflow file.
pub fn workflow_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Workflow>();
    schema.insert("title".to_owned(), "smallcode workflow".into());
    // YAML merge keys and anchors need no place in the schema: validators see the expanded document.
    schema.to_value()
}
