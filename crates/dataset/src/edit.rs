//! Notes, while a data set is walked, what an overlay of the patient's attributes will have to cut and where it will
//! have to write.

use crate::element::SPECIFIC_CHARACTER_SET;
use crate::{FramePart, PatientEdit};

/// What an overlay writes, ascending; [`PatientEdit::places`] is in this order.
pub(crate) const WRITTEN: [u32; 6] =
    [SPECIFIC_CHARACTER_SET, 0x0010_0010, 0x0010_0020, 0x0010_0021, 0x0010_0030, 0x0010_0040];

/// The longest value of (0008,0005) that is kept, in bytes; what decides stands at its beginning.
const CHARSET_BYTES_MAX: usize = 64;

/// Whether an overlay takes the attribute out: what it writes itself but the repertoire, and what else says who the former
/// patient is (other identifiers and names, address, telephone, people responsible, remarks).
pub(crate) fn is_replaced(tag: u32) -> bool {
    matches!(
        tag,
        0x0010_0010
            | 0x0010_0020
            | 0x0010_0021
            | 0x0010_0024
            | 0x0010_0030
            | 0x0010_0032
            | 0x0010_0033
            | 0x0010_0034
            | 0x0010_0040
            | 0x0010_0050
            | 0x0010_1000
            | 0x0010_1001
            | 0x0010_1002
            | 0x0010_1005
            | 0x0010_1040
            | 0x0010_1050
            | 0x0010_1060
            | 0x0010_1080
            | 0x0010_1081
            | 0x0010_1090
            | 0x0010_1100
            | 0x0010_2154
            | 0x0010_2155
            | 0x0010_2297
            | 0x0010_2299
            | 0x0010_4000
    )
}

/// Sees every element of the top level, at its beginning and at its end.
#[derive(Default)]
pub(crate) struct Editor {
    edit: PatientEdit,
    places: [Option<u64>; 6],
    /// An element to be cut that has begun.
    begun: Option<(u32, u64)>,
}

impl Editor {
    /// An element begins at `at`.
    pub(crate) fn begin(&mut self, tag: u32, at: u64) {
        for (place, written) in self.places.iter_mut().zip(WRITTEN) {
            if place.is_none() && tag > written {
                *place = Some(at);
            }
        }
        if is_replaced(tag) || matches!(tag, SPECIFIC_CHARACTER_SET | 0x0008_0000 | 0x0010_0000) {
            self.begun = Some((tag, at));
        }
    }

    /// The element that began last has ended at `at`.
    pub(crate) fn end(&mut self, at: u64) {
        let Some((tag, offset)) = self.begun.take() else { return };
        let is_charset = tag == SPECIFIC_CHARACTER_SET;
        let cuts = if is_charset { &mut self.edit.charset_cuts } else { &mut self.edit.cuts };
        match cuts.last_mut() {
            Some(last) if last.offset + last.length == offset => last.length = at - last.offset,
            _ => cuts.push(FramePart { offset, length: at - offset }),
        }
    }

    /// The value of (0008,0005).
    pub(crate) fn charset(&mut self, value: &[u8]) {
        self.edit.charset = value[..value.len().min(CHARSET_BYTES_MAX)].to_vec();
    }

    /// The data set has ended at `at`.
    pub(crate) fn finish(mut self, at: u64, explicit: bool) -> PatientEdit {
        self.edit.explicit = explicit;
        self.edit.places = self.places.map(|place| place.unwrap_or(at));
        self.edit
    }
}
