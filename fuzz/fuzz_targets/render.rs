//! The first frame of a stream from anybody, rendered.

#![no_main]

use dataset::{Limits, scan_file};
use libfuzzer_sys::fuzz_target;
use render::{RenderOptions, render_frame};

fuzz_target!(|stream: &[u8]| {
    let Ok(scanned) = scan_file(&mut &stream[..], &Limits::DEFAULT, &mut |_, _| Ok(())) else { return };
    let metadata = scanned.metadata;
    let (Some(image), Some(place)) = (&metadata.image, metadata.frames.place(1)) else { return };
    if metadata.deflated || u64::from(image.rows) * u64::from(image.columns) > 1 << 20 {
        return;
    }
    let frame: Vec<u8> = place
        .parts
        .iter()
        .flat_map(|part| &stream[part.offset as usize..(part.offset + part.length) as usize])
        .copied()
        .collect();
    let options = RenderOptions { viewport: Some((64, 64)), ..RenderOptions::default() };
    let _ = render_frame(image, &metadata.transfer_syntax, &frame, place.first_bit, options);
});
