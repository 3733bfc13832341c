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
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
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
    let ended = unpacked(Input::file(file), &mut |text| scanner.text(text, |_| Ok(())));
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
    assert!(found.get(Address, "anna.beispiel@klinik.example").unwrap().lines > 3, "of the broken member too");
    assert_eq!(ended.unwrap(), 1, "the broken member");
    check(b"", 0, 0);
}

/// A stream that comes byte by byte.
struct Drops(Cursor<Vec<u8>>);

impl Read for Drops {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = into.len().min(1);
        self.0.read(&mut into[..length])
    }
}

/// How many lines are found in a stream.
fn streamed(bytes: &[u8]) -> (u64, Result<u64, PackedError>) {
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    let stream = Drops(Cursor::new(bytes.to_vec()));
    let ended = unpacked(Input::stream(Box::new(stream)), &mut |text| scanner.text(text, |_| Ok(())));
    (scanner.into_found().get(Address, "anna.beispiel@klinik.example").map_or(0, |login| login.lines), ended)
}

#[test]
fn a_stream_is_unpacked_too() {
    for packed in [LINE.to_vec(), gzip(LINE), zstandard(LINE)] {
        let (lines, ended) = streamed(&packed);
        assert_eq!((lines, ended.unwrap()), (1, 0));
    }
}

#[test]
fn what_is_packed_in_another_way_is_said_and_not_taken_for_text() {
    let zip = zipped(&[("a", LINE)]);
    let others: [&[u8]; 5] =
        [b"7z\xbc\xaf\x27\x1c\0\x04", b"Rar!\x1a\x07\0", b"\xfd7zXZ\0\0\x04", b"BZh91AY&SY\x01", &zip];
    for other in others {
        let begun = [other, b"\n", LINE].concat();
        let (lines, ended) = streamed(&begun);
        assert!(lines == 0 && matches!(ended, Err(PackedError::OtherPacking)), "{ended:?}");
        // in an archive it is a member that is not read
        check(&zipped(&[("a", LINE), ("b", other), ("c", LINE)]), 2, 1);
    }
    for other in &others[..4] {
        let (_, _, ended) = looked(other);
        assert!(matches!(ended, Err(PackedError::OtherPacking)), "{ended:?}");
    }
    // text that begins alike
    check(&[b"BZhello\n", LINE].concat(), 1, 0);
    check(&[b"7zip\n", LINE].concat(), 1, 0);
}

#[test]
fn encrypted_members_are_counted() {
    let mut zip = zipped(&[("a", LINE)]);
    // the first flag, in the header of the member and in the directory (APPNOTE 4.4.4)
    zip[6] |= 1;
    let directory = zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    zip[directory + 8] |= 1;
    check(&zip, 0, 1);
}

/// Bytes that look random and of which little can be packed, without an end of line.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = 1_u32;
    let mut next = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'!' + (noise >> 24) as u8 % 90
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn what_is_damaged_is_said_and_what_stands_before_it_was_looked_at() {
    let anna = |found: &Found| found.get(Address, "anna.beispiel@klinik.example").is_some();
    // so little text comes out of gzip at once that all of it is read before the damage
    let small = [LINE, &noise(100 << 10)].concat();
    // Zstandard gives nothing out that is within its window
    let large = [LINE, &noise(12 << 20)].concat();
    let (gzip_small, zstandard_large) = (gzip(&small), zstandard(&large));
    let mut changed = gzip(&large);
    let middle = changed.len() / 2;
    changed[middle..middle + 1_000].fill(0xff);
    for packed in [
        &gzip_small[..gzip_small.len() / 2],
        &gzip_small[..gzip_small.len() - 1],
        &changed,
        &zstandard_large[..zstandard_large.len() - 1_000],
    ] {
        let (found, _, ended) = looked(packed);
        assert!(matches!(ended, Err(PackedError::Io(_))), "{ended:?}");
        assert!(anna(&found), "{} bytes", packed.len());
    }
    // a member of an archive too
    let (found, _, ended) = looked(&zipped(&[("a.gz", &gzip_small[..gzip_small.len() / 2])]));
    assert!(anna(&found) && ended.unwrap() == 1);
    let whole = zipped(&[("a", LINE)]);
    let (_, _, ended) = looked(&whole[..whole.len() - 10]);
    assert!(matches!(ended, Err(PackedError::Zip(_))), "{ended:?}");
}

#[test]
fn a_bomb_is_read_to_a_limit_and_what_came_out_before_counts() {
    // 8 MiB of nothing are read, however small they are packed
    let zeros = vec![0; 8 << 20];
    check(&gzip(&zeros), 0, 0);
    let gzip_bomb = [gzip(LINE), gzip(&vec![b'x'; 1 << 20]).repeat(100)].concat();
    // a frame of blocks that each say a byte and how often it comes (RFC 8878 section 3.1.1.2)
    let block = [(1_u32 << 1 | (128 << 10) << 3).to_le_bytes()[..3].to_vec(), vec![b'x']].concat();
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3][..], &block.repeat(1_000)].concat();
    let zstandard_bomb = [zstandard(LINE), frame].concat();
    for bomb in [gzip_bomb, zstandard_bomb] {
        assert!((100 << 20) > (64 << 20) + 250 * bomb.len(), "{}", bomb.len());
        let (found, _, ended) = looked(&bomb);
        assert!(matches!(ended, Err(PackedError::Bomb)), "{ended:?}");
        assert!(found.get(Address, "anna.beispiel@klinik.example").is_some());
        // members of an archive are one dump
        let (found, _, ended) = looked(&zipped(&[("a", LINE), ("b", &bomb), ("c", LINE)]));
        assert!(matches!(ended, Err(PackedError::Bomb)), "{ended:?}");
        assert!(found.get(Address, "anna.beispiel@klinik.example").is_some());
    }
    // a real one is far from that: it comes to more than is free for all
    let text: String = (0..2_000_000).map(|n| format!("somebody{n}@mail.example:geheim{n}\n")).collect();
    assert!(text.len() > 64 << 20);
    let (_, lines, ended) = looked(&gzip(text.as_bytes()));
    assert_eq!((lines, ended.unwrap()), (2_000_000, 0));
}

#[test]
fn a_line_without_an_end_is_said() {
    let input = std::io::Read::chain(LINE, std::io::repeat(b'x'));
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    let ended = unpacked(Input::stream(Box::new(input)), &mut |text| scanner.text(text, |_| Ok(())));
    assert!(matches!(ended, Err(PackedError::EndlessLine)), "{ended:?}");
    assert!(scanner.into_found().get(Address, "anna.beispiel@klinik.example").is_some());
}
