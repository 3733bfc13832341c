//! The first segment: who sends, what it is called, how it is written.

use protocol::{ErrorCode, ORDER_TEXT_CHARACTERS_MAX, OrderProblem};

use crate::message::{Message, Segment};
use crate::{Encoding, HEADER_BYTES_MAX};

/// What MSH says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// MSH-3, namespace: by this the sender is known where it shows no certificate.
    pub application: String,
    /// MSH-4, namespace.
    pub facility: String,
    /// MSH-9.1: `ORM`, `ADT`, ...
    pub code: String,
    /// MSH-9.2: `O01`, `A40`, ...
    pub event: String,
    /// MSH-10.
    pub control_id: String,
    /// MSH-11.1: `P`, `T` or `D`.
    pub processing: String,
    /// MSH-12.1.
    pub version: String,
    /// MSH-18.
    pub encoding: Encoding,
}

impl Header {
    /// Reads the first segment of a message as far as it can be read, for an answer to a message that is not taken.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let first = first_segment(bytes);
        let encoding = encoding_of(first).unwrap_or_default();
        let text = encoding.decode(first).unwrap_or_else(|_| first.iter().map(|byte| char::from(*byte)).collect());
        let message = Message::parse(text).ok()?;
        Self::read(&message.first("MSH")?, encoding).ok()
    }

    pub(crate) fn read(msh: &Segment<'_>, encoding: Encoding) -> Result<Self, OrderProblem> {
        let (kind, short) =
            (msh.field(9)?, |text: String| -> String { text.chars().take(ORDER_TEXT_CHARACTERS_MAX).collect() });
        Ok(Self {
            application: short(msh.text(3)?),
            facility: short(msh.text(4)?),
            code: short(kind.component(1).text()),
            event: short(kind.component(2).text()),
            control_id: short(msh.text(10)?),
            processing: short(msh.text(11)?),
            version: short(msh.text(12)?),
            encoding,
        })
    }

    /// `ORM^O01`
    #[must_use]
    pub fn kind(&self) -> String {
        format!("{}^{}", self.code, self.event)
    }
}

/// The bytes up to the first end of a segment, at most [`HEADER_BYTES_MAX`].
fn first_segment(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
    bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default()
}

/// The character set that a message names, read before its text can be.
pub(crate) fn encoding_of(bytes: &[u8]) -> Result<Encoding, OrderProblem> {
    let first = first_segment(bytes);
    let separator = first.get(3).copied().unwrap_or_default();
    let sets = first.split(|byte| *byte == separator).nth(17).unwrap_or_default();
    let sets = std::str::from_utf8(sets).unwrap_or("?");
    let repetition = first.get(5).copied().map_or('~', char::from);
    let mut named = sets.split(repetition);
    let encoding = Encoding::named(named.next().unwrap_or_default())?;
    if named.any(|other| !other.trim().is_empty()) {
        let why = "the message switches between character sets; name one, for instance UNICODE UTF-8";
        return Err(OrderProblem::at(ErrorCode::TableValue, "MSH", 18, why));
    }
    Ok(encoding)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header(character_set: &str, application: &[u8]) -> Option<Header> {
        let text = format!("|N|||20260101||ORM^O01|7|P|2.5||||||{character_set}\rPID|");
        Header::of(&[b"MSH|^~\\&|", application, text.as_bytes()].concat())
    }

    #[test]
    fn the_first_segment_is_read_whatever_follows_it() {
        let read = header("8859/1", b"M\xfcnster").unwrap();
        assert_eq!(
            (read.application.as_str(), read.control_id.as_str(), read.kind().as_str()),
            ("Münster", "7", "ORM^O01")
        );
        assert_eq!(read.encoding, Encoding::Latin1);
        assert_eq!(header("UNICODE UTF-8", "Münster".as_bytes()).unwrap().application, "Münster");
        assert_eq!(header("KS X 1001", b"RIS").unwrap().control_id, "7", "an unknown set is answered by its name");
        assert_eq!(Header::of(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(Header::of(b""), None);
    }

    #[test]
    fn one_character_set_is_read_and_switching_is_not() {
        let of = |set: &str| encoding_of(format!("MSH|^~\\&{}{set}|", "|".repeat(16)).as_bytes());
        assert_eq!(of("").unwrap(), Encoding::Ascii);
        assert_eq!(of("UNICODE UTF-8").unwrap(), Encoding::Utf8);
        assert_eq!(of("8859/1~").unwrap(), Encoding::Latin1);
        for refused in ["8859/1~ISO IR87", "UNICODE", "8859/15", "ISO IR87"] {
            assert_eq!(of(refused).unwrap_err().code, ErrorCode::TableValue, "{refused}");
        }
    }
}
