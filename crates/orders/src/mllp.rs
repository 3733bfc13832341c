//! Frames of the Minimal Lower Layer Protocol: `<VT> message <FS> <CR>` (HL7 Transport Specification, MLLP release 1).
//!
//! The encodings that are read here hold neither VT nor FS in a message, so each of them ends the conversation where it does not belong:
//! two readers that disagree about where a message ends must not be made out of one.

use thiserror::Error;

use crate::{BETWEEN_BYTES_MAX, MESSAGE_BYTES_MAX};

const START: u8 = 0x0b;
const END: u8 = 0x1c;
const CARRIAGE_RETURN: u8 = 0x0d;
const LINE_FEED: u8 = 0x0a;

/// What came is no frame. Nothing that follows on the connection can be trusted to begin where it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MllpError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("the message is longer than {MESSAGE_BYTES_MAX} bytes; send it without documents and pictures in it")]
    TooLong,
    /// Bytes came where a frame had to begin.
    #[error("bytes came outside of a frame; a message begins with VT (0x0B) and ends with FS CR (0x1C 0x0D)")]
    Outside,
    /// VT inside a message.
    #[error("a frame began inside another one; a message holds no VT (0x0B)")]
    StartInside,
    /// FS that no CR follows.
    #[error("a frame did not end with FS CR (0x1C 0x0D); a message holds no FS (0x1C)")]
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Inside,
    /// FS came.
    Ending,
}

/// Takes bytes as they come, gives messages.
#[derive(Debug, Default)]
pub struct Deframer {
    state: State,
    between: usize,
    message: Vec<u8>,
}

impl Deframer {
    /// Takes bytes up to the end of the next message: how many it took, and the message when it is whole. After an error nothing more
    /// may be given.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<Vec<u8>>), MllpError> {
        for (position, &byte) in bytes.iter().enumerate() {
            match (self.state, byte) {
                (State::Outside, START) => (self.state, self.between) = (State::Inside, 0),
                (State::Outside, CARRIAGE_RETURN | LINE_FEED) if self.between < BETWEEN_BYTES_MAX => self.between += 1,
                (State::Outside, _) => return Err(MllpError::Outside),
                (State::Inside, START) => return Err(MllpError::StartInside),
                (State::Inside, END) => self.state = State::Ending,
                (State::Inside, _) if self.message.len() >= MESSAGE_BYTES_MAX => return Err(MllpError::TooLong),
                (State::Inside, byte) => self.message.push(byte),
                (State::Ending, CARRIAGE_RETURN) => {
                    self.state = State::Outside;
                    return Ok((position + 1, Some(std::mem::take(&mut self.message))));
                }
                (State::Ending, _) => return Err(MllpError::End),
            }
        }
        Ok((bytes.len(), None))
    }

    /// Whether a message has begun.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.state != State::Outside
    }

    /// What has come of the present message, so that one that is not taken can be answered by its name.
    #[must_use]
    pub fn so_far(&self) -> &[u8] {
        &self.message
    }
}

/// A message in its frame.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    [&[START], message, &[END, CARRIAGE_RETURN]].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Everything that a connection brings, in parts of these lengths.
    fn all(bytes: &[u8], mut length: impl FnMut() -> usize) -> Result<Vec<Vec<u8>>, MllpError> {
        let (mut deframer, mut messages, mut rest) = (Deframer::default(), Vec::new(), bytes);
        while !rest.is_empty() {
            let part = &rest[..length().clamp(1, rest.len())];
            let (taken, message) = deframer.take(part)?;
            messages.extend(message);
            rest = &rest[taken..];
        }
        Ok(messages)
    }

    #[test]
    fn messages_come_out_whole_however_they_were_cut() {
        let seed = 7;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for round in 0..200 {
            let messages: Vec<Vec<u8>> = (0..1 + random.next_u32() % 5)
                .map(|_| (0..random.next_u32() % 300).map(|_| 0x20 + (random.next_u32() % 0x5f) as u8).collect())
                .collect();
            let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
            let came = all(&stream, || (random.next_u32() % 40) as usize).unwrap();
            assert_eq!(came, messages, "seed {seed}, round {round}");
        }
    }

    #[test]
    fn line_ends_between_frames_are_passed_over_and_nothing_else_is() {
        let two = [frame(b"A").as_slice(), b"\r\n\r", &frame(b"B")].concat();
        assert_eq!(all(&two, || 3).unwrap(), [b"A".to_vec(), b"B".to_vec()]);
        for between in [b"x".as_slice(), b" ", b"\0", b"\x1c\r", b"GET / HTTP/1.1\r\n", &[b'\r'; 17]] {
            let stream = [frame(b"A").as_slice(), between, &frame(b"B")].concat();
            assert_eq!(all(&stream, || 5).err(), Some(MllpError::Outside), "{between:?}");
        }
    }

    #[test]
    fn a_frame_inside_a_frame_and_one_that_does_not_end_are_refused() {
        assert_eq!(all(b"\x0bMSH|\x0bMSH|\x1c\r", || 2).err(), Some(MllpError::StartInside));
        assert_eq!(all(b"\x0bMSH|\x1cPID|\x1c\r", || 2).err(), Some(MllpError::End));
        assert_eq!(all(b"\x0bMSH|\x1c\n", || 2).err(), Some(MllpError::End));
    }

    #[test]
    fn an_endless_message_is_refused_at_the_limit_and_no_sooner() {
        let longest = vec![b'x'; MESSAGE_BYTES_MAX];
        assert_eq!(all(&frame(&longest), || 65_536).unwrap(), std::slice::from_ref(&longest));
        let mut deframer = Deframer::default();
        deframer.take(&[START]).unwrap();
        deframer.take(&longest).unwrap();
        assert_eq!(deframer.take(b"x").err(), Some(MllpError::TooLong));
        assert_eq!(deframer.so_far().len(), MESSAGE_BYTES_MAX, "no more than the limit is held");
    }
}
