//! The data set of a message as a reader: fragments joined, bytes straight from the socket (PS3.8 Annex E).

use std::io::{self, Read};

use crate::connection::{Connection, Ended};

/// Reads one data set to its last fragment.
pub(crate) struct DataSetReader<'a> {
    connection: &'a mut Connection,
    context: u8,
    /// The fragment that is being read is the last one.
    in_last: bool,
    /// A fragment has begun and may have bytes left.
    in_fragment: bool,
    /// Why the conversation ended inside the data set; an [`io::Error`] cannot carry it.
    ended: Option<Ended>,
}

impl<'a> DataSetReader<'a> {
    pub(crate) fn new(connection: &'a mut Connection, context: u8) -> Self {
        Self { connection, context, in_last: false, in_fragment: false, ended: None }
    }

    /// Reads what is left and throws it away, up to `limit` bytes, so that the next message is understood. Says how the
    /// conversation ended if it did.
    pub(crate) fn drain(mut self, limit: u64) -> Result<(), Ended> {
        let mut buffer = vec![0; 64 * 1024];
        let mut thrown_away = 0;
        while self.ended.is_none() {
            match self.fill(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => thrown_away += count as u64,
                Err(ended) => return Err(ended),
            }
            if thrown_away > limit {
                return Err(Ended::Protocol("a refused data set does not end"));
            }
        }
        self.ended.map_or(Ok(()), Err)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<usize, Ended> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_fragment {
                match self.connection.read_pdv(out)? {
                    0 if self.in_last => return Ok(0),
                    0 => self.in_fragment = false,
                    count => return Ok(count),
                }
            }
            let pdv = self.connection.next_pdv()?;
            if pdv.is_command || pdv.context != self.context {
                return Err(Ended::Protocol("a fragment of the data set was expected"));
            }
            self.in_fragment = true;
            self.in_last = pdv.is_last;
        }
    }
}

impl Read for DataSetReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.fill(out).map_err(|ended| {
            self.ended = Some(ended);
            io::Error::from(io::ErrorKind::ConnectionAborted)
        })
    }
}
