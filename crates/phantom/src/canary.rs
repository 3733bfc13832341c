//! Canaries: a patient whose every detail is recognised wherever it lies, and the search for it. A thief's test and the drills look
//! through everything that is on a disk with it.

use std::io::Read;

use crate::{DataSet, uid};

/// What must be nowhere: a name and the bytes in which it would be recognised.
pub struct Canary {
    /// What kind of thing it is.
    pub name: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    /// A text, in the ways in which a file may hold it: UTF-8, UTF-16, hexadecimal digits, base64.
    #[must_use]
    pub fn text(name: &str, text: &str) -> Self {
        let utf16_le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms =
            vec![text.as_bytes().to_vec(), utf16_le, utf16_be, hex.to_uppercase().into_bytes(), hex.into_bytes()];
        forms.extend(base64_forms(text.as_bytes()));
        Self { name: name.to_owned(), forms }
    }

    /// Bytes, and their base64.
    #[must_use]
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        let mut forms = vec![bytes.to_vec()];
        forms.extend(base64_forms(bytes));
        Self { name: name.to_owned(), forms }
    }
}

/// The part of a base64 text that does not depend on what stands around, for each of the three alignments.
fn base64_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    const ALPHABETS: [&[u8; 64]; 2] = [
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    ];
    let mut forms = Vec::new();
    for skip in 0..3 {
        let whole = bytes.get(skip..).unwrap_or_default();
        let whole = &whole[..whole.len() / 3 * 3];
        if whole.len() < 6 {
            continue;
        }
        for alphabet in ALPHABETS {
            let encode = |group: &[u8]| {
                let word = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
                [18, 12, 6, 0].map(|shift| alphabet[(word >> shift & 63) as usize])
            };
            forms.push(whole.chunks_exact(3).flat_map(encode).collect());
        }
    }
    forms
}

/// Every value representation of text, with a canary that says which one it is.
const TEXTS: [(u32, &str, &str); 16] = [
    (0x0010_0010, "PN", "Canaryfamily^Canarygiven^Canarymiddle"),
    (0x0010_0020, "LO", "CANARY-PATIENT-ID-77"),
    (0x0010_0030, "DA", "19430917"),
    (0x0008_0050, "SH", "CANARYACC-4711"),
    (0x0008_1030, "LO", "Canary study description"),
    (0x0008_103E, "LO", "Canary series description"),
    (0x0008_0090, "PN", "Canaryreferrer^Quentin"),
    (0x0010_1040, "LO", "Canary Street 12"),
    (0x0010_4000, "LT", "canary long text about a person"),
    (0x0040_0275, "ST", "canary short text about a person"),
    (0x0010_21C0, "UT", "canary unlimited text about a person"),
    (0x0008_0119, "UC", "canary unlimited characters"),
    (0x0040_E010, "UR", "https://canary.example/retrieve"),
    (0x0018_1030, "AS", "083Y"),
    (0x0010_2154, "SH", "0049-canary-1"),
    (0x0008_0080, "LO", "Canary Institution"),
];

