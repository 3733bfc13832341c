//! `multipart/related` (RFC 2387, RFC 2046 section 5.1): a reader that streams with limits, and the frame of a writer.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use memchr::memmem;
use thiserror::Error;

/// The longest boundary, in characters (RFC 2046 section 5.1.1).
pub const BOUNDARY_CHARACTERS_MAX: usize = 70;
/// The most bytes before the first boundary.
pub const PREAMBLE_BYTES_MAX: usize = 16 * 1024;
/// The longest header of one part, in bytes.
pub const PART_HEADER_BYTES_MAX: usize = 8 * 1024;
/// The most parts of one body.
pub const PARTS_MAX: u32 = 100_000;

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum MultipartError {
    /// The content type names no usable boundary.
    #[error("the content type names no usable boundary")]
    Boundary,
    /// Too much stands before the first part, or there is none.
    #[error("the body does not begin with its boundary")]
    Preamble,
    /// A part's header is too long or out of shape.
    #[error("a part's header is too long or out of shape")]
    Header,
    /// Too many parts.
    #[error("the body has too many parts")]
    Parts,
    /// The body ended before its closing boundary.
    #[error("the body ended before its closing boundary")]
    Truncated,
    /// The connection broke, or the body did not come on.
    #[error("the body broke off or did not come on")]
    Broken,
    /// The body is longer than the limit.
    #[error("the body is too long")]
    TooLong,
}

/// Reads parts one after another: [`MultipartReader::next_part`], then [`MultipartReader::chunk`] until it is `None`.
pub(crate) struct MultipartReader<S> {
    frames: S,
    buffer: BytesMut,
    /// CRLF, two hyphens, the boundary.
    delimiter: Box<[u8]>,
    place: Place,
    parts: u32,
    /// How many bytes may still come.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Preamble,
    AfterDelimiter,
    Content,
    End,
}

/// The header of one part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartHeader {
    /// `Content-Type` as it stands, if it is there.
    pub(crate) content_type: Option<String>,
}

impl<S, E> MultipartReader<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// A reader of a body whose parts are separated by `boundary` and which has at most `bytes_max` bytes.
    pub(crate) fn new(frames: S, boundary: &str, bytes_max: u64) -> Result<Self, MultipartError> {
        let fits = !boundary.is_empty()
            && boundary.len() <= BOUNDARY_CHARACTERS_MAX
            && !boundary.ends_with(' ')
            && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte));
        if !fits {
            return Err(MultipartError::Boundary);
        }
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat().into_boxed_slice();
        // the first boundary may stand at the very beginning: the line break before it is put there
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Ok(Self { frames, buffer, delimiter, place: Place::Preamble, parts: 0, left: bytes_max })
    }

    /// Goes to the next part, passing over what was not read of this one. `None` after the closing boundary.
    pub(crate) async fn next_part(&mut self) -> Result<Option<PartHeader>, MultipartError> {
        if self.place == Place::Preamble {
            self.pass_preamble().await?;
        }
        while self.place == Place::Content {
            self.chunk().await?;
        }
        if self.place == Place::End || self.is_last().await? {
            self.place = Place::End;
            return Ok(None);
        }
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(MultipartError::Parts);
        }
        let header = self.part_header().await?;
        self.place = Place::Content;
        Ok(Some(header))
    }

    /// The next bytes of this part, `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        while self.place == Place::Content {
            match memmem::find(&self.buffer, &self.delimiter) {
                Some(0) => {
                    self.buffer.advance(self.delimiter.len());
                    self.place = Place::AfterDelimiter;
                }
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                None => {
                    // the end of the buffer may be the beginning of a delimiter
                    let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
                    if sure > 0 {
                        return Ok(Some(self.buffer.split_to(sure).freeze()));
                    }
                    self.more().await?;
                }
            }
        }
        Ok(None)
    }

    async fn pass_preamble(&mut self) -> Result<(), MultipartError> {
        let mut passed = 0;
        loop {
            if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                if passed + at > PREAMBLE_BYTES_MAX {
                    return Err(MultipartError::Preamble);
                }
                self.buffer.advance(at + self.delimiter.len());
                self.place = Place::AfterDelimiter;
                return Ok(());
            }
            let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            self.buffer.advance(sure);
            passed += sure;
            if passed > PREAMBLE_BYTES_MAX {
                return Err(MultipartError::Preamble);
            }
            self.more().await.map_err(|error| match error {
                MultipartError::Truncated => MultipartError::Preamble,
                other => other,
            })?;
        }
    }

    /// Behind a delimiter: two hyphens close the body, white space and a line break begin a part.
    async fn is_last(&mut self) -> Result<bool, MultipartError> {
        while self.buffer.len() < 2 {
            self.more().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(true);
        }
        loop {
            let blanks = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match self.buffer.get(blanks..blanks + 2) {
                Some(b"\r\n") => {
                    // the line break stays: it may be the first half of the empty line that ends an empty header
                    self.buffer.advance(blanks);
                    return Ok(false);
                }
                Some(_) => return Err(MultipartError::Header),
                None if blanks > PART_HEADER_BYTES_MAX => return Err(MultipartError::Header),
                None => self.more().await?,
            }
        }
    }

    async fn part_header(&mut self) -> Result<PartHeader, MultipartError> {
        let end = loop {
            match memmem::find(&self.buffer, b"\r\n\r\n") {
                Some(at) if at <= PART_HEADER_BYTES_MAX => break at,
                Some(_) => return Err(MultipartError::Header),
                None if self.buffer.len() > PART_HEADER_BYTES_MAX => return Err(MultipartError::Header),
                None => self.more().await?,
            }
        };
        let header = self.buffer.split_to(end + 4);
        let text = std::str::from_utf8(&header).map_err(|_| MultipartError::Header)?;
        let mut content_type = None;
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(MultipartError::Header)?;
            if name.eq_ignore_ascii_case("content-type") && content_type.replace(value.trim().to_owned()).is_some() {
                return Err(MultipartError::Header);
            }
        }
        Ok(PartHeader { content_type })
    }

    async fn more(&mut self) -> Result<(), MultipartError> {
        match self.frames.next().await {
            None => Err(MultipartError::Truncated),
            Some(Err(_)) => Err(MultipartError::Broken),
            Some(Ok(frame)) => {
                self.left = self.left.checked_sub(frame.len() as u64).ok_or(MultipartError::TooLong)?;
                self.buffer.extend_from_slice(&frame);
                Ok(())
            }
        }
    }
}

