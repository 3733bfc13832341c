//! Lines of JSON as dumps have them, read without a parser of all of it: in one pass, from which nothing is copied but a login or a
//! password with an escape in it.
//!
//! Whatever this reading does not know (an exponent, a long number where a login stands, nesting without end, an error) is nothing here,
//! and read by the parser of everything. So both read a line the same, or only that one does.

use std::borrow::Cow;

use crate::columns::{Holds, holds};
use crate::few::Few;

/// The most digits of a number that is passed over here: no such number is out of range.
const DIGITS_MAX: usize = 100;
/// The most digits of a number that is a login or password here: they fit 64 bits, so it reads as it is written.
const DIGITS_TAKEN_MAX: usize = 18;
/// How deep objects and arrays lie in each other here.
const DEPTH_MAX: usize = 16;

/// Logins and passwords of a line.
#[derive(Default)]
pub(super) struct Quick {
    pub logins: Few<Part>,
    pub passwords: Few<Part>,
}

/// Where in a line a text stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    from: u32,
    to: u32,
    /// Whether it has escapes in it; its quotes belong to it then.
    escaped: bool,
}

impl Part {
    /// What it says. A text with escapes is one that reads.
    pub(super) fn of(self, line: &str) -> Cow<'_, str> {
        let text = &line[self.from as usize..self.to as usize];
        if self.escaped { Cow::Owned(serde_json::from_str(text).unwrap_or_default()) } else { Cow::Borrowed(text) }
    }
}

/// Reads an object that `text` begins with into `quick`, and says where it ends; what follows it is not looked at.
pub(super) fn read(text: &str, quick: &mut Quick) -> Option<usize> {
    let mut rest = Rest { text, at: 0, quick };
    if rest.next_byte()? != b'{' {
        return None;
    }
    rest.object(0)?;
    Some(rest.at)
}

/// What is left of a line, and what was read of it.
struct Rest<'a> {
    text: &'a str,
    at: usize,
    quick: &'a mut Quick,
}

impl<'a> Rest<'a> {
    /// An object, from its brace on.
    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.next_byte()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?.of(self.text);
            if self.next_byte()? != b':' {
                return None;
            }
            self.at += 1;
            self.value(holds(&key), depth)?;
            match self.next_byte()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// An array, from its bracket on; each element is meant as all of it.
    fn array(&mut self, holds: Option<Holds>, depth: usize) -> Option<()> {
        self.at += 1;
        if self.next_byte()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(holds, depth)?;
            match self.next_byte()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn value(&mut self, holds: Option<Holds>, depth: usize) -> Option<()> {
        match self.next_byte()? {
            b'"' => {
                let text = self.string()?;
                self.push(holds, text);
                Some(())
            }
            b'-' | b'0'..=b'9' => self.number(holds),
            b'{' if depth < DEPTH_MAX => self.object(depth + 1),
            b'[' if depth < DEPTH_MAX => self.array(holds, depth + 1),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => None,
        }
    }

    fn push(&mut self, holds: Option<Holds>, text: Part) {
        match holds {
            Some(Holds::Login) => self.quick.logins.push(text),
            Some(Holds::Password) => self.quick.passwords.push(text),
            None => {}
        }
    }

    /// The next byte that is no white space; it stays where it is.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// A text in quotes.
    fn string(&mut self) -> Option<Part> {
        if self.next_byte()? != b'"' {
            return None;
        }
        let (from, bytes) = (self.at, self.text.as_bytes());
        let mut at = from + 1 + stop(&bytes[from + 1..])?;
        if bytes[at] == b'"' {
            self.at = at + 1;
            return Some(self.part(from + 1, at, false));
        }
        while bytes[at] != b'"' {
            at += escape(&bytes[at..])?;
            at += stop(&bytes[at..])?;
        }
        self.at = at + 1;
        Some(self.part(from, at + 1, true))
    }

    /// Lines are shorter than 4 GiB by far.
    fn part(&self, from: usize, to: usize, escaped: bool) -> Part {
        Part { from: from as u32, to: to as u32, escaped }
    }

    /// A number without an exponent.
    fn number(&mut self, holds: Option<Holds>) -> Option<()> {
        let from = self.at;
        self.at += usize::from(self.text.as_bytes()[self.at] == b'-');
        let whole = self.digits();
        // no number begins with a zero that counts for nothing
        if whole.is_empty() || whole.len() > DIGITS_MAX || whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.text.as_bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            let fraction = self.digits();
            // which is no login
            return (!fraction.is_empty() && fraction.len() <= DIGITS_MAX).then_some(());
        }
        // one that reads as it is written
        if holds.is_some() && (whole.len() > DIGITS_TAKEN_MAX || &self.text[from..self.at] == "-0") {
            return None;
        }
        let number = self.part(from, self.at, false);
        self.push(holds, number);
        Some(())
    }

    fn digits(&mut self) -> &'a str {
        let from = self.at;
        let rest = &self.text[from..];
        self.at += rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        &self.text[from..self.at]
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.text[self.at..].starts_with(literal).then(|| self.at += literal.len())
    }
}

