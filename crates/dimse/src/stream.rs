//! What a conversation goes over: TCP, or TLS on top of it (PS3.15 B.12).
//!
//! A read takes one step at most: what comes of one receive from the socket; `Interrupted` says that it brought no whole record.
//! Whoever reads looks at its deadline between two steps, so a peer that sends byte by byte gets no more time than one that rests.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
};

use dpop::Thumbprint;
use rustls::{ServerConfig, ServerConnection};

/// A connection of a caller.
pub(crate) enum Stream {
    /// In the clear.
    Clear(TcpStream),
    /// Over TLS.
    Tls(Box<Tls>),
}

pub(crate) struct Tls {
    connection: ServerConnection,
    socket: TcpStream,
}

impl Stream {
    /// Over TLS where there is a configuration for it; the handshake comes by [`Stream::handshake_step`].
    pub(crate) fn begin(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(config) = tls else { return Ok(Self::Clear(socket)) };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(Tls { connection, socket })))
    }

    /// The socket underneath.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    /// Whether a TLS handshake has not come to its end.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.connection.is_handshaking())
    }

    /// One step of the handshake. `InvalidData` means that it failed; the peer was told why.
    pub(crate) fn handshake_step(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(_) => Ok(()),
            Self::Tls(tls) => match tls.step()? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            },
        }
    }

    /// The certificate whose key the caller showed to hold. Over TLS there always is one: whatever the configuration takes, nobody
    /// is heard without.
    pub(crate) fn certificate(&self) -> io::Result<Option<Thumbprint>> {
        let Self::Tls(tls) = self else { return Ok(None) };
        let own = tls.connection.peer_certificates().and_then(|chain| chain.first());
        let own = own.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no certificate was shown"))?;
        Ok(Some(Thumbprint::of_certificate(own)))
    }

    /// Sends everything.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes),
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) {
        if let Self::Tls(tls) = self {
            tls.connection.send_close_notify();
            let _ = tls.flush();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(out),
            Self::Tls(tls) => tls.read(out),
        }
    }
}

impl Tls {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(out) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.step()?;
                self.connection.reader().read(out).map_err(|error| match error.kind() {
                    // the socket brought something, and no whole record yet
                    io::ErrorKind::WouldBlock => io::ErrorKind::Interrupted.into(),
                    _ => error,
                })
            }
            read => read,
        }
    }

    /// One receive from the socket and what follows from it; how many bytes came.
    fn step(&mut self) -> io::Result<usize> {
        let count = self.connection.read_tls(&mut self.socket)?;
        let understood = self.connection.process_new_packets();
        // an answer, or the alert that says what was wrong
        let answered = self.flush();
        understood.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        answered.map(|()| count)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.connection.is_handshaking() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        while !bytes.is_empty() {
            let taken = self.connection.writer().write(bytes)?;
            bytes = &bytes[taken..];
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut self.socket)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}
