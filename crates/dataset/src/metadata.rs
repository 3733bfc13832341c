//! What is stored beside an instance so that it can be listed, described and rendered without its data set.
//!
//! `docs/formats/metadata-object.md` describes the bytes. Who holds the listing key can read all attributes of the
//! instance from here but no pixel; losing it costs a scan of the stored stream, which makes it again.

use model::Uid;
use serde::{Deserialize, Serialize};

use crate::MetadataError;

/// Everything about one instance but its pixels.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MetadataObject {
    /// How the data set is encoded.
    pub transfer_syntax: Uid,
    /// (0008,0016)
    pub sop_class: Uid,
    /// (0008,0018)
    pub sop_instance: Uid,
    /// Where the data set begins in the stored stream.
    pub dataset_offset: u64,
    /// Whether the stored stream begins with preamble, prefix and a meta group that says the transfer syntax
    /// (PS3.10 7.1). When not, [`crate::output_header`] makes one for output.
    pub part10: bool,
    /// Whether the data set is deflated (PS3.5 A.5). Then offsets of frames and bulk data count in the stream that
    /// [`crate::inflated`] gives: the header as stored, then the data set inflated.
    pub deflated: bool,
    /// Whether the data set is big endian (PS3.5 A.3).
    pub big_endian: bool,
    /// Where the frames are.
    pub frames: FrameIndex,
    /// How to render them; `None` when the instance has no image.
    pub image: Option<ImageDescription>,
    /// Where the patient's attributes are, for [`crate::overlay_part10`].
    pub patient: PatientEdit,
    /// The DICOM JSON Model object (PS3.18 Annex F), UTF-8. Bulk values are `"BulkDataURI":"leadglass:OFFSET-LENGTH"`.
    #[serde(skip)]
    pub json: Vec<u8>,
}

/// What has to be cut out of the data set, and where to put what takes its place, when the study belongs to another
/// patient. Found by the walk that read everything else, so that both agree on what an element is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientEdit {
    /// Whether elements at the top level are explicit VR.
    pub explicit: bool,
    /// The top level elements that identify a patient, and the group lengths that would be wrong without them, ascending.
    pub cuts: Vec<FramePart>,
    /// The top level elements (0008,0005).
    pub charset_cuts: Vec<FramePart>,
    /// The value of the last of these.
    pub charset: Vec<u8>,
    /// Where (0008,0005), (0010,0010), (0010,0020), (0010,0021), (0010,0030) and (0010,0040) go.
    pub places: [u64; 6],
}

/// Where the frames of an instance are in its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameIndex {
    /// There is no pixel data, or its fragments cannot be told apart into frames (then only the whole instance is served).
    #[default]
    None,
    /// Native pixel data (PS3.5 8.1.1): frames of equal size, one behind another.
    Native {
        /// Where the first frame begins.
        offset: u64,
        /// Bits of one frame. Not a multiple of 8 only for frames of one bit a pixel, which are packed without gaps.
        frame_bits: u64,
        /// Frames that are there whole.
        frames: u32,
    },
    /// Encapsulated pixel data (PS3.5 A.4).
    Encapsulated {
        /// The fragments that belong to frames, in order.
        fragments: Vec<FramePart>,
        /// For each frame the index of its first fragment.
        starts: Vec<u32>,
    },
}

/// Some bytes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FramePart {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// Where one frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePlace<'a> {
    /// Its bytes, to be concatenated.
    pub parts: std::borrow::Cow<'a, [FramePart]>,
    /// The bit of the first byte at which it begins, 0 unless frames of one bit a pixel are packed without gaps.
    pub first_bit: u8,
    /// How many bits belong to the frame, counted from there; for encapsulated frames all.
    pub bits: u64,
}

/// What rendering one frame takes (PS3.3 C.7.6.3, C.11.1, C.11.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageDescription {
    /// (0028,0010)
    pub rows: u16,
    /// (0028,0011)
    pub columns: u16,
    /// (0028,0002), 1 when absent.
    pub samples: u16,
    /// (0028,0004)
    pub photometric: Photometric,
    /// (0028,0006): 0 colour by pixel, 1 colour by plane.
    pub planar: u16,
    /// (0028,0100)
    pub bits_allocated: u16,
    /// (0028,0101)
    pub bits_stored: u16,
    /// (0028,0102)
    pub high_bit: u16,
    /// (0028,0103) is 1.
    pub signed: bool,
    /// Whether values are IEEE floating point: (7FE0,0008) when 32 bits are allocated, (7FE0,0009) when 64.
    pub float: bool,
    /// Whether native values are big endian.
    pub big_endian: bool,
    /// Whether the pixel data is of VR OW: in big endian streams 8-bit samples are then swapped in pairs.
    pub words: bool,
    /// (0028,0008), 1 when absent.
    pub frames: u32,
    /// (0018,1063) in milliseconds, or 1000 / (0018,0040), for cine; `None` when the instance does not say.
    pub frame_time: Option<f64>,
    /// (0028,1053); 1 when absent.
    pub rescale_slope: f64,
    /// (0028,1052); 0 when absent.
    pub rescale_intercept: f64,
    /// (0028,1050) with (0028,1051), as many as there are of both.
    pub windows: Vec<Window>,
    /// (0028,1056)
    pub voi_function: VoiFunction,
    /// The first item of the Modality LUT Sequence (0028,3000).
    pub modality_lut: Option<Lut>,
    /// The first item of the VOI LUT Sequence (0028,3010).
    pub voi_lut: Option<Lut>,
    /// (0028,1101) to (0028,1203), also segmented ones (0028,1221) to (0028,1223), expanded.
    pub palette: Option<Palette>,
    /// (0028,0120)
    pub pixel_padding: Option<i32>,
    /// (2050,0020) is INVERSE.
    pub inverse: bool,
}

