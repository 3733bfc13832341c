//! The text of a vector: fields, then its bytes as hexadecimal lines and copied pieces of a `.sealed` file beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Files;

const FIRST_LINE: &str = "leadglass vector v1";

/// What reading a vector came to.
pub(super) enum Outcome {
    /// It opened to these bytes.
    Opened(Vec<u8>),
    /// It was refused, for this reason.
    Refused(String),
}

/// One vector.
pub(super) struct Vector {
    fields: BTreeMap<String, String>,
    pub(super) bytes: Vec<u8>,
}

/// A piece of a vector's bytes.
pub(super) enum Piece {
    Hex(Vec<u8>),
    /// Bytes from and to of a file in `accepted/`.
    Copy(&'static str, usize, usize),
}

impl Vector {
    pub(super) fn parse(content: &[u8], files: &Files) -> Self {
        let text = std::str::from_utf8(content).expect("a vector is text");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(FIRST_LINE));
        let mut fields = BTreeMap::new();
        for line in lines.by_ref().take_while(|line| *line != "bytes:") {
            let (name, value) = line.split_once(": ").expect("a field has a name and a value");
            assert!(fields.insert(name.to_owned(), value.to_owned()).is_none(), "{name} is there twice");
        }
        let mut bytes = Vec::new();
        for line in lines {
            match line.strip_prefix("copy ") {
                Some(copy) => {
                    let parts: Vec<&str> = copy.split(' ').collect();
                    let (from, to): (usize, usize) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
                    bytes.extend_from_slice(&files[&format!("accepted/{}", parts[0])][from..to]);
                }
                None => bytes.extend(hex::decode(line).expect("hexadecimal digits")),
            }
        }
        Self { fields, bytes }
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("a vector has a field {name}"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(super) fn bytes_of<const N: usize>(&self, name: &str) -> [u8; N] {
        hex::decode(self.field(name)).unwrap().try_into().expect("the field has its length")
    }
}

/// The text of a vector.
pub(super) fn text(fields: &[(&str, String)], pieces: &[Piece]) -> Vec<u8> {
    let mut text = format!("{FIRST_LINE}\n");
    for (name, value) in fields {
        writeln!(text, "{name}: {value}").unwrap();
    }
    text.push_str("bytes:\n");
    for piece in pieces {
        match piece {
            Piece::Hex(bytes) => bytes.chunks(48).for_each(|line| writeln!(text, "{}", hex::encode(line)).unwrap()),
            Piece::Copy(file, from, to) => writeln!(text, "copy {file} {from} {to}").unwrap(),
        }
    }
    text.into_bytes()
}
