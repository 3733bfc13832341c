//! What a witness cosigns and what it refuses, in the words of tlog-witness.

use audit::add_cosignatures;
use witness::{InitError, OpenError, Witness};

use crate::site::{NAME, Site, asked, witness_of};

#[test]
fn a_ledger_that_grows_is_cosigned_with_both_kinds_of_key() {
    let site = Site::new();
    let (_folder, witness) = witness_of(&site);
    let mut cosigned = 0;
    for entries in [0, 1, 255, 1, 300] {
        let size = site.grow(1, entries);
        let answer = asked(&witness, &site.request(cosigned));
        assert_eq!(answer.status, 200, "{answer:?}");
        let note = add_cosignatures(&site.checkpoint(), &answer.body, &witness.cosigners()).unwrap().unwrap();
        for cosigner in witness.cosigners() {
            assert_eq!(cosigner.cosigned(note.as_bytes()), Ok(Some(1_764_000_000)), "{cosigner:?}");
        }
        cosigned = size;
    }
    // the same once more is cosigned anew
    assert_eq!(asked(&witness, &site.request(cosigned)).status, 200);
}

#[test]
fn a_wrong_old_size_is_answered_with_the_right_one() {
    let site = Site::new();
    let (_folder, witness) = witness_of(&site);
    site.grow(1, 5);
    assert_eq!(asked(&witness, &site.request(0)).status, 200);
    site.grow(1, 5);
    let answer = asked(&witness, &site.request(3));
    assert_eq!((answer.status, answer.content_type, answer.body.as_str()), (409, "text/x.tlog.size", "5\n"));
    assert_eq!(asked(&witness, &site.request(5)).status, 200);
}

#[test]
fn a_ledger_that_was_rolled_back_or_forked_is_never_cosigned_and_its_requests_are_kept() {
    let site = Site::new();
    let (folder, witness) = witness_of(&site);
    site.grow(1, 10);
    assert_eq!(asked(&witness, &site.request(0)).status, 200);
    let yesterday = site.copy();
    site.grow(1, 10);
    assert_eq!(asked(&witness, &site.request(10)).status, 200);
    // rolled back: the old size is not what was cosigned
    assert_eq!(asked(&witness, &yesterday.request(10)).status, 409);
    // forked: as long, and then longer
    yesterday.grow(2, 10);
    assert_eq!(asked(&witness, &yesterday.request(20)).status, 422);
    yesterday.grow(2, 10);
    assert_eq!(asked(&witness, &yesterday.request(20)).status, 422);
    assert_eq!(asked(&witness, &yesterday.request(0)).status, 409);
    let log = std::fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_dir(log.join("evidence")).unwrap().count(), 2);
    // and the right one goes on
    site.grow(1, 1);
    assert_eq!(asked(&witness, &site.request(20)).status, 200);
}

#[test]
fn nothing_is_forgotten_over_a_restart_and_a_lost_memory_is_not_begun_anew() {
    let site = Site::new();
    let (folder, witness) = witness_of(&site);
    let yesterday = site.copy();
    site.grow(1, 10);
    assert_eq!(asked(&witness, &site.request(0)).status, 200);
    let before = witness.cosigners();
    drop(witness);
    let witness = Witness::open(folder.path()).unwrap();
    assert_eq!(witness.cosigners(), before);
    yesterday.grow(2, 3);
    assert_eq!(asked(&witness, &yesterday.request(0)).body, "10\n");
    let log = std::fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(log.join("checkpoint")).unwrap();
    assert!(matches!(Witness::open(folder.path()), Err(OpenError::Lost(_))));
    std::fs::write(log.join("checkpoint"), "something else").unwrap();
    assert!(matches!(Witness::open(folder.path()), Err(OpenError::Lost(_))));
    // nor by a further key
    std::fs::remove_file(log.join("checkpoint")).unwrap();
    Witness::add_log(folder.path(), &Site::of(8).vkey()).unwrap();
    assert!(matches!(Witness::open(folder.path()), Err(OpenError::Lost(_))));
    // while it runs, one lost memory keeps no other log from being taken in
    let other = Site::called("leadglass/another", 9);
    assert_eq!(asked(&witness, &other.request(0)).status, 404);
    Witness::add_log(folder.path(), &other.vkey()).unwrap();
    assert!(witness.reload().is_err());
    other.grow(1, 2);
    assert_eq!(asked(&witness, &other.request(0)).status, 200);
}

#[test]
fn unknown_ledgers_and_foreign_signatures_are_refused() {
    let site = Site::new();
    let (folder, witness) = witness_of(&site);
    site.grow(1, 3);
    let body = site.request(0).to_body();
    let status = |body: &str| witness.add_checkpoint(body.as_bytes(), 1_764_000_000).status;
    assert_eq!(status(&body.replace("leadglass/", "leadglazz/")), 404);
    let forger = Site::of(8);
    forger.grow(1, 3);
    assert_eq!(asked(&witness, &forger.request(0)).status, 403);
    // a line of the site's key that does not hold, beside one that does
    let line = body.lines().last().unwrap();
    let broken = line.replace(&line[line.len() - 12..line.len() - 4], "AAAAAAAA");
    assert_eq!(status(&format!("{body}{broken}\n")), 403);
    for (from, to, expected) in [("old 0", "old 4", 400), ("old 0\n", "old 0\n\n", 400), ("old 0", "new 0", 400)] {
        assert_eq!(status(&body.replacen(from, to, 1)), expected, "{to:?}");
    }
    // a proof where none belongs
    let hash = "A".repeat(43) + "=";
    assert_eq!(status(&body.replacen("old 0\n", &format!("old 0\n{hash}\n"), 1)), 422);
    // a key that is added is trusted besides
    Witness::add_log(folder.path(), &forger.vkey()).unwrap();
    witness.reload().unwrap();
    assert_eq!(asked(&witness, &forger.request(0)).status, 200);
}

#[test]
fn a_witness_is_made_once_and_with_a_usable_name() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Witness::init(folder.path(), "two words"), Err(InitError::Name)));
    assert!(matches!(Witness::init(folder.path(), "a+b"), Err(InitError::Name)));
    Witness::init(folder.path(), NAME).unwrap();
    assert!(matches!(Witness::init(folder.path(), NAME), Err(InitError::Exists(_))));
    assert!(Witness::add_log(folder.path(), "no key").is_err());
}
