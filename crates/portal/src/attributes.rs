//! Rows as the DICOM JSON Model (PS3.18 Annex F).
//!
//! Values are written by a JSON writer, never pasted: what a data set says stays a string. Rows are borrowed, so that a
//! page of them costs the bytes of its answer and little else.

use archive::{InstanceRow, ListedInstance};
use model::Uid;
use protocol::{PatientRow, SeriesRow, StudyRow};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Every study attribute that is matched by (PS3.18 Table 10.6.1-5, and what else the registry knows).
pub(crate) const STUDY_KEYS: [u32; 13] = [
    0x0008_0020,
    0x0008_0030,
    0x0008_0050,
    0x0008_0061,
    0x0008_0062,
    0x0008_0090,
    0x0008_1030,
    0x0010_0010,
    0x0010_0020,
    0x0010_0021,
    0x0010_0030,
    0x0010_0040,
    0x0020_0010,
];
/// Study Instance UID: matched by at every level.
pub(crate) const STUDY_UID: u32 = 0x0020_000d;
/// Series Instance UID.
pub(crate) const SERIES_UID: u32 = 0x0020_000e;
/// Every series attribute that is matched by (PS3.18 Table 10.6.1-5).
pub(crate) const SERIES_KEYS: [u32; 6] = [0x0008_0060, 0x0008_103e, 0x0018_0015, 0x0020_0011, 0x0040_0244, 0x0040_0245];
/// Every instance attribute that is matched by (PS3.18 Table 10.6.1-5, and what else rows hold).
pub(crate) const INSTANCE_KEYS: [u32; 9] = [
    0x0008_0016,
    0x0008_0018,
    0x0008_0060,
    0x0008_3002,
    0x0020_0013,
    0x0028_0008,
    0x0028_0010,
    0x0028_0011,
    0x0028_0100,
];

/// One object of the DICOM JSON Model.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<Attribute<'a>>);

#[derive(Debug)]
struct Attribute<'a> {
    /// Eight hexadecimal digits.
    tag: &'static str,
    vr: &'static str,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Text(&'a str),
    Texts(&'a [String]),
    Made(String),
    Name(&'a str),
    Number(i64),
    Items(Vec<Attributes<'a>>),
}

impl<'a> Attributes<'a> {
    /// One text value.
    pub(crate) fn text(&mut self, tag: &'static str, vr: &'static str, value: &'a str) {
        self.add(tag, vr, Value::Text(value));
    }

    /// One text value that was made here.
    pub(crate) fn made(&mut self, tag: &'static str, vr: &'static str, value: String) {
        self.add(tag, vr, Value::Made(value));
    }

    /// One number.
    pub(crate) fn number(&mut self, tag: &'static str, vr: &'static str, value: impl Into<i64>) {
        self.add(tag, vr, Value::Number(value.into()));
    }

    /// A sequence.
    pub(crate) fn items(&mut self, tag: &'static str, items: Vec<Attributes<'a>>) {
        self.add(tag, "SQ", Value::Items(items));
    }

    /// IS is a number where it is one, and text where a device wrote something else (PS3.18 section F.2.3).
    fn integer(&mut self, tag: &'static str, value: &'a str) {
        let value = value.trim();
        match value.trim_start_matches('+').parse::<i32>() {
            Ok(number) => self.number(tag, "IS", number),
            Err(_) => self.text(tag, "IS", value),
        }
    }

    /// JSON is UTF-8, whatever the data sets use.
    fn character_set(&mut self) {
        self.text("00080005", "CS", "ISO_IR 192");
    }

    fn add(&mut self, tag: &'static str, vr: &'static str, value: Value<'a>) {
        debug_assert!(self.0.iter().all(|own| own.tag != tag), "an object has each attribute once");
        self.0.push(Attribute { tag, vr, value });
    }

    /// In the order of tags, as the standard shows them.
    fn ordered(mut self) -> Self {
        self.0.sort_unstable_by_key(|attribute| attribute.tag);
        self
    }
}

/// PS3.18 Table 10.6.3-3. `at` is where DICOMweb begins, for RetrieveURL.
pub(crate) fn study<'a>(row: &'a StudyRow, at: &str) -> Attributes<'a> {
    let mut object = Attributes::default();
    object.character_set();
    object.text("0020000D", "UI", row.uid.as_str());
    study_only(&mut object, row);
    object.text("00080056", "CS", availability(row));
    object.made("00081190", "UR", format!("{at}/studies/{}", row.uid));
    object.ordered()
}

