//! The scan: from a stream to what it is filed by and a [`MetadataObject`].

use std::io::{self, Read};

use dicom_core::VR;
use model::Uid;
use protocol::{InstanceAttributes, PatientAttributes, SeriesAttributes, StoredNote, StudyAttributes};

use crate::attributes::Filed;
use crate::deflate::Inflate;
use crate::element::PIXEL_DATA;
use crate::file_meta::{FoundMeta, PREAMBLE_BYTES, PREFIX, read_header};
use crate::source::Source;
use crate::transfer_syntax::{Encoding, IMPLICIT_WITH_BIG_ENDIAN_PIXELS, is_video, settle};
use crate::walk::{PixelData, Walk, Walked};
use crate::{FileMeta, FrameIndex, ImageDescription, Limits, MetadataObject, Photometric, ScanError, file_meta};

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
/// `reader` and hands every byte to `sink`. Memory: one buffer, and the result.
pub fn scan_file(reader: &mut dyn Read, limits: &Limits, sink: &mut Sink<'_>) -> Result<Scanned, ScanError> {
    let mut source = Source::new(reader, Some(sink), 0, limits.stream_bytes, too_long);
    let found = read_header(&mut source)?;
    scan_body(source, found, limits)
}

/// Scans the data set of a C-STORE. What [`crate::file_meta()`] makes of `meta` goes to the sink first, so what is sealed
/// is a Part 10 stream and all offsets count in it.
pub fn scan_dataset(
    reader: &mut dyn Read,
    meta: &FileMeta,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Scanned, ScanError> {
    let header = file_meta(meta);
    let (preamble, group) = header.split_at(PREAMBLE_BYTES + PREFIX.len());
    sink(preamble, Region::Preamble).map_err(ScanError::Sink)?;
    sink(group, Region::Meta).map_err(ScanError::Sink)?;
    let source = Source::new(reader, Some(sink), header.len() as u64, limits.stream_bytes, too_long);
    let found = FoundMeta {
        announced: true,
        part10: true,
        sop_class: Some(meta.sop_class.clone()),
        transfer_syntax: Some(meta.transfer_syntax.clone()),
    };
    scan_body(source, found, limits)
}

/// The stream in which offsets of a deflated instance count: the first `dataset_offset` bytes as they are, then the
/// data set inflated, of which it gives at most `inflated_max` bytes. An error of the inflater carries a
/// [`ScanError::Deflate`].
pub fn inflated<'a>(mut stored: impl Read + 'a, dataset_offset: u64, inflated_max: u64) -> io::Result<impl Read + 'a> {
    let mut header = Vec::new();
    stored.by_ref().take(dataset_offset).read_to_end(&mut header)?;
    Ok(io::Cursor::new(header).chain(Inflate::new(stored).take(inflated_max)))
}

fn too_long(max: u64) -> ScanError {
    ScanError::TooLong { max }
}

fn too_inflated(max: u64) -> ScanError {
    ScanError::TooInflated { max }
}

/// From the first byte of the data set on.
fn scan_body(mut source: Source<'_, '_>, meta: FoundMeta, limits: &Limits) -> Result<Scanned, ScanError> {
    source.enter(Region::DataSet)?;
    let dataset_offset = source.position();
    source.need(8)?;
    let encoding = settle(meta.transfer_syntax, source.peek(), meta.announced).ok_or(ScanError::NotDicom)?;
    let Encoding { syntax, deflated, transfer_syntax, declared } = encoding;
    let walked = if deflated {
        let mut inflate = Inflate::new(&mut source);
        let max = limits.inflated_bytes.saturating_add(dataset_offset);
        let mut inner = Source::new(&mut inflate, None, dataset_offset, max, too_inflated);
        Walk::run(&mut inner, syntax, &transfer_syntax, limits)?
    } else {
        Walk::run(&mut source, syntax, &transfer_syntax, limits)?
    };
    source.skip(u64::MAX)?;
    source.flush()?;
    let length = source.position();
    let Walked { attributes, pixel_data, patient: edit, json } = walked;
    let filed = attributes.finish(meta.sop_class)?;
    let big_endian = syntax.big_endian;
    let (frames, image) = describe(filed.image, pixel_data, &transfer_syntax, big_endian);
    let metadata = MetadataObject {
        transfer_syntax,
        sop_class: filed.instance.sop_class.clone(),
        sop_instance: filed.instance.uid.clone(),
        dataset_offset,
        part10: meta.part10 && declared,
        deflated,
        big_endian,
        frames,
        image,
        patient: edit,
        json,
    };
    let Filed { patient, study, series, instance, .. } = filed;
    Ok(Scanned { patient, study, series, instance, length, metadata })
}

/// The place of the frames, and the image when there is one.
fn describe(
    mut image: ImageDescription,
    pixel_data: PixelData,
    transfer_syntax: &Uid,
    big_endian: bool,
) -> (FrameIndex, Option<ImageDescription>) {
    image.big_endian = big_endian || transfer_syntax.as_str() == IMPLICIT_WITH_BIG_ENDIAN_PIXELS;
    let frames = match pixel_data {
        PixelData::None => FrameIndex::None,
        PixelData::Encapsulated(encapsulated) => encapsulated.index(image.frames, is_video(transfer_syntax)),
        PixelData::Native { tag, vr, part } => {
            image.float = tag != PIXEL_DATA;
            image.words = vr == VR::OW;
            let frame_bits = native_frame_bits(&image);
            let whole = part.length.saturating_mul(8).checked_div(frame_bits).unwrap_or(0);
            let frames = u32::try_from(whole).unwrap_or(u32::MAX).min(image.frames);
            if frames == 0 { FrameIndex::None } else { FrameIndex::Native { offset: part.offset, frame_bits, frames } }
        }
    };
    let is_image = image.rows > 0 && image.columns > 0 && frames != FrameIndex::None;
    (frames, is_image.then_some(image))
}

/// PS3.5 8.1.1; chroma that is halved takes less (PS3.3 C.7.6.3.1.2).
fn native_frame_bits(image: &ImageDescription) -> u64 {
    let pixels = u64::from(image.rows) * u64::from(image.columns);
    let bits = u64::from(image.bits_allocated);
    match (image.photometric, image.samples) {
        (Photometric::YbrFull422 | Photometric::YbrPartial422, 3) => pixels * 2 * bits,
        (Photometric::YbrPartial420, 3) => pixels * 3 / 2 * bits,
        (_, samples) => pixels * u64::from(samples) * bits,
    }
}
