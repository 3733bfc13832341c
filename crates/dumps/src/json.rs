//! A line that is a JSON object: its logins and passwords, whatever else it holds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::columns::{is_login, is_password};

/// The most logins, and the most passwords, of one line.
const VALUES_MAX: usize = 8;

#[derive(Default)]
pub(crate) struct Values {
    pub logins: Vec<String>,
    pub passwords: Vec<String>,
}

/// Reads a line; nothing when it is no object, also inside an array that is spread over lines.
pub(crate) fn read(line: &str) -> Option<Values> {
    let line = line.trim().trim_start_matches(['[', ',']).trim_start();
    if !line.starts_with('{') {
        return None;
    }
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
