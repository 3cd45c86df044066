//! Calls of the algorithms of the catalogue.

use super::super::EmitError;
use super::super::expression::{Compiler, property};
use super::super::server::entity_name;
use crate::ir::{Algorithm, AlgorithmName, EntityId, Expression, ExpressionKind as K, System, Type};

/// A call, as code, and what it imports.
#[derive(Debug)]
pub(in super::super) struct Call {
    /// The call; inside of an `async` function.
    pub(in super::super) code: String,
    /// Files with what is imported from them, from a folder beside `algorithms`.
    pub(in super::super) imports: Vec<(String, &'static str)>,
    /// It names `shown`.
    pub(in super::super) shows: bool,
}

/// The name of its file, without an ending.
pub(super) fn file(name: AlgorithmName) -> &'static str {
    match name {
        AlgorithmName::ShortestPath => "shortest-path",
        AlgorithmName::TopologicalSort => "topological-sort",
        AlgorithmName::BinarySearch => "binary-search",
        AlgorithmName::BipartiteMatching => "bipartite-matching",
        AlgorithmName::RoundRobin => "round-robin",
        AlgorithmName::WeightedAverage => "weighted-average",
        AlgorithmName::Percentile => "percentile",
        AlgorithmName::RankBy => "rank-by",
        AlgorithmName::ConsistentHash => "consistent-hash",
    }
}

fn function(name: AlgorithmName) -> &'static str {
    match name {
        AlgorithmName::ShortestPath => "shortestPath",
        AlgorithmName::TopologicalSort => "topologicalSort",
        AlgorithmName::BinarySearch => "binarySearch",
        AlgorithmName::BipartiteMatching => "bipartiteMatching",
        AlgorithmName::RoundRobin => "roundRobin",
        AlgorithmName::WeightedAverage => "weightedAverage",
        AlgorithmName::Percentile => "percentile",
        AlgorithmName::RankBy => "rankBy",
        AlgorithmName::ConsistentHash => "consistentHash",
    }
}

/// The call that computes the answer of a capability.
pub(in super::super) fn call(
    system: &System,
    algorithm: &Algorithm,
    compiler: &mut Compiler<'_>,
) -> Result<Call, EmitError> {
    let mut writer = Writer {
        system,
        compiler,
        imports: vec![(module(file(algorithm.name)), function(algorithm.name))],
        shows: false,
    };
    let mut rows = None;
    let mut arguments = Vec::new();
    for (input, value) in &algorithm.inputs {
        let argument = match (algorithm.name, input.as_str()) {
            (AlgorithmName::RankBy, "score_fn") => writer.score(value)?,
            (AlgorithmName::RankBy | AlgorithmName::RoundRobin, "items") => {
                rows = rows_of(value);
                writer.items(algorithm.name, value)?
            }
            _ => writer.value(input, value)?,
        };
        arguments.push(argument);
    }
    let mut code = format!("{}({})", function(algorithm.name), arguments.join(", "));
    if algorithm.name == AlgorithmName::RankBy {
        code = format!("await {code}");
        if let Some(id) = rows {
            writer.shows = true;
            code = format!("({code}).map((row) => shown({}, row))", entity_name(system, id));
        }
    }
    Ok(Call {
        code,
        imports: writer.imports,
        shows: writer.shows,
    })
}

fn module(file: &str) -> String {
    format!("../algorithms/{file}.ts")
}

/// The entity whose rows a list is of.
fn rows_of(value: &Expression) -> Option<EntityId> {
    match value.ty.required().element().map(Type::required) {
        Some(Type::Entity(id)) => Some(*id),
        _ => None,
    }
}

struct Writer<'a, 'c> {
    system: &'a System,
    compiler: &'a mut Compiler<'c>,
    imports: Vec<(String, &'static str)>,
    shows: bool,
}

impl Writer<'_, '_> {
    fn value(&mut self, input: &str, value: &Expression) -> Result<String, EmitError> {
        let ty = value.ty.required().clone();
        Ok(self.compiler.argument(value, &ty, input)?.text)
    }

    /// Items that the answer holds again; as they are shown, unless a function of the user is to see them before.
    fn items(&mut self, name: AlgorithmName, value: &Expression) -> Result<String, EmitError> {
        let text = self.value("items", value)?;
        if let (AlgorithmName::RoundRobin, Some(id)) = (name, rows_of(value)) {
            self.shows = true;
            self.compiler.tables.insert(id);
            return Ok(format!(
                "{text}.map((row) => shown({}, row))",
                entity_name(self.system, id)
            ));
        }
        if let Some(id) = rows_of(value) {
            self.compiler.tables.insert(id);
        }
        if value.ty.required().element().is_some() {
            return Ok(text);
        }
        self.imports.push((module("values"), "listOf"));
        Ok(format!("listOf({text}, \"`items`\")"))
    }

    /// The function that gives the score of an item.
    fn score(&mut self, value: &Expression) -> Result<String, EmitError> {
        let K::Call(id, arguments) = &value.kind else {
            // The same for all: their order stays.
            return Ok(format!("() => {}", self.value("score_fn", value)?));
        };
        let Some(point) = self.system.extension_points.get(id.0) else {
            return Ok("() => 0".to_owned());
        };
        let callee = property("call.context.extensions", &point.name);
        let takes_row = point
            .parameters
            .first()
            .is_some_and(|parameter| matches!(parameter.ty.required(), Type::Entity(_)));
        if arguments.is_empty() {
            return Ok(format!("() => {callee}(call)"));
        }
        if takes_row {
            return Ok(format!("(item) => {callee}(item, call)"));
        }
        let json = self.compiler.call("asJson");
        Ok(format!("(item) => {callee}({json}(item), call)"))
    }
}
