//! A file for each flow: what it is given, and what each of its steps calls.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Value, context};

use super::super::expression::{Compiler, Scope, property, string};
use super::super::project::{FileSet, Owner};
use super::super::server::{Schemas, entity_file, entity_name, input_name};
use super::super::templates::{code, comment, key, text};
use super::super::{EmitError, names};
use crate::ir::{Call, Callee, EntityId, Expression, ExpressionKind as K, Flow, Parameter, System, Type};

/// What a flow is given in the body of its request.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct FlowInput<'a> {
    /// The input that it fills.
    pub(in super::super) parameter: &'a Parameter,
    /// Its name in the body.
    pub(in super::super) wire: String,
    /// The step that makes the row where the body leaves it out.
    pub(in super::super) made_by: Option<&'a str>,
}

/// What a flow is given. An input that an earlier step makes may be left out.
pub(in super::super) fn inputs<'a>(system: &System, flow: &'a Flow) -> Vec<FlowInput<'a>> {
    flow.inputs
        .iter()
        .map(|parameter| FlowInput {
            parameter,
            wire: input_name(parameter),
            made_by: made_by(system, flow, parameter),
        })
        .collect()
}

/// The step that makes the row of an input, if none before it needs the row.
fn made_by<'a>(system: &System, flow: &'a Flow, input: &Parameter) -> Option<&'a str> {
    let Type::Entity(wanted) = input.ty else {
        return None;
    };
    for step in &flow.steps {
        let names = |call: &Call| call.arguments.iter().any(|argument| names(argument, &input.name));
        if names(&step.call) {
            return None;
        }
        if creates(system, &step.call) == Some(wanted) {
            return Some(&step.name);
        }
        if step.compensation.as_ref().is_some_and(names) {
            return None;
        }
    }
    None
}

fn names(argument: &Expression, name: &str) -> bool {
    let mut found = false;
    argument.walk(&mut |part| found |= matches!(&part.kind, K::Parameter(known) if known == name));
    found
}

fn creates(system: &System, call: &Call) -> Option<EntityId> {
    let Callee::Capability(id) = call.callee else {
        return None;
    };
    let capability = system.capabilities.get(id.0)?;
    Some(capability.creates.as_ref()?.entity)
}

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let mut taken = names::Taken::with(OWN_FILES.iter().copied());
    let mut constants = names::Taken::with(["flows", "z", "defineFlow", "inputs", "step", "call", "body"]);
    let mut listed = Vec::new();
    let mut outside = false;
    for flow in &system.flows {
        let file = taken.take(&names::kebab(&flow.name));
        let constant = constants.take(&names::identifier(&names::camel(&flow.name)));
        let mut writer = Writer::new(system, flow);
        let described = writer.describe(&constant)?;
        outside |= writer.outside;
        files.render_as(
            "src/flows/_flow.ts",
            &format!("src/flows/{file}.ts"),
            described,
            Owner::Generated,
        )?;
        listed.push(context! { constant => code(constant), file => text(format!("./{file}.ts")) });
    }
    if outside {
        let events = !system.events.is_empty();
        files.render("src/flows/outside.ts", context! { events })?;
    }
    files.render("src/flows/index.ts", context! { flows => listed })
}

/// Modules of our own beside the flows.
const OWN_FILES: &[&str] = &[
    "definition",
    "drive",
    "flows",
    "index",
    "outside",
    "routes",
    "store",
];

/// The path of its routes.
pub(super) fn path(flow: &Flow) -> String {
    format!("/flows/{}", names::kebab(&flow.name))
}

struct Writer<'a> {
    system: &'a System,
    flow: &'a Flow,
    compiler: Compiler<'a>,
    schemas: Schemas,
    /// Entities whose rows are read for functions of the user.
    entities: BTreeSet<EntityId>,
    /// A step calls a function of the user.
    outside: bool,
}

impl<'a> Writer<'a> {
    fn new(system: &'a System, flow: &'a Flow) -> Self {
        Self {
            system,
            flow,
            compiler: Compiler::new(system, Scope::Flow(&flow.inputs)),
            schemas: Schemas::default(),
            entities: BTreeSet::new(),
            outside: false,
        }
    }

