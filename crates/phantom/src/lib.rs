//! Synthetic DICOM: the people of the demonstration, and as many slices as a measurement wants.
//!
//! Everything is computed: ellipsoids for bodies, a small generator for noise. No patient, no scanner, no randomness; the same
//! bytes every time. [`canary`] looks for one of them in everything that lies on a disk.

pub mod canary;
mod data_set;
mod demo;
mod image;
mod people;

pub use data_set::{DataSet, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
pub use demo::{DemoFile, demo_files};
pub use image::{Noise, ct_slice, dx_projection, mr_slice, us_frame};
pub use people::{DEMO_ISSUER, DemoPatient, PATIENTS};

/// A CT slice as a data set of its own, for measurements: 512 × 512 × 16 bit, 525 KB.
///
/// `patient`, `study`, `series` and `instance` choose the identifiers.
#[must_use]
pub fn ct_instance(patient: u32, study: u32, series: u32, instance: u32, rows: u16, columns: u16) -> Vec<u8> {
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.2", &uid(&[9, patient, study, series, instance]));
    data.text(0x0008_0020, "DA", &format!("{:04}{:02}{:02}", 2006 + study % 20, 1 + study % 12, 1 + study % 28));
    data.text(0x0008_0030, "TM", "101500");
    data.text(0x0008_0050, "SH", &format!("A{study:08}"));
    data.text(0x0008_0060, "CS", "CT");
    data.text(0x0008_1030, "LO", "CT measurement");
    data.text(0x0008_103E, "LO", &format!("Series {series}"));
    data.text(0x0010_0010, "PN", &format!("Measured{patient:06}^Patient"));
    data.text(0x0010_0020, "LO", &format!("M{patient:08}"));
    data.text(0x0010_0021, "LO", DEMO_ISSUER);
    data.text(0x0010_0030, "DA", "19700101");
    data.text(0x0010_0040, "CS", "O");
    data.text(0x0020_000D, "UI", &uid(&[9, patient, study]));
    data.text(0x0020_000E, "UI", &uid(&[9, patient, study, series]));
    data.text(0x0020_0010, "SH", &format!("S{study}"));
    data.text(0x0020_0011, "IS", &series.to_string());
    data.text(0x0020_0013, "IS", &instance.to_string());
    image::describe_ct(&mut data, rows, columns, f64::from(instance), 1.0);
    data.words(0x7FE0_0010, "OW", &ct_slice(rows, columns, 0.0, u64::from(instance) + 1));
    data.part10()
}

/// A UID of this project's own arc (PS3.5 B.2: derived from a UUID), with components of ours behind it.
#[must_use]
pub fn uid(components: &[u32]) -> String {
    let mut uid = String::from("2.25.297441826412394518240617934805");
    for component in components {
        uid.push('.');
        uid.push_str(&component.to_string());
    }
    uid
}
