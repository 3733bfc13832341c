//! Encapsulated pixel data: an offset table, then fragments (PS3.5 A.4).

use dicom_core::VR;

use super::{Object, PixelData, Walk};
use crate::element::{Header, ITEM, PIXEL_DATA, SEQUENCE_DELIMITATION, Syntax};
use crate::pixel::{Encapsulated, MARKER_BYTES, begins_code_stream};
use crate::{FramePart, ScanError};

impl Walk<'_, '_, '_> {
    /// Fragments (PS3.5 A.4), of the instance itself or of an icon.
    pub(super) fn fragments(&mut self, tag: u32, object: Object, is_root: bool) -> Result<(), ScanError> {
        let begin = self.source.position();
        let mut found = Encapsulated::default();
        let mut items = 0u64;
        let end = loop {
            let at = self.source.position();
            if !self.source.need(8)? {
                // some writers leave the last delimiter out; then every frame must be there
                let rest = self.source.peek().len();
                if is_root && rest == 0 && found.fragments.len() >= self.attributes.frames.unwrap_or(1) as usize {
                    break at;
                }
                return Err(self.truncated());
            }
            let header = Header::read(self.source.peek(), Syntax { explicit: false, ..object.syntax });
            let header = header.ok_or_else(|| self.truncated())?;
            match (header.tag, header.length) {
                (ITEM, Some(length)) => {
                    self.source.advance(header.bytes);
                    items += 1;
                    if items == 1 {
                        if is_root {
                            let offsets = self.offsets(length.into(), 4, object.syntax)?;
                            found.basic_offsets = offsets.into_iter().map(|offset| offset as u32).collect();
                        } else {
                            self.skip(length.into())?;
                        }
                        found.first_item = self.source.position();
                    } else {
                        self.fragment(&mut found, length.into(), is_root)?;
                    }
                }
                (SEQUENCE_DELIMITATION, _) => {
                    self.source.advance(header.bytes);
                    break at;
                }
                _ if is_root && found.fragments.len() >= self.attributes.frames.unwrap_or(1) as usize => break at,
                _ => return Err(self.damaged("the fragments of the pixel data are cut short")),
            }
        };
        self.write_bulk(tag, VR::OB, FramePart { offset: begin, length: end - begin });
        if is_root && tag == PIXEL_DATA {
            self.pixel_data = PixelData::Encapsulated(found);
        }
        Ok(())
    }

    fn fragment(&mut self, found: &mut Encapsulated, length: u64, is_root: bool) -> Result<(), ScanError> {
        if is_root {
            if found.fragments.len() == self.limits.fragments {
                return Err(ScanError::TooManyFragments { max: self.limits.fragments });
            }
            self.source.need((length as usize).min(MARKER_BYTES))?;
            let here = self.source.peek();
            found.begins.push(begins_code_stream(&here[..here.len().min(length as usize)]));
            found.fragments.push(FramePart { offset: self.source.position(), length });
        }
        if self.source.skip(length)? { Ok(()) } else { Err(self.truncated()) }
    }

    /// An offset table as numbers of `size` bytes each, at most one for each fragment that is allowed.
    pub(super) fn offsets(&mut self, length: u64, size: usize, syntax: Syntax) -> Result<Vec<u64>, ScanError> {
        let count = length / size as u64;
        if count > self.limits.fragments as u64 {
            return Err(ScanError::TooManyFragments { max: self.limits.fragments });
        }
        let mut offsets = Vec::new();
        for _ in 0..count {
            if !self.source.need(size)? {
                return Err(self.truncated());
            }
            let bytes = self.source.peek();
            offsets.push(if size == 4 { syntax.u32(bytes).into() } else { syntax.u64(bytes) });
            self.source.advance(size);
        }
        self.skip(length % size as u64)?;
        Ok(offsets)
    }
}
