//! The limits as Linux puts them on: Landlock for files, TCP, signals and abstract sockets, seccomp for all other
//! sockets, which Landlock does not know.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use rustix::thread::{
    CapabilitySet, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{Confine, ConfineError, keep};

/// What is asked of Landlock: all that it could deny when this was written. Kernels that know less deny less, but for
/// what the first version could.
const ASKED: ABI = ABI::V6;

/// What types into a terminal: a character, and what is marked on the screen of a console (asm-generic/ioctls.h).
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// Whether this system confines commands at all: Linux from 5.13 on, where Landlock is switched on.
pub fn offered() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}

/// Puts the limits that `arguments` name on this process, and becomes the command that they name. It is called first
/// thing in `main`, before there are threads: they would not be confined.
///
/// # Errors
/// When it could not; else it does not come back.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> Result<Infallible, ConfineError> {
    let (mut confine, words) = Confine::read_back(arguments).ok_or(ConfineError::NotOurs)?;
    let [program, called, arguments @ ..] = words.as_slice() else {
        return Err(ConfineError::NotOurs);
    };
    let refused = |reason: String| ConfineError::NotConfined { reason };
    keep::keep(&mut confine).map_err(|error| refused(error.to_string()))?;
    forgo().map_err(|error| refused(error.to_string()))?;
    limit(&confine).map_err(|error| refused(error.to_string()))?;
    let filter = refused_calls(confine.network).map_err(|error| refused(error.to_string()))?;
    seccompiler::apply_filter(&filter).map_err(|error| refused(error.to_string()))?;
    let source = Command::new(program).arg0(called).args(arguments).exec();
    Err(ConfineError::NotStarted {
        program: called.to_string_lossy().into_owned(),
        source,
    })
}

/// Gives up, also for all that it starts, what lets a privileged user look into processes whatever Landlock says: Linux
/// shows their memory and environment, in which keys are, to whoever has one of these.
fn forgo() -> rustix::io::Result<()> {
    let given_up = CapabilitySet::SYS_PTRACE | CapabilitySet::SYS_ADMIN | CapabilitySet::PERFMON;
    let mut own = capabilities(None)?;
    if !own.permitted.intersects(given_up) {
        return Ok(());
    }
    for capability in given_up {
        if capability_is_in_bounding_set(capability)? {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    for set in [&mut own.effective, &mut own.permitted, &mut own.inheritable] {
        set.remove(given_up);
    }
    set_capabilities(None, own)
}

fn limit(confine: &Confine) -> Result<(), RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?;
    if !confine.network {
        rules = rules.handle_access(AccessNet::from_all(ASKED))?;
    }
    rules
        .create()?
        .add_rules(path_beneath_rules(&confine.read, AccessFs::from_read(ASKED)))?
        .add_rules(path_beneath_rules(&confine.write, AccessFs::from_all(ASKED)))?
        .restrict_self()?;
    Ok(())
}

/// Refuses what puts words into a terminal as if they had been typed there (`ioctl_tty(2)`), and, without a network, every
/// socket, and the way around that call. Pairs of sockets, by which programs talk to their own children, stay. A socket
/// of the file system could reach a service that acts for the user, such as that of Docker.
fn refused_calls(network: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let errno = u32::try_from(libc::EACCES).unwrap_or_default();
    let typed = |request: u64| {
        // The kernel looks at the lower half of a request only.
        let is_it = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)?;
        SeccompRule::new(vec![is_it])
    };
    let mut rules = BTreeMap::from([(libc::SYS_ioctl, vec![typed(TIOCSTI)?, typed(TIOCLINUX)?])]);
    if !network {
        rules.extend([libc::SYS_socket, libc::SYS_io_uring_setup].map(|call| (call, Vec::new())));
    }
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
