//! RLE Lossless (PS3.5 Annex G): byte planes of samples, each PackBits.

use dataset::ImageDescription;

use crate::RenderError;

/// Bytes of the header: the number of segments and fifteen offsets (G.5).
const HEADER_BYTES: usize = 64;

/// How [`decode`] lays samples out: little endian, colour by plane.
pub(crate) fn as_native(description: &ImageDescription) -> ImageDescription {
    let mut native = description.clone();
    native.big_endian = false;
    native.planar = 1;
    // chroma is at full resolution whatever the attribute says
    if description.samples == 3 && description.photometric != dataset::Photometric::Rgb {
        native.photometric = dataset::Photometric::YbrFull;
    }
    native
}

/// The frame as native bytes, little endian, colour by plane.
pub(crate) fn decode(description: &ImageDescription, frame: &[u8]) -> Result<Vec<u8>, RenderError> {
    let pixels = usize::from(description.rows) * usize::from(description.columns);
    let bytes = usize::from(description.bits_allocated.div_ceil(8));
    let samples = usize::from(description.samples);
    if !matches!(bytes, 1 | 2 | 4) || !matches!(samples, 1 | 3) || description.bits_allocated == 1 {
        return Err(RenderError::NotDecodable);
    }
    let word = |at: usize| Some(u32::from_le_bytes(*frame.get(at * 4..)?.first_chunk()?) as usize);
    let segments = word(0).ok_or(RenderError::Damaged)?;
    if segments != bytes * samples || frame.len() < HEADER_BYTES {
        return Err(RenderError::Damaged);
    }
    let mut native = vec![0; pixels * bytes * samples];
    for segment in 0..segments {
        let start = word(1 + segment).ok_or(RenderError::Damaged)?;
        let end = if segment + 1 < segments { word(2 + segment).ok_or(RenderError::Damaged)? } else { frame.len() };
        let packed = frame.get(start..end).ok_or(RenderError::Damaged)?;
        // segments go from the most significant byte of a sample to the least (G.2)
        let (sample, significance) = (segment / bytes, bytes - 1 - segment % bytes);
        let plane = &mut native[sample * pixels * bytes..(sample + 1) * pixels * bytes];
        unpack(packed, plane.iter_mut().skip(significance).step_by(bytes)).ok_or(RenderError::Damaged)?;
    }
    Ok(native)
}

/// PackBits (G.3.2); `None` when the segment ends before the plane is full.
fn unpack<'a>(mut packed: &[u8], mut plane: impl ExactSizeIterator<Item = &'a mut u8>) -> Option<()> {
    while plane.len() > 0 {
        let (&control, rest) = packed.split_first()?;
        packed = rest;
        match control {
            0..=127 => {
                let (literal, rest) = packed.split_at_checked(usize::from(control) + 1)?;
                packed = rest;
                plane.by_ref().zip(literal).for_each(|(place, &byte)| *place = byte);
            }
            128 => {}
            129.. => {
                let (&byte, rest) = packed.split_first()?;
                packed = rest;
                plane.by_ref().take(257 - usize::from(control)).for_each(|place| *place = byte);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(packed: &[u8], length: usize, expected: Option<&[u8]>) {
        let mut plane = vec![0; length];
        let done = unpack(packed, plane.iter_mut());
        assert_eq!(done.map(|()| plane).as_deref(), expected);
    }

    #[test]
    fn literals_and_runs_are_unpacked() {
        check(&[1, 7, 8, 128, 254, 9], 5, Some(&[7, 8, 9, 9, 9]));
        check(&[129, 1], 4, Some(&[1, 1, 1, 1]));
        check(&[], 0, Some(&[]));
    }

    #[test]
    fn a_segment_that_ends_early_is_refused() {
        check(&[], 1, None);
        check(&[2, 1, 2], 3, None);
        check(&[200], 3, None);
        check(&[0, 1], 3, None);
    }
}
