//! `testdata/ledger/v2-kinds`: what every kind of entry said when it was written, it says today.

use std::fs;
use std::path::PathBuf;

use audit::{Cosigner, ExposureIndex, Incidents, Ledger, Questions, verify};
use model::{
    Clock, DeviceId, DiskId, ERASED, Entry, EntryBody, EntryNumber, Instant, KeyId, LinkId, OrganisationId,
    PatientNumber, PersonId, SessionId, Who, Window,
};

use super::variants::Seen;
use super::{keys, taken, testdata};

/// Golden ledgers that together hold every kind. A new kind needs a further one, for what is written stays as it is.
const SETS: [Set; 10] = [
    Set { name: "v2-kinds", origin: ORIGIN, erased: 1 },
    Set { name: "v3-appointments", origin: "leadglass/90ade4100000000000000000000000ff", erased: 0 },
    Set { name: "v3-consent", origin: "leadglass/90ade4090000000000000000000000ff", erased: 0 },
    Set { name: "v3-cold", origin: "leadglass/90ade4030000000000000000000000ff", erased: 0 },
    Set { name: "v3-leaks", origin: ORIGIN, erased: 0 },
    Set { name: "v3-orders", origin: "leadglass/90ade4030000000000000000000000ff", erased: 0 },
    Set { name: "v3-refusal", origin: "leadglass/90ade4080000000000000000000000ff", erased: 0 },
    Set { name: "v3-sharing", origin: "leadglass/90ade4030000000000000000000000ff", erased: 0 },
    Set { name: "v3-signs", origin: ORIGIN, erased: 0 },
    Set { name: "v3-accounts", origin: "leadglass/90ade4030000000000000000000000ff", erased: 0 },
];

/// One of them.
struct Set {
    name: &'static str,
    origin: &'static str,
    /// Entries without their words.
    erased: u64,
}

const ORIGIN: &str = "leadglass/90ade4020000000000000000000000ff";

/// When the witness cosigned, in seconds since 1970.
const COSIGNED: u64 = 1_764_000_000 + 5 * 86_400;

fn expected(set: &str) -> Vec<String> {
    let lines = fs::read_to_string(testdata(set).join("entries.jsonl")).unwrap();
    lines.lines().map(str::to_owned).collect()
}

fn entries(set: &str) -> Vec<Entry> {
    expected(set)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The number of the erased entry, and of its erasure.
fn erased(entries: &[Entry]) -> (usize, usize) {
    let erasure = |entry: &Entry| match entry.body {
        EntryBody::Erased { entry, .. } => Some(entry.0 as usize),
        _ => None,
    };
    let found: Vec<(usize, usize)> =
        entries.iter().enumerate().filter_map(|(by, entry)| Some((erasure(entry)?, by))).collect();
    let [one] = found[..] else { panic!("one erasure, not {found:?}") };
    one
}

#[test]
fn every_kind_is_read_from_the_ledger_as_it_was_written() {
    for set in &SETS {
        is_read(set);
    }
}

fn is_read(&Set { name, origin, erased }: &Set) {
    let (expected, closed) = (expected(name), format!("{name}/closed"));
    let verified = verify(&testdata(&closed), None).unwrap();
    assert_eq!((verified.size, verified.erased, verified.erasures_owed), (expected.len() as u64, erased, 0));
    let (_folder, dir) = taken(&closed);
    let (ledger, replay) = Ledger::open(&dir, keys(), origin).unwrap();
    let text = |entry: &Entry| serde_json::to_string(entry).unwrap();
    for (number, (item, expected)) in replay.zip(&expected).enumerate() {
        assert_eq!(text(&item.unwrap().1), *expected, "{name}: entry {number}");
    }
    for (number, entry) in ledger.read(EntryNumber(0), expected.len()).unwrap() {
        assert_eq!(text(&entry), expected[number.0 as usize], "{name}: entry {number}");
    }
    // the text alone, too
    for (entry, expected) in entries(name).iter().zip(&expected) {
        assert_eq!(text(entry), *expected);
    }
}

#[test]
fn every_kind_about_orders_is_read_as_it_was_written_and_reach_follows_it() {
    let (expected, ever) = (expected("v3-orders"), Window { from: Instant(0), to: Instant::MAX });
    let verified = verify(&testdata("v3-orders/closed"), None).unwrap();
    assert_eq!((verified.size, verified.erased), (expected.len() as u64, 0));
    let (_folder, dir) = taken("v3-orders/closed");
    let origin = "leadglass/90ade4030000000000000000000000ff";
    let (_ledger, replay) = Ledger::open(&dir, keys(), origin).unwrap();
    let mut index = ExposureIndex::default();
    for (number, (item, expected)) in replay.zip(&expected).enumerate() {
        let (entry_number, entry) = item.unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), *expected, "entry {number}");
        index.apply(entry_number, &entry);
    }
    // the study of the record that was merged, and back: each order's relationships reached it while it was there
    let counts = |who| index.report(who, ever).counts()[0];
    // one study, under each of the two patients
    assert_eq!(counts(Who::Person(PersonId(0))), (2, 2));
    assert_eq!(counts(Who::Organisation(OrganisationId(0))), (2, 2));
    assert_eq!(counts(Who::Device(DeviceId(0))), (0, 0));
}

