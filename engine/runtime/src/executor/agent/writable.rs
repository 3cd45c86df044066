//! Where the commands that a model chooses may write: the folders that the `writes` of its task name, and what builds
//! leave.
//!
//! Only the system can hold a command to that, so it is told in folders: one that a glob begins with is given whole, but
//! for those that git and the engine keep. What builds leave is known by its name and by git's ignoring it: ignored
//! alone may be a database or the settings of an editor.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use smallcode_core::glob::{self, Glob};
use smallcode_core::path;

use super::super::Shared;

/// What builds and tests leave, by the names that their tools give it.
const BUILT: [&str; 23] = [
    ".cache",
    ".gradle",
    ".mypy_cache",
    ".next",
    ".nox",
    ".nuxt",
    ".nyc_output",
    ".parcel-cache",
    ".pytest_cache",
    ".ruff_cache",
    ".svelte-kit",
    ".tox",
    ".turbo",
    ".venv",
    "__pycache__",
    "build",
    "coverage",
    "dist",
    "htmlcov",
    "node_modules",
    "out",
    "target",
    "venv",
];

/// What a build makes beside the file that says how a project is built. A folder can only be given once it is there.
const MAKES: [(&str, &[&str]); 6] = [
    ("Cargo.toml", &["target"]),
    ("CMakeLists.txt", &["build"]),
    ("package.json", &["node_modules", "dist", "coverage"]),
    ("pom.xml", &["target"]),
    ("build.gradle", &["build", ".gradle"]),
    ("build.gradle.kts", &["build", ".gradle"]),
];

/// What a tool puts into a folder to say that all of it can be made again: <https://bford.info/cachedir/>.
const TAG: &str = "CACHEDIR.TAG";

/// The most folders that are looked into: beyond that a project is built in its parts.
const LOOKED_INTO: usize = 500;

/// Where a command may write.
#[derive(Debug)]
pub(super) struct Writable {
    /// The files and folders, each with all that is in it.
    pub(super) write: Vec<PathBuf>,
    /// What of that stays as it is.
    pub(super) keep: Vec<PathBuf>,
}

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

/// The files and folders below the workspace that a command may change. `writes` are the paths and globs of its task,
/// `cwd` is where it runs, `program` its name.
pub(super) fn writable(shared: &Shared, writes: &[String], cwd: &Utf8Path, program: &str) -> Writable {
    let root = shared.workspace.root();
    let mut given = BTreeSet::new();
    let patterns: Vec<String> = writes.iter().flat_map(|pattern| alternatives(pattern)).collect();
    let globs: Vec<Glob> = patterns
        .iter()
        .filter_map(|pattern| Glob::new(pattern).ok())
        .collect();
    let covered = |path: &str| path::kept(path).is_none() && globs.iter().any(|glob| glob.matches(path));
    for pattern in &patterns {
        if matches!(pattern.as_str(), "**" | "**/*") {
            return Writable {
                write: vec![root.into()],
                keep: kept(root, program),
            };
        }
        let is_folder = glob::is_pattern(pattern);
        let named = if is_folder {
            glob::extent(pattern).start
        } else {
            pattern.clone()
        };
        if named.is_empty() {
            // The top folder is not given, since what git and the engine keep lies in it.
            given.extend(entries(root, |_| true).into_iter().map(PathBuf::from));
            continue;
        }
        // A link that leads outside gives nothing, and one that leads elsewhere inside only what may be written there: a
        // command may have put it in the place of a folder.
        let Ok(real) = shared.workspace.destination(&named) else {
            continue;
        };
        let inside = if is_folder {
            format!("{real}/any")
        } else {
            real.clone()
        };
        if path::kept(&real).is_some() || (real != named && !covered(&inside)) {
            continue;
        }
        let place = root.join(real);
        if is_folder {
            shared.made.folder(place.as_std_path());
        }
        // Of one file that is all; who wants to make it writes it by a tool.
        if is_folder || place.is_file() {
            given.insert(place.into());
        }
    }
    // Who may write the rules of what is ignored is not let in by them.
    if !covered(".gitignore") {
        given.extend(built(shared, cwd));
    }
    // Whoever is allowed to use git is allowed to have it work.
    if program == "git" {
        given.insert(root.join(".git").into());
    }
    Writable {
        write: given.into_iter().collect(),
        keep: Vec::new(),
    }
}

