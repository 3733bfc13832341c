//! The duties of a backend, over every backend.

use std::path::Path;
use std::sync::Arc;

use store::{MemoryDisk, StoreIo, files};

fn over_every_backend(check: impl Fn(&dyn StoreIo, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let backends: [Arc<dyn StoreIo>; 2] = [Arc::new(MemoryDisk::default()), files()];
    for backend in backends {
        check(&*backend, folder.path());
    }
}

#[test]
fn what_was_written_in_pieces_is_read_in_any_cut() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("volumes/000001.vol")).unwrap();
        file.write_at(&[b"one", b"", b"two", b"three"], 0).unwrap();
        file.write_at(&[b"four"], 11).unwrap();
        file.sync().unwrap();
        let mut bytes = [0; 9];
        file.read_at(&mut bytes, 4).unwrap();
        assert_eq!(&bytes, b"wothreefo");
        assert_eq!(file.length().unwrap(), 15);
        let again = io.open(&folder.join("volumes/000001.vol")).unwrap();
        let mut bytes = [0; 15];
        again.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"onetwothreefour");
    });
}

#[test]
fn more_pieces_than_one_system_call_takes() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("many")).unwrap();
        let pieces: Vec<Vec<u8>> = (0..3000u32).map(|number| vec![number as u8; (number % 5) as usize]).collect();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        file.write_at(&slices, 7).unwrap();
        let mut bytes = vec![0; pieces.concat().len()];
        file.read_at(&mut bytes, 7).unwrap();
        assert_eq!(bytes, pieces.concat());
    });
}

#[test]
fn large_writes_are_read_as_written_wherever_they_begin_and_end() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("large")).unwrap();
        let mut expected = Vec::new();
        let piece = |length: usize, seed: usize| -> Vec<u8> {
            (0..length).map(|at| (at.wrapping_mul(31).wrapping_add(seed) >> 3) as u8).collect()
        };
        // around the block and around what is written in one call, small ones in between
        let lengths = [
            200_000,
            1,
            4096 * 40,
            4095,
            131_072,
            131_071,
            4097,
            4096 * 64 - 1,
            4 << 20,
            (4 << 20) + 4096,
            7,
            9_000_001,
        ];
        for (number, length) in lengths.into_iter().enumerate() {
            let whole = piece(length, number);
            let cut = length / 3;
            file.write_at(&[&whole[..cut], b"", &whole[cut..]], expected.len() as u64).unwrap();
            expected.extend_from_slice(&whole);
            assert_eq!(file.length().unwrap(), expected.len() as u64);
        }
        file.sync().unwrap();
        let again = io.open(&folder.join("large")).unwrap();
        let mut bytes = vec![0; expected.len()];
        again.read_at(&mut bytes, 0).unwrap();
        assert!(bytes == expected, "the bytes differ");
        // over what is there, from inside of a block to inside of another
        let over = piece(300_000, 99);
        file.write_at(&[&over], 5_000).unwrap();
        expected[5_000..305_000].copy_from_slice(&over);
        file.truncate(1_000_001).unwrap();
        expected.truncate(1_000_001);
        file.write_at(&[&over], 1_000_001).unwrap();
        expected.extend_from_slice(&over);
        let mut bytes = vec![0; expected.len()];
        again.read_at(&mut bytes, 0).unwrap();
        assert!(bytes == expected, "the bytes differ after writing over and behind a cut");
        assert_eq!(again.length().unwrap(), expected.len() as u64);
    });
}

#[test]
fn a_read_past_the_end_is_an_error_and_not_short() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("short")).unwrap();
        file.write_at(&[b"abc"], 0).unwrap();
        for (offset, length) in [(0, 4), (3, 1), (100, 1), (1 << 40, 1)] {
            let error = file.read_at(&mut vec![0; length], offset).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{offset} {length}");
        }
    });
}

#[test]
fn a_gap_reads_as_zeros() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("gap")).unwrap();
        file.write_at(&[b"x"], 100).unwrap();
        let mut bytes = [1; 101];
        file.read_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes[..100], [0; 100]);
    });
}

#[test]
fn a_file_is_not_made_twice() {
    over_every_backend(|io, folder| {
        io.create(&folder.join("twice")).unwrap().write_at(&[b"kept"], 0).unwrap();
        assert!(io.create(&folder.join("twice")).is_err());
        assert_eq!(io.open(&folder.join("twice")).unwrap().length().unwrap(), 4);
    });
}

#[test]
fn what_is_not_there_is_not_opened_listed_or_removed() {
    over_every_backend(|io, folder| {
        assert!(io.open(&folder.join("nothing")).is_err());
        assert!(io.remove(&folder.join("nothing")).is_err());
        assert_eq!(io.list(&folder.join("no-folder")).unwrap(), Vec::<String>::new());
    });
}

#[test]
fn a_removed_file_is_gone_and_a_truncated_one_shorter() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("shelf/file")).unwrap();
        file.write_at(&[b"0123456789"], 0).unwrap();
        file.truncate(4).unwrap();
        assert_eq!(file.length().unwrap(), 4);
        assert!(file.read_at(&mut [0; 5], 0).is_err());
        assert_eq!(io.list(&folder.join("shelf")).unwrap(), ["file"]);
        io.remove(&folder.join("shelf/file")).unwrap();
        assert_eq!(io.list(&folder.join("shelf")).unwrap(), Vec::<String>::new());
    });
}

#[test]
fn reading_goes_on_while_one_appends() {
    over_every_backend(|io, folder| {
        let file = io.create(&folder.join("both")).unwrap();
        file.write_at(&[&[7; 1000]], 0).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                for _ in 0..500 {
                    let mut bytes = [0; 1000];
                    file.read_at(&mut bytes, 0).unwrap();
                    assert_eq!(bytes, [7; 1000]);
                }
            });
            for index in 0..500 {
                file.write_at(&[&[1; 10], &[2; 10]], 1000 + index * 20).unwrap();
            }
            reader.join().unwrap();
        });
        assert_eq!(file.length().unwrap(), 11_000);
    });
}

#[test]
fn memory_forgets_what_was_not_synced() {
    let disk = MemoryDisk::default();
    let file = disk.create(Path::new("f")).unwrap();
    file.write_at(&[b"kept"], 0).unwrap();
    file.sync().unwrap();
    file.write_at(&[b"lost"], 4).unwrap();
    let after = disk.after_power_loss(&mut || false);
    assert_eq!(after.open(Path::new("f")).unwrap().length().unwrap(), 4);
    assert_eq!(disk.after_kill().open(Path::new("f")).unwrap().length().unwrap(), 8);
}
