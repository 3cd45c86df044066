//! Flows: the names that their steps use and nobody declares are what starting them needs.

use std::collections::HashMap;

use super::Checker;
use super::scope::Scope;
use crate::Level;
use crate::ast::{self, ExpressionKind as A};
use crate::diagnostic::Code;
use crate::ir::{Call, Callee, ExpressionKind as K, Flow, FlowStep, Parameter, Type};

impl Checker<'_> {
    pub(super) fn flows(&mut self) {
        for (source, tree) in self.trees.flows.clone() {
            self.source = source;
            let flow = self.flow(tree);
            self.system.flows.push(flow);
        }
    }

    fn flow(&mut self, tree: &ast::Flow) -> Flow {
        if tree.steps.len() < 2 && !tree.incomplete {
            let message = format!(
                "flow `{}` has {}",
                tree.name.text,
                crate::diagnostic::count(tree.steps.len(), "step")
            );
            let problem = self.problem(Code::SHORT_FLOW, tree.name.span, message);
            self.report(
                problem
                    .expected("two steps or more")
                    .help("call the capability itself"),
            );
        }
        let mut seen = HashMap::new();
        for step in &tree.steps {
            let first = seen.insert(step.name.text.clone(), (self.source, step.name.span));
            self.twice("the step", &step.name, first);
        }
        let calls = || {
            tree.steps
                .iter()
                .flat_map(|step| std::iter::once(&step.call).chain(&step.compensation))
        };
        let inputs = self.inputs(calls());
        let scope = Scope::Flow {
            inputs: inputs.clone(),
        };
        let mut steps = Vec::new();
        for step in &tree.steps {
            let call = self.given_call(&step.call, &scope);
            let compensation = step
                .compensation
                .as_ref()
                .and_then(|call| self.given_call(call, &scope));
            steps.extend(call.map(|call| FlowStep {
                name: step.name.text.clone(),
                call,
                compensation,
            }));
        }
        Flow {
            name: tree.name.text.clone(),
            inputs,
            steps,
        }
    }

    /// A call whose arguments are what starting the flow is given: of rows that is their ids.
    fn given_call(&mut self, tree: &ast::Call, scope: &Scope) -> Option<Call> {
        let call = self.call(tree, scope)?;
        for (argument, tree) in call.arguments.iter().zip(&tree.arguments) {
            let mut reads = false;
            argument.walk(&mut |part| {
                reads |= match &part.kind {
                    K::Related { .. } => true,
                    K::Column { column, .. } => column != "id",
                    _ => false,
                };
            });
            if reads {
                let text = self.text(tree.span);
                let message = format!("`{text}` is read from a row, and a flow is given ids");
                let problem = self.problem(Code::NOT_OWN, tree.span, message);
                self.report(problem.help("pass the row itself, and let the capability read it"));
            }
        }
        Some(call)
    }

    /// The free names of the calls. One that is an argument by itself has the type of its parameter; of others nothing is
    /// known but that they are json.
    fn inputs<'t>(&mut self, calls: impl Iterator<Item = &'t ast::Call>) -> Vec<Parameter> {
        let mut inputs: Vec<Parameter> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        // Which fields the names are asked for.
        let mut behind: Vec<(&str, &ast::Name)> = Vec::new();
        for call in calls {
            let capability = self
                .names
                .capabilities
                .get(&call.name.text)
                .map(|id| Callee::Capability(crate::ir::CapabilityId(*id)));
            let point = self.names.extension_points.get(&call.name.text);
            let callee =
                capability.or(point.map(|id| Callee::ExtensionPoint(crate::ir::ExtensionPointId(*id))));
            for (at, argument) in call.arguments.iter().enumerate() {
                if let A::Path(path) = &argument.kind
                    && let [first, field, ..] = path.as_slice()
                {
                    behind.push((first.text.as_str(), field));
                }
                let mut names = Vec::new();
                free(argument, &mut names);
                for name in names {
                    if super::declare::VALUE_WORDS.contains(&name) {
                        continue;
                    }
                    let whole = matches!(&argument.kind, A::Path(path) if path.len() == 1);
                    let callee = callee.filter(|_| whole);
                    let ty = callee.and_then(|callee| Some(self.parameters_of(callee).get(at)?.ty.clone()));
                    let place = *places.entry(name).or_insert_with(|| {
                        inputs.push(Parameter {
                            name: name.to_owned(),
                            ty: Type::Json,
                        });
                        inputs.len() - 1
                    });
                    if let (Some(ty), Some(input)) = (ty, inputs.get_mut(place))
                        && input.ty == Type::Json
                    {
                        input.ty = ty;
                    }
                }
            }
        }
        if self.level == Level::Lenient {
            self.loosen(&mut inputs, &behind);
        }
        inputs
    }

    /// A row that is asked for fields that it does not have is some other value.
    fn loosen(&mut self, inputs: &mut [Parameter], behind: &[(&str, &ast::Name)]) {
        for (name, field) in behind {
            for input in inputs.iter_mut().filter(|input| input.name == *name) {
                let Type::Entity(id) = input.ty else { continue };
                let members = self.members.get(id.0);
                if members.is_none_or(|members| members.contains_key(&field.text)) {
                    continue;
                }
                let problem = self.no_field(id, field);
                // A slip is told where the field is read.
                if problem.fix.is_none() {
                    self.tolerate(problem, &format!("`{name}` is some other value, given as JSON"));
                    input.ty = Type::Json;
                }
            }
        }
    }
}

fn free<'t>(tree: &'t ast::Expression, into: &mut Vec<&'t str>) {
    super::row::paths(tree, into);
}
