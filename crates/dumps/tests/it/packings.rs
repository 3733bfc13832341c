use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use dumps::Match::Address;
use dumps::{Found, Input, PackedError, Scanner, unpacked};
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::{PEOPLE, wanted};

const LINE: &[u8] = b"anna.beispiel@klinik.example:geheim\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn looked(bytes: &[u8]) -> (Found, u64, Result<u64, PackedError>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    let ended = unpacked(Input::file(file), &mut |text| scanner.text(text, |_| {}));
    let lines = scanner.counts().lines;
    (scanner.into_found(), lines, ended)
}

/// How often the line is found, and how many members are not read.
#[track_caller]
fn check(bytes: &[u8], lines: u64, skipped: u64) {
    let (found, _, ended) = looked(bytes);
    assert_eq!(found.get(Address, "anna.beispiel@klinik.example").map_or(0, |login| login.lines), lines);
    assert_eq!(ended.unwrap(), skipped);
}

#[test]
fn every_packing_is_unpacked() {
    let large = LINE.repeat(50_000);
    check(LINE, 1, 0);
    check(&gzip(&large), 50_000, 0);
    check(&[gzip(LINE), gzip(LINE)].concat(), 2, 0);
    check(&zstandard(&large), 50_000, 0);
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    check(&[skippable.clone(), zstandard(LINE), skippable, zstandard(LINE)].concat(), 2, 0);
    let members: [(&str, &[u8]); 5] = [
        ("a/passwords.txt", LINE),
        ("b.txt.gz", &gzip(LINE)),
        ("../../c.zst", &zstandard(LINE)),
        ("empty", b""),
        ("broken.gz", &gzip(&large)[..500]),
    ];
    let (found, _, ended) = looked(&zipped(&members));
    assert!(found.get(Address, "anna.beispiel@klinik.example").unwrap().lines >= 3);
    assert_eq!(ended.unwrap(), 1, "the broken member");
    check(b"", 0, 0);
}

#[test]
fn a_stream_is_unpacked_too() {
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    let packed = Cursor::new(gzip(LINE));
    unpacked(Input::stream(Box::new(packed)), &mut |text| scanner.text(text, |_| {})).unwrap();
    assert_eq!(scanner.counts().lines, 1);
}

#[test]
fn what_is_damaged_is_said_and_what_stands_before_it_was_looked_at() {
    let mut text = LINE.to_vec();
    let mut noise = 1_u32;
    text.extend((0..400_000).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'!' + (noise >> 24) as u8 % 90
    }));
    for packed in [gzip(&text), zstandard(&text)] {
        let (_, _, ended) = looked(&packed[..packed.len() / 2]);
        assert!(matches!(ended, Err(PackedError::Io(_))), "{ended:?}");
    }
    let whole = zipped(&[("a", LINE)]);
    let (_, _, ended) = looked(&whole[..whole.len() - 10]);
    assert!(matches!(ended, Err(PackedError::Zip(_))), "{ended:?}");
}

#[test]
fn a_bomb_is_read_in_constant_memory() {
    // 8 MiB of zeros in some kilobytes: no line at all
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(8 << 20), &mut packed).unwrap();
    let (found, lines, ended) = looked(&packed.finish().unwrap());
    assert_eq!((found.into_sorted().len(), lines, ended.unwrap()), (0, 0, 0));
}
