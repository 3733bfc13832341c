//! Matching through the front door: one registry of real-looking studies, a table of keys and what they find.

use protocol::{Level, Match, StoredNote};
use registry::{Reach, Registry, SearchError};

use crate::{CT, MR, file, note, request, search, studies, uid};

const PATIENT_NAME: u32 = 0x0010_0010;
const PATIENT_ID: u32 = 0x0010_0020;
const ISSUER: u32 = 0x0010_0021;
const BIRTH_DATE: u32 = 0x0010_0030;
const SEX: u32 = 0x0010_0040;
const STUDY_UID: u32 = 0x0020_000d;
const STUDY_DATE: u32 = 0x0008_0020;
const STUDY_TIME: u32 = 0x0008_0030;
const ACCESSION: u32 = 0x0008_0050;
const STUDY_ID: u32 = 0x0020_0010;
const DESCRIPTION: u32 = 0x0008_1030;
const PHYSICIAN: u32 = 0x0008_0090;
const MODALITIES: u32 = 0x0008_0061;
const SOP_CLASSES: u32 = 0x0008_0062;
const SERIES_COUNT: u32 = 0x0020_1206;
const INSTANCE_COUNT: u32 = 0x0020_1208;
const SERIES_UID: u32 = 0x0020_000e;
const MODALITY: u32 = 0x0008_0060;
const SERIES_NUMBER: u32 = 0x0020_0011;
const SERIES_DESCRIPTION: u32 = 0x0008_103e;
const BODY_PART: u32 = 0x0018_0015;
const SERIES_DATE: u32 = 0x0008_0021;
const STEP_DATE: u32 = 0x0040_0244;
const STEP_TIME: u32 = 0x0040_0245;

fn with(patient: &str, study: &str, change: impl FnOnce(&mut StoredNote)) -> StoredNote {
    let mut note = note(patient, study, &format!("{study}.1"));
    change(&mut note);
    note
}

/// 0 Yamada, 1 Müller, 2 Muller with a second series (MR), 3 a study without almost anything, 4 Smith Jr. from another issuer.
fn registry() -> Registry {
    let mut registry = Registry::new();
    let notes = [
        with("JP-1", "1.2.1", |note| {
            note.patient.name = "Yamada^Tarou=山田^太郎=やまだ^たろう".to_owned();
            note.study.description = "頭部 MRI".to_owned();
            note.study.date = "20260101".to_owned();
            note.study.accession_number = "ACC1".to_owned();
            note.series.modality = "MR".to_owned();
            note.instance.sop_class = uid(MR);
            note.patient.sex = "M".to_owned();
        }),
        with("de-2", "1.2.2", |note| {
            note.patient.name = "Müller-Lüdenscheidt^Jürgen".to_owned();
            note.study.date = "20260201".to_owned();
            note.study.time = "235959.999999".to_owned();
            note.study.accession_number = "ACC12".to_owned();
            note.patient.birth_date = "19550505".to_owned();
        }),
        with("DE-2", "1.2.3", |note| {
            note.patient.name = "MULLER^ANNA".to_owned();
            note.study.date = "20260301".to_owned();
            note.study.time = "00".to_owned();
            note.study.accession_number = "acc1".to_owned();
            note.study.id = "77".to_owned();
        }),
        with("DE-2", "1.2.3", |note| {
            note.series.uid = uid("1.2.3.2");
            note.series.modality = "MR".to_owned();
            note.series.number = "10".to_owned();
            note.series.description = "T2 sagittal".to_owned();
            note.series.body_part = "LSPINE".to_owned();
            note.series.date = "20260302".to_owned();
            note.series.time = "08".to_owned();
            note.instance.sop_class = uid(MR);
        }),
        with("X", "1.2.4", |note| {
            note.patient.name.clear();
            note.patient.birth_date.clear();
            note.patient.sex.clear();
            note.study.date.clear();
            note.study.time.clear();
            note.study.accession_number.clear();
            note.study.id.clear();
            note.study.description.clear();
            note.study.referring_physician.clear();
            note.series.modality.clear();
            note.series.number.clear();
            note.series.description.clear();
            note.series.body_part.clear();
            note.series.date.clear();
            note.series.time.clear();
        }),
        with("JP-1", "1.2.5", |note| {
            note.patient.issuer = "HOSP".to_owned();
            note.patient.name = "Smith^John^^^Jr.".to_owned();
            note.study.date = "20251231".to_owned();
            note.study.referring_physician = "Øster^Ægir".to_owned();
            note.study.description = "CT Thorax".to_owned();
        }),
    ];
    for note in &notes {
        file(&mut registry, note);
    }
    registry
}

