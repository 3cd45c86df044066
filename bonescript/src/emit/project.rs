//! The files of a project: each path once, in order.

use std::collections::BTreeMap;

use minijinja::Value;

use super::templates::{self, Table};
use super::{EmitError, Target};

/// A project, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its files, by path.
    pub files: Vec<File>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it belongs, with `/` between folders.
    pub path: String,
    /// What is in it; ends with a line end.
    pub text: String,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a file is once it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The compiler's: written again at each compilation, unless somebody has edited it.
    Generated,
    /// The user's: written once as a start.
    User,
    /// Nobody's: never changed and never removed, since databases have run it.
    Migration,
}

/// The files so far.
pub(super) struct FileSet {
    target: Target,
    layout: fn(&str, String) -> Result<String, EmitError>,
    /// By path in lower case: some file systems know no difference.
    files: BTreeMap<String, File>,
}

impl FileSet {
    pub(super) fn new(target: Target, layout: fn(&str, String) -> Result<String, EmitError>) -> Self {
        Self {
            target,
            layout,
            files: BTreeMap::new(),
        }
    }

    /// Adds a text as it is.
    pub(super) fn add(
        &mut self,
        path: impl Into<String>,
        text: String,
        owner: Owner,
    ) -> Result<(), EmitError> {
        let path = path.into();
        if self.files.contains_key(&path.to_lowercase()) {
            return Err(EmitError::DuplicatePath { path });
        }
        self.files.insert(path.to_lowercase(), File { path, text, owner });
        Ok(())
    }

    /// Adds the files of another area.
    pub(super) fn extend(&mut self, area: Self) -> Result<(), EmitError> {
        for file in area.files.into_values() {
            self.add(file.path, file.text, file.owner)?;
        }
        Ok(())
    }

    /// Renders the template that lies where the file belongs: `src/app.ts` from `src/app.ts.j2`.
    pub(super) fn render(&mut self, path: &str, context: Value) -> Result<(), EmitError> {
        self.render_as(path, path, context, Owner::Generated)
    }

    /// Renders a template to another path: `src/entities/order.ts` from `src/entities/_entity.ts.j2`. The template is
    /// named without `.j2`.
    pub(super) fn render_as(
        &mut self,
        template: &str,
        path: &str,
        context: Value,
        owner: Owner,
    ) -> Result<(), EmitError> {
        let text = templates::render(self.target, template, context)?;
        let text = (self.layout)(path, text)?;
        self.add(path, text, owner)
    }

    /// Adds the files of a table that hold no text of the user, those of the target before the common ones; only paths
    /// that are `wanted`.
    pub(super) fn fixed(&mut self, table: Table, wanted: impl Fn(&str) -> bool) -> Result<(), EmitError> {
        for (path, text) in templates::fixed(self.target, table) {
            if wanted(path) {
                self.add(path, text.to_owned(), Owner::Generated)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Project {
        let mut files: Vec<File> = self.files.into_values().collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Project { files }
    }
}
