//! Asking elsewhere whether a password is known, by five digits of its hash, where the site says so.
//!
//! The warden connects to nothing. A process of its own, which has no key, no file and one port, is connected to a socket here by its
//! parent; over that stream the digits go out and bytes of one form come back ([`leaks::range_of`]). It is bounded in time and size, and
//! whatever goes wrong counts as not known: nobody is kept from signing in because somebody else is away.
//!
//! A question is five digits in ASCII. An answer is its length (4 bytes, big-endian; all ones where there is none) and so many bytes.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leaks::{RANGE_HASHES_MAX, RANGE_REST_BYTES, RangeQuestion};

use crate::pages::HELD;

/// How long a password waits for all its answers.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = RANGE_HASHES_MAX * RANGE_REST_BYTES;
/// The length of an answer that is none.
const NO_ANSWER: u32 = u32::MAX;
/// The most streams that wait to be used; one is used by each password that is checked.
const STREAMS_MAX: usize = 4;

/// The streams to whoever asks.
#[derive(Default)]
pub(crate) struct Ranges {
    free: Mutex<Vec<UnixStream>>,
    failed: AtomicU64,
}

impl Ranges {
    /// Takes streams until the socket fails.
    pub(crate) fn accept(&self, socket: &UnixListener) -> std::io::Result<()> {
        loop {
            let (stream, _) = socket.accept()?;
            let mut free = self.free.lock().expect(HELD);
            if free.len() >= STREAMS_MAX {
                free.remove(0);
            }
            free.push(stream);
        }
    }

    /// How many questions found no answer.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether a range has the password. Waits for at most [`ANSWER_TIME`].
    pub(crate) fn knows(&self, password: &str) -> bool {
        let until = Instant::now() + ANSWER_TIME;
        RangeQuestion::of_readings(password).iter().any(|question| match self.range(question.told(), until) {
            Some(range) => question.is_in(&range),
            None => {
                let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
                tracing::warn!(
                    failed,
                    "a range of leaked passwords could not be asked for; the password counts as not known"
                );
                false
            }
        })
    }

    /// An answer over any stream that is there. One that failed is closed: what comes over it later is no answer to the next question.
    fn range(&self, digits: [u8; 5], until: Instant) -> Option<Vec<u8>> {
        while let Some(mut stream) = self.next_free() {
            match asked(&mut stream, digits, until) {
                Ok(answer) => {
                    self.free.lock().expect(HELD).push(stream);
                    return answer;
                }
                Err(error) => tracing::debug!(%error, "whoever asks for ranges is gone"),
            }
        }
        None
    }

    fn next_free(&self) -> Option<UnixStream> {
        self.free.lock().expect(HELD).pop()
    }
}

fn asked(stream: &mut UnixStream, digits: [u8; 5], until: Instant) -> std::io::Result<Option<Vec<u8>>> {
    stream.set_write_timeout(Some(left(until)?))?;
    stream.write_all(&digits)?;
    let mut length = [0; 4];
    read_until(stream, &mut length, until)?;
    let length = u32::from_be_bytes(length);
    if length == NO_ANSWER {
        return Ok(None);
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > ANSWER_BYTES_MAX || !length.is_multiple_of(RANGE_REST_BYTES) {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; length];
    read_until(stream, &mut answer, until)?;
    Ok(Some(answer))
}

/// Fills `into`, in time or not at all, however slowly bytes come.
fn read_until(stream: &mut UnixStream, mut into: &mut [u8], until: Instant) -> std::io::Result<()> {
    while !into.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(into)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => into = &mut into[read..],
        }
    }
    Ok(())
}

fn left(until: Instant) -> std::io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `password`, whose hash begins with 5BAA6.
    const PASSWORD: &str = "password";

    fn range() -> Vec<u8> {
        leaks::range_of("1E4C9B93F3F0682250B6CF8331B7EE68FD8:3").unwrap()
    }

    fn framed(range: &[u8]) -> Vec<u8> {
        [&u32::try_from(range.len()).unwrap().to_be_bytes()[..], range].concat()
    }

    /// What is said of [`PASSWORD`] where so many streams answer so, and how many streams are kept.
    fn told(answers: &[&[u8]]) -> (bool, usize) {
        let ranges = Ranges::default();
        std::thread::scope(|scope| {
            for answer in answers {
                let (ours, mut theirs) = UnixStream::pair().unwrap();
                ranges.free.lock().unwrap().push(ours);
                scope.spawn(move || {
                    let mut digits = [0; 5];
                    if theirs.read_exact(&mut digits).is_ok() {
                        assert_eq!(&digits, b"5BAA6");
                        // an error here means that the answer was not waited for
                        let _ = theirs.write_all(answer);
                    }
                });
            }
            let known = ranges.knows(PASSWORD);
            let kept = std::mem::take(&mut *ranges.free.lock().unwrap()).len();
            (known, kept)
        })
    }

    #[test]
    fn a_password_of_a_range_is_known_and_its_stream_is_used_again() {
        assert_eq!(told(&[&framed(&range())]), (true, 1));
        assert_eq!(told(&[&framed(&[])]), (false, 1));
        assert_eq!(told(&[&NO_ANSWER.to_be_bytes()]), (false, 1));
        assert_eq!(told(&[]), (false, 0));
    }

    #[test]
    fn a_stream_that_answers_in_another_form_is_closed_and_the_next_is_asked() {
        let too_long = u32::try_from(ANSWER_BYTES_MAX + RANGE_REST_BYTES).unwrap();
        for wrong in [&b""[..], b"\0\0", &framed(&[0; 17]), &too_long.to_be_bytes(), &framed(&range())[..10]] {
            assert_eq!(told(&[wrong]), (false, 0), "{wrong:?}");
            assert_eq!(told(&[&framed(&range()), wrong]), (true, 1), "{wrong:?}");
        }
    }
}
