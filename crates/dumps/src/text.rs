//! Bytes to lines: which encoding, where a line ends, and what is too long.

use std::io::{self, Read};

use memchr::memchr3_iter;
use thiserror::Error;

/// The longest line that is looked at, in bytes of UTF-8; what is longer is counted and passed over.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;
/// A line that is still not over after so many bytes ends the look: no tool writes one.
const ENDLESS_LINE_BYTES: usize = 256 << 20;
/// What is read at once, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// How much of the beginning tells the encoding, in bytes.
const LOOK_BYTES: usize = 4096;

/// Text of fewer units than this is taken for bytes.
const LOOK_UNITS_MIN: usize = 4;

/// A line has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line is longer than {ENDLESS_LINE_BYTES} bytes")]
pub(crate) struct EndlessLine;

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, ASCII, or Latin-1 where a line is no UTF-8.
    Bytes,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub bytes: u64,
    pub lines: u64,
    pub too_long: u64,
}

/// Whoever takes lines.
pub(crate) trait Lines {
    /// A line, without its end.
    fn line(&mut self, line: &str);

    /// So much was read: told after every chunk and at the end. An error ends the reading.
    fn read(&mut self, read: &Tally) -> io::Result<()>;
}

/// Gives every line. An error ends the reading once everything before it was given, an unfinished line among it.
pub(crate) fn lines(mut input: impl Read, to: &mut impl Lines) -> io::Result<()> {
    let mut read = Tally::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut held: Vec<u8> = Vec::new();
    let mut cutter = Cutter::default();
    let mut encoding = None;
    loop {
        let (length, failed) = fill(&mut input, &mut chunk);
        let ended = length == 0 || failed.is_some();
        read.bytes += length as u64;
        let bytes = &chunk[..length];
        let (encoding, bytes) = match encoding {
            Some(encoding) => (encoding, bytes),
            None => {
                let (told, mark) = encoding_of(bytes);
                encoding = Some(told);
                (told, &bytes[mark..])
            }
        };
        let mut each = |text: &[u8]| {
            read.lines += 1;
            as_text(text, |line| to.line(line));
        };
        match encoding {
            Encoding::Bytes => cutter.take(bytes, &mut each),
            Encoding::Utf16Le | Encoding::Utf16Be => {
                held.extend(bytes);
                let text = utf8_of(&mut held, encoding, ended);
                cutter.take(text.as_bytes(), &mut each);
            }
        }
        if ended {
            cutter.end(&mut each);
        }
        read.too_long = cutter.too_long;
        to.read(&read)?;
        if let Some(error) = failed {
            return Err(error);
        }
        if ended {
            return Ok(());
        }
        if cutter.over > ENDLESS_LINE_BYTES {
            return Err(io::Error::other(EndlessLine));
        }
    }
}

/// Reads until the chunk is full or nothing is left, so that the look at the beginning does not depend on how a stream is cut.
/// Says how much was read, and what kept it from reading on.
fn fill(input: &mut impl Read, chunk: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut length = 0;
    while length < chunk.len() {
        match input.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}

/// The encoding, and how many bytes its mark takes.
fn encoding_of(bytes: &[u8]) -> (Encoding, usize) {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => return (Encoding::Bytes, 3),
        [0xff, 0xfe, ..] => return (Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => return (Encoding::Utf16Be, 2),
        _ => {}
    }
    let look = &bytes[..bytes.len().min(LOOK_BYTES)];
    let zeros = |from: usize| look.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), look.len() / 2);
    // logins are mostly ASCII, so every second byte of UTF-16 is zero
    if half >= LOOK_UNITS_MIN && odd > half / 2 && even < half / 10 + 1 {
        (Encoding::Utf16Le, 0)
    } else if half >= LOOK_UNITS_MIN && even > half / 2 && odd < half / 10 + 1 {
        (Encoding::Utf16Be, 0)
    } else {
        (Encoding::Bytes, 0)
    }
}

/// UTF-16 as UTF-8; what is cut off in the middle stays in `held`.
fn utf8_of(held: &mut Vec<u8>, encoding: Encoding, ended: bool) -> String {
    let unit = |pair: &[u8]| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
        _ => u16::from_le_bytes([pair[0], pair[1]]),
    };
    let mut whole = held.len() / 2 * 2;
    // the first half of a pair waits for the second
    if !ended && whole >= 2 && (0xd800..0xdc00).contains(&unit(&held[whole - 2..whole])) {
        whole -= 2;
    }
    let text = char::decode_utf16(held[..whole].chunks_exact(2).map(unit))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    held.drain(..whole);
    text
}

