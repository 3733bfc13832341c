//! What directory records of a kind hold (PS3.3 F.5), and which kind a SOP class has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, IgnoredAny, Visitor};
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
    /// Those of some keys that an instance's JSON has; none when it is no JSON.
    pub(super) fn read(json: &[u8], keys: &[&[Key]]) -> Self {
        Kept(keys).deserialize(&mut serde_json::Deserializer::from_slice(json)).unwrap_or_default()
    }

    /// Those of one record.
    pub(super) fn only(&self, keys: &[Key]) -> Self {
        let of = |key: &Key| Some((key.tag, self.0.get(&key.tag)?.clone()));
        Self(keys.iter().filter_map(of).collect())
    }

    /// The values of an attribute.
    pub(super) fn values(&self, tag: u32) -> &[Value] {
        self.0.get(&tag).and_then(|element| element.get("Value")).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// The keys to keep of an instance. What no record of it holds is dropped at once: a study's metadata is long.
struct Kept<'k>(&'k [&'k [Key]]);

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Attributes;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Attributes, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Attributes;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of the DICOM JSON Model")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut kept = Attributes::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let held = |tag: &u32| self.0.iter().any(|keys| keys.iter().any(|key| key.tag == *tag));
            match u32::from_str_radix(&name, 16).ok().filter(held) {
                Some(tag) => {
                    kept.0.insert(tag, map.next_value()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_instance_only_what_its_records_hold_is_kept() {
        let json = br#"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A"}]},"00200013":{"vr":"IS","Value":[7]},
            "0040A043":{"vr":"SQ","Value":[{}]},"0040A730":{"vr":"SQ","Value":[{}]}}"#;
        let tags = |keys: &[&[Key]]| Attributes::read(json, keys).0.into_keys().collect::<Vec<_>>();
        let (image, report) = (kind_of("1.2.840.10008.5.1.4.1.1.2").1, kind_of("1.2.840.10008.5.1.4.1.1.88.11").1);
        assert_eq!(tags(&[image]), [0x0020_0013], "an image's record names no patient and has no concept");
        assert_eq!(tags(&[report]), [0x0020_0013, 0x0040_a043]);
        assert_eq!(tags(&[image, PATIENT]), [0x0010_0010, 0x0020_0013]);
        assert_eq!(
            Attributes::read(json, &[image, PATIENT]).only(PATIENT).0.into_keys().collect::<Vec<_>>(),
            [0x0010_0010]
        );
        assert_eq!(Attributes::read(b"[", &[image]), Attributes::default());
    }
}
