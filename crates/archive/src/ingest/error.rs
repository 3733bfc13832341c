//! Why an instance is not taken in. Each edge translates this once: DIMSE to a status, STOW-RS to a failure reason.

use std::io;

use dataset::ScanError;
use model::Uid;
use store::StoreError;
use thiserror::Error;

/// Which instance it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// (0008,0016)
    pub sop_class: Uid,
    /// (0008,0018)
    pub sop_instance: Uid,
}

/// Why an instance is not taken in. Nothing of it is kept.
#[derive(Debug, Error)]
pub enum IngestError {
    /// It is no DICOM that can be filed; its sender is at fault and need not send it again as it is.
    #[error(transparent)]
    NotUnderstood(ScanError),
    /// It is past a limit of this archive.
    #[error(transparent)]
    TooLarge(ScanError),
    /// The data set is of another SOP class than its sender said.
    #[error(
        "the data set is of another SOP class than was announced; repair the sender's configuration and send it again"
    )]
    OtherClass {
        /// What the data set says.
        identity: Identity,
    },
    /// The data set is another instance than its sender said.
    #[error("the data set is another SOP instance than was announced; repair the sender and send it again")]
    OtherInstance {
        /// What the data set says.
        identity: Identity,
    },
    /// The data set belongs to another study than its sender said.
    #[error("the data set belongs to another study than the request names; send it to that study")]
    OtherStudy {
        /// What the data set says.
        identity: Identity,
    },
    /// The sender went away, or its bytes could not be read.
    #[error("the stream broke off; send it again, whole")]
    Interrupted(#[source] io::Error),
    /// The disk is full.
    #[error("the archive's disk is full; free some space there and send it again")]
    NoRoom {
        /// Which instance, when that was known.
        identity: Option<Identity>,
        /// What the store said.
        #[source]
        source: StoreError,
    },
    /// The disk failed, or leadglass is stopping.
    #[error("the archive cannot store now; send it again later, the archive's log says why")]
    NotStored {
        /// Which instance, when that was known.
        identity: Option<Identity>,
        /// What the store said.
        #[source]
        source: StoreError,
    },
}

impl IngestError {
    /// Which instance it was, when that was known.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::OtherClass { identity } | Self::OtherInstance { identity } | Self::OtherStudy { identity } => {
                Some(identity)
            }
            Self::NoRoom { identity, .. } | Self::NotStored { identity, .. } => identity.as_ref(),
            Self::NotUnderstood(_) | Self::TooLarge(_) | Self::Interrupted(_) => None,
        }
    }

    pub(super) fn scan(error: ScanError) -> Self {
        match error {
            ScanError::Read(source) => Self::Interrupted(source),
            // the collector keeps the store's error and puts it in place of this one
            ScanError::Sink(source) => Self::NotStored { identity: None, source: StoreError::Io(source.into()) },
            ScanError::TooLong { .. }
            | ScanError::TooInflated { .. }
            | ScanError::TooMuchMetadata { .. }
            | ScanError::TooManyFragments { .. } => Self::TooLarge(error),
            ScanError::NotDicom
            | ScanError::MediaDirectory
            | ScanError::Unidentified { .. }
            | ScanError::Truncated { .. }
            | ScanError::Deflate { .. }
            | ScanError::Damaged { .. }
            | ScanError::TooDeep { .. } => Self::NotUnderstood(error),
        }
    }

    pub(super) fn store(error: StoreError, identity: Option<Identity>) -> Self {
        match error {
            StoreError::Full(_) => Self::NoRoom { identity, source: error },
            _ => Self::NotStored { identity, source: error },
        }
    }
}
