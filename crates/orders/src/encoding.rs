//! Character sets of messages (MSH-18, HL7 table 0211).

use protocol::{ErrorCode, OrderProblem};

/// How a message's bytes become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The default: 7 bits.
    #[default]
    Ascii,
    /// ISO 8859-1.
    Latin1,
    /// UTF-8.
    Utf8,
}

impl Encoding {
    /// By the name that MSH-18 gives it; the second repetition of MSH-18 switches sets inside a message, which is not read.
    pub fn named(name: &str) -> Result<Self, OrderProblem> {
        match name.trim().to_ascii_uppercase().as_str() {
            "" | "ASCII" | "ISO IR6" => Ok(Self::Ascii),
            "8859/1" | "ISO IR100" => Ok(Self::Latin1),
            "UNICODE UTF-8" | "UTF-8" | "UTF8" => Ok(Self::Utf8),
            _ => Err(OrderProblem::at(
                ErrorCode::TableValue,
                "MSH",
                18,
                "the character set is not one of ASCII, 8859/1 and UNICODE UTF-8",
            )),
        }
    }

    /// The text of these bytes.
    pub fn decode(self, bytes: &[u8]) -> Result<String, OrderProblem> {
        let text = match self {
            Self::Ascii if bytes.is_ascii() => String::from_utf8(bytes.to_vec()).ok(),
            Self::Ascii => None,
            Self::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
        };
        text.ok_or_else(|| {
            OrderProblem::at(
                ErrorCode::DataType,
                "MSH",
                18,
                "the message holds bytes that are not of the character set that it names; say 8859/1 or UNICODE UTF-8",
            )
        })
    }

    /// The bytes of a text; what the set does not have is a question mark.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Ascii => text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect(),
            Self::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        }
    }

    /// Its name in MSH-18.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Latin1 => "8859/1",
            Self::Utf8 => "UNICODE UTF-8",
        }
    }
}
