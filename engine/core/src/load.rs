//! From the path of a workflow to everything that it is made of: the workflows that it uses, its templates and
//! its schemas, each read once, every problem of all of them collected.

use std::collections::HashMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceId, Sources, Span};
use crate::graph::TaskGraph;
use crate::spec::{Kind, Loaded, Output, RenderSource, SchemaSource, VerifierKind};
use crate::template::Template;
use crate::{check, path, schema, spec};

/// How deep workflows may use workflows: more than a person can follow.
const MAX_USES_DEPTH: usize = 16;

/// How the core reads files: from the disk in the runtime, from memory in tests and when a plan is resumed.
pub trait Files {
    /// The text of a file, of at most [`yaml::MAX_BYTES`](crate::yaml::MAX_BYTES) bytes.
    ///
    /// # Errors
    /// When it can't be read or is not UTF-8; the text says why.
    fn read(&self, path: &Utf8Path) -> Result<String, String>;
}

impl<S: std::hash::BuildHasher> Files for HashMap<Utf8PathBuf, String, S> {
    fn read(&self, path: &Utf8Path) -> Result<String, String> {
        self.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }
}

/// Which workflow of a [`Bundle`]: an index into its modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub usize);

/// One workflow of a bundle, with the files that its tasks name.
#[derive(Debug)]
pub struct Module {
    /// Where its file is, as it was reached from the root.
    pub path: Utf8PathBuf,
    /// What it says.
    pub loaded: Loaded,
    /// How its tasks depend on each other.
    pub graph: TaskGraph,
    /// The workflows that its `uses` tasks run, by task.
    pub uses: IndexMap<usize, ModuleId>,
    /// The template files of its `render` tasks, by task.
    pub templates: IndexMap<usize, (SourceId, Template)>,
    /// The schemas of its tasks: that of `output`, then those of `verify`, by task.
    pub schemas: IndexMap<usize, Vec<Arc<TaskSchema>>>,
}

/// A schema with its compiled form.
#[derive(Debug)]
pub struct TaskSchema {
    /// The schema.
    pub json: serde_json::Value,
    /// What checks values against it.
    pub validator: schema::Validator,
}

/// A workflow with everything that it is made of.
#[derive(Debug)]
pub struct Bundle {
    /// The workflows; the first is the root.
    pub modules: Vec<Module>,
    /// The paths and texts of every file, in the order they were read: what a plan freezes.
    pub files: IndexMap<Utf8PathBuf, Arc<str>>,
}

impl Bundle {
    /// The workflow that was asked for.
    pub fn root(&self) -> &Module {
        self.module(ModuleId(0))
    }

    /// One workflow.
    ///
    /// # Panics
    /// When the id is of another bundle.
    #[expect(
        clippy::indexing_slicing,
        reason = "ids are only made by this bundle's loader"
    )]
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0]
    }

    /// The name of a workflow: the one that it gives itself, else that of its folder or file.
    pub fn name(&self, id: ModuleId) -> String {
        let module = self.module(id);
        if let Some(name) = &module.loaded.workflow.name {
            return name.text.clone();
        }
        let stem = module.path.file_stem().unwrap_or("workflow");
        let folder = module.path.parent().and_then(Utf8Path::file_name);
        match folder {
            Some(folder) if stem == "workflow" => folder.to_owned(),
            _ => stem.to_owned(),
        }
    }
}

