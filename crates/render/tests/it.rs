//! Rendering through its front door: a frame in, a JPEG out, compared as pixels.

// the tables of what became of real files are printed for whoever reads the log
#![allow(clippy::unwrap_used, clippy::disallowed_macros)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use dataset::{ImageDescription, Limits, Photometric, Window, inflated, scan_file};
use jpeg_decoder::{Decoder, PixelFormat};
use model::Uid;
use render::{PIXELS_MAX, RenderError, RenderOptions, render_frame};

/// A decoded picture.
struct Seen {
    width: u16,
    height: u16,
    samples: usize,
    pixels: Vec<u8>,
}

fn see(jpeg: &[u8]) -> Seen {
    let mut decoder = Decoder::new(jpeg);
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let samples = if info.pixel_format == PixelFormat::L8 { 1 } else { 3 };
    Seen { width: info.width, height: info.height, samples, pixels }
}

/// The mean difference of two pictures of one size, in grey levels.
fn difference(a: &Seen, b: &Seen) -> f64 {
    assert_eq!((a.width, a.height, a.samples), (b.width, b.height, b.samples));
    let sum: u64 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.pixels.len() as f64
}

fn native() -> Uid {
    Uid::parse("1.2.840.10008.1.2.1").unwrap()
}

/// An image of 64 by 32 with samples of 16 bits.
fn image() -> ImageDescription {
    ImageDescription {
        rows: 32,
        columns: 64,
        samples: 1,
        bits_allocated: 16,
        bits_stored: 12,
        high_bit: 11,
        rescale_slope: 1.0,
        frames: 1,
        ..ImageDescription::default()
    }
}

/// Values that rise from left to right.
fn ramp() -> Vec<u8> {
    (0..32).flat_map(|_| (0..64u16).flat_map(|x| (x * 64).to_le_bytes())).collect()
}

#[track_caller]
fn rendered(description: &ImageDescription, frame: &[u8], options: RenderOptions) -> Seen {
    see(&render_frame(description, &native(), frame, 0, options).unwrap())
}

#[test]
fn a_ramp_rises_within_its_window() {
    let window = Some(Window { center: 2048.0, width: 2048.0 });
    let seen = rendered(&image(), &ramp(), RenderOptions { window, ..RenderOptions::default() });
    assert_eq!((seen.width, seen.height, seen.samples), (64, 32, 1));
    let row = &seen.pixels[..64];
    assert!(row[..14].iter().all(|&grey| grey < 12) && row[50..].iter().all(|&grey| grey > 243), "{row:?}");
    assert!(row[32].abs_diff(128) < 12, "{row:?}");
}

#[test]
fn the_window_asked_for_comes_before_the_images_own() {
    let mut description = image();
    description.windows = vec![Window { center: 100.0, width: 10.0 }];
    let own = rendered(&description, &ramp(), RenderOptions::default());
    assert!(own.pixels[10] > 240);
    let window = Some(Window { center: 4000.0, width: 10.0 });
    let asked = rendered(&description, &ramp(), RenderOptions { window, ..RenderOptions::default() });
    assert!(asked.pixels[10] < 15);
}

#[test]
fn a_viewport_makes_it_smaller_and_never_larger() {
    for (viewport, size) in [((32, 32), (32, 16)), ((8, 2), (4, 2)), ((640, 640), (64, 32)), ((0, 0), (1, 1))] {
        let seen = rendered(&image(), &ramp(), RenderOptions { viewport: Some(viewport), ..RenderOptions::default() });
        assert_eq!((seen.width, seen.height), size, "{viewport:?}");
    }
}

#[test]
fn quality_costs_bytes() {
    let size = |quality| {
        let options = RenderOptions { quality, ..RenderOptions::default() };
        render_frame(&image(), &native(), &ramp(), 0, options).unwrap().len()
    };
    assert!(size(10) < size(95));
    assert_eq!((size(0), size(255)), (size(1), size(100)));
}

