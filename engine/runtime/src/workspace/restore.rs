//! Putting back what was kept: what is new goes, what has changed or gone comes back, modes and links included.
//!
//! Doing it twice is doing it once, so that it may be cut short at any moment and begun again. Times of changes are
//! not put back: a build that believes them would take what it made of the changed files for up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, MetadataExt as _};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::Workspace;
use super::aside::Aside;
use super::beneath::{self, Beneath};
use super::keep::{KeepError, bits};
use super::record::{self, Entry};
use super::survey::{Kind, Locked, Reach, is_gone, standing, unlock};
use crate::journal::{BlobError, BlobHash, Blobs};

/// The bytes that are compared at a time.
const CHUNK: usize = 64 * 1024;

impl Workspace {
    /// Puts back what was kept and gives the number of paths that had changed. `alone` says that nobody else is
    /// writing: then folders on the way to what was written go, too, if they are new. A copy of what stood there instead
    /// is set `aside`.
    ///
    /// # Errors
    /// When the record can't be read, or the system refuses. It can be tried again.
    pub(crate) fn restore(
        &self,
        hash: &BlobHash,
        blobs: &Blobs,
        alone: bool,
        aside: Option<&mut Aside>,
    ) -> Result<usize, KeepError> {
        let unread = |error| KeepError::Blob(BlobError::io("read", &blobs.path(hash), error));
        // All of it is read and found whole before anything follows from it.
        let (places, entries) = record::read(blobs.open(hash)?).map_err(unread)?;
        let reach = Reach::new(&places)?;
        let mut restorer = Restorer {
            beneath: &self.beneath,
            entries: &entries,
            aside,
            changed: 0,
            touched: BTreeSet::new(),
        };
        restorer.folders()?;
        let found = reach.survey(&self.beneath, Locked::Opened)?;
        restorer.remove_new(&found)?;
        if alone {
            restorer.remove_unfinished(&places.paths)?;
        }
        let mut record = File::open(blobs.path(hash)).map_err(unread)?;
        restorer.contents(&mut record)?;
        for (path, _) in found.iter().rev().filter(|(_, kind)| **kind == Kind::Folder) {
            if !entries.contains_key(path) && (alone || reach.matches(path)) {
                restorer.remove_empty(path)?;
            }
        }
        restorer.modes()?;
        restorer.synchronise()?;
        Ok(restorer.changed)
    }

    /// The files where something may be written that are not what was kept of them, and those that are new.
    ///
    /// # Errors
    /// When the record can't be read, or the system refuses.
    pub(crate) fn differing(&self, hash: &BlobHash, blobs: &Blobs) -> Result<Vec<PathBuf>, KeepError> {
        let unread = |error| KeepError::Blob(BlobError::io("read", &blobs.path(hash), error));
        let (places, entries) = record::read(blobs.open(hash)?).map_err(unread)?;
        let found = Reach::new(&places)?.survey(&self.beneath, Locked::Told)?;
        let mut record = File::open(blobs.path(hash)).map_err(unread)?;
        let files = found.into_iter().filter(|(_, kind)| *kind == Kind::File);
        Ok(files
            .map(|(path, _)| path)
            .filter(|path| match entries.get(path) {
                Some(Entry::File { mode, offset, bytes }) => {
                    !is_same(&self.beneath, path, *mode, *offset, *bytes, &mut record)
                }
                _ => true,
            })
            .collect())
    }
}

struct Restorer<'a> {
    beneath: &'a Beneath,
    entries: &'a BTreeMap<PathBuf, Entry>,
    aside: Option<&'a mut Aside>,
    changed: usize,
    /// Folders in which something was changed.
    touched: BTreeSet<PathBuf>,
}

