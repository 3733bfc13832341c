//! JSON objects of a line: their logins and passwords, whatever else they hold.

mod quick;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::columns::{Holds, holds};
use crate::few::VALUES_MAX;
use crate::found::Passwords;
use crate::json::quick::Quick;

#[derive(Debug, Default, PartialEq, Eq)]
struct Values {
    logins: Vec<String>,
    passwords: Vec<String>,
}

/// An object of a line.
pub(crate) struct Record<'a> {
    /// Whether a key of it is one of a login.
    pub has_login: bool,
    pub text: &'a str,
    /// What follows it in the line.
    pub behind: &'a str,
}

/// The object that a line begins with, also inside an array that is spread over lines, and each login of it with every password of it;
/// nothing when the line does not begin with one that reads.
pub(crate) fn record<'a>(line: &'a str, mut each: impl FnMut(&str, &Passwords<'_>)) -> Option<Record<'a>> {
    // most lines of other dumps need no second look
    if line.bytes().next().is_none_or(|first| first.is_ascii_alphanumeric()) {
        return None;
    }
    let text = past_separators(line);
    if !text.starts_with('{') {
        return None;
    }
    let mut quick = Quick::default();
    let (has_login, end) = if let Some(end) = quick::read(text, &mut quick) {
        for login in quick.logins.all() {
            each(&login.of(text), &|take| quick.passwords.all().iter().for_each(|password| take(&password.of(text))));
        }
        (!quick.logins.all().is_empty(), end)
    } else {
        let (Values { logins, passwords }, end) = read(text)?;
        for login in &logins {
            each(login, &|take| passwords.iter().for_each(|password| take(password)));
        }
        (!logins.is_empty(), end)
    };
    Some(Record { has_login, text: &text[..end], behind: past_separators(&text[end..]) })
}

/// From where on an object may follow.
fn past_separators(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']'))
}

/// Reads an object, however it is made up, and says where it ends; what follows it is not looked at.
fn read(text: &str) -> Option<(Values, usize)> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<Values>();
    let values = objects.next()?.ok()?;
    Some((values, objects.byte_offset()))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Self::default();
        Object { values: &mut values }.deserialize(deserializer)?;
        Ok(values)
    }
}

struct Object<'a> {
    values: &'a mut Values,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { values } = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match holds(&key) {
                Some(holds) => map.next_value_seed(Text { holds, values: &mut *values })?,
                // objects in objects, as in exports of databases
                None => map.next_value_seed(Object { values: &mut *values })?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Object { values } = self;
        while sequence.next_element_seed(Object { values: &mut *values })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A text, or a number that is meant as one.
struct Text<'a> {
    holds: Holds,
    values: &'a mut Values,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let Values { logins, passwords } = self.values;
        let into = match self.holds {
            Holds::Login => logins,
            Holds::Password => passwords,
        };
        if into.len() < VALUES_MAX {
            into.push(text.to_owned());
        }
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Text { holds, values } = self;
        while sequence.next_element_seed(Text { holds, values: &mut *values })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object { values: self.values }.visit_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next number of a sequence that looks random.
    fn next(state: &mut u64) -> usize {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as usize
    }

    /// Something like a value of JSON, objects and arrays among them, often with a mistake in it.
    fn value(state: &mut u64, depth: usize, text: &mut String) {
        const PARTS: [&str; 29] = [
            "\"a@b.c\"",
            "\"geh\\\"eim\"",
            "\"\\u00e4\"",
            "\"https:\\/\\/x\"",
            "\"ä\"",
            "17",
            "-0.5",
            "true",
            "null",
            "\"a text of more than eight bytes\"",
            "\"and \\\\ in it\\n\"",
            "4711",
            "-3",
            "\"\"",
            "1e9",
            "01",
            "-0",
            "x",
            "\t",
            "12345678901234567890",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00x\"",
            "\"\\ud83d\\u0041\"",
            "\"\\u12g4\"",
            "\"\\x\"",
            "\"\u{1}\"",
            ",",
            "\"",
        ];
        match next(state) % 8 {
            0 if depth < 5 => object(state, depth + 1, text),
            1 if depth < 5 => {
                text.push('[');
                for number in 0..next(state) % 4 {
                    text.push_str(if number > 0 { "," } else { "" });
                    value(state, depth + 1, text);
                }
                text.push(']');
            }
            // mostly what is right
            _ if !next(state).is_multiple_of(12) => text.push_str(PARTS[next(state) % 14]),
            _ => text.push_str(PARTS[next(state) % PARTS.len()]),
        }
    }

    fn object(state: &mut u64, depth: usize, text: &mut String) {
        const KEYS: [&str; 9] = [
            "\"email\"",
            "\"Password\"",
            "\"id\"",
            "\"user\"",
            "\"pw\"",
            "\"\\u0070ass\"",
            "\"data\"",
            "\"a\\/b\"",
            "\"PWD\"",
        ];
        text.push('{');
        for number in 0..next(state) % 5 {
            text.push_str(if number > 0 { "," } else { "" });
            text.push_str(KEYS[next(state) % KEYS.len()]);
            text.push_str([":", ":", " : ", ": "][next(state) % 4]);
            value(state, depth, text);
        }
        if next(state).is_multiple_of(60) {
            text.push(',');
        }
        text.push('}');
    }

    /// A line, now and then cut off or with a byte of it changed.
    fn line(state: &mut u64) -> String {
        let mut text = String::new();
        object(state, 0, &mut text);
        if next(state).is_multiple_of(20) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places[next(state) % places.len()];
            match next(state) % 3 {
                0 => text.truncate(at),
                1 => drop(text.remove(at)),
                _ => text.insert(at, ['"', '\\', ',', '}', ' ', '7'][next(state) % 6]),
            }
        }
        text
    }

    #[test]
    fn the_quick_reading_of_a_line_is_that_of_the_parser_or_none() {
        let seed = 0x6a73_6f6e_u64;
        eprintln!("seed {seed}");
        let (mut state, mut quick, mut both, mut only_parser) = (seed, 0, 0, 0);
        for _ in 0..300_000 {
            let line = line(&mut state);
            let parsed = read(&line);
            let mut read = Quick::default();
            let Some(end) = quick::read(&line, &mut read) else {
                only_parser += u32::from(parsed.is_some());
                continue;
            };
            let (values, parsed_end) = parsed.unwrap_or_else(|| panic!("the parser refuses {line}"));
            assert_eq!(end, parsed_end, "{line}");
            let texts = |parts: &[quick::Part]| parts.iter().map(|part| part.of(&line)).collect::<Vec<_>>();
            assert_eq!(texts(read.logins.all()), values.logins, "{line}");
            assert_eq!(texts(read.passwords.all()), values.passwords, "{line}");
            quick += 1;
            both += u32::from(!values.logins.is_empty() && !values.passwords.is_empty());
        }
        assert!(quick > 150_000 && both > 30_000, "{quick} lines were read, {both} with both");
        assert!(only_parser > 100, "{only_parser} lines were left to the parser");
    }
}
