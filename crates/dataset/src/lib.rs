//! Reads DICOM streams as they come: one pass, bounded memory, every byte handed on unchanged.
//!
//! [`scan_file`] takes a Part 10 stream (PS3.10) or what passes for one, [`scan_dataset`] the data set of a C-STORE
//! (PS3.7 9.1.1). Both hand every byte to a sink in order, so that the caller seals while they scan, and give back a
//! [`Scanned`]: the attributes that an instance is filed by, and a [`MetadataObject`] with the DICOM JSON Model object
//! (PS3.18 Annex F), the place of every frame, and what rendering needs.
//!
//! A stream is kept bit for bit or refused with a [`ScanError`]. Refused is what cannot be filed (no SOP Instance,
//! Study Instance or Series Instance UID), what is not DICOM, what is over one of the [`Limits`], and what ends inside a
//! value: an image that is not whole must not be acknowledged, because its sender would then forget it. Everything
//! else that real devices do wrong is read as well as it goes: missing preamble or meta group, wrong or unknown VRs,
//! missing delimiters at the end, odd lengths, trailing padding.
//!
//! Nothing here does I/O of its own, reads a clock or draws randomness.

mod attributes;
mod charset;
mod deflate;
mod edit;
mod element;
mod error;
mod file_meta;
mod json;
mod limits;
mod lut;
mod metadata;
mod overlay;
mod pixel;
mod scan;
mod source;
mod transfer_syntax;
mod value;
mod walk;

pub use error::{MetadataError, ScanError};
pub use file_meta::{FileMeta, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, file_meta};
pub use limits::Limits;
pub use metadata::{
    FrameIndex, FramePart, FramePlace, ImageDescription, Lut, MetadataObject, Palette, PatientEdit, Photometric,
    VoiFunction, Window,
};
pub use overlay::{apply_overlay, output_header, overlay_part10, rewrite_bulk_uris};
pub use scan::{Region, Scanned, Sink, inflated, scan_dataset, scan_file};
