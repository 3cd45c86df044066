//! What a compilation does to a folder that it may have written to before: decided here, done by whoever calls.
//!
//! Goes in: the [`Project`], the record of what the last compilation wrote, and what stands in the folder now. Comes
//! out: what to write, what to remove, what stays as it is, and what is in the way. Nothing that somebody has edited is
//! overwritten or removed unless they say so.

use std::collections::BTreeMap;

use crate::emit::{Owner, Project};

/// A file that a compilation wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The hash of what was written, or of what was found there of the user's.
    pub hash: String,
    /// Whose it is.
    pub owner: Owner,
    /// Of a file of the user's, the hash of what was written there at first, where that is known.
    pub first: Option<String>,
}

/// The files of the last compilation, by path.
pub type Manifest = BTreeMap<String, Written>;

/// What stands at a path now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// A plain file with this hash.
    File(String),
    /// A symbolic link, a folder, or whatever else is no plain file.
    Other,
}

/// What is to be done to a folder. Nothing of it may be done while anything is [refused](Changes::refused).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files to write, as indexes into the project's.
    pub write: Vec<usize>,
    /// Files to remove: generated once, no longer, and not edited.
    pub remove: Vec<String>,
    /// What stays although the project no longer has it, or has it otherwise.
    pub kept: Vec<Kept>,
    /// What is in the way.
    pub refused: Vec<Refused>,
    /// The record of this compilation, to be written last.
    pub manifest: Manifest,
}

/// Something that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: KeptWhy,
}

/// Why something stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptWhy {
    /// It was generated once, is edited, and nothing generates it any more.
    EditedAndGone,
    /// It is the user's, and nothing in the program asks for it any more.
    NoLongerUsed,
}

impl KeptWhy {
    /// In words that follow the path.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::EditedAndGone => "is edited and no longer generated; it is yours now",
            Self::NoLongerUsed => {
                "is yours, and the program no longer uses it: remove it once you need nothing of it"
            }
        }
    }
}

/// Something that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: RefusedWhy,
}

/// Why something is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedWhy {
    /// It was generated and somebody has edited it since.
    Edited,
    /// It is there, and no compilation wrote it.
    Foreign,
    /// It is no plain file.
    NoFile,
}

impl RefusedWhy {
    /// In words that follow the path.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Edited => "was edited since it was generated",
            Self::Foreign => "is there, and was not generated",
            Self::NoFile => "is a link or a folder",
        }
    }

    /// Whether overwriting it can be asked for.
    pub fn may_be_forced(self) -> bool {
        self != Self::NoFile
    }
}

/// Decides. `hashes` are those of the project's files, in their order; `standing` tells what stands at a path; with
/// `force`, what was edited is overwritten.
pub fn changes(
    project: &Project,
    hashes: &[String],
    last: &Manifest,
    standing: &dyn Fn(&str) -> Standing,
    force: bool,
) -> Changes {
    let mut changes = Changes::default();
    for (index, (file, hash)) in project.files.iter().zip(hashes).enumerate() {
        let before = last.get(&file.path);
        let stands = standing(&file.path);
        let decision = match file.owner {
            Owner::Generated => generated(&stands, before, hash, force),
            Owner::User | Owner::Migration => yours(&stands),
        };
        let hash = match (decision, stands) {
            (Decision::Write, _) => {
                changes.write.push(index);
                hash.clone()
            }
            (Decision::Stay, Standing::File(there)) => there,
            // A link of the user's in the place of a file of theirs.
            (Decision::Stay, _) => continue,
            (Decision::Refuse(why), _) => {
                let path = file.path.clone();
                changes.refused.push(Refused { path, why });
                continue;
            }
        };
        let owner = file.owner;
        let first = match owner {
            Owner::User if changes.write.last() == Some(&index) => Some(hash.clone()),
            Owner::User => before.and_then(|before| before.first.clone()),
            Owner::Generated | Owner::Migration => None,
        };
        changes
            .manifest
            .insert(file.path.clone(), Written { hash, owner, first });
    }
    let made: std::collections::HashSet<&str> = project.files.iter().map(|file| file.path.as_str()).collect();
    for (path, written) in last {
        if !made.contains(path.as_str()) {
            changes.gone(path, written, &standing(path));
        }
    }
    changes
}

