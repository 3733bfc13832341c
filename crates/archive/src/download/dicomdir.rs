//! DICOMDIR: the Basic Directory Information Object (PS3.3 F) of a File-set, explicit VR little endian (PS3.10 8.6).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::rand;
use dataset::{FileMeta, file_meta};
use model::{ObjectId, Uid};
use serde_json::Value;

use super::records::{Attributes, Key, Need, PATIENT, SERIES, STUDY, kind_of};
use crate::{Instance, OpenStudy, ReadError};

/// Media Storage Directory Storage.
const SOP_CLASS: &str = "1.2.840.10008.1.3.10";
const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// File-set ID (PS3.10 8.5): at most 16 characters.
const FILE_SET_ID: &str = "LEADGLASS";
const UTF_8: &str = "ISO_IR 192";
/// The folder that all files lie in.
const FOLDER: &str = "DICOM";
/// Nested sequences that are written.
const DEPTH_MAX: u32 = 4;
/// VRs that are written inside sequences: those of codes.
const NESTED: [&[u8; 2]; 14] =
    [b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"PN", b"SH", b"ST", b"TM", b"UI", b"SQ"];

/// A File-set.
pub(super) struct FileSet {
    /// The bytes of DICOMDIR.
    pub(super) directory: Vec<u8>,
    /// Where each instance lies, as a path with strokes.
    pub(super) files: Vec<(String, Arc<Instance>)>,
}

/// One directory record, without what points to others.
struct Record {
    kind: &'static str,
    /// File ID, SOP class, SOP instance, transfer syntax.
    file: Option<(String, Uid, Uid, Uid)>,
    keys: &'static [Key],
    attributes: Attributes,
    /// Counted, for numbers that the data set does not have.
    number: usize,
    below: Vec<Record>,
}

impl FileSet {
    /// Of an open study. Blocks on the disk.
    pub(super) fn of(study: &OpenStudy) -> Result<Self, ReadError> {
        let mut kept = attributes_of(study)?;
        let (mut patients, mut files): (Vec<(u32, Record)>, _) = (Vec::new(), Vec::new());
        let mut series_at: HashMap<(u32, &Uid), (usize, usize)> = HashMap::new();
        let (mut series_count, mut before) = (0, None);
        for instance in study.instances() {
            let attributes = kept.remove(&instance.object).unwrap_or_default();
            let row = &instance.row;
            let place = (study.row_of(instance).patient.number.0, &row.series);
            if before != Some(place) {
                series_count += 1;
                before = Some(place);
            }
            let name = [FOLDER.to_owned(), format!("S{series_count:07}"), format!("I{:07}", files.len() + 1)];
            let file = (name.join("\\"), row.sop_class.clone(), row.sop_instance.clone(), row.transfer_syntax.clone());
            files.push((name.join("/"), Arc::clone(instance)));

            let (patient, series) = *series_at.entry(place).or_insert_with(|| {
                let patient = match patients.iter().position(|(number, _)| *number == place.0) {
                    Some(at) => at,
                    None => {
                        let mut record = Record::above("PATIENT", PATIENT, &attributes, patients.len());
                        // an open study is one study of each of its patients
                        record.below.push(Record::above("STUDY", STUDY, &attributes, 0));
                        patients.push((place.0, record));
                        patients.len() - 1
                    }
                };
                let of_study = &mut patients[patient].1.below[0].below;
                of_study.push(Record::above("SERIES", SERIES, &attributes, of_study.len()));
                (patient, of_study.len() - 1)
            });
            let below = &mut patients[patient].1.below[0].below[series].below;
            let (kind, keys) = kind_of(row.sop_class.as_str());
            let (number, attributes) = (below.len(), attributes.only(keys));
            below.push(Record { kind, file: Some(file), keys, attributes, number, below: Vec::new() });
        }
        let records: Vec<Record> = patients.into_iter().map(|(_, record)| record).collect();
        Ok(Self { directory: directory(&records), files })
    }
}

