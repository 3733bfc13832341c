//! Streams that somebody made to hurt, and streams that broke on the way.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dataset::{Limits, ScanError, scan_file};

use crate::MEMORY;
use crate::corpus;
use crate::stream::{Encoding, UNDEFINED, encapsulated, part10, scan};

const E: Encoding = Encoding::Explicit;

/// What any scan may cost besides ten times its input: the window, and what runs beside the test.
const MEMORY_FREE_BYTES: usize = 2 << 20;

/// Scans without keeping anything, and checks what it cost.
#[track_caller]
fn scan_within_memory(stream: &[u8]) -> Result<(), ScanError> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = scan_file(&mut &stream[..], &Limits::DEFAULT, &mut |_, _| Ok(()));
    let cost = MEMORY.peak_usage().saturating_sub(before);
    assert!(cost <= 10 * stream.len() + MEMORY_FREE_BYTES, "{cost} bytes for a stream of {}", stream.len());
    result.map(|_| ())
}

/// A small instance with every structure in it.
fn small() -> Vec<u8> {
    part10(
        "1.2.840.10008.1.2.4.50",
        &E.dataset(&[
            E.element(0x0008_0005, "CS", b"\\ISO 2022 IR 87 "),
            E.element(0x0010_0010, "PN", b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B "),
            E.sequence(0x0040_0275, &[E.element(0x0040_0007, "LO", b"one "), Vec::new()], false),
            E.sequence(0x0040_A730, &[E.sequence(0x0040_A730, &[E.element(0x0040_A160, "UT", b"deep")], true)], true),
            E.image(2, 2, "2"),
            E.element(0x0028_1101, "US", &[2, 0, 0, 0, 16, 0]),
            E.element(0x0028_1221, "OW", &[0, 0, 1, 0, 7, 0, 1, 0, 9, 0, 80, 0]),
            E.element(0x7FE0_0001, "OV", &[0; 16]),
            encapsulated(&[&[0; 8], &[0xFF, 0xD8, 0xFF, 1], &[2; 10]]),
        ]),
    )
}

fn victims() -> Vec<(String, Vec<u8>)> {
    let mut victims = vec![
        ("small".to_owned(), small()),
        ("implicit".to_owned(), Encoding::Implicit.file(&[Encoding::Implicit.image(2, 2, "1")])),
        ("big".to_owned(), Encoding::Big.file(&[Encoding::Big.image(2, 2, "1")])),
    ];
    victims.extend(corpus::few());
    victims
}

#[test]
fn streams_cut_anywhere_are_refused_or_whole_without_panic() {
    for (name, stream) in victims() {
        for length in (0..stream.len()).step_by(7) {
            if let Ok(scanned) = scan(&stream[..length]) {
                assert!(scanned.length == length as u64, "{name} cut at {length}");
            }
        }
    }
}

#[test]
fn streams_with_flipped_bytes_never_panic_and_stay_within_memory() {
    for (name, stream) in victims() {
        // the header is where damage is interesting: pixels are only passed over
        let interesting = stream.len().min(6 << 10);
        for at in (0..interesting).step_by(if stream.len() > 2000 { 13 } else { 1 }) {
            for flip in [0xFF, 0x01, 0x80] {
                let mut damaged = stream.clone();
                damaged[at] ^= flip;
                let scanned = catch_unwind(AssertUnwindSafe(|| drop(scan_within_memory(&damaged))));
                assert!(scanned.is_ok(), "{name}, byte {at} flipped by {flip:#x}");
            }
        }
    }
}

#[test]
fn random_bytes_behind_a_good_beginning_never_panic() {
    for seed in 0..2000u64 {
        let mut random = Random(seed);
        let mut stream = E.file(&[]);
        let shape = random.next();
        for _ in 0..random.next() % 200 {
            // mostly what looks like structure
            match (random.next() ^ shape) % 6 {
                0 => stream.extend(E.item(0xFFFE_E000, (random.next() % 40) as u32)),
                1 => stream.extend(E.item(0xFFFE_E0DD, 0)),
                2 => stream.extend(E.header(0x0040_A730, "SQ", if shape & 8 == 0 { UNDEFINED } else { 50 })),
                3 => stream.extend(E.header(0x7FE0_0010, "OB", UNDEFINED)),
                4 => stream.extend(E.element(random.next() as u32, "LO", b"ab")),
                _ => stream.extend(random.next().to_le_bytes()),
            }
        }
        let scanned = catch_unwind(AssertUnwindSafe(|| drop(scan_within_memory(&stream))));
        assert!(scanned.is_ok(), "seed {seed}");
    }
}

/// Cuts, copies and plants structure into the header, so that most of it still looks like DICOM.
fn splice(stream: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.next() % 6 {
        let header = stream.len().clamp(1, 4000);
        let at = random.next() as usize % header;
        let end = (at + random.next() as usize % 40).min(stream.len());
        match random.next() % 6 {
            0 => stream[at] = random.next() as u8,
            1 => stream[at..(at + 4).min(end.max(at))].fill(0xFF),
            2 => drop(stream.drain(at..end)),
            3 => {
                let copied = stream[at..end].to_vec();
                let to = random.next() as usize % header;
                stream.splice(to..to, copied);
            }
            4 => {
                let tag = [0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD][random.next() as usize % 3];
                stream.splice(at..at, E.item(tag, 0));
            }
            _ => stream.truncate(200 + random.next() as usize % stream.len()),
        }
        if stream.len() < 200 {
            return;
        }
    }
}

#[test]
fn whatever_is_taken_in_can_be_listed_and_overlaid() {
    let patient = protocol::PatientAttributes {
        id: "NEW-1".to_owned(),
        issuer: "HOSPITAL".to_owned(),
        name: "Right^One".to_owned(),
        birth_date: "19700102".to_owned(),
        sex: "F".to_owned(),
    };
    let victims = victims();
    let mut overlaid = 0;
    for seed in 0..20_000u64 {
        let mut random = Random(seed);
        let mut stream = victims[random.next() as usize % victims.len()].1.clone();
        splice(&mut stream, &mut random);
        let Ok(scanned) = scan(&stream) else { continue };
        let metadata = scanned.metadata;
        assert!(serde_json::from_slice::<serde_json::Value>(&metadata.json).is_ok(), "seed {seed}");
        let listed = dataset::apply_overlay(&metadata.json, &patient);
        assert!(serde_json::from_slice::<serde_json::Value>(&listed).is_ok(), "seed {seed}");
        for number in 1..=metadata.frames.count().min(100) {
            let place = metadata.frames.place(number).unwrap();
            let length = stream.len() as u64;
            assert!(
                metadata.deflated || place.parts.iter().all(|part| part.offset + part.length <= length),
                "seed {seed}"
            );
        }
        let mut out = Vec::new();
        dataset::overlay_part10(&mut &stream[..], &metadata, &patient, &mut |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        assert_eq!(scan(&out).unwrap().patient, patient, "seed {seed}");
        overlaid += 1;
    }
    assert!(overlaid > 500, "{overlaid} of 20,000 streams survived their damage");
}

#[test]
fn ten_thousand_sequences_in_each_other_are_refused() {
    for header in [
        E.header(0x0040_A730, "SQ", UNDEFINED),
        E.header(0x0040_A730, "SQ", 0xFFFF_FFF0),
        E.header(0x0009_1001, "UN", UNDEFINED),
    ] {
        let one = [header, E.item(0xFFFE_E000, UNDEFINED)].concat();
        let stream = E.file(&[one.repeat(10_000)]);
        assert!(matches!(scan_within_memory(&stream), Err(ScanError::TooDeep { .. })));
    }
}

#[test]
fn lengths_of_four_gibibytes_cost_nothing() {
    for vr in ["OW", "UT", "UN", "OB", "SQ", "UC"] {
        for length in [0xFFFF_FFFE, 0xFFFF_FFF0, 0x8000_0000] {
            let stream = E.file(&[E.image(2, 2, "1"), E.header(0x0040_A160, vr, length), vec![1; 100]]);
            assert!(scan_within_memory(&stream).is_err(), "{vr} {length}");
        }
    }
    for tag in [0x7FE0_0001, 0x0028_1201, 0x7FE0_0010] {
        let stream = E.file(&[E.image(2, 2, "1"), E.header(tag, "OW", 0xFFFF_FFFE), vec![1; 100]]);
        assert!(scan_within_memory(&stream).is_err());
    }
    let table = [E.header(0x7FE0_0010, "OB", UNDEFINED), E.item(0xFFFE_E000, 0xFFFF_FFF0), vec![0; 64]].concat();
    assert!(scan_within_memory(&part10("1.2.840.10008.1.2.5", &E.dataset(&[table]))).is_err());
}

#[test]
fn a_deflate_bomb_is_refused_at_its_limit() {
    use std::io::Write;
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(&E.dataset(&[E.header(0x7FE0_0010, "OW", 0xFFFF_FFF0)])).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..100 {
        writer.write_all(&zeros).unwrap();
    }
    let stream = part10("1.2.840.10008.1.2.1.99", &writer.finish().unwrap());
    assert!(stream.len() < 200_000);
    let limits = Limits { inflated_bytes: 50 << 20, ..Limits::DEFAULT };
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let error = scan_file(&mut &stream[..], &limits, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, ScanError::TooInflated { .. }), "{error:?}");
    assert!(MEMORY.peak_usage() - before < 1 << 20);
}

#[test]
fn two_gibibytes_of_pixels_cost_constant_memory() {
    const PIXELS: u64 = 2 << 30;
    let header = E.file(&[E.image(1024, 1024, "1024"), E.header(0x7FE0_0010, "OW", PIXELS as u32)]);
    let mut stream = (&header[..]).chain(std::io::repeat(7).take(PIXELS));
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut count = 0;
    let scanned = scan_file(&mut stream, &Limits::DEFAULT, &mut |bytes, _| {
        count += bytes.len() as u64;
        Ok(())
    })
    .unwrap();
    assert_eq!((count, scanned.length), (header.len() as u64 + PIXELS, header.len() as u64 + PIXELS));
    assert_eq!(scanned.metadata.frames.count(), 1024);
    assert!(MEMORY.peak_usage() - before < 1 << 20);
}

#[test]
fn values_that_swell_as_json_stay_within_memory() {
    let many = |one: Vec<u8>| E.file(&[one.repeat(60_000)]);
    for stream in [
        many(E.element(0x0040_A160, "LO", b"")),
        many(E.element(0x0040_A160, "LO", &[b'\\'; 200])),
        many(E.element(0x0040_A123, "PN", &b"a\\".repeat(60))),
        many(E.element(0x0040_A123, "PN", b"a=b=c\\a=b=c\\a=b=")),
        many(E.element(0x0040_A160, "LO", &[1; 60])),
        many(E.element(0x0040_A161, "FD", &f64::MAX.to_le_bytes().repeat(8))),
        many(E.element(0x0040_A161, "OB", &[9; 64])),
        many(E.element(0x0040_A165, "AT", &[9; 64])),
        many(E.sequence(0x0040_A730, &[Vec::new()], true)),
        E.file(&[E.sequence(0x0040_A730, &vec![Vec::new(); 100_000], true)]),
        E.file(&[encapsulated(&vec![&[][..]; 100_000])]),
    ] {
        let result = scan_within_memory(&stream);
        assert!(matches!(result, Ok(()) | Err(ScanError::TooMuchMetadata { .. })), "{result:?}");
    }
}

/// xorshift, seeded.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
