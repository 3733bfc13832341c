//! Deflated data sets (PS3.5 A.5): RFC 1951 without a wrapper; a zlib wrapper (RFC 1950) is read as well.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use crate::ScanError;

/// Bytes of deflated input that are held at a time.
const INPUT_BYTES: usize = 16 << 10;

/// Inflates what `inner` gives. Errors are [`ScanError::Deflate`] inside [`io::Error`].
pub(crate) struct Inflate<R> {
    inner: R,
    engine: Option<Decompress>,
    input: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
    done: bool,
}

impl<R: Read> Inflate<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, engine: None, input: vec![0; INPUT_BYTES], start: 0, end: 0, taken: 0, done: false }
    }

    /// Moves what is left to the front and reads behind it; false at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        self.input.copy_within(self.start..self.end, 0);
        (self.end, self.start) = (self.end - self.start, 0);
        let count = self.inner.read(&mut self.input[self.end..])?;
        self.end += count;
        self.taken += count as u64;
        Ok(count > 0)
    }

    fn damaged(&self) -> io::Error {
        io::Error::other(ScanError::Deflate { offset: self.taken })
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.engine.is_none() {
            while self.end < 5 && self.fill()? {}
            self.engine = Some(Decompress::new(is_zlib(&self.input[..self.end])));
        }
        while !self.done && !into.is_empty() {
            let starved = self.start == self.end && !self.fill()?;
            let Some(engine) = &mut self.engine else { break };
            let (before_in, before_out) = (engine.total_in(), engine.total_out());
            let flush = if starved { FlushDecompress::Finish } else { FlushDecompress::None };
            let status = engine.decompress(&self.input[self.start..self.end], into, flush);
            self.start += (engine.total_in() - before_in) as usize;
            let made = (engine.total_out() - before_out) as usize;
            match status {
                Ok(Status::StreamEnd) => self.done = true,
                Ok(_) if made > 0 || !starved => {}
                _ => return Err(self.damaged()),
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }
}

/// A raw deflate stream that begins with 0x78 is a stored block, whose length stands there twice, once inverted.
fn is_zlib(first: &[u8]) -> bool {
    match *first {
        [0x78, b, c, d, e, ..] => {
            (0x7800 | u16::from(b)).is_multiple_of(31) && u16::from_le_bytes([b, c]) != !u16::from_le_bytes([d, e])
        }
        _ => false,
    }
}