/// What git and the engine keep in the top folder, but git's own where the command is `git`.
fn kept(root: &Utf8Path, program: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let names = found.filter_map(|entry| entry.file_name().into_string().ok());
    let mut kept: Vec<PathBuf> = names
        .filter(|name| path::kept(name).is_some_and(|kept| kept != ".git" || program != "git"))
        .map(|name| root.join(name).into())
        .collect();
    kept.sort();
    kept
}

/// What builds leave: in the folders on the way to `cwd`, where it may be made, and in those in them.
fn built(shared: &Shared, cwd: &Utf8Path) -> Vec<PathBuf> {
    let root = shared.workspace.root();
    let way: Vec<&Utf8Path> = cwd
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .collect();
    let is_repository = root.join(".git").exists();
    // What git knows of is somebody's work, unless it ignores it. Where there is no git, only what a build makes beside
    // its own file is known to be none.
    let is_made = |folder: &Utf8Path, name: &str| {
        let makes = MAKES.iter().filter(|(file, _)| folder.join(file).is_file());
        makes.flat_map(|(_, made)| made.iter()).any(|made| *made == name)
    };
    for folder in &way {
        for place in BUILT
            .iter()
            .filter(|name| is_made(folder, name))
            .map(|name| folder.join(name))
        {
            let known =
                place.file_name() == Some("target") || !is_repository || is_ignored(shared, folder, &place);
            if known && !place.exists() {
                shared.made.folder(place.as_std_path());
            }
        }
    }
    let beside = way.iter().flat_map(|folder| {
        entries(folder, |entry| {
            entry.is_dir() && entry.file_name().is_none_or(|name| !BUILT.contains(&name))
        })
    });
    let folders: Vec<Utf8PathBuf> = way
        .iter()
        .map(|folder| folder.to_path_buf())
        .chain(beside)
        .take(LOOKED_INTO)
        .collect();
    let mut found = Vec::new();
    for folder in folders {
        for name in BUILT {
            let place = folder.join(name);
            if !fs::symlink_metadata(&place).is_ok_and(|about| about.is_dir()) {
                continue;
            }
            let nobodys = place.join(TAG).is_file() || is_empty(&place);
            if nobodys || (!is_repository && is_made(&folder, name)) || is_ignored(shared, &folder, &place) {
                found.push(place.into());
            }
        }
    }
    found
}

/// Whether git ignores a place in a folder.
fn is_ignored(shared: &Shared, folder: &Utf8Path, place: &Utf8Path) -> bool {
    let inside = folder.strip_prefix(shared.workspace.root());
    inside.is_ok_and(|inside| shared.workspace.ignores(inside).has_folder(place))
}

fn is_empty(folder: &Utf8Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// What is in a folder and no link, but for what git and the engine keep.
fn entries(folder: &Utf8Path, wanted: impl Fn(&Utf8Path) -> bool) -> Vec<Utf8PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let found = found.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
    let found = found.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path()).ok());
    found
        .filter(|place| place.file_name().is_some_and(|name| path::kept(name).is_none()) && wanted(place))
        .collect()
}

/// A glob without its first braces: one for each of what stands between them.
fn alternatives(pattern: &str) -> Vec<String> {
    let braces = pattern.split_once('{').and_then(|(before, rest)| {
        let (inside, behind) = rest.split_once('}')?;
        (!before.ends_with('\\') && !inside.contains('{')).then_some((before, inside, behind))
    });
    match braces {
        Some((before, inside, behind)) => inside
            .split(',')
            .map(|word| format!("{before}{word}{behind}"))
            .collect(),
        None => vec![pattern.to_owned()],
    }
}