/// What records hold of each instance: the keys of its own kind, and of the first one of a series those of what stands above it.
fn attributes_of(study: &OpenStudy) -> Result<HashMap<ObjectId, Attributes>, ReadError> {
    let (mut known, mut first) = (HashSet::new(), HashSet::new());
    for instance in study.instances() {
        if known.insert((study.row_of(instance).patient.number.0, &instance.row.series)) {
            first.insert(instance.object);
        }
    }
    let mut kept = HashMap::with_capacity(study.instances().len());
    study.each_metadata(|instance, json| {
        let (_, own) = kind_of(instance.row.sop_class.as_str());
        let above: &[&[Key]] = if first.contains(&instance.object) { &[PATIENT, STUDY, SERIES] } else { &[] };
        kept.insert(instance.object, Attributes::read(json, &[&[own], above].concat()));
    })?;
    Ok(kept)
}

impl Record {
    fn above(kind: &'static str, keys: &'static [Key], attributes: &Attributes, number: usize) -> Self {
        Self { kind, file: None, keys, attributes: attributes.only(keys), number, below: Vec::new() }
    }
}

/// The whole file.
fn directory(records: &[Record]) -> Vec<u8> {
    let meta = FileMeta {
        sop_class: uid(SOP_CLASS),
        sop_instance: new_uid(),
        transfer_syntax: uid(EXPLICIT_VR_LITTLE_ENDIAN),
        source_ae: None,
    };
    let mut file = file_meta(&meta);
    element(&mut file, 0x0004_1130, b"CS", FILE_SET_ID.as_bytes());
    // offsets count from the first byte of the file (F.3.2.2)
    let first = file.len();
    element(&mut file, 0x0004_1200, b"UL", &[0; 4]);
    element(&mut file, 0x0004_1202, b"UL", &[0; 4]);
    element(&mut file, 0x0004_1212, b"US", &[0; 2]);
    let sequence = file.len();
    long_header(&mut file, 0x0004_1220, b"SQ", 0);
    let (from, to) = siblings(&mut file, records);
    patch(&mut file, first + 8, from);
    patch(&mut file, first + 20, to);
    let length = file.len() - sequence - 12;
    patch(&mut file, sequence + 8, length);
    file
}

/// Records of one level, each followed by what lies below it; where the first and the last one begin, 0 for none.
fn siblings(file: &mut Vec<u8>, records: &[Record]) -> (usize, usize) {
    let (mut first, mut before) = (0, None);
    let mut last = 0;
    for record in records {
        let at = file.len();
        if let Some(before) = before {
            patch(file, before, at);
        } else {
            first = at;
        }
        last = at;
        let (next, lower) = item(file, record);
        before = Some(next);
        let (below, _) = siblings(file, &record.below);
        patch(file, lower, below);
    }
    (first, last)
}