#[track_caller]
fn check(registry: &Registry, matches: &[(u32, &str)], expected: &[u32]) {
    let mut found = studies(&search(registry, &request(Level::Study, matches, "")));
    found.sort_unstable();
    assert_eq!(found, expected, "{matches:04x?}");
}

#[test]
fn patient_attributes_match() {
    let r = registry();
    check(&r, &[], &[0, 1, 2, 3, 4]);
    for universal in ["", "*", " "] {
        check(&r, &[(PATIENT_NAME, universal)], &[0, 1, 2, 3, 4]);
    }
    check(&r, &[(PATIENT_NAME, "muller*")], &[1, 2]);
    check(&r, &[(PATIENT_NAME, "MÜLLER^anna")], &[2]);
    check(&r, &[(PATIENT_NAME, "müller^Änna")], &[2]);
    check(&r, &[(PATIENT_NAME, "*ludenscheidt^J*")], &[1]);
    check(&r, &[(PATIENT_NAME, "müller-lüd*")], &[1]);
    check(&r, &[(PATIENT_NAME, "山田*")], &[0]);
    check(&r, &[(PATIENT_NAME, "山田^太郎")], &[0]);
    check(&r, &[(PATIENT_NAME, "やまだ*")], &[0]);
    check(&r, &[(PATIENT_NAME, "yamada*=山田*")], &[0]);
    check(&r, &[(PATIENT_NAME, "=*^太郎")], &[0]);
    check(&r, &[(PATIENT_NAME, "smith^john^^^jr.")], &[4]);
    check(&r, &[(PATIENT_NAME, "sm?th*")], &[4]);
    check(&r, &[(PATIENT_ID, "JP-1")], &[0, 4]);
    check(&r, &[(PATIENT_ID, "JP-1"), (ISSUER, "HOSP")], &[4]);
    check(&r, &[(PATIENT_ID, "DE-*")], &[2]);
    check(&r, &[(PATIENT_ID, "?E-2")], &[2]);
    check(&r, &[(PATIENT_ID, "*-?")], &[0, 1, 2, 4]);
    check(&r, &[(BIRTH_DATE, "19550505")], &[1]);
    check(&r, &[(BIRTH_DATE, "-19600101")], &[1]);
    check(&r, &[(BIRTH_DATE, "19700101-")], &[0, 2, 4]);
    check(&r, &[(SEX, "M")], &[0]);
}

#[test]
fn patient_attributes_that_differ_do_not_match() {
    let r = registry();
    check(&r, &[(PATIENT_NAME, "muller")], &[]);
    check(&r, &[(PATIENT_NAME, "mueller*")], &[]);
    check(&r, &[(PATIENT_NAME, "anna*")], &[]);
    check(&r, &[(PATIENT_NAME, "山口*")], &[]);
    check(&r, &[(PATIENT_NAME, "=yamada*")], &[]);
    check(&r, &[(PATIENT_NAME, "やまた*")], &[]);
    check(&r, &[(PATIENT_NAME, "smith^john")], &[]);
    check(&r, &[(PATIENT_NAME, "?")], &[]);
    check(&r, &[(PATIENT_ID, "jp-1")], &[]);
    check(&r, &[(PATIENT_ID, "JP")], &[]);
    check(&r, &[(PATIENT_ID, "JP-1"), (ISSUER, "hosp")], &[]);
    check(&r, &[(PATIENT_ID, "JP-1"), (PATIENT_NAME, "muller*")], &[]);
    check(&r, &[(BIRTH_DATE, "19550506-19691231")], &[]);
    check(&r, &[(SEX, "m")], &[]);
    check(&r, &[(SEX, "O")], &[]);
}

