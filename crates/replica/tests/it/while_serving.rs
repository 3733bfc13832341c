//! Syncs while images come in, are handed over, and the ledger is written.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::StudyNumber;
use replica::{Generation, NoHooks, Stopped};

use crate::support::{NOW, Running, Site, acknowledge, open, store_some, write};

/// A ledger that is written as the real one: tiles first, then the checkpoint, then what stood for the old size goes.
fn publish(ledger: &Path, size: u32) {
    write(&ledger.join(format!("journal/{:06}", size / 10)), &[size as u8; 300]);
    write(&ledger.join(format!("tile/0/000.p/{size}")), size.to_string().as_bytes());
    let unfinished = ledger.join("checkpoint.tmp");
    write(&unfinished, size.to_string().as_bytes());
    std::fs::rename(unfinished, ledger.join("checkpoint")).unwrap();
    let _ = std::fs::remove_file(ledger.join(format!("tile/0/000.p/{}", size - 1)));
    if size.is_multiple_of(10) {
        let _ = std::fs::remove_file(ledger.join(format!("journal/{:06}", size / 10 - 1)));
    }
}

#[test]
fn every_generation_that_was_made_while_serving_is_consistent() {
    let site = Site::new();
    let vault = site.init();
    let ledger = site.dir().join("ledger");
    publish(&ledger, 1);
    let store = site.open();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seed in 0..40u8 {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                store_some(&store, seed, 4);
            }
        });
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                acknowledge(&store, &store.pending(0, 5, usize::MAX).unwrap());
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        scope.spawn(|| {
            for size in 2.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                publish(&ledger, size);
                std::thread::sleep(Duration::from_millis(70));
            }
        });
        for generation in 1..=4u64 {
            let answered = store.outbox().last;
            let mut sources = Running { store: store.clone(), stopped: Stopped::new(&site.dir()) };
            let synced = vault.sync(&site.dir(), &mut sources, NOW, &mut NoHooks).unwrap();
            assert_eq!(synced.generation, generation);
            let target = site.folder.path().join(format!("target-{generation}"));
            vault.restore(&target, Generation::Newest, &mut NoHooks).unwrap();
            let restored = open(&target);
            let state = restored.outbox();
            assert!(state.last >= answered, "what was answered for before the sync is in it");
            let placed = restored.rows_of_study(StudyNumber(0)).unwrap();
            let pending = restored.pending_rows(usize::MAX).unwrap();
            assert_eq!((placed.len() + pending.len()) as u64, state.last);
            for row in placed.iter().chain(&pending) {
                assert_eq!(restored.read(&row.instance, 0..row.instance.length).unwrap().len(), 700_000);
            }
            let size: u32 = std::fs::read_to_string(target.join("ledger/checkpoint")).unwrap().parse().unwrap();
            let tile = std::fs::read_to_string(target.join(format!("ledger/tile/0/000.p/{size}"))).unwrap();
            assert_eq!(tile, size.to_string(), "the tiles are those of the checkpoint");
            drop(restored);
            std::fs::remove_dir_all(target).unwrap();
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(vault.verify(&mut NoHooks).unwrap().damages, []);
}
