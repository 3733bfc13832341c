//! File meta information (PS3.10 7.1): made for C-STORE data sets, read from files with or without it.

use dicom_core::VR;
use model::Uid;

use crate::element::{Header, Syntax};
use crate::source::Source;
use crate::{Region, ScanError};

/// Our Implementation Class UID, from a UUID (PS3.5 B.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.313091758332559780879448144665485567809";

/// Our Implementation Version Name.
pub const IMPLEMENTATION_VERSION_NAME: &str = "LEADGLASS_1";

pub(crate) const PREAMBLE_BYTES: usize = 128;
pub(crate) const PREFIX: &[u8; 4] = b"DICM";

/// The most that group 2 may take, in bytes.
const META_BYTES_MAX: u64 = 1 << 20;

/// Media Storage Directory Storage, the SOP class of a DICOMDIR.
const MEDIA_STORAGE_DIRECTORY: &str = "1.2.840.10008.1.3.10";

/// What file meta information says.
#[derive(Clone)]
pub struct FileMeta {
    /// (0002,0002)
    pub sop_class: Uid,
    /// (0002,0003)
    pub sop_instance: Uid,
    /// (0002,0010)
    pub transfer_syntax: Uid,
    /// (0002,0016), when it came over an association.
    pub source_ae: Option<String>,
}

/// Preamble, prefix and group 2 (PS3.10 7.1).
#[must_use]
pub fn file_meta(meta: &FileMeta) -> Vec<u8> {
    let mut group = Vec::with_capacity(256);
    element(&mut group, 0x0001, b"OB", &[0, 1]);
    element(&mut group, 0x0002, b"UI", meta.sop_class.as_str().as_bytes());
    element(&mut group, 0x0003, b"UI", meta.sop_instance.as_str().as_bytes());
    element(&mut group, 0x0010, b"UI", meta.transfer_syntax.as_str().as_bytes());
    element(&mut group, 0x0012, b"UI", IMPLEMENTATION_CLASS_UID.as_bytes());
    element(&mut group, 0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.as_bytes());
    if let Some(source) = &meta.source_ae {
        element(&mut group, 0x0016, b"AE", source.as_bytes());
    }
    let mut header = vec![0; PREAMBLE_BYTES];
    header.extend_from_slice(PREFIX);
    let length = u32::try_from(group.len()).expect("a few hundred bytes");
    element(&mut header, 0x0000, b"UL", &length.to_le_bytes());
    header.extend_from_slice(&group);
    header
}

/// One group 2 element, explicit VR little endian.
fn element(out: &mut Vec<u8>, number: u16, vr: &[u8; 2], value: &[u8]) {
    let padded = value.len().next_multiple_of(2);
    out.extend_from_slice(&[0x02, 0x00]);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(vr);
    if vr == b"OB" {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&u32::try_from(padded).expect("short").to_le_bytes());
    } else {
        out.extend_from_slice(&u16::try_from(padded).expect("short").to_le_bytes());
    }
    out.extend_from_slice(value);
    if padded > value.len() {
        // PS3.5 6.2: UI is padded with NUL, text with a space
        out.push(if vr == b"UI" { 0 } else { b' ' });
    }
}

/// What the beginning of a stream says.
pub(crate) struct FoundMeta {
    /// Whether anything announces that this is DICOM.
    pub(crate) announced: bool,
    /// Whether there are preamble and prefix, and group 2 with a transfer syntax.
    pub(crate) part10: bool,
    pub(crate) sop_class: Option<Uid>,
    pub(crate) transfer_syntax: Option<Uid>,
}

/// Reads up to the data set: preamble and prefix when they are there, group 2 when it is there.
pub(crate) fn read_header(source: &mut Source<'_, '_>) -> Result<FoundMeta, ScanError> {
    source.need(PREAMBLE_BYTES + PREFIX.len())?;
    let preamble = if source.peek().get(PREAMBLE_BYTES..).is_some_and(|rest| rest.starts_with(PREFIX)) {
        Some(PREAMBLE_BYTES + PREFIX.len())
    } else if source.peek().starts_with(PREFIX) {
        Some(PREFIX.len())
    } else {
        None
    };
    if let Some(bytes) = preamble {
        source.enter(Region::Preamble)?;
        source.advance(bytes);
    }
    let mut found = FoundMeta { announced: preamble.is_some(), part10: false, sop_class: None, transfer_syntax: None };
    let begun = source.position();
    if preamble.is_some() || source.peek().starts_with(&[2, 0]) {
        source.enter(Region::Meta)?;
        while let Some(header) = next_of_group(source)? {
            let tag = header.tag;
            let cut = |offset| ScanError::Truncated { tag, offset };
            let length = header.length.filter(|&length| u64::from(length) <= META_BYTES_MAX);
            let at = source.position();
            let length = length.ok_or(ScanError::Damaged { offset: at, what: "a value of group 2 is too long" })?;
            if at - begun > META_BYTES_MAX {
                return Err(ScanError::Damaged { offset: at, what: "group 2 is too long" });
            }
            source.advance(header.bytes);
            if !source.need(length as usize)? {
                return Err(cut(at));
            }
            let value = std::str::from_utf8(&source.peek()[..length as usize]);
            let uid = value.ok().and_then(|text| Uid::parse(text).ok());
            match tag {
                0x0002_0002 => found.sop_class = uid,
                0x0002_0010 => found.transfer_syntax = uid,
                _ => {}
            }
            source.advance(length as usize);
        }
    }
    if preamble.is_none() && source.position() == 0 && source.peek().len() < Header::BYTES_MAX {
        return Err(ScanError::NotDicom);
    }
    if found.sop_class.as_ref().is_some_and(|class| class.as_str() == MEDIA_STORAGE_DIRECTORY) {
        return Err(ScanError::MediaDirectory);
    }
    found.announced |= found.transfer_syntax.is_some();
    found.part10 = preamble == Some(PREAMBLE_BYTES + PREFIX.len()) && found.transfer_syntax.is_some();
    Ok(found)
}

/// The next header when it is of group 2, which is explicit VR little endian whatever follows.
fn next_of_group(source: &mut Source<'_, '_>) -> Result<Option<Header>, ScanError> {
    source.need(Header::BYTES_MAX)?;
    let header = Header::read(source.peek(), Syntax::EXPLICIT);
    Ok(header.filter(|header| header.tag >> 16 == 2 && header.vr != Some(VR::SQ)))
}
