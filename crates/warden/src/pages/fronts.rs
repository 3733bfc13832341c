//! Fronts on other machines: the entry first; then whoever asked writes the list that connections are compared with.
//!
//! A crash in between leaves an entry for a front that may not connect yet, never a front that may without an entry.

use model::{EntryBody, Instant};
use protocol::{FrontRequest, PageReply, Refusal};

use super::field;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest name of a front, in characters.
const NAME_CHARACTERS_MAX: usize = 100;
/// The digits of a pin.
const PIN_DIGITS: usize = 64;

impl Warden {
    pub(super) fn fronts(&self, caller: &Caller, request: FrontRequest, now: Instant) -> Result<PageReply, Refusal> {
        let body = match request {
            FrontRequest::Introduce { pin, name } => {
                let characters = name.chars().count();
                if characters == 0 || characters > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
                    return Err(field("name", "1 to 100 characters without a line break"));
                }
                EntryBody::FrontIntroduced { pin: checked(pin)?, name }
            }
            FrontRequest::Forget { pin } => EntryBody::FrontForgotten { pin: checked(pin)? },
        };
        self.append(caller, vec![body], now)?;
        Ok(PageReply::Done)
    }
}

fn checked(pin: String) -> Result<String, Refusal> {
    let digits =
        pin.len() == PIN_DIGITS && pin.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if digits { Ok(pin) } else { Err(field("pin", "64 hexadecimal digits")) }
}
