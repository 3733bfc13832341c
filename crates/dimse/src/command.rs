//! Command sets (PS3.7 6.3.1, E.1): group 0000, implicit VR little endian.

use model::Uid;

/// Command Field (0000,0100).
pub(crate) const C_STORE_RQ: u16 = 0x0001;
pub(crate) const C_STORE_RSP: u16 = 0x8001;
pub(crate) const C_ECHO_RQ: u16 = 0x0030;
pub(crate) const C_CANCEL_RQ: u16 = 0x0FFF;
/// Set in every response.
pub(crate) const RESPONSE: u16 = 0x8000;
/// Command Data Set Type (0000,0800): no data set follows.
pub(crate) const NO_DATA_SET: u16 = 0x0101;

/// What of a command matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// (0000,0002)
    pub(crate) sop_class: String,
    /// (0000,0100)
    pub(crate) field: u16,
    /// (0000,0110)
    pub(crate) message_id: u16,
    /// (0000,0800) says that a data set follows.
    pub(crate) has_data_set: bool,
    /// (0000,0900)
    pub(crate) status: u16,
    /// (0000,1000)
    pub(crate) sop_instance: String,
}

/// The command set is out of shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidCommand;

impl Command {
    /// Reads a whole command set. Elements that do not matter here are passed over.
    pub(crate) fn parse(mut set: &[u8]) -> Result<Self, InvalidCommand> {
        let mut command = Self::default();
        let mut found = false;
        while !set.is_empty() {
            let (header, rest) = set.split_first_chunk::<8>().ok_or(InvalidCommand)?;
            let group = u16::from_le_bytes([header[0], header[1]]);
            let element = u16::from_le_bytes([header[2], header[3]]);
            let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
            let (value, rest) = rest.split_at_checked(length as usize).ok_or(InvalidCommand)?;
            set = rest;
            if group != 0 {
                return Err(InvalidCommand);
            }
            match element {
                0x0002 => command.sop_class = text(value)?,
                0x0100 => {
                    command.field = number(value)?;
                    found = true;
                }
                0x0110 | 0x0120 => command.message_id = number(value)?,
                0x0800 => command.has_data_set = number(value)? != NO_DATA_SET,
                0x0900 => command.status = number(value)?,
                0x1000 => command.sop_instance = text(value)?,
                _ => {}
            }
        }
        if found { Ok(command) } else { Err(InvalidCommand) }
    }

    /// The response to this command, without a data set.
    pub(crate) fn response(&self, status: u16, comment: &str) -> Vec<u8> {
        let mut set = Vec::with_capacity(256);
        if !self.sop_class.is_empty() {
            uid(&mut set, 0x0002, &self.sop_class);
        }
        short(&mut set, 0x0100, self.field | RESPONSE);
        short(&mut set, 0x0120, self.message_id);
        short(&mut set, 0x0800, NO_DATA_SET);
        short(&mut set, 0x0900, status);
        if !comment.is_empty() {
            padded(&mut set, 0x0902, comment, b' ');
        }
        if !self.sop_instance.is_empty() {
            uid(&mut set, 0x1000, &self.sop_instance);
        }
        with_length(&set)
    }

    /// A C-STORE-RQ (PS3.7 9.3.1.1).
    pub(crate) fn store_request(message_id: u16, sop_class: &Uid, sop_instance: &Uid) -> Vec<u8> {
        let mut set = Vec::with_capacity(256);
        uid(&mut set, 0x0002, sop_class.as_str());
        short(&mut set, 0x0100, C_STORE_RQ);
        short(&mut set, 0x0110, message_id);
        // medium priority, a data set follows
        short(&mut set, 0x0700, 0);
        short(&mut set, 0x0800, 0);
        uid(&mut set, 0x1000, sop_instance.as_str());
        with_length(&set)
    }
}

fn number(value: &[u8]) -> Result<u16, InvalidCommand> {
    value.try_into().map(u16::from_le_bytes).map_err(|_| InvalidCommand)
}

fn text(value: &[u8]) -> Result<String, InvalidCommand> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidCommand)?;
    Ok(text.trim_end_matches(['\0', ' ']).to_owned())
}

fn short(set: &mut Vec<u8>, element: u16, value: u16) {
    self::element(set, element, &value.to_le_bytes());
}

fn uid(set: &mut Vec<u8>, element: u16, value: &str) {
    padded(set, element, value, 0);
}

fn padded(set: &mut Vec<u8>, element: u16, value: &str, padding: u8) {
    let mut value = value.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(padding);
    }
    self::element(set, element, &value);
}

fn element(set: &mut Vec<u8>, element: u16, value: &[u8]) {
    set.extend_from_slice(&[0, 0]);
    set.extend_from_slice(&element.to_le_bytes());
    set.extend_from_slice(&u32::try_from(value.len()).expect("command values are short").to_le_bytes());
    set.extend_from_slice(value);
}

/// (0000,0000) Command Group Length in front.
fn with_length(set: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(set.len() + 12);
    element(&mut whole, 0, &u32::try_from(set.len()).expect("command sets are short").to_le_bytes());
    whole.extend_from_slice(set);
    whole
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_and_its_response_are_read_back() {
        let (class, instance) = (Uid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(), Uid::parse("1.2.3").unwrap());
        let request = Command::parse(&Command::store_request(7, &class, &instance)).unwrap();
        assert_eq!((request.field, request.message_id, request.has_data_set), (C_STORE_RQ, 7, true));
        assert_eq!((request.sop_class.as_str(), request.sop_instance.as_str()), (class.as_str(), "1.2.3"));
        let response = Command::parse(&request.response(0xA700, "odd")).unwrap();
        assert_eq!((response.field, response.message_id, response.status), (C_STORE_RSP, 7, 0xA700));
        assert!(!response.has_data_set);
    }

    #[test]
    fn damaged_command_sets_are_refused() {
        let uid = Uid::parse("1.2.3").unwrap();
        let good = Command::store_request(7, &uid, &uid);
        let check = |defect: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(Command::parse(&bad), Err(InvalidCommand), "{defect}");
        };
        check("empty", &|set| set.clear());
        check("last byte missing", &|set| set.truncate(set.len() - 1));
        check("a group that is no command", &|set| set[0] = 8);
        check("a length past the end", &|set| set[7] = 0x7f);
        check("no command field", &|set| set.truncate(12));
        check("letters that are no text", &|set| *set.last_mut().unwrap() = 0xff);
    }
}