#[test]
fn every_kind_about_sharing_is_read_as_it_was_written_and_folds_to_the_results_of_then() {
    const ORIGIN: &str = "leadglass/90ade4030000000000000000000000ff";
    let expected = expected("v3-sharing");
    let verified = verify(&testdata("v3-sharing/closed"), None).unwrap();
    assert_eq!((verified.size, verified.erased), (expected.len() as u64, 0));
    let (_folder, dir) = taken("v3-sharing/closed");
    let (_ledger, replay) = Ledger::open(&dir, keys(), ORIGIN).unwrap();
    let mut index = ExposureIndex::default();
    for (item, expected) in replay.zip(&expected) {
        let (number, entry) = item.unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), *expected, "entry {number}");
        index.apply(number, &entry);
    }
    let ever = Window { from: Instant(0), to: Instant::MAX };
    let counts = |who| index.report(who, ever).counts();
    assert_eq!(counts(Who::Link(LinkId(0))), [(1, 1), (1, 1), (1, 1)], "opened and downloaded");
    assert_eq!(counts(Who::Link(LinkId(1))), [(1, 1), (0, 0), (0, 0)], "guessed at, never opened");
    assert_eq!(counts(Who::Link(LinkId(9))), [(0, 0); 3], "never made");
    assert_eq!(counts(Who::Person(PersonId(2))), [(1, 1), (0, 0), (0, 0)], "the colleague, by the second opinion");
    assert_eq!(counts(Who::Person(PersonId(0))), [(1, 1), (1, 1), (1, 1)], "the patient, by the link that they made");
    assert_eq!(counts(Who::Person(PersonId(1))), [(1, 1), (0, 0), (0, 0)], "the referrer, whose links nobody opened");
    let session = index.session(SessionId([0x70; 16])).unwrap();
    assert_eq!(session.who, Who::Link(LinkId(0)));
    assert_eq!(index.report_session(&session, ever).counts(), [(1, 1), (1, 1), (1, 1)]);
    let accesses = index.accesses_of(PatientNumber(0));
    let downloads: Vec<_> = accesses.iter().filter(|access| access.download).map(|access| access.who).collect();
    assert_eq!((accesses.len(), downloads), (3, vec![Some(Who::Link(LinkId(0)))]));
}

#[test]
fn no_kind_and_no_variant_of_today_lacks_a_golden_entry() {
    let mut seen = Seen::default();
    SETS.iter().flat_map(|set| entries(set.name)).for_each(|entry| seen.entry(&entry));
    let missing = seen.missing();
    assert!(missing.is_empty(), "write a further golden ledger (testdata/ledger/README.md) that holds {missing:?}");
    // the check itself finds what is left out
    let mut fewer = Seen::default();
    let left_out = |entry: &Entry| matches!(entry.body, EntryBody::HoneyAdded { .. } | EntryBody::KeysRotated { .. });
    let all = SETS.iter().flat_map(|set| entries(set.name));
    all.filter(|entry| !left_out(entry)).for_each(|entry| fewer.entry(&entry));
    assert_eq!(fewer.missing(), ["EntryBody::KeysRotated", "EntryBody::HoneyAdded"]);
}

#[test]
fn every_kind_stands_in_the_description_of_the_format() {
    let description = fs::read_to_string(testdata("../../docs/formats/ledger.md")).unwrap();
    let cells = || description.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let stands = |name: &str| cells().any(|cell| cell.contains(&format!("`{name}`")));
    let mut names = std::collections::BTreeSet::new();
    for entry in SETS.iter().flat_map(|set| entries(set.name)) {
        let json = serde_json::to_value(&entry).unwrap();
        names.insert(json["kind"].as_str().unwrap().to_owned());
    }
    assert!(names.len() > 100, "{}", names.len());
    names.retain(|name| !stands(name));
    assert!(names.is_empty(), "docs/formats/ledger.md lacks {names:?}");
}

