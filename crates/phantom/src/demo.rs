//! The files of `demo/`: six people, priors over twenty years, CT, MR, DX and US.

use crate::image::{ct_slice, describe_ct, describe_grey, dx_projection, mr_slice, us_frame};
use crate::{DEMO_ISSUER, DataSet, DemoPatient, PATIENTS, uid};

/// A file.
#[derive(Clone, Debug)]
pub struct DemoFile {
    /// Its name in `demo/`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One study of the demonstration: (patient, date, modality, body part, description, referring physician).
type Study = (usize, &'static str, &'static str, &'static str, &'static str, &'static str);

const STUDIES: [Study; 13] = [
    (0, "20060315", "DX", "CHEST", "X-ray of the chest", "Referrer^Robin"),
    (0, "20141120", "CT", "HEAD", "CT of the head", "Referrer^Robin"),
    (0, "20260503", "CT", "HEAD", "CT of the head, follow-up", "Referrer^Robin"),
    (1, "20190607", "DX", "HAND", "X-ray of the hand", "Referrer^Robin"),
    (1, "20261102", "MR", "HEAD", "MR of the head", "Referrer^Robin"),
    (2, "20070912", "CT", "HEAD", "CT of the head", "Practice^Other"),
    (2, "20160228", "US", "ABDOMEN", "Ultrasound of the abdomen", "Practice^Other"),
    (2, "20261120", "DX", "CHEST", "X-ray of the chest", "Referrer^Robin"),
    (3, "20210415", "US", "HEART", "Ultrasound of the heart", "Practice^Other"),
    (3, "20261123", "CT", "HEAD", "CT of the head", "Practice^Other"),
    (4, "20240110", "MR", "HEAD", "MR of the head", "Referrer^Robin"),
    (4, "20261121", "US", "HEART", "Ultrasound of the heart", "Referrer^Robin"),
    (5, "20261122", "DX", "CHEST", "X-ray of the chest", "Practice^Other"),
];

/// Every file, in the order in which it was acquired.
#[must_use]
pub fn demo_files() -> Vec<DemoFile> {
    STUDIES.iter().enumerate().flat_map(|(number, study)| files_of(number as u32 + 1, study)).collect()
}

fn files_of(number: u32, study: &Study) -> Vec<DemoFile> {
    let instances: Vec<DataSet> = match study.2 {
        "CT" => (0..16u32).map(|index| ct(number, study, index)).collect(),
        "MR" => (0..12u32).map(|index| mr(number, study, index)).collect(),
        "US" => vec![us(number, study)],
        _ => vec![dx(number, study)],
    };
    let name = |index: usize| format!("{}-{}-{}-{:02}.dcm", PATIENTS[study.0].id, study.1, study.2, index + 1);
    instances.iter().enumerate().map(|(index, data)| DemoFile { name: name(index), bytes: data.part10() }).collect()
}

fn begin(sop_class: &str, number: u32, study: &Study, index: u32) -> DataSet {
    let DemoPatient { id, name, birth_date, sex } = PATIENTS[study.0];
    let (_, date, modality, body_part, description, referrer) = *study;
    let mut data = DataSet::new(sop_class, &uid(&[1, number, 1, index + 1]));
    data.text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY");
    for tag in [0x0008_0020, 0x0008_0021, 0x0008_0023] {
        data.text(tag, "DA", date);
    }
    data.text(0x0008_0030, "TM", "093000");
    data.text(0x0008_0031, "TM", "093200");
    data.text(0x0008_0033, "TM", &format!("0932{:02}", index % 60));
    data.text(0x0008_0050, "SH", &format!("ACC{number:05}"));
    data.text(0x0008_0060, "CS", modality);
    data.text(0x0008_0070, "LO", "leadglass phantom");
    data.text(0x0008_0080, "LO", "Demonstration");
    data.text(0x0008_0090, "PN", referrer);
    data.text(0x0008_1030, "LO", description);
    data.text(0x0008_103E, "LO", &format!("{modality} {}", body_part.to_lowercase()));
    data.text(0x0010_0010, "PN", name);
    data.text(0x0010_0020, "LO", id);
    data.text(0x0010_0021, "LO", DEMO_ISSUER);
    data.text(0x0010_0030, "DA", birth_date);
    data.text(0x0010_0040, "CS", sex);
    data.text(0x0018_0015, "CS", body_part);
    data.text(0x0020_000D, "UI", &uid(&[1, number]));
    data.text(0x0020_000E, "UI", &uid(&[1, number, 1]));
    data.text(0x0020_0010, "SH", &number.to_string());
    data.text(0x0020_0011, "IS", "1");
    data.text(0x0020_0013, "IS", &(index + 1).to_string());
    data
}

fn ct(number: u32, study: &Study, index: u32) -> DataSet {
    let mut data = begin("1.2.840.10008.5.1.4.1.1.2", number, study, index);
    let z = f64::from(index) / 8.5 - 0.9;
    describe_ct(&mut data, 160, 160, f64::from(index) * 8.0, 8.0);
    data.words(0x7FE0_0010, "OW", &ct_slice(160, 160, z, u64::from(number * 100 + index)));
    data
}

fn mr(number: u32, study: &Study, index: u32) -> DataSet {
    let mut data = begin("1.2.840.10008.5.1.4.1.1.4", number, study, index);
    describe_grey(&mut data, 128, 128, 16, 12);
    data.text(0x0018_0050, "DS", "10");
    data.text(0x0020_0032, "DS", &format!("-120\\-120\\{}", index * 10));
    data.text(0x0020_0037, "DS", "1\\0\\0\\0\\1\\0");
    data.text(0x0020_0052, "UI", &uid(&[1, number, 9]));
    data.text(0x0028_0030, "DS", "1.875\\1.875");
    data.text(0x0028_1050, "DS", "450");
    data.text(0x0028_1051, "DS", "900");
    data.words(0x7FE0_0010, "OW", &mr_slice(128, 128, f64::from(index) / 6.5 - 0.85, u64::from(number * 100 + index)));
    data
}

fn dx(number: u32, study: &Study) -> DataSet {
    let mut data = begin("1.2.840.10008.5.1.4.1.1.1.1", number, study, 0);
    describe_grey(&mut data, 320, 256, 16, 12);
    data.text(0x0018_1164, "DS", "0.8\\0.8");
    data.text(0x0028_1050, "DS", "2000");
    data.text(0x0028_1051, "DS", "3600");
    data.text(0x0028_1040, "CS", "LOG");
    data.text(0x2050_0020, "CS", "INVERSE");
    data.words(0x7FE0_0010, "OW", &dx_projection(320, 256, u64::from(number)));
    data
}

fn us(number: u32, study: &Study) -> DataSet {
    const FRAMES: u32 = 12;
    let mut data = begin("1.2.840.10008.5.1.4.1.1.3.1", number, study, 0);
    describe_grey(&mut data, 160, 192, 8, 8);
    data.text(0x0028_0008, "IS", &FRAMES.to_string());
    data.text(0x0018_1063, "DS", "80");
    data.bytes(0x0028_0009, "AT", &[0x18, 0x00, 0x63, 0x10]);
    let frames: Vec<u8> = (0..FRAMES).flat_map(|frame| us_frame(160, 192, frame, FRAMES)).collect();
    data.bytes(0x7FE0_0010, "OB", &frames);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_what_the_generator_makes() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
        let files = demo_files();
        let there = std::fs::read_dir(&folder).expect("demo/ is there").count();
        assert_eq!(there, files.len(), "run `cargo run -p phantom --example write`");
        for file in files {
            let read = std::fs::read(folder.join(&file.name)).expect("each file is there");
            assert!(read == file.bytes, "{} differs; run `cargo run -p phantom --example write`", file.name);
        }
    }

    #[test]
    fn six_people_have_priors_over_twenty_years_in_four_modalities() {
        let years: Vec<i32> = STUDIES.iter().map(|study| study.1[..4].parse().expect("a year")).collect();
        assert!(years.iter().max().expect("some") - years.iter().min().expect("some") >= 20);
        for modality in ["CT", "MR", "DX", "US"] {
            assert!(STUDIES.iter().any(|study| study.2 == modality));
        }
        assert!((0..6).all(|patient| STUDIES.iter().any(|study| study.0 == patient)));
    }
}
