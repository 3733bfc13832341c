//! Objects: round trips at the borders of segments, ranges, and openings that are refused.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use seal::{
    HEADER_BYTES, ObjectKind, OpenError, Opener, SEGMENT_BYTES, SealKey, Sealer, TAG_BYTES, open_blob, seal_blob,
    sealed_length,
};

use crate::{context, plaintext, rng};

const LENGTHS: [usize; 13] = [
    0,
    1,
    15,
    16,
    17,
    SEGMENT_BYTES - 1,
    SEGMENT_BYTES,
    SEGMENT_BYTES + 1,
    2 * SEGMENT_BYTES - 1,
    2 * SEGMENT_BYTES,
    2 * SEGMENT_BYTES + 1,
    3 * SEGMENT_BYTES,
    525_000,
];

fn sealed_in_pieces(key: &SealKey, plaintext: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sealer = Sealer::new(key, context(ObjectKind::Instance), &mut rng(7), &mut out);
    for piece in plaintext.chunks(piece) {
        sealer.push(piece, &mut out);
    }
    sealer.finish(&mut out);
    out
}

#[test]
fn objects_come_back_at_every_border_of_segments() {
    let key = SealKey::generate(&mut rng(1));
    for length in LENGTHS {
        let plaintext = plaintext(length);
        let sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext, &mut rng(7));
        assert_eq!(sealed.len() as u64, sealed_length(length as u64), "{length}");
        assert_eq!(open_blob(&key, context(ObjectKind::Instance), &sealed).as_deref(), Ok(plaintext.as_slice()));
        for piece in [1000, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 200_000, 600_000] {
            assert!(sealed_in_pieces(&key, &plaintext, piece) == sealed, "{length} bytes in pieces of {piece}");
        }
    }
}

#[test]
fn nothing_that_waits_stands_in_the_clear_in_the_output() {
    let key = SealKey::generate(&mut rng(1));
    let mut out = Vec::new();
    let mut sealer = Sealer::new(&key, context(ObjectKind::Instance), &mut rng(7), &mut out);
    let canary = b"YAMADA^TARO is the name of this patient";
    for _ in 0..4000 {
        sealer.push(canary, &mut out);
        assert!(!out.windows(12).rev().take(100).any(|window| window == &canary[..12]));
    }
    sealer.finish(&mut out);
    assert!(!out.windows(12).any(|window| window == &canary[..12]));
}

#[test]
fn two_sealings_of_the_same_bytes_share_nothing() {
    let key = SealKey::generate(&mut rng(1));
    let one = seal_blob(&key, context(ObjectKind::Row), &[0; 64], &mut rng(2));
    let two = seal_blob(&key, context(ObjectKind::Row), &[0; 64], &mut rng(3));
    assert_eq!(one[..38], two[..38], "magic, version, kind, key and object are not random");
    assert!(one[38..].chunks(8).zip(two[38..].chunks(8)).all(|(one, two)| one != two));
}

/// A runner whose cases are the same on every machine; a failure prints the case.
fn runner(cases: u32) -> TestRunner {
    const SEED: [u8; 32] = *b"leadglass seal property tests 01";
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    eprintln!("seed {SEED:?}");
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &SEED))
}

