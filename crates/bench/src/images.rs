//! What is sent: CT slices with the attributes that a scanner writes, and small ones to fill an archive with.

use std::sync::Arc;

use bytes::Bytes;
use dimse::sender::Outgoing;
use model::Uid;
use phantom::{DEMO_ISSUER, DataSet, EXPLICIT_VR_LITTLE_ENDIAN, ct_slice, uid};

/// Slices of one series.
pub const SERIES_SLICES: u32 = 200;
/// Different pictures that are made; the slices take turns.
const PICTURES: u32 = 40;
/// Rows and columns of a slice.
const SLICE_SIDE: u16 = 512;
/// Rows and columns of what fills an archive.
const SMALL_SIDE: u16 = 64;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// The examination day that [`HITS_OF_ONE_DATE`] of the filling studies have.
pub const ONE_DATE: &str = "20260203";
/// So many.
pub const HITS_OF_ONE_DATE: u32 = 100;

/// Pixels, made once.
#[derive(Clone)]
pub struct Images {
    slices: Arc<Vec<Vec<u8>>>,
    small: Arc<Vec<u8>>,
}

/// One study of many slices: its numbers, from which everything else follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Study(pub u32);

impl Images {
    /// Computes the pictures.
    pub fn make() -> Self {
        Self::of(PICTURES)
    }

    fn of(pictures: u32) -> Self {
        let bytes = |pixels: Vec<i16>| pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect::<Vec<u8>>();
        let slice =
            |index: u32| bytes(ct_slice(SLICE_SIDE, SLICE_SIDE, f64::from(index) / 22.0 - 0.9, u64::from(index) + 1));
        let small = bytes(ct_slice(SMALL_SIDE, SMALL_SIDE, 0.0, 1));
        Self { slices: Arc::new((0..pictures).map(slice).collect()), small: Arc::new(small) }
    }

    /// A slice, numbered from 1.
    pub fn slice(&self, study: Study, number: u32) -> Outgoing {
        let Study(own) = study;
        let mut data = DataSet::new(CT, &study.instance(number));
        describe_patient(&mut data, &format!("C{own:08}"), &format!("Carried{own:05}^Patient"));
        describe_study(&mut data, study, "20260102", number);
        describe_picture(&mut data, SLICE_SIDE, number);
        outgoing(&data, &study.instance(number), &self.slices[number as usize % self.slices.len()])
    }

    /// The one small instance of filling study `number`.
    pub fn small(&self, number: u32) -> Outgoing {
        let study = Study::filling(number);
        let date = if number < HITS_OF_ONE_DATE { ONE_DATE.to_owned() } else { date_of(number) };
        let mut data = DataSet::new(CT, &study.instance(1));
        describe_patient(&mut data, &filling_id(number), &format!("Measured{number:06}^Patient"));
        describe_study(&mut data, study, &date, 1);
        describe_picture(&mut data, SMALL_SIDE, 1);
        outgoing(&data, &study.instance(1), &self.small)
    }

    /// Slices as the body of one STOW-RS request (PS3.18 section 10.5): content type and body.
    pub fn stow(&self, study: Study, numbers: std::ops::Range<u32>) -> (String, Bytes) {
        let mut body = Vec::with_capacity(numbers.len() * 530_000);
        for number in numbers {
            body.extend_from_slice(b"--measured\r\nContent-Type: application/dicom\r\n\r\n");
            part10(&mut body, &self.slice(study, number));
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--measured--\r\n");
        ("multipart/related; type=\"application/dicom\"; boundary=measured".to_owned(), body.into())
    }
}

/// Filling studies are numbered from here.
const FILLING: u32 = 1_000_000;

/// Patient ID of a filling study.
pub fn filling_id(number: u32) -> String {
    format!("M{number:08}")
}

/// A name that ten filling studies begin with.
pub fn name_of_ten(number: u32) -> String {
    format!("Measured{:05}*", number / 10)
}

impl Study {
    /// A filling study.
    pub fn filling(number: u32) -> Self {
        Self(FILLING + number)
    }

    /// StudyInstanceUID
    pub fn uid(self) -> String {
        uid(&[8, self.0])
    }

