//! A message, read: who sends it and what it tells, or why it cannot be read.

use protocol::{ErrorCode, OrderMessage, OrderProblem};

use crate::facts::events;
use crate::header::{Header, encoding_of};
use crate::message::Message;

/// A message that was read.
#[derive(Debug)]
pub struct Read {
    /// Who sends it and what it is called.
    pub header: Header,
    /// What it tells.
    pub message: OrderMessage,
}

/// A message that cannot be read.
#[derive(Debug)]
pub struct Unread {
    /// Who sends it, as far as that can be read.
    pub header: Option<Header>,
    /// Why.
    pub problem: OrderProblem,
}

/// Reads one message.
#[allow(clippy::result_large_err, reason = "made once for each message, and taken apart at once")]
pub fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let header = Header::of(bytes);
    let read = || {
        let encoding = encoding_of(bytes)?;
        let message = Message::parse(encoding.decode(bytes)?)?;
        let msh = message.first("MSH").ok_or_else(|| {
            OrderProblem::at(ErrorCode::SegmentSequence, "MSH", 0, "the message does not begin with MSH")
        })?;
        let header = Header::read(&msh, encoding)?;
        let test = is_test(&header)?;
        if header.control_id.is_empty() {
            let why = "the message has no control id, so that nobody could tell whether it came before";
            return Err(OrderProblem::at(ErrorCode::RequiredField, "MSH", 10, why));
        }
        if header.control_id.contains(char::is_control) {
            return Err(OrderProblem::at(ErrorCode::DataType, "MSH", 10, "the control id holds a tabulator"));
        }
        let events = events(&message, &header)?;
        let (control_id, content) = (header.control_id.clone(), *blake3::hash(bytes).as_bytes());
        Ok(Read { message: OrderMessage { control_id, content, test, events }, header })
    };
    read().map_err(|problem| Unread { header, problem })
}

/// MSH-11 (table 0103) and MSH-12 (table 0104).
fn is_test(header: &Header) -> Result<bool, OrderProblem> {
    if !header.version.starts_with("2.") {
        let why = "messages of the versions 2.1 to 2.9 are read";
        return Err(OrderProblem::at(ErrorCode::UnsupportedVersion, "MSH", 12, why));
    }
    match header.processing.as_str() {
        "P" => Ok(false),
        "T" | "D" => Ok(true),
        _ => {
            let why = "P for production is expected, or T or D for a test from which nothing follows";
            Err(OrderProblem::at(ErrorCode::UnsupportedProcessing, "MSH", 11, why))
        }
    }
}
