//! What the front keeps of each instance, sealed with the listing key: `docs/formats/instance-row.md`.
//!
//! Trust: who holds the listing key reads which instances a study has and how large they are, never a pixel. Losing a
//! row costs nothing: the sealed metadata object beside it holds the same attributes.

use model::Uid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One instance, as QIDO-RS lists it (PS3.18 section 10.6.3.3, Table 10.6.3-5) and as opening needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRow {
    /// (0008,0018) SOP Instance UID.
    pub sop_instance: Uid,
    /// (0020,000E) Series Instance UID.
    pub series: Uid,
    /// (0008,0016) SOP Class UID.
    pub sop_class: Uid,
    /// (0002,0010) Transfer Syntax UID as stored.
    pub transfer_syntax: Uid,
    /// (0008,0060) Modality; empty when absent.
    pub modality: String,
    /// (0020,0013) Instance Number as it stands in the data set; empty when absent.
    pub instance_number: String,
    /// (0028,0010) Rows, when there are pixels.
    pub rows: Option<u32>,
    /// (0028,0011) Columns, when there are pixels.
    pub columns: Option<u32>,
    /// (0028,0100) Bits Allocated, when there are pixels.
    pub bits_allocated: Option<u32>,
    /// (0028,0008) Number of Frames; 1 for an image without it, 0 for an object without pixels.
    pub frames: u32,
    /// Length of the stored object in the clear, in bytes.
    pub stored_bytes: u64,
    /// Where the data set begins in it.
    pub dataset_offset: u64,
    /// Whether it begins with preamble, prefix and meta group (PS3.10 7.1); when not, they are made for output.
    pub part10: bool,
    /// Whether the data set is deflated (PS3.5 A.5).
    pub deflated: bool,
    /// Length of the metadata object in the clear, in bytes.
    pub metadata_bytes: u64,
}

/// A row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InstanceRowError {
    /// It is shorter or longer than a row, or a field is out of shape.
    #[error("an instance row is damaged; restore it from the vault, or take the study in again")]
    Damaged,
    /// A later version of leadglass wrote it.
    #[error("an instance row of version {0} was written by a later leadglass; use that version or a later one")]
    FromTheFuture(u8),
}

impl InstanceRow {
    /// The version written today.
    pub const VERSION: u8 = 1;

    /// The longest row in bytes, in the clear.
    pub const BYTES_MAX: usize = 1024;

    /// The most characters kept of a text value. PS3.5 6.2 allows 16 for CS and 12 for IS; devices send more.
    pub const TEXT_CHARACTERS_MAX: usize = 64;

    /// A text value as a row keeps it.
    pub(crate) fn short(text: &str) -> String {
        text.chars().take(Self::TEXT_CHARACTERS_MAX).collect()
    }

    /// The version byte and the fields as postcard.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(Self::VERSION);
        postcard::to_extend(self, bytes).expect("a row has only strings and numbers")
    }

    /// Reads what [`InstanceRow::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InstanceRowError> {
        match bytes.split_first() {
            Some((&Self::VERSION, fields)) if bytes.len() <= Self::BYTES_MAX => match postcard::take_from_bytes(fields)
            {
                Ok((row, [])) => Ok(row),
                _ => Err(InstanceRowError::Damaged),
            },
            Some((&version, _)) if version > Self::VERSION => Err(InstanceRowError::FromTheFuture(version)),
            _ => Err(InstanceRowError::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row() -> InstanceRow {
        InstanceRow {
            sop_instance: Uid::parse("1.2.3.4").unwrap(),
            series: Uid::parse("1.2.3").unwrap(),
            sop_class: Uid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            transfer_syntax: Uid::parse("1.2.840.10008.1.2.1").unwrap(),
            modality: "CT".into(),
            instance_number: "17".into(),
            rows: Some(512),
            columns: Some(512),
            bits_allocated: Some(16),
            frames: 1,
            stored_bytes: 525_000,
            dataset_offset: 340,
            part10: true,
            deflated: false,
            metadata_bytes: 3_000,
        }
    }

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        assert_eq!(InstanceRow::from_bytes(&row().to_bytes()), Ok(row()));
    }

    #[test]
    fn the_bytes_of_version_1_never_change() {
        let written = row().to_bytes();
        assert_eq!(hex::encode(&written), include_str!("../../../testdata/rows/instance-row-v1.hex").trim());
    }

    #[test]
    fn damaged_rows_are_refused() {
        let good = row().to_bytes();
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            InstanceRow::from_bytes(&bytes)
        };
        assert_eq!(InstanceRow::from_bytes(&[]), Err(InstanceRowError::Damaged), "empty");
        assert_eq!(with(&|b| b[0] = 0), Err(InstanceRowError::Damaged), "version 0");
        assert_eq!(with(&|b| b[0] = 2), Err(InstanceRowError::FromTheFuture(2)), "version from the future");
        assert_eq!(with(&|b| b.truncate(b.len() - 1)), Err(InstanceRowError::Damaged), "last byte missing");
        assert_eq!(with(&|b| b.push(0)), Err(InstanceRowError::Damaged), "a byte too many");
        assert_eq!(with(&|b| b[2] = b'x'), Err(InstanceRowError::Damaged), "a letter in a UID");
        assert_eq!(with(&|b| b[1] = 0xff), Err(InstanceRowError::Damaged), "a length past the end");
        assert_eq!(with(&|b| b.resize(InstanceRow::BYTES_MAX + 1, 0)), Err(InstanceRowError::Damaged), "too long");
    }
}