/// How long the escape is that a text goes on with (RFC 8259 section 7); nothing when it is none, or half a pair of code units.
fn escape(bytes: &[u8]) -> Option<usize> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(bytes.get(at + 2..at + 6)?).ok()?;
        let unit = bytes[at..].starts_with(b"\\u") && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        unit.then(|| u16::from_str_radix(digits, 16).ok())?
    };
    match bytes {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        [b'\\', b'u', ..] => match unit(0)? {
            0xd800..=0xdbff => matches!(unit(6)?, 0xdc00..=0xdfff).then_some(12),
            0xdc00..=0xdfff => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// Where a text ends, or has what is none of its characters: a quote, the beginning of an escape, a control character (RFC 8259
/// section 7).
fn stop(bytes: &[u8]) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let stops = stops(u64::from_le_bytes(*eight));
        if stops != 0 {
            return Some(number * 8 + stops.trailing_zeros() as usize / 8);
        }
    }
    let is_stop = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    Some(eights.len() * 8 + rest.iter().position(is_stop)?)
}

/// The high bit of each of eight bytes that ends a text. Above the first of them bits may be set that say nothing.
fn stops(eight: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below = |eight: u64, bound: u8| eight.wrapping_sub(ONES * u64::from(bound)) & !eight;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    (below(eight, 0x20) | is(b'"') | is(b'\\')) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, logins: &[&str], passwords: &[&str]) {
        let mut quick = Quick::default();
        assert!(read(line, &mut quick).is_some(), "left to the parser: {line}");
        let texts = |parts: &Few<Part>| parts.all().iter().map(|part| part.of(line)).collect::<Vec<_>>();
        assert_eq!(texts(&quick.logins), logins, "{line}");
        assert_eq!(texts(&quick.passwords), passwords, "{line}");
    }

    #[test]
    fn lines_of_dumps_are_read_here() {
        check(
            r#"{"id": 17, "Email":"a@b.c" ,"pw":"gehe:im","ok":true,"n":null,"x":-1.50}, rest"#,
            &["a@b.c"],
            &["gehe:im"],
        );
        check("{}", &[], &[]);
        check(r#"{"email":"a\u0040b.c","url":"https:\/\/x","p\u0061ss":"\"\\\u00e4"}"#, &["a@b.c"], &["\"\\ä"]);
        check(
            r#"{"_id":{"$oid":"5f"},"tags":[1,[],{"user":"anna"},"x"],"pwd":["one","two",3]}"#,
            &["anna"],
            &["one", "two", "3"],
        );
        check(r#"{"user":17,"pass":-4,"login":1.5,"mail":null,"account":{"x":"y"}}"#, &["17"], &["-4"]);
        check(
            r#"{"email":"somebody.with.a.long.name@example.org","pass":"längeres Geheimnis"}"#,
            &["somebody.with.a.long.name@example.org"],
            &["längeres Geheimnis"],
        );
    }

    #[test]
    fn what_this_reading_does_not_know_is_left_to_the_parser() {
        let deep = format!("{}{}", "{\"x\":".repeat(DEPTH_MAX + 2), "}".repeat(DEPTH_MAX + 2));
        for left in [
            &deep,
            r#"{"user":1234567890123456789}"#,
            r#"{"user":-0}"#,
            r#"{"user":1e5}"#,
            r#"{"x":1e5}"#,
            r#"{"x":01}"#,
            r#"{"x":-}"#,
            r#"{"x":1.}"#,
            r#"{"x":truth}"#,
            r#"{"x":tru"#,
            r#"{"x":"a"#,
            r#"{"x":"a\"#,
            r#"{"x":"a\x"}"#,
            r#"{"x":"\ud800"}"#,
            r#"{"x":"\udc00"}"#,
            r#"{"x":"\ud800\n"}"#,
            r#"{"x":"\ud800\u0041"}"#,
            r#"{"x":"\u+123"}"#,
            r#"{"x":"\u12"}"#,
            "{\"x\":\"a\tb\"}",
            "{\"x\":\"a long text, and in it a \u{1}\"}",
            r#"{"x" "a"}"#,
            r#"{"x":"a" "y":"b"}"#,
            r#"{"x":"a",}"#,
            r#"{"x":[1,]}"#,
            r#"{"x":[1}"#,
            r#"{x:"a"}"#,
            "{",
            "",
            "[",
        ] {
            assert!(read(left, &mut Quick::default()).is_none(), "{left}");
        }
    }

    #[test]
    fn no_more_than_the_first_few_values_of_a_line_are_taken() {
        let all: Vec<String> = (0..11).map(|n| format!("\"mail\":\"{n}\"")).collect();
        let mut quick = Quick::default();
        read(&format!("{{{}}}", all.join(",")), &mut quick).unwrap();
        assert_eq!(quick.logins.all().len(), crate::few::VALUES_MAX);
    }

    #[test]
    fn a_text_ends_at_the_same_byte_however_it_is_looked_for() {
        let ends = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        let mut bytes = [b'a'; 24];
        for at in 0..bytes.len() {
            for byte in 0..=u8::MAX {
                bytes[at] = byte;
                for behind in [b'a', b'"', 0x1f, 0x20, 0x21, 0x23, 0xff] {
                    if let Some(next) = bytes.get_mut(at + 1) {
                        *next = behind;
                    }
                    assert_eq!(stop(&bytes), bytes.iter().position(ends), "{bytes:?}");
                }
            }
            bytes = [b'a'; 24];
        }
    }
}
