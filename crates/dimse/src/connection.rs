//! A connection: PDUs and presentation data values as they come (PS3.8 9.3), with deadlines and without copies that can
//! be spared.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use dicom_ul::pdu::{AbortRQServiceProviderReason, AbortRQSource, Pdu, write_pdu};
use dpop::Thumbprint;
use thiserror::Error;

use crate::{limits::DimseLimits, stream::Stream};

pub(crate) const PDU_HEADER_BYTES: usize = 6;
pub(crate) const PDV_HEADER_BYTES: u32 = 6;
pub(crate) const P_DATA_TF: u8 = 0x04;
pub(crate) const A_RELEASE_RQ: u8 = 0x05;
pub(crate) const A_ABORT: u8 = 0x07;

/// How often a waiting connection looks whether the server is stopping.
const TICK: Duration = Duration::from_millis(250);

/// How long a peer that was told that the conversation ended is listened to, so that it hears it.
const CLOSE_TIME: Duration = Duration::from_millis(500);

/// Headers, and what comes with them, are read through a buffer of this many bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why a conversation ends.
#[derive(Debug, Error)]
pub(crate) enum Ended {
    #[error("the association was rejected")]
    Rejected,
    #[error("the peer released the association")]
    Released,
    #[error("the peer aborted the association")]
    Aborted,
    #[error("the peer closed the connection")]
    Closed,
    #[error("the peer was too slow")]
    TooSlow,
    #[error("the server is stopping")]
    Stopping,
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

/// One presentation data value (PS3.8 9.3.5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pdv {
    pub(crate) context: u8,
    pub(crate) is_command: bool,
    pub(crate) is_last: bool,
}

pub(crate) struct Connection {
    stream: Stream,
    limits: DimseLimits,
    stopping: Arc<AtomicBool>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    deadline: Instant,
    /// For the first word and, over TLS, the whole handshake.
    first_deadline: Instant,
    /// Bytes of the current P-DATA-TF PDU that were not read yet, its data values included.
    pdu_rest: u32,
    /// Bytes of the current data value that were not read yet.
    pdv_rest: u32,
}

