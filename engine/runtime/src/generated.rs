//! Generated projects on the disk: what a compilation changes in a folder, found out first and then done whole.
//!
//! [`Prepared::new`] reads what stands there and lets `bonescript` emit and decide; nothing is written yet.
//! [`Prepared::apply`] does it, all or nothing: see `transaction`. The command line and the kind `bone` share this.

mod folder;
mod manifest;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::HashSet;

use bonescript::changes::{Changes, Kept, Refused, changes, folder_of};
use bonescript::emit::{EmitError, Project, Target, emit};
use bonescript::ir;
use camino::{Utf8Path, Utf8PathBuf};

use folder::Folder;
use manifest::Record;

/// The file that says what the last compilation wrote.
pub const MANIFEST: &str = "bone.manifest.json";

/// What the database looked like after the last compilation.
const SCHEMA: &str = "migrations/schema.json";

/// Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum GeneratedError {
    /// The emitter could not go on.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The record of the last compilation can't be read.
    #[error("`{path}` can't be read: {why}; restore it from version control, or choose an empty folder")]
    Manifest {
        /// The record.
        path: Utf8PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder has migrations, and what they lead to is not known.
    #[error(
        "`{path}` is missing, and without it nobody knows what the migrations beside it have done; restore it from version control"
    )]
    NoSchema {
        /// What is missing.
        path: Utf8PathBuf,
    },
    /// The folder holds another project.
    #[error("`{path}` holds the project of {was}; choose another folder for {wanted}")]
    Another {
        /// The folder.
        path: Utf8PathBuf,
        /// What it holds.
        was: String,
        /// What was to be written.
        wanted: String,
    },
    /// Two systems of a file would go to one folder.
    #[error(
        "the systems `{first}` and `{second}` would both go to the folder `{folder}`; rename one of them"
    )]
    SameFolder {
        /// One system.
        first: String,
        /// The other.
        second: String,
        /// The folder.
        folder: String,
    },
    /// Another process compiles into this folder.
    #[error("another compilation writes to `{path}`; try again when it has ended")]
    InUse {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// Nothing may be written while something is in the way.
    #[error("{} in the way of what would be generated", if *.count == 1 { "a file is".to_owned() } else { format!("{count} files are") })]
    Refused {
        /// How many files.
        count: usize,
    },
    /// The system refused.
    #[error("could not {doing} `{path}`: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl GeneratedError {
    fn io(doing: &'static str, path: &Utf8Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

/// A compilation that is ready to be written.
#[derive(Debug)]
pub struct Prepared {
    folder: Folder,
    projects: Vec<Part>,
}

/// The project of one system.
#[derive(Debug)]
struct Part {
    /// Its folder below that of the whole; empty where it is the same.
    below: String,
    project: Project,
    changes: Changes,
    manifest: String,
}

/// What became, or would become, of a file. Paths are relative to the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its path.
    pub path: String,
    /// The hash of its content, BLAKE3 in hexadecimal; empty for one that is gone.
    pub hash: String,
    /// What is done with it.
    pub done: Done,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Written.
    Written,
    /// As it was.
    Unchanged,
    /// Removed.
    Removed,
}

impl Done {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

impl Prepared {
    /// Emits a program for a folder and compares it with what stands there. A compilation that a crash cut short in its
    /// last step is finished first; nothing else is written.
    ///
    /// # Errors
    /// When the folder can't be read, is another project's, or the emitter fails. What is in the way is no error yet:
    /// see [`refused`](Self::refused).
    pub fn new(
        program: &ir::Program,
        target: Target,
        out: &Utf8Path,
        force: bool,
    ) -> Result<Self, GeneratedError> {
        let folder = Folder::open(out)?;
        let mut projects: Vec<Part> = Vec::with_capacity(program.systems.len());
        for (index, system) in program.systems.iter().enumerate() {
            let below = if program.systems.len() > 1 {
                folder_of(&system.name)
            } else {
                String::new()
            };
            if let Some(first) = projects.iter().position(|part| part.below == below) {
                let name = |index: usize| {
                    program
                        .systems
                        .get(index)
                        .map(|system| system.name.clone())
                        .unwrap_or_default()
                };
                return Err(GeneratedError::SameFolder {
                    first: name(first),
                    second: name(index),
                    folder: below,
                });
            }
            projects.push(Part::new(&folder, below, system, target, force)?);
        }
        Ok(Self { folder, projects })
    }

    /// The folder.
    pub fn out(&self) -> &Utf8Path {
        &self.folder.path
    }

    /// What is in the way; while there is anything, [`apply`](Self::apply) does nothing.
    pub fn refused(&self) -> Vec<Refused> {
        self.gather(|part| {
            part.changes.refused.iter().map(|refused| Refused {
                path: part.path(&refused.path),
                why: refused.why,
            })
        })
    }

    /// What stays although it is no longer generated.
    pub fn kept(&self) -> Vec<Kept> {
        self.gather(|part| {
            part.changes.kept.iter().map(|kept| Kept {
                path: part.path(&kept.path),
                why: kept.why,
            })
        })
    }

    /// Every file that the record of this compilation has, and those that are removed, by path.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut outcomes = self.gather(|part| {
            let written = part.changes.write.iter();
            let written: HashSet<&str> = written
                .filter_map(|index| Some(part.project.files.get(*index)?.path.as_str()))
                .collect();
            // The record has the migrations of earlier compilations, too.
            let files = part.changes.manifest.iter().map(move |(path, file)| Outcome {
                path: part.path(path),
                hash: file.hash.clone(),
                done: if written.contains(path.as_str()) {
                    Done::Written
                } else {
                    Done::Unchanged
                },
            });
            let removed = part.changes.remove.iter().map(|path| Outcome {
                path: part.path(path),
                hash: String::new(),
                done: Done::Removed,
            });
            files.chain(removed)
        });
        outcomes.sort_by(|a, b| a.path.cmp(&b.path));
        outcomes
    }

    /// The texts of the projects' files, with their paths, as they are generated.
    pub fn texts(&self) -> Vec<(String, String)> {
        self.gather(|part| {
            let files = part.project.files.iter();
            files.map(|file| (part.path(&file.path), file.text.clone()))
        })
    }

    /// The paths that [`apply`](Self::apply) writes or removes.
    pub fn touched(&self) -> Vec<String> {
        let mut touched: Vec<String> = self
            .outcomes()
            .into_iter()
            .filter(|outcome| outcome.done != Done::Unchanged)
            .map(|outcome| outcome.path)
            .collect();
        touched.extend(self.projects.iter().map(|part| part.path(MANIFEST)));
        touched
    }

    /// Writes all of it, or nothing: after a crash the folder is as before, or the next compilation finishes this one.
    ///
    /// # Errors
    /// When something is in the way, another process writes there, or the system refuses.
    pub fn apply(&self) -> Result<(), GeneratedError> {
        let count = self.refused().len();
        if count > 0 {
            return Err(GeneratedError::Refused { count });
        }
        let mut change = transaction::Change::default();
        for part in &self.projects {
            for file in part
                .changes
                .write
                .iter()
                .filter_map(|index| part.project.files.get(*index))
            {
                change.write.push((part.path(&file.path), &file.text));
            }
            change
                .remove
                .extend(part.changes.remove.iter().map(|path| part.path(path)));
            if self.folder.read(&part.path(MANIFEST))?.as_deref() != Some(&part.manifest) {
                change.write.push((part.path(MANIFEST), &part.manifest));
            }
        }
        self.folder.commit(&change)
    }

    fn gather<'a, T, I: Iterator<Item = T> + 'a>(&'a self, of: impl Fn(&'a Part) -> I) -> Vec<T> {
        self.projects.iter().flat_map(of).collect()
    }
}

