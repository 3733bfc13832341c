//! `testdata/leaks`: a filter of the first version stays readable, and damaged ones are refused.

use std::fs;
use std::path::PathBuf;

use leaks::{Damaged, Filter, FilterError, HashKind};

use crate::{Generator, knows, list, loaded};

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/leaks").join(name)
}

#[test]
fn the_filter_of_the_first_version_is_read_and_still_written() {
    let golden = fs::read(testdata("v1.leaks")).unwrap();
    let filter = Filter::open(&testdata("v1.leaks")).unwrap();
    filter.verify().unwrap();
    assert_eq!((filter.kind(), filter.hashes()), (HashKind::Sha1, 1_000));
    let text = fs::read_to_string(testdata("v1.txt")).unwrap();
    let hashes: Vec<u64> = text.lines().map(|line| u64::from_str_radix(&line[..16], 16).unwrap()).collect();
    assert!(hashes.len() == 1_000 && hashes.iter().all(|hash| knows(&filter, *hash)));
    assert!(filter.contains_password("password").unwrap(), "one of them is known to everybody");
    assert!(!filter.contains_password("Tr0ub4dor&3").unwrap());
    let folder = tempfile::tempdir().unwrap();
    loaded(&testdata("v1.txt"), folder.path()).unwrap();
    assert!(fs::read(folder.path().join("list.leaks")).unwrap() == golden, "the same list gives the same bytes");
}

#[test]
fn a_damaged_filter_is_refused_wherever_the_damage_is() {
    let golden = fs::read(testdata("v1.leaks")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.leaks");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        match Filter::open(&path).and_then(|filter| filter.verify().map(|()| filter)) {
            Ok(_) => panic!("it was read"),
            Err(error) => error,
        }
    };
    let mut generator = Generator(10);
    let places = [0, 7, 8, 9, 12, 16, 24, 40, 64, 100, 8255, 8256, 8287, 8288, 8290, golden.len() - 1];
    let drawn: Vec<usize> = (0..200).map(|_| generator.number() as usize % golden.len()).collect();
    for place in places.into_iter().chain(drawn) {
        let mut changed = golden.clone();
        changed[place] ^= 1 << (generator.number() % 8);
        let error = refused(&changed);
        match place {
            0..8 => assert!(matches!(error, FilterError::Version), "{place}: {error:?}"),
            8..8288 => assert!(matches!(error, FilterError::Damaged(Damaged::Header)), "{place}: {error:?}"),
            _ => assert!(matches!(error, FilterError::Damaged(Damaged::Shard(_))), "{place}: {error:?}"),
        }
    }
    for length in [0, 8, 8287, 8288, golden.len() / 2, golden.len() - 1] {
        refused(&golden[..length]);
    }
    refused(&[golden.as_slice(), &[0]].concat());
    // a later version, with a header that is right in itself
    let mut later = golden.clone();
    later[7] = b'2';
    assert!(matches!(refused(&later), FilterError::Version));
}

#[test]
fn a_bucket_that_is_damaged_is_said_and_knows_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (hashes, text) = list(HashKind::Sha1, 11, 2_000);
    let source = folder.path().join("source");
    fs::write(&source, text).unwrap();
    loaded(&source, folder.path()).unwrap();
    let path = folder.path().join("list.leaks");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x40;
    fs::write(&path, bytes).unwrap();
    let filter = Filter::open(&path).unwrap();
    let last = leaks::KnownHash::from_bits(*hashes.last().unwrap());
    assert!(matches!(filter.contains(last), Err(FilterError::Damaged(Damaged::Bucket(255)))));
    assert!(knows(&filter, hashes[0]), "others are read as before");
}
