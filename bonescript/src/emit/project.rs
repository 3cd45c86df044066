//! The files of a project: each path once, in order.

use std::collections::BTreeMap;

use minijinja::Value;

use super::templates::Templates;
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
    templates: &'static Templates,
    layout: fn(&str, String) -> Result<String, EmitError>,
    /// By path in lower case: some file systems know no difference.
    files: BTreeMap<String, File>,
}

impl FileSet {
    pub(super) fn new(
        target: Target,
        templates: &'static Templates,
        layout: fn(&str, String) -> Result<String, EmitError>,
    ) -> Self {
        Self {
            target,
            templates,
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
        let text = self.templates.render(self.target, template, context)?;
        let text = (self.layout)(path, text)?;
        self.add(path, text, owner)
    }

    /// Adds the files of the area that hold no text of the user, those of the target before the common ones; only paths
    /// that are `wanted`.
    pub(super) fn fixed(&mut self, wanted: impl Fn(&str) -> bool) -> Result<(), EmitError> {
        for (path, text) in self.templates.fixed(self.target) {
            if wanted(path) {
                self.add(path, text.to_owned(), Owner::Generated)?;
            }
        }
        Ok(())
    }

    /// The project that areas make up.
    pub(super) fn join(
        areas: impl IntoIterator<Item = Result<Self, EmitError>>,
    ) -> Result<Project, EmitError> {
        let mut files = BTreeMap::new();
        for area in areas {
            for (path, file) in area?.files {
                if let Some(File { path, .. }) = files.insert(path, file) {
                    return Err(EmitError::DuplicatePath { path });
                }
            }
        }
        let mut files: Vec<File> = files.into_values().collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(Project { files })
    }
}
