//! The published vectors of `testdata/vectors/`: each file is read and must end as it says, whatever version reads it.
//!
//! `LEADGLASS_WRITE_VECTORS=1 cargo nextest run -p seal vectors` writes them anew from [`generate`]; without it the same
//! test fails when a file differs from what the generator makes.

mod craft;
mod epoch_wraps;
mod file;
mod objects;
mod roots;
mod site_wraps;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use file::{Outcome, Vector};

/// File name, relative to the folder, and content.
type Files = BTreeMap<String, Vec<u8>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn generate() -> Files {
    let mut files = Files::new();
    objects::generate(&mut files);
    site_wraps::generate(&mut files);
    epoch_wraps::generate(&mut files);
    roots::generate(&mut files);
    files
}

fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    for outcome in ["accepted", "refused"] {
        for entry in fs::read_dir(folder.join(outcome)).expect("the vectors stand in testdata/vectors") {
            let entry = entry.unwrap();
            let name = format!("{outcome}/{}", entry.file_name().to_str().unwrap());
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

#[test]
#[allow(clippy::disallowed_methods)]
fn the_files_are_what_the_generator_makes() {
    let generated = generate();
    if std::env::var_os("LEADGLASS_WRITE_VECTORS").is_some() {
        for (name, content) in &generated {
            let path = folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
    let there = read(&folder());
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&there), names(&generated));
    for (name, content) in &generated {
        assert!(there[name] == *content, "{name} differs from what the generator makes");
    }
}

#[test]
fn every_file_ends_as_it_says() {
    let files = read(&folder());
    let (mut accepted, mut refused) = (0, 0);
    for (name, content) in &files {
        if !name.ends_with(".txt") {
            continue;
        }
        let vector = Vector::parse(content, &files);
        let outcome = match vector.field("what") {
            "object" => objects::outcome(&vector),
            "site wrap" => site_wraps::outcome(&vector),
            "epoch wrap" => epoch_wraps::outcome(&vector),
            "root" => roots::outcome(&vector),
            other => panic!("{name}: nothing is called {other}"),
        };
        match &outcome {
            Outcome::Opened(opened) => {
                assert!(name.starts_with("accepted/"), "{name} opened");
                assert_eq!(hex::encode(sha256(opened)), vector.field("plaintext-sha256"), "{name}");
                accepted += 1;
            }
            Outcome::Refused(reason) => {
                assert!(name.starts_with("refused/"), "{name} was refused: {reason}");
                assert_eq!(reason, vector.field("refused-as"), "{name}");
                refused += 1;
            }
        }
    }
    assert!(accepted >= 10 && refused >= 40, "{accepted} accepted, {refused} refused");
    assert!(refused > 2 * accepted, "{accepted} accepted, {refused} refused");
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}