/// An instance with a canary in every value representation of text, in its identifiers and all over its pixels; and what must
/// be nowhere.
#[must_use]
pub fn canary_instance(number: u32) -> (Vec<u8>, Vec<Canary>) {
    let mut data = DataSet::new("1.2.840.10008.5.1.4.1.1.2", &uid(&[77, 1, 1, number]));
    let mut canaries = Vec::new();
    for (tag, vr, text) in TEXTS {
        data.text(tag, vr, text);
        if text.len() >= 8 {
            text.split('^').for_each(|part| canaries.push(Canary::text(vr, part)));
        }
    }
    data.text(0x0020_000D, "UI", &uid(&[77, 1]));
    data.text(0x0020_000E, "UI", &uid(&[77, 1, 1]));
    data.text(0x0020_0013, "IS", &number.to_string());
    data.text(0x0008_0060, "CS", "CT");
    for (name, identifier) in [("SOPInstanceUID", uid(&[77, 1, 1, number])), ("StudyInstanceUID", uid(&[77, 1]))] {
        canaries.push(Canary::text(name, &identifier));
    }
    for (tag, value) in [
        (0x0028_0010, 64),
        (0x0028_0011, 64),
        (0x0028_0002, 1),
        (0x0028_0100, 16),
        (0x0028_0101, 16),
        (0x0028_0102, 15),
        (0x0028_0103, 0),
    ] {
        data.number(tag, value);
    }
    data.text(0x0028_0004, "CS", "MONOCHROME2");
    // pixels that occur nowhere else, so that every run of 32 bytes is a canary; some of them are looked for
    let mut state = u64::from(number) | 1 << 40;
    let pixels: Vec<i16> = (0..64 * 64)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as i16
        })
        .collect();
    data.words(0x7FE0_0010, "OW", &pixels);
    let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    for at in (0..bytes.len() - 32).step_by(bytes.len() / 40) {
        canaries.push(Canary::bytes("32 bytes of pixels", &bytes[at..at + 32]));
    }
    (data.part10(), canaries)
}

/// What a compressed stream that begins anywhere in these bytes would give, for streams that give more than a little.
fn inflated(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for at in 0..bytes.len().saturating_sub(16) {
        let (head, next) = (bytes[at], bytes[at + 1]);
        let mut out = Vec::new();
        let read = if head == 0x1f && next == 0x8b && bytes[at + 2] == 8 {
            flate2::read::GzDecoder::new(&bytes[at..]).take(1 << 20).read_to_end(&mut out)
        } else if head == 0x78 && (u16::from(head) << 8 | u16::from(next)) % 31 == 0 {
            flate2::read::ZlibDecoder::new(&bytes[at..]).take(1 << 20).read_to_end(&mut out)
        } else {
            continue;
        };
        // a stream cut short gives an error at its end and what came before it all the same
        let _ = read;
        if out.len() > 16 {
            found.push(out);
        }
    }
    found
}

/// Looks for all of them at once.
pub struct Search<'a> {
    automaton: aho_corasick::AhoCorasick,
    names: Vec<&'a str>,
}

impl<'a> Search<'a> {
    /// Prepares it.
    #[must_use]
    pub fn new(canaries: &'a [Canary]) -> Self {
        let forms =
            || canaries.iter().flat_map(|canary| canary.forms.iter().map(move |form| (canary.name.as_str(), form)));
        let automaton = aho_corasick::AhoCorasick::new(forms().map(|(_, form)| form)).expect("the forms are few");
        Self { automaton, names: forms().map(|(name, _)| name).collect() }
    }

    /// How many patterns are looked for.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.names.len()
    }

    fn hits(&self, bytes: &[u8], how: &str) -> Vec<String> {
        let found = self.automaton.find_iter(bytes).take(20);
        found.map(|hit| format!("{} {how} at {}", self.names[hit.pattern()], hit.start())).collect()
    }

    /// Everything that is found in these bytes, as they are and in compressed streams that begin anywhere in them.
    #[must_use]
    pub fn look(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.hits(bytes, "as it is");
        for stream in inflated(bytes) {
            found.extend(self.hits(&stream, "compressed"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_what_lies_open() {
        let (file, canaries) = canary_instance(1);
        for canary in &canaries {
            let one = std::slice::from_ref(canary);
            assert!(!Search::new(one).look(&file).is_empty(), "{} is in the file itself", canary.name);
        }
        let search = |bytes: &[u8]| Search::new(&canaries).look(bytes);
        let mut zlib = flate2::write::ZlibEncoder::new(b"before".to_vec(), flate2::Compression::default());
        std::io::Write::write_all(&mut zlib, &file).expect("in memory");
        assert!(search(&zlib.finish().expect("in memory")).iter().any(|hit| hit.contains("compressed")));
        let utf16: Vec<u8> = "xCanaryfamilyy".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(!search(&utf16).is_empty());
        assert!(search(b"nothing of that kind").is_empty());
    }
}
