//! What directory records of a kind hold (PS3.3 F.5), and which kind a SOP class has.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tag: u32,
    pub(super) vr: &'static [u8; 2],
    pub(super) need: Need,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// With a value (type 1); where the data set has none, a number is counted for IS and SH, and others are left empty: nothing is
    /// invented that would read like a fact.
    Value,
    /// At least empty (type 2).
    Place,
    /// When the data set has it.
    Known,
}

use Need::{Known, Place, Value as Must};

const fn key(tag: u32, vr: &'static [u8; 2], need: Need) -> Key {
    Key { tag, vr, need }
}

pub(super) const PATIENT: &[Key] = &[
    key(0x0010_0010, b"PN", Place),
    key(0x0010_0020, b"LO", Must),
    key(0x0010_0030, b"DA", Known),
    key(0x0010_0040, b"CS", Known),
];

pub(super) const STUDY: &[Key] = &[
    key(0x0008_0020, b"DA", Must),
    key(0x0008_0030, b"TM", Must),
    key(0x0008_0050, b"SH", Place),
    key(0x0008_1030, b"LO", Place),
    key(0x0020_000d, b"UI", Must),
    key(0x0020_0010, b"SH", Must),
];

pub(super) const SERIES: &[Key] = &[
    key(0x0008_0060, b"CS", Must),
    key(0x0008_103e, b"LO", Known),
    key(0x0020_000e, b"UI", Must),
    key(0x0020_0011, b"IS", Must),
];

const NUMBER: Key = key(0x0020_0013, b"IS", Must);
const CONTENT_DATE: Key = key(0x0008_0023, b"DA", Must);
const CONTENT_TIME: Key = key(0x0008_0033, b"TM", Must);
const CONCEPT: Key = key(0x0040_a043, b"SQ", Must);

const IMAGE: &[Key] = &[key(0x0008_0008, b"CS", Known), NUMBER, key(0x0028_0008, b"IS", Known)];
const SR_DOCUMENT: &[Key] = &[
    CONTENT_DATE,
    CONTENT_TIME,
    NUMBER,
    key(0x0040_a032, b"DT", Known),
    CONCEPT,
    key(0x0040_a491, b"CS", Must),
    key(0x0040_a493, b"CS", Must),
];
const KEY_OBJECT_DOC: &[Key] = &[CONTENT_DATE, CONTENT_TIME, NUMBER, CONCEPT];
const WAVEFORM: &[Key] = &[CONTENT_DATE, CONTENT_TIME, NUMBER];
const PRESENTATION: &[Key] = &[
    NUMBER,
    key(0x0070_0080, b"CS", Must),
    key(0x0070_0081, b"LO", Place),
    key(0x0070_0082, b"DA", Must),
    key(0x0070_0083, b"TM", Must),
    key(0x0070_0084, b"PN", Place),
];
const CONTENT_LABEL: &[Key] = &[
    CONTENT_DATE,
    CONTENT_TIME,
    NUMBER,
    key(0x0070_0080, b"CS", Must),
    key(0x0070_0081, b"LO", Place),
    key(0x0070_0084, b"PN", Place),
];
const ENCAP_DOC: &[Key] = &[
    key(0x0008_0023, b"DA", Place),
    key(0x0008_0033, b"TM", Place),
    NUMBER,
    key(0x0040_a043, b"SQ", Place),
    key(0x0042_0010, b"ST", Place),
    key(0x0042_0012, b"LO", Must),
];
const RT_DOSE: &[Key] = &[NUMBER, key(0x3004_000a, b"CS", Must)];
const RT_STRUCTURE_SET: &[Key] =
    &[NUMBER, key(0x3006_0002, b"SH", Must), key(0x3006_0008, b"DA", Place), key(0x3006_0009, b"TM", Place)];
const RT_PLAN: &[Key] =
    &[NUMBER, key(0x300a_0002, b"SH", Must), key(0x300a_0006, b"DA", Place), key(0x300a_0007, b"TM", Place)];
