//! The scan: from a stream to what it is filed by and a [`MetadataObject`].

use std::io::{self, Read};

use protocol::{InstanceAttributes, PatientAttributes, SeriesAttributes, StoredNote, StudyAttributes};

use crate::{FileMeta, Limits, MetadataObject, ScanError};

/// Which part of a stream some bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The 128 bytes and the prefix `DICM` (PS3.10 7.1).
    Preamble,
    /// Group 2.
    Meta,
    /// The data set, as stored (a deflated one deflated). The content hash is over these bytes.
    DataSet,
}

/// Takes every byte of the stream, in order. An error ends the scan as [`ScanError::Sink`].
pub type Sink<'a> = dyn FnMut(&[u8], Region) -> io::Result<()> + 'a;

/// What a stream is.
#[derive(Clone)]
pub struct Scanned {
    /// Patient module.
    pub patient: PatientAttributes,
    /// General study module.
    pub study: StudyAttributes,
    /// General series module.
    pub series: SeriesAttributes,
    /// Instance.
    pub instance: InstanceAttributes,
    /// Bytes that went to the sink.
    pub length: u64,
    /// What is stored beside it; also says the transfer syntax and where the data set begins.
    pub metadata: MetadataObject,
}

impl Scanned {
    /// The note for the warden; `content` is BLAKE3 over the bytes of [`Region::DataSet`].
    #[must_use]
    pub fn note(&self, content: [u8; 32]) -> StoredNote {
        StoredNote {
            version: 1,
            content,
            patient: self.patient.clone(),
            study: self.study.clone(),
            series: self.series.clone(),
            instance: self.instance.clone(),
        }
    }
}

impl std::fmt::Debug for Scanned {
    /// Without a patient's data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanned").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Scans a Part 10 stream (PS3.10 7), with or without preamble, with or without meta group. Reads to the end of
/// `reader` and hands every byte to `sink`. Memory: one buffer of at most 256 KiB, and the result.
pub fn scan_file(_reader: &mut dyn Read, _limits: &Limits, _sink: &mut Sink<'_>) -> Result<Scanned, ScanError> {
    Err(ScanError::NotDicom)
}

/// Scans the data set of a C-STORE. What [`crate::file_meta`] makes of `meta` goes to the sink first, so what is sealed
/// is a Part 10 stream and all offsets count in it.
pub fn scan_dataset(
    _reader: &mut dyn Read,
    _meta: &FileMeta,
    _limits: &Limits,
    _sink: &mut Sink<'_>,
) -> Result<Scanned, ScanError> {
    Err(ScanError::NotDicom)
}

/// The stream in which offsets of a deflated instance count: the first `dataset_offset` bytes as they are, then the
/// data set inflated. Ends with an error past `inflated_max` bytes of data set.
pub fn inflated<'a>(stored: Box<dyn Read + 'a>, _dataset_offset: u64, _inflated_max: u64) -> Box<dyn Read + 'a> {
    stored
}
