//! A program with the files that it imports.
//!
//! `import Name from "path.bone"` brings all declarations of all systems of that file, and of what it imports, into every
//! system of the file that imports. A file that is reached twice counts once.

use std::collections::HashMap;

use crate::ast::{self, Declaration, Name};
use crate::check::{Placed, Unit};
use crate::diagnostic::{Code, Diagnostic, Problems};
use crate::text::{MAX_BYTES, SourceId, Sources, Span};
use crate::{lexer, parser};

/// Where texts come from. The crate itself reads nothing.
pub trait Files {
    /// The text of a file; the path is that of the importing file's folder, joined with what the import says.
    ///
    /// # Errors
    /// Why it can't be read, for people: `there is no such file`.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// No files: imports are errors.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("files can't be imported here".to_owned())
    }
}

/// More files than this are not followed.
const MAX_FILES: usize = 256;

/// Every file that was read.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) sources: Sources,
    files: Vec<Parsed>,
}

struct Parsed {
    file: ast::File,
    /// What it imports, in order.
    imports: Vec<usize>,
}

impl Loaded {
    /// Reads a text and all that it imports.
    pub(crate) fn load(name: &str, text: &str, files: &dyn Files, problems: &mut Problems) -> Self {
        let mut loaded = Self::default();
        let mut loader = Loader {
            loaded: &mut loaded,
            files,
            known: HashMap::new(),
            open: Vec::new(),
            problems,
        };
        loader.known.insert(normal(name), 0);
        loader.file(name, text);
        loaded
    }

    /// The systems of the first file, each with what is imported.
    pub(crate) fn units(&self) -> Vec<Unit<'_>> {
        let Some(entry) = self.files.first() else {
            return Vec::new();
        };
        let mut reached = vec![0];
        let mut at = 0;
        while let Some(file) = reached.get(at).and_then(|id| self.files.get(*id)) {
            for import in &file.imports {
                if !reached.contains(import) {
                    reached.push(*import);
                }
            }
            at += 1;
        }
        let mut imported: Vec<Placed<'_, Declaration>> = Vec::new();
        let mut broken = false;
        let mut lost: Vec<&str> = Vec::new();
        for id in reached.iter().skip(1) {
            let systems = self.files.get(*id).map(|file| file.file.systems.as_slice());
            for system in systems.unwrap_or_default() {
                broken |= system.incomplete;
                lost.extend(system.lost.iter().map(String::as_str));
                imported.extend(system.declarations.iter().map(|tree| (SourceId(*id), tree)));
            }
        }
        // An import that could not be read may have brought anything.
        let unread = reached.iter().filter_map(|id| self.files.get(*id)).any(|file| {
            let systems = file.file.systems.iter();
            let named = systems.flat_map(|system| &system.declarations);
            named
                .filter(|tree| matches!(tree, Declaration::Import(_)))
                .count()
                > file.imports.len()
        });
        let units = entry.file.systems.iter().map(|system| {
            let own = system.declarations.iter().map(|tree| (SourceId(0), tree));
            Unit {
                source: SourceId(0),
                system,
                declarations: own.chain(imported.iter().copied()).collect(),
                incomplete: system.incomplete || broken || unread,
                lost: lost
                    .iter()
                    .copied()
                    .chain(system.lost.iter().map(String::as_str))
                    .collect(),
            }
        });
        units.collect()
    }
}

struct Loader<'a> {
    loaded: &'a mut Loaded,
    files: &'a dyn Files,
    /// Files by their path, so that each is read once.
    known: HashMap<String, usize>,
    /// The files that are being read, each because of the one before.
    open: Vec<usize>,
    problems: &'a mut Problems,
}