/// What loading gives: the bundle where no error was found, the problems, and the texts they point into.
#[derive(Debug)]
pub struct Load {
    /// The bundle; `None` where there were errors.
    pub bundle: Option<Bundle>,
    /// Every problem, in the order of the texts.
    pub problems: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

/// Loads and checks a workflow with everything that it is made of.
pub fn load(root: &Utf8Path, files: &dyn Files) -> Load {
    let mut loader = Loader {
        files,
        sources: Sources::default(),
        problems: Diagnostics::default(),
        modules: Vec::new(),
        by_path: HashMap::new(),
        texts: IndexMap::new(),
        read: HashMap::new(),
        templates: HashMap::new(),
        schemas: HashMap::new(),
        stack: Vec::new(),
    };
    loader.module(root, None);
    let Loader {
        mut problems,
        sources,
        modules,
        texts,
        ..
    } = loader;
    let bundle = readable(modules).map(|modules| Bundle {
        modules,
        files: texts,
    });
    if let Some(bundle) = &bundle {
        check::bundle(bundle, &mut problems);
    }
    let bundle = bundle.filter(|_| !problems.has_errors());
    Load {
        bundle,
        problems: problems.into_sorted(),
        sources,
    }
}

/// The modules that could be read, where the first is among them. Nothing uses the others: what is wrong in those
/// that can be read is told all the same.
fn readable(modules: Vec<Option<Module>>) -> Option<Vec<Module>> {
    modules.first()?.as_ref()?;
    let mut places = Vec::with_capacity(modules.len());
    let mut next = 0;
    for module in &modules {
        places.push(ModuleId(next));
        next += usize::from(module.is_some());
    }
    let mut read: Vec<Module> = modules.into_iter().flatten().collect();
    for id in read.iter_mut().flat_map(|module| module.uses.values_mut()) {
        if let Some(place) = places.get(id.0) {
            *id = *place;
        }
    }
    Some(read)
}

struct Loader<'a> {
    files: &'a dyn Files,
    sources: Sources,
    problems: Diagnostics,
    /// `None` while a module is being read, and after it could not be.
    modules: Vec<Option<Module>>,
    by_path: HashMap<Utf8PathBuf, ModuleId>,
    texts: IndexMap<Utf8PathBuf, Arc<str>>,
    /// What was read and compiled before: many tasks may name the same file.
    read: HashMap<Utf8PathBuf, (SourceId, Arc<str>)>,
    templates: HashMap<Utf8PathBuf, Option<(SourceId, Template)>>,
    schemas: HashMap<Utf8PathBuf, Option<Arc<TaskSchema>>>,
    stack: Vec<Utf8PathBuf>,
}

/// The place of the path that named a file.
type Place = (SourceId, Span);

