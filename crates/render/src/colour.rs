//! Colour: palettes, YBR, more than 8 bits a sample (PS3.3 C.7.6.3.1.2, C.7.9.1).

use dataset::{ImageDescription, Lut, Photometric};

use crate::RenderError;
use crate::decode::{Cells, Decoded};

/// Three bytes a pixel from a palette.
pub(crate) fn palette(description: &ImageDescription, decoded: &Decoded) -> Result<Vec<u8>, RenderError> {
    let palette = description.palette.as_ref().ok_or(RenderError::NotDecodable)?;
    let bits = u32::from(description.bits_stored.clamp(1, 16));
    let mask = (1u32 << bits) - 1;
    let byte = |lut: &Lut, index: u32| {
        let signed = description.signed && index >> (bits - 1) & 1 == 1;
        let value = i64::from(index) - if signed { 1i64 << bits } else { 0 } - i64::from(lut.first);
        let at = value.clamp(0, lut.entries.len() as i64 - 1) as usize;
        let entry = lut.entries.get(at).copied().unwrap_or(0);
        if lut.bits > 8 { (entry >> (lut.bits - 8)) as u8 } else { entry as u8 }
    };
    let table: Vec<[u8; 3]> = (0..=mask)
        .map(|index| [byte(&palette.red, index), byte(&palette.green, index), byte(&palette.blue, index)])
        .collect();
    let colours = |index: u32| table[(index & mask) as usize];
    match &decoded.cells {
        Cells::Bits8(cells) => Ok(cells.iter().flat_map(|&cell| colours(cell.into())).collect()),
        Cells::Bits16(cells) => Ok(cells.iter().flat_map(|&cell| colours(cell.into())).collect()),
        _ => Err(RenderError::NotDecodable),
    }
}

/// Three bytes a pixel from three samples a pixel.
pub(crate) fn rgb(description: &ImageDescription, decoded: Decoded) -> Result<Vec<u8>, RenderError> {
    let bits = u32::from(description.bits_stored);
    let bytes: Vec<u8> = match decoded.cells {
        Cells::Bits8(cells) => cells,
        Cells::Bits16(cells) => cells.iter().map(|&cell| (cell >> bits.clamp(8, 16).saturating_sub(8)) as u8).collect(),
        Cells::Bits32(cells) => cells.iter().map(|&cell| (cell >> bits.clamp(8, 32).saturating_sub(8)) as u8).collect(),
        Cells::Float32(_) | Cells::Float64(_) => return Err(RenderError::NotDecodable),
    };
    if decoded.is_rgb {
        return Ok(bytes);
    }
    match description.photometric {
        Photometric::Rgb | Photometric::YbrRct | Photometric::YbrIct => Ok(bytes),
        Photometric::YbrFull | Photometric::YbrFull422 => Ok(converted(bytes, full_range)),
        Photometric::YbrPartial420 | Photometric::YbrPartial422 => {
            // studio range: 16 to 235 and 16 to 240
            Ok(converted(bytes, |y, cb, cr| {
                full_range((y - 16.0) * 255.0 / 219.0, cb * 255.0 / 224.0, cr * 255.0 / 224.0)
            }))
        }
        _ => Err(RenderError::NotDecodable),
    }
}

/// Chroma comes centred at 0.
fn converted(mut bytes: Vec<u8>, to_rgb: impl Fn(f32, f32, f32) -> [u8; 3]) -> Vec<u8> {
    for pixel in bytes.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(f32::from);
        *pixel = to_rgb(y, cb - 128.0, cr - 128.0);
    }
    bytes
}

/// PS3.3 C.7.6.3.1.2, the inverse.
fn full_range(y: f32, cb: f32, cr: f32) -> [u8; 3] {
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ybr_of_the_primaries_is_undone() {
        for (ybr, rgb) in
            [([76, 85, 255], [254, 0, 0]), ([255, 128, 128], [255, 255, 255]), ([29, 255, 107], [0, 0, 254])]
        {
            assert_eq!(converted(ybr.to_vec(), full_range), rgb);
        }
    }

    #[test]
    fn indices_outside_a_palette_take_its_ends() {
        let lut = |entries: &[u16]| Lut { first: 10, bits: 16, entries: entries.to_vec() };
        let description = ImageDescription {
            bits_stored: 8,
            palette: Some(dataset::Palette {
                red: lut(&[0x1000, 0xFFFF]),
                green: lut(&[0, 0]),
                blue: lut(&[0xFF00, 0x0100]),
            }),
            ..ImageDescription::default()
        };
        let decoded = Decoded { width: 3, height: 1, samples: 1, cells: Cells::Bits8(vec![0, 10, 200]), is_rgb: false };
        assert_eq!(palette(&description, &decoded), Ok(vec![0x10, 0, 0xFF, 0x10, 0, 0xFF, 0xFF, 0, 1]));
    }
}
