//! Damage that no crash explains is refused and named, never cut off.

use std::path::PathBuf;

use store::{OpenError, Store};

use crate::support::{Bench, Random, Sent, group, small};

/// A store of 12 instances in 3 volumes or so, closed; nothing is acknowledged.
fn made() -> Bench {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(1);
    for _ in 0..12 {
        store.submit(group(&[&Sent::random(&mut random, 12_000)], &random.clone().bytes(900))).wait().unwrap();
    }
    drop(store);
    bench
}

fn volume(bench: &Bench, number: u32) -> PathBuf {
    bench.dir().join(format!("volumes/{number:06}.vol"))
}

fn journal(bench: &Bench, number: u32) -> PathBuf {
    bench.dir().join(format!("outbox/{number:06}.journal"))
}

#[track_caller]
fn refused(bench: &Bench) -> OpenError {
    let before = bench.disk.contents();
    let error = Store::open(&bench.dir(), small(), std::sync::Arc::new(bench.disk.clone())).map(drop).unwrap_err();
    assert_eq!(bench.disk.contents(), before, "a store that does not open changes nothing");
    error
}

#[test]
fn a_flipped_bit_in_a_record_header_of_a_closed_volume() {
    let bench = made();
    bench.disk.damage(&volume(&bench, 1), |bytes| bytes[64 + 20] ^= 1);
    bench.remove_rows();
    assert!(matches!(refused(&bench), OpenError::Damaged { offset: 64, .. }));
}

#[test]
fn a_flipped_bit_in_an_early_record_of_the_newest_volume() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(2);
    for _ in 0..3 {
        store.submit(group(&[&Sent::random(&mut random, 2_000)], b"x")).wait().unwrap();
    }
    drop(store);
    bench.remove_rows();
    bench.disk.damage(&volume(&bench, 1), |bytes| bytes[64 + 100] ^= 1);
    assert!(matches!(refused(&bench), OpenError::Damaged { offset: 64, .. }));
}

#[test]
fn a_missing_volume_that_rows_point_to() {
    let bench = made();
    let newest = (1..20).rev().find(|number| bench.disk.contents().contains_key(&volume(&bench, *number))).unwrap();
    store::StoreIo::remove(&bench.disk, &volume(&bench, newest)).unwrap();
    assert!(matches!(refused(&bench), OpenError::VolumeShort { volume } if volume == newest));
}

#[test]
fn a_volume_shorter_than_the_rows_say() {
    let bench = made();
    let newest = (1..20).rev().find(|number| bench.disk.contents().contains_key(&volume(&bench, *number))).unwrap();
    bench.disk.damage(&volume(&bench, newest), |bytes| bytes.truncate(bytes.len() - 8));
    assert!(matches!(refused(&bench), OpenError::VolumeShort { volume } if volume == newest));
}

#[test]
fn a_flipped_bit_in_a_waiting_outbox_record() {
    let bench = made();
    bench.disk.damage(&journal(&bench, 1), |bytes| bytes[128 + 144 + 5] ^= 1);
    assert!(matches!(refused(&bench), OpenError::Damaged { offset: 128, .. }));
}

#[test]
fn a_flipped_bit_in_the_header_of_a_journal() {
    let bench = made();
    bench.disk.damage(&journal(&bench, 1), |bytes| bytes[40] ^= 1);
    assert!(matches!(refused(&bench), OpenError::Damaged { offset: 0, .. }));
}

#[test]
fn every_journal_taken_away() {
    let bench = made();
    for number in 1..20 {
        let _ = store::StoreIo::remove(&bench.disk, &journal(&bench, number));
    }
    assert!(matches!(refused(&bench), OpenError::OutboxGap { expected: 0 }));
    bench.remove_rows();
    assert!(matches!(refused(&bench), OpenError::OutboxGap { expected: 0 }));
}

#[test]
fn the_first_journal_taken_away() {
    let bench = made();
    store::StoreIo::remove(&bench.disk, &journal(&bench, 1)).unwrap();
    assert!(matches!(refused(&bench), OpenError::OutboxGap { expected: 0 }));
}

#[test]
fn files_of_a_later_version() {
    for (path, at) in [("volumes/000001.vol", 5), ("outbox/000001.journal", 5)] {
        let bench = made();
        bench.remove_rows();
        bench.disk.damage(&bench.dir().join(path), |bytes| bytes[at] = 2);
        let error = refused(&bench);
        assert!(matches!(error, OpenError::Version { version: 2, .. }), "{error}");
    }
}

#[test]
fn rows_of_a_later_version() {
    let bench = made();
    let rows = rusqlite::Connection::open(bench.dir().join("front.db")).unwrap();
    rows.pragma_update(None, "user_version", 99).unwrap();
    drop(rows);
    assert!(matches!(refused(&bench), OpenError::Version { version: 99, .. }));
}

#[test]
fn rows_that_are_not_a_database() {
    let bench = made();
    bench.remove_rows();
    std::fs::write(bench.dir().join("front.db"), [7; 5000]).unwrap();
    let error = refused(&bench);
    assert!(error.to_string().contains("move it away"), "{error}");
}