const RT_TREAT_RECORD: &[Key] = &[NUMBER, key(0x3008_0250, b"DA", Place), key(0x3008_0251, b"TM", Place)];
const SPECTROSCOPY: &[Key] = &[
    key(0x0008_0008, b"CS", Must),
    CONTENT_DATE,
    CONTENT_TIME,
    NUMBER,
    key(0x0028_0008, b"IS", Must),
    key(0x0028_0010, b"US", Must),
    key(0x0028_0011, b"US", Must),
    key(0x0028_9001, b"UL", Must),
    key(0x0028_9002, b"UL", Must),
];

/// Directory Record Type (0004,1430) and its keys, by SOP class. What is not named is an image: that is what readers look for.
pub(super) fn kind_of(sop_class: &str) -> (&'static str, &'static [Key]) {
    let Some(storage) = sop_class.strip_prefix("1.2.840.10008.5.1.4.1.1.") else { return ("IMAGE", IMAGE) };
    let first = storage.split('.').next().unwrap_or_default();
    match (storage, first) {
        ("88.59", _) => ("KEY OBJECT DOC", KEY_OBJECT_DOC),
        (_, "88") => ("SR DOCUMENT", SR_DOCUMENT),
        (_, "104") => ("ENCAP DOC", ENCAP_DOC),
        (_, "11") => ("PRESENTATION", PRESENTATION),
        (_, "9") => ("WAVEFORM", WAVEFORM),
        ("481.2", _) => ("RT DOSE", RT_DOSE),
        ("481.3", _) => ("RT STRUCTURE SET", RT_STRUCTURE_SET),
        ("481.5" | "481.8", _) => ("RT PLAN", RT_PLAN),
        ("481.4" | "481.6" | "481.7" | "481.9", _) => ("RT TREAT RECORD", RT_TREAT_RECORD),
        ("4.2", _) => ("SPECTROSCOPY", SPECTROSCOPY),
        ("66", _) => ("RAW DATA", WAVEFORM),
        ("66.1" | "66.3", _) => ("REGISTRATION", CONTENT_LABEL),
        ("66.2", _) => ("FIDUCIAL", CONTENT_LABEL),
        ("66.5", _) => ("SURFACE", CONTENT_LABEL),
        ("66.6", _) => ("TRACT", CONTENT_LABEL),
        ("67", _) => ("VALUE MAP", CONTENT_LABEL),
        _ => ("IMAGE", IMAGE),
    }
}

/// The attributes of one instance that records hold, as DICOM JSON has them (PS3.18 Annex F).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes(BTreeMap<u32, Value>);

impl Attributes {
    /// The values of an attribute.
    pub(super) fn values(&self, tag: u32) -> &[Value] {
        self.0.get(&tag).and_then(|element| element.get("Value")).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Its first value as text.
    pub(super) fn text(&self, tag: u32) -> String {
        self.values(tag).first().and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Reads one instance and drops at once what no record holds: a study's metadata is long.
impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;

        impl<'de> serde::de::Visitor<'de> for Kept {
            type Value = Attributes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of the DICOM JSON Model")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut kept = Attributes::default();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match u32::from_str_radix(&name, 16).ok().filter(|tag| is_held(*tag)) {
                        Some(tag) => {
                            kept.0.insert(tag, map.next_value()?);
                        }
                        None => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(kept)
            }
        }

        deserializer.deserialize_map(Kept)
    }
}

fn is_held(tag: u32) -> bool {
    let kinds = [
        PATIENT,
        STUDY,
        SERIES,
        IMAGE,
        SR_DOCUMENT,
        PRESENTATION,
        CONTENT_LABEL,
        ENCAP_DOC,
        RT_DOSE,
        RT_STRUCTURE_SET,
        RT_PLAN,
        RT_TREAT_RECORD,
        SPECTROSCOPY,
    ];
    kinds.iter().any(|keys| keys.iter().any(|key| key.tag == tag))
}