impl Changes {
    /// A file that an earlier compilation wrote and this one does not have.
    fn gone(&mut self, path: &str, written: &Written, stands: &Standing) {
        let why = match (written.owner, stands) {
            // Databases have run it: it stays, and stays known.
            (Owner::Migration, _) => {
                self.manifest.insert(path.to_owned(), written.clone());
                return;
            }
            (_, Standing::Nothing) => return,
            (Owner::Generated, Standing::File(hash)) if *hash == written.hash => return self.remove(path),
            // What the user was left to write, and has not written.
            (Owner::User, Standing::File(hash)) if written.first.as_ref() == Some(hash) => {
                return self.remove(path);
            }
            (Owner::User, _) => KeptWhy::NoLongerUsed,
            (Owner::Generated, _) => KeptWhy::EditedAndGone,
        };
        let path = path.to_owned();
        self.kept.push(Kept { path, why });
    }

    fn remove(&mut self, path: &str) {
        self.remove.push(path.to_owned());
    }

    /// Whether the folder is as the program says already.
    pub fn is_nothing(&self) -> bool {
        self.write.is_empty() && self.remove.is_empty()
    }
}

/// The folder of a system, where a file has several: `plant-shop` for `PlantShop`.
pub fn folder_of(system: &str) -> String {
    crate::check::snake(system).replace('_', "-")
}

#[derive(Clone, Copy)]
enum Decision {
    Write,
    Stay,
    Refuse(RefusedWhy),
}

fn generated(stands: &Standing, before: Option<&Written>, hash: &str, force: bool) -> Decision {
    match stands {
        Standing::Nothing => Decision::Write,
        Standing::Other => Decision::Refuse(RefusedWhy::NoFile),
        Standing::File(there) if there == hash => Decision::Stay,
        Standing::File(_) if force => Decision::Write,
        Standing::File(there) => match before {
            Some(written) if written.hash == *there => Decision::Write,
            Some(written) if written.owner == Owner::Generated => Decision::Refuse(RefusedWhy::Edited),
            _ => Decision::Refuse(RefusedWhy::Foreign),
        },
    }
}

