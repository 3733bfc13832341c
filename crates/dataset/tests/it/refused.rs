//! What is refused, and with which reason.

use std::io::{self, Read};

use dataset::{Limits, ScanError, scan_file};

use crate::stream::{Encoding, UNDEFINED, encapsulated, part10, scan, scan_with};

const E: Encoding = Encoding::Explicit;

#[track_caller]
fn check(stream: &[u8], expected: &str) {
    let error = scan(stream).unwrap_err();
    assert!(error.is_refusal());
    let debug = format!("{error:?}");
    assert!(debug.starts_with(expected), "{debug} instead of {expected}");
}

#[test]
fn what_is_not_dicom() {
    check(b"", "NotDicom");
    check(b"x", "NotDicom");
    check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "NotDicom");
    check(b"%PDF-1.7 and so on and so on", "NotDicom");
    check(b"PK\x03\x04 an archive of many things", "NotDicom");
    check(b"<html><body>hello, this is not DICOM</body></html>", "NotDicom");
    check(&[0; 4096], "NotDicom");
    check(&[0xFF; 4096], "NotDicom");
    check(b"{\"00080018\":{\"vr\":\"UI\"}}", "NotDicom");
}

#[test]
fn a_directory_of_a_file_set() {
    let meta = E.element(0x0002_0002, "UI", b"1.2.840.10008.1.3.10");
    check(&[&[0; 128], &b"DICM"[..], &meta, &E.dataset(&[])].concat(), "MediaDirectory");
}

#[test]
fn instances_that_cannot_be_filed() {
    let all = [
        (0x0008_0016, "SOPClassUID"),
        (0x0008_0018, "SOPInstanceUID"),
        (0x0020_000D, "StudyInstanceUID"),
        (0x0020_000E, "SeriesInstanceUID"),
    ];
    for (missing, keyword) in all {
        let others: Vec<u8> = all
            .iter()
            .filter(|(tag, _)| *tag != missing)
            .flat_map(|(tag, _)| E.element(*tag, "UI", b"1.2\0"))
            .collect();
        let expected = format!("Unidentified {{ keyword: \"{keyword}\" }}");
        check(&part10(E.uid(), &others), &expected);
        for value in [&b""[..], b"not a uid!", b"../../etc/passwd", b"1.2/3\0", &[b'1'; 66]] {
            let wrong = E.element(missing, "UI", value);
            check(&part10(E.uid(), &[others.clone(), wrong].concat()), &expected);
        }
    }
}

#[test]
fn uids_inside_a_sequence_do_not_file() {
    let nested = E.sequence(0x0008_1140, &[E.identifiers()], false);
    check(&part10(E.uid(), &nested), "Unidentified");
}

#[test]
fn streams_that_end_early() {
    let pixels = E.element(0x7FE0_0010, "OW", &[1; 64]);
    let whole = E.file(&[E.image(4, 8, "1"), pixels]);
    for cut in [1, 10, 63, 64] {
        check(&whole[..whole.len() - cut], "Truncated { tag: 2145386512");
    }
    for cut in [65, 70, 75] {
        check(&whole[..whole.len() - cut], "Truncated");
    }
    // cut between two elements there is nothing to see, and an image may be without pixel data
    assert_eq!(scan(&whole[..whole.len() - 76]).unwrap().metadata.frames.count(), 0);
    let text = E.file(&[E.element(0x0040_A160, "UT", b"findings")]);
    check(&text[..text.len() - 1], "Truncated");
    check(&text[..text.len() - 9], "Truncated");
    let huge = E.file(&[E.header(0x0040_A160, "UT", 0xFFFF_FFFE)]);
    check(&huge, "Truncated");
}

#[test]
fn sequences_that_end_early() {
    for defined in [false, true] {
        let whole = E.file(&[E.sequence(0x0040_A730, &[E.element(0x0040_A160, "UT", b"findings")], defined)]);
        let delimiters = if defined { 0 } else { 16 };
        for cut in [1, 8, delimiters.max(1)] {
            check(&whole[..whole.len() - cut], "Truncated");
        }
    }
}

#[test]
fn frames_that_are_missing_at_the_end() {
    let pixels = encapsulated(&[&[], &[1; 20], &[2; 20]]);
    let whole = part10("1.2.840.10008.1.2.5", &E.dataset(&[E.image(2, 2, "2"), pixels]));
    check(&whole[..whole.len() - 9], "Truncated");
    check(&whole[..whole.len() - 8 - 28], "Truncated");
}

#[test]
fn images_whose_tail_was_zeroed() {
    check(&E.file(&[E.image(2, 2, "1"), vec![0; 512]]), "Damaged");
    check(&E.file(&[E.element(0x0020_0010, "SH", b"S1"), vec![0; 64], b"x".to_vec()]), "Damaged");
}

#[test]
fn values_without_a_length() {
    check(&E.file(&[E.header(0x0040_A160, "UT", UNDEFINED)]), "Damaged");
}

#[test]
fn broken_deflate_streams() {
    check(&part10("1.2.840.10008.1.2.1.99", &[0xFF; 64]), "Deflate");
    check(&part10("1.2.840.10008.1.2.1.99", &[]), "Deflate");
}

#[test]
fn one_past_every_limit() {
    let file = E.file(&[]);
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::DEFAULT;
        change(&mut limits);
        limits
    };
    let exact = Limits { stream_bytes: file.len() as u64, ..Limits::DEFAULT };
    assert!(scan_with(&file, &exact).is_ok());
    let short = Limits { stream_bytes: file.len() as u64 - 1, ..Limits::DEFAULT };
    assert!(matches!(scan_with(&file, &short), Err(ScanError::TooLong { .. })));

    let nested = |depth: usize| {
        (0..depth).fold(E.element(0x0040_A160, "UT", b"leaf"), |item, _| E.sequence(0x0040_A730, &[item], false))
    };
    assert!(scan(&E.file(&[nested(64)])).is_ok());
    assert!(matches!(scan(&E.file(&[nested(65)])), Err(ScanError::TooDeep { max: 64 })));

    let few = limits(|limits| limits.fragments = 3);
    let pixels = |count: usize| {
        let fragments = vec![&[1u8; 4][..]; count + 1];
        let mut fragments = fragments;
        fragments[0] = &[];
        part10("1.2.840.10008.1.2.5", &E.dataset(&[encapsulated(&fragments)]))
    };
    assert!(scan_with(&pixels(3), &few).is_ok());
    assert!(matches!(scan_with(&pixels(4), &few), Err(ScanError::TooManyFragments { max: 3 })));

    let little = limits(|limits| limits.json_bytes = 200);
    assert!(matches!(scan_with(&file, &little), Err(ScanError::TooMuchMetadata { max: 200 })));
}

#[test]
fn failures_of_reader_and_sink_are_not_the_streams_fault() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no"))
        }
    }
    let error = scan_file(&mut Failing, &Limits::DEFAULT, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, ScanError::Read(_)) && !error.is_refusal());
    let file = E.file(&[]);
    let error = scan_file(&mut &file[..], &Limits::DEFAULT, &mut |_, _| Err(io::Error::other("full"))).unwrap_err();
    assert!(matches!(error, ScanError::Sink(_)) && !error.is_refusal());
}

#[test]
fn messages_say_what_to_do_and_hold_no_value() {
    let stream = E.file(&[E.element(0x0010_0010, "PN", b"Canary^Yellow "), E.header(0x0040_A160, "UT", 99)]);
    let message = scan(&stream).unwrap_err().to_string();
    assert_eq!(message, "the stream ends early, inside attribute 0040A160 at byte 262; send it again, whole");
}
