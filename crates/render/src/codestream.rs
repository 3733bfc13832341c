//! What a code stream says of itself, read before a decoder gets to see it.

/// The frame header of a JPEG or JPEG-LS stream (ISO/IEC 10918-1 B.2.2, 14495-1 C.2.2).
pub(crate) struct JpegHeader {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) components: u8,
    pub(crate) lossless: bool,
    /// Whether an APP0 JFIF or APP14 Adobe segment says what the components are.
    pub(crate) says_colour: bool,
}

/// Walks the segments up to the frame header. `None` when there is none or it has no extent.
pub(crate) fn jpeg(stream: &[u8]) -> Option<JpegHeader> {
    let mut rest = stream.strip_prefix(&[0xFF, 0xD8])?;
    let mut says_colour = false;
    loop {
        let marker = match *rest {
            [0xFF, 0xFF, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xFF, marker, ..] => marker,
            _ => return None,
        };
        rest = &rest[2..];
        if matches!(marker, 0x01 | 0xD0..=0xD7) {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length)?;
        match marker {
            0xE0 => says_colour |= segment.starts_with(b"JFIF\0"),
            0xEE => says_colour |= segment.starts_with(b"Adobe"),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 => {
                let &[_, h1, h2, w1, w2, components, ..] = segment else { return None };
                let (height, width) = (u16::from_be_bytes([h1, h2]).into(), u16::from_be_bytes([w1, w2]).into());
                let lossless = matches!(marker, 0xC3 | 0xC7 | 0xCB | 0xCF | 0xF7);
                return (width > 0 && height > 0).then_some(JpegHeader {
                    width,
                    height,
                    components,
                    lossless,
                    says_colour,
                });
            }
            0xD9 | 0xDA => return None,
            _ => {}
        }
        rest = &rest[length..];
    }
}

/// Width and height by the SIZ segment (ISO/IEC 15444-1 A.5.1) of a code stream, bare or inside a JP2 file.
pub(crate) fn jpeg_2000(stream: &[u8]) -> Option<(u32, u32)> {
    const START: &[u8] = &[0xFF, 0x4F, 0xFF, 0x51];
    const BOXES_BYTES_MAX: usize = 64 << 10;
    let search = &stream[..stream.len().min(BOXES_BYTES_MAX)];
    let at = search.windows(START.len()).position(|window| window == START)?;
    let segment = stream.get(at + START.len()..)?;
    let number = |at: usize| Some(u32::from_be_bytes(*segment.get(at..)?.first_chunk()?));
    // Lsiz and Rsiz, two bytes each, stand before the extents
    let (right, bottom, left, top) = (number(4)?, number(8)?, number(12)?, number(16)?);
    let (width, height) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
    (width > 0 && height > 0).then_some((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_header_is_found_behind_other_segments() {
        let stream =
            [&[0xFF, 0xD8, 0xFF, 0xE0, 0, 7][..], b"JFIF\0", &[0xFF, 0xFF, 0xC3, 0, 11, 8, 1, 2, 3, 4, 1, 1, 0x11, 0]]
                .concat();
        let header = jpeg(&stream).expect("a frame header");
        assert_eq!((header.width, header.height, header.components), (0x304, 0x102, 1));
        assert!(header.lossless && header.says_colour);
    }

    #[test]
    fn streams_without_extent_are_refused() {
        for stream in [
            &b""[..],
            &[0xFF, 0xD8],
            &[0xFF, 0xD8, 0xFF],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 2],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 1],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 0, 3, 4, 1, 1, 0x11, 0],
            &[0xFF, 0xD8, 0xFF, 0xDA, 0, 2],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0xFF, 0xFF, 8],
        ] {
            assert!(jpeg(stream).is_none(), "{stream:?}");
        }
        for stream in [&b""[..], &[0xFF, 0x4F, 0xFF, 0x51], &[0xFF, 0x4F, 0xFF, 0x51, 0, 0, 0, 0, 0, 0, 0, 1]] {
            assert!(jpeg_2000(stream).is_none(), "{stream:?}");
        }
    }
}
