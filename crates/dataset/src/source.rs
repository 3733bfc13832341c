//! A sliding window over a stream whose every byte goes to the sink, in order.

use std::io::{self, Read};

use crate::{Region, ScanError, Sink};

/// The window at the beginning, in bytes. It grows to the longest value that is wanted whole.
const WINDOW_BYTES: usize = 64 << 10;

/// Reads ahead, hands on what is consumed.
pub(crate) struct Source<'r, 's> {
    reader: &'r mut dyn Read,
    sink: Option<&'r mut Sink<'s>>,
    region: Region,
    window: Vec<u8>,
    /// `window[passed..start]` is consumed and not yet with the sink.
    passed: usize,
    /// `window[start..end]` is read and not yet consumed.
    start: usize,
    end: usize,
    /// Offset of `window[start]` in the stream.
    position: u64,
    ended: bool,
    max: u64,
    over: fn(u64) -> ScanError,
}

impl<'r, 's> Source<'r, 's> {
    /// A stream whose first byte has offset `position`; past `max` bytes it fails with `over`.
    pub(crate) fn new(
        reader: &'r mut dyn Read,
        sink: Option<&'r mut Sink<'s>>,
        position: u64,
        max: u64,
        over: fn(u64) -> ScanError,
    ) -> Self {
        Self {
            reader,
            sink,
            region: Region::DataSet,
            window: vec![0; WINDOW_BYTES],
            passed: 0,
            start: 0,
            end: 0,
            position,
            ended: false,
            max,
            over,
        }
    }

    /// Offset of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// What is read and not consumed.
    pub(crate) fn peek(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    /// Tries to have `count` bytes in the window; false when the stream ends before.
    pub(crate) fn need(&mut self, count: usize) -> Result<bool, ScanError> {
        while self.end - self.start < count {
            if self.ended {
                return Ok(false);
            }
            if self.window.len() - self.start < count {
                self.flush()?;
                self.window.copy_within(self.start..self.end, 0);
                (self.end, self.start, self.passed) = (self.end - self.start, 0, 0);
                if self.window.len() < count {
                    self.window.resize(count.next_multiple_of(WINDOW_BYTES), 0);
                }
            }
            self.read_more()?;
        }
        Ok(true)
    }

    /// Consumes `count` bytes that are in the window.
    pub(crate) fn advance(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "only what is in the window is consumed");
        self.start += count;
        self.position += count as u64;
    }

    /// Consumes `count` bytes without keeping them; false when the stream ends before.
    pub(crate) fn skip(&mut self, mut count: u64) -> Result<bool, ScanError> {
        loop {
            let here = usize::try_from(count).unwrap_or(usize::MAX).min(self.end - self.start);
            self.advance(here);
            count -= here as u64;
            if count == 0 {
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            self.flush()?;
            (self.start, self.end, self.passed) = (0, 0, 0);
            self.read_more()?;
        }
    }

    /// Everything consumed from here on belongs to `region`.
    pub(crate) fn enter(&mut self, region: Region) -> Result<(), ScanError> {
        self.flush()?;
        self.region = region;
        Ok(())
    }

    /// Gives the sink what is consumed.
    pub(crate) fn flush(&mut self) -> Result<(), ScanError> {
        if let Some(sink) = &mut self.sink
            && self.passed < self.start
        {
            sink(&self.window[self.passed..self.start], self.region).map_err(ScanError::Sink)?;
        }
        self.passed = self.start;
        Ok(())
    }

    /// One read into the free end of the window.
    fn read_more(&mut self) -> Result<(), ScanError> {
        let count = loop {
            match self.reader.read(&mut self.window[self.end..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(from_io(error)),
            }
        };
        self.ended = count == 0;
        self.end += count;
        if self.position + (self.end - self.start) as u64 > self.max {
            return Err((self.over)(self.max));
        }
        Ok(())
    }
}

/// As a reader, so that an inflater may pull from it: what is read is consumed, and so goes to the sink.
impl Read for Source<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.need(1).map_err(io::Error::other)?;
        let count = into.len().min(self.end - self.start);
        into[..count].copy_from_slice(&self.peek()[..count]);
        self.advance(count);
        Ok(count)
    }
}

/// A [`ScanError`] that travelled through a reader comes out as itself.
pub(crate) fn from_io(error: io::Error) -> ScanError {
    match error.downcast::<ScanError>() {
        Ok(error) => error,
        Err(error) => ScanError::Read(error),
    }
}
