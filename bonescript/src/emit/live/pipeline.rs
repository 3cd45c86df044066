//! Pipelines: what the file of their capability says of their steps.

use std::collections::{BTreeMap, BTreeSet};

use super::super::EmitError;
use super::super::expression::{Compiler, Strength, string};
use super::super::server::{input_name, names_json, parameter_type, row_type, rows_in};
use super::object;
use crate::ir::{Call, Callee, Capability, Expression, ExpressionKind as K, Pipeline, System, Type};

/// The steps of a capability, as code.
#[derive(Debug)]
pub(in super::super) struct Steps {
    /// Statements before the answer.
    pub(in super::super) lines: Vec<String>,
    /// What it answers.
    pub(in super::super) result: &'static str,
    /// Names by files, from a folder beside `pipelines`.
    pub(in super::super) imports: BTreeMap<String, BTreeSet<String>>,
}

/// The steps of a pipeline.
pub(in super::super) fn steps(
    system: &System,
    capability: &Capability,
    pipeline: &Pipeline,
    compiler: &mut Compiler<'_>,
) -> Result<Steps, EmitError> {
    let mut writer = Writer {
        system,
        compiler,
        imports: BTreeMap::new(),
    };
    writer.import("../pipelines/pipeline.ts", "results");
    writer.import("../pipelines/pipeline.ts", "runPipeline");
    let mut bindings = Vec::new();
    let mut written = Vec::new();
    for step in &pipeline.steps {
        let ty = answer(system, &step.call);
        if let Some(name) = &step.binding {
            writer.import_types(&ty);
            let ty = parameter_type(system, &ty);
            bindings.push(format!("{}: {ty}", super::super::expression::key(name)));
        }
        let run = writer.call(&step.call)?;
        let outside = matches!(step.call.callee, Callee::ExtensionPoint(_));
        let name = step
            .binding
            .as_ref()
            .map_or_else(|| "null".to_owned(), |name| string(name));
        let hidden = hidden(system, &step.call, &ty);
        written.push(format!(
            "{{ name: {name}, outside: {outside}, hidden: [{hidden}], run: {run} }},"
        ));
    }
    let undo = pipeline
        .compensation
        .as_ref()
        .map(|call| writer.call(call))
        .transpose()?
        .unwrap_or_else(|| "null".to_owned());
    let mut lines = vec![
        format!("const steps = results<{}>();", types(&bindings)),
        "const answer = await runPipeline(call, steps, {".to_owned(),
        format!("  parallel: {},", pipeline.parallel),
        format!("  onError: {},", string(pipeline.on_error.as_str())),
        format!("  undo: {undo},"),
        "  steps: [".to_owned(),
    ];
    lines.extend(written.into_iter().map(|step| format!("    {step}")));
    lines.push("  ],".to_owned());
    lines.push("});".to_owned());
    let within = pipeline
        .steps
        .iter()
        .any(|step| matches!(step.call.callee, Callee::Capability(_)));
    if within {
        lines.push("await call.rows.refresh();".to_owned());
    }
    let result = if capability.returns.is_some() {
        "answer.last"
    } else {
        "answer.results"
    };
    Ok(Steps {
        lines,
        result,
        imports: writer.imports,
    })
}

fn types(bindings: &[String]) -> String {
    if bindings.is_empty() {
        "object".to_owned()
    } else {
        format!("{{ {} }}", bindings.join("; "))
    }
}

/// The type of what a call gives.
fn answer(system: &System, call: &Call) -> Type {
    let returns = match call.callee {
        Callee::ExtensionPoint(id) => system.extension_points.get(id.0).map(|point| &point.returns),
        Callee::Capability(id) => system
            .capabilities
            .get(id.0)
            .map(|capability| &capability.returns),
    };
    returns.cloned().flatten().unwrap_or(Type::Json)
}

/// The columns of rows that never leave the server, in the type of an answer. JSON may hold a row that the function was
/// given.
fn hidden(system: &System, call: &Call, ty: &Type) -> String {
    let mut rows = BTreeSet::new();
    rows_in(ty, &mut rows);
    if names_json(ty) {
        for argument in &call.arguments {
            rows_in(&argument.ty, &mut rows);
        }
    }
    let names: BTreeSet<String> = rows
        .into_iter()
        .filter_map(|id| system.entity(id))
        .flat_map(|entity| &entity.columns)
        .filter(|column| column.sensitive)
        .map(|column| string(&column.name))
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

struct Writer<'a, 'c> {
    system: &'a System,
    compiler: &'a mut Compiler<'c>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Writer<'_, '_> {
    fn import(&mut self, file: &str, name: &str) {
        self.imports
            .entry(file.to_owned())
            .or_default()
            .insert(name.to_owned());
    }

    fn import_types(&mut self, ty: &Type) {
        let mut rows = BTreeSet::new();
        rows_in(ty, &mut rows);
        for id in rows {
            let name = format!("type {}", row_type(self.system, id));
            self.import("../database/types.ts", &name);
        }
        if names_json(ty) {
            self.import("../json.ts", "type Json");
        }
    }

    /// A function that does the call.
    fn call(&mut self, call: &Call) -> Result<String, EmitError> {
        match call.callee {
            Callee::ExtensionPoint(id) => {
                let ty = answer(self.system, call);
                let call = Expression {
                    kind: K::Call(id, call.arguments.clone()),
                    ty,
                };
                Ok(format!("async () => {}", self.compiler.value(&call)?.text))
            }
            Callee::Capability(id) => {
                let Some(capability) = self.system.capabilities.get(id.0) else {
                    return Ok("null".to_owned());
                };
                let mut entries = Vec::new();
                for (argument, parameter) in call.arguments.iter().zip(&capability.parameters) {
                    // Locked as firmly as it will be, or two calls that both read it first would wait for each other.
                    if let (K::Parameter(name), Type::Entity(_)) = (&argument.kind, argument.ty.required()) {
                        self.compiler.needs.touch(name, Strength::Exclusive);
                    }
                    let what = format!("{}.{}", capability.name, parameter.name);
                    let value = self.compiler.value_as(argument, &parameter.ty, &what)?;
                    entries.push(super::entry(&input_name(parameter), &value.text));
                }
                self.import("../pipelines/pipeline.ts", "callWithin");
                Ok(format!(
                    "() => callWithin(call, {}, {})",
                    string(&capability.name),
                    object(&entries)
                ))
            }
        }
    }
}