#[test]
fn a_range_opens_to_the_same_bytes_as_the_whole() {
    let key = SealKey::generate(&mut rng(1));
    let cases = (0usize..4 * SEGMENT_BYTES, any::<[u64; 2]>(), 0usize..5);
    runner(400)
        .run(&cases, |(length, [one, two], near)| {
            let plaintext = plaintext(length);
            let sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext, &mut rng(length as u64));
            let opener =
                Opener::new(&key, context(ObjectKind::Instance), &sealed[..HEADER_BYTES], sealed.len() as u64).unwrap();
            prop_assert_eq!(opener.plaintext_length(), length as u64);
            // half of the ranges lie close to a border
            let place = |draw: u64| {
                let place = draw % (length as u64 + 1);
                if near < 3 { place } else { place.next_multiple_of(SEGMENT_BYTES as u64).min(length as u64) }
            };
            let (from, to) = (place(one).min(place(two)), place(one).max(place(two)));
            let read = opener.sealed_range(from..to);
            let read = &sealed[read.start as usize..read.end as usize];
            let mut out = b"before".to_vec();
            opener.open_range(from..to, read, &mut out).unwrap();
            prop_assert_eq!(&out[..6], b"before");
            prop_assert!(out[6..] == plaintext[from as usize..to as usize]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_changed_bit_opens() {
    let key = SealKey::generate(&mut rng(1));
    let sealed = seal_blob(&key, context(ObjectKind::Note), &plaintext(200), &mut rng(7));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        open_blob(&key, context(ObjectKind::Note), &changed).unwrap_err();
    }
}

#[test]
fn no_other_length_opens() {
    let key = SealKey::generate(&mut rng(1));
    let sealed = seal_blob(&key, context(ObjectKind::Note), &plaintext(SEGMENT_BYTES + 40), &mut rng(7));
    let extended = [sealed.as_slice(), &[0; 70_000]].concat();
    for length in (0..400).chain(sealed.len() - 400..sealed.len()).chain(sealed.len() + 1..sealed.len() + 400) {
        open_blob(&key, context(ObjectKind::Note), &extended[..length]).unwrap_err();
    }
    open_blob(&key, context(ObjectKind::Note), &extended).unwrap_err();
}

#[test]
fn a_failed_range_leaves_nothing_behind() {
    let key = SealKey::generate(&mut rng(1));
    let plaintext = plaintext(3 * SEGMENT_BYTES);
    let mut sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext, &mut rng(7));
    let opener =
        Opener::new(&key, context(ObjectKind::Instance), &sealed[..HEADER_BYTES], sealed.len() as u64).unwrap();
    let third = HEADER_BYTES + 2 * (SEGMENT_BYTES + TAG_BYTES);
    sealed[third] ^= 1;
    let mut out = b"before".to_vec();
    let range = 10..3 * SEGMENT_BYTES as u64;
    assert_eq!(opener.open_range(range, &sealed[HEADER_BYTES..], &mut out), Err(OpenError::Damaged { segment: 2 }));
    assert_eq!(out, b"before");
}

#[test]
fn ranges_outside_and_reads_of_another_size_are_refused() {
    let key = SealKey::generate(&mut rng(1));
    let sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext(100_000), &mut rng(7));
    let opener =
        Opener::new(&key, context(ObjectKind::Instance), &sealed[..HEADER_BYTES], sealed.len() as u64).unwrap();
    #[allow(clippy::reversed_empty_ranges)]
    for range in [0..100_001, 100_001..100_001, 20..10, u64::MAX - 1..u64::MAX, 0..u64::MAX] {
        let outcome = opener.open_range(range.clone(), &sealed[HEADER_BYTES..], &mut Vec::new());
        assert!(matches!(outcome, Err(OpenError::Range { .. })), "{range:?}");
    }
    let read = opener.sealed_range(10..20);
    let read = &sealed[read.start as usize..read.end as usize];
    for wrong in [&read[1..], &read[..read.len() - 1], &sealed[HEADER_BYTES..], &[]] {
        let outcome = opener.open_range(10..20, wrong, &mut Vec::new());
        assert!(matches!(outcome, Err(OpenError::RangeBytes { .. })));
    }
}

#[test]
fn a_segment_of_another_place_does_not_open_in_a_range() {
    let key = SealKey::generate(&mut rng(1));
    let sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext(4 * SEGMENT_BYTES), &mut rng(7));
    let opener =
        Opener::new(&key, context(ObjectKind::Instance), &sealed[..HEADER_BYTES], sealed.len() as u64).unwrap();
    let segment = |number: u64| {
        let at = number * SEGMENT_BYTES as u64;
        at..at + SEGMENT_BYTES as u64
    };
    for (wanted, given) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
        let read = opener.sealed_range(segment(given));
        let read = &sealed[read.start as usize..read.end as usize];
        let outcome = opener.open_range(segment(wanted), read, &mut Vec::new());
        assert_eq!(outcome, Err(OpenError::Damaged { segment: wanted }));
    }
}

#[test]
fn lengths_at_the_end_of_numbers_are_answered() {
    let key = SealKey::generate(&mut rng(1));
    let sealed = seal_blob(&key, context(ObjectKind::Instance), &plaintext(10), &mut rng(7));
    for length in (0..2 * (SEGMENT_BYTES + TAG_BYTES) as u64).step_by(997).chain(u64::MAX - 70_000..=u64::MAX) {
        let Ok(opener) = Opener::new(&key, context(ObjectKind::Instance), &sealed[..HEADER_BYTES], length) else {
            continue;
        };
        assert_eq!(sealed_length(opener.plaintext_length()), length);
        for plain in [0..1, 0..u64::MAX, u64::MAX - 1..u64::MAX, length / 2..length / 2 + 1] {
            let read = opener.sealed_range(plain.clone());
            assert!(read.start <= read.end && read.end <= length.max(HEADER_BYTES as u64), "{length} {plain:?}");
            opener.open_range(plain, &[], &mut Vec::new()).unwrap_err();
        }
    }
}
