//! The walls around a process: what it may still do after it has opened what it needs and before it reads anything from outside.
//!
//! A role binds its sockets and opens its files first, calls [`Wall::raise`] while it has a single thread, and only then reads. From
//! there on, whoever takes the process over has what the role has and nothing else:
//!
//! | wall | made of | refuses |
//! |---|---|---|
//! | files | Landlock | every file outside of the named folders, every program file, binding and connecting TCP ports, signals to others |
//! | calls | seccomp | new sockets (Unix ones above all), new programs, new processes, looking into others, new executable memory |
//! | memory | `mlockall` | key material on a swap device |
//!
//! Trust: a wall that the kernel does not have is missing, is logged, and stands in [`Standing`], which the ready line and `doctor` show.
//! It never keeps a role from starting: an archive on an older kernel is better than none.

mod calls;
mod files;
mod memory;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use calls::CallsError;
pub use files::FilesError;
pub use memory::{Memory, lock_memory, no_core_dumps};

/// What a role may still reach once the walls stand.
#[derive(Clone, Debug, Default)]
pub struct Wall {
    /// Folders that it reads and writes.
    pub folders: Vec<PathBuf>,
    /// Files and folders that it only reads.
    pub read_only: Vec<PathBuf>,
    /// TCP ports that it may connect to. Without one it makes no socket at all.
    pub connects_to: Vec<u16>,
}

/// Which walls stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Around files.
    pub files: State,
    /// Around system calls.
    pub calls: State,
}

/// Whether a wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of it.
    Stands,
    /// As much as this kernel has: an older one knows no TCP ports or no signals.
    Partly,
    /// This kernel does not have it.
    Absent,
}

/// A wall was planned wrongly.
#[derive(Debug, Error)]
pub enum WallError {
    /// The wall around files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The wall around system calls.
    #[error(transparent)]
    Calls(#[from] CallsError),
}

impl Wall {
    /// Raises the walls around the calling thread and every thread that it starts from now on. There is no way back.
    pub fn raise(&self) -> Result<Standing, WallError> {
        // files first: the second wall leaves no call to raise the first one with
        let files = files::raise(self)?;
        let calls = calls::raise(self)?;
        let standing = Standing { files, calls };
        if standing.files != State::Stands {
            tracing::warn!(state = ?files, "this kernel has not all of Landlock: the wall around files is not whole");
        }
        if standing.calls != State::Stands {
            tracing::warn!("this kernel has no seccomp filters: the wall around system calls is missing");
        }
        Ok(standing)
    }
}