    /// SeriesInstanceUID
    pub fn series(self) -> String {
        uid(&[8, self.0, 1])
    }

    /// SOPInstanceUID of a slice.
    pub fn instance(self, number: u32) -> String {
        uid(&[8, self.0, 1, number])
    }

    /// The path of the series, below the base.
    pub fn series_path(self) -> String {
        format!("/studies/{}/series/{}", self.uid(), self.series())
    }

    /// The path of a slice.
    pub fn instance_path(self, number: u32) -> String {
        format!("{}/instances/{}", self.series_path(), self.instance(number))
    }
}

/// Days over eight years, none of them [`ONE_DATE`].
fn date_of(number: u32) -> String {
    format!("{:04}{:02}{:02}", 2017 + number % 8, 1 + number / 8 % 12, 1 + number / 96 % 28)
}

fn outgoing(data: &DataSet, instance: &str, pixels: &[u8]) -> Outgoing {
    let uid = |text: &str| Uid::parse(text).expect("made here");
    let mut data_set = data.data_set();
    // (7FE0,0010) OW is the last element
    data_set.extend_from_slice(&[0xE0, 0x7F, 0x10, 0x00, b'O', b'W', 0, 0]);
    data_set.extend_from_slice(&u32::try_from(pixels.len()).expect("small").to_le_bytes());
    data_set.extend_from_slice(pixels);
    Outgoing {
        sop_class: uid(CT),
        sop_instance: uid(instance),
        transfer_syntax: uid(EXPLICIT_VR_LITTLE_ENDIAN),
        data_set,
    }
}

/// PS3.10 section 7.1
fn part10(out: &mut Vec<u8>, object: &Outgoing) {
    // a data set without elements of its own gives the preamble and the meta group
    let empty = DataSet::new(object.sop_class.as_str(), object.sop_instance.as_str());
    let whole = empty.part10();
    out.extend_from_slice(&whole[..whole.len() - empty.data_set().len()]);
    out.extend_from_slice(&object.data_set);
}

fn describe_patient(data: &mut DataSet, id: &str, name: &str) {
    data.text(0x0010_0010, "PN", name);
    data.text(0x0010_0020, "LO", id);
    data.text(0x0010_0021, "LO", DEMO_ISSUER);
    data.text(0x0010_0030, "DA", "19700101");
    data.text(0x0010_0040, "CS", "O");
    data.text(0x0010_1010, "AS", "056Y");
    data.text(0x0010_1030, "DS", "70");
}

fn describe_study(data: &mut DataSet, study: Study, date: &str, number: u32) {
    data.text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI");
    for tag in [0x0008_0012, 0x0008_0020, 0x0008_0021, 0x0008_0022, 0x0008_0023] {
        data.text(tag, "DA", date);
    }
    for tag in [0x0008_0013, 0x0008_0030, 0x0008_0031, 0x0008_0032, 0x0008_0033] {
        data.text(tag, "TM", "101500.250000");
    }
    data.text(0x0008_0050, "SH", &format!("A{:08}", study.0));
    data.text(0x0008_0060, "CS", "CT");
    data.text(0x0008_0070, "LO", "leadglass phantom");
    data.text(0x0008_0080, "LO", "Measured hospital");
    data.text(0x0008_0090, "PN", "Referrer^Robin");
    data.text(0x0008_1010, "SH", "CT01");
    data.text(0x0008_1030, "LO", "CT of the head, measured");
    data.text(0x0008_103E, "LO", "Head 1.0 H30s");
    data.text(0x0008_1050, "PN", "Reader^Rae");
    data.text(0x0008_1070, "PN", "Technologist^Toni");
    data.text(0x0008_1090, "LO", "Ellipsoid 64");
    data.text(0x0020_000D, "UI", &study.uid());
    data.text(0x0020_000E, "UI", &study.series());
    data.text(0x0020_0010, "SH", &format!("S{}", study.0));
    data.text(0x0020_0011, "IS", "1");
    data.text(0x0020_0012, "IS", "1");
    data.text(0x0020_0013, "IS", &number.to_string());
}

/// Image pixel, plane and acquisition attributes (PS3.3 C.7.6.2, C.7.6.3, C.8.2.1).
fn describe_picture(data: &mut DataSet, side: u16, number: u32) {
    data.text(0x0018_0015, "CS", "HEAD");
    data.text(0x0018_0022, "CS", "HELIX");
    for (tag, value) in [
        (0x0018_0050, "1"),
        (0x0018_0060, "120"),
        (0x0018_0090, "500"),
        (0x0018_1100, "240"),
        (0x0018_1110, "1040"),
        (0x0018_1111, "570"),
        (0x0018_1120, "0"),
        (0x0018_1130, "152"),
        (0x0018_1190, "1.2"),
        (0x0018_9311, "0.55"),
    ] {
        data.text(tag, if tag == 0x0018_9311 { "SH" } else { "DS" }, value);
    }
    data.text(0x0018_1000, "LO", "47110815");
    data.text(0x0018_1020, "LO", "leadglass 0.1");
    data.text(0x0018_1030, "LO", "Head routine");
    data.text(0x0018_1140, "CS", "CW");
    for (tag, value) in [(0x0018_1150, "1000"), (0x0018_1151, "210"), (0x0018_1152, "210"), (0x0018_1170, "25")] {
        data.text(tag, "IS", value);
    }
    data.text(0x0018_1160, "SH", "WEDGE_3");
    data.text(0x0018_1210, "SH", "H30s");
    data.text(0x0018_5100, "CS", "HFS");
    data.text(0x0020_0032, "DS", &format!("-120\\-120\\{number}"));
    data.text(0x0020_0037, "DS", "1\\0\\0\\0\\1\\0");
    data.text(0x0020_0052, "UI", &uid(&[8, 9]));
    data.text(0x0020_1040, "LO", "");
    data.text(0x0020_1041, "DS", &number.to_string());
    data.text(0x0020_4000, "LT", "Measured on a loopback interface");
    data.number(0x0028_0002, 1);
    data.text(0x0028_0004, "CS", "MONOCHROME2");
    data.number(0x0028_0010, side);
    data.number(0x0028_0011, side);
    data.text(0x0028_0030, "DS", &format!("{0}\\{0}", 240.0 / f64::from(side)));
    data.number(0x0028_0100, 16);
    data.number(0x0028_0101, 12);
    data.number(0x0028_0102, 11);
    data.number(0x0028_0103, 0);
    data.number(0x0028_0106, 0);
    data.number(0x0028_0107, 2200);
    data.text(0x0028_1050, "DS", "40\\400");
    data.text(0x0028_1051, "DS", "80\\2000");
    data.text(0x0028_1052, "DS", "-1024");
    data.text(0x0028_1053, "DS", "1");
    data.text(0x0028_1054, "LO", "HU");
    data.text(0x0028_1055, "LO", "WINDOW1\\WINDOW2");
    data.text(0x0040_0244, "DA", "20260102");
    data.text(0x0040_0245, "TM", "101000");
    data.text(0x0040_0253, "SH", "PPS1");
    data.text(0x0040_0254, "LO", "CT of the head");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stow_sends_is_what_c_store_sends() {
        let images = Images::of(2);
        let (content_type, body) = images.stow(Study(7), 3..4);
        assert!(content_type.contains("boundary=measured"));
        let from = body.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a part has a header") + 4;
        let to = body.len() - b"\r\n--measured--\r\n".len();
        let parsed = Outgoing::from_part10(body[from..to].to_vec()).expect("a part is Part 10");
        let sent = images.slice(Study(7), 3);
        assert_eq!(parsed.kind(), sent.kind());
        assert_eq!(parsed.sop_instance, sent.sop_instance);
        assert!(parsed.data_set == sent.data_set, "the data sets differ");
    }

    #[test]
    fn ten_names_begin_alike_and_a_hundred_studies_share_the_day() {
        let names: Vec<String> = (0..2000).map(|number| format!("Measured{number:06}")).collect();
        let prefix = name_of_ten(1234).replace('*', "");
        assert_eq!(names.iter().filter(|name| name.starts_with(&prefix)).count(), 10);
        assert!((HITS_OF_ONE_DATE..50_000).all(|number| date_of(number) != ONE_DATE));
    }
}