/// Instance Availability (PS3.3 C.4.23.1.1): OFFLINE means that a person has to do something first, which is what a cold study needs.
fn availability(row: &StudyRow) -> &'static str {
    if row.cold { "OFFLINE" } else { "ONLINE" }
}

/// PS3.18 Table 10.6.3-4; with the study's attributes where the path does not name the study.
pub(crate) fn series<'a>(row: &'a SeriesRow, at: &str, with_study: bool) -> Attributes<'a> {
    let mut object = Attributes::default();
    object.character_set();
    object.text("0020000D", "UI", row.study.uid.as_str());
    if with_study {
        study_only(&mut object, &row.study);
    }
    object.text("00080060", "CS", &row.modality);
    object.text("0008103E", "LO", &row.description);
    object.text("00180015", "CS", &row.body_part);
    object.text("0020000E", "UI", row.uid.as_str());
    object.integer("00200011", &row.series_number);
    object.number("00201209", "IS", row.instances);
    object.text("00400244", "DA", &row.date);
    object.text("00400245", "TM", &row.time);
    object.made("00081190", "UR", format!("{at}/studies/{}/series/{}", row.study.uid, row.uid));
    object.ordered()
}

/// PS3.18 Table 10.6.3-5; with the attributes of the study where the path does not name it.
pub(crate) fn instance<'a>(listed: &'a ListedInstance, at: &str, with_study: bool) -> Attributes<'a> {
    let (study, row): (&StudyRow, &InstanceRow) = (&listed.study, &listed.row);
    let mut object = Attributes::default();
    object.character_set();
    object.text("0020000D", "UI", study.uid.as_str());
    if with_study {
        study_only(&mut object, study);
    }
    object.text("0020000E", "UI", row.series.as_str());
    object.text("00080060", "CS", &row.modality);
    object.text("00080016", "UI", row.sop_class.as_str());
    object.text("00080018", "UI", row.sop_instance.as_str());
    object.text("00080056", "CS", "ONLINE");
    object.integer("00200013", &row.instance_number);
    let pixels = [("00280010", row.rows), ("00280011", row.columns), ("00280100", row.bits_allocated)];
    for (tag, value) in pixels {
        if let Some(value) = value {
            object.number(tag, "US", value);
        }
    }
    if row.frames > 0 {
        object.number("00280008", "IS", row.frames);
    }
    // (0008,3002) Available Transfer Syntax UID (PS3.18 section 10.6.3.3.1)
    object.text("00083002", "UI", row.transfer_syntax.as_str());
    object.made("00081190", "UR", instance_place(at, &study.uid, &row.series, &row.sop_instance));
    object.ordered()
}

/// Where an instance is retrieved.
pub(crate) fn instance_place(at: &str, study: &Uid, series: &Uid, instance: &Uid) -> String {
    format!("{at}/studies/{study}/series/{series}/instances/{instance}")
}

