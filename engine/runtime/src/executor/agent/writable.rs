//! Where the commands that a model chooses may write: the folders that `permissions.write` names, and what builds leave.
//!
//! Only the system can hold a command to that, so it is told in folders: one that a glob begins with is given whole.
//! What git ignores is nobody's work, and no build runs without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::{glob, path};

use super::super::{Shared, permit};

/// What builds leave beside the file that says how a project is built. A folder can only be given once it is there.
const BUILT: [(&str, &[&str]); 5] = [
    ("Cargo.toml", &["target"]),
    ("package.json", &["node_modules", "dist", "coverage"]),
    ("pom.xml", &["target"]),
    ("build.gradle", &["build", ".gradle"]),
    ("build.gradle.kts", &["build", ".gradle"]),
];

/// Folders that were made for commands to write in: what is still empty goes with the run.
#[derive(Debug, Default)]
pub struct MadeFolders(Mutex<Vec<PathBuf>>);

impl MadeFolders {
    /// Makes a folder and those on the way to it, where they are missing.
    fn folder(&self, folder: &Path) {
        let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
        for folder in missing.into_iter().rev() {
            // Where it can't be made, the command can't write there, and says so.
            if fs::create_dir(folder).is_ok() {
                let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                made.push(folder.to_path_buf());
            }
        }
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        let made = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for folder in made.iter().rev() {
            // Only an empty one can be removed like this.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The files and folders below the workspace that a command may change. `cwd` is where it runs, `program` its name.
pub(super) fn writable(shared: &Shared, cwd: &Utf8Path, program: &str) -> Vec<PathBuf> {
    let root = shared.workspace.root();
    let mut given: Vec<PathBuf> = Vec::new();
    for pattern in &shared.write_permissions {
        let Ok(clean) = path::inside(pattern) else {
            continue;
        };
        let folder = glob::is_pattern(clean.as_str());
        let named = if folder {
            glob::extent(clean.as_str()).start
        } else {
            clean.to_string()
        };
        if named.is_empty() {
            return vec![root.into()];
        }
        // A link that leads outside gives nothing, and one that leads elsewhere inside only what may be written there: a
        // command may have put it in the place of a folder.
        let Ok(real) = shared.workspace.destination(&named) else {
            continue;
        };
        let inside = if folder {
            format!("{real}/any")
        } else {
            real.clone()
        };
        if real != named && !permit::may_write(&inside, &shared.write_permissions) {
            continue;
        }
        let place = root.join(real);
        if folder {
            shared.made.folder(place.as_std_path());
        }
        // Of one file that is all; who wants to make it writes it by a tool.
        if folder || place.is_file() {
            given.push(place.into());
        }
    }
    for folder in [root, cwd] {
        let Ok(inside) = folder.strip_prefix(root) else {
            continue;
        };
        let rules = shared.workspace.ignores(inside);
        // What git and the engine keep for themselves is not meant.
        let is_built = |place: &Utf8Path| {
            let own = place.strip_prefix(root).map(|place| path::kept(place.as_str()));
            own.is_ok_and(|kept| kept.is_none()) && rules.has_folder(place)
        };
        for (file, built) in BUILT {
            if folder.join(file).is_file() {
                let built = built.iter().map(|name| folder.join(name));
                let missing = built.filter(|built| !built.exists() && is_built(built));
                missing.for_each(|built| shared.made.folder(built.as_std_path()));
            }
        }
        let below = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let below = below.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path()).ok());
        given.extend(below.filter(|place| is_built(place)).map(PathBuf::from));
    }
    // Whoever is allowed to use git is allowed to have it work.
    if program == "git" {
        given.push(root.join(".git").into());
    }
    given.sort();
    given.dedup();
    given
}
