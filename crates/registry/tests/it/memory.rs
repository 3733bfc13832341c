//! The budget: 400 bytes a study, series and patient included.

use registry::Registry;

use crate::{file, note};

/// The most bytes that one study may cost in the warden's memory.
const BYTES_PER_STUDY_MAX: usize = 400;

/// Each study with two series, UIDs of 56 characters as devices make them; two studies a patient.
fn registry(studies: u32) -> Registry {
    let mut registry = Registry::new();
    for number in 0..studies {
        let root = "1.2.826.0.1.3680043.8.498.";
        let study = format!("{root}{:030}", u128::from(number) * 982_451_653 + 1);
        for series in 0..2 {
            let mut note = note(&format!("PID{:07}", number / 2), &study, &format!("{study}.{series}"));
            note.series.uid = crate::uid(&format!("{root}{:030}", u128::from(number * 2 + series) * 777_767_777 + 3));
            note.patient.name = format!("Familyname{}^Given{}", number / 2 % 5000, number / 2 % 300);
            note.patient.birth_date = format!("19{:02}0{}1{}", number % 90 + 10, number % 9 + 1, number % 10);
            note.study.date = format!("20{:02}{:02}{:02}", number % 20, number % 12 + 1, number % 28 + 1);
            note.study.time = format!("{:02}{:02}{:02}", number % 24, number % 60, number % 59);
            note.study.accession_number = format!("ACC{number:08}");
            note.study.description = format!("Examination {}", number % 400);
            note.study.referring_physician = format!("Physician{}^A", number % 500);
            note.series.date = note.study.date.clone();
            note.series.time = note.study.time.clone();
            note.series.description = format!("series {}", number % 900);
            file(&mut registry, &note);
        }
    }
    registry
}

#[test]
fn a_study_costs_at_most_400_bytes() {
    let studies = 4_000;
    let mut filed = registry(studies);
    let records = filed.take_dirty();
    let per_study = filed.bytes() / studies as usize;
    eprintln!("{per_study} bytes a study as filed");
    assert!((100..=BYTES_PER_STUDY_MAX).contains(&per_study), "{per_study}");
    let loaded = Registry::load(records).unwrap();
    let per_study = loaded.bytes() / studies as usize;
    eprintln!("{per_study} bytes a study as loaded");
    assert!((100..=BYTES_PER_STUDY_MAX).contains(&per_study), "{per_study}");
}
