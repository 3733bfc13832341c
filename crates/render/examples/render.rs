//! Renders the first frame of each file into a folder: `cargo run -p render --example render OUT FILE...`

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    for path in arguments {
        let mut bytes = std::fs::read(&path)?;
        if std::env::var("PATCH").is_ok() {
            for (group, element, uid) in [(8u16, 0x18u16, "1.2.3 "), (0x20, 0xD, "1.2.3 "), (0x20, 0xE, "1.2.3 ")] {
                bytes.extend(group.to_le_bytes()); bytes.extend(element.to_le_bytes()); bytes.extend(b"UI"); bytes.extend(6u16.to_le_bytes()); bytes.extend(uid.as_bytes());
            }
        }
        let scanned = match dataset::scan_file(&mut &bytes[..], &dataset::Limits::DEFAULT, &mut |_, _| Ok(())) {
            Ok(scanned) => scanned,
            Err(error) => {
                writeln!(out, "{path}: refused: {error}")?;
                continue;
            }
        };
        let metadata = &scanned.metadata;
        if metadata.deflated {
            let mut all = Vec::new();
            std::io::Read::read_to_end(&mut dataset::inflated(&bytes[..], metadata.dataset_offset, 1 << 30)?, &mut all)?;
            bytes = all;
        }
        let (Some(image), Some(place)) = (&metadata.image, metadata.frames.place(1)) else {
            writeln!(out, "{path}: no image")?;
            continue;
        };
        let frame: Vec<u8> = place.parts.iter().flat_map(|part| bytes[part.offset as usize..][..part.length as usize].iter().copied()).collect();
        let begun = std::time::Instant::now();
        let options = render::RenderOptions { viewport: std::env::var("FULL").is_err().then_some((256, 256)), ..Default::default() };
        match render::render_frame(image, &metadata.transfer_syntax, &frame, place.first_bit, options) {
            Ok(jpeg) => {
                writeln!(out, "{path}: {:?}", begun.elapsed())?;
                let name = path.replace(['/', ' '], "_");
                std::fs::write(format!("{folder}/{name}.jpg"), jpeg)?;
            }
            Err(error) => writeln!(out, "{path}: {} {error:?} {:?}", metadata.transfer_syntax, image.photometric)?,
        }
    }
    Ok(())
}
