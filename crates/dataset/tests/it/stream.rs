//! Makes streams.

use std::io::{self, Read};

use dataset::{Limits, Region, ScanError, Scanned, scan_file};
use serde_json::Value;

/// How a made data set is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Implicit,
    Explicit,
    Big,
}

impl Encoding {
    pub(crate) const ALL: [Self; 3] = [Self::Implicit, Self::Explicit, Self::Big];

    pub(crate) fn uid(self) -> &'static str {
        match self {
            Self::Implicit => "1.2.840.10008.1.2",
            Self::Explicit => "1.2.840.10008.1.2.1",
            Self::Big => "1.2.840.10008.1.2.2",
        }
    }

    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn tag(self, tag: u32) -> Vec<u8> {
        [self.u16((tag >> 16) as u16), self.u16(tag as u16)].concat()
    }

    /// Tag, VR and length.
    pub(crate) fn header(self, tag: u32, vr: &str, length: u32) -> Vec<u8> {
        let mut header = self.tag(tag);
        if self != Self::Implicit {
            header.extend_from_slice(vr.as_bytes());
            if !["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(&vr) {
                header.extend_from_slice(&self.u16(length as u16));
                return header;
            }
            header.extend_from_slice(&[0, 0]);
        }
        header.extend_from_slice(&self.u32(length));
        header
    }

    /// An element as it is, odd lengths included.
    pub(crate) fn element(self, tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
        [self.header(tag, vr, value.len() as u32), value.to_vec()].concat()
    }

    /// An item or delimiter.
    pub(crate) fn item(self, tag: u32, length: u32) -> Vec<u8> {
        [self.tag(tag), self.u32(length).to_vec()].concat()
    }

    /// A sequence of items, of defined or undefined lengths.
    pub(crate) fn sequence(self, tag: u32, items: &[Vec<u8>], defined: bool) -> Vec<u8> {
        let mut content = Vec::new();
        for item in items {
            content.extend(self.item(ITEM, if defined { item.len() as u32 } else { UNDEFINED }));
            content.extend_from_slice(item);
            if !defined {
                content.extend(self.item(ITEM_END, 0));
            }
        }
        if defined {
            return self.element(tag, "SQ", &content);
        }
        [self.header(tag, "SQ", UNDEFINED), content, self.item(SEQUENCE_END, 0)].concat()
    }

    /// The identifiers that every instance needs.
    pub(crate) fn identifiers(self) -> Vec<u8> {
        [
            self.element(0x0008_0016, "UI", b"1.2.840.10008.5.1.4.1.1.7\0"),
            self.element(0x0008_0018, "UI", b"1.2.3.4\0"),
            self.element(0x0020_000D, "UI", b"1.2.3\0"),
            self.element(0x0020_000E, "UI", b"1.2.3.5\0"),
        ]
        .concat()
    }

    /// The identifiers with `elements` behind them.
    pub(crate) fn dataset(self, elements: &[Vec<u8>]) -> Vec<u8> {
        [self.identifiers(), elements.concat()].concat()
    }

    /// The same as a file.
    pub(crate) fn file(self, elements: &[Vec<u8>]) -> Vec<u8> {
        part10(self.uid(), &self.dataset(elements))
    }

    /// Attributes of an image of 16-bit samples, without its pixel data.
    pub(crate) fn image(self, rows: u16, columns: u16, frames: &str) -> Vec<u8> {
        let u16 = |tag, number| self.element(tag, "US", &self.u16(number));
        [
            u16(0x0028_0002, 1),
            self.element(0x0028_0004, "CS", b"MONOCHROME2 "),
            self.element(0x0028_0008, "IS", frames.as_bytes()),
            u16(0x0028_0010, rows),
            u16(0x0028_0011, columns),
            u16(0x0028_0100, 16),
            u16(0x0028_0101, 12),
            u16(0x0028_0102, 11),
            u16(0x0028_0103, 0),
        ]
        .concat()
    }
}

pub(crate) const ITEM: u32 = 0xFFFE_E000;
pub(crate) const ITEM_END: u32 = 0xFFFE_E00D;
pub(crate) const SEQUENCE_END: u32 = 0xFFFE_E0DD;
pub(crate) const PIXEL_DATA: u32 = 0x7FE0_0010;
pub(crate) const UNDEFINED: u32 = u32::MAX;

/// Preamble, prefix and a group 2 that says the transfer syntax, before `dataset`.
pub(crate) fn part10(transfer_syntax: &str, dataset: &[u8]) -> Vec<u8> {
    let meta = Encoding::Explicit.element(0x0002_0010, "UI", &padded(transfer_syntax));
    [&[0; 128], &b"DICM"[..], &meta, dataset].concat()
}

pub(crate) fn padded(uid: &str) -> Vec<u8> {
    let mut value = uid.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(0);
    }
    value
}

/// Encapsulated pixel data from fragments, the first of which is the offset table.
pub(crate) fn encapsulated(fragments: &[&[u8]]) -> Vec<u8> {
    let explicit = Encoding::Explicit;
    let mut value = explicit.header(PIXEL_DATA, "OB", UNDEFINED);
    for fragment in fragments {
        value.extend(explicit.item(ITEM, fragment.len() as u32));
        value.extend_from_slice(fragment);
    }
    [value, explicit.item(SEQUENCE_END, 0)].concat()
}

pub(crate) fn scan(stream: &[u8]) -> Result<Scanned, ScanError> {
    scan_with(stream, &Limits::DEFAULT)
}

/// Scans, and holds the scanner to its word: what goes to the sink is what came in.
pub(crate) fn scan_with(stream: &[u8], limits: &Limits) -> Result<Scanned, ScanError> {
    let mut kept = Vec::with_capacity(stream.len());
    let mut last = Region::Preamble;
    let mut dataset_offset = 0;
    let scanned = scan_file(&mut &stream[..], limits, &mut |bytes, region| {
        assert!(region as u8 >= last as u8, "regions come in order");
        last = region;
        if region != Region::DataSet {
            dataset_offset += bytes.len() as u64;
        }
        kept.extend_from_slice(bytes);
        Ok(())
    })?;
    assert!(kept == stream, "every byte goes to the sink");
    assert_eq!(scanned.length, stream.len() as u64);
    assert_eq!(scanned.metadata.dataset_offset, dataset_offset);
    Ok(scanned)
}

pub(crate) fn json(scanned: &Scanned) -> Value {
    let json = &scanned.metadata.json;
    let value: Value = serde_json::from_slice(json).expect("JSON");
    // serde_json keeps objects sorted by key, so equal text means ascending tags and no tag twice
    let tags: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert!(tags.iter().all(|tag| tag.len() == 8 && tag.bytes().all(|digit| b"0123456789ABCDEF".contains(&digit))));
    value
}

/// The JSON of one attribute at the top level.
#[track_caller]
pub(crate) fn attribute(stream: &[u8], tag: &str) -> Value {
    json(&scan(stream).unwrap())[tag].clone()
}

/// Gives at most `step` bytes at a time.
pub(crate) struct Dripping<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) step: usize,
}

impl Read for Dripping<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(into.len());
        self.bytes.read(&mut into[..count])
    }
}