/// Everything of a study but its UID.
fn study_only<'a>(object: &mut Attributes<'a>, row: &'a StudyRow) {
    object.text("00080020", "DA", &row.date);
    object.text("00080030", "TM", &row.time);
    object.text("00080050", "SH", &row.accession_number);
    object.add("00080061", "CS", Value::Texts(&row.modalities));
    object.add("00080062", "UI", Value::Texts(&row.sop_classes));
    object.add("00080090", "PN", Value::Name(&row.referring_physician));
    object.text("00081030", "LO", &row.description);
    patient(object, &row.patient);
    object.text("00200010", "SH", &row.id);
    object.number("00201206", "IS", row.series);
    object.number("00201208", "IS", row.instances);
}

fn patient<'a>(object: &mut Attributes<'a>, row: &'a PatientRow) {
    object.add("00100010", "PN", Value::Name(&row.name));
    object.text("00100020", "LO", &row.id);
    object.text("00100021", "LO", &row.issuer);
    object.text("00100030", "DA", &row.birth_date);
    object.text("00100040", "CS", &row.sex);
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for attribute in &self.0 {
            map.serialize_entry(attribute.tag, attribute)?;
        }
        map.end()
    }
}

impl Serialize for Attribute<'_> {
    /// An attribute that is there and empty has no Value (PS3.18 section F.2.5).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("vr", self.vr)?;
        match &self.value {
            Value::Text("") | Value::Texts([]) => {}
            Value::Text(text) => map.serialize_entry("Value", &[text])?,
            Value::Texts(texts) => map.serialize_entry("Value", texts)?,
            Value::Made(text) => map.serialize_entry("Value", &[text])?,
            Value::Number(number) => map.serialize_entry("Value", &[number])?,
            Value::Items(items) => map.serialize_entry("Value", items)?,
            Value::Name(name) if groups(name).next().is_none() => {}
            Value::Name(name) => map.serialize_entry("Value", &[PersonName(name)])?,
        }
        map.end()
    }
}

/// PN as its component groups (PS3.18 section F.2.2).
struct PersonName<'a>(&'a str);

impl Serialize for PersonName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(groups(self.0))
    }
}

fn groups(name: &str) -> impl Iterator<Item = (&'static str, &str)> {
    ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(name.split('=')).filter(|(_, group)| !group.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Attributes<'static>), expected: serde_json::Value) {
        let mut object = Attributes::default();
        write(&mut object);
        assert_eq!(serde_json::to_value(&object).unwrap()["00100010"], expected);
    }

    #[test]
    fn names_are_split_into_their_groups() {
        let name = |name| move |object: &mut Attributes<'static>| object.add("00100010", "PN", Value::Name(name));
        let groups = json!({"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"});
        check(name("Yamada^Tarou=山田^太郎=やまだ^たろう"), json!({"vr": "PN", "Value": [groups]}));
        check(name("=山田"), json!({"vr": "PN", "Value": [{"Ideographic": "山田"}]}));
        check(name(""), json!({"vr": "PN"}));
        check(name("=="), json!({"vr": "PN"}));
        let markup = json!({"Alphabetic": "<img src", "Ideographic": "x onerror", "Phonetic": "\"y\">"});
        check(name("<img src=x onerror=\"y\">"), json!({"vr": "PN", "Value": [markup]}));
    }

    #[test]
    fn integers_are_numbers_where_they_are_some() {
        let is = |value| move |object: &mut Attributes<'static>| object.integer("00100010", value);
        check(is("17"), json!({"vr": "IS", "Value": [17]}));
        check(is(" -3 "), json!({"vr": "IS", "Value": [-3]}));
        check(is("+4"), json!({"vr": "IS", "Value": [4]}));
        check(is("1a"), json!({"vr": "IS", "Value": ["1a"]}));
        check(is(""), json!({"vr": "IS"}));
    }

    #[test]
    fn what_is_empty_has_no_value() {
        check(|object| object.text("00100010", "LO", ""), json!({"vr": "LO"}));
        check(|object| object.add("00100010", "CS", Value::Texts(&[])), json!({"vr": "CS"}));
        check(|object| object.text("00100010", "LO", "x"), json!({"vr": "LO", "Value": ["x"]}));
    }
}
