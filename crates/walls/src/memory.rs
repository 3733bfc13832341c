//! What keeps a process's memory to itself.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// Whether memory may end on a swap device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// It is locked: never written to a swap device.
    Locked,
    /// The system does not allow locking as much as a role may need, so nothing is locked.
    Swappable,
}

/// No core dump, and no other process of the same user looks into this one: `/proc/PID/mem` and ptrace answer root alone.
pub fn no_core_dumps() -> std::io::Result<()> {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, nothing)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Locks what this process has and will have, where the system allows it without a limit: with a limit, a later allocation would fail
/// and end the process.
#[must_use]
pub fn lock_memory() -> Memory {
    let unlimited = Rlimit { current: None, maximum: None };
    let locked = rustix::process::setrlimit(Resource::Memlock, unlimited)
        // pages are locked when they are first touched, so that stacks and reserves do not count as used
        .and_then(|()| rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT));
    match locked {
        Ok(()) => Memory::Locked,
        Err(error) => {
            tracing::warn!(%error, "memory is not locked: give the service LimitMEMLOCK=infinity, or encrypt the swap device");
            Memory::Swappable
        }
    }
}