/// One item; where its two offsets stand.
fn item(file: &mut Vec<u8>, record: &Record) -> (usize, usize) {
    let at = file.len();
    file.extend_from_slice(&[0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    let next = file.len() + 8;
    element(file, 0x0004_1400, b"UL", &[0; 4]);
    element(file, 0x0004_1410, b"US", &[0xff, 0xff]);
    let lower = file.len() + 8;
    element(file, 0x0004_1420, b"UL", &[0; 4]);
    element(file, 0x0004_1430, b"CS", record.kind.as_bytes());
    if let Some((id, sop_class, sop_instance, transfer_syntax)) = &record.file {
        element(file, 0x0004_1500, b"CS", id.as_bytes());
        element(file, 0x0004_1510, b"UI", sop_class.as_str().as_bytes());
        element(file, 0x0004_1511, b"UI", sop_instance.as_str().as_bytes());
        element(file, 0x0004_1512, b"UI", transfer_syntax.as_str().as_bytes());
    }
    let mut character_set = Some(UTF_8);
    for key in record.keys {
        if key.tag > 0x0008_0005
            && let Some(utf_8) = character_set.take()
        {
            element(file, 0x0008_0005, b"CS", utf_8.as_bytes());
        }
        let values = record.attributes.values(key.tag);
        match (values.is_empty(), key.need, key.vr) {
            (true, Need::Known, _) => {}
            (true, Need::Value, b"IS" | b"SH" | b"LO") => {
                element(file, key.tag, key.vr, (record.number + 1).to_string().as_bytes());
            }
            _ => write_values(file, key.tag, key.vr, values, 0),
        }
    }
    let length = file.len() - at - 8;
    patch(file, at + 4, length);
    (next, lower)
}

/// An attribute with the values that DICOM JSON has for it (PS3.18 F.2).
fn write_values(out: &mut Vec<u8>, tag: u32, vr: &[u8; 2], values: &[Value], depth: u32) {
    match vr {
        b"SQ" => {
            let at = out.len();
            long_header(out, tag, vr, 0);
            for value in values.iter().filter(|_| depth < DEPTH_MAX) {
                let item = out.len();
                out.extend_from_slice(&[0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
                write_nested(out, value, depth + 1);
                let length = out.len() - item - 8;
                patch(out, item + 4, length);
            }
            let length = out.len() - at - 12;
            patch(out, at + 8, length);
        }
        b"US" => {
            let numbers = values.iter().filter_map(Value::as_u64).filter_map(|number| u16::try_from(number).ok());
            element(out, tag, vr, &numbers.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        }
        b"UL" => {
            let numbers = values.iter().filter_map(Value::as_u64).filter_map(|number| u32::try_from(number).ok());
            element(out, tag, vr, &numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
        }
        _ => {
            let texts: Vec<String> = values.iter().map(text_of).collect();
            element(out, tag, vr, texts.join("\\").as_bytes());
        }
    }
}

/// The attributes of an item inside a sequence, in the order of their tags; of VRs that are text or sequences.
fn write_nested(out: &mut Vec<u8>, item: &Value, depth: u32) {
    let Some(fields) = item.as_object() else { return };
    let mut fields: Vec<(u32, &Value)> = fields
        .iter()
        .filter_map(|(name, element)| Some((u32::from_str_radix(name, 16).ok().filter(|_| name.len() == 8)?, element)))
        .collect();
    fields.sort_by_key(|(tag, _)| *tag);
    for (tag, field) in fields {
        let vr = field.get("vr").and_then(Value::as_str).unwrap_or_default().as_bytes();
        let values = field.get("Value").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if let Some(vr) = NESTED.into_iter().find(|known| known.as_slice() == vr) {
            write_values(out, tag, vr, values, depth);
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        // a person's name in its three component groups (PS3.5 6.2.1)
        Value::Object(groups) => {
            let group = |name: &str| groups.get(name).and_then(Value::as_str).unwrap_or_default();
            let all = [group("Alphabetic"), group("Ideographic"), group("Phonetic")].join("=");
            all.trim_end_matches('=').to_owned()
        }
        _ => String::new(),
    }
}

/// One element with a 16-bit length (PS3.5 7.1.2); a value that is longer is left empty.
fn element(out: &mut Vec<u8>, tag: u32, vr: &[u8; 2], value: &[u8]) {
    let value = if value.len() < 0xfffe { value } else { &[] };
    let padded = u16::try_from(value.len().next_multiple_of(2)).expect("it is shorter");
    tag_of(out, tag);
    out.extend_from_slice(vr);
    out.extend_from_slice(&padded.to_le_bytes());
    out.extend_from_slice(value);
    if usize::from(padded) > value.len() {
        // UI is padded with NUL, text with a space (PS3.5 6.2)
        out.push(if vr == b"UI" { 0 } else { b' ' });
    }
}

fn long_header(out: &mut Vec<u8>, tag: u32, vr: &[u8; 2], length: u32) {
    tag_of(out, tag);
    out.extend_from_slice(vr);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&length.to_le_bytes());
}

fn tag_of(out: &mut Vec<u8>, tag: u32) {
    out.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
    out.extend_from_slice(&(tag as u16).to_le_bytes());
}

fn patch(file: &mut [u8], at: usize, value: usize) {
    let value = u32::try_from(value).expect("a directory is far below 4 GiB");
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).expect("the UIDs of this file are UIDs")
}

/// A fresh UID: 2.25 and a random number below 2^122 (PS3.5 B.2).
fn new_uid() -> Uid {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    uid(&format!("2.25.{}", u128::from_be_bytes(bytes) >> 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(json: Value) -> Attributes {
        let read = Attributes::read(json.to_string().as_bytes(), &[PATIENT, STUDY, SERIES, kind_of("").1]);
        assert!(read != Attributes::default(), "it is DICOM JSON");
        read
    }

    /// Reads a record back by its offset: kind, next, lower, and the bytes of its item.
    fn read(file: &[u8], at: usize) -> (String, usize, usize, Vec<u8>) {
        let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        assert_eq!(file[at..at + 4], [0xfe, 0xff, 0x00, 0xe0], "an item at {at}");
        let length = long(at + 4);
        let item = &file[at + 8..at + 8 + length];
        // 0004,1400 12 bytes; 0004,1410 10; 0004,1420 12; 0004,1430
        let kind_length = usize::from(u16::from_le_bytes([item[40], item[41]]));
        let kind = String::from_utf8_lossy(&item[42..42 + kind_length]).trim_end().to_owned();
        (kind, long(at + 16), long(at + 8 + 30), item.to_vec())
    }

    #[test]
    fn offsets_lead_from_record_to_record_and_end_with_zero() {
        let of = |number: &str| {
            attributes(serde_json::json!({
                "00100010": { "vr": "PN", "Value": [{ "Alphabetic": "Muster^Änne", "Ideographic": "山田" }] },
                "0020000D": { "vr": "UI", "Value": ["1.2.3"] },
                "0020000E": { "vr": "UI", "Value": [format!("1.2.3.{number}")] },
                "00080060": { "vr": "CS", "Value": ["CT"] },
                "00200013": { "vr": "IS", "Value": [number.parse::<i64>().expect("a number")] },
                "7FE00010": { "vr": "OW", "BulkDataURI": "x" },
            }))
        };
        let (kind, keys) = kind_of("1.2.840.10008.5.1.4.1.1.2");
        let image = |number: &str| Record {
            kind,
            file: Some((format!("DICOM\\S0000001\\I000000{number}"), uid("1.2"), uid("1.3"), uid("1.4"))),
            keys,
            attributes: of(number),
            number: 0,
            below: Vec::new(),
        };
        let mut patient = Record::above("PATIENT", PATIENT, &of("1"), 0);
        let mut study = Record::above("STUDY", STUDY, &of("1"), 0);
        for number in ["1", "2"] {
            let mut series = Record::above("SERIES", SERIES, &of(number), 0);
            series.below = vec![image("1"), image("2"), image("3")];
            study.below.push(series);
        }
        patient.below.push(study);
        let file = directory(&[patient]);
        assert_eq!(&file[128..132], b"DICM");
        let header = file_meta(&FileMeta {
            sop_class: uid(SOP_CLASS),
            sop_instance: uid("1"),
            transfer_syntax: uid(EXPLICIT_VR_LITTLE_ENDIAN),
            source_ae: None,
        });
        let begin = file.windows(4).position(|window| window == [4, 0, 0x00, 0x12]).expect("(0004,1200) is there");
        assert!(begin >= header.len());
        let first = u32::from_le_bytes(file[begin + 8..begin + 12].try_into().expect("four bytes")) as usize;
        let (kind, next, lower, item) = read(&file, first);
        assert_eq!((kind.as_str(), next), ("PATIENT", 0));
        assert!(item.windows(11).any(|window| window == "Muster^Änn".as_bytes()), "names are UTF-8");
        assert!(item.windows(7).any(|window| window == "=山田".as_bytes()));
        let (kind, next, lower, _) = read(&file, lower);
        assert_eq!((kind.as_str(), next), ("STUDY", 0));
        let (kind, second, lower, _) = read(&file, lower);
        assert_eq!(kind, "SERIES");
        let (kind, next, below_second, _) = read(&file, second);
        assert_eq!((kind.as_str(), next), ("SERIES", 0));
        for begin in [lower, below_second] {
            let mut at = begin;
            let mut images = 0;
            while at != 0 {
                let (kind, next, lower, _) = read(&file, at);
                assert_eq!((kind.as_str(), lower), ("IMAGE", 0));
                images += 1;
                at = next;
            }
            assert_eq!(images, 3);
        }
    }

    #[test]
    fn what_a_data_set_lacks_is_counted_or_left_empty_and_never_invented() {
        let mut file = Vec::new();
        item(&mut file, &Record::above("STUDY", STUDY, &Attributes::default(), 0));
        let has = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
        assert!(has(&[0x08, 0x00, 0x20, 0x00, b'D', b'A', 0, 0]), "an empty date");
        assert!(has(&[0x20, 0x00, 0x10, 0x00, b'S', b'H', 2, 0, b'1', b' ']), "a counted study ID");
        let (kind, _) = kind_of("1.2.840.10008.5.1.4.1.1.88.22");
        assert_eq!(kind, "SR DOCUMENT");
        assert_eq!(kind_of("1.2.840.10008.5.1.4.1.1.88.59").0, "KEY OBJECT DOC");
        assert_eq!(kind_of("1.2.3").0, "IMAGE");
        assert_eq!(kind_of("1.2.840.10008.5.1.4.1.1.481.3").0, "RT STRUCTURE SET");
    }
}
