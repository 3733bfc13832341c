//! Scans files and prints their DICOM JSON, or why they are refused: `cargo run -p dataset --example scan FILE...`

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args().skip(1) {
        let mut file = std::fs::File::open(&path)?;
        match dataset::scan_file(&mut file, &dataset::Limits::DEFAULT, &mut |_, _| Ok(())) {
            Ok(scanned) => {
                writeln!(out, "{path}: frames {:?}", scanned.metadata.frames)?;
                writeln!(out, "{path}: image {:?}", scanned.metadata.image)?;
                out.write_all(&scanned.metadata.json)?;
                writeln!(out)?;
            }
            Err(error) => writeln!(out, "{path}: refused: {error}")?,
        }
    }
    Ok(())
}