#[test]
fn study_attributes_match() {
    let r = registry();
    check(&r, &[(STUDY_UID, "1.2.3")], &[2]);
    check(&r, &[(STUDY_UID, "1.2.1\\1.2.5")], &[0, 4]);
    check(&r, &[(STUDY_UID, "1.2.1,1.2.5,1.2.99")], &[0, 4]);
    check(&r, &[(STUDY_DATE, "20260101")], &[0]);
    check(&r, &[(STUDY_DATE, "20251231-20260201")], &[0, 1, 4]);
    check(&r, &[(STUDY_DATE, "20260201-")], &[1, 2]);
    check(&r, &[(STUDY_DATE, "-20251231")], &[4]);
    check(&r, &[(STUDY_TIME, "1000-1200")], &[0, 4]);
    check(&r, &[(STUDY_TIME, "10")], &[0, 4]);
    check(&r, &[(STUDY_TIME, "-000000")], &[2]);
    check(&r, &[(STUDY_TIME, "235959")], &[1]);
    check(&r, &[(ACCESSION, "ACC1")], &[0]);
    check(&r, &[(ACCESSION, "ACC*")], &[0, 1]);
    check(&r, &[(ACCESSION, "*cc1")], &[2]);
    check(&r, &[(STUDY_ID, "77")], &[2]);
    check(&r, &[(DESCRIPTION, "CT*")], &[1, 2, 4]);
    check(&r, &[(DESCRIPTION, "頭部*")], &[0]);
    check(&r, &[(DESCRIPTION, "CT Abdomen nativ")], &[1, 2]);
    check(&r, &[(PHYSICIAN, "gross*")], &[0, 1, 2]);
    check(&r, &[(PHYSICIAN, "oster^aegir")], &[4]);
    check(&r, &[(MODALITIES, "MR")], &[0, 2]);
    check(&r, &[(MODALITIES, "CT\\MR")], &[0, 1, 2, 4]);
    check(&r, &[(MODALITIES, "M*")], &[0, 2]);
    check(&r, &[(MODALITIES, "MR"), (MODALITIES, "CT")], &[2]);
    check(&r, &[(SOP_CLASSES, MR)], &[0, 2]);
    check(&r, &[(SOP_CLASSES, CT)], &[1, 2, 3, 4]);
    check(&r, &[(SERIES_COUNT, "2")], &[2]);
    check(&r, &[(INSTANCE_COUNT, " 1 ")], &[0, 1, 3, 4]);
}

#[test]
fn study_attributes_that_differ_do_not_match() {
    let r = registry();
    check(&r, &[(STUDY_UID, "1.2")], &[]);
    check(&r, &[(STUDY_UID, "1.2.33")], &[]);
    check(&r, &[(STUDY_DATE, "20260202-20260228")], &[]);
    check(&r, &[(STUDY_DATE, "20260301-20260101")], &[]);
    check(&r, &[(STUDY_TIME, "1012-2358")], &[]);
    check(&r, &[(ACCESSION, "ACC")], &[]);
    check(&r, &[(ACCESSION, "Acc1")], &[]);
    check(&r, &[(ACCESSION, "ACC12?")], &[]);
    check(&r, &[(STUDY_ID, "7")], &[]);
    check(&r, &[(DESCRIPTION, "ct*")], &[]);
    check(&r, &[(DESCRIPTION, "Abdomen")], &[]);
    check(&r, &[(PHYSICIAN, "gros^hans")], &[]);
    check(&r, &[(MODALITIES, "mr")], &[]);
    check(&r, &[(MODALITIES, "US")], &[]);
    check(&r, &[(MODALITIES, "C")], &[]);
    check(&r, &[(SOP_CLASSES, "1.2.840.10008.5.1.4.1.1")], &[]);
    check(&r, &[(SERIES_COUNT, "0")], &[]);
    check(&r, &[(INSTANCE_COUNT, "3")], &[]);
}

#[track_caller]
fn series(registry: &Registry, matches: &[(u32, &str)], expected: &[&str]) {
    let found = search(registry, &request(Level::Series, matches, ""));
    let found: Vec<&str> = found.series.iter().map(|series| series.uid.as_str()).collect();
    assert_eq!(found, expected, "{matches:04x?}");
}