#[test]
fn the_erased_entry_has_no_words_and_no_payload() {
    let entries = entries("v2-kinds");
    let (number, by) = erased(&entries);
    let EntryBody::QuestionAsked { question: 2, access: Some(_), text, .. } = &entries[number].body else {
        panic!("{:?}", entries[number])
    };
    assert_eq!(text, ERASED);
    let EntryBody::Erased { left, .. } = &entries[by].body else { panic!("{:?}", entries[by]) };
    assert_eq!(**left, entries[number]);
}

#[test]
fn the_folds_come_to_the_results_of_then() {
    let entries = entries("v2-kinds");
    let (mut index, mut incidents, mut questions) =
        (ExposureIndex::default(), Incidents::default(), Questions::default());
    for (number, entry) in (0..).map(EntryNumber).zip(&entries) {
        index.apply(number, entry);
        incidents.apply(number, entry);
        questions.apply(entry);
    }
    let ever = Window { from: Instant(0), to: Instant::MAX };
    let counts = |who| index.report(who, ever).counts();
    // (patients, studies): reachable, listed, opened
    let (nobody, person) = ([(0, 0); 3], |number| Who::Person(PersonId(number)));
    assert_eq!(counts(person(1)), [(2, 2), (1, 3), (1, 1)], "the radiologist, with what the ward reaches");
    assert_eq!(counts(person(2)), [(1, 2), (0, 0), (0, 0)], "the referrer, by break-glass");
    assert_eq!(counts(person(3)), [(1, 1), (0, 0), (0, 0)], "the patient, of whom a study was moved before");
    assert_eq!(counts(person(6)), nobody, "the administrator");
    assert_eq!(counts(Who::Organisation(OrganisationId(0))), [(1, 1), (1, 3), (1, 1)]);
    assert_eq!(counts(Who::Organisation(OrganisationId(1))), nobody);
    assert_eq!(counts(Who::Device(DeviceId(1))), [(2, 3), (2, 3), (0, 0)], "the viewer");
    assert_eq!(counts(Who::Device(DeviceId(0))), nobody);

    let session = index.session(SessionId([0x51; 16])).unwrap();
    assert_eq!(index.report_session(&session, ever).counts(), [(2, 2), (1, 3), (1, 1)]);
    let key = index.key(KeyId([0xaa; 16])).unwrap();
    assert_eq!(index.report_key(key, ever).counts(), [(1, 1), (1, 1), (1, 1)]);
    let disk = index.disk(DiskId([0xd1; 16])).unwrap();
    assert_eq!(index.report_disk(disk, ever).counts()[2], (1, 1));
    assert_eq!((index.disks().count(), index.erased(ever)), (3, 1));

    let incident = incidents.get(1).unwrap();
    assert_eq!((incident.reports.len(), incident.about.len(), incident.done.len()), (6, 6, Clock::ALL.len()));
    assert!(incident.closed.is_some());
    let texts = [1, 2].map(|question| questions.get(question).unwrap().text.as_str());
    assert_eq!((texts[0].contains("question 1"), texts[1]), (true, ERASED));
}

#[test]
fn the_cosigned_checkpoint_holds_under_the_witness_that_cosigned_it() {
    let cosigned: PathBuf = testdata("v2-kinds/cosigned");
    let verified = verify(&testdata("v2-kinds/closed"), Some(&cosigned)).unwrap();
    assert_eq!(verified.since, Some(verified.size));
    let note = fs::read(&cosigned).unwrap();
    let vkeys = fs::read_to_string(testdata("v2-kinds/witness.vkeys")).unwrap();
    let cosigners: Vec<Cosigner> = vkeys.lines().map(|vkey| Cosigner::parse(vkey).unwrap()).collect();
    assert_eq!(cosigners.iter().map(Cosigner::algorithm).collect::<Vec<_>>(), ["ml-dsa-44", "ed25519"]);
    let size = verified.size.to_string();
    let grown = String::from_utf8(note.clone()).unwrap().replacen(&format!("\n{size}\n"), &format!("\n1{size}\n"), 1);
    for cosigner in cosigners {
        assert_eq!(cosigner.cosigned(&note), Ok(Some(COSIGNED)), "{cosigner:?}");
        assert!(cosigner.cosigned(grown.as_bytes()).is_err(), "{cosigner:?}");
    }
}