/// Photometric Interpretation (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Photometric {
    /// Low values are white.
    Monochrome1,
    /// Low values are black; also taken when the attribute is absent and there is one sample.
    #[default]
    Monochrome2,
    /// Values are indices into the palette.
    PaletteColor,
    /// Red, green, blue; also taken when the attribute is absent and there are three samples.
    Rgb,
    /// YCbCr of full range (ITU-R BT.601).
    YbrFull,
    /// The same, chroma halved horizontally.
    YbrFull422,
    /// The same, chroma halved both ways.
    YbrPartial420,
    /// YCbCr of studio range, chroma halved horizontally (retired).
    YbrPartial422,
    /// Irreversible colour transform of JPEG 2000; decoders give RGB.
    YbrIct,
    /// Reversible colour transform of JPEG 2000; decoders give RGB.
    YbrRct,
    /// Anything else, which cannot be rendered.
    Other,
}

/// A window (PS3.3 C.11.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// (0028,1050)
    pub center: f64,
    /// (0028,1051)
    pub width: f64,
}

/// VOI LUT Function (PS3.3 C.11.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoiFunction {
    /// C.11.2.1.2.1
    #[default]
    Linear,
    /// C.11.2.1.3.2
    LinearExact,
    /// C.11.2.1.3.1
    Sigmoid,
}

/// A lookup table (PS3.3 C.11.1.1, C.11.2.1.1), at most 65,536 entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lut {
    /// The input value that the first entry is for.
    pub first: i32,
    /// Bits of an entry, 8 to 16.
    pub bits: u16,
    /// The entries.
    pub entries: Vec<u16>,
}

/// Palette colour lookup tables (PS3.3 C.7.6.3.1.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Palette {
    /// (0028,1201)
    pub red: Lut,
    /// (0028,1202)
    pub green: Lut,
    /// (0028,1203)
    pub blue: Lut,
}

impl MetadataObject {
    /// The version that is written today.
    pub const VERSION: u8 = 1;

    /// The bytes to be sealed: version, length of the head as 4 bytes little endian, head as postcard, JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = postcard::to_stdvec(self).expect("plain data always serialises");
        let mut bytes = Vec::with_capacity(5 + head.len() + self.json.len());
        bytes.push(Self::VERSION);
        bytes.extend_from_slice(&u32::try_from(head.len()).expect("limits keep the head below 4 GiB").to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.json);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        let (head, json) = split(bytes)?;
        let mut object: Self = postcard::from_bytes(head).map_err(|_| MetadataError::Damaged)?;
        object.json = json.to_vec();
        Ok(object)
    }

    /// Turns a native frame of a big endian data set into little endian, as every octet-stream of PS3.18 8.7.3 is;
    /// leaves other frames as they are.
    pub fn frame_to_little_endian(&self, frame: &mut [u8]) {
        let Some(image) = self.image.as_ref().filter(|image| image.big_endian) else { return };
        let unit = match (&self.frames, image.bits_allocated) {
            (FrameIndex::Native { .. }, 8) if image.words => 2,
            (FrameIndex::Native { .. }, bits @ (16 | 32 | 64)) => usize::from(bits) / 8,
            _ => return,
        };
        frame.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
    }

    /// The JSON within what [`Self::to_bytes`] wrote, without reading the rest.
    pub fn json_of(bytes: &[u8]) -> Result<&[u8], MetadataError> {
        split(bytes).map(|(_, json)| json)
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), MetadataError> {
    let (&version, rest) = bytes.split_first().ok_or(MetadataError::Damaged)?;
    if version != MetadataObject::VERSION {
        return Err(MetadataError::Version(version));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(MetadataError::Damaged)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(MetadataError::Damaged)
}

impl std::fmt::Debug for MetadataObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetadataObject").field("frames", &self.frames.count()).finish_non_exhaustive()
    }
}

impl FrameIndex {
    /// How many frames there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Native { frames, .. } => *frames,
            Self::Encapsulated { starts, .. } => u32::try_from(starts.len()).unwrap_or(u32::MAX),
        }
    }

    /// Where frame `number` is, counted from 1 as PS3.18 counts.
    #[must_use]
    pub fn place(&self, number: u32) -> Option<FramePlace<'_>> {
        let index = number.checked_sub(1)?;
        match self {
            Self::None => None,
            Self::Native { offset, frame_bits, frames } => {
                let first = u64::from(index).checked_mul(*frame_bits)?;
                let end = first.checked_add(*frame_bits)?;
                let part = FramePart { offset: offset + first / 8, length: end.div_ceil(8) - first / 8 };
                (index < *frames).then(|| FramePlace {
                    parts: vec![part].into(),
                    first_bit: (first % 8) as u8,
                    bits: *frame_bits,
                })
            }
            Self::Encapsulated { fragments, starts } => {
                let from = *starts.get(index as usize)? as usize;
                let to = starts.get(index as usize + 1).map_or(fragments.len(), |&start| start as usize);
                let parts = fragments.get(from..to)?;
                let bits = parts.iter().map(|part| part.length.saturating_mul(8)).sum();
                Some(FramePlace { parts: parts.into(), first_bit: 0, bits })
            }
        }
    }
}