/// A boundary that nobody who stored something could foresee, so that no stored bytes can pose as a boundary.
pub(crate) fn boundary() -> String {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("leadglass-{:016x}{:016x}", KEYS[0].hash_one(number), KEYS[1].hash_one(number))
}

/// What stands before the content of one part.
pub(crate) fn part_head(boundary: &str, content_type: &str, length: Option<u64>, location: &str) -> Bytes {
    let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    Bytes::from(format!("--{boundary}\r\nContent-Type: {content_type}\r\n{length}Content-Location: {location}\r\n\r\n"))
}

/// What stands behind the last part.
pub(crate) fn close(boundary: &str) -> Bytes {
    Bytes::from(format!("--{boundary}--\r\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    type Parts = Vec<(Option<String>, Vec<u8>)>;
    type Expected = Result<&'static [(Option<&'static str>, &'static [u8])], MultipartError>;

    async fn read(body: &[u8], step: usize) -> Result<Parts, MultipartError> {
        let frames: Vec<Result<Bytes, ()>> = body.chunks(step).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let mut reader = MultipartReader::new(futures::stream::iter(frames), "b", 1 << 20)?;
        let mut parts = Vec::new();
        while let Some(header) = reader.next_part().await? {
            let mut content = Vec::new();
            while let Some(chunk) = reader.chunk().await? {
                assert!(!chunk.is_empty());
                content.extend_from_slice(&chunk);
            }
            parts.push((header.content_type, content));
        }
        Ok(parts)
    }

    #[track_caller]
    fn check(body: &[u8], expected: Expected) {
        // wherever the network cuts the body, the parts are the same
        let steps: &[usize] = if body.len() < 1000 { &[1, 2, 3, 5, 7, 11, 40, 1000] } else { &[999, 65_536] };
        for &step in steps {
            let found = futures::executor::block_on(read(body, step));
            let expected = expected.map(|parts| {
                parts.iter().map(|(kind, content)| (kind.map(str::to_owned), content.to_vec())).collect::<Parts>()
            });
            assert_eq!(found, expected, "in steps of {step}");
        }
    }

    #[test]
    fn parts_come_out_as_they_went_in() {
        check(b"--b\r\nContent-Type: a/b\r\n\r\nhello\r\n--b--", Ok(&[(Some("a/b"), b"hello")]));
        check(b"--b\r\n\r\nno header\r\n--b--\r\n", Ok(&[(None, b"no header")]));
        check(
            b"preamble\r\n--b  \t\r\nX: y\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--epilogue",
            Ok(&[(None, b"1"), (None, b"2")]),
        );
        check(b"\r\n--b\r\n\r\n\r\n--b--", Ok(&[(None, b"")]));
        check(b"--b--", Ok(&[]));
        check(b"--b\r\n\r\n\r\n--\r\n-b\r\n--c\r\n--b--", Ok(&[(None, b"\r\n--\r\n-b\r\n--c")]));
    }

    #[test]
    fn hostile_bodies_are_refused() {
        use MultipartError::{Header, Preamble, TooLong, Truncated};
        check(b"", Err(Preamble));
        check(b"no boundary anywhere", Err(Preamble));
        check(&vec![b'x'; PREAMBLE_BYTES_MAX + 100], Err(Preamble));
        check(b"--b", Err(Truncated));
        check(b"--b\r\n", Err(Truncated));
        check(b"--b\r\nContent-Type: a/b", Err(Truncated));
        check(b"--b\r\n\r\ncontent without end", Err(Truncated));
        check(b"--b\r\n\r\ncontent\r\n--", Err(Truncated));
        check(b"--bogus\r\n\r\nx\r\n--b--", Err(Header));
        check(b"--b\r\nno colon\r\n\r\nx\r\n--b--", Err(Header));
        check(b"--b\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\nx\r\n--b--", Err(Header));
        check(b"--b\r\nX: \xff\xfe\r\n\r\nx\r\n--b--", Err(Header));
        check(
            &[&b"--b\r\nX: "[..], &vec![b'x'; PART_HEADER_BYTES_MAX + 1], b"\r\n\r\nx\r\n--b--"].concat(),
            Err(Header),
        );
        check(&[&b"--b"[..], &vec![b' '; 2 * PART_HEADER_BYTES_MAX]].concat(), Err(Header));
        check(&[&b"--b\r\n\r\n"[..], &vec![b'x'; 1 << 20], b"\r\n--b--"].concat(), Err(TooLong));
    }

    #[test]
    fn unusable_boundaries_are_refused() {
        let long = "x".repeat(BOUNDARY_CHARACTERS_MAX + 1);
        for boundary in ["", "ends with space ", "line\r\nbreak", "quote\"", "ümlaut", &long] {
            let frames = futures::stream::iter(Vec::<Result<Bytes, ()>>::new());
            assert!(
                matches!(MultipartReader::new(frames, boundary, 10), Err(MultipartError::Boundary)),
                "{boundary:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_of_parts_without_end_is_refused() {
        let frames = futures::stream::repeat_with(|| Ok::<_, ()>(Bytes::from("\r\n--b\r\n\r\n".repeat(500))));
        let mut reader = MultipartReader::new(frames, "b", u64::MAX).unwrap();
        let refused = loop {
            match reader.next_part().await {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        assert_eq!(refused, Err(MultipartError::Parts));
    }

    #[tokio::test]
    async fn what_is_held_of_a_long_part_is_what_came_last() {
        let frames = futures::stream::repeat_with(|| Ok::<_, ()>(Bytes::from(vec![7; 65_536]))).take(1000);
        let head = futures::stream::iter([Ok(Bytes::from_static(b"--b\r\n\r\n"))]);
        let mut reader = MultipartReader::new(head.chain(frames), "b", u64::MAX).unwrap();
        reader.next_part().await.unwrap().unwrap();
        let ended = loop {
            match reader.chunk().await {
                Ok(Some(chunk)) => assert!(chunk.len() <= 65_536 + 10),
                other => break other,
            }
        };
        assert_eq!(ended, Err(MultipartError::Truncated));
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(boundary(), boundary());
        assert!(boundary().len() <= BOUNDARY_CHARACTERS_MAX);
    }

    /// SplitMix64.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = *state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    #[test]
    fn whatever_is_in_the_parts_comes_out_again() {
        // bytes that look like parts of a boundary, much more often than chance has them
        const PIECES: [&[u8]; 8] = [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"c", b"\r\n--c"];
        for seed in 0..500 {
            let state = &mut (seed as u64);
            let parts: Vec<Vec<u8>> = (0..random(state) % 5)
                .map(|_| (0..random(state) % 30).flat_map(|_| PIECES[random(state) as usize % 8].to_vec()).collect())
                .collect();
            let mut body = Vec::new();
            for part in &parts {
                body.extend_from_slice(b"--b\r\n\r\n");
                body.extend_from_slice(part);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--b--");
            let step = 1 + random(state) as usize % 9;
            let found = futures::executor::block_on(read(&body, step))
                .map(|found| found.into_iter().map(|part| part.1).collect());
            assert_eq!(found, Ok(parts), "seed {seed}");
        }
    }

    #[test]
    fn no_bytes_break_the_reader() {
        const PIECES: [&[u8]; 8] = [b"\r\n--b", b"--", b"\r\n", b"\r\n\r\n", b"Content-Type: a/b", b":", b" ", b"\xff"];
        for seed in 0..2000 {
            let state = &mut (seed as u64);
            let body: Vec<u8> =
                (0..random(state) % 20).flat_map(|_| PIECES[random(state) as usize % 8].to_vec()).collect();
            let step = 1 + random(state) as usize % 9;
            // wherever it is cut, the answer is the same
            let found = futures::executor::block_on(read(&body, step));
            assert_eq!(found, futures::executor::block_on(read(&body, 1000)), "seed {seed}");
        }
    }
}