#[test]
fn series_match_by_their_own_attributes_and_those_above() {
    let r = registry();
    series(&r, &[(STUDY_UID, "1.2.3")], &["1.2.3.1", "1.2.3.2"]);
    series(&r, &[(SERIES_UID, "1.2.3.2\\1.2.4.1")], &["1.2.3.2", "1.2.4.1"]);
    series(&r, &[(MODALITY, "MR")], &["1.2.3.2", "1.2.1.1"]);
    series(&r, &[(MODALITY, "MR"), (PATIENT_NAME, "muller*")], &["1.2.3.2"]);
    series(&r, &[(SERIES_NUMBER, "010")], &["1.2.3.2"]);
    series(&r, &[(SERIES_DESCRIPTION, "*sagittal")], &["1.2.3.2"]);
    series(&r, &[(BODY_PART, "LSPINE")], &["1.2.3.2"]);
    series(&r, &[(STEP_DATE, "20260302")], &["1.2.3.2"]);
    series(&r, &[(SERIES_DATE, "20260301-20260303")], &["1.2.3.2"]);
    series(&r, &[(STEP_TIME, "07-09")], &["1.2.3.2"]);
    series(&r, &[(0x0020_1209, "1"), (STUDY_UID, "1.2.3")], &["1.2.3.1", "1.2.3.2"]);
}

#[test]
fn series_that_differ_do_not_match() {
    let r = registry();
    series(&r, &[(SERIES_UID, "1.2.3")], &[]);
    series(&r, &[(MODALITY, "US")], &[]);
    series(&r, &[(MODALITY, "MR"), (PATIENT_NAME, "smith*")], &[]);
    series(&r, &[(SERIES_NUMBER, "1")], &[]);
    series(&r, &[(SERIES_DESCRIPTION, "sagittal")], &[]);
    series(&r, &[(BODY_PART, "lspine")], &[]);
    series(&r, &[(STEP_DATE, "20270101-")], &[]);
    series(&r, &[(MODALITY, "CT"), (SERIES_NUMBER, "10")], &[]);
}

#[test]
fn instance_queries_find_the_studies_whose_series_may_hold_them() {
    let r = registry();
    let found = search(&r, &request(Level::Instance, &[(MODALITY, "MR"), (0x0008_0018, "1.9")], ""));
    assert_eq!(studies(&found), [2, 0]);
    assert_eq!(found.ignored, [0x0008_0018]);
}

#[test]
fn patients_are_found_once_each() {
    let r = registry();
    let found = search(&r, &request(Level::Patient, &[(PATIENT_NAME, "m*")], ""));
    let names: Vec<&str> = found.patients.iter().map(|patient| patient.name.as_str()).collect();
    assert_eq!(names, ["MULLER^ANNA", "Müller-Lüdenscheidt^Jürgen"]);
    assert_eq!(found.listed_patients.len(), 2);
    assert!(found.listed_studies.is_empty());
}

#[test]
fn keys_that_are_not_held_are_reported_and_not_applied() {
    let r = registry();
    let keys = [(0x0010_1010, "055Y"), (MODALITY, "US"), (0x0008_1080, ""), (PATIENT_ID, "X")];
    let found = search(&r, &request(Level::Study, &keys, ""));
    assert_eq!(studies(&found), [3]);
    assert_eq!(found.ignored, [MODALITY, 0x0010_1010]);
}

#[test]
fn values_out_of_shape_are_refused() {
    let r = registry();
    let values = [
        (STUDY_DATE, "2026"),
        (STUDY_DATE, "2026-07-30"),
        (STUDY_DATE, "2026*"),
        (STUDY_DATE, "-"),
        (BIRTH_DATE, "19551301"),
        (STUDY_TIME, "25"),
        (STUDY_UID, "1.2.*"),
        (STUDY_UID, "1.2\\"),
        (STUDY_UID, "x"),
        (SOP_CLASSES, "CT"),
        (SERIES_COUNT, "many"),
        (INSTANCE_COUNT, "1-2"),
    ];
    for (tag, value) in values {
        let outcome = r.search(&request(Level::Study, &[(tag, value)], ""), Reach::Site, &|_, _| true);
        assert!(matches!(outcome, Err(SearchError::Value { tag: named, .. }) if named == tag), "{tag:08x} {value}");
    }
}

#[test]
fn requests_past_their_limits_are_refused() {
    let r = registry();
    let mut many = request(Level::Study, &[], "");
    many.matches = vec![Match { tag: PATIENT_ID, value: "X".to_owned() }; 65];
    assert_eq!(r.search(&many, Reach::Site, &|_, _| true), Err(SearchError::TooManyKeys { found: 65 }));
    let long = request(Level::Study, &[(PATIENT_ID, &"X".repeat(256 * 1024 + 1))], "");
    assert!(matches!(r.search(&long, Reach::Site, &|_, _| true), Err(SearchError::Value { .. })));
    for words in ["a ".repeat(17), "a".repeat(513)] {
        let wordy = request(Level::Study, &[], &words);
        assert_eq!(r.search(&wordy, Reach::Site, &|_, _| true), Err(SearchError::TooManyWords));
    }
}

