//! Which patient and study an instance is filed under.

use model::{PatientNumber, StudyNumber};
use protocol::Level;
use registry::{FiledAs, MoveError, Registry};

use crate::{MR, file, note, request, search, studies, uid};

#[test]
fn instances_of_one_study_are_filed_together() {
    let mut registry = Registry::new();
    let first = file(&mut registry, &note("1", "1.1", "1.1.1"));
    assert!(first.new_patient && first.new_study);
    let second = file(&mut registry, &note("1", "1.1", "1.1.1"));
    assert!(!second.new_patient && !second.new_study);
    let mut mr = note("1", "1.1", "1.1.2");
    mr.series.modality = "MR".to_owned();
    mr.instance.sop_class = uid(MR);
    let third = file(&mut registry, &mr);
    assert_eq!((first.patient, first.study), (second.patient, second.study));
    assert_eq!((first.patient, first.study), (third.patient, third.study));
    let row = registry.study(first.study).unwrap();
    assert_eq!((row.series, row.instances, row.conflict), (2, 3, false));
    assert_eq!(row.modalities, ["CT", "MR"]);
    assert_eq!(row.sop_classes, [crate::CT, MR]);
    assert_eq!(row.patient.studies, 1);
}

#[test]
fn the_same_identifier_from_another_issuer_is_another_patient() {
    let mut registry = Registry::new();
    let here = file(&mut registry, &note("1", "1.1", "1.1.1"));
    let mut elsewhere = note("1", "1.2", "1.2.1");
    elsewhere.patient.issuer = "OTHER".to_owned();
    let elsewhere = file(&mut registry, &elsewhere);
    assert_ne!(here.patient, elsewhere.patient);
    assert_eq!(registry.patient_by_identity("", "1"), Some(here.patient));
    assert_eq!(registry.patient_by_identity("OTHER", "1"), Some(elsewhere.patient));
    assert_eq!(registry.patient_by_identity("NOBODY", "1"), None);
}

#[test]
fn identifiers_are_told_apart_by_case() {
    let mut registry = Registry::new();
    let upper = file(&mut registry, &note("AB", "1.1", "1.1.1"));
    let lower = file(&mut registry, &note("ab", "1.2", "1.2.1"));
    assert_ne!(upper.patient, lower.patient);
    assert_eq!(registry.patient_by_identity("", "ab"), Some(lower.patient));
    assert_eq!(registry.patient_by_identity("", "Ab"), None);
}

#[test]
fn studies_without_an_identifier_are_not_merged() {
    let mut registry = Registry::new();
    let one = file(&mut registry, &note("", "1.1", "1.1.1"));
    let two = file(&mut registry, &note("", "1.2", "1.2.1"));
    let again = file(&mut registry, &note("", "1.1", "1.1.2"));
    assert_ne!(one.patient, two.patient);
    assert_eq!((again.patient, again.study), (one.patient, one.study));
    assert_eq!(registry.patient_by_identity("", ""), None);
}

#[test]
fn one_uid_of_two_patients_makes_two_studies_in_conflict() {
    let mut registry = Registry::new();
    let one = file(&mut registry, &note("1", "1.1", "1.1.1"));
    assert!(!registry.study(one.study).unwrap().conflict);
    let two = file(&mut registry, &note("2", "1.1", "1.1.1"));
    let nobody = file(&mut registry, &note("", "1.1", "1.1.1"));
    assert_eq!(registry.studies_by_uid(&uid("1.1")), [one.study, two.study, nobody.study]);
    for filed in [one, two, nobody] {
        let row = registry.study(filed.study).unwrap();
        assert!(row.conflict);
        assert_eq!(row.instances, 1);
    }
    assert_eq!(registry.studies_by_uid(&uid("1.2")), []);
}

#[test]
fn a_conflicting_version_marks_its_study() {
    let mut registry = Registry::new();
    let filed = file(&mut registry, &note("1", "1.1", "1.1.1"));
    registry.file(&note("1", "1.1", "1.1.1"), FiledAs::Conflict);
    registry.file(&note("1", "1.1", "1.1.1"), FiledAs::Conflict);
    let row = registry.study(filed.study).unwrap();
    assert!(row.conflict);
    assert_eq!(row.instances, 3);
}

