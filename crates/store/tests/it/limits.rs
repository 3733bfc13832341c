//! Limits, a full disk, two stores in one folder.

use std::io::ErrorKind;
use std::sync::Arc;

use model::ObjectId;
use store::{
    BODY_BYTES_MAX, GROUP_INSTANCES_MAX, Group, MemoryDisk, NewChunk, OpenError, ROW_BYTES_MAX, Step, Store, StoreError,
};

use crate::outbox::block_on;
use crate::support::{Bench, Fault, Faults, Random, Sent, everything, group, settled, small, waiting};

fn refused(store: &Store, group: Group) {
    let error = store.submit(group).wait().unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("smaller parts"));
}

#[test]
fn a_group_just_past_each_limit_is_refused() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(1);
    let sent = Sent::random(&mut random, 1);
    refused(&store, group(&vec![&sent; GROUP_INSTANCES_MAX + 1], b""));
    refused(&store, group(&[], &vec![0; BODY_BYTES_MAX + 1]));
    refused(&store, group(&[&Sent { row: vec![0; ROW_BYTES_MAX + 1], ..sent.clone() }], b""));
    let chunk = |row: usize, covers: usize| NewChunk {
        object: sent.object,
        key: sent.key,
        covers: vec![ObjectId([0; 16]); covers],
        sealed_chunk: Vec::new(),
        sealed_row: vec![0; row],
    };
    assert!(store.put_chunk(chunk(ROW_BYTES_MAX + 1, 0)).is_err());
    assert!(store.put_chunk(chunk(0, store::COVERS_MAX + 1)).is_err());
    assert_eq!(store.outbox().last, 0, "nothing of them is stored");

    store.submit(group(&[], &vec![7; BODY_BYTES_MAX])).wait().unwrap();
    store.submit(group(&[&Sent { row: vec![0; ROW_BYTES_MAX], ..sent }], b"")).wait().unwrap();
    assert_eq!(waiting(&store, [0; 32])[0].body.len(), BODY_BYTES_MAX);
}

#[test]
fn a_group_larger_than_all_the_room_goes_in_alone() {
    let bench = Bench::new();
    let mut options = small();
    options.in_flight_bytes_max = 1000;
    let (store, _) = Store::open(&bench.dir(), options, Arc::new(bench.disk.clone())).unwrap();
    let mut random = Random(2);
    let sent: Vec<Sent> = (0..40).map(|index| Sent::random(&mut random, index * 100)).collect();
    std::thread::scope(|scope| {
        for part in sent.chunks(10) {
            let store = &store;
            scope.spawn(move || {
                for (index, sent) in part.iter().enumerate() {
                    let group = group(&[sent], b"x");
                    let ticket = if index % 2 == 0 { store.submit(group) } else { block_on(store.admit(group)) };
                    ticket.wait().unwrap();
                }
            });
        }
    });
    settled(&store, 40);
    let all = everything(&store, 0);
    assert!(sent.iter().all(|sent| all[&sent.object].1 == *sent));
}

#[test]
fn a_full_disk_refuses_whole_groups_and_is_forgotten_when_there_is_room() {
    for step in [
        Step::VolumeCreate,
        Step::JournalCreate,
        Step::JournalWrite,
        Step::JournalSync,
        Step::VolumeWrite,
        Step::VolumeSync,
        Step::Answer,
    ] {
        let bench = Bench::new();
        let faults = Arc::new(Faults::default());
        let (store, _) = bench.open_with(&faults);
        let mut random = Random(3);
        let sent: Vec<Sent> = (0..3).map(|_| Sent::random(&mut random, 90_000)).collect();
        store.submit(group(&[&sent[0]], &[1; 9000])).wait().unwrap();
        faults.set(step, 0, Fault::Once(ErrorKind::StorageFull));
        let error = store.submit(group(&[&sent[1]], &[2; 9000])).wait().unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{step:?}: {error}");
        assert!(error.to_string().contains("free some space"), "{error}");
        let answer = store.submit(group(&[&sent[2]], &[3; 9000])).wait().unwrap();
        assert_eq!(answer.sequence, 2, "{step:?}: the refused group took no number");
        let mut store = Some(store);
        for _ in 0..2 {
            let store = store.take().unwrap_or_else(|| bench.open().0);
            settled(&store, 2);
            let all = everything(&store, 0);
            assert_eq!(all.len(), 2, "{step:?}: the refused group is not there");
            assert!([&sent[0], &sent[2]].iter().all(|sent| all[&sent.object].1 == **sent), "{step:?}");
            waiting(&store, [0; 32]);
            store.close();
        }
    }
}

#[test]
fn a_disk_that_stays_full_refuses_until_the_tail_can_be_cut_off() {
    let bench = Bench::new();
    let faults = Arc::new(Faults::default());
    let (store, _) = bench.open_with(&faults);
    let mut random = Random(4);
    let (first, second) = (Sent::random(&mut random, 100), Sent::random(&mut random, 100));
    faults.dead.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..3 {
        store.submit(group(&[&first], b"no")).wait().unwrap_err();
    }
    faults.dead.store(false, std::sync::atomic::Ordering::SeqCst);
    store.submit(group(&[&second], b"yes")).wait().unwrap();
    settled(&store, 1);
    assert_eq!(everything(&store, 0).keys().collect::<Vec<_>>(), [&second.object]);
}

#[test]
fn rows_that_cannot_be_written_are_written_later() {
    let bench = Bench::new();
    let faults = Faults::at(Step::Rows, 0, Fault::Once(ErrorKind::StorageFull));
    let (store, _) = bench.open_with(&faults);
    let mut random = Random(5);
    let sent = Sent::random(&mut random, 100);
    store.submit(group(&[&sent], b"x")).wait().unwrap();
    settled(&store, 1);
    assert!(faults.struck.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(everything(&store, 0)[&sent.object].1, sent);
}

#[test]
fn a_folder_is_opened_once_at_a_time() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let again = Store::open(&bench.dir(), small(), Arc::new(MemoryDisk::default()));
    assert!(matches!(again.err(), Some(OpenError::InUse { .. })));
    store.close();
    bench.open();
}

#[test]
fn after_closing_everything_is_refused_and_nothing_hangs() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    store.close();
    store.close();
    let stopped = |error: StoreError| assert!(matches!(error, StoreError::Stopped), "{error}");
    stopped(store.submit(group(&[], b"x")).wait().unwrap_err());
    stopped(block_on(block_on(store.admit(group(&[], b"x")))).unwrap_err());
    stopped(store.acknowledge(0, &[]).unwrap_err());
    block_on(store.pending_after(0));
    assert!(!store.wait_for_pending(0, std::time::Duration::from_secs(60)));
}
