//! Data elements as they are encoded (PS3.5 section 7).

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

pub(crate) const ITEM: u32 = 0xFFFE_E000;
pub(crate) const ITEM_DELIMITATION: u32 = 0xFFFE_E00D;
pub(crate) const SEQUENCE_DELIMITATION: u32 = 0xFFFE_E0DD;
pub(crate) const SPECIFIC_CHARACTER_SET: u32 = 0x0008_0005;
pub(crate) const AVAILABLE_TRANSFER_SYNTAX: u32 = 0x0008_3002;
pub(crate) const PIXEL_REPRESENTATION: u32 = 0x0028_0103;
pub(crate) const ROWS: u32 = 0x0028_0010;
pub(crate) const EXTENDED_OFFSETS: u32 = 0x7FE0_0001;
pub(crate) const EXTENDED_LENGTHS: u32 = 0x7FE0_0002;
pub(crate) const FLOAT_PIXEL_DATA: u32 = 0x7FE0_0008;
pub(crate) const DOUBLE_PIXEL_DATA: u32 = 0x7FE0_0009;
pub(crate) const PIXEL_DATA: u32 = 0x7FE0_0010;
pub(crate) const TRAILING_PADDING: u32 = 0xFFFC_FFFC;

/// How elements are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) explicit: bool,
    pub(crate) big_endian: bool,
}

impl Syntax {
    pub(crate) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(crate) const EXPLICIT: Self = Self { explicit: true, big_endian: false };
    pub(crate) const BIG_ENDIAN: Self = Self { explicit: true, big_endian: true };

    pub(crate) fn u16(self, bytes: &[u8]) -> u16 {
        let bytes = [bytes[0], bytes[1]];
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(crate) fn u32(self, bytes: &[u8]) -> u32 {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    pub(crate) fn u64(self, bytes: &[u8]) -> u64 {
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[..8]);
        if self.big_endian { u64::from_be_bytes(eight) } else { u64::from_le_bytes(eight) }
    }

    /// Group and element number.
    pub(crate) fn tag(self, bytes: &[u8]) -> u32 {
        u32::from(self.u16(bytes)) << 16 | u32::from(self.u16(&bytes[2..]))
    }
}

/// What stands before a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) tag: u32,
    /// `None` where the stream does not say it: implicit VR, items and delimiters, a VR that is none.
    pub(crate) vr: Option<VR>,
    /// `None` is undefined length.
    pub(crate) length: Option<u32>,
    /// Bytes that the header takes.
    pub(crate) bytes: usize,
}

impl Header {
    /// The most bytes that a header takes.
    pub(crate) const BYTES_MAX: usize = 12;

    /// Reads a header from the beginning of `bytes`; `None` when they are too few.
    ///
    /// Deviations from PS3.5 7.1.2 that are read: two letters that are no VR take the long form, as every VR to come
    /// will; spaces, question marks and hyphens take the short form; anything else is an implicit element among
    /// explicit ones.
    pub(crate) fn read(bytes: &[u8], syntax: Syntax) -> Option<Self> {
        let short = bytes.get(..8)?;
        let tag = syntax.tag(short);
        let implicit = |vr| Self { tag, vr, length: defined(syntax.u32(&short[4..])), bytes: 8 };
        if !syntax.explicit || tag >> 16 == 0xFFFE {
            return Some(implicit(None));
        }
        let letters = [short[4], short[5]];
        let (vr, long) = match VR::from_binary(letters) {
            Some(vr) => (Some(vr), is_long(vr)),
            None if letters.iter().all(u8::is_ascii_uppercase) => (None, true),
            None if matches!(&letters, b"  " | b"??" | b"--") => (None, false),
            None => return Some(implicit(None)),
        };
        if long {
            let long = bytes.get(..12)?;
            return Some(Self { tag, vr, length: defined(syntax.u32(&long[8..])), bytes: 12 });
        }
        Some(Self { tag, vr, length: Some(u32::from(syntax.u16(&short[6..]))), bytes: 8 })
    }
}

fn defined(length: u32) -> Option<u32> {
    (length != u32::MAX).then_some(length)
}

/// The VRs with 32-bit length in explicit encodings (PS3.5 7.1.2).
fn is_long(vr: VR) -> bool {
    matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

/// The VR of an attribute by PS3.6 and PS3.5 A.1; UN when it is private and unknown.
/// `signed` is Pixel Representation, which decides between US and SS.
pub(crate) fn dictionary_vr(tag: u32, signed: bool) -> VR {
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    if element == 0 {
        return VR::UL;
    }
    if group % 2 == 1 {
        return if (0x0010..=0x00FF).contains(&element) { VR::LO } else { VR::UN };
    }
    match StandardDataDictionary.by_tag(Tag(group, element)).map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) => vr,
        Some(VirtualVr::Xs) => {
            if signed {
                VR::SS
            } else {
                VR::US
            }
        }
        Some(VirtualVr::Ox | VirtualVr::Px | VirtualVr::Lt) => VR::OW,
        Some(_) | None => VR::UN,
    }
}

/// Whether PS3.6 knows the attribute.
pub(crate) fn is_known(tag: u32) -> bool {
    StandardDataDictionary.by_tag(Tag((tag >> 16) as u16, tag as u16)).is_some()
}
