//! What the front and a worker say to each other over a stream, one question and one answer after the other.
//!
//! A question:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | [`VERSION`] |
//! | 4 | length of what is asked, little endian, at most [`ASKED_BYTES_MAX`] |
//! | 4 | length of the frame, little endian, at most [`FRAME_BYTES_MAX`] |
//! | | what is asked: [`Asked`] as postcard |
//! | | the frame as stored |
//!
//! An answer:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | [`VERSION`] |
//! | 1 | 0: a picture; 1: not decodable; 2: damaged; 3: too large |
//! | 4 | length of the picture, little endian, 0 when there is none |
//! | | the picture |

use dataset::ImageDescription;
use model::Uid;
use render::{RenderError, RenderOptions};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Job;

/// The version of these messages. Both sides are the same program, so another one is a mistake.
const VERSION: u8 = 1;

/// The longest description of an image with its options, in bytes: five tables of 65,536 entries and room.
pub const ASKED_BYTES_MAX: usize = 2 << 20;

/// The longest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 256 << 20;

/// The longest picture, in bytes.
const PICTURE_BYTES_MAX: usize = 256 << 20;

/// What a picture may take for each of its pixels, in bytes: no baseline JPEG of three samples takes more.
const PICTURE_BYTES_PER_PIXEL_MAX: usize = 12;

/// What a picture may take beside its pixels, in bytes.
const PICTURE_BYTES_FREE: usize = 64 << 10;

pub(crate) const QUESTION_HEAD_BYTES: usize = 9;
pub(crate) const ANSWER_HEAD_BYTES: usize = 6;

const PICTURE: u8 = 0;
const NOT_DECODABLE: u8 = 1;
const DAMAGED: u8 = 2;
const TOO_LARGE: u8 = 3;

/// What a worker is told beside the frame.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) description: ImageDescription,
    pub(crate) transfer_syntax: Uid,
    pub(crate) first_bit: u8,
    pub(crate) options: RenderOptions,
}

/// The other side says something that is no message.
#[derive(Debug, Error)]
pub enum MessageError {
    /// Another version, or no message at all.
    #[error("front and codec worker are of different versions; start all from one program")]
    Version,
    /// A part is longer than allowed.
    #[error("a part of a message has {bytes} bytes, {max} are allowed; report this with the program's version")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A part cannot be read.
    #[error("a message is out of shape; report this with the program's version")]
    Shape,
}

/// Lengths of the two parts that follow the head of a question.
pub(crate) struct Lengths {
    pub(crate) asked: usize,
    pub(crate) frame: usize,
}

/// A question up to its frame. How many frames there are and when they were taken is not the worker's to know.
pub(crate) fn question(job: &Job) -> Result<Vec<u8>, MessageError> {
    let asked = Asked {
        description: ImageDescription { frames: 1, frame_time: None, ..job.description.clone() },
        transfer_syntax: job.transfer_syntax.clone(),
        first_bit: job.first_bit,
        options: job.options,
    };
    let asked = postcard::to_stdvec(&asked).map_err(|_| MessageError::Shape)?;
    let lengths = [within(asked.len(), ASKED_BYTES_MAX)?, within(job.frame.len(), FRAME_BYTES_MAX)?];
    let mut question = Vec::with_capacity(QUESTION_HEAD_BYTES + asked.len());
    question.push(VERSION);
    lengths.iter().for_each(|length| question.extend_from_slice(&length.to_le_bytes()));
    question.extend_from_slice(&asked);
    Ok(question)
}

pub(crate) fn question_head(head: &[u8; QUESTION_HEAD_BYTES]) -> Result<Lengths, MessageError> {
    let [VERSION, a0, a1, a2, a3, f0, f1, f2, f3] = *head else { return Err(MessageError::Version) };
    let asked = within_bytes([a0, a1, a2, a3], ASKED_BYTES_MAX)?;
    Ok(Lengths { asked, frame: within_bytes([f0, f1, f2, f3], FRAME_BYTES_MAX)? })
}

pub(crate) fn asked(bytes: &[u8]) -> Result<Asked, MessageError> {
    postcard::from_bytes(bytes).map_err(|_| MessageError::Shape)
}

/// The head of an answer, which the picture follows.
pub(crate) fn answer_head(answer: &Result<Vec<u8>, RenderError>) -> Result<[u8; ANSWER_HEAD_BYTES], MessageError> {
    let (kind, length) = match answer {
        Ok(picture) => (PICTURE, within(picture.len(), PICTURE_BYTES_MAX)?),
        Err(RenderError::NotDecodable) => (NOT_DECODABLE, 0),
        Err(RenderError::Damaged) => (DAMAGED, 0),
        Err(RenderError::TooLarge) => (TOO_LARGE, 0),
    };
    let [l0, l1, l2, l3] = length.to_le_bytes();
    Ok([VERSION, kind, l0, l1, l2, l3])
}