impl Loader<'_> {
    fn text(&mut self, path: &Utf8Path, place: Option<Place>) -> Option<(SourceId, Arc<str>)> {
        if let Some(known) = self.read.get(path) {
            return Some(known.clone());
        }
        match self.files.read(path) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                let source = self.sources.add(path.as_str(), Arc::clone(&text));
                self.texts.insert(path.to_owned(), Arc::clone(&text));
                self.read.insert(path.to_owned(), (source, Arc::clone(&text)));
                Some((source, text))
            }
            Err(reason) => {
                let message = format!("`{path}` can't be read: {reason}");
                let (source, span) = place.unwrap_or_default();
                let mut problem = Diagnostic::new(Code::UNREADABLE, source, span, message);
                if place.is_none() {
                    // Named on the command line: there is no place to show.
                    problem.labels.clear();
                }
                self.problems.push(problem);
                None
            }
        }
    }

    // Recursion is bounded by MAX_USES_DEPTH.
    fn module(&mut self, path: &Utf8Path, place: Option<Place>) -> Option<ModuleId> {
        if let Some(id) = self.by_path.get(path) {
            // One that could not be read is none to use; it was told of where it was named first.
            return Some(*id).filter(|id| matches!(self.modules.get(id.0), Some(Some(_))));
        }
        let (source, text) = self.text(path, place)?;
        let id = ModuleId(self.modules.len());
        self.modules.push(None);
        self.by_path.insert(path.to_owned(), id);
        let loaded = spec::load(&text, source, &mut self.problems)?;
        let graph = check::graph(&loaded, &mut self.problems);
        let mut module = Module {
            path: path.to_owned(),
            loaded,
            graph,
            uses: IndexMap::new(),
            templates: IndexMap::new(),
            schemas: IndexMap::new(),
        };
        self.stack.push(path.to_owned());
        self.parts(&mut module);
        self.stack.pop();
        if let Some(slot) = self.modules.get_mut(id.0) {
            *slot = Some(module);
        }
        Some(id)
    }

    fn parts(&mut self, module: &mut Module) {
        let source = module.loaded.source;
        let tasks: Vec<_> = module
            .loaded
            .workflow
            .tasks
            .read
            .values()
            .cloned()
            .enumerate()
            .collect();
        for (index, task) in tasks {
            if let Kind::Uses(uses) = &task.kind
                && !uses.is_library()
            {
                let path = path::beside(&module.path, &uses.reference.text);
                if let Some(id) = self.used(&path, (source, uses.span)) {
                    module.uses.insert(index, id);
                }
            }
            if let Kind::Render(render) = &task.kind
                && let RenderSource::File(file) = &render.template
            {
                let path = path::beside(&module.path, &file.text);
                if let Some(template) = self.template(&path, (source, file.span)) {
                    module.templates.insert(index, template);
                }
            }
            let mut schemas = Vec::new();
            if let Kind::Prompt(prompt) = &task.kind
                && let Some(Output::Schema(schema)) = &prompt.beside.output
            {
                schemas.extend(self.schema(&module.path, schema, source));
            }
            for verifier in task.common.verify.iter() {
                if let VerifierKind::Schema(schema) = &verifier.kind {
                    schemas.extend(self.schema(&module.path, schema, source));
                }
            }
            if !schemas.is_empty() {
                module.schemas.insert(index, schemas);
            }
        }
    }

    fn used(&mut self, path: &Utf8Path, place: Place) -> Option<ModuleId> {
        let problem = if self.stack.iter().any(|outer| outer == path) {
            let circle: Vec<&str> = self
                .stack
                .iter()
                .map(|outer| outer.as_str())
                .chain([path.as_str()])
                .collect();
            Some(format!("the workflow uses itself: {}", circle.join(" → ")))
        } else if self.stack.len() >= MAX_USES_DEPTH {
            Some(format!(
                "workflows use workflows more than {MAX_USES_DEPTH} deep here"
            ))
        } else {
            None
        };
        if let Some(message) = problem {
            self.problems
                .push(Diagnostic::new(Code::BAD_USE, place.0, place.1, message));
            return None;
        }
        self.module(path, Some(place))
    }

    fn template(&mut self, path: &Utf8Path, place: Place) -> Option<(SourceId, Template)> {
        if let Some(known) = self.templates.get(path) {
            return known.clone();
        }
        let (source, text) = self.text(path, Some(place))?;
        let compiled = self.compile(source, &text);
        self.templates.insert(path.to_owned(), compiled.clone());
        compiled
    }

    fn compile(&mut self, source: SourceId, text: &str) -> Option<(SourceId, Template)> {
        match Template::compile_file(text) {
            Ok(template) => Some((source, template)),
            Err(error) => {
                let span = Span::new(error.range.start, error.range.end);
                let mut diagnostic = Diagnostic::new(Code::BAD_EXPRESSION, source, span, error.message);
                diagnostic.help.extend(error.help);
                self.problems.push(diagnostic);
                None
            }
        }
    }

    /// A schema of a task; that of a file is read and compiled once.
    fn schema(
        &mut self,
        workflow: &Utf8Path,
        schema: &SchemaSource,
        source: SourceId,
    ) -> Option<Arc<TaskSchema>> {
        let SchemaSource::Path(file) = schema else {
            return self.compile_schema(workflow, schema, source);
        };
        let path = path::beside(workflow, &file.text);
        if let Some(known) = self.schemas.get(&path) {
            return known.clone();
        }
        let compiled = self.compile_schema(workflow, schema, source);
        // A file that can't be read is reported at each place that names it.
        if self.read.contains_key(&path) {
            self.schemas.insert(path, compiled.clone());
        }
        compiled
    }

    fn compile_schema(
        &mut self,
        workflow: &Utf8Path,
        schema: &SchemaSource,
        source: SourceId,
    ) -> Option<Arc<TaskSchema>> {
        let (json, place) = match schema {
            SchemaSource::Inline(json, span) => (json.clone(), (source, *span)),
            SchemaSource::Path(file) => {
                let place = (source, file.span);
                let (source, text) = self.text(&path::beside(workflow, &file.text), Some(place))?;
                match serde_json::from_str(&text) {
                    Ok(json) => (json, place),
                    Err(error) => {
                        let offset = text
                            .split_inclusive('\n')
                            .take(error.line().saturating_sub(1))
                            .map(str::len)
                            .sum::<usize>()
                            + error.column().saturating_sub(1);
                        self.problems.push(Diagnostic::new(
                            Code::BAD_VALUE,
                            source,
                            Span::new(offset.min(text.len()), (offset + 1).min(text.len())),
                            "the schema is not JSON",
                        ));
                        return None;
                    }
                }
            }
        };
        match schema::compile(&json) {
            Ok(validator) => Some(Arc::new(TaskSchema { json, validator })),
            Err(problem) => {
                self.problems.push(Diagnostic::new(
                    Code::BAD_VALUE,
                    place.0,
                    place.1,
                    format!("not a valid JSON Schema: {problem}"),
                ));
                None
            }
        }
    }
}
