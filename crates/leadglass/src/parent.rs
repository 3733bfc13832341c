//! What a walled child asks of the process that started it: connected streams. A child cannot connect to anything by itself, so
//! nobody who runs code in it reaches a socket that is not meant for it, the owner's above all. Nor can it start a program.
//!
//! The child's standard input is a Unix socket to its parent. The child says one byte, [`CONNECT`], and the parent connects to the one
//! socket that this child may reach; or two, [`WORKER`] and a place, and the parent starts a worker there in the stead of the one that has
//! it. It answers with one byte, [`CONNECTED`] with the descriptor (`SCM_RIGHTS`) or [`NOT_THERE`]. When the socket closes, the other
//! process is gone.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use tokio::sync::{Mutex, mpsc, watch};

const CONNECT: u8 = b'c';
const WORKER: u8 = b'w';
const CONNECTED: u8 = b'y';
const NOT_THERE: u8 = b'n';

/// Answers a child over `line` until the child is gone. `to` is all that it may reach; `worker` starts one in a place.
pub fn answer(line: &UnixStream, to: &Path, worker: impl Fn(u8) -> io::Result<OwnedFd>) {
    let _end = HangUp(line);
    let mut reading = line;
    let mut said = || {
        let mut byte = [0];
        reading.read_exact(&mut byte).map(|()| byte[0])
    };
    while let Ok(asked) = said() {
        let stream = match asked {
            CONNECT => connected(to),
            WORKER => said().and_then(&worker),
            // a child that says anything else gets nothing more
            _ => break,
        };
        if hand_over(line, stream).is_err() {
            break;
        }
    }
}

/// Lets the child hear that nobody answers any more, however that came: it ends then, and is started again.
struct HangUp<'l>(&'l UnixStream);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        // an error here means that the child is gone
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// A stream to `path`. A listener that stands still and whose queue is full counts as not there.
fn connected(path: &Path) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn hand_over(mut line: &UnixStream, stream: io::Result<OwnedFd>) -> io::Result<()> {
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a child does not get the stream that it asked for");
            return line.write_all(&[NOT_THERE]);
        }
    };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    let streams = [stream.as_fd()];
    with.push(SendAncillaryMessage::ScmRights(&streams));
    rustix::net::sendmsg(line, &[IoSlice::new(&[CONNECTED])], &mut with, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The parent, as a child has it on its standard input. Clones share it.
#[derive(Clone)]
pub struct Parent {
    line: Arc<UnixStream>,
    answers: Arc<Mutex<mpsc::UnboundedReceiver<Option<OwnedFd>>>>,
    gone: watch::Receiver<bool>,
}

impl Parent {
    /// Takes over standard input.
    pub fn on_stdin() -> io::Result<Self> {
        let line = Arc::new(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?));
        let (told, answers) = mpsc::unbounded_channel();
        let (say, gone) = watch::channel(false);
        let reading = Arc::clone(&line);
        std::thread::spawn(move || {
            while let Ok(Some(answer)) = receive(&reading) {
                if told.send(answer).is_err() {
                    break;
                }
            }
            say.send_replace(true);
        });
        Ok(Self { line, answers: Arc::new(Mutex::new(answers)), gone })
    }

    /// A stream to the one socket that this process may reach.
    pub async fn connect(self) -> io::Result<tokio::net::UnixStream> {
        self.ask(vec![CONNECT]).await
    }

    /// A stream to a worker that the parent starts in this place; the one that had it is ended.
    pub async fn worker(self, place: u8) -> io::Result<tokio::net::UnixStream> {
        self.ask(vec![WORKER, place]).await
    }

    /// A stream from the parent. Questions are answered one after the other.
    async fn ask(self, question: Vec<u8>) -> io::Result<tokio::net::UnixStream> {
        // a task of its own, so that a caller who waits no longer leaves no answer behind for the next one
        let asked = tokio::spawn(async move {
            let mut answers = self.answers.lock().await;
            (&*self.line).write_all(&question)?;
            match answers.recv().await {
                Some(Some(stream)) => Ok(stream),
                Some(None) => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            }
        });
        let stream = UnixStream::from(asked.await.map_err(io::Error::other)??);
        stream.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(stream)
    }

    /// Returns when the parent is gone.
    pub async fn gone(mut self) {
        // an error here means that the thread ended, which is the same
        let _ = self.gone.wait_for(|gone| *gone).await;
    }
}

/// One answer; nothing when the parent is gone.
fn receive(line: &UnixStream) -> io::Result<Option<Option<OwnedFd>>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(line, &mut [IoSliceMut::new(&mut byte)], &mut with, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let stream = with.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut streams) => streams.next(),
        _ => None,
    });
    Ok(Some(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes back for each question of a child; nothing once its parent listens no more.
    fn answers(questions: &[&[u8]]) -> Vec<Option<u8>> {
        let (mut child, line) = UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            // one place, 0
            let worker = |place| match place {
                0 => UnixStream::pair().map(|(stream, _)| stream.into()),
                _ => Err(io::ErrorKind::InvalidInput.into()),
            };
            scope.spawn(move || {
                answer(&line, Path::new("/nowhere/at/all"), worker);
                drop(line);
            });
            let mut asked = |question: &&[u8]| {
                let mut said = [0];
                child.write_all(question).and_then(|()| child.read_exact(&mut said)).ok().map(|()| said[0])
            };
            let answers = questions.iter().map(&mut asked).collect();
            child.shutdown(std::net::Shutdown::Both).unwrap();
            answers
        })
    }

    #[test]
    fn a_child_gets_its_socket_and_its_workers_and_nothing_else() {
        let [there, not_there] = [Some(CONNECTED), Some(NOT_THERE)];
        assert_eq!(
            answers(&[&[WORKER, 0], &[WORKER, 1], &[WORKER, 255], &[CONNECT], &[WORKER, 0]]),
            [there, not_there, not_there, not_there, there]
        );
        // what is no question ends the conversation
        assert_eq!(answers(&[b"x", &[WORKER, 0]]), [None, None]);
        assert_eq!(answers(&[&[CONNECTED], &[CONNECT]]), [None, None]);
    }
}
