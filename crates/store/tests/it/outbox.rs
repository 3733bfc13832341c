//! The outbox: order, limits, acknowledgement, erasure.

use std::sync::Arc;
use std::time::Duration;

use model::StudyNumber;
use store::{Placement, Store, StoreError, files};

use crate::support::{Bench, Random, Sent, chunk, everything, group, settled, small, waiting};

#[test]
fn records_come_in_order_and_within_the_limits() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(1);
    let bodies: Vec<Vec<u8>> = (0..20).map(|index| random.bytes(100 * index)).collect();
    for body in &bodies {
        store.submit(group(&[&Sent::random(&mut random, 50)], body)).wait().unwrap();
    }
    let records = waiting(&store, [0; 32]);
    assert_eq!(records.iter().map(|record| record.body.clone()).collect::<Vec<_>>(), bodies);
    let numbers = |after, records, bytes| -> Vec<u64> {
        store.pending(after, records, bytes).unwrap().iter().map(|record| record.sequence).collect()
    };
    assert_eq!(numbers(3, 2, usize::MAX), [4, 5]);
    assert_eq!(numbers(15, 100, 3100), [16, 17], "1500 and 1600 fit, 1700 more does not");
    assert_eq!(numbers(19, 100, 0), [20], "one record always comes");
    assert_eq!(numbers(20, 100, usize::MAX), []);
    assert_eq!(numbers(1, 0, usize::MAX), []);
}

#[test]
fn verdicts_place_instances_and_chunks() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(2);
    let sent: Vec<Sent> = (0..5).map(|_| Sent::random(&mut random, 700)).collect();
    let all: Vec<&Sent> = sent.iter().collect();
    store.submit(group(&all, b"first")).wait().unwrap();
    store.put_chunk(chunk(&mut random, sent[0].key, &[sent[0].object])).unwrap();
    let placements = [
        (sent[0].object, Placement::Study(StudyNumber(3))),
        (sent[1].object, Placement::Duplicate),
        (sent[2].object, Placement::Conflict(StudyNumber(3))),
        (sent[3].object, Placement::Unreadable),
        (sent[4].object, Placement::Study(StudyNumber(0))),
    ];
    store.acknowledge(1, &placements).unwrap();
    let of =
        |study| -> Vec<_> { store.rows_of_study(StudyNumber(study)).unwrap().iter().map(|row| row.object).collect() };
    assert_eq!(of(3), [sent[0].object, sent[2].object]);
    assert_eq!(of(0), [sent[4].object]);
    assert_eq!(of(1), []);
    assert!(store.pending_rows(10).unwrap().is_empty());
    let counts = store.counts().unwrap();
    assert_eq!((counts.placed, counts.pending, counts.duplicates, counts.unreadable), (3, 0, 1, 1));
    assert_eq!(store.chunks_of_study(StudyNumber(3)).unwrap().len(), 1);

    // a chunk that comes after the verdicts belongs to the same study
    store.put_chunk(chunk(&mut random, sent[4].key, &[sent[4].object])).unwrap();
    store.submit(group(&[], b"second")).wait().unwrap();
    store.acknowledge(2, &[]).unwrap();
    let chunks = store.chunks_of_study(StudyNumber(0)).unwrap();
    assert_eq!(chunks[0].covers, [sent[4].object]);
    assert_eq!(store.read(&chunks[0].chunk, 0..chunks[0].chunk.length).unwrap().len(), 500);
    assert!(store.chunks_of_study(StudyNumber(1)).unwrap().is_empty());
}

#[test]
fn a_batch_in_two_studies_has_no_chunks() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(3);
    let first = Sent::random(&mut random, 10);
    let second = Sent { key: first.key, ..Sent::random(&mut random, 10) };
    store.submit(group(&[&first, &second], b"")).wait().unwrap();
    store.put_chunk(chunk(&mut random, first.key, &[first.object, second.object])).unwrap();
    let study = |number| Placement::Study(StudyNumber(number));
    store.acknowledge(1, &[(first.object, study(1)), (second.object, study(2))]).unwrap();
    assert!(store.chunks_of_study(StudyNumber(1)).unwrap().is_empty());
    assert!(store.chunks_of_study(StudyNumber(2)).unwrap().is_empty());
}

#[test]
fn acknowledging_again_changes_nothing() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(4);
    let sent = Sent::random(&mut random, 10);
    store.submit(group(&[&sent], b"one")).wait().unwrap();
    store.acknowledge(1, &[(sent.object, Placement::Study(StudyNumber(1)))]).unwrap();
    store.acknowledge(1, &[(sent.object, Placement::Unreadable)]).unwrap();
    store.acknowledge(0, &[]).unwrap();
    assert_eq!(store.rows_of_study(StudyNumber(1)).unwrap().len(), 1);
}