#[test]
fn big_endian_and_planar_frames_look_like_the_others() {
    let little = rendered(&image(), &ramp(), RenderOptions::default());
    let mut description = image();
    description.big_endian = true;
    let turned: Vec<u8> = ramp().chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    assert_eq!(rendered(&description, &turned, RenderOptions::default()).pixels, little.pixels);

    let mut colour = image();
    (colour.samples, colour.bits_allocated, colour.bits_stored, colour.high_bit) = (3, 8, 8, 7);
    colour.photometric = Photometric::Rgb;
    let by_pixel = [200, 30, 60].repeat(64 * 32);
    let by_plane = [vec![200; 64 * 32], vec![30; 64 * 32], vec![60; 64 * 32]].concat();
    let first = rendered(&colour, &by_pixel, RenderOptions::default());
    colour.planar = 1;
    let second = rendered(&colour, &by_plane, RenderOptions::default());
    assert_eq!(first.pixels, second.pixels);
    assert!(first.pixels[..3].iter().zip([200, 30, 60]).all(|(seen, sent)| seen.abs_diff(sent) < 6));
}

#[test]
fn one_bit_a_pixel_may_begin_inside_a_byte() {
    let mut description = image();
    (description.bits_allocated, description.bits_stored, description.high_bit) = (1, 1, 0);
    (description.rows, description.columns) = (8, 8);
    // left half white, moved by three bits
    let rows = [0x0Fu8; 8];
    let moved: Vec<u8> =
        (0..9).map(|at| rows.get(at).map_or(0, |row| row << 3) | if at > 0 { rows[at - 1] >> 5 } else { 0 }).collect();
    let options = RenderOptions { quality: 100, ..RenderOptions::default() };
    let seen = see(&render_frame(&description, &native(), &moved, 3, options).unwrap());
    assert!(seen.pixels[3] > 200 && seen.pixels[4] < 55, "{:?}", &seen.pixels[..8]);
}

// Refusals

#[test]
fn frames_that_are_too_short_are_damaged() {
    for length in [0, 1, 4095] {
        let result = render_frame(&image(), &native(), &ramp()[..length], 0, RenderOptions::default());
        assert_eq!(result, Err(RenderError::Damaged), "{length}");
    }
    let mut bits = image();
    bits.bits_allocated = 1;
    assert_eq!(render_frame(&bits, &native(), &[0; 256], 1, RenderOptions::default()), Err(RenderError::Damaged));
}

#[test]
fn transfer_syntaxes_without_decoder_are_named_as_such() {
    for uid in
        ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.94", "1.2.3", "1.2.840.10008.1.2.4"]
    {
        let result = render_frame(&image(), &Uid::parse(uid).unwrap(), &ramp(), 0, RenderOptions::default());
        assert_eq!(result, Err(RenderError::NotDecodable), "{uid}");
    }
}

#[test]
fn descriptions_that_make_no_picture_are_refused() {
    let check = |change: fn(&mut ImageDescription), expected: RenderError| {
        let mut description = image();
        change(&mut description);
        assert_eq!(render_frame(&description, &native(), &ramp(), 0, RenderOptions::default()), Err(expected));
    };
    check(|image| image.rows = 0, RenderError::Damaged);
    check(|image| image.columns = 0, RenderError::Damaged);
    check(|image| image.bits_allocated = 0, RenderError::NotDecodable);
    check(|image| image.bits_allocated = 12, RenderError::NotDecodable);
    check(|image| image.samples = 0, RenderError::NotDecodable);
    check(|image| image.samples = 4, RenderError::NotDecodable);
    check(|image| image.photometric = Photometric::PaletteColor, RenderError::NotDecodable);
    check(|image| (image.rows, image.columns) = (u16::MAX, u16::MAX), RenderError::TooLarge);
    check(|image| (image.rows, image.columns) = (8192, 8193), RenderError::TooLarge);
    assert_eq!(PIXELS_MAX, 8192 * 8192);
}

#[test]
fn code_streams_of_another_size_than_the_image_are_refused() {
    let jpeg = render_frame(&image(), &native(), &ramp(), 0, RenderOptions::default()).unwrap();
    let baseline = Uid::parse("1.2.840.10008.1.2.4.50").unwrap();
    assert!(render_frame(&image(), &baseline, &jpeg, 0, RenderOptions::default()).is_ok());
    let mut other = image();
    other.rows = 31;
    assert_eq!(render_frame(&other, &baseline, &jpeg, 0, RenderOptions::default()), Err(RenderError::Damaged));
}

