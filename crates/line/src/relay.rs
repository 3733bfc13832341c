//! Bytes from one stream to the other, until either ends or the line is cut.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// A line that acknowledges nothing for so long is cut, in milliseconds.
const UNACKNOWLEDGED_MILLISECONDS: u32 = 10_000;
/// A line that is quiet for so long is asked, in seconds.
const QUIET_SECONDS: u64 = 5;
/// Between two questions, in seconds.
const ASK_SECONDS: u64 = 2;
/// Questions without an answer after which it is cut.
const ASKED_MAX: u32 = 3;

/// Makes the kernel notice a cut line by itself.
pub(crate) fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MILLISECONDS)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(QUIET_SECONDS))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(ASK_SECONDS))?;
    sockopt::set_tcp_keepcnt(stream, ASKED_MAX)?;
    Ok(())
}

/// Carries both ways until one side closes: the conversation has no half-closed state.
pub(crate) async fn carry<Far>(far: Far, mut near: UnixStream)
where
    Far: AsyncRead + AsyncWrite,
{
    let (mut far_reads, mut far_writes) = tokio::io::split(far);
    let (mut near_reads, mut near_writes) = near.split();
    let ended = tokio::select! {
        ended = tokio::io::copy(&mut far_reads, &mut near_writes) => ended,
        ended = tokio::io::copy(&mut near_reads, &mut far_writes) => ended,
    };
    // says goodbye where somebody listens; a cut line is given up by the kernel
    let _ = tokio::time::timeout(Duration::from_secs(ASK_SECONDS), far_writes.shutdown()).await;
    match ended {
        Ok(_) => tracing::debug!("a connection ended"),
        Err(error) => tracing::info!(%error, "a connection broke"),
    }
}