/// The length of the picture that follows, or why there is none. `job` says how long it can be.
pub(crate) fn answer(head: [u8; ANSWER_HEAD_BYTES], job: &Job) -> Result<Result<usize, RenderError>, MessageError> {
    let [VERSION, kind, length @ ..] = head else { return Err(MessageError::Version) };
    let pixels = usize::from(job.description.rows) * usize::from(job.description.columns);
    let max = (pixels * PICTURE_BYTES_PER_PIXEL_MAX + PICTURE_BYTES_FREE).min(PICTURE_BYTES_MAX);
    match (kind, within_bytes(length, max)?) {
        (PICTURE, length) => Ok(Ok(length)),
        (NOT_DECODABLE, 0) => Ok(Err(RenderError::NotDecodable)),
        (DAMAGED, 0) => Ok(Err(RenderError::Damaged)),
        (TOO_LARGE, 0) => Ok(Err(RenderError::TooLarge)),
        _ => Err(MessageError::Shape),
    }
}

fn within(bytes: usize, max: usize) -> Result<u32, MessageError> {
    if bytes > max {
        return Err(MessageError::TooLong { bytes, max });
    }
    Ok(u32::try_from(bytes).expect("every limit here is below 4 GiB"))
}

fn within_bytes(length: [u8; 4], max: usize) -> Result<usize, MessageError> {
    let bytes = u32::from_le_bytes(length) as usize;
    within(bytes, max).map(|_| bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;

    use super::*;

    fn job(rows: u16, columns: u16) -> Job {
        Job {
            description: ImageDescription {
                rows,
                columns,
                frames: 70,
                frame_time: Some(40.0),
                ..ImageDescription::default()
            },
            transfer_syntax: Uid::parse("1.2.840.10008.1.2.1").unwrap(),
            first_bit: 0,
            options: RenderOptions::default(),
            frame: Bytes::from_static(b"frame"),
        }
    }

    #[test]
    fn a_question_says_what_rendering_takes_and_no_more() {
        let question = question(&job(2, 3)).unwrap();
        let (head, rest) = question.split_first_chunk().unwrap();
        let lengths = question_head(head).unwrap();
        assert_eq!((lengths.asked, lengths.frame), (rest.len(), 5));
        let asked = asked(rest).unwrap();
        assert_eq!((asked.description.rows, asked.description.columns), (2, 3));
        assert_eq!((asked.description.frames, asked.description.frame_time), (1, None));
    }

    #[test]
    fn a_length_just_past_its_limit_is_refused() {
        let head = |asked: usize, frame: usize| {
            let [a, f] = [asked as u32, frame as u32].map(u32::to_le_bytes);
            [VERSION, a[0], a[1], a[2], a[3], f[0], f[1], f[2], f[3]]
        };
        assert!(question_head(&head(ASKED_BYTES_MAX, FRAME_BYTES_MAX)).is_ok());
        for past in [head(ASKED_BYTES_MAX + 1, 0), head(0, FRAME_BYTES_MAX + 1)] {
            assert!(matches!(question_head(&past), Err(MessageError::TooLong { .. })));
        }
        let picture = |length: usize, job: &Job| {
            let [a, b, c, d] = (length as u32).to_le_bytes();
            answer([VERSION, PICTURE, a, b, c, d], job)
        };
        // by the image's own size, and by the limit for all
        let max = 6 * PICTURE_BYTES_PER_PIXEL_MAX + PICTURE_BYTES_FREE;
        assert_eq!(picture(max, &job(2, 3)).unwrap(), Ok(max));
        assert!(matches!(picture(max + 1, &job(2, 3)), Err(MessageError::TooLong { .. })));
        let largest = job(8192, 8192);
        assert_eq!(picture(PICTURE_BYTES_MAX, &largest).unwrap(), Ok(PICTURE_BYTES_MAX));
        assert!(matches!(picture(PICTURE_BYTES_MAX + 1, &largest), Err(MessageError::TooLong { .. })));
    }

    #[test]
    fn every_answer_is_read_as_it_was_given() {
        for given in [
            Ok(b"picture".to_vec()),
            Err(RenderError::NotDecodable),
            Err(RenderError::Damaged),
            Err(RenderError::TooLarge),
        ] {
            let head = answer_head(&given).unwrap();
            assert_eq!(answer(head, &job(2, 3)).unwrap(), given.map(|picture| picture.len()));
        }
        // another version, a kind that is not there, a picture behind a refusal
        for head in [[2, 0, 1, 0, 0, 0], [1, 4, 0, 0, 0, 0], [1, 2, 1, 0, 0, 0]] {
            assert!(answer(head, &job(2, 3)).is_err(), "{head:?}");
        }
    }
}