impl Loader<'_> {
    fn file(&mut self, name: &str, text: &str) {
        let source = self.loaded.sources.add(name, text);
        let file = if text.len() > MAX_BYTES {
            let message = format!("the file has more than {} MiB", MAX_BYTES / 1024 / 1024);
            let problem = Diagnostic::new(Code::TOO_LARGE, source, Span::default(), message);
            self.problems
                .push(problem.help("split it, and `import` the parts"));
            ast::File::default()
        } else {
            let tokens = lexer::tokens(source, text, self.problems);
            parser::parse(source, text, &tokens, self.problems)
        };
        let declarations = file.systems.iter().flat_map(|system| &system.declarations);
        let imports = declarations.filter_map(|declaration| match declaration {
            Declaration::Import(import) => Some((import.name.clone(), import.path.clone())),
            _ => None,
        });
        let imports: Vec<(Name, Name)> = imports.collect();
        self.loaded.files.push(Parsed {
            file,
            imports: Vec::new(),
        });
        self.open.push(source.0);
        for (imported, path) in imports {
            if let Some(id) = self.import(source, name, &path) {
                self.named(source, &imported, id);
                if let Some(parsed) = self.loaded.files.get_mut(source.0) {
                    parsed.imports.push(id);
                }
            }
        }
        self.open.pop();
    }

    fn import(&mut self, source: SourceId, importer: &str, path: &Name) -> Option<usize> {
        let target = joined(importer, &path.text);
        let key = normal(&target);
        if let Some(id) = self.known.get(&key).copied() {
            if self.open.contains(&id) {
                let message = format!("`{}` is imported by what it imports", path.text);
                let problem = Diagnostic::new(Code::CIRCULAR_IMPORT, source, path.span, message);
                self.problems
                    .push(problem.help("put what both need into a third file"));
            }
            return Some(id);
        }
        let read = if self.known.len() >= MAX_FILES {
            Err(format!("more than {MAX_FILES} files"))
        } else {
            self.files.read(&target)
        };
        match read {
            Ok(text) => {
                let id = self.loaded.files.len();
                self.known.insert(key, id);
                self.file(&target, &text);
                Some(id)
            }
            Err(why) => {
                let message = format!("`{}` can't be imported: {why}", path.text);
                let problem = Diagnostic::new(Code::BAD_IMPORT, source, path.span, message);
                self.problems
                    .push(problem.help("paths are relative to the file that imports"));
                None
            }
        }
    }

    /// The name of an import should be something of its file.
    fn named(&mut self, source: SourceId, name: &Name, id: usize) {
        let Some(parsed) = self.loaded.files.get(id) else {
            return;
        };
        let systems = || parsed.file.systems.iter();
        let names = systems().map(|system| system.name.text.as_str());
        let declared = systems()
            .flat_map(|system| &system.declarations)
            .filter_map(declared);
        let known: Vec<&str> = names.chain(declared).collect();
        let lost = systems().any(|system| system.incomplete || system.lost.contains(&name.text));
        if !known.contains(&name.text.as_str()) && !lost {
            let message = format!("`{}` is nothing of that file; all of it is imported", name.text);
            let problem = Diagnostic::new(Code::UNUSED_IMPORT, source, name.span, message);
            self.problems.push(problem.one_of(&name.text, known));
        }
    }
}

/// The name that a declaration gives.
pub(crate) fn declared(tree: &Declaration) -> Option<&str> {
    let name = match tree {
        Declaration::Entity(tree) => &tree.name,
        Declaration::Capability(tree) => &tree.name,
        Declaration::Event(tree) => &tree.name,
        Declaration::Store(tree) => &tree.name,
        Declaration::Channel(tree) => &tree.name,
        Declaration::Policy(tree) => &tree.name,
        Declaration::Flow(tree) => &tree.name,
        Declaration::Constraint(tree) => &tree.name,
        Declaration::ExtensionPoint(tree) => &tree.name,
        Declaration::Import(_) => return None,
    };
    Some(&name.text)
}

/// A path of an import, seen from where its importer is.
fn joined(importer: &str, path: &str) -> String {
    match importer.rsplit_once('/') {
        Some((folder, _)) if !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path.to_owned(),
    }
}

/// A path without `.` and `..`, so that the same file has one name.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}
