//! From a frame's bytes to samples, by transfer syntax (PS3.5 section 8, Annex A).

use std::io::Read;

use dataset::{ImageDescription, Photometric};
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};
use model::Uid;

use crate::{RenderError, codestream, rle, within_limits};

/// Samples of one frame. Three samples a pixel are interleaved; chroma is at full resolution.
pub(crate) struct Decoded {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: usize,
    pub(crate) cells: Cells,
    /// Whether a colour transform of the codec was undone, so that three samples are red, green and blue.
    pub(crate) is_rgb: bool,
}

/// Sample values as stored: not sign extended, not masked.
pub(crate) enum Cells {
    Bits8(Vec<u8>),
    Bits16(Vec<u16>),
    Bits32(Vec<u32>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
}

/// A code stream with more pixels than this for each of its bytes, and more than [`PIXELS_FREE`], is a bomb.
const PIXELS_PER_BYTE_MAX: u64 = 4096;
const PIXELS_FREE: u64 = 1 << 22;

/// Decodes one frame.
pub(crate) fn decode(
    description: &ImageDescription,
    transfer_syntax: &Uid,
    frame: &[u8],
    first_bit: u8,
) -> Result<Decoded, RenderError> {
    const JPEG: &str = "1.2.840.10008.1.2.4.";
    let uid = transfer_syntax.as_str();
    match uid {
        "1.2.840.10008.1.2"
        | "1.2.840.10008.1.2.1"
        | "1.2.840.10008.1.2.1.99"
        | "1.2.840.10008.1.2.2"
        | "1.2.840.113619.5.2" => native(description, frame, first_bit),
        "1.2.840.10008.1.2.5" => native(&rle::as_native(description), &rle::decode(description, frame)?, 0),
        "1.2.840.10008.1.2.8.1" => native(description, &inflate(description, frame)?, 0),
        _ => match uid.strip_prefix(JPEG) {
            Some("50" | "51" | "53" | "55" | "57" | "70") => jpeg(description, frame),
            Some("80" | "81") => jpeg_ls(description, frame),
            Some("90" | "91" | "92" | "93" | "201" | "202" | "203") => jpeg_2000(description, frame),
            _ => Err(RenderError::NotDecodable),
        },
    }
}

// Native

fn native(description: &ImageDescription, frame: &[u8], first_bit: u8) -> Result<Decoded, RenderError> {
    let (width, height) = (usize::from(description.columns), usize::from(description.rows));
    let samples = usize::from(description.samples);
    within_limits(width as u64, height as u64)?;
    if samples == 3
        && matches!(
            description.photometric,
            Photometric::YbrFull422 | Photometric::YbrPartial422 | Photometric::YbrPartial420
        )
    {
        return halved_chroma(description, frame, width, height);
    }
    if samples != 1 && samples != 3 {
        return Err(RenderError::NotDecodable);
    }
    let count = width * height * samples;
    let mut cells = cells(description, frame, first_bit, count)?;
    if samples == 3 && description.planar == 1 {
        cells = interleaved(cells, width * height);
    }
    Ok(Decoded { width, height, samples, cells, is_rgb: false })
}

fn cells(description: &ImageDescription, frame: &[u8], first_bit: u8, count: usize) -> Result<Cells, RenderError> {
    let bytes = |each: usize| frame.get(..count * each).ok_or(RenderError::Damaged);
    let big = description.big_endian;
    Ok(match (description.bits_allocated, description.float) {
        (1, false) => {
            let bit = |at: usize| frame.get(at / 8).map(|byte| byte >> (at % 8) & 1);
            let first = usize::from(first_bit);
            Cells::Bits8((first..first + count).map(bit).collect::<Option<_>>().ok_or(RenderError::Damaged)?)
        }
        // 8-bit samples in words of a big endian stream are swapped in pairs
        (8, false) if big && description.words => {
            let words = frame.get(..(count + count % 2).min(frame.len())).unwrap_or_default();
            let mut swapped: Vec<u8> = words.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect();
            swapped.truncate(count);
            if swapped.len() < count {
                return Err(RenderError::Damaged);
            }
            Cells::Bits8(swapped)
        }
        (8, false) => Cells::Bits8(bytes(1)?.to_vec()),
        (16, false) => Cells::Bits16(each(bytes(2)?, if big { u16::from_be_bytes } else { u16::from_le_bytes })),
        (32, false) => Cells::Bits32(each(bytes(4)?, if big { u32::from_be_bytes } else { u32::from_le_bytes })),
        (32, true) => Cells::Float32(each(bytes(4)?, if big { f32::from_be_bytes } else { f32::from_le_bytes })),
        (64, true) => Cells::Float64(each(bytes(8)?, if big { f64::from_be_bytes } else { f64::from_le_bytes })),
        _ => return Err(RenderError::NotDecodable),
    })
}

fn each<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
}

/// Colour by plane becomes colour by pixel (PS3.3 C.7.6.3.1.3).
fn interleaved(cells: Cells, pixels: usize) -> Cells {
    fn weave<T: Copy>(planes: &[T], pixels: usize) -> Vec<T> {
        (0..pixels).flat_map(|at| [planes[at], planes[pixels + at], planes[2 * pixels + at]]).collect()
    }
    match cells {
        Cells::Bits8(planes) => Cells::Bits8(weave(&planes, pixels)),
        Cells::Bits16(planes) => Cells::Bits16(weave(&planes, pixels)),
        Cells::Bits32(planes) => Cells::Bits32(weave(&planes, pixels)),
        other => other,
    }
}

