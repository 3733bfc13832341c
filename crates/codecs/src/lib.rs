//! Frames to pictures in processes of their own: a flaw in a decoder is then code in a process that holds one frame and nothing else.
//!
//! ```text
//! front ── how to render, one frame ──► worker: decode, window, encode ── a JPEG, or why there is none ──► front
//! ```
//! [`work`] is all that a worker does. [`Workers`] is the front's side of them: it gives each frame to one, counts the seconds, and has
//! a worker replaced that ended, stood still or said something else than an answer. That frame is refused; the others go on.
//!
//! A worker sees frames of one study. For a frame of another study it is replaced, so that code which an image brought into it finds no
//! other patient's pixels there. It is told what rendering takes and no more: neither whose frame it is, nor from when or from where.
//!
//! No reader and no study has all workers: one is left to others ([`Turns`]). Nor are workers started for one reader without end.
//!
//! Who starts workers, and what walls they stand in, is the program's part: [`Workers::new`] takes a way to start one.

mod message;
mod pool;
mod turns;
mod worker;

use bytes::Bytes;
use dataset::ImageDescription;
use futures::future::BoxFuture;
use model::{StudyNumber, Uid};
use thiserror::Error;

pub use message::{ASKED_BYTES_MAX, FRAME_BYTES_MAX, MessageError};
pub use pool::{FRAME_SECONDS_MAX, WORKERS_MAX, WORKERS_MIN, Workers};
pub use render::{RenderError, RenderOptions};
pub use turns::{Reader, STARTS_PER_MINUTE_MAX, Turn, Turns};
pub use worker::work;

/// A frame to render, with what that takes.
#[derive(Clone)]
pub struct Job {
    /// How its samples are to be read.
    pub description: ImageDescription,
    /// How it is encoded.
    pub transfer_syntax: Uid,
    /// That of [`dataset::FramePlace`].
    pub first_bit: u8,
    /// How to render it.
    pub options: RenderOptions,
    /// Its bytes as stored.
    pub frame: Bytes,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoPicture {
    /// The frame's fault.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The worker ended while it had the frame, or answered with something else than an answer. The frame's fault, too, unless somebody
    /// ended the worker.
    #[error("the decoder failed with this frame; retrieve it as it is stored")]
    Lost,
    /// The worker had the frame for longer than [`FRAME_SECONDS_MAX`].
    #[error("this frame takes too long to decode; retrieve it as it is stored")]
    TooSlow,
    /// More workers than [`STARTS_PER_MINUTE_MAX`] were started for this reader.
    #[error("pictures of too many studies were asked for within a minute; try again in {seconds} seconds")]
    TooManyStarts {
        /// How long to wait.
        seconds: u32,
    },
    /// No worker can be started.
    #[error("no decoder can be started; try again in a few seconds")]
    NoWorker,
}

/// Who makes pictures of frames.
pub trait Renderer: Send + Sync + 'static {
    /// Waits for a reader's turn with a frame of `study`: before the frame is read, so that who waits holds none.
    fn turn(&self, reader: Reader, study: StudyNumber) -> BoxFuture<'static, Result<Turn, NoPicture>>;

    /// The picture of a frame of the study whose turn it is, as JPEG. Work that has begun is finished when the future is dropped.
    fn render(&self, turn: Turn, job: Job) -> BoxFuture<'static, Result<Vec<u8>, NoPicture>>;
}
