//! Writing explicit VR little endian data sets (PS3.5 section 7.1.2) and Part 10 files (PS3.10 section 7.1).

use std::collections::BTreeMap;

/// 1.2.840.10008.1.2.1
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// 1.2.840.10008.1.2
pub const IMPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";

/// A data set being made. Elements come out in ascending order, whatever order they went in.
#[derive(Clone, Debug)]
pub struct DataSet {
    sop_class: String,
    sop_instance: String,
    elements: BTreeMap<u32, (&'static str, Vec<u8>)>,
}

impl DataSet {
    /// Begins with SOP class and SOP instance. Text is UTF-8 (ISO_IR 192).
    #[must_use]
    pub fn new(sop_class: &str, sop_instance: &str) -> Self {
        let mut data =
            Self { sop_class: sop_class.to_owned(), sop_instance: sop_instance.to_owned(), elements: BTreeMap::new() };
        data.text(0x0008_0005, "CS", "ISO_IR 192");
        data.text(0x0008_0016, "UI", sop_class);
        data.text(0x0008_0018, "UI", sop_instance);
        data
    }

    /// SOP class.
    #[must_use]
    pub fn sop_class(&self) -> &str {
        &self.sop_class
    }

    /// Sets a text element, padded to even length.
    pub fn text(&mut self, tag: u32, vr: &'static str, text: &str) {
        let mut value = text.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" { 0 } else { b' ' });
        }
        self.elements.insert(tag, (vr, value));
    }

    /// Sets a US element.
    pub fn number(&mut self, tag: u32, number: u16) {
        self.elements.insert(tag, ("US", number.to_le_bytes().to_vec()));
    }

    /// Sets an element of bytes.
    pub fn bytes(&mut self, tag: u32, vr: &'static str, bytes: &[u8]) {
        let mut value = bytes.to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.elements.insert(tag, (vr, value));
    }

    /// Sets an element of 16-bit words.
    pub fn words(&mut self, tag: u32, vr: &'static str, words: &[i16]) {
        self.elements.insert(tag, (vr, words.iter().flat_map(|word| word.to_le_bytes()).collect()));
    }

    /// The data set alone.
    #[must_use]
    pub fn data_set(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (tag, (vr, value)) in &self.elements {
            element(&mut out, *tag, vr, value);
        }
        out
    }

    /// A Part 10 file.
    #[must_use]
    pub fn part10(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        element(&mut meta, 0x0002_0001, "OB", &[0, 1]);
        for (tag, uid) in [
            (0x0002_0002, self.sop_class.as_str()),
            (0x0002_0003, &self.sop_instance),
            (0x0002_0010, EXPLICIT_VR_LITTLE_ENDIAN),
            (0x0002_0012, "2.25.297441826412394518240617934805"),
        ] {
            let mut value = uid.as_bytes().to_vec();
            if value.len() % 2 == 1 {
                value.push(0);
            }
            element(&mut meta, tag, "UI", &value);
        }
        let mut out = vec![0; 128];
        out.extend_from_slice(b"DICM");
        let length = u32::try_from(meta.len()).expect("a meta group is small");
        element(&mut out, 0x0002_0000, "UL", &length.to_le_bytes());
        out.extend(meta);
        out.extend(self.data_set());
        out
    }
}

fn element(out: &mut Vec<u8>, tag: u32, vr: &str, value: &[u8]) {
    out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
    out.extend_from_slice(&(tag as u16).to_le_bytes());
    out.extend_from_slice(vr.as_bytes());
    let length = u32::try_from(value.len()).expect("values here are below 4 GiB");
    if matches!(vr, "OB" | "OW" | "UN" | "SQ" | "UT" | "OF" | "UC" | "UR" | "OD" | "OL") {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.extend_from_slice(&(length as u16).to_le_bytes());
    }
    out.extend_from_slice(value);
}
