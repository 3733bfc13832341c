//! Why a stream is refused. No message holds a value from the stream.

use std::io;

use thiserror::Error;

/// Why a stream is refused. The stream is at fault, except for [`Self::Read`] and [`Self::Sink`].
#[derive(Debug, Error)]
pub enum ScanError {
    /// Nothing in the first bytes looks like DICOM.
    #[error("this is not DICOM; send DICOM files or data sets only")]
    NotDicom,
    /// A DICOMDIR (PS3.3 F): it names files and is no image.
    #[error("this is the directory of a file-set (DICOMDIR), not an image; import the folder that holds it")]
    MediaDirectory,
    /// The data set lacks an attribute that it is filed by, or its value is no UID.
    #[error(
        "{keyword} is missing or is not a UID, so the instance cannot be filed; repair it at its source and send it again"
    )]
    Unidentified {
        /// Keyword of the attribute (PS3.6).
        keyword: &'static str,
    },
    /// The stream ends inside a value, an element header or a sequence of known length.
    #[error("the stream ends early, inside attribute {tag:08X} at byte {offset}; send it again, whole")]
    Truncated {
        /// Group and element of the top level attribute that is cut.
        tag: u32,
        /// Where that attribute begins.
        offset: u64,
    },
    /// The deflated data set (PS3.5 A.5) does not inflate.
    #[error("the deflated data set is damaged near byte {offset}; send it again, or send it without compression")]
    Deflate {
        /// Bytes of the stream that were read.
        offset: u64,
    },
    /// An element cannot be where it is.
    #[error("the data set is damaged at byte {offset}: {what}; repair it at its source and send it again")]
    Damaged {
        /// Where.
        offset: u64,
        /// What is wrong, a fixed text.
        what: &'static str,
    },
    /// The stream is longer than [`crate::Limits::stream_bytes`].
    #[error("the object is longer than {max} bytes, the most that is taken in; split it at its source")]
    TooLong {
        /// The limit in bytes.
        max: u64,
    },
    /// A deflated data set inflates to more than [`crate::Limits::inflated_bytes`].
    #[error("the deflated data set inflates to more than {max} bytes; send it without compression")]
    TooInflated {
        /// The limit in bytes.
        max: u64,
    },
    /// Sequences are nested deeper than [`crate::Limits::nesting`].
    #[error("sequences are nested more than {max} deep; no real data set needs that, repair it at its source")]
    TooDeep {
        /// The limit in levels.
        max: usize,
    },
    /// The attributes, bulk values aside, take more than [`crate::Limits::json_bytes`] as JSON.
    #[error("the attributes without pixels take more than {max} bytes as JSON; split the object at its source")]
    TooMuchMetadata {
        /// The limit in bytes.
        max: usize,
    },
    /// Encapsulated pixel data has more fragments than [`crate::Limits::fragments`].
    #[error("the pixel data has more than {max} fragments; split the object at its source")]
    TooManyFragments {
        /// The limit.
        max: usize,
    },
    /// The reader failed.
    #[error("the stream could not be read to its end; send it again")]
    Read(#[source] io::Error),
    /// The sink failed.
    #[error("the object could not be written; see the log, free space and send it again")]
    Sink(#[source] io::Error),
}

impl ScanError {
    /// Whether the fault lies in the stream (and sending the same again is in vain) rather than in reading or writing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Sink(_))
    }
}

/// Stored metadata cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// Written by a later version.
    #[error(
        "this metadata object is of version {0}; open it with the version of leadglass that wrote it, or a later one"
    )]
    Version(u8),
    /// Not what [`crate::MetadataObject::to_bytes`] writes.
    #[error("this metadata object is damaged; restore it from the vault")]
    Damaged,
}
