//! A change of many files that is whole or not at all, whenever a crash comes.
//!
//! New contents go into a folder beside the old, `.bone-new`, and to the disk; then `ready.json` there says what is to
//! be done with them, and from that moment the change is made: what is left of it is done by whoever comes next. Before
//! it, the next one throws the folder away. A file that somebody has edited between a crash and its end stays as it is.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use bonescript::changes::Standing;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use serde::{Deserialize, Serialize};
use smallcode_core::path;

use super::folder::standing;
use crate::workspace::beneath::{Beneath, is_not_empty, make_file};

/// Where new contents wait.
const STAGE: &str = ".bone-new";
const READY: &str = "ready.json";

/// From so many files on, the file system is asked for all at once, where the system can: a wait for each would be
/// most of the time.
const MANY: usize = 16;

/// What is to be changed.
#[derive(Debug, Default)]
pub(super) struct Change<'a> {
    /// Paths with their new texts.
    pub(super) write: Vec<(String, &'a str)>,
    /// Paths to remove.
    pub(super) remove: Vec<String>,
}

impl Change<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        self.write.is_empty() && self.remove.is_empty()
    }
}

/// The content of `ready.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The number of each is the name of its content.
    pub(super) write: Vec<Step>,
    remove: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    path: String,
    /// The hash of what stands there before; nothing where there is nothing.
    before: Option<String>,
}

/// Whether a change was begun and not ended.
pub(super) fn is_pending(beneath: &Beneath) -> bool {
    beneath.stat(Path::new(STAGE)).is_ok()
}

