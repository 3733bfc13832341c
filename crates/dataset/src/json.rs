//! Writes the DICOM JSON Model (PS3.18 Annex F): objects, arrays and strings, as bytes.

use dicom_core::VR;

/// JSON in the making. Commas are placed by looking at the last byte.
pub(crate) struct Json {
    bytes: Vec<u8>,
}

impl Json {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(8 << 10) }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets everything after `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Begins an object and gives the place where it begins.
    pub(crate) fn open_object(&mut self) -> usize {
        self.comma();
        self.push(b"{");
        self.bytes.len() - 1
    }

    /// Ends an object, putting its entries in order when they are not.
    pub(crate) fn close_object(&mut self, start: usize, sorted: bool) {
        self.push(b"}");
        if !sorted {
            let ordered = in_order(&self.bytes[start..]);
            self.bytes[start..start + ordered.len()].copy_from_slice(&ordered);
            self.bytes.truncate(start + ordered.len());
        }
    }

    /// `"00100010":{"vr":"PN"`
    pub(crate) fn open_attribute(&mut self, tag: u32, vr: VR) {
        self.comma();
        self.push(b"\"");
        self.hex(tag);
        self.push(b"\":{\"vr\":\"");
        self.push(vr.to_string().as_bytes());
        self.push(b"\"");
    }

    pub(crate) fn close_attribute(&mut self) {
        self.push(b"}");
    }

    /// `,"Value":[`
    pub(crate) fn open_values(&mut self) {
        self.push(b",\"Value\":[");
    }

    pub(crate) fn close_values(&mut self) {
        self.push(b"]");
    }

    /// `,"BulkDataURI":"leadglass:OFFSET-LENGTH"`
    pub(crate) fn bulk(&mut self, offset: u64, length: u64) {
        self.push(format!(",\"BulkDataURI\":\"leadglass:{offset}-{length}\"").as_bytes());
    }

    /// `,"InlineBinary":"..."`; `unit` bytes are swapped as one when `swap` (PS3.18 F.2.7: little endian).
    pub(crate) fn inline_binary(&mut self, value: &[u8], unit: usize, swap: bool) {
        self.push(b",\"InlineBinary\":\"");
        if swap && unit > 1 {
            let swapped: Vec<u8> = value.chunks(unit).flat_map(|chunk| chunk.iter().rev().copied()).collect();
            self.base64(&swapped);
        } else {
            self.base64(value);
        }
        self.push(b"\"");
    }

    pub(crate) fn null(&mut self) {
        self.comma();
        self.push(b"null");
    }

    /// A string value.
    pub(crate) fn string(&mut self, text: &str) {
        self.comma();
        self.quoted(text);
    }

    /// Text that is JSON already: a number.
    pub(crate) fn raw(&mut self, text: &str) {
        self.comma();
        self.push(text.as_bytes());
    }

    /// `"GGGGEEEE"`
    pub(crate) fn tag(&mut self, tag: u32) {
        self.comma();
        self.push(b"\"");
        self.hex(tag);
        self.push(b"\"");
    }

    /// Decimal digits.
    pub(crate) fn number(&mut self, number: i128) {
        self.comma();
        let mut digits = [0u8; 40];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        self.push(&digits[at..]);
    }

    /// A member of an object whose value is a string.
    pub(crate) fn member(&mut self, name: &str, text: &str) {
        self.comma();
        self.push(b"\"");
        self.push(name.as_bytes());
        self.push(b"\":");
        self.quoted(text);
    }

    fn quoted(&mut self, text: &str) {
        self.push(b"\"");
        let bytes = text.as_bytes();
        let mut plain = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0x0C => b"\\f",
                // other control characters mean nothing in text (PS3.5 6.1.3)
                0x00..0x20 | 0x7F => "\u{FFFD}".as_bytes(),
                _ => continue,
            };
            self.push(&bytes[plain..at]);
            self.push(escape);
            plain = at + 1;
        }
        self.push(&bytes[plain..]);
        self.push(b"\"");
    }

    fn hex(&mut self, tag: u32) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digits: [u8; 8] = std::array::from_fn(|at| DIGITS[(tag >> (28 - 4 * at)) as usize & 0xF]);
        self.push(&digits);
    }

    fn base64(&mut self, value: &[u8]) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for group in value.chunks(3) {
            let word = u32::from(group[0]) << 16
                | u32::from(*group.get(1).unwrap_or(&0)) << 8
                | u32::from(*group.get(2).unwrap_or(&0));
            let mut four: [u8; 4] = std::array::from_fn(|at| ALPHABET[(word >> (18 - 6 * at)) as usize & 0x3F]);
            four[group.len() + 1..].fill(b'=');
            self.push(&four);
        }
    }

    fn comma(&mut self) {
        if !matches!(self.bytes.last(), None | Some(b'{' | b'[' | b':')) {
            self.bytes.push(b',');
        }
    }

    /// Grows by a quarter rather than twofold, so that memory stays near what is needed.
    fn push(&mut self, bytes: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < bytes.len() {
            self.bytes.reserve_exact(bytes.len().max(self.bytes.len() / 4));
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// The entries of a JSON object of the DICOM JSON Model at its first level: tag and text (`"TAG":{...}`).
pub(crate) fn entries(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += object[at..].iter().position(|&byte| byte == b'"')?;
        let start = at;
        let tag = object.get(at + 1..at + 9)?;
        let mut depth = 0usize;
        at += 1;
        let mut in_string = true;
        while let Some(&byte) = object.get(at) {
            at += 1;
            match byte {
                b'\\' if in_string => at += 1,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some((tag, &object[start..at]));
                    }
                }
                _ => {}
            }
        }
        None
    })
}

/// The object with entries ascending by tag; of entries with one tag the last stays.
fn in_order(object: &[u8]) -> Vec<u8> {
    let mut sorted: Vec<&[u8]> = entries(object).map(|(_, text)| text).collect();
    // stable, so that of equal tags the last one written is the last one here; `"` stands before the tag
    sorted.sort_by_key(|text| &text[1..9]);
    let mut out = Vec::with_capacity(object.len());
    out.push(b'{');
    for (at, text) in sorted.iter().enumerate() {
        if sorted.get(at + 1).is_some_and(|next| next[1..9] == text[1..9]) {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(text);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_out_of_order_are_put_in_order_and_the_last_of_two_stays() {
        let object = br#"{"00200010":{"vr":"SH","Value":["a\"}]"]},"00100010":{"vr":"PN"},"00200010":{"vr":"SH","Value":["b"]}}"#;
        assert_eq!(
            String::from_utf8_lossy(&in_order(object)),
            r#"{"00100010":{"vr":"PN"},"00200010":{"vr":"SH","Value":["b"]}}"#
        );
        assert_eq!(in_order(b"{}"), b"{}");
    }

    #[test]
    fn strings_cannot_leave_their_quotes() {
        let mut json = Json::new();
        json.string("a\"b\\c\nd\u{1}é\u{7f}");
        assert_eq!(String::from_utf8_lossy(&json.into_bytes()), "\"a\\\"b\\\\c\\nd\u{FFFD}é\u{FFFD}\"");
    }

    #[test]
    fn numbers_and_base64_are_written_in_full() {
        let mut json = Json::new();
        json.open_object();
        json.open_values();
        json.number(i128::from(i64::MIN));
        json.number(0);
        json.close_values();
        json.inline_binary(b"abcd", 2, true);
        assert_eq!(
            String::from_utf8_lossy(&json.into_bytes()),
            r#"{,"Value":[-9223372036854775808,0],"InlineBinary":"YmFkYw=="#.to_owned() + "\""
        );
    }
}