/// A line as text: UTF-8, or Latin-1 where it is none.
fn as_text(bytes: &[u8], line: impl FnOnce(&str)) {
    match std::str::from_utf8(bytes) {
        Ok(text) => line(text),
        Err(_) => line(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// Cuts bytes at LF, CR and NUL.
#[derive(Default)]
struct Cutter {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// How long that line is, in bytes, once it is too long; nothing of it is kept then.
    over: usize,
    too_long: u64,
}

impl Cutter {
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) {
        let mut from = 0;
        for end in memchr3_iter(b'\n', b'\r', 0, bytes) {
            let line = &bytes[from..end];
            from = end + 1;
            if self.begun.is_empty() && self.over == 0 {
                self.whole(line, each);
            } else {
                self.begin(line);
                self.end(each);
            }
        }
        self.begin(&bytes[from..]);
    }

    fn begin(&mut self, part: &[u8]) {
        if self.over > 0 || self.begun.len() + part.len() > LINE_BYTES_MAX {
            self.over += self.begun.len() + part.len();
            self.begun.clear();
        } else {
            self.begun.extend(part);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.over) > 0 {
            self.too_long += 1;
        } else if !self.begun.is_empty() {
            let line = std::mem::take(&mut self.begun);
            self.whole(&line, each);
            self.begun = line;
        }
        self.begun.clear();
    }

    fn whole(&mut self, line: &[u8], each: &mut impl FnMut(&[u8])) {
        if line.len() > LINE_BYTES_MAX {
            self.too_long += 1;
        } else if !line.is_empty() {
            each(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        lines: Vec<String>,
        read: Tally,
    }

    impl Lines for Seen {
        fn line(&mut self, line: &str) {
            self.lines.push(line.to_owned());
        }

        fn read(&mut self, read: &Tally) -> io::Result<()> {
            self.read = *read;
            Ok(())
        }
    }

    #[track_caller]
    fn check(input: &[u8], expected: &[&str]) -> Tally {
        let mut seen = Seen::default();
        lines(input, &mut seen).unwrap();
        assert_eq!(seen.lines, expected);
        seen.read
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn lines_end_with_lf_crlf_cr_nul_or_the_end() {
        let read = check(b"a:b\r\nc:d\n\0e:f\rg:h\0\0\0i:j", &["a:b", "c:d", "e:f", "g:h", "i:j"]);
        assert_eq!((read.lines, read.bytes), (5, 23));
        check(b"", &[]);
        check(b"\n\n\0", &[]);
    }

    #[test]
    fn every_encoding_comes_out_the_same() {
        let text = "jörg@example.org:Straße€𝄞\nx:y";
        check(text.as_bytes(), &["jörg@example.org:Straße€𝄞", "x:y"]);
        check(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), &["jörg@example.org:Straße€𝄞", "x:y"]);
        for marked in [false, true] {
            let text = if marked { format!("\u{feff}{text}") } else { text.to_owned() };
            check(&utf16(&text, u16::to_le_bytes), &["jörg@example.org:Straße€𝄞", "x:y"]);
            check(&utf16(&text, u16::to_be_bytes), &["jörg@example.org:Straße€𝄞", "x:y"]);
        }
        check(b"j\xf6rg@example.org:Stra\xdfe\n", &["jörg@example.org:Straße"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_not() {
        let mut input = vec![b'x'; LINE_BYTES_MAX + 1];
        input.extend(b"\nshort\n");
        input.extend(vec![b'y'; 3 * CHUNK_BYTES]);
        input.extend(b"\nlast");
        assert_eq!(check(&input, &["short", "last"]).too_long, 2);
        let longest = vec![b'x'; LINE_BYTES_MAX];
        check(&longest, &[std::str::from_utf8(&longest).unwrap()]);
    }

    #[test]
    fn a_line_without_an_end_ends_the_look_and_a_long_one_does_not() {
        let line = |bytes: usize| io::repeat(b'x').take(bytes as u64).chain(&b"\nlast"[..]);
        let mut seen = Seen::default();
        lines(line(ENDLESS_LINE_BYTES), &mut seen).unwrap();
        assert_eq!((&seen.lines[..], seen.read.too_long), (&["last".to_owned()][..], 1));
        let error = lines(line(ENDLESS_LINE_BYTES + CHUNK_BYTES), &mut seen).unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<EndlessLine>()), "{error}");
    }

    /// Gives some bytes in small pieces, then fails.
    struct Damaged<'a>(&'a [u8]);

    impl Read for Damaged<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let length = into.len().min(1_000);
            self.0.read(&mut into[..length])
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_given_with_the_line_that_it_cuts() {
        let (text, filler) = ("a:b\nc:d\ne:f", "x\n".repeat(CHUNK_BYTES));
        let long = format!("{filler}{text}");
        for (text, lines_before) in [(text, 0), (&long, CHUNK_BYTES)] {
            for bytes in [text.as_bytes().to_vec(), utf16(&format!("\u{feff}{text}"), u16::to_be_bytes)] {
                let mut seen = Seen::default();
                let error = lines(Damaged(&bytes), &mut seen).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert_eq!(seen.lines[lines_before..], ["a:b", "c:d", "e:f"]);
                assert_eq!((seen.read.lines, seen.read.bytes), (lines_before as u64 + 3, bytes.len() as u64));
            }
        }
        let mut seen = Seen::default();
        lines(Damaged(&[]), &mut seen).unwrap_err();
        assert!(seen.lines.is_empty());
    }

    #[test]
    fn characters_across_chunks_stay_whole() {
        let text = ("ä𝄞".repeat(430) + "\n").repeat(600);
        let expected: Vec<&str> = text.lines().collect();
        check(&utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), &expected);
    }
}