#[track_caller]
fn words(registry: &Registry, words: &str, expected: &[u32]) {
    let mut found = studies(&search(registry, &request(Level::Study, &[], words)));
    found.sort_unstable();
    assert_eq!(found, expected, "{words}");
}

#[test]
fn words_begin_names_numbers_descriptions_modalities_and_dates() {
    let r = registry();
    words(&r, "  ", &[0, 1, 2, 3, 4]);
    words(&r, "mul", &[1, 2]);
    words(&r, "MÜL ann", &[2]);
    words(&r, "lüd", &[1]);
    words(&r, "müller-lüd", &[1]);
    words(&r, "太", &[0]);
    words(&r, "山田", &[0]);
    words(&r, "たろ", &[0]);
    words(&r, "jr", &[4]);
    words(&r, "jp-1", &[0, 4]);
    words(&r, "acc1", &[0, 1, 2]);
    words(&r, "acc12", &[1]);
    words(&r, "abd", &[1, 2]);
    words(&r, "頭部", &[0]);
    words(&r, "mr", &[0, 2]);
    words(&r, "2026", &[0, 1, 2]);
    words(&r, "2026-02", &[1]);
    words(&r, "1.3.2026", &[2]);
    words(&r, "20251231", &[4]);
    words(&r, "ct 2026 mul abd", &[1, 2]);
    words(&r, "x", &[3]);
}

#[test]
fn words_that_begin_nothing_find_nothing() {
    let r = registry();
    words(&r, "uller", &[]);
    words(&r, "mul zzz", &[]);
    words(&r, "田", &[]);
    words(&r, "bdomen", &[]);
    words(&r, "cc1", &[]);
    words(&r, "2027", &[]);
    words(&r, "gross", &[]);
    words(&r, "axial", &[]);
    words(&r, "-", &[]);
    words(&r, "***", &[]);
    words(&r, "mul*", &[1, 2]);
}

#[test]
fn words_and_keys_must_both_match() {
    let r = registry();
    let both = request(Level::Study, &[(MODALITIES, "MR")], "mul");
    assert_eq!(studies(&search(&r, &both)), [2]);
    let neither = request(Level::Study, &[(MODALITIES, "US")], "mul");
    assert_eq!(studies(&search(&r, &neither)), [0u32; 0]);
}

#[test]
fn only_what_the_caller_may_list_is_found_and_counted() {
    let r = registry();
    let all = request(Level::Study, &[], "");
    let found = r.search(&all, Reach::Site, &|_, study| study.0 == 2).unwrap();
    assert_eq!(studies(&found), [2]);
    assert_eq!(found.listed_patients.numbers(), [2]);
    assert_eq!(found.listed_studies.numbers(), [2]);
    let nothing = r.search(&all, Reach::Site, &|_, _| false).unwrap();
    assert_eq!((nothing.studies.len(), nothing.more, nothing.listed_patients.len()), (0, false, 0));
    let patients = request(Level::Patient, &[], "");
    assert_eq!(r.search(&patients, Reach::Site, &|_, _| false).unwrap().patients, []);
}

#[test]
fn a_reach_that_is_enumerated_is_all_that_is_looked_at() {
    let r = registry();
    let (patients, alone) = ([model::PatientNumber(1)], [model::StudyNumber(2), model::StudyNumber(99)]);
    let reach = Reach::Only { patients: &patients, studies: &alone };
    let looked_at = std::cell::RefCell::new(Vec::new());
    let may_list = |_, study: model::StudyNumber| {
        looked_at.borrow_mut().push(study.0);
        true
    };
    let found = r.search(&request(Level::Study, &[], ""), reach, &may_list).unwrap();
    assert_eq!(studies(&found), [2, 1]);
    assert!(looked_at.borrow().iter().all(|study| [1, 2].contains(study)));
    let nobody = r.search(&request(Level::Study, &[], ""), Reach::Only { patients: &[], studies: &[] }, &|_, _| true);
    assert_eq!(studies(&nobody.unwrap()), [0u32; 0]);
}
