//! Records: what is written comes back, and a registry from records is the registry that wrote them.

use std::collections::BTreeMap;

use model::{PatientNumber, StudyNumber};
use protocol::Level;
use registry::{FiledAs, LoadError, Record, RecordError, Registry};

use crate::{file, note, request, search};

fn registry() -> Registry {
    let mut registry = Registry::new();
    for number in 0..40u32 {
        let mut note = note(&format!("P{}", number % 7), &format!("1.2.{}", number % 13), &format!("1.3.{number}"));
        note.patient.name = format!("Nämé{}^山田=山田^太郎", number % 7);
        note.study.date = if number % 3 == 0 { "odd".to_owned() } else { format!("202601{:02}", number % 28 + 1) };
        registry.file(&note, if number % 5 == 0 { FiledAs::Conflict } else { FiledAs::Accepted });
    }
    registry.ensure_patient("ISS", "later");
    registry.move_study(StudyNumber(3), PatientNumber(0)).unwrap();
    registry
}

#[test]
fn a_registry_comes_back_from_its_records() {
    let mut registry = registry();
    let mut records = registry.take_dirty();
    assert_eq!(registry.take_dirty(), []);
    records.reverse();
    let bytes: Vec<Vec<u8>> = records.iter().map(Record::to_bytes).collect();
    let read = bytes.iter().map(|bytes| Record::from_bytes(bytes).unwrap());
    let loaded = Registry::load(read).unwrap();
    assert_eq!((loaded.patients(), loaded.studies()), (registry.patients(), registry.studies()));
    for study in (0..registry.studies()).map(StudyNumber) {
        assert_eq!(loaded.study(study), registry.study(study));
        assert_eq!(loaded.moved(study), registry.moved(study));
    }
    for patient in (0..registry.patients()).map(PatientNumber) {
        assert_eq!(loaded.patient(patient), registry.patient(patient));
        assert_eq!(loaded.studies_of(patient), registry.studies_of(patient));
    }
    for (level, words) in
        [(Level::Study, ""), (Level::Series, "name3"), (Level::Patient, "山田"), (Level::Study, "2026")]
    {
        assert_eq!(search(&loaded, &request(level, &[], words)), search(&registry, &request(level, &[], words)));
    }
    let mut loaded = loaded;
    assert_eq!(loaded.take_dirty(), []);
}

#[test]
fn only_what_changed_is_written_again() {
    let mut registry = registry();
    let mut kept: BTreeMap<[u8; 5], Vec<u8>> = BTreeMap::new();
    let mut keep = |registry: &mut Registry| -> Vec<[u8; 5]> {
        let records = registry.take_dirty();
        records.iter().for_each(|record| drop(kept.insert(record.key(), record.to_bytes())));
        records.iter().map(Record::key).collect()
    };
    keep(&mut registry);
    let filed = file(&mut registry, &note("P1", "1.2.1", "1.3.1"));
    assert_eq!(keep(&mut registry), [[b's', 0, 0, 0, filed.study.0 as u8]]);
    let filed = file(&mut registry, &note("NEW", "1.99", "1.99.1"));
    let (patient, study) = (filed.patient.0 as u8, filed.study.0 as u8);
    assert_eq!(keep(&mut registry), [[b'p', 0, 0, 0, patient], [b's', 0, 0, 0, study]]);
    registry.move_study(filed.study, PatientNumber(0)).unwrap();
    assert_eq!(keep(&mut registry), [[b's', 0, 0, 0, study]]);
    let loaded = Registry::load(kept.values().map(|bytes| Record::from_bytes(bytes).unwrap())).unwrap();
    assert_eq!(search(&loaded, &request(Level::Series, &[], "")), search(&registry, &request(Level::Series, &[], "")));
}

#[test]
fn a_registry_from_records_goes_on_filing_where_the_other_stopped() {
    let mut registry = registry();
    let mut loaded = Registry::load(registry.take_dirty()).unwrap();
    for note in [note("P1", "1.2.1", "1.3.99"), note("P9", "1.2.1", "1.3.99"), note("", "1.2.1", "1.3.99")] {
        assert_eq!(file(&mut loaded, &note), file(&mut registry, &note));
    }
    assert_eq!(loaded.take_dirty(), registry.take_dirty());
}

#[test]
fn missing_and_doubled_records_are_refused() {
    let records = registry().take_dirty();
    let without = |key: [u8; 5]| Registry::load(records.iter().filter(|record| record.key() != key).cloned()).err();
    assert_eq!(without([b'p', 0, 0, 0, 2]), Some(LoadError::PatientMissing(PatientNumber(2))));
    assert_eq!(without([b's', 0, 0, 0, 0]), Some(LoadError::StudyMissing(StudyNumber(0))));
    let studies = records.iter().filter(|record| matches!(record, Record::Study(_))).cloned();
    assert!(matches!(Registry::load(studies).err(), Some(LoadError::PatientMissing(_))));
    let doubled = records.iter().chain(&records[..1]).cloned();
    assert_eq!(Registry::load(doubled).err(), Some(LoadError::Twice(0)));
}

#[test]
fn damaged_and_later_records_are_refused() {
    for record in registry().take_dirty() {
        let bytes = record.to_bytes();
        let mut later = bytes.clone();
        later[1] = 2;
        assert_eq!(Record::from_bytes(&later), Err(RecordError::Version { found: 2 }));
        let mut other = bytes.clone();
        other[0] = b'x';
        assert_eq!(Record::from_bytes(&other), Err(RecordError::Damaged));
        assert_eq!(Record::from_bytes(&[bytes.as_slice(), &[0]].concat()), Err(RecordError::Damaged));
        for length in 0..bytes.len() {
            assert_eq!(Record::from_bytes(&bytes[..length]), Err(RecordError::Damaged), "{length}");
        }
    }
}