#[test]
fn damaged_code_streams_end_without_a_picture_or_with_one_never_otherwise() {
    let jpeg = render_frame(&image(), &native(), &ramp(), 0, RenderOptions::default()).unwrap();
    let baseline = Uid::parse("1.2.840.10008.1.2.4.50").unwrap();
    let mut frames = vec![(image(), baseline, jpeg)];
    if let Some(folder) = corpus() {
        for name in [
            "other/MR_small_RLE.dcm",
            "other/MR_small_jp2klossless.dcm",
            "other/MR_small_jpeg_ls_lossless.dcm",
            "other/JPEG-LL.dcm",
            "other/SC_rgb_jpeg_dcmtk.dcm",
        ] {
            frames.push(first_frame(&folder.join("03-transfer-syntaxes").join(name)).unwrap());
        }
    }
    let options = RenderOptions { viewport: Some((16, 16)), ..RenderOptions::default() };
    for (description, transfer_syntax, frame) in frames {
        let step = (frame.len() / 60).max(1);
        for at in (0..frame.len().min(160)).chain((160..frame.len()).step_by(step)) {
            for flip in [0xFF, 0x01] {
                let mut damaged = frame.clone();
                damaged[at] ^= flip;
                let _ = render_frame(&description, &transfer_syntax, &damaged, 0, options);
            }
            let _ = render_frame(&description, &transfer_syntax, &frame[..at], 0, options);
        }
    }
}

// Real files, where they are at hand: `../shared/dicom` beside the repository

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom");
    folder.is_dir().then_some(folder)
}

/// The first frame of a file, or why there is none.
fn first_frame(path: &Path) -> Result<(ImageDescription, Uid, Vec<u8>), String> {
    let mut bytes = std::fs::read(path).unwrap();
    let scanned =
        scan_file(&mut &bytes[..], &Limits::DEFAULT, &mut |_, _| Ok(())).map_err(|error| error.to_string())?;
    let metadata = scanned.metadata;
    if metadata.deflated {
        let mut all = Vec::new();
        inflated(&bytes[..], metadata.dataset_offset, 1 << 30).unwrap().read_to_end(&mut all).unwrap();
        bytes = all;
    }
    let place = metadata.frames.place(1).ok_or("no frame")?;
    let frame =
        place.parts.iter().flat_map(|part| &bytes[part.offset as usize..][..part.length as usize]).copied().collect();
    Ok((metadata.image.ok_or("no image")?, metadata.transfer_syntax, frame))
}

fn render_file(path: &Path, options: RenderOptions) -> Result<Seen, RenderError> {
    let (description, transfer_syntax, frame) = first_frame(path).unwrap();
    render_frame(&description, &transfer_syntax, &frame, 0, options).map(|jpeg| see(&jpeg))
}

#[test]
fn one_ct_slice_looks_the_same_in_every_transfer_syntax_that_is_decoded() {
    let Some(folder) = corpus() else { return };
    let folder = folder.join("03-transfer-syntaxes/ct-one-image-16-syntaxes");
    let reference = render_file(
        &folder.join("CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"),
        RenderOptions::default(),
    )
    .unwrap();
    assert_eq!((reference.width, reference.height, reference.samples), (512, 512, 1));
    let mut refused = Vec::new();
    let mut compared = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match render_file(&path, RenderOptions::default()) {
            Ok(seen) => {
                let lossy =
                    ["JPEG2000TransferSyntax", "JPEGLSLossy", "JPEGProcess1T"].iter().any(|part| name.contains(part));
                let most = if lossy { 6.0 } else { 0.0 };
                assert!(difference(&reference, &seen) <= most, "{name}: {}", difference(&reference, &seen));
                compared += 1;
            }
            Err(error) => refused.push((name, error)),
        }
    }
    // these three hold 12-bit JPEG
    refused.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.split('_').nth(1).unwrap()).collect();
    assert!(refused.iter().all(|(_, error)| *error == RenderError::NotDecodable), "{refused:?}");
    assert_eq!((compared, names.len()), (12, 3), "{names:?}");
}