/// Ends a change that a crash cut short, in the one way or the other.
pub(super) fn recover(beneath: &Beneath) -> io::Result<()> {
    let mut text = String::new();
    match beneath.any(&Path::new(STAGE).join(READY)) {
        Ok(file) => {
            file.take(64 << 20).read_to_string(&mut text)?;
            let plan: Plan = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
            finish(beneath, &plan)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    clear(beneath)
}

fn damaged(error: &serde_json::Error) -> io::Error {
    let message = format!(
        "`{STAGE}/{READY}`, which says what is left of a compilation that was cut short, can't be read: {error}; \
         remove the folder `{STAGE}` and compile again"
    );
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Makes a change.
pub(super) fn commit(beneath: &Beneath, change: &Change<'_>) -> io::Result<()> {
    if is_pending(beneath) {
        recover(beneath)?;
    }
    let prepared = stage(beneath, change);
    let plan = match prepared {
        Ok(plan) => plan,
        Err(error) => {
            // The first error is the one to tell of.
            let _ = clear(beneath);
            return Err(error);
        }
    };
    finish(beneath, &plan)?;
    clear(beneath)
}

/// Puts the new contents beside the old, and says that they are there.
pub(super) fn stage(beneath: &Beneath, change: &Change<'_>) -> io::Result<Plan> {
    let step = |path: &str| Step {
        path: path.to_owned(),
        before: match standing(beneath, path) {
            Standing::File(hash) => Some(hash),
            Standing::Nothing | Standing::Other => None,
        },
    };
    let plan = Plan {
        write: change.write.iter().map(|(path, _)| step(path)).collect(),
        remove: change.remove.iter().map(|path| step(path)).collect(),
    };
    let root = beneath.folder(Path::new(""))?;
    root.create_dir_with(STAGE, DirBuilder::new().mode(0o700))?;
    let stage = beneath.folder(Path::new(STAGE))?;
    let at_once = cfg!(target_os = "linux") && change.write.len() > MANY;
    for (number, (_, text)) in change.write.iter().enumerate() {
        let file = put(&stage, &number.to_string(), text.as_bytes())?;
        if !at_once {
            file.sync_data()?;
        }
    }
    if at_once {
        to_disk(beneath, &[""])?;
    }
    let ready = put(&stage, "ready", serde_json::to_string(&plan)?.as_bytes())?;
    ready.sync_data()?;
    stage.rename("ready", &stage, READY)?;
    beneath.file(Path::new(STAGE))?.sync_all()?;
    beneath.file(Path::new(""))?.sync_all()?;
    Ok(plan)
}

fn put(folder: &Dir, name: &str, bytes: &[u8]) -> io::Result<std::fs::File> {
    let mut file = make_file(folder, name)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Does what is left of a plan. Doing it twice is doing it once.
fn finish(beneath: &Beneath, plan: &Plan) -> io::Result<()> {
    let stage = beneath.folder(Path::new(STAGE))?;
    let mut folders = std::collections::BTreeSet::from([String::new()]);
    for (number, step) in plan.write.iter().enumerate() {
        let name = number.to_string();
        let (folder, last) = place(&step.path)?;
        match stage.symlink_metadata(&name) {
            // It is where it belongs already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found?,
        };
        if !is_as(beneath, step) {
            continue;
        }
        let to = beneath.make_folder(Path::new(folder))?;
        stage.rename(&name, &to, last)?;
        folders.insert(folder.to_owned());
    }
    for step in &plan.remove {
        let (folder, last) = place(&step.path)?;
        if step.before.is_none() || !is_as(beneath, step) {
            continue;
        }
        beneath.folder(Path::new(folder))?.remove_file(last)?;
        folders.insert(remove_empty(beneath, folder)?.to_owned());
    }
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    to_disk(beneath, &folders)
}

/// Whether what stands at a path is what stood there when the change was planned.
fn is_as(beneath: &Beneath, step: &Step) -> bool {
    match (standing(beneath, &step.path), &step.before) {
        (Standing::Nothing, None) => true,
        (Standing::File(hash), Some(before)) => hash == *before,
        _ => false,
    }
}

/// The folder and the name of a path, which may have been written by anybody: it stays inside, and out of what git and
/// the engine keep.
fn place(path: &str) -> io::Result<(&str, &str)> {
    let refused = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{path}` is no path of a project"),
        )
    };
    let clean = path::inside(path).map_err(|_| refused())?;
    if clean.as_str() != path || path::kept(path).is_some() {
        return Err(refused());
    }
    Ok(path.rsplit_once('/').unwrap_or(("", path)))
}

/// Removes folders that have become empty, from this one upwards; the first that stays.
fn remove_empty<'a>(beneath: &Beneath, folder: &'a str) -> io::Result<&'a str> {
    let mut here = folder;
    while !here.is_empty() {
        let (above, name) = here.rsplit_once('/').unwrap_or(("", here));
        match beneath.folder(Path::new(above))?.remove_dir(name) {
            Ok(()) => here = above,
            Err(error) if is_not_empty(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(here)
}

/// Removes the folder of new contents.
fn clear(beneath: &Beneath) -> io::Result<()> {
    let root = beneath.folder(Path::new(""))?;
    let names = match beneath.list(Path::new(STAGE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names?,
    };
    let stage = beneath.folder(Path::new(STAGE))?;
    // What was to be done is done: from here on nobody is to do it again.
    for (name, _) in names
        .iter()
        .filter(|(name, _)| name == READY)
        .chain(names.iter().filter(|(name, _)| name != READY))
    {
        stage.remove_file(name)?;
    }
    root.remove_dir(STAGE)
}

/// Waits until these folders, and what was written on their file system, are on the disk.
#[cfg(target_os = "linux")]
fn to_disk(beneath: &Beneath, _folders: &[&str]) -> io::Result<()> {
    Ok(rustix::fs::syncfs(beneath.file(Path::new(""))?)?)
}

#[cfg(not(target_os = "linux"))]
fn to_disk(beneath: &Beneath, folders: &[&str]) -> io::Result<()> {
    folders
        .iter()
        .try_for_each(|folder| beneath.file(Path::new(folder))?.sync_all())
}
