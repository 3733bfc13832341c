//! What keeps a process's memory to itself.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// Locks memory past the limit (`capabilities(7)`).
const CAP_IPC_LOCK: u32 = 14;

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

/// This process gets no more address space than so many bytes, for good.
pub fn limit_address_space(bytes: u64) -> std::io::Result<()> {
    let most = rustix::process::getrlimit(Resource::As).maximum.map_or(bytes, |most| most.min(bytes));
    rustix::process::setrlimit(Resource::As, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}

/// Locks what this process has and will have, where the system allows it without a limit: with a limit, a later allocation would fail
/// and end the process.
#[must_use]
pub fn lock_memory() -> Memory {
    let unlimited = Rlimit { current: None, maximum: None };
    let allowed = match rustix::process::setrlimit(Resource::Memlock, unlimited) {
        Err(error) if !is_not_limited() => Err(error),
        _ => Ok(()),
    };
    let locked = allowed
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

/// Whether the limit does not hold for this process: it has `CAP_IPC_LOCK`, and not just in a user namespace of its own. Inside an outer
/// wall `/proc` cannot be read, and the limit is taken to hold.
fn is_not_limited() -> bool {
    let file = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let whole_machine = file("uid_map").split_whitespace().eq(["0", "0", "4294967295"]);
    let status = file("status");
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    whole_machine && capabilities & (1 << CAP_IPC_LOCK) != 0
}
