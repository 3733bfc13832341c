//! How fast this disk takes instances in: `cargo run --release -p store --example ingest_bench -- [FOLDER] [SECONDS]`.
//!
//! Prints what the disk does by itself, then what the store does with 1, 4 and 16 associations, each of which sends
//! one instance of 525 KB at a time and waits for the answer, as C-STORE does.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_macros)]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::{KeyId, ObjectId};
use store::{Group, NewInstance, Options, SealedBytes, Store, files};

/// A CT slice of 512 x 512 x 16 bits.
const INSTANCE_BYTES: usize = 525 * 1024;
/// Wraps and notes of one instance.
const BODY_BYTES: usize = 1800;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    let seconds = arguments.next().map_or(4, |seconds| seconds.parse().unwrap());
    let span = Duration::from_secs(seconds);
    let folder = tempfile::tempdir_in(folder).unwrap();
    disk(folder.path(), span / 2);
    for associations in [1, 4, 16] {
        ingest(&folder.path().join(format!("front-{associations}")), associations, span);
    }
}

fn disk(folder: &Path, span: Duration) {
    syncs(folder, "4 KB append + fdatasync", 4096, false, span);
    syncs(folder, "525 KB append + fdatasync", INSTANCE_BYTES, false, span);
    syncs(folder, "525 KB into zeroed space + fdatasync", INSTANCE_BYTES, true, span);
    let file = File::create(folder.join("dd")).unwrap();
    let (block, blocks) = (vec![1; 1 << 20], 1024);
    let start = Instant::now();
    for index in 0..blocks {
        file.write_all_at(&block, index << 20).unwrap();
    }
    file.sync_all().unwrap();
    let rate = blocks as f64 / start.elapsed().as_secs_f64();
    println!("1 GiB sequential, one fsync (as dd conv=fsync): {rate:.0} MiB/s");
    std::fs::remove_file(folder.join("dd")).unwrap();
}

fn syncs(folder: &Path, name: &str, length: usize, zeroed: bool, span: Duration) {
    let path = folder.join("sync");
    let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
    let bytes = vec![1; length];
    let most = if zeroed { 512 } else { u64::MAX };
    for index in 0..if zeroed { most } else { 0 } {
        file.write_all_at(&vec![0; length], index * length as u64).unwrap();
    }
    file.sync_all().unwrap();
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < span && done < most {
        file.write_all_at(&bytes, done * length as u64).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    println!("{name}: {:.0}/s", done as f64 / start.elapsed().as_secs_f64());
    std::fs::remove_file(path).unwrap();
}

fn ingest(dir: &Path, associations: u64, span: Duration) {
    let (store, _) = Store::open(dir, Options::default(), files()).unwrap();
    let stored = AtomicU64::new(0);
    let slowest = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for association in 0..associations {
            let (store, stored, slowest) = (&store, &stored, &slowest);
            scope.spawn(move || {
                let mut number = association << 32;
                while start.elapsed() < span {
                    let begun = Instant::now();
                    store.submit(group(number)).wait().unwrap();
                    slowest.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
                    stored.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            });
        }
    });
    let rate = stored.into_inner() as f64 / start.elapsed().as_secs_f64();
    let megabytes = rate * INSTANCE_BYTES as f64 / 1e6;
    let slowest = slowest.into_inner() as f64 / 1000.0;
    println!("{associations} associations: {rate:.0} instances/s, {megabytes:.0} MB/s, slowest answer {slowest:.1} ms");
    drop(store);
    std::fs::remove_dir_all(dir).unwrap();
}

fn group(number: u64) -> Group {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let pieces = (0..INSTANCE_BYTES / 65_536 + 1).map(|piece| vec![piece as u8; 65_552]).collect();
    let instance = NewInstance {
        object: ObjectId(id),
        key: KeyId(id),
        sealed_instance: SealedBytes::Memory(pieces),
        sealed_metadata: vec![2; 2900],
        sealed_row: vec![3; 300],
    };
    Group { instances: vec![instance], body: vec![4; BODY_BYTES] }
}
