//! Frames on the socket.

use std::io;
use std::path::Path;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tarpc::serde_transport::{self, Transport};
use tarpc::tokio_serde::{Deserializer, Serializer};
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tokio::net::{UnixListener, UnixStream};

/// The longest message in bytes, in either direction.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// postcard as the encoding of one message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl<T: Serialize> Serializer<T> for Postcard {
    type Error = io::Error;

    fn serialize(self: Pin<&mut Self>, item: &T) -> io::Result<Bytes> {
        postcard::to_stdvec(item).map(Bytes::from).map_err(io::Error::other)
    }
}

impl<T: DeserializeOwned> Deserializer<T> for Postcard {
    type Error = io::Error;

    fn deserialize(self: Pin<&mut Self>, frame: &BytesMut) -> io::Result<T> {
        postcard::from_bytes(frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

type FrameTransport<In, Out> = Transport<UnixStream, In, Out, Postcard>;

fn framed<In: DeserializeOwned, Out: Serialize>(stream: UnixStream) -> FrameTransport<In, Out> {
    let frames = LengthDelimitedCodec::builder().max_frame_length(FRAME_BYTES_MAX).new_framed(stream);
    serde_transport::new(frames, Postcard)
}

/// Connects to a warden and spawns the client's dispatcher on the current runtime.
pub async fn connect(socket: &Path) -> io::Result<crate::WardenClient> {
    Ok(converse(UnixStream::connect(socket).await?))
}

/// Talks to a warden over a connected stream; spawns the client's dispatcher on the current runtime.
pub fn converse(stream: UnixStream) -> crate::WardenClient {
    let mut config = tarpc::client::Config::default();
    config.max_in_flight_requests = 1024;
    config.pending_request_buffer = 1024;
    crate::WardenClient::new(config, framed(stream)).spawn()
}

/// Serves one accepted connection's transport: requests in, responses out.
pub fn listen(
    stream: UnixStream,
) -> FrameTransport<tarpc::ClientMessage<crate::WardenRequest>, tarpc::Response<crate::WardenResponse>> {
    framed(stream)
}

/// Binds a socket that only its owner may open, replacing a dead one.
pub fn bind(socket: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