#[test]
fn the_first_note_sets_attributes_and_later_ones_fill_empty_ones() {
    let mut registry = Registry::new();
    let mut empty = note("1", "1.1", "1.1.1");
    empty.patient.name.clear();
    empty.patient.birth_date.clear();
    empty.patient.sex.clear();
    empty.study.date.clear();
    empty.study.time.clear();
    empty.study.accession_number.clear();
    empty.study.id.clear();
    empty.study.description.clear();
    empty.study.referring_physician.clear();
    empty.series.modality.clear();
    empty.series.number.clear();
    empty.series.description.clear();
    empty.series.body_part.clear();
    empty.series.date.clear();
    empty.series.time.clear();
    let filed = file(&mut registry, &empty);
    let full = note("1", "1.1", "1.1.1");
    file(&mut registry, &full);
    let mut other = note("1", "1.1", "1.1.1");
    other.patient.name = "Other^Name".to_owned();
    other.study.date = "20000101".to_owned();
    other.study.accession_number = "OTHER".to_owned();
    other.series.modality = "MR".to_owned();
    file(&mut registry, &other);
    let found = search(&registry, &request(Level::Series, &[(0x0020_000d, "1.1")], ""));
    let row = &found.series[0];
    assert_eq!(row.study.patient.name, full.patient.name);
    assert_eq!(row.study.patient.birth_date, full.patient.birth_date);
    assert_eq!(row.study.patient.sex, full.patient.sex);
    assert_eq!(row.study.date, full.study.date);
    assert_eq!(row.study.time, full.study.time);
    assert_eq!(row.study.accession_number, full.study.accession_number);
    assert_eq!(row.study.id, full.study.id);
    assert_eq!(row.study.description, full.study.description);
    assert_eq!(row.study.referring_physician, full.study.referring_physician);
    assert_eq!(row.study.modalities, ["CT"]);
    assert_eq!(row.modality, full.series.modality);
    assert_eq!(row.series_number, full.series.number);
    assert_eq!(row.description, full.series.description);
    assert_eq!(row.body_part, full.series.body_part);
    assert_eq!(row.date, full.series.date);
    assert_eq!(row.time, full.series.time);
    assert_eq!(row.instances, 3);
    // what was filled is found, what was passed over is not
    let by = |tag, value| studies(&search(&registry, &request(Level::Study, &[(tag, value)], "")));
    assert_eq!(by(0x0010_0010, "doe*"), [filed.study.0]);
    assert_eq!(by(0x0008_0020, "20260730"), [filed.study.0]);
    assert_eq!(by(0x0008_0050, "A-100"), [filed.study.0]);
    assert_eq!(by(0x0010_0010, "other*"), [0u32; 0]);
    assert_eq!(by(0x0008_0020, "20000101"), [0u32; 0]);
    assert_eq!(by(0x0008_0050, "OTHER"), [0u32; 0]);
}

#[test]
fn odd_values_are_kept_as_they_came() {
    let mut registry = Registry::new();
    let mut odd = note("1", "1.1", "1.1.1");
    odd.patient.birth_date = "1970".to_owned();
    odd.study.date = "2026.07.30".to_owned();
    odd.study.time = "10:11".to_owned();
    odd.series.date = "garbage".to_owned();
    odd.series.time = "99".to_owned();
    let filed = file(&mut registry, &odd);
    let row = registry.study(filed.study).unwrap();
    assert_eq!(
        (row.date.as_str(), row.time.as_str(), row.patient.birth_date.as_str()),
        ("2026.07.30", "10:11", "1970")
    );
    assert_eq!(studies(&search(&registry, &request(Level::Study, &[(0x0008_0020, "20260730")], ""))), [0]);
}

#[test]
fn a_moved_study_is_found_under_its_new_patient_only() {
    let mut registry = Registry::new();
    let wrong = file(&mut registry, &note("1", "1.1", "1.1.1"));
    let stays = file(&mut registry, &note("1", "1.2", "1.2.1"));
    let mut other = note("2", "1.3", "1.3.1");
    other.patient.name = "Roe^Richard".to_owned();
    let right = file(&mut registry, &other);
    registry.move_study(wrong.study, right.patient).unwrap();
    assert!(registry.moved(wrong.study));
    assert!(!registry.moved(stays.study));
    assert_eq!(registry.patient_of(wrong.study), Some(right.patient));
    assert_eq!(registry.studies_of(wrong.patient), [stays.study]);
    assert_eq!(registry.studies_of(right.patient), [wrong.study, right.study]);
    assert_eq!(registry.study(wrong.study).unwrap().patient.name, "Roe^Richard");
    let by = |tag, value| studies(&search(&registry, &request(Level::Study, &[(tag, value)], "")));
    assert_eq!(by(0x0010_0020, "1"), [stays.study.0]);
    assert_eq!(by(0x0010_0010, "roe*"), [right.study.0, wrong.study.0]);
}

