//! Starts a command, or says precisely why it did not start.
//!
//! It sticks to what `std` can hand to `posix_spawn`, which costs the same however much memory we use: a process
//! group and a folder, no code of ours between fork and exec, and a program that is an absolute path when its
//! `PATH` is not ours.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::io::Errno;

use super::{MARK_VARIABLE, SpawnError, Spec, Stdin, TAG_VARIABLE, confine};

/// Where programs are looked for when there is no `PATH` at all: as in POSIX `confstr(_CS_PATH)` on Linux and macOS.
const STANDARD_PATH: &str = "/bin:/usr/bin";

/// The engine's own program, also where its file was replaced meanwhile.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts the command of `spec` with both its output streams piped.
pub(super) fn spawn(spec: &Spec) -> Result<Child, SpawnError> {
    let (program, arguments) = spec.argv.split_first().ok_or(SpawnError::Empty)?;
    check_strings(spec, program)?;
    let mut command = if let Some(confine) = spec.confine.as_ref().filter(|_| confine::offered()) {
        let file = if is_bare(program) {
            look_up(spec, program)?
        } else {
            there(spec, program)?
        };
        let mut command = Command::new(OWN_PROGRAM);
        command.args(confine.arguments(&file, program));
        command
    } else if path_changed(spec) && is_bare(program) {
        let mut command = Command::new(look_up(spec, program)?);
        command.arg0(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(&spec.cwd).process_group(0);
    if spec.clear_env {
        command.env_clear();
    }
    command.envs(spec.env.iter().map(|(name, value)| (name, value)));
    // Where nothing is set, nothing is copied: our own environment is handed on as it is.
    let inherited = || !spec.clear_env && std::env::var_os(TAG_VARIABLE).is_some_and(|own| own == *spec.tag);
    if !spec.tag.is_empty() && !inherited() {
        command.env(TAG_VARIABLE, &spec.tag);
    }
    if !spec.mark.is_empty() {
        command.env(MARK_VARIABLE, &spec.mark);
    }
    command.stdin(match &spec.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Bytes(_) => Stdio::piped(),
        Stdin::File(path) => match File::open(path) {
            Ok(file) => file.into(),
            Err(source) => {
                return Err(SpawnError::Stdin {
                    program: text(program),
                    path: path.clone(),
                    source,
                });
            }
        },
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|e| explain(spec, program, e))
}

/// Whether a failure is worth another try: the program is open for writing, as when it has just been written and
/// another thread's child has not come to its exec yet.
pub(super) fn is_busy(error: &SpawnError) -> bool {
    matches!(error, SpawnError::Os { source, .. } if source.kind() == io::ErrorKind::ExecutableFileBusy)
}

/// A string for messages.
fn text(string: &OsStr) -> String {
    string.to_string_lossy().into_owned()
}

/// Whether a program is looked up on `PATH`.
fn is_bare(program: &OsStr) -> bool {
    !program.as_bytes().contains(&b'/')
}

fn path_changed(spec: &Spec) -> bool {
    spec.clear_env || spec.env.iter().any(|(name, _)| name == "PATH")
}

/// The `PATH` that the command gets.
fn path_of(spec: &Spec) -> OsString {
    let own = || {
        if spec.clear_env {
            None
        } else {
            std::env::var_os("PATH")
        }
    };
    let set = spec
        .env
        .iter()
        .rev()
        .find(|(name, _)| name == "PATH")
        .map(|(_, path)| path.into());
    set.or_else(own).unwrap_or_else(|| STANDARD_PATH.into())
}

/// Finds a bare program on the command's own `PATH`.
fn look_up(spec: &Spec, program: &OsStr) -> Result<PathBuf, SpawnError> {
    let path = path_of(spec);
    let found = std::env::split_paths(&path)
        .map(|dir| spec.cwd.join(dir).join(program))
        .find(|file| {
            // 0o111: anyone's permission to execute; whether it is ours, exec will say.
            fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        });
    if !spec.cwd.is_dir() {
        return Err(SpawnError::NoFolder {
            program: text(program),
            path: spec.cwd.clone(),
        });
    }
    let found = found.and_then(|file| std::path::absolute(file).ok());
    found.ok_or_else(|| SpawnError::NotFound {
        program: text(program),
        path: Some(text(&path)),
    })
}

/// The file of a program that is given by its path.
fn there(spec: &Spec, program: &OsStr) -> Result<PathBuf, SpawnError> {
    let file = spec.cwd.join(Path::new(program));
    if spec.cwd.is_dir() && !file.exists() {
        return Err(SpawnError::NotFound {
            program: text(program),
            path: None,
        });
    }
    Ok(file)
}

/// Refuses what cannot be handed to a program.
fn check_strings(spec: &Spec, program: &OsStr) -> Result<(), SpawnError> {
    let nul = |place| SpawnError::Nul {
        program: text(program).replace('\0', "\\0"),
        place,
    };
    if program.is_empty() {
        return Err(SpawnError::Empty);
    }
    if let Some(at) = spec.argv.iter().position(|a| a.as_bytes().contains(&0)) {
        return Err(nul(if at == 0 {
            "the name".to_owned()
        } else {
            format!("argument {at}")
        }));
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains('=') {
            return Err(SpawnError::BadVariable { name: name.clone() });
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(nul(format!("variable {}", name.replace('\0', "\\0"))));
        }
    }
    if spec.tag.contains('\0') {
        Err(nul("the tag".to_owned()))
    } else {
        Ok(())
    }
}

/// Makes what the system said of a start into what the user can do about it.
fn explain(spec: &Spec, program: &OsStr, source: io::Error) -> SpawnError {
    let name = text(program);
    let file = (!is_bare(program)).then(|| spec.cwd.join(Path::new(program)));
    match Errno::from_io_error(&source) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) if !spec.cwd.is_dir() => SpawnError::NoFolder {
            program: name,
            path: spec.cwd.clone(),
        },
        Some(Errno::NOENT | Errno::NOTDIR) => match file {
            Some(file) if file.exists() => SpawnError::NoInterpreter { program: name },
            Some(_) => SpawnError::NotFound {
                program: name,
                path: None,
            },
            None => SpawnError::NotFound {
                program: name,
                path: Some(text(&path_of(spec))),
            },
        },
        Some(Errno::ACCESS | Errno::NOEXEC | Errno::ISDIR) => SpawnError::NotExecutable {
            program: name,
            source,
        },
        Some(Errno::TOOBIG) => {
            let arguments = spec.argv.iter().map(|a| a.len() + 1).sum::<usize>();
            let variables = spec.env.iter().map(|(n, v)| n.len() + v.len() + 2).sum::<usize>();
            SpawnError::TooLong {
                program: name,
                bytes: arguments + variables,
            }
        }
        _ => SpawnError::Os {
            program: name,
            source,
        },
    }
}
