//! Where the runs of a workspace are, and what they are called.
//!
//! `<workspace>/.smallcode/runs/<id>/` holds one run. `.smallcode` keeps itself out of version control.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{JournalError, disk};

/// How many ids are tried in a folder. Each has 65,536 alternatives in its second, so the second is hardly needed.
const TRIES: usize = 64;

/// The id of a run: when it was made, in UTC, and four random digits, such as `20261123-084501-7f3a`.
///
/// Ids sort by time, to the second. Any value is safe as the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Makes an id for a run that starts at `at`, in milliseconds since the Unix epoch.
    pub fn generate(at: u64) -> Self {
        // Keyed at random by the system; good enough to tell runs of one second apart.
        let random = RandomState::new().build_hasher().finish() & 0xffff;
        let (day, second) = (at / 86_400_000, at / 1000 % 86_400);
        let (year, month, day) = date(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self(format!(
            "{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{random:04x}"
        ))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The year, month and day of the `days`-th day since 1970-01-01, held at the end of the year 9999.
///
/// Howard Hinnant's `civil_from_days`: years start in March, so that the leap day comes last.
fn date(days: u64) -> (u64, u64, u64) {
    // 2,932,896 days lie between 1970-01-01 and 9999-12-31, 719,468 between 0000-03-01 and 1970-01-01.
    let days = days.min(2_932_896) + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunId {
    type Err = JournalError;

    fn from_str(text: &str) -> Result<Self, JournalError> {
        let right = text.len() == 20
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 15 => b == b'-',
                16.. => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
                _ => b.is_ascii_digit(),
            });
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(JournalError::NotARunId {
                text: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = JournalError;

    fn try_from(text: String) -> Result<Self, JournalError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// The folder that holds the runs of `workspace`.
pub fn runs_dir(workspace: &Path) -> PathBuf {
    workspace.join(".smallcode").join("runs")
}

/// The folder of one run.
pub fn run_dir(workspace: &Path, id: &RunId) -> PathBuf {
    runs_dir(workspace).join(id.as_str())
}

/// Makes the folder of a new run that starts at `at`, in milliseconds since the Unix epoch, and gives its id.
///
/// On the first run of a workspace this also writes a `.gitignore`, so that runs are not committed by mistake.
pub fn start(workspace: &Path, at: u64) -> Result<(RunId, PathBuf), JournalError> {
    let runs = runs_dir(workspace);
    disk::create_dirs(&runs).map_err(|e| JournalError::io("create", &runs, e))?;
    ignore(workspace)?;
    let mut tries = 0;
    loop {
        let id = RunId::generate(at);
        let dir = runs.join(id.as_str());
        tries += 1;
        match fs::create_dir(&dir) {
            Ok(()) => {
                disk::sync(&runs).map_err(|e| JournalError::io("synchronise", &runs, e))?;
                return Ok((id, dir));
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => {}
            Err(e) => return Err(JournalError::io("create", &dir, e)),
        }
    }
}

/// The runs of a workspace, newest first. Whatever else lies in the folder is left out.
pub fn list(workspace: &Path) -> Result<Vec<RunId>, JournalError> {
    let runs = runs_dir(workspace);
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(JournalError::io("list", &runs, e)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| JournalError::io("list", &runs, e))?;
        ids.extend(
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<RunId>().ok()),
        );
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

/// Removes a run with everything in it; refused while a process has it open.
pub fn remove(workspace: &Path, id: &RunId) -> Result<(), JournalError> {
    let dir = run_dir(workspace, id);
    let lock = super::lock::Lock::take(&dir)?;
    // Under another name first: a removal that is cut off must not leave half a run in the list.
    let doomed = runs_dir(workspace).join(format!(".removed-{id}"));
    fs::rename(&dir, &doomed).map_err(|e| JournalError::io("remove", &dir, e))?;
    fs::remove_dir_all(&doomed).map_err(|e| JournalError::io("remove", &doomed, e))?;
    drop(lock);
    Ok(())
}

/// Keeps `.smallcode` out of version control; a file that the user changed stays as it is.
fn ignore(workspace: &Path) -> Result<(), JournalError> {
    let path = workspace.join(".smallcode").join(".gitignore");
    match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            io::Write::write_all(&mut file, b"*\n").map_err(|e| JournalError::io("write", &path, e))
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(JournalError::io("create", &path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time_in_utc() {
        for (at, expect) in [
            (0, "19700101-000000-"),
            (951_782_400_000, "20000229-000000-"),
            (951_868_799_999, "20000229-235959-"),
            (1_795_423_501_123, "20261123-084501-"),
            (4_107_542_400_000, "21000301-000000-"),
            (u64::MAX, "99991231-"),
        ] {
            let id = RunId::generate(at);
            assert!(id.as_str().starts_with(expect), "{at}: {id}, not {expect}");
            assert_eq!(id.as_str().parse::<RunId>().unwrap(), id);
        }
    }

    #[test]
    fn an_id_cannot_be_a_path() {
        for text in [
            "",
            "..",
            "../20261123-084501",
            "20261123-084501-7F3A",
            "20261123-084501-7f3",
            "20261123/084501-7f3a",
            "２０２６",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
            assert!(
                serde_json::from_value::<RunId>(serde_json::json!(text)).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn runs_are_listed_newest_first_and_stay_out_of_git() {
        let workspace = tempfile::tempdir().unwrap();
        assert!(list(workspace.path()).unwrap().is_empty());
        let (old, dir) = start(workspace.path(), 1_795_423_501_123).unwrap();
        let (new, _) = start(workspace.path(), 1_795_423_502_123).unwrap();
        fs::create_dir(runs_dir(workspace.path()).join("notes")).unwrap();
        assert_eq!(list(workspace.path()).unwrap(), [new, old.clone()]);
        assert_eq!(dir, run_dir(workspace.path(), &old));
        let ignored = fs::read_to_string(workspace.path().join(".smallcode/.gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
    }
}