#[test]
fn what_is_not_in_the_outbox_is_not_acknowledged() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    store.submit(group(&[], b"one")).wait().unwrap();
    let error = store.acknowledge(2, &[]).unwrap_err();
    assert!(matches!(error, StoreError::NotInOutbox { up_to: 2, last: 1 }), "{error}");
    assert_eq!(store.outbox().acknowledged, 0);
}

#[test]
fn the_chain_goes_on_after_everything_was_acknowledged_and_forgotten() {
    let bench = Bench::new();
    let mut chain = [0; 32];
    for round in 0..4u8 {
        let (store, _) = bench.open();
        assert_eq!(store.outbox().chain, chain, "round {round}");
        for _ in 0..=round {
            store.submit(group(&[], &[round; 30])).wait().unwrap();
        }
        waiting(&store, chain);
        chain = store.outbox().chain;
        store.acknowledge(store.outbox().last, &[]).unwrap();
        drop(store);
        if round == 2 {
            bench.remove_rows();
        }
    }
}

#[test]
fn acknowledged_wraps_are_gone_from_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("front");
    let (store, _) = Store::open(&dir, small(), files()).unwrap();
    let mut random = Random(5);
    let wraps: Vec<Vec<u8>> = (0..60).map(|_| random.bytes(600)).collect();
    for wrap in &wraps {
        store.submit(group(&[&Sent::random(&mut random, 20)], wrap)).wait().unwrap();
    }
    assert_eq!(found(&dir, &wraps), 60, "they are in the journals first");
    store.acknowledge(55, &[]).unwrap();
    drop(store);
    assert_eq!(found(&dir, &wraps[..55]), 0);
    assert_eq!(found(&dir, &wraps[55..]), 5);
    let (store, _) = Store::open(&dir, small(), files()).unwrap();
    store.acknowledge(60, &[]).unwrap();
    drop(store);
    assert_eq!(found(&dir, &wraps), 0);
    let journals = std::fs::read_dir(dir.join("outbox")).unwrap().count();
    assert!(journals <= 1, "{journals} journals are left");
}

fn found(dir: &std::path::Path, needles: &[Vec<u8>]) -> usize {
    let mut files = Vec::new();
    for folder in ["", "volumes", "outbox"] {
        for entry in std::fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with("reserve") {
                files.push(std::fs::read(path).unwrap());
            }
        }
    }
    let holds = |needle: &Vec<u8>| files.iter().any(|file| file.windows(32).any(|window| window == &needle[100..132]));
    needles.iter().filter(|needle| holds(needle)).count()
}

#[test]
fn the_handover_loop_is_woken() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    assert!(!store.wait_for_pending(0, Duration::ZERO));
    let waiter = store.clone();
    let woken = std::thread::spawn(move || waiter.wait_for_pending(0, Duration::from_secs(60)));
    let task = store.pending_after(0);
    let polled = std::thread::spawn(move || block_on(task));
    store.submit(group(&[], b"x")).wait().unwrap();
    assert!(woken.join().unwrap());
    polled.join().unwrap();
    assert!(store.wait_for_pending(0, Duration::ZERO));
}

#[test]
fn tasks_wait_without_a_thread() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    let mut random = Random(6);
    let sent = Sent::random(&mut random, 4000);
    let ticket = block_on(store.admit(group(&[&sent], b"x")));
    assert_eq!(block_on(ticket).unwrap().sequence, 1);
}

#[test]
fn a_front_that_was_restored_continues_behind_the_warden() {
    let bench = Bench::new();
    let (store, _) = bench.open();
    store.submit(group(&[], b"one")).wait().unwrap();
    let error = store.continue_after(7, [9; 32]).unwrap_err();
    assert!(matches!(error, StoreError::StillWaiting { waiting: 1 }), "{error}");
    store.acknowledge(1, &[]).unwrap();
    assert!(matches!(store.continue_after(0, [9; 32]), Err(StoreError::NotInOutbox { up_to: 0, last: 1 })));
    store.continue_after(7, [9; 32]).unwrap();
    let mut random = Random(7);
    let sent = Sent::random(&mut random, 100);
    assert_eq!(store.submit(group(&[&sent], b"eight")).wait().unwrap().sequence, 8);
    waiting(&store, [9; 32]);
    drop(store);
    bench.remove_rows();
    let (store, _) = bench.open();
    assert_eq!((store.outbox().last, store.outbox().acknowledged), (8, 7));
    waiting(&store, [9; 32]);
    settled(&store, 1);
    assert_eq!(everything(&store, 0)[&sent.object].1, sent);
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
