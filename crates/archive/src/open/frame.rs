//! Frames (PS3.18 section 10.4.1.6) and bulk data, as ranges of a sealed object.

use std::{io::Read, sync::Arc};

use bytes::Bytes;
use dataset::{FramePlace, Limits, MetadataObject};
use model::Uid;
use seal::ObjectKind;

use super::{
    Instance, OpenStudy, blocking,
    sealed::{SealedObject, SealedReader, context, read_blob},
};
use crate::{ReadError, read_error::DamagedBy};

/// The longest range that is read into memory at once, in bytes: a frame, or a bulk value of a deflated data set.
const RANGE_BYTES_MAX: u64 = 256 << 20;

/// One frame.
#[derive(Clone)]
pub struct Frame {
    /// Its bytes as stored.
    pub bytes: Bytes,
    /// How they are encoded.
    pub transfer_syntax: Uid,
}

impl OpenStudy {
    /// Frame `number`, counted from 1.
    pub async fn frame(self: &Arc<Self>, instance: &Arc<Instance>, number: u32) -> Result<Frame, ReadError> {
        let (study, instance) = (Arc::clone(self), Arc::clone(instance));
        blocking(move || study.read_frame(&instance, number)).await
    }

    /// What is stored beside an instance: how it is encoded, where its frames are, how to render them, its attributes.
    pub async fn metadata_object(self: &Arc<Self>, instance: &Arc<Instance>) -> Result<MetadataObject, ReadError> {
        let (study, instance) = (Arc::clone(self), Arc::clone(instance));
        blocking(move || study.read_metadata_object(&instance)).await
    }

    /// A frame with what rendering it takes.
    pub async fn frame_to_render(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        number: u32,
    ) -> Result<(Frame, MetadataObject), ReadError> {
        let (study, instance) = (Arc::clone(self), Arc::clone(instance));
        blocking(move || {
            let metadata = study.read_metadata_object(&instance)?;
            let bytes = study.read_place(&instance, &metadata, number)?;
            Ok((Frame { bytes, transfer_syntax: metadata.transfer_syntax.clone() }, metadata))
        })
        .await
    }

    fn read_frame(&self, instance: &Instance, number: u32) -> Result<Frame, ReadError> {
        let metadata = self.read_metadata_object(instance)?;
        let bytes = self.read_place(instance, &metadata, number)?;
        Ok(Frame { bytes, transfer_syntax: metadata.transfer_syntax })
    }

    pub(super) fn read_metadata_bytes(&self, instance: &Instance) -> Result<Vec<u8>, ReadError> {
        let context = context(self.site(), instance.key, instance.object, ObjectKind::Metadata);
        read_blob(self.store(), &instance.metadata, self.listing_key(instance)?, context)
    }

    pub(super) fn read_metadata_object(&self, instance: &Instance) -> Result<MetadataObject, ReadError> {
        Ok(MetadataObject::from_bytes(&self.read_metadata_bytes(instance)?)?)
    }

    pub(super) fn sealed(&self, instance: &Instance) -> Result<SealedObject, ReadError> {
        let context = context(self.site(), instance.key, instance.object, ObjectKind::Instance);
        SealedObject::open(self.store(), instance.stored, self.data_key(instance)?, context)
    }

    fn read_place(&self, instance: &Instance, metadata: &MetadataObject, number: u32) -> Result<Bytes, ReadError> {
        let place = metadata.frames.place(number).ok_or(ReadError::NoSuchPart)?;
        let object = self.sealed(instance)?;
        let length: u64 = place.parts.iter().map(|part| part.length).sum();
        if length > RANGE_BYTES_MAX {
            return Err(ReadError::TooLong { bytes: length });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).expect("below RANGE_BYTES_MAX"));
        let mut sealed = Vec::new();
        for part in place.parts.iter() {
            if metadata.deflated {
                read_inflated(&object, metadata.dataset_offset, part.offset, part.length, &mut bytes)?;
            } else {
                let end = part.offset.checked_add(part.length).filter(|end| *end <= object.length());
                object.read(part.offset..end.ok_or(ReadError::NoSuchPart)?, &mut sealed, &mut bytes)?;
            }
        }
        align(&mut bytes, &place);
        Ok(Bytes::from(bytes))
    }
}

/// Appends a range of the inflated stream. Everything before it is inflated and thrown away.
pub(super) fn read_inflated(
    object: &SealedObject,
    dataset_offset: u64,
    offset: u64,
    length: u64,
    out: &mut Vec<u8>,
) -> Result<(), ReadError> {
    if length > RANGE_BYTES_MAX {
        return Err(ReadError::TooLong { bytes: length });
    }
    let mut failed = None;
    let read = {
        let stored = SealedReader::new(object, &mut failed);
        dataset::inflated(stored, dataset_offset, Limits::DEFAULT.inflated_bytes).and_then(|mut inflated| {
            std::io::copy(&mut inflated.by_ref().take(offset), &mut std::io::sink())?;
            std::io::copy(&mut inflated.take(length), out)
        })
    };
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Ok(read)) if read == length => Ok(()),
        (None, _) => Err(ReadError::Damaged(DamagedBy::Short)),
    }
}

/// Frames of one bit a pixel are packed without gaps (PS3.5 8.1.1, PS3.18 has each begin at a byte): moves the first bit
/// of the frame to bit 0 and clears what belongs to the next frame.
fn align(bytes: &mut Vec<u8>, place: &FramePlace<'_>) {
    if place.first_bit > 0 {
        let shift = u32::from(place.first_bit);
        for index in 0..bytes.len() {
            let next = bytes.get(index + 1).copied().unwrap_or(0);
            bytes[index] = bytes[index] >> shift | next.checked_shl(8 - shift).unwrap_or(0);
        }
    }
    let whole = usize::try_from(place.bits.div_ceil(8)).unwrap_or(usize::MAX);
    bytes.truncate(whole);
    if !place.bits.is_multiple_of(8)
        && let Some(last) = bytes.last_mut()
    {
        *last &= (1 << (place.bits % 8)) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_begins_inside_a_byte_is_moved_to_bit_0() {
        // two frames of 12 bits, least significant bit first: 0xABC and 0x123
        let packed = [0xBC, 0x3A, 0x12];
        let mut second = packed[1..].to_vec();
        let parts = vec![dataset::FramePart { offset: 1, length: 2 }];
        align(&mut second, &FramePlace { parts: parts.into(), first_bit: 4, bits: 12 });
        assert_eq!(second, [0x23, 0x01]);
        let mut first = packed[..2].to_vec();
        let parts = vec![dataset::FramePart { offset: 0, length: 2 }];
        align(&mut first, &FramePlace { parts: parts.into(), first_bit: 0, bits: 12 });
        assert_eq!(first, [0xBC, 0x0A]);
    }
}
