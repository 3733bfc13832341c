//! Renders one frame as JPEG (PS3.18 8.7.4 and 10.4.1.1.3, rendered media types).
//!
//! Decodes what there is a well-kept decoder for, then applies modality LUT, VOI and palette as PS3.3 C.11 and
//! C.7.6.3 have them. Everything comes from outside, so every size is limited and a decoder that panics is caught.
//! Not decoded, and answered as [`RenderError::NotDecodable`]: 12-bit JPEG, JPEG-LS in colour, JPEG XL, video.

mod codestream;
mod colour;
mod decode;
mod grey;
mod rle;
mod scale;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dataset::{ImageDescription, Photometric, Window};
use jpeg_encoder::{ColorType, Encoder};
use model::Uid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::decode::Decoded;

/// The most pixels of a frame that is rendered (a frame of 8,192 by 8,192; a digitised film has half of that).
pub const PIXELS_MAX: u64 = 1 << 26;

/// How to render.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderOptions {
    /// The window; `None` takes the image's own, or its VOI LUT, or, when it has neither, the smallest and largest
    /// value of the frame (all values where they have 8 bits or fewer, so that a cine loop does not flicker).
    pub window: Option<Window>,
    /// The box (width, height) that the picture must fit into; it is never enlarged. `None` renders all pixels.
    pub viewport: Option<(u32, u32)>,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { window: None, viewport: None, quality: 90 }
    }
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// There is no decoder for this transfer syntax, or for this variant of it. HTTP 406.
    #[error("this image cannot be rendered here; open it in the viewer or retrieve it as it is stored")]
    NotDecodable,
    /// The frame is damaged or does not fit its description. HTTP 406.
    #[error("this frame is damaged and cannot be rendered; retrieve the instance as it is stored")]
    Damaged,
    /// The picture would be larger than [`PIXELS_MAX`]. HTTP 413.
    #[error("this frame has more than {max} pixels and is not rendered; retrieve it as it is stored", max = PIXELS_MAX)]
    TooLarge,
}

/// Renders one frame. `frame` holds its bytes: a native frame, or the fragments of an encapsulated one concatenated;
/// `first_bit` is that of [`dataset::FramePlace`].
pub fn render_frame(
    description: &ImageDescription,
    transfer_syntax: &Uid,
    frame: &[u8],
    first_bit: u8,
    options: RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    within_limits(description.columns.into(), description.rows.into())?;
    // a decoder that meets what its authors did not foresee ends one picture, not the process
    let picture = catch_unwind(AssertUnwindSafe(|| picture(description, transfer_syntax, frame, first_bit, options)));
    encode(picture.map_err(|_| RenderError::Damaged)??, options.quality)
}

/// What a screen shows: 8 bits, one or three samples a pixel.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: usize,
    pub(crate) pixels: Vec<u8>,
}

fn picture(
    description: &ImageDescription,
    transfer_syntax: &Uid,
    frame: &[u8],
    first_bit: u8,
    options: RenderOptions,
) -> Result<Picture, RenderError> {
    let decoded = decode::decode(description, transfer_syntax, frame, first_bit)?;
    let Decoded { width, height, samples, .. } = decoded;
    let pixels = match (description.photometric, samples) {
        (Photometric::PaletteColor, 1) => colour::palette(description, &decoded)?,
        (_, 1) => grey::grey(description, &decoded, options.window)?,
        (_, 3) => colour::rgb(description, decoded)?,
        _ => return Err(RenderError::NotDecodable),
    };
    let samples = if pixels.len() == width * height { 1 } else { 3 };
    Ok(scale::fit(Picture { width, height, samples, pixels }, options.viewport))
}

fn encode(picture: Picture, quality: u8) -> Result<Vec<u8>, RenderError> {
    let mut jpeg = Vec::with_capacity(picture.pixels.len() / 4 + 1024);
    let encoder = Encoder::new(&mut jpeg, quality.clamp(1, 100));
    let side = |pixels: usize| u16::try_from(pixels).map_err(|_| RenderError::TooLarge);
    let (width, height) = (side(picture.width)?, side(picture.height)?);
    let colour = if picture.samples == 1 { ColorType::Luma } else { ColorType::Rgb };
    encoder.encode(&picture.pixels, width, height, colour).map_err(|_| RenderError::Damaged)?;
    Ok(jpeg)
}

/// Checked before anything is allocated for a picture.
pub(crate) fn within_limits(width: u64, height: u64) -> Result<(), RenderError> {
    match width.checked_mul(height) {
        None | Some(0) => Err(RenderError::Damaged),
        Some(pixels) if pixels > PIXELS_MAX => Err(RenderError::TooLarge),
        Some(_) => Ok(()),
    }
}
