//! From fragments to frames (PS3.5 A.4).

use crate::metadata::{FrameIndex, FramePart};

/// What encapsulated pixel data is made of.
#[derive(Default)]
pub(crate) struct Encapsulated {
    /// Basic Offset Table: from the first byte behind it to the item of each frame.
    pub(crate) basic_offsets: Vec<u32>,
    /// Extended Offset Table (7FE0,0001).
    pub(crate) extended_offsets: Vec<u64>,
    /// Extended Offset Table Lengths (7FE0,0002).
    pub(crate) extended_lengths: Vec<u64>,
    /// Every fragment.
    pub(crate) fragments: Vec<FramePart>,
    /// Which fragments begin as a code stream begins.
    pub(crate) begins: Vec<bool>,
    /// Where the first item behind the Basic Offset Table begins.
    pub(crate) first_item: u64,
}

/// Bytes of a fragment that [`begins_code_stream`] looks at.
pub(crate) const MARKER_BYTES: usize = 12;

/// Whether a fragment begins as a JPEG, JPEG-LS, JPEG 2000 or JPEG XL code stream or file does.
pub(crate) fn begins_code_stream(fragment: &[u8]) -> bool {
    [&[0xFF, 0xD8, 0xFF][..], &[0xFF, 0x4F, 0xFF, 0x51], b"\0\0\0\x0CjP  ", &[0xFF, 0x0A], b"\0\0\0\x0CJXL "]
        .iter()
        .any(|marker| fragment.starts_with(marker))
}

impl Encapsulated {
    /// Which fragments make which frame. `frames` is Number of Frames; `None` when fragments cannot be told apart.
    pub(crate) fn index(self, frames: u32, video: bool) -> FrameIndex {
        let starts = if video || self.fragments.is_empty() { None } else { self.starts(frames as usize) };
        match starts {
            Some(starts) => FrameIndex::Encapsulated { fragments: self.lengths_cut(&starts), starts },
            None => FrameIndex::None,
        }
    }

    fn starts(&self, frames: usize) -> Option<Vec<u32>> {
        if frames <= 1 {
            return Some(vec![0]);
        }
        if let Some(starts) = self.by_offsets(&self.extended_offsets, frames) {
            return Some(starts);
        }
        let basic: Vec<u64> = self.basic_offsets.iter().map(|&offset| offset.into()).collect();
        if let Some(starts) = self.by_offsets(&basic, frames) {
            return Some(starts);
        }
        if self.fragments.len() <= frames {
            // one fragment a frame; when there are fewer, the last frames are missing
            return Some((0..self.fragments.len() as u32).collect());
        }
        let marked: Vec<u32> = (0u32..).zip(&self.begins).filter(|(_, begins)| **begins).map(|(at, _)| at).collect();
        (marked.len() == frames && marked.first() == Some(&0)).then_some(marked)
    }

    /// An offset table counts when it names the item of a fragment for each frame, ascending, beginning at the first.
    fn by_offsets(&self, offsets: &[u64], frames: usize) -> Option<Vec<u32>> {
        if offsets.len() != frames || offsets.first() != Some(&0) || !offsets.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let item_of = |part: &FramePart| part.offset - 8 - self.first_item;
        offsets
            .iter()
            .map(|offset| self.fragments.binary_search_by_key(offset, item_of).ok().map(|at| at as u32))
            .collect()
    }

    /// With extended lengths, a frame of one fragment loses the padding byte of that fragment.
    fn lengths_cut(mut self, starts: &[u32]) -> Vec<FramePart> {
        if self.extended_lengths.len() == starts.len() && self.fragments.len() == starts.len() {
            for (part, &length) in self.fragments.iter_mut().zip(&self.extended_lengths) {
                if length > 0 && length + 1 == part.length {
                    part.length = length;
                }
            }
        }
        self.fragments.shrink_to_fit();
        self.fragments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fragments of 10 bytes, so an item takes 18.
    fn encapsulated(fragments: u64, begins: &[usize]) -> Encapsulated {
        Encapsulated {
            fragments: (0..fragments).map(|at| FramePart { offset: 108 + at * 18, length: 10 }).collect(),
            begins: (0..fragments as usize).map(|at| begins.contains(&at)).collect(),
            first_item: 100,
            ..Encapsulated::default()
        }
    }

    #[track_caller]
    fn check(encapsulated: Encapsulated, frames: u32, expected: Option<&[u32]>) {
        let found = match encapsulated.index(frames, false) {
            FrameIndex::Encapsulated { starts, .. } => Some(starts),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn all_fragments_of_a_single_frame_belong_to_it() {
        check(encapsulated(3, &[]), 1, Some(&[0]));
        check(encapsulated(0, &[]), 1, None);
    }

    #[test]
    fn offset_tables_come_first() {
        check(Encapsulated { basic_offsets: vec![0, 36], ..encapsulated(3, &[0, 1]) }, 2, Some(&[0, 2]));
        check(Encapsulated { extended_offsets: vec![0, 18], ..encapsulated(3, &[0, 2]) }, 2, Some(&[0, 1]));
    }

    #[test]
    fn an_offset_table_that_does_not_fit_is_passed_over() {
        for offsets in [vec![0, 35], vec![0], vec![0, 18, 36], vec![18, 0], vec![0, 0], vec![0, 99]] {
            check(Encapsulated { basic_offsets: offsets, ..encapsulated(3, &[0, 1]) }, 2, Some(&[0, 1]));
        }
    }

    #[test]
    fn without_tables_fragments_count_and_then_start_markers() {
        check(encapsulated(3, &[]), 3, Some(&[0, 1, 2]));
        check(encapsulated(4, &[0, 3]), 2, Some(&[0, 3]));
        check(encapsulated(4, &[1, 3]), 2, None);
        check(encapsulated(4, &[]), 2, None);
        check(encapsulated(2, &[]), 3, Some(&[0, 1]));
    }

    #[test]
    fn video_has_no_frames() {
        assert_eq!(encapsulated(2, &[]).index(2, true), FrameIndex::None);
    }
}
