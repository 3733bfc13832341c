//! What can go wrong, an enum per operation.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Damage, SourceError};

/// Why no vault was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitError {
    /// The vault would die with what it is a copy of.
    #[error(
        "{vault} lies on the same filesystem as {dir}, so one failing disk takes both; choose a folder on another filesystem, or allow it for a rehearsal"
    )]
    SameFilesystem {
        /// The vault.
        vault: PathBuf,
        /// The installation.
        dir: PathBuf,
    },
    /// One lies inside the other.
    #[error("{vault} and {dir} lie inside each other; choose a folder apart from the installation")]
    Inside {
        /// The vault.
        vault: PathBuf,
        /// The installation.
        dir: PathBuf,
    },
    /// There is something else.
    #[error("{vault} is not empty; choose an empty folder")]
    NotEmpty {
        /// The folder.
        vault: PathBuf,
    },
    /// The disk refused.
    #[error("{path} cannot be written; check that the folder exists, has room and belongs to this user")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a folder is not used as a vault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenVaultError {
    /// No marker.
    #[error("{vault} is not a vault; make one with `leadglass vault init {vault}`")]
    NotAVault {
        /// The folder.
        vault: PathBuf,
    },
    /// A later version made it.
    #[error("{vault} was made by a later version of leadglass (format {version}); use that version")]
    Version {
        /// The folder.
        vault: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// The disk refused.
    #[error("{path} cannot be read; check that the vault's disk is there and belongs to this user")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a manifest is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Its bytes are not those that its name says.
    #[error(
        "the manifest of generation {generation} is damaged; run `leadglass vault verify`, and restore an older generation if you must"
    )]
    Damaged {
        /// The generation.
        generation: u64,
    },
    /// A later version wrote it.
    #[error("generation {generation} was written by a later version of leadglass (format {version}); use that version")]
    Version {
        /// The generation.
        generation: u64,
        /// Its format version.
        version: u32,
    },
    /// There is none.
    #[error("the vault holds nothing yet; run `leadglass vault sync` first")]
    Empty,
    /// There is no such one.
    #[error("the vault does not hold generation {generation} any more; choose one that `leadglass vault verify` lists")]
    Unknown {
        /// The generation.
        generation: u64,
    },
    /// The disk refused.
    #[error("{path} cannot be read; check the vault's disk")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a sync ended before its time. The generations that are in the vault stay as they are; a further sync goes on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Somebody else writes to it.
    #[error("another sync writes to {vault}; wait for it to end")]
    Busy {
        /// The vault.
        vault: PathBuf,
    },
    /// The newest manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Front or warden did not give a snapshot.
    #[error("{who} did not give a snapshot; see the reason, and run the sync again")]
    Source {
        /// `the front` or `the warden`.
        who: &'static str,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The front's snapshot is not one.
    #[error("the front's snapshot cannot be used; run the sync again")]
    Snapshot(#[source] store::SnapshotError),
    /// A volume is shorter than its copy.
    #[error(
        "{name} is shorter than its copy in the vault; nothing was changed there: find out why before anything else, and restore from the vault if the installation was damaged"
    )]
    Shorter {
        /// The volume.
        name: String,
    },
    /// A volume is another one than its copy.
    #[error(
        "{name} differs from its copy in the vault; nothing was changed there: if this installation was restored from an older generation, make a new vault, otherwise restore from this one"
    )]
    Diverged {
        /// The volume.
        name: String,
    },
    /// The copy is not what the manifest says.
    #[error("the vault's copy of {name} is damaged; run `leadglass vault verify`, and make a new vault on a good disk")]
    VaultDamaged {
        /// The volume.
        name: String,
    },
    /// The ledger changed all the time.
    #[error(
        "the ledger's files changed all the time while they were copied; run the sync again when there is less to do"
    )]
    LedgerRestless,
    /// A disk refused.
    #[error(
        "{path} cannot be read or written; check that the vault's disk is there and has room, then run the sync again"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a vault was not verified to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is nothing to verify.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The disk refused, for another reason than damage.
    #[error("{path} cannot be read; check that the vault's disk is there and belongs to this user")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why nothing was restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No manifest can be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// There is something in the way.
    #[error("{dir} is not empty; restore into a folder that is empty or does not exist")]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// A file in the vault is not what it was.
    #[error(
        "{0}, so nothing was restored; run `leadglass vault verify`, then restore an older generation or from another vault"
    )]
    Damaged(Damage),
    /// A disk refused.
    #[error(
        "{path} cannot be read or written; check that the disk has room and belongs to this user, then restore again"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

macro_rules! at {
    ($($error:ident),*) => {$(
        impl $error {
            pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
                let path = path.to_owned();
                move |source| Self::Io { path, source }
            }
        }
    )*};
}

at!(InitError, OpenVaultError, ManifestError, SyncError, VerifyError, RestoreError);
