//! The common line of JSON, read without a parser of all of it: an object of texts without escapes, plain numbers and literals.
//!
//! Nothing is copied and nothing is kept. Whatever is more than that (an object or array inside, an escape, a number as a login, an
//! exponent, an error) is nothing here, and read by the parser of everything. So both read a line the same, or only that one does.

use super::VALUES_MAX;
use crate::columns::{is_login, is_password};

/// The most digits of a number that is passed over here: no such number is out of range.
const DIGITS_MAX: usize = 100;
/// What ends a text here, or is none of its characters: a quote, the beginning of an escape, a control character (RFC 8259 section 7).
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        stops[byte] = true;
        byte += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

/// Logins and passwords of a line, as they stand in it.
#[derive(Default)]
pub(super) struct Flat<'a> {
    logins: Few<'a>,
    passwords: Few<'a>,
}

/// A few texts, the first ones.
#[derive(Default)]
pub(super) struct Few<'a> {
    texts: [&'a str; VALUES_MAX],
    count: usize,
}

impl<'a> Flat<'a> {
    pub(super) fn logins(&self) -> &[&'a str] {
        &self.logins.texts[..self.logins.count]
    }

    pub(super) fn passwords(&self) -> &[&'a str] {
        &self.passwords.texts[..self.passwords.count]
    }
}

impl<'a> Few<'a> {
    fn push(&mut self, text: &'a str) {
        if let Some(place) = self.texts.get_mut(self.count) {
            *place = text;
            self.count += 1;
        }
    }
}

/// Reads an object that `text` begins with; what follows it is not looked at.
pub(super) fn read(text: &str) -> Option<Flat<'_>> {
    let mut rest = Rest { text, at: 0 };
    let mut flat = Flat::default();
    rest.expect(b'{')?;
    if rest.next_byte()? == b'}' {
        return Some(flat);
    }
    loop {
        let key = rest.text()?;
        rest.expect(b':')?;
        let (login, password) = (is_login(key), is_password(key));
        match rest.next_byte()? {
            b'"' => {
                let value = rest.text()?;
                // a name of a login is one of no password
                if login {
                    flat.logins.push(value);
                } else if password {
                    flat.passwords.push(value);
                }
            }
            b'-' | b'0'..=b'9' if !login && !password => rest.number()?,
            b't' => rest.literal("true")?,
            b'f' => rest.literal("false")?,
            b'n' => rest.literal("null")?,
            _ => return None,
        }
        match rest.next_byte()? {
            b',' => rest.at += 1,
            b'}' => return Some(flat),
            _ => return None,
        }
    }
}

/// What is left of a line.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    /// The next byte that is no white space; it stays where it is.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next_byte()? == wanted).then(|| self.at += 1)
    }

    /// A text in quotes.
    fn text(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let (from, bytes) = (self.at, self.text.as_bytes());
        let length = bytes[from..].iter().position(|byte| STOPS[usize::from(*byte)])?;
        self.at = from + length + 1;
        (bytes[from + length] == b'"').then(|| &self.text[from..from + length])
    }

    /// A number without an exponent.
    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.text.as_bytes()[self.at] == b'-');
        let whole = self.digits();
        // no number begins with a zero that counts for nothing
        if whole.is_empty() || whole.len() > DIGITS_MAX || whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.text.as_bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            let fraction = self.digits();
            return (!fraction.is_empty() && fraction.len() <= DIGITS_MAX).then_some(());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_lines_are_read_here_and_others_are_left_to_the_parser() {
        let flat = read(r#"{"id": 17, "Email":"a@b.c" ,"pw":"gehe:im","ok":true,"n":null,"x":-1.50}, rest"#).unwrap();
        assert_eq!((flat.logins(), flat.passwords()), (&["a@b.c"][..], &["gehe:im"][..]));
        assert!(read("{}").unwrap().logins().is_empty());
        for left in [
            r#"{"email":"a\u0040b.c"}"#,
            r#"{"em\u0061il":"a"}"#,
            r#"{"user":17}"#,
            r#"{"x":{"email":"a"}}"#,
            r#"{"x":[1]}"#,
            r#"{"x":1e5}"#,
            r#"{"x":01}"#,
            r#"{"x":-}"#,
            r#"{"x":1.}"#,
            r#"{"x":truth}"#,
            r#"{"x":tru"#,
            r#"{"x":"a"#,
            "{\"x\":\"a\tb\"}",
            r#"{"x" "a"}"#,
            r#"{"x":"a" "y":"b"}"#,
            r#"{"x":"a",}"#,
            r#"{x:"a"}"#,
            "{",
            "",
            "[",
        ] {
            assert!(read(left).is_none(), "{left}");
        }
    }

    #[test]
    fn no_more_than_the_first_few_values_of_a_line_are_taken() {
        let line =
            format!("{{{}}}", (0..VALUES_MAX + 3).map(|n| format!("\"mail\":\"{n}\"")).collect::<Vec<_>>().join(","));
        assert_eq!(read(&line).unwrap().logins().len(), VALUES_MAX);
    }
}