#[test]
fn instances_that_come_after_a_move_find_the_study_by_what_they_say() {
    let mut registry = Registry::new();
    let wrong = file(&mut registry, &note("1", "1.1", "1.1.1"));
    let right = registry.ensure_patient("", "2");
    registry.move_study(wrong.study, right).unwrap();
    let late = file(&mut registry, &note("1", "1.1", "1.1.1"));
    assert_eq!((late.study, late.patient, late.new_study), (wrong.study, right, false));
    // the same UID under the new patient's own name is not the moved study
    let own = file(&mut registry, &note("2", "1.1", "1.1.1"));
    assert_ne!(own.study, wrong.study);
    assert_eq!(own.patient, right);
    assert!(registry.study(own.study).unwrap().conflict);
}

#[test]
fn a_study_can_be_moved_back() {
    let mut registry = Registry::new();
    let filed = file(&mut registry, &note("1", "1.1", "1.1.1"));
    let (b, c) = (registry.ensure_patient("", "2"), registry.ensure_patient("", "3"));
    registry.move_study(filed.study, b).unwrap();
    registry.move_study(filed.study, c).unwrap();
    assert_eq!(registry.studies_of(b), []);
    registry.move_study(filed.study, filed.patient).unwrap();
    assert!(!registry.moved(filed.study));
    assert_eq!(registry.studies_of(filed.patient), [filed.study]);
}

#[test]
fn moves_that_mean_nothing_are_refused() {
    let mut registry = Registry::new();
    let filed = file(&mut registry, &note("1", "1.1", "1.1.1"));
    assert_eq!(registry.move_study(StudyNumber(7), filed.patient), Err(MoveError::NoStudy));
    assert_eq!(registry.move_study(filed.study, PatientNumber(7)), Err(MoveError::NoPatient));
    assert_eq!(registry.move_study(filed.study, filed.patient), Err(MoveError::AlreadyThere));
    assert!(!registry.moved(filed.study));
}

#[test]
fn a_patient_made_beforehand_is_the_one_that_images_are_filed_under() {
    let mut registry = Registry::new();
    let patient = registry.ensure_patient("ISS", "1");
    assert_eq!(registry.ensure_patient("ISS", "1"), patient);
    let mut image = note("1", "1.1", "1.1.1");
    image.patient.issuer = "ISS".to_owned();
    let filed = file(&mut registry, &image);
    assert_eq!((filed.patient, filed.new_patient), (patient, false));
    assert_eq!(registry.patient(patient).unwrap().name, "Doe^Jane");
    assert_eq!(registry.patient(patient).unwrap().studies, 1);
}

#[test]
fn numbers_that_are_not_there_give_nothing() {
    let registry = Registry::new();
    assert_eq!(registry.study(StudyNumber(0)), None);
    assert_eq!(registry.patient(PatientNumber(0)), None);
    assert_eq!(registry.patient_of(StudyNumber(u32::MAX)), None);
    assert_eq!(registry.studies_of(PatientNumber(u32::MAX)), []);
    assert!(!registry.moved(StudyNumber(0)));
}

#[test]
fn numbers_that_the_ledger_gave_are_not_given_again_and_show_nobody() {
    let mut registry = Registry::new();
    let before = file(&mut registry, &note("1", "1.1", "1.1.1"));
    registry.numbers_given(Some(PatientNumber(4)), Some(StudyNumber(6)));
    registry.numbers_given(Some(PatientNumber(2)), None);
    let records = registry.take_dirty();
    let after = file(&mut registry, &note("2", "1.2", "1.2.1"));
    assert!(after.patient > PatientNumber(4) && after.study == StudyNumber(7), "{after:?}");
    // an image without a patient ID is filed under no lost patient
    let mut nameless = note("", "1.3", "1.3.1");
    nameless.patient.name.clear();
    assert!(file(&mut registry, &nameless).new_patient);
    for level in [Level::Patient, Level::Study, Level::Series, Level::Instance] {
        let found = search(&registry, &request(level, &[], ""));
        let lost = found.listed_studies.numbers().iter().filter(|study| (1..=6).contains(*study)).count();
        assert_eq!((found.listed_patients.len(), lost), (3, 0), "{level:?}");
    }
    assert_eq!(registry.study_of_note(&note("1", "1.1", "1.1.9")), Some(before.study));
    assert_eq!(registry.study_of_note(&note("2", "1.1", "1.1.9")), None, "another patient's study");
    // and they come back from records as they were
    let loaded = Registry::load(records).unwrap();
    assert_eq!(loaded.studies(), 7);
    assert_eq!(search(&loaded, &request(Level::Study, &[], "")).studies.len(), 1);
}