/// Native YBR with halved chroma (PS3.3 C.7.6.3.1.2): Y Y Cb Cr for two pixels, or the same with chroma on every
/// other line.
fn halved_chroma(
    description: &ImageDescription,
    frame: &[u8],
    width: usize,
    height: usize,
) -> Result<Decoded, RenderError> {
    if description.bits_allocated != 8 || description.photometric == Photometric::YbrPartial420 || width % 2 == 1 {
        return Err(RenderError::NotDecodable);
    }
    let groups = frame.get(..width * height * 2).ok_or(RenderError::Damaged)?;
    let full = groups.as_chunks::<4>().0.iter().flat_map(|&[y1, y2, cb, cr]| [y1, cb, cr, y2, cb, cr]).collect();
    Ok(Decoded { width, height, samples: 3, cells: Cells::Bits8(full), is_rgb: false })
}

/// Deflated Image Frame Compression (PS3.5 A.4.13), at most as long as the native frame.
fn inflate(description: &ImageDescription, frame: &[u8]) -> Result<Vec<u8>, RenderError> {
    let pixels = u64::from(description.rows) * u64::from(description.columns) * u64::from(description.samples);
    let bytes = pixels.saturating_mul(description.bits_allocated.into()).div_ceil(8);
    let mut native = Vec::new();
    let mut inflater = flate2::read::DeflateDecoder::new(frame).take(bytes);
    inflater.read_to_end(&mut native).map_err(|_| RenderError::Damaged)?;
    Ok(native)
}

/// Whether a code stream is of the size that the image says, and of a length that such an image can have.
fn fits(description: &ImageDescription, width: u32, height: u32, frame: &[u8]) -> Result<(), RenderError> {
    within_limits(width.into(), height.into())?;
    let pixels = u64::from(width) * u64::from(height);
    let is_bomb = pixels > (frame.len() as u64).saturating_mul(PIXELS_PER_BYTE_MAX) && pixels > PIXELS_FREE;
    let is_other = (width, height) != (description.columns.into(), description.rows.into());
    if is_bomb || is_other { Err(RenderError::Damaged) } else { Ok(()) }
}

// JPEG

fn jpeg(description: &ImageDescription, frame: &[u8]) -> Result<Decoded, RenderError> {
    let header = codestream::jpeg(frame).ok_or(RenderError::Damaged)?;
    fits(description, header.width, header.height, frame)?;
    let mut decoder = Decoder::new(frame);
    decoder.set_max_decoding_buffer_size(header.width as usize * header.height as usize * 4);
    // only an encoder's own marker says otherwise than the attribute
    if header.components == 3 && header.lossless {
        decoder.set_color_transform(ColorTransform::None);
    } else if header.components == 3 && !header.says_colour && description.photometric == Photometric::Rgb {
        decoder.set_color_transform(ColorTransform::RGB);
    }
    let bytes = decoder.decode().map_err(jpeg_error)?;
    let info = decoder.info().ok_or(RenderError::Damaged)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let (samples, cells) = match info.pixel_format {
        PixelFormat::L8 => (1, Cells::Bits8(bytes)),
        PixelFormat::L16 => (1, Cells::Bits16(each(&bytes, u16::from_ne_bytes))),
        PixelFormat::RGB24 => (3, Cells::Bits8(bytes)),
        PixelFormat::CMYK32 => return Err(RenderError::NotDecodable),
    };
    Ok(Decoded { width, height, samples, cells, is_rgb: samples == 3 && !header.lossless })
}

fn jpeg_error(error: jpeg_decoder::Error) -> RenderError {
    match error {
        jpeg_decoder::Error::Unsupported(_) => RenderError::NotDecodable,
        _ => RenderError::Damaged,
    }
}

// JPEG-LS

fn jpeg_ls(description: &ImageDescription, frame: &[u8]) -> Result<Decoded, RenderError> {
    let header = codestream::jpeg(frame).ok_or(RenderError::Damaged)?;
    fits(description, header.width, header.height, frame)?;
    if header.components != 1 {
        return Err(RenderError::NotDecodable);
    }
    let (cells, width, height) =
        jpegls::decode(frame, header.width, header.height).map_err(|_| RenderError::Damaged)?;
    Ok(Decoded {
        width: width as usize,
        height: height as usize,
        samples: 1,
        cells: Cells::Bits16(cells),
        is_rgb: false,
    })
}

// JPEG 2000

fn jpeg_2000(description: &ImageDescription, frame: &[u8]) -> Result<Decoded, RenderError> {
    let (width, height) = codestream::jpeg_2000(frame).ok_or(RenderError::Damaged)?;
    fits(description, width, height, frame)?;
    let image = jpeg2k::Image::from_bytes(frame).map_err(|_| RenderError::Damaged)?;
    let components = image.components();
    let samples = components.len();
    let whole = |component: &jpeg2k::ImageComponent| component.width() == width && component.height() == height;
    if !matches!(samples, 1 | 3) || !components.iter().all(whole) {
        return Err(RenderError::NotDecodable);
    }
    let wide = components.iter().any(|component| component.precision() > 16);
    let (width, height) = (width as usize, height as usize);
    let planes: Vec<&[i32]> = components.iter().map(jpeg2k::ImageComponent::data).collect();
    let values = (0..width * height).flat_map(|at| planes.iter().map(move |plane| plane[at]));
    let cells = if wide {
        Cells::Bits32(values.map(|value| value as u32).collect())
    } else {
        Cells::Bits16(values.map(|value| value as u16).collect())
    };
    Ok(Decoded { width, height, samples, cells, is_rgb: samples == 3 })
}