/// What is the user's, and what databases have run, is written where it is missing and never again.
fn yours(stands: &Standing) -> Decision {
    match stands {
        Standing::Nothing => Decision::Write,
        Standing::File(_) | Standing::Other => Decision::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::File;

    /// A folder: path to content, which is its own hash; `->` is a link.
    type Folder<'a> = &'a [(&'a str, &'a str)];

    fn decide(
        project: &[(&str, &str, Owner)],
        last: &[(&str, &str, Owner)],
        folder: Folder<'_>,
        force: bool,
    ) -> Changes {
        let project = Project {
            files: project
                .iter()
                .map(|(path, text, owner)| File {
                    path: (*path).to_owned(),
                    text: (*text).to_owned(),
                    owner: *owner,
                })
                .collect(),
        };
        let hashes: Vec<String> = project.files.iter().map(|file| file.text.clone()).collect();
        let last = last
            .iter()
            .map(|(path, hash, owner)| {
                let hash = (*hash).to_owned();
                let first = None;
                (
                    (*path).to_owned(),
                    Written {
                        hash,
                        owner: *owner,
                        first,
                    },
                )
            })
            .collect();
        let standing = |path: &str| match folder.iter().find(|(there, _)| *there == path) {
            None => Standing::Nothing,
            Some((_, "->")) => Standing::Other,
            Some((_, text)) => Standing::File((*text).to_owned()),
        };
        changes(&project, &hashes, &last, &standing, force)
    }

    use Owner::{Generated, Migration, User};

    #[test]
    fn an_empty_folder_gets_everything() {
        let found = decide(
            &[("a", "1", Generated), ("b", "1", User), ("c", "1", Migration)],
            &[],
            &[],
            false,
        );
        assert_eq!(found.write, [0, 1, 2]);
        assert_eq!(found.manifest.len(), 3);
    }

    #[test]
    fn what_is_as_it_should_be_is_not_written() {
        let found = decide(
            &[("a", "1", Generated)],
            &[("a", "1", Generated)],
            &[("a", "1")],
            false,
        );
        assert!(found.is_nothing());
        assert_eq!(found.manifest["a"].hash, "1");
        // Even if nobody knows who wrote it: nothing would change.
        assert!(decide(&[("a", "1", Generated)], &[], &[("a", "1")], false).is_nothing());
    }

    #[test]
    fn a_generated_file_is_written_again_unless_it_was_edited() {
        let project = [("a", "2", Generated)];
        let last = [("a", "1", Generated)];
        assert_eq!(decide(&project, &last, &[("a", "1")], false).write, [0]);
        assert_eq!(decide(&project, &last, &[], false).write, [0], "it was removed");
        let edited = decide(&project, &last, &[("a", "mine")], false);
        assert_eq!(edited.refused[0].why, RefusedWhy::Edited);
        assert!(edited.write.is_empty());
        assert_eq!(decide(&project, &last, &[("a", "mine")], true).write, [0]);
    }

    #[test]
    fn what_nobody_generated_is_in_the_way_and_a_link_is_so_always() {
        let project = [("a", "2", Generated)];
        assert_eq!(
            decide(&project, &[], &[("a", "mine")], false).refused[0].why,
            RefusedWhy::Foreign
        );
        for force in [false, true] {
            let found = decide(&project, &[("a", "1", Generated)], &[("a", "->")], force);
            assert_eq!(found.refused[0].why, RefusedWhy::NoFile);
        }
    }

    #[test]
    fn what_is_the_users_is_written_once() {
        let project = [("a", "2", User)];
        for force in [false, true] {
            let found = decide(&project, &[("a", "1", User)], &[("a", "mine")], force);
            assert!(found.is_nothing() && found.refused.is_empty());
            assert_eq!(found.manifest["a"].hash, "mine");
        }
        assert!(decide(&project, &[], &[("a", "->")], false).is_nothing());
        let unused = decide(&[], &[("a", "1", User)], &[("a", "1")], true);
        assert_eq!(
            (unused.remove.len(), unused.kept[0].why),
            (0, KeptWhy::NoLongerUsed)
        );
    }

    #[test]
    fn what_the_user_was_left_to_write_and_has_not_written_goes_with_its_use() {
        let written = decide(&[("a", "1", User)], &[], &[], false);
        let nothing = Project { files: Vec::new() };
        let gone = |stands: &str| {
            let standing = |_: &str| Standing::File(stands.to_owned());
            changes(&nothing, &[], &written.manifest, &standing, false)
        };
        assert_eq!(gone("1").remove, ["a"]);
        assert_eq!(gone("mine").kept[0].why, KeptWhy::NoLongerUsed);
        // It is known however often it was compiled since.
        let again = {
            let project = Project {
                files: vec![File {
                    path: "a".to_owned(),
                    text: "1".to_owned(),
                    owner: User,
                }],
            };
            let standing = |_: &str| Standing::File("mine".to_owned());
            changes(&project, &["1".to_owned()], &written.manifest, &standing, false)
        };
        assert_eq!(again.manifest["a"].first.as_deref(), Some("1"));
    }

    #[test]
    fn migrations_are_only_added() {
        let project = [("1", "one", Migration), ("2", "two", Migration)];
        let found = decide(&project, &[("1", "one", Migration)], &[("1", "edited")], true);
        assert_eq!(found.write, [1]);
        let found = decide(
            &[("2", "two", Migration)],
            &[("1", "one", Migration)],
            &[("1", "one")],
            false,
        );
        assert_eq!((found.write.len(), found.remove.len()), (1, 0));
        assert!(found.manifest.contains_key("1"), "it stays known");
    }

    #[test]
    fn what_is_no_longer_generated_goes_unless_it_was_edited() {
        let last = [
            ("a", "1", Generated),
            ("b", "1", Generated),
            ("c", "1", Generated),
        ];
        let found = decide(&[], &last, &[("a", "1"), ("b", "mine")], false);
        assert_eq!(found.remove, ["a"]);
        assert_eq!(
            (found.kept[0].path.as_str(), found.kept[0].why),
            ("b", KeptWhy::EditedAndGone)
        );
        assert!(found.manifest.is_empty());
    }
}