impl Connection {
    pub(crate) fn new(stream: Stream, limits: DimseLimits, stopping: Arc<AtomicBool>) -> io::Result<Self> {
        let socket = stream.socket();
        // without this a response waits for the acknowledgement of the segment before it
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(limits.response_time))?;
        let began = Instant::now();
        let first = if stream.is_handshaking() { limits.handshake_time } else { limits.associate_time };
        Ok(Self {
            stream,
            limits,
            stopping,
            buffer: vec![0; BUFFER_BYTES].into(),
            start: 0,
            end: 0,
            deadline: began + limits.associate_time,
            first_deadline: began + first.min(limits.associate_time),
            pdu_rest: 0,
            pdv_rest: 0,
        })
    }

    /// Waits until the peer says anything at all.
    pub(crate) fn is_spoken_to(&mut self) -> Result<(), Ended> {
        loop {
            match self.stream.socket().peek(&mut [0]) {
                Ok(0) => return Err(Ended::Closed),
                Ok(_) => return Ok(()),
                Err(error) => still_waits(error, self.first_deadline, &self.stopping)?,
            }
        }
    }

    /// Shakes hands where callers come over TLS; the certificate whose key the caller holds. In the clear there is nothing to do.
    pub(crate) fn shake_hands(&mut self) -> Result<Option<Thumbprint>, Ended> {
        let deadline = self.first_deadline;
        while self.stream.is_handshaking() {
            match self.stream.handshake_step() {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(Ended::Handshake(error)),
                Err(error) => still_waits(error, deadline, &self.stopping)?,
                // a peer that sends byte by byte does not move the deadline
                Ok(()) if Instant::now() > deadline => return Err(Ended::TooSlow),
                Ok(()) => {}
            }
        }
        self.stream.certificate().map_err(Ended::Handshake)
    }

    /// Type and length of the next PDU.
    pub(crate) fn pdu_header(&mut self) -> Result<(u8, u32), Ended> {
        let header: [u8; PDU_HEADER_BYTES] = self.take()?;
        Ok((header[0], u32::from_be_bytes([header[2], header[3], header[4], header[5]])))
    }

    /// A whole small body.
    pub(crate) fn body(&mut self, length: u32) -> Result<Vec<u8>, Ended> {
        let mut body = vec![0; length as usize];
        let mut filled = 0;
        while filled < body.len() {
            filled += self.read(&mut body[filled..])?;
        }
        Ok(body)
    }

    /// From now on the peer has this long.
    pub(crate) fn expect_within(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    /// The next data value; the one before it must have been read to its end.
    pub(crate) fn next_pdv(&mut self) -> Result<Pdv, Ended> {
        debug_assert_eq!(self.pdv_rest, 0, "the value before is read to its end");
        while self.pdu_rest == 0 {
            let (kind, length) = self.pdu_header()?;
            self.expect_within(self.limits.pdu_time);
            match kind {
                P_DATA_TF if length > self.limits.pdu_bytes => {
                    return Err(Ended::Protocol("a P-DATA-TF PDU is longer than was agreed"));
                }
                P_DATA_TF if length < PDV_HEADER_BYTES => return Err(Ended::Protocol("a P-DATA-TF PDU is empty")),
                P_DATA_TF => self.pdu_rest = length,
                A_RELEASE_RQ | A_ABORT if length != 4 => return Err(Ended::Protocol("a PDU has another length")),
                A_RELEASE_RQ => {
                    self.take::<4>()?;
                    return Err(Ended::Released);
                }
                A_ABORT => return Err(Ended::Aborted),
                _ => return Err(Ended::Protocol("a PDU came that does not belong here")),
            }
        }
        let header: [u8; PDV_HEADER_BYTES as usize] = self.take()?;
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        // the length counts context and control byte
        let fits = length >= 2 && length.checked_add(4).is_some_and(|whole| whole <= self.pdu_rest);
        if !fits {
            return Err(Ended::Protocol("a presentation data value does not fit its PDU"));
        }
        self.pdu_rest -= PDV_HEADER_BYTES;
        self.pdv_rest = length - 2;
        if self.pdu_rest - self.pdv_rest > 0 && self.pdu_rest - self.pdv_rest < PDV_HEADER_BYTES {
            return Err(Ended::Protocol("a P-DATA-TF PDU ends inside a header"));
        }
        Ok(Pdv { context: header[4], is_command: header[5] & 1 != 0, is_last: header[5] & 2 != 0 })
    }

    /// Bytes of the current data value; 0 at its end.
    pub(crate) fn read_pdv(&mut self, out: &mut [u8]) -> Result<usize, Ended> {
        let wanted = out.len().min(self.pdv_rest as usize);
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.read(&mut out[..wanted])?;
        let read = u32::try_from(count).expect("no more than what was left of the value");
        self.pdv_rest -= read;
        self.pdu_rest -= read;
        if self.pdu_rest == 0 {
            self.expect_within(self.limits.pdu_time);
        }
        Ok(count)
    }

    /// Sends a PDU.
    pub(crate) fn send(&mut self, pdu: &Pdu) -> Result<(), Ended> {
        let mut bytes = Vec::with_capacity(512);
        write_pdu(&mut bytes, pdu).map_err(|_| Ended::Protocol("a PDU cannot be written"))?;
        self.stream.write_all(&bytes).map_err(Ended::Io)
    }

    /// Ends the conversation with an A-ABORT (PS3.8 9.3.8), as far as the peer still listens.
    pub(crate) fn abort(&mut self, reason: AbortRQServiceProviderReason) {
        let _ = self.send(&Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(reason) });
    }

    /// Says that nothing more comes, and waits a little for the peer to say the same, so that what was sent last is not
    /// lost to a reset.
    pub(crate) fn close(&mut self) {
        self.stream.end();
        let until = Instant::now() + CLOSE_TIME;
        while Instant::now() < until && matches!(self.stream.socket().read(&mut self.buffer), Ok(1..)) {}
    }

    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Ended> {
        while self.end - self.start < BYTES {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.end += receive(&mut self.stream, &mut self.buffer[self.end..], self.deadline, &self.stopping)?;
        }
        let taken = self.buffer[self.start..self.start + BYTES].try_into().expect("that many bytes are there");
        self.start += BYTES;
        Ok(taken)
    }

    /// What is buffered, or else bytes straight from the socket.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Ended> {
        if self.start == self.end {
            return receive(&mut self.stream, out, self.deadline, &self.stopping);
        }
        let count = out.len().min(self.end - self.start);
        out[..count].copy_from_slice(&self.buffer[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }
}

/// At least one byte, before the deadline. A peer that sends byte by byte does not move the deadline.
fn receive(stream: &mut Stream, out: &mut [u8], deadline: Instant, stopping: &AtomicBool) -> Result<usize, Ended> {
    loop {
        match stream.read(out) {
            Ok(0) => return Err(Ended::Closed),
            Ok(_) if Instant::now() > deadline => return Err(Ended::TooSlow),
            Ok(count) => return Ok(count),
            Err(error) => still_waits(error, deadline, stopping)?,
        }
    }
}

/// Whether a read that brought nothing is tried again.
fn still_waits(error: io::Error, deadline: Instant, stopping: &AtomicBool) -> Result<(), Ended> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    match error.kind() {
        // the peer rests; where part of a record came it does not, and may come to its end
        WouldBlock | TimedOut if stopping.load(Ordering::Acquire) => Err(Ended::Stopping),
        Interrupted | WouldBlock | TimedOut if Instant::now() > deadline => Err(Ended::TooSlow),
        Interrupted | WouldBlock | TimedOut => Ok(()),
        // over TLS: an end that was not announced
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Err(Ended::Closed),
        _ => Err(Ended::Io(error)),
    }
}