impl Part {
    fn new(
        folder: &Folder,
        below: String,
        system: &ir::System,
        target: Target,
        force: bool,
    ) -> Result<Self, GeneratedError> {
        let at = |path: &str| {
            if below.is_empty() {
                path.to_owned()
            } else {
                format!("{below}/{path}")
            }
        };
        let full = |path: &str| folder.path.join(at(path));
        let record = match folder.read(&at(MANIFEST))? {
            None => Record::new(system, target),
            Some(text) => Record::parse(&text).map_err(|why| GeneratedError::Manifest {
                path: full(MANIFEST),
                why,
            })?,
        };
        if record.target != target.as_str() || (record.system != system.name && !force) {
            return Err(GeneratedError::Another {
                path: if below.is_empty() {
                    folder.path.clone()
                } else {
                    folder.path.join(&below)
                },
                was: format!("system `{}` and target `{}`", record.system, record.target),
                wanted: format!("`{}` and `{}`", system.name, target.as_str()),
            });
        }
        let previous = if record.files.contains_key(SCHEMA) {
            let text = folder.read(&at(SCHEMA))?;
            Some(text.ok_or_else(|| GeneratedError::NoSchema { path: full(SCHEMA) })?)
        } else {
            None
        };
        let project = emit(system, target, previous.as_deref())?;
        let hashes: Vec<String> = project
            .files
            .iter()
            .map(|file| folder::hash(file.text.as_bytes()))
            .collect();
        let standing = |path: &str| folder.standing(&at(path));
        let changes = changes(&project, &hashes, &record.files, &standing, force);
        let manifest = Record {
            files: changes.manifest.clone(),
            ..Record::new(system, target)
        }
        .render();
        Ok(Self {
            below,
            project,
            changes,
            manifest,
        })
    }

    fn path(&self, path: &str) -> String {
        if self.below.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.below)
        }
    }
}
