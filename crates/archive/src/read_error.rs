//! Why something cannot be read. The portal translates this once, at its edge.

use protocol::Refusal;
use thiserror::Error;

use crate::InstanceRowError;

/// Why something cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The warden says no, or is away.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The study has no such series, instance, frame or range. HTTP 404.
    #[error("this study has nothing under that address; look at its list of instances")]
    NoSuchPart,
    /// A frame or a deflated value is longer than is read into memory at once. HTTP 413 or 406.
    #[error("this part has {bytes} bytes, more than is read at once; fetch the whole instance")]
    TooLong {
        /// How long it is.
        bytes: u64,
    },
    /// Only the listing was released, and pixels were asked for. A mistake of the caller: open with `Scope::Images`.
    #[error("only the listing of this study was released; open it for its images")]
    ListingOnly,
    /// The lease ended while something was being read. Ask again.
    #[error("the release of this study ended; open it again")]
    LeaseEnded,
    /// A sealed object does not open: its bytes were changed, or its key is another one.
    #[error("a stored object is damaged; run `leadglass doctor` and restore it from the vault")]
    Damaged(#[source] DamagedBy),
    /// The disk refused.
    #[error(transparent)]
    Store(#[from] store::ReadError),
    /// leadglass is stopping.
    #[error("leadglass is stopping; try again in a moment")]
    Stopping,
}

/// What showed that a stored object is damaged.
#[derive(Debug, Error)]
pub enum DamagedBy {
    /// The seal.
    #[error(transparent)]
    Seal(seal::OpenError),
    /// A row.
    #[error(transparent)]
    Row(InstanceRowError),
    /// A metadata object.
    #[error(transparent)]
    Metadata(dataset::MetadataError),
    /// The data set itself, when attributes are replaced or a deflated one is inflated on output.
    #[error(transparent)]
    DataSet(dataset::ScanError),
    /// A deflated data set that ends before the range that its own metadata names.
    #[error("the deflated data set is shorter than its frames")]
    Short,
}

impl From<seal::OpenError> for ReadError {
    fn from(error: seal::OpenError) -> Self {
        Self::Damaged(DamagedBy::Seal(error))
    }
}

impl From<InstanceRowError> for ReadError {
    fn from(error: InstanceRowError) -> Self {
        Self::Damaged(DamagedBy::Row(error))
    }
}

impl From<dataset::MetadataError> for ReadError {
    fn from(error: dataset::MetadataError) -> Self {
        Self::Damaged(DamagedBy::Metadata(error))
    }
}
