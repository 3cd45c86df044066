//! What a command may touch, where a model has chosen it: the files of the workspace and the programs of the system to
//! read, the folders that it was given and that for temporary files to write, and no network. Landlock and seccomp see to it,
//! where Linux offers them.
//!
//! A process can only confine itself. So the engine's own program is started in the place of the command, with
//! [`HELPER`] as its first argument and the limits after it; [`enter`] puts them on itself and becomes the command.
//! They hold for all that it starts, and nothing takes them off again.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
#[path = "confine/keep.rs"]
mod keep;
#[cfg(target_os = "linux")]
#[path = "confine/landlock.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "confine/none.rs"]
mod system;

pub use self::system::{enter, offered};

/// The first argument of the engine's program that makes it a confined command. It is no command for people.
pub const HELPER: &str = "__confine";

/// The exit code of a command that could not be confined or started, as shells have it for one that can't be run.
pub const NOT_STARTED: u8 = 126;

/// What every program needs to read: libraries, certificates, time zones, devices, facts of the system.
const SYSTEM: [&str; 15] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/nix",
    "/snap",
    "/proc",
    "/sys",
    "/dev",
    "/run/systemd/resolve",
    "/var/lib/dpkg",
];

/// Devices that hold nothing.
const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
];

/// Toolchains, and what they have fetched, in the folder of a user. Not the folders around them: keys lie beside.
const OF_USER: [&str; 24] = [
    ".cargo/bin",
    ".cargo/env",
    ".cargo/config.toml",
    ".cargo/registry",
    ".cargo/git",
    ".rustup",
    ".nvm",
    ".fnm",
    ".volta",
    ".bun",
    ".deno",
    ".pyenv",
    ".rbenv",
    ".sdkman",
    ".asdf",
    ".local/bin",
    ".local/lib",
    ".local/share/uv",
    ".local/share/pnpm",
    ".local/share/mise",
    "go",
    "sdk",
    ".gitconfig",
    ".config/git/config",
];

/// Variables that name toolchains elsewhere, and those that name where builds are kept.
const TOOLCHAINS: [&str; 8] = [
    "RUSTUP_HOME",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PNPM_HOME",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
];
const BUILDS: [&str; 2] = ["CARGO_TARGET_DIR", "GOCACHE"];

/// What Cargo has fetched, in its own folder: its keys lie beside.
const OF_CARGO: [&str; 4] = ["bin", "registry", "git", "config.toml"];

/// The limits of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confine {
    /// Files and folders that may be read, and run, with all that is below them. What is not there is left out.
    pub read: Vec<PathBuf>,
    /// Files and folders that may be changed as well.
    pub write: Vec<PathBuf>,
    /// Of those, the files and folders directly in one of them that stay as they are.
    pub keep: Vec<PathBuf>,
    /// Whether sockets may be made.
    pub network: bool,
}

