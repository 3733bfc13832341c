//! Ledgers that an earlier version wrote: `testdata/ledger`. Every later version verifies and opens them, and refuses
//! them in each damaged form that `damaged.txt` describes.

mod kinds;
mod variants;

use std::fs;
use std::path::{Path, PathBuf};

use audit::{Ledger, LedgerKeys, VerifyError, verify};
use model::Entry;
use seal::RootSecret;

use crate::site::copy;

const ORIGIN: &str = "leadglass/90ade4000000000000000000000000ff";

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/ledger").join(name)
}

fn keys() -> LedgerKeys {
    LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]))
}

/// A copy that may be written to.
fn taken(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ledger");
    copy(&testdata(name), &dir);
    (folder, dir)
}

#[test]
fn what_an_earlier_version_wrote_verifies_and_opens() {
    for (name, size) in [("closed", 262), ("killed", 270)] {
        assert_eq!(verify(&testdata(name), None).unwrap().size, size, "{name}");
        let (_folder, dir) = taken(name);
        let (ledger, replay) = Ledger::open(&dir, keys(), ORIGIN).unwrap();
        let entries: Vec<Entry> = replay.map(|item| item.unwrap().1).collect();
        assert_eq!(ledger.size(), size);
        let expected = fs::read_to_string(testdata("entries.jsonl")).unwrap();
        let expected: Vec<&str> = expected.lines().take(size as usize).collect();
        // the text itself, so that no field changes its name or its form
        let written: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        assert_eq!(written, expected, "{name}");
        drop(ledger);
        assert_eq!(verify(&dir, Some(&testdata("since-270"))).is_ok(), size == 270);
    }
}

#[test]
fn each_damaged_form_is_refused_by_name() {
    let table = fs::read_to_string(testdata("damaged.txt")).unwrap();
    let mut refused = 0;
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("{line}: a word is missing"));
        let (defect, ledger, expected, file, operation) = (word(), word(), word(), word(), word());
        let (_folder, dir) = taken(ledger);
        let path = dir.join(file);
        let mut since = None;
        let whole = fs::read(&path).unwrap_or_default();
        match operation {
            "flip" => {
                let (position, bit): (usize, u32) = (word().parse().unwrap(), word().parse().unwrap());
                let mut changed = whole;
                changed[position] ^= 1 << bit;
                fs::write(&path, changed).unwrap();
            }
            "zero" => {
                let (from, to): (usize, usize) = (word().parse().unwrap(), word().parse().unwrap());
                let mut changed = whole;
                assert!(changed[from..to].iter().any(|byte| *byte != 0), "{line}: nothing changes");
                changed[from..to].fill(0);
                fs::write(&path, changed).unwrap();
            }
            "cut" => fs::write(&path, &whole[..word().parse().unwrap()]).unwrap(),
            "grow" => fs::write(&path, [&whole[..], b"\n"].concat()).unwrap(),
            "remove" => fs::remove_file(&path).unwrap(),
            "add" => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, b"added").unwrap();
            }
            "like" => fs::write(&path, fs::read(dir.join(word())).unwrap()).unwrap(),
            "from" => fs::write(&path, fs::read(testdata(word())).unwrap()).unwrap(),
            "since" => since = Some(testdata(word())),
            other => panic!("{line}: {other} is no operation"),
        }
        match verify(&dir, since.as_deref()) {
            Ok(verified) => {
                assert_eq!(expected, "Unfinished", "{defect}: nothing was found");
                assert!(verified.unfinished_bytes > 0, "{defect}");
            }
            Err(error) => {
                assert_eq!(name(&error), expected, "{defect}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 40, "{refused}");
}

#[test]
fn no_parser_panics_on_what_mutation_makes_of_real_files() {
    let entries = fs::read_to_string(testdata("entries.jsonl")).unwrap();
    let kinds = fs::read_to_string(testdata("v2-kinds/entries.jsonl")).unwrap();
    let lines = entries.lines().take(26).chain(kinds.lines());
    let mut seeds: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().to_vec()).collect();
    for file in ["killed/journal/00000001", "closed/tile/entries/001.p/6", "closed/payload/001.p/6"] {
        seeds.push(fs::read(testdata(file)).unwrap());
    }
    let vkey = fs::read(testdata("closed/site.vkey")).unwrap();
    seeds.push([vkey, fs::read(testdata("closed/checkpoint")).unwrap()].concat());
    let mut dice: u64 = 0x1eadc1a55;
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides as u64) as usize
    };
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..roll(4) {
            let at = roll(bytes.len());
            match roll(4) {
                0 => bytes[at] ^= 1 << roll(8),
                1 => bytes[at] = [0, 0xff, b'9', b'-'][roll(4)],
                2 => bytes.truncate(at + 1),
                _ => drop(bytes.splice(at..at, [b'9'; 9])),
            }
        }
        audit::parse_anything(&bytes);
    }
}

fn name(error: &VerifyError) -> String {
    let debug = format!("{error:?}");
    debug.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
