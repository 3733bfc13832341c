//! What can go wrong, an enum per operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why a store does not open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is in use by another process; stop that one first")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("{path} was written by a later version of leadglass (format {version}); use that version")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// A file is not what it should be, at a place that no crash explains.
    #[error(
        "{path} is damaged at byte {offset}, where no crash explains it; run `leadglass vault restore` into an empty folder, or ask for help before changing anything"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// A volume that rows point to is gone or shorter than it was.
    #[error(
        "volume {volume} is missing or shorter than it was; put it back, or run `leadglass vault restore` into an empty folder"
    )]
    VolumeShort {
        /// Its number.
        volume: u32,
    },
    /// The outbox does not continue where the volumes say it stands.
    #[error(
        "the outbox does not continue after record {expected}; put the files of front/outbox back, or run `leadglass vault restore` into an empty folder"
    )]
    OutboxGap {
        /// The last record that is known.
        expected: u64,
    },
    /// The disk refused.
    #[error(
        "{path} cannot be opened or written; check that the disk has room and that the folder belongs to this user"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// SQLite refused.
    #[error(
        "front.db cannot be opened; if it is damaged, move it away and start again: it is rebuilt from the volumes"
    )]
    Rows(#[source] rusqlite::Error),
}

/// Why a group, a chunk or an acknowledgement was refused. Nothing of it is stored, and the store stays usable.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room.
    #[error("the disk is full, so this was not stored; free some space and send it again")]
    Full(#[source] Arc<io::Error>),
    /// The disk refused.
    #[error("the disk refused to store this; look at the system's log for disk errors, then send it again")]
    Io(#[source] Arc<io::Error>),
    /// The group is past a limit.
    #[error("this group is larger than the store takes ({limit}); send it in smaller parts")]
    TooLarge {
        /// Which limit, with its unit.
        limit: &'static str,
    },
    /// The outbox cannot continue elsewhere while records wait.
    #[error("{waiting} records wait for the warden; hand them over first")]
    StillWaiting {
        /// How many.
        waiting: u64,
    },
    /// An acknowledgement names records that are not there.
    #[error(
        "record {up_to} was acknowledged, but the outbox ends at {last}; front and warden do not belong together, or the front was restored from an older copy"
    )]
    NotInOutbox {
        /// What was acknowledged.
        up_to: u64,
        /// The last record.
        last: u64,
    },
    /// The store is being closed.
    #[error("the store is closing; send it again when leadglass runs again")]
    Stopped,
}

/// Why bytes or rows cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The place is not in any volume.
    #[error(
        "bytes {offset} to {end} of volume {volume} are not there; the volume is missing or shorter than it was: put it back, or restore from the vault"
    )]
    NotThere {
        /// The volume.
        volume: u32,
        /// First byte.
        offset: u64,
        /// Behind the last byte.
        end: u64,
    },
    /// A range reaches past its object.
    #[error("the range ends behind the object; ask for bytes below {length}")]
    Range {
        /// The object's length.
        length: u64,
    },
    /// An outbox record does not verify any more.
    #[error("outbox record {sequence} is damaged on disk; restore from the vault")]
    OutboxDamaged {
        /// The record.
        sequence: u64,
    },
    /// As above, where the number cannot be read any more.
    #[error("the outbox record at byte {offset} of journal {journal} is damaged on disk; restore from the vault")]
    OutboxRecordDamaged {
        /// The journal's number.
        journal: u32,
        /// Where.
        offset: u64,
    },
    /// The disk refused.
    #[error("the disk refused to read; look at the system's log for disk errors")]
    Io(#[from] io::Error),
    /// SQLite refused.
    #[error("front.db refused to answer; look at the system's log for disk errors")]
    Rows(#[from] rusqlite::Error),
}

/// Why no snapshot was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The outbox cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The target refused.
    #[error("{path} cannot be written; check that the vault has room and belongs to this user")]
    Target {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What a snapshot left is not a list of files.
    #[error("{path} is not a list that a snapshot wrote; make the snapshot again")]
    List {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("front.db cannot be copied; look at the system's log for disk errors")]
    Rows(#[source] rusqlite::Error),
}

impl StoreError {
    /// Who is at fault for an error of the disk: a full one is for the administrator to empty.
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(Arc::new(error))
            }
            _ => Self::Io(Arc::new(error)),
        }
    }
}