impl Confine {
    /// The limits of a command that a model chose: it may read the workspace and what programs need, and change `write`
    /// but for `keep`, and the folder for temporary files. `environment` is what the command gets: its `PATH` and `HOME` name toolchains.
    pub fn to_workspace(
        workspace: &Path,
        write: &[PathBuf],
        keep: &[PathBuf],
        environment: &BTreeMap<String, String>,
        network: bool,
    ) -> Self {
        let home = environment.get("HOME").map(PathBuf::from);
        let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        read.push(workspace.to_path_buf());
        if let Some(home) = home.as_deref().filter(|home| home.is_absolute()) {
            read.extend(OF_USER.iter().map(|path| home.join(path)));
        }
        let named = |name: &&str| {
            let path = environment.get(*name).map(PathBuf::from);
            path.filter(|path| path.is_absolute() && path.parent().is_some())
        };
        read.extend(TOOLCHAINS.iter().filter_map(named));
        if let Some(cargo) = named(&"CARGO_HOME") {
            read.extend(OF_CARGO.iter().map(|part| cargo.join(part)));
        }
        let path = environment.get("PATH").map(OsStr::new).unwrap_or_default();
        for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
            // What a program needs lies beside its `bin`, unless that is where a user keeps everything.
            let beside = folder.parent().filter(|_| folder.ends_with("bin"));
            let beside = beside.filter(|beside| {
                let in_home = |part: &str| home.as_ref().is_some_and(|home| *beside == home.join(part));
                beside.parent().is_some() && !["", ".cargo", ".local"].iter().any(|part| in_home(part))
            });
            read.extend(beside.map(Path::to_path_buf));
            read.push(folder);
        }
        let temporary = environment
            .get("TMPDIR")
            .map_or_else(std::env::temp_dir, PathBuf::from);
        let devices = DEVICES.iter().map(PathBuf::from);
        Self {
            read,
            write: devices
                .chain(BUILDS.iter().filter_map(named))
                .chain(write.iter().cloned())
                .chain([temporary])
                .collect(),
            keep: keep.to_vec(),
            network,
        }
    }

    /// The arguments of the engine's program that make it `program`, called by the name `called`.
    pub(super) fn arguments(&self, program: &Path, called: &OsStr) -> Vec<OsString> {
        let mut arguments = vec![OsString::from(HELPER)];
        let of = |flag: &'static str, paths: &[PathBuf]| -> Vec<OsString> {
            let pairs = paths.iter();
            pairs
                .flat_map(|path| [flag.into(), path.clone().into_os_string()])
                .collect()
        };
        arguments.extend(of("read", &self.read));
        arguments.extend(of("write", &self.write));
        arguments.extend(of("keep", &self.keep));
        if self.network {
            arguments.push("network".into());
        }
        arguments.extend(["run".into(), program.into(), called.to_owned()]);
        arguments
    }

    /// Reads them back: the limits, the program, its name and its arguments.
    #[cfg(target_os = "linux")]
    fn read_back(arguments: impl IntoIterator<Item = OsString>) -> Option<(Self, Vec<OsString>)> {
        let mut confine = Self::default();
        let mut arguments = arguments.into_iter();
        loop {
            match arguments.next()?.to_str()? {
                "read" => confine.read.push(arguments.next()?.into()),
                "write" => confine.write.push(arguments.next()?.into()),
                "keep" => confine.keep.push(arguments.next()?.into()),
                "network" => confine.network = true,
                "run" => return Some((confine, arguments.collect())),
                _ => return None,
            }
        }
    }
}

/// A command could not be confined, or not be started then.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The arguments are not those that the engine makes.
    #[error("`{HELPER}` is how smallcode starts commands of a model; it is no command for people")]
    NotOurs,
    /// The system refused to put the limits on.
    #[error("the command could not be confined: {reason}")]
    NotConfined {
        /// What it said.
        reason: String,
    },
    /// The program did not start.
    #[error("could not start `{program}`: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn keys_beside_toolchains_are_left_out() {
        let environment = [
            ("HOME", "/home/u"),
            (
                "PATH",
                "/home/u/.cargo/bin:/home/u/.nvm/v20/bin:/home/u/bin:bin:/usr/bin",
            ),
            ("TMPDIR", "/scratch"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let confine = Confine::to_workspace(
            Path::new("/w"),
            &["/w/src".into()],
            &[],
            &environment.into(),
            false,
        );
        let reads = |path: &str| confine.read.iter().any(|read| Path::new(path).starts_with(read));
        for path in [
            "/home/u/.nvm/v20/lib/x",
            "/home/u/.cargo/bin/cargo",
            "/home/u/bin/x",
            "/usr/lib/x",
        ] {
            assert!(reads(path), "{path}");
        }
        for path in [
            "/home/u/.ssh/id",
            "/home/u/.cargo/credentials.toml",
            "/home/u/.npmrc",
            "/root/x",
            "bin/x",
        ] {
            assert!(!reads(path), "{path}");
        }
        assert!(reads("/w/README.md"));
        assert!(confine.write.ends_with(&["/w/src".into(), "/scratch".into()]));
    }

    #[test]
    fn the_limits_are_read_back_as_they_were() {
        let confine = Confine {
            read: vec!["/usr".into(), "run".into()],
            write: vec!["/w x".into()],
            keep: vec!["/w x/.git".into()],
            network: true,
        };
        let mut arguments = confine.arguments(Path::new("/bin/sh"), OsStr::new("sh"));
        assert_eq!(arguments.remove(0), HELPER);
        arguments.extend(["-c".into(), "read".into()]);
        let words: Vec<OsString> = ["/bin/sh", "sh", "-c", "read"].map(OsString::from).into();
        assert_eq!(Confine::read_back(arguments), Some((confine, words)));
        for bad in [vec!["read"], vec!["--help"], vec!["read", "/usr"]] {
            assert_eq!(Confine::read_back(bad.into_iter().map(OsString::from)), None);
        }
    }
}