impl Restorer<'_> {
    /// Makes the folders that are missing, in place of whatever stands there, and opens those that are locked.
    fn folders(&mut self) -> Result<(), KeepError> {
        for (path, entry) in self.entries {
            let Entry::Folder { mode } = entry else {
                continue;
            };
            match standing(self.beneath, path)? {
                Some(Kind::Folder) => {
                    let (above, name) = self.place(path)?;
                    let now = self.beneath.stat(path).map_err(KeepError::io("look at", path))?;
                    if bits(now.mode()) & 0o700 != 0o700 {
                        beneath::change_mode(&above, name, mode_of(*mode | 0o700))
                            .map_err(KeepError::io("change the mode of", path))?;
                    }
                }
                other => {
                    if other.is_some() {
                        self.remove(path)?;
                    }
                    self.act("make", path, |above, name| {
                        above.create_dir_with(name, DirBuilder::new().mode(mode_of(*mode | 0o700)))
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Removes what was not there, folders excepted: others may have put something in them.
    fn remove_new(&mut self, found: &BTreeMap<PathBuf, Kind>) -> Result<(), KeepError> {
        for (path, kind) in found {
            match (kind, self.entries.get(path)) {
                (Kind::Folder, None | Some(Entry::Folder { .. }))
                | (Kind::File, Some(Entry::File { .. }))
                | (Kind::Link, Some(Entry::Link { .. }))
                | (Kind::Other, Some(Entry::Other)) => {}
                // Where no folder was, all that is in it is new.
                (Kind::Folder, Some(_)) => self.remove_all(path)?,
                _ => self.remove(path)?,
            }
        }
        Ok(())
    }

    /// Removes what an engine that died had not put in its place yet, beside the files that it wrote.
    fn remove_unfinished(&mut self, paths: &[String]) -> Result<(), KeepError> {
        let parents: BTreeSet<&Path> = paths.iter().filter_map(|path| Path::new(path).parent()).collect();
        for parent in parents {
            let listed = match self.beneath.list(parent) {
                Err(error) if is_gone(&error) => continue,
                listed => listed.map_err(KeepError::io("list", parent))?,
            };
            for (name, _) in listed {
                let process = beneath::writer_of(&name).and_then(Pid::from_raw);
                if process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH)) {
                    self.remove(&parent.join(name))?;
                }
            }
        }
        Ok(())
    }

    /// Writes the files and links that have changed or gone.
    fn contents(&mut self, record: &mut File) -> Result<(), KeepError> {
        for (path, entry) in self.entries {
            match entry {
                Entry::File { mode, offset, bytes } => {
                    if is_same(self.beneath, path, *mode, *offset, *bytes, record) {
                        continue;
                    }
                    self.set_aside(path);
                    record
                        .seek(SeekFrom::Start(*offset))
                        .map_err(KeepError::io("put back", path))?;
                    let mut content = (&mut *record).take(*bytes);
                    self.act("put back", path, |above, name| {
                        beneath::replace(above, name, &mut content, Some(mode_of(*mode)), true)
                    })?;
                }
                Entry::Link { target } => {
                    let (above, name) = self.place(path)?;
                    if above
                        .read_link_contents(name)
                        .is_ok_and(|now| now.as_os_str() == target)
                    {
                        continue;
                    }
                    if standing(self.beneath, path)?.is_some() {
                        self.remove(path)?;
                    }
                    self.act("put back", path, |above, name| {
                        above.symlink_contents(target, name)
                    })?;
                }
                Entry::Folder { .. } | Entry::Other => {}
            }
        }
        Ok(())
    }

    /// Gives folders the modes that they had, those inside first: the mode of one above may lock it.
    fn modes(&mut self) -> Result<(), KeepError> {
        for (path, entry) in self.entries.iter().rev() {
            let Entry::Folder { mode } = entry else {
                continue;
            };
            let now = self.beneath.stat(path).map_err(KeepError::io("look at", path))?;
            if bits(now.mode()) != *mode {
                self.act("change the mode of", path, |above, name| {
                    beneath::change_mode(above, name, mode_of(*mode))
                })?;
            }
        }
        Ok(())
    }

    /// Has the disk know of what was put back: the record of it goes once the run is known to have gone on.
    fn synchronise(&self) -> Result<(), KeepError> {
        for path in &self.touched {
            match self.beneath.any(path).and_then(|folder| folder.sync_all()) {
                Err(error) if !is_gone(&error) && error.kind() != io::ErrorKind::PermissionDenied => {
                    return Err(KeepError::io("synchronise", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a folder where it is empty.
    fn remove_empty(&mut self, path: &Path) -> Result<(), KeepError> {
        let removed = self.act("remove", path, |above, name| match above.remove_dir(name) {
            Err(error) if beneath::is_not_empty(&error) => Ok(()),
            removed => removed,
        });
        match removed {
            Err(KeepError::Io { source, .. }) if is_gone(&source) => Ok(()),
            removed => removed,
        }
    }

    /// Removes a folder with everything in it, without recursion and without following a link.
    fn remove_all(&mut self, path: &Path) -> Result<(), KeepError> {
        let mut folders = vec![path.to_path_buf()];
        let mut next = 0;
        while let Some(folder) = folders.get(next).cloned() {
            next += 1;
            let listed = match self.beneath.list(&folder) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    unlock(self.beneath, &folder).and_then(|()| self.beneath.list(&folder))
                }
                listed => listed,
            };
            for (name, kind) in listed.map_err(KeepError::io("list", &folder))? {
                let path = folder.join(name);
                match Kind::from(kind) {
                    Kind::Folder => folders.push(path),
                    Kind::File | Kind::Link | Kind::Other => self.remove(&path)?,
                }
            }
        }
        for folder in folders.iter().rev() {
            self.act("remove", folder, |above, name| above.remove_dir(name))?;
        }
        Ok(())
    }

    /// Removes what is no folder.
    fn remove(&mut self, path: &Path) -> Result<(), KeepError> {
        if standing(self.beneath, path)?.is_none() {
            // It went with its folder.
            return Ok(());
        }
        self.set_aside(path);
        self.act("remove", path, |above, name| above.remove_file(name))
    }

    fn set_aside(&mut self, path: &Path) {
        if let Some(aside) = &mut self.aside {
            aside.copy(self.beneath, path);
        }
    }

    /// Changes something in a folder, which is opened first where its mode forbids that.
    fn act(
        &mut self,
        doing: &'static str,
        path: &Path,
        mut change: impl FnMut(&Dir, &std::ffi::OsStr) -> io::Result<()>,
    ) -> Result<(), KeepError> {
        let (above, name) = self.place(path)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let mut done = change(&above, name);
        if matches!(&done, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
            && unlock(self.beneath, parent).is_ok()
        {
            done = change(&above, name);
        }
        done.map_err(KeepError::io(doing, path))?;
        self.changed += 1;
        self.touched.insert(parent.to_path_buf());
        Ok(())
    }

    fn place<'p>(&self, path: &'p Path) -> Result<(Dir, &'p std::ffi::OsStr), KeepError> {
        self.beneath.place(path).map_err(KeepError::io("reach", path))
    }
}

fn mode_of(mode: u64) -> u32 {
    u32::try_from(mode).unwrap_or_default()
}

/// Whether a file is what it was. One that can't be read is not.
fn is_same(beneath: &Beneath, path: &Path, mode: u64, offset: u64, bytes: u64, record: &mut File) -> bool {
    let mut same = || -> io::Result<bool> {
        let about = beneath.stat(path)?;
        if bits(about.mode()) != mode || about.len() != bytes {
            return Ok(false);
        }
        let mut file = beneath.any(path)?;
        record.seek(SeekFrom::Start(offset))?;
        let mut left = bytes;
        let (mut now, mut before) = (vec![0; CHUNK], vec![0; CHUNK]);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let (Some(now), Some(before)) = (now.get_mut(..length), before.get_mut(..length)) else {
                return Ok(false);
            };
            file.read_exact(now)?;
            record.read_exact(before)?;
            if now != before {
                return Ok(false);
            }
            left -= u64::try_from(length).unwrap_or(left);
        }
        Ok(true)
    };
    same().unwrap_or(false)
}
