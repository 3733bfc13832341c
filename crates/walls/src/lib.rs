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
//! A parent that starts roles raises an [`OuterWall`] first. Its children stand in it, too, and raise their own inside; so it leaves
//! open what the least of them needs while it starts.
//!
//! A worker that only computes raises a [`WorkerWall`], which leaves it no file but one that was
//! opened for it, no socket, no thread and no more memory than it says.
//!
//! Trust: a wall that the kernel does not have is missing, is logged, and stands in [`Standing`], which the ready line and `doctor` show.
//! It never keeps a role from starting: an archive on an older kernel is better than none.

mod calls;
mod files;
mod memory;

use std::os::fd::RawFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use calls::CallsError;
pub use files::FilesError;
pub use memory::{Memory, limit_address_space, lock_memory, no_core_dumps};

/// What a role may still reach once the walls stand.
#[derive(Clone, Debug, Default)]
pub struct Wall {
    /// Folders that it reads and writes.
    pub folders: Vec<PathBuf>,
    /// Files and folders that it only reads.
    pub read_only: Vec<PathBuf>,
    /// TCP ports that it may connect to. Without one it makes no socket at all; with one it has to listen before the walls stand.
    pub connects_to: Vec<u16>,
    /// Children that it started before the walls stood asked for a signal at its death (`PR_SET_PDEATHSIG`): a Landlock scope around signals
    /// would hold that back. The wall around calls lets it signal nobody else either way.
    pub children_end_with_it: bool,
}

/// What a worker has that computes one answer after another: one stream, perhaps one file, one thread, and memory up to a limit. It may
/// still write on standard output and error.
#[derive(Clone, Copy, Debug)]
pub struct WorkerWall {
    /// The one descriptor that it reads and writes. Others that are open are of no use to it.
    pub stream: RawFd,
    /// A descriptor that it reads, at any place, and does not write: a file that was opened for it.
    pub file: Option<RawFd>,
    /// All the address space that it gets, its program included, in bytes. Past it an allocation fails, which ends a worker.
    pub address_space_bytes: u64,
}

/// What a parent, and everything that it starts, may still reach.
#[derive(Clone, Debug, Default)]
pub struct OuterWall {
    /// Folders in which files and sockets are read, written and made.
    pub folders: Vec<PathBuf>,
    /// Files and folders that are only read.
    pub read_only: Vec<PathBuf>,
    /// Programs that are started, and what loads them. When absent, any program with any file: the one that unseals is the site's own.
    pub programs: Option<Vec<PathBuf>>,
    /// TCP ports that are listened at. Connecting is left open.
    pub listens_at: Vec<u16>,
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
    /// As much as this kernel has: an older one knows no TCP ports or no signals. Around a parent, also: any program may start.
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
    /// The limit of memory.
    #[error("the memory of a worker cannot be limited; report this with the program's version")]
    AddressSpace(#[source] std::io::Error),
}

impl Wall {
    /// Raises the walls around the calling thread and every thread that it starts from now on. There is no way back.
    pub fn raise(&self) -> Result<Standing, WallError> {
        // files first: the second wall leaves no call to raise the first one with
        let files = files::raise(self)?;
        Ok(said(Standing { files, calls: calls::raise(self)? }))
    }
}

impl WorkerWall {
    /// Raises the walls around the calling thread. There is no way back.
    pub fn raise(&self) -> Result<Standing, WallError> {
        memory::limit_address_space(self.address_space_bytes).map_err(WallError::AddressSpace)?;
        let files = files::raise(&Wall::default())?;
        Ok(said(Standing { files, calls: calls::raise_around_computing(self)? }))
    }
}

impl OuterWall {
    /// Raises the walls around the calling thread, every thread that it starts from now on and every program that those start.
    pub fn raise(&self) -> Result<Standing, WallError> {
        let files = files::raise_around(self)?;
        Ok(said(Standing { files, calls: calls::raise_around()? }))
    }
}

/// What starting this program once more takes: its own file and what loads it.
#[must_use]
pub fn this_program() -> Vec<PathBuf> {
    let loaders = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"].map(PathBuf::from);
    let own = std::env::current_exe().into_iter();
    own.chain(loaders).filter_map(|path| path.canonicalize().ok()).collect()
}

/// Where a program that is started finds its libraries, and how names are looked up.
#[must_use]
pub fn libraries_and_names() -> Vec<PathBuf> {
    let paths = [
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/etc/ld.so.cache",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/gai.conf",
        "/etc/nsswitch.conf",
        "/etc/resolv.conf",
        "/run/systemd/resolve",
        "/etc/localtime",
        "/etc/ssl/certs",
        "/etc/pki/ca-trust/extracted",
    ];
    // where a program is told of other certificate authorities than the system's
    let told = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    paths.iter().map(PathBuf::from).chain(told).filter_map(|path| path.canonicalize().ok()).collect()
}

fn said(standing: Standing) -> Standing {
    if standing.files != State::Stands {
        tracing::warn!(state = ?standing.files, "this kernel has not all of Landlock: the wall around files is not whole");
    }
    if standing.calls != State::Stands {
        tracing::warn!("this kernel has no seccomp filters: the wall around system calls is missing");
    }
    standing
}
