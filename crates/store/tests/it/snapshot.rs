//! Snapshots: an ordinary start from the copy finds everything that was answered for before the call.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use model::StudyNumber;
use store::{Placement, Snapshot, SnapshotError, Store, files};

use crate::support::{Random, Sent, everything, group, small, waiting};

/// Copies the append-only files as far as the snapshot says.
fn copy_volumes(from: &Path, snapshot: &Snapshot, to: &Path) {
    std::fs::create_dir_all(to.join("volumes")).unwrap();
    for file in &snapshot.files {
        let mut bytes = std::fs::read(from.join(&file.name)).unwrap();
        bytes.truncate(file.length as usize);
        assert_eq!(bytes.len() as u64, file.length, "a volume is at least as long as the snapshot says");
        std::fs::write(to.join(&file.name), bytes).unwrap();
    }
}

#[test]
fn a_copy_made_while_ingest_and_handover_go_on_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("front");
    let (store, _) = Store::open(&dir, small(), files()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = |seed| {
            let (store, stop) = (&store, &stop);
            move || {
                let mut random = Random(seed);
                while !stop.load(Ordering::SeqCst) {
                    let sent = Sent::random(&mut random, 3000);
                    let group = if sent.object.0[0].is_multiple_of(4) {
                        let mut writer = store.begin_large(sent.object).unwrap();
                        writer.append(&sent.instance).unwrap();
                        let instances = vec![sent.large(writer.finish().unwrap())];
                        store::Group { instances, body: sent.object.0.to_vec() }
                    } else {
                        group(&[&sent], &sent.object.0)
                    };
                    store.submit(group).wait().unwrap();
                }
            }
        };
        scope.spawn(sender(1));
        scope.spawn(sender(2));
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let records = store.pending(0, 7, usize::MAX).unwrap();
                let Some(last) = records.last() else { continue };
                let place = |record: &store::OutboxRecord| {
                    let object = model::ObjectId(record.body[..].try_into().unwrap());
                    (object, Placement::Study(StudyNumber(0)))
                };
                let placements: Vec<_> = records.iter().map(place).collect();
                store.acknowledge(last.sequence, &placements).unwrap();
            }
        });
        for round in 0..12 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let copy = folder.path().join(format!("copy-{round}"));
            let answered = store.outbox();
            let snapshot = store.snapshot_into(&copy).unwrap();
            assert_eq!(Snapshot::read(&copy).unwrap(), snapshot);
            copy_volumes(&dir, &snapshot, &copy);
            let (copied, _) = Store::open(&copy, small(), files()).unwrap();
            let state = copied.outbox();
            assert!(state.last >= answered.last && state.acknowledged >= answered.acknowledged);
            let all = everything(&copied, 1);
            assert_eq!(all.len() as u64, state.last, "one instance a record, round {round}");
            let placed = all.values().filter(|(placement, _)| placement.is_some()).count() as u64;
            assert_eq!(placed, state.acknowledged, "round {round}");
            let records = copied.pending(0, usize::MAX, usize::MAX).unwrap();
            assert_eq!(records.len() as u64, state.last - state.acknowledged);
            if state.acknowledged == 0 {
                waiting(&copied, [0; 32]);
            }
            drop(copied);
            std::fs::remove_dir_all(copy).unwrap();
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn an_empty_store_has_an_empty_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&folder.path().join("front"), small(), files()).unwrap();
    let copy = folder.path().join("copy");
    assert_eq!(store.snapshot_into(&copy).unwrap().files, []);
    let (copied, _) = Store::open(&copy, small(), files()).unwrap();
    assert_eq!(copied.outbox().last, 0);
}

#[test]
fn a_snapshot_into_a_folder_that_holds_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&folder.path().join("front"), small(), files()).unwrap();
    let copy = folder.path().join("copy");
    store.snapshot_into(&copy).unwrap();
    assert!(matches!(store.snapshot_into(&copy), Err(SnapshotError::Target { .. })));
}

#[test]
fn a_list_that_names_anything_but_a_volume_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "",
        "12",
        "x volumes/000001.vol",
        "12 volumes/../lock.vol",
        "12 /etc/passwd",
        "12 volumes/.vol",
        "12 outbox/000001.journal",
        "-1 volumes/000001.vol",
        "12  volumes/000001.vol",
    ] {
        std::fs::write(folder.path().join("volumes.list"), format!("{line}\n")).unwrap();
        assert!(matches!(Snapshot::read(folder.path()), Err(SnapshotError::List { .. })), "{line}");
    }
    std::fs::write(folder.path().join("volumes.list"), "12 volumes/000001.vol\n0 volumes/000003.large\n").unwrap();
    assert_eq!(Snapshot::read(folder.path()).unwrap().files.len(), 2);
}