#[test]
fn pairs_of_one_image_look_alike() {
    let Some(folder) = corpus() else { return };
    let folder = folder.join("03-transfer-syntaxes");
    for (one, other, most) in [
        ("other/MR_small.dcm", "other/MR_small_RLE.dcm", 0.0),
        ("other/MR_small.dcm", "other/MR_small_bigendian.dcm", 0.0),
        ("other/MR_small.dcm", "other/MR_small_implicit.dcm", 0.0),
        ("other/MR_small.dcm", "other/MR_small_jp2klossless.dcm", 0.0),
        ("other/MR_small.dcm", "other/MR_small_jpeg_ls_lossless.dcm", 0.0),
        ("other/emri_small.dcm", "other/emri_small_RLE.dcm", 0.0),
        ("other/emri_small.dcm", "other/emri_small_big_endian.dcm", 0.0),
        ("other/emri_small.dcm", "other/emri_small_jpeg_2k_lossless.dcm", 0.0),
        ("other/emri_small.dcm", "other/emri_small_jpeg_ls_lossless.dcm", 0.0),
        ("other/color-pl.dcm", "other/color-px.dcm", 0.0),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_16bit_2frame.dcm", 0.5),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_32bit.dcm", 0.5),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_rle_2frame.dcm", 0.0),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_jpeg_dcmtk.dcm", 3.0),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_jpeg_gdcm.dcm", 3.0),
        ("other/SC_rgb_expb.dcm", "other/SC_rgb_gdcm_KY.dcm", 3.0),
        ("other/SC_rgb_expb.dcm", "other/SC_ybr_full_422_uncompressed.dcm", 3.0),
        ("test-patterns/TestPattern_RGB.dcm", "test-patterns/TestPattern_JPEG-Lossless_RGB.dcm", 0.0),
        ("test-patterns/TestPattern_RGB.dcm", "test-patterns/TestPattern_JPEG-Baseline_YBRFull.dcm", 4.0),
        ("test-patterns/TestPattern_RGB.dcm", "test-patterns/TestPattern_JPEG-Baseline_YBR422.dcm", 6.0),
        ("test-patterns/TestPattern_RGB.dcm", "test-patterns/TestPattern_Palette.dcm", 8.0),
        ("test-patterns/TestPattern_RGB.dcm", "test-patterns/TestPattern_Palette_16.dcm", 8.0),
    ] {
        let options = RenderOptions { quality: 100, ..RenderOptions::default() };
        let see = |name: &str| render_file(&folder.join(name), options).unwrap();
        let difference = difference(&see(one), &see(other));
        assert!(difference <= most, "{one} and {other}: {difference}");
    }
}

#[test]
fn every_image_is_rendered_or_refused_with_a_reason() {
    let Some(folder) = corpus() else { return };
    let mut folders = vec![folder.clone()];
    let mut table: BTreeMap<(String, String), u32> = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok((description, transfer_syntax, frame)) = first_frame(&path) else { continue };
            let options = RenderOptions { viewport: Some((128, 128)), ..RenderOptions::default() };
            let outcome = match render_frame(&description, &transfer_syntax, &frame, 0, options) {
                Ok(jpeg) => {
                    let seen = see(&jpeg);
                    assert!(seen.width <= 128 && seen.height <= 128);
                    "rendered".to_owned()
                }
                Err(error) => format!("{error:?}"),
            };
            *table.entry((transfer_syntax.as_str().to_owned(), outcome)).or_default() += 1;
        }
    }
    for ((transfer_syntax, outcome), count) in &table {
        println!("{transfer_syntax}: {count} {outcome}");
    }
    let count = |wanted: &str| table.iter().filter(|((_, outcome), _)| outcome == wanted).map(|(_, n)| n).sum::<u32>();
    assert!(count("rendered") > 500);
    // 12-bit JPEG, and JPEG-LS in colour
    assert_eq!(count("NotDecodable"), 9);
    // a code stream whose own header is overwritten
    assert_eq!(count("Damaged") + count("TooLarge"), 1);
}
