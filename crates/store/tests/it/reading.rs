//! Reading ranges and large objects.

use model::StudyNumber;
use store::{Group, Place, ReadError, Store, files};

use crate::support::{Bench, Random, Sent, everything, group, settled, small};

#[test]
fn any_range_of_any_object_is_read_as_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&folder.path().join("front"), small(), files()).unwrap();
    let mut random = Random(1);
    let sent: Vec<Sent> = (0..30).map(|index| Sent::random(&mut random, index * 777)).collect();
    for sent in &sent {
        store.submit(group(&[sent], b"x")).wait().unwrap();
    }
    settled(&store, 30);
    let rows = store.pending_rows(usize::MAX).unwrap();
    for (row, sent) in rows.iter().zip(&sent) {
        let length = row.instance.length;
        for _ in 0..10 {
            let start = random.below(length + 1);
            let end = start + random.below(length - start + 1);
            let read = store.read(&row.instance, start..end).unwrap();
            assert_eq!(read, sent.instance[start as usize..end as usize]);
        }
        let mut buffer = b"before".to_vec();
        store.read_into(&row.metadata, 0..row.metadata.length, &mut buffer).unwrap();
        assert_eq!(buffer, [b"before".as_slice(), &sent.metadata].concat());
    }
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn a_range_behind_the_object_or_in_no_volume_is_refused() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(2);
    store.submit(group(&[&Sent::random(&mut random, 100)], b"x")).wait().unwrap();
    settled(&store, 1);
    let place = store.pending_rows(1).unwrap()[0].instance;
    for range in [0..101, 101..101, u64::MAX - 1..u64::MAX, 5..4] {
        assert!(matches!(store.read(&place, range), Err(ReadError::Range { length: 100 })));
    }
    for place in [
        Place { volume: 99, ..place },
        Place { volume: 99 | 1 << 31, ..place },
        Place { offset: 1 << 40, ..place },
        Place { offset: u64::MAX, ..place },
        Place { length: u64::MAX, ..place },
    ] {
        let mut buffer = b"before".to_vec();
        let error = store.read_into(&place, 0..place.length, &mut buffer).unwrap_err();
        assert!(matches!(error, ReadError::NotThere { .. }), "{error}");
        assert_eq!(buffer, b"before");
    }
}

#[test]
fn a_large_object_comes_back_bit_for_bit_in_every_cut_of_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("front");
    let (store, _) = Store::open(&dir, small(), files()).unwrap();
    let mut random = Random(3);
    for piece in [1usize, 65_552, 300_000, 3_000_000] {
        let sent = Sent::random(&mut random, if piece == 1 { 1000 } else { 2_500_000 });
        let mut writer = store.begin_large(sent.object).unwrap();
        for bytes in sent.instance.chunks(piece) {
            writer.append(bytes).unwrap();
        }
        assert_eq!(writer.length(), sent.instance.len() as u64);
        let large = writer.finish().unwrap();
        store.submit(Group { instances: vec![sent.large(large)], body: vec![1] }).wait().unwrap();
        let last = store.outbox().last;
        store.acknowledge(last, &[(sent.object, store::Placement::Study(StudyNumber(0)))]).unwrap();
        assert_eq!(everything(&store, 1)[&sent.object].1, sent);
    }
    drop(store);
    let (store, recovered) = Store::open(&dir, small(), files()).unwrap();
    assert_eq!(recovered.large_removed, 0);
    assert_eq!(everything(&store, 1).len(), 4);
}

#[test]
fn a_large_object_that_is_dropped_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("front");
    let (store, _) = Store::open(&dir, small(), files()).unwrap();
    let large_files = || std::fs::read_dir(dir.join("volumes")).unwrap().count();
    let mut writer = store.begin_large(model::ObjectId([1; 16])).unwrap();
    writer.append(&[1; 1000]).unwrap();
    assert_eq!(large_files(), 1);
    drop(writer);
    assert_eq!(large_files(), 0);
    let mut writer = store.begin_large(model::ObjectId([2; 16])).unwrap();
    writer.append(&[1; 1000]).unwrap();
    drop(writer.finish().unwrap());
    assert_eq!(large_files(), 0);
}
