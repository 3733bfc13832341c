//! A line that is a JSON object: its logins and passwords, whatever else it holds.

mod flat;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::columns::{is_login, is_password};

/// The most logins, and the most passwords, of one line.
const VALUES_MAX: usize = 8;

#[derive(Debug, Default, PartialEq, Eq)]
struct Values {
    logins: Vec<String>,
    passwords: Vec<String>,
}

/// Each login of a line with each password of it, or with nothing where there is none. Says whether the line is an object, also inside
/// an array that is spread over lines.
pub(crate) fn pairs(line: &str, pair: impl FnMut(&str, &str)) -> bool {
    let line = line.trim().trim_start_matches(['[', ',']).trim_start();
    if !line.starts_with('{') {
        return false;
    }
    if let Some(flat) = flat::read(line) {
        each(flat.logins(), flat.passwords(), pair);
        return true;
    }
    let values = read(line);
    if let Some(Values { logins, passwords }) = &values {
        each(logins, passwords, pair);
    }
    values.is_some()
}

fn each<S: AsRef<str>>(logins: &[S], passwords: &[S], mut pair: impl FnMut(&str, &str)) {
    for login in logins {
        for password in passwords {
            pair(login.as_ref(), password.as_ref());
        }
        if passwords.is_empty() {
            pair(login.as_ref(), "");
        }
    }
}

/// Reads an object, however it is made up.
fn read(line: &str) -> Option<Values> {
    let mut values = Values::default();
    let mut reader = serde_json::Deserializer::from_str(line);
    // what follows the object is not looked at: a comma, the end of the array
    Object { values: &mut values }.deserialize(&mut reader).ok()?;
    Some(values)
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
            if is_login(&key) || is_password(&key) {
                map.next_value_seed(Text { login: is_login(&key), values: &mut *values })?;
            } else {
                // objects in objects, as in exports of databases
                map.next_value_seed(Object { values: &mut *values })?;
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
    /// A login, or else a password.
    login: bool,
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
        let into = if self.login { logins } else { passwords };
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
        let Text { login, values } = self;
        while sequence.next_element_seed(Text { login, values: &mut *values })?.is_some() {}
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

    /// Something like a line of JSON, often with a mistake in it.
    fn line(state: &mut u64) -> String {
        const PARTS: [&str; 28] = [
            "\"email\"",
            "\"Password\"",
            "\"id\"",
            "\"a@b.c\"",
            "\"geh\\\"eim\"",
            "\"\\u00e4\"",
            "\"ä\"",
            ":",
            ":",
            ":",
            ",",
            ",",
            "{",
            "}",
            "[",
            "]",
            "17",
            "-0.5",
            "1e9",
            "01",
            "true",
            "null",
            " ",
            "\t",
            "\"user\"",
            "\"pw\"",
            "\"\u{1}\"",
            "x",
        ];
        let mut text = String::from("{");
        // mostly key, colon, value, comma; now and then anything
        for _ in 0..next(state) % 5 {
            let any = |state: &mut u64| PARTS[next(state) % PARTS.len()];
            let key = [0, 1, 2, 24, 25][next(state) % 5];
            let value = [3, 4, 5, 6, 16, 17, 20, 21][next(state) % 8];
            for part in [PARTS[key], ":", PARTS[value], ","] {
                text.push_str(if next(state).is_multiple_of(20) { any(state) } else { part });
            }
        }
        if !next(state).is_multiple_of(8) {
            text.truncate(text.trim_end_matches(',').len());
        }
        text.push('}');
        text
    }

    #[test]
    fn the_quick_reading_of_a_line_is_that_of_the_parser_or_none() {
        let seed = 0x6a73_6f6e_u64;
        eprintln!("seed {seed}");
        let (mut state, mut quick, mut both) = (seed, 0, 0);
        for _ in 0..200_000 {
            let line = line(&mut state);
            let Some(flat) = flat::read(&line) else { continue };
            let values = read(&line).unwrap_or_else(|| panic!("the parser refuses {line}"));
            assert_eq!(flat.logins(), values.logins, "{line}");
            assert_eq!(flat.passwords(), values.passwords, "{line}");
            quick += 1;
            both += u32::from(!values.logins.is_empty() && !values.passwords.is_empty());
        }
        assert!(quick > 20_000 && both > 1_000, "{quick} lines were read, {both} with both");
    }
}
