//! What is put back is set aside first: an attempt may have been the last to see it, but a person, or another program,
//! may have written there meanwhile.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::beneath::Beneath;
use super::survey::is_gone;

/// The largest file that is set aside, and the most bytes at one time: text that people write is far smaller, and what
/// builds leave can be built again.
const FILE: u64 = 4 * 1024 * 1024;
const ALL: u64 = 64 * 1024 * 1024;

/// The most folders of files that a run sets aside.
const FOLDERS: usize = 10_000;

/// A folder for what is put back, made when there is something.
#[derive(Debug)]
pub(crate) struct Aside {
    below: PathBuf,
    folder: Option<PathBuf>,
    left: u64,
}

impl Aside {
    /// One in a folder that holds those of a run.
    pub(crate) fn new(below: PathBuf) -> Self {
        Self {
            below,
            folder: None,
            left: ALL,
        }
    }

    /// Where it is, once something was set aside.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Sets a copy of a file aside. What can't be copied is not: that a full disk keeps nothing is no reason to leave
    /// what was not verified.
    pub(super) fn copy(&mut self, beneath: &Beneath, path: &Path) {
        if let Err(error) = self.try_copy(beneath, path) {
            tracing::warn!(%error, path = %path.display(), "could not set aside what is put back");
        }
    }

    fn try_copy(&mut self, beneath: &Beneath, path: &Path) -> io::Result<()> {
        let file = match beneath.any(path) {
            // It went, or something else stands in its place: there is nothing that could be lost.
            Err(error) if is_gone(&error) => return Ok(()),
            opened => opened?,
        };
        let about = file.metadata()?;
        if !about.is_file() || about.len() > FILE.min(self.left) {
            return Ok(());
        }
        let target = self.made()?.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        // What stood there first is what somebody may have written; later ones are steps of the attempt back to its start.
        let mut to = match fs::File::create_new(target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        };
        let copied = io::copy(&mut file.take(FILE), &mut to)?;
        self.left = self.left.saturating_sub(copied);
        Ok(())
    }

    /// Its folder, with a number that no other has.
    fn made(&mut self) -> io::Result<&Path> {
        if self.folder.is_none() {
            fs::create_dir_all(&self.below)?;
            let made = (1..=FOLDERS).find_map(|number| {
                let folder = self.below.join(number.to_string());
                match fs::create_dir(&folder) {
                    Ok(()) => Some(Ok(folder)),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    Err(error) => Some(Err(error)),
                }
            });
            let full = || Err(io::Error::other("too much was set aside before"));
            self.folder = Some(made.unwrap_or_else(full)?);
        }
        Ok(self.folder.as_deref().unwrap_or(&self.below))
    }
}
