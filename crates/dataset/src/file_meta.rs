//! The file meta information that a C-STORE data set is stored behind (PS3.10 7.1).

use model::Uid;

/// Our Implementation Class UID, from a UUID (PS3.5 B.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.313091758332559780879448144665485567809";

/// Our Implementation Version Name.
pub const IMPLEMENTATION_VERSION_NAME: &str = "LEADGLASS_1";

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
    let mut header = vec![0; 128];
    header.extend_from_slice(b"DICM");
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