    fn describe(&mut self, constant: &str) -> Result<Value, EmitError> {
        let system = self.system;
        let flow = self.flow;
        let given = inputs(system, flow);
        let mut fields = Vec::new();
        let mut values = Vec::new();
        for input in &given {
            let schema = self.schemas.of(system, &input.parameter.ty);
            let schema = if input.made_by.is_some() {
                format!("{schema}.optional()")
            } else {
                schema
            };
            fields.push(context! { key => key(input.wire.as_str()), schema => code(schema) });
            let value = property("body", &input.wire);
            let value = match input.made_by {
                Some(step) => format!("{value} ?? created({})", string(step)),
                None => value,
            };
            values.push(context! { key => key(input.parameter.name.as_str()), value => code(value) });
        }
        let makes = given.iter().any(|input| input.made_by.is_some());
        let mut steps = Vec::new();
        for step in &flow.steps {
            let run = self.call(&step.call)?;
            let undo = step
                .compensation
                .as_ref()
                .map(|call| self.call(call))
                .transpose()?;
            steps.push(context! { name => text(step.name.as_str()), run, undo });
        }
        let words: Vec<&str> = flow.steps.iter().map(|step| step.name.as_str()).collect();
        Ok(context! {
            about => comment(format!("{}: {}", flow.name, words.join(", "))),
            constant => code(constant),
            name => text(flow.name.as_str()),
            path => text(path(flow)),
            fields,
            inputs => values,
            parameters => code(match (given.is_empty(), makes) {
                (true, _) => "",
                (false, false) => "body",
                (false, true) => "body, created",
            }),
            steps,
            imports => self.imports(),
        })
    }

    fn call(&mut self, call: &Call) -> Result<Value, EmitError> {
        let code_of = match call.callee {
            Callee::Capability(id) => self.capability(id.0, &call.arguments)?,
            Callee::ExtensionPoint(id) => self.extension(id.0, &call.arguments)?,
        };
        let reads = call.arguments.iter().any(|argument| {
            let mut found = false;
            argument.walk(&mut |part| found |= matches!(part.kind, K::Parameter(_)));
            found
        });
        let parameters = if reads { "inputs, step" } else { "_inputs, step" };
        Ok(context! { parameters => code(parameters), code => code(code_of) })
    }

    fn capability(&mut self, at: usize, arguments: &[Expression]) -> Result<String, EmitError> {
        let system = self.system;
        let Some(capability) = system.capabilities.get(at) else {
            return Err(unwritable(self.flow));
        };
        let mut entries = Vec::new();
        for (argument, parameter) in arguments.iter().zip(&capability.parameters) {
            let what = format!("{}.{}", capability.name, parameter.name);
            let value = self.compiler.value_as(argument, &parameter.ty, &what)?;
            let wire = input_name(parameter);
            entries.push(super::entry(&wire, &value.text));
        }
        Ok(format!(
            "step.call({}, {})",
            string(&capability.name),
            super::object(&entries)
        ))
    }

    fn extension(&mut self, at: usize, arguments: &[Expression]) -> Result<String, EmitError> {
        let system = self.system;
        let Some(point) = system.extension_points.get(at) else {
            return Err(unwritable(self.flow));
        };
        self.outside = true;
        let mut values = Vec::new();
        for (argument, parameter) in arguments.iter().zip(&point.parameters) {
            let what = format!("{}.{}", point.name, parameter.name);
            let value = self.compiler.value_as(argument, &parameter.ty, &what)?.text;
            values.push(match parameter.ty {
                Type::Entity(id) => {
                    self.entities.insert(id);
                    format!(
                        "await call.rows.find({}, {value}, \"share\")",
                        entity_name(system, id)
                    )
                }
                _ => value,
            });
        }
        values.push("call".to_owned());
        Ok(format!(
            "outside(step, async (call) => {}({}))",
            property("call.context.extensions", &point.name),
            values.join(", ")
        ))
    }

    fn imports(&self) -> Vec<Value> {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |file: String, name: &str| {
            imports.entry(file).or_default().insert(name.to_owned());
        };
        for name in &self.schemas.values {
            add("../schemas/values.ts".to_owned(), name);
        }
        for name in &self.compiler.used {
            add("../expressions.ts".to_owned(), name);
        }
        for id in &self.entities {
            let file = entity_file(self.system, *id);
            add(format!("../entities/{file}.ts"), &entity_name(self.system, *id));
        }
        if self.outside {
            add("./outside.ts".to_owned(), "outside");
        }
        super::import_values(&imports)
    }
}

fn unwritable(flow: &Flow) -> EmitError {
    EmitError::Unwritable {
        what: format!("the flow `{}`", flow.name),
        why: "it calls nothing that is declared".to_owned(),
    }
}
