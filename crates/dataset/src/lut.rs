//! Lookup tables (PS3.3 C.7.6.3.1.5, C.7.9.2, C.11.1, C.11.2).

use crate::element::Syntax;
use crate::metadata::{Lut, Palette};

/// The most entries of a table (a descriptor's 0 means as many).
const ENTRIES_MAX: usize = 65_536;

/// The longest table data that is kept, in bytes.
pub(crate) const LUT_BYTES_MAX: usize = ENTRIES_MAX * 2;

/// Descriptor and data as they came, until both are there.
#[derive(Default)]
pub(crate) struct RawLut {
    descriptor: Option<[u16; 3]>,
    data: Vec<u16>,
    bytes: Vec<u8>,
}

impl RawLut {
    pub(crate) fn descriptor(&mut self, raw: &[u8], syntax: Syntax) {
        if raw.len() >= 6 {
            self.descriptor = Some([syntax.u16(raw), syntax.u16(&raw[2..]), syntax.u16(&raw[4..])]);
        }
    }

    /// Table data as words; 8-bit entries may be packed two a word, low byte first.
    pub(crate) fn data(&mut self, raw: &[u8], syntax: Syntax) {
        self.data = raw.chunks_exact(2).map(|pair| syntax.u16(pair)).collect();
        self.bytes = if raw.len() < ENTRIES_MAX && !syntax.big_endian {
            raw.to_vec()
        } else {
            self.data.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
    }

    /// Segmented data (C.7.9.2), expanded.
    pub(crate) fn segments(&mut self, raw: &[u8], syntax: Syntax) {
        let words: Vec<u16> = raw.chunks_exact(2).map(|pair| syntax.u16(pair)).collect();
        let mut entries = Vec::new();
        expand(&words, &mut entries, true);
        self.data = entries;
        self.bytes = Vec::new();
    }

    /// The table; `signed` says how to read its first input value (C.11.1.1.1).
    pub(crate) fn finish(self, signed: bool) -> Option<Lut> {
        let [count, first, bits] = self.descriptor?;
        let count = if count == 0 { ENTRIES_MAX } else { count.into() };
        let first = if signed { i32::from(first as i16) } else { first.into() };
        let mut entries = self.data;
        if bits <= 8 && entries.len() < count && self.bytes.len() >= count {
            entries = self.bytes.iter().map(|&byte| byte.into()).collect();
        }
        entries.truncate(count);
        (!entries.is_empty()).then_some(Lut { first, bits: bits.clamp(8, 16), entries })
    }
}

/// Red, green, blue, when all three are there.
pub(crate) fn palette([red, green, blue]: [RawLut; 3], signed: bool) -> Option<Palette> {
    Some(Palette { red: red.finish(signed)?, green: green.finish(signed)?, blue: blue.finish(signed)? })
}

/// Discrete (0), linear (1) and indirect (2) segments. An indirect one repeats earlier segments and holds none itself.
fn expand(words: &[u16], entries: &mut Vec<u16>, indirect_allowed: bool) -> usize {
    let mut at = 0;
    while entries.len() < ENTRIES_MAX {
        let Some(taken) = segment(words, at, entries, indirect_allowed) else { break };
        at += taken;
    }
    entries.truncate(ENTRIES_MAX);
    at
}

/// One segment that begins at word `at`: appends its entries and gives the words it takes.
fn segment(words: &[u16], at: usize, entries: &mut Vec<u16>, indirect_allowed: bool) -> Option<usize> {
    let &[opcode, length] = words.get(at..at + 2)? else { return None };
    let length = usize::from(length);
    match opcode {
        0 => {
            entries.extend_from_slice(words.get(at + 2..at + 2 + length)?);
            Some(2 + length)
        }
        1 => {
            let end = f64::from(*words.get(at + 2)?);
            let start = f64::from(*entries.last()?);
            entries
                .extend((1..=length).map(|step| (start + (end - start) * step as f64 / length as f64).round() as u16));
            Some(3)
        }
        2 if indirect_allowed => {
            let &[low, high] = words.get(at + 2..at + 4)? else { return None };
            let mut from = (usize::from(high) << 16 | usize::from(low)) / 2;
            if from >= at {
                return None;
            }
            for _ in 0..length {
                if entries.len() >= ENTRIES_MAX {
                    break;
                }
                from += segment(words, from, entries, false)?;
            }
            Some(4)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[track_caller]
    fn check(descriptor: [u16; 3], data: &[u8], entries: Option<&[u16]>) {
        let mut lut = RawLut::default();
        lut.descriptor(&bytes(&descriptor), Syntax::EXPLICIT);
        lut.data(data, Syntax::EXPLICIT);
        assert_eq!(lut.finish(false).map(|lut| lut.entries).as_deref(), entries);
    }

    #[test]
    fn entries_are_words_or_packed_bytes() {
        check([2, 0, 16], &bytes(&[0x1234, 0x5678]), Some(&[0x1234, 0x5678]));
        check([4, 0, 8], &[1, 2, 3, 4], Some(&[1, 2, 3, 4]));
        check([2, 0, 8], &bytes(&[1, 2]), Some(&[1, 2]));
        check([2, 0, 16], &[], None);
    }

    #[test]
    fn segments_are_expanded() {
        let mut lut = RawLut::default();
        lut.descriptor(&bytes(&[8, 0, 16]), Syntax::EXPLICIT);
        // discrete 0, 10; linear to 40 in 3 steps; the discrete one again by its byte offset
        lut.segments(&bytes(&[0, 2, 0, 10, 1, 3, 40, 2, 1, 0, 0]), Syntax::EXPLICIT);
        assert_eq!(lut.finish(false).map(|lut| lut.entries), Some(vec![0, 10, 20, 30, 40, 0, 10]));
    }

    #[test]
    fn damaged_segments_end_the_table() {
        for words in [&[0u16, 9, 1][..], &[1, 3, 40], &[2, 1, 0, 0], &[7, 7, 7], &[0, 1, 5, 2, 9, 6, 0], &[0]] {
            let mut entries = Vec::new();
            expand(words, &mut entries, true);
            assert!(entries.len() <= 1, "{words:?}");
        }
    }

    #[test]
    fn a_small_segment_list_cannot_grow_past_the_limit() {
        let mut words = vec![0, 1, 7, 1, 65_535, 9];
        words.extend([2, 65_535, 0, 0].repeat(100));
        let mut entries = Vec::new();
        expand(&words, &mut entries, true);
        assert_eq!(entries.len(), ENTRIES_MAX);
    }
}
