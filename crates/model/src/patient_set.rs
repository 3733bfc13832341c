//! A set of numbers, kept small enough to stand in every ledger entry that lists people.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ascending numbers without repetition. In an entry: LEB128 differences, base64url without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NumberSet(Vec<u32>);

/// The text is not a [`NumberSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberSetError;

impl std::fmt::Display for NumberSetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a number set: base64url of ascending LEB128 differences is expected")
    }
}

impl std::error::Error for NumberSetError {}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl NumberSet {
    /// The numbers, ascending.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `number` is in.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(self.0.len() * 2);
        let mut previous = 0;
        for (index, &number) in self.0.iter().enumerate() {
            // the first is written as it is, each further one as the distance to its predecessor, less one
            let mut rest = if index == 0 { number } else { number - previous - 1 };
            previous = number;
            while rest >= 0x80 {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
        for group in bytes.chunks(3) {
            let word = u32::from(group[0]) << 16
                | u32::from(*group.get(1).unwrap_or(&0)) << 8
                | u32::from(*group.get(2).unwrap_or(&0));
            for position in 0..=group.len() {
                let index = (word >> (18 - 6 * position)) & 0x3f;
                text.push(ALPHABET[index as usize] as char);
            }
        }
        text
    }

    fn from_text(text: &str) -> Result<Self, NumberSetError> {
        let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
        for group in text.as_bytes().chunks(4) {
            if group.len() == 1 {
                return Err(NumberSetError);
            }
            let mut word = 0u32;
            for &character in group {
                let index = ALPHABET.iter().position(|&c| c == character).ok_or(NumberSetError)?;
                word = word << 6 | index as u32;
            }
            word <<= 6 * (4 - group.len());
            bytes.extend_from_slice(&word.to_be_bytes()[1..group.len()]);
        }
        let mut numbers: Vec<u32> = Vec::new();
        let mut bytes = bytes.into_iter();
        while let Some(first) = bytes.next() {
            let mut value = u64::from(first & 0x7f);
            let mut shift = 7;
            let mut byte = first;
            while byte & 0x80 != 0 {
                byte = bytes.next().ok_or(NumberSetError)?;
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if shift > 35 {
                    return Err(NumberSetError);
                }
            }
            let number = match numbers.last() {
                None => value,
                Some(&previous) => value + u64::from(previous) + 1,
            };
            numbers.push(u32::try_from(number).map_err(|_| NumberSetError)?);
        }
        Ok(Self(numbers))
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self(numbers)
    }
}

impl Serialize for NumberSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for NumberSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_text(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[u32]) {
        let set: NumberSet = numbers.iter().copied().collect();
        assert_eq!(NumberSet::from_text(&set.to_text()), Ok(set));
    }

    #[test]
    fn sets_come_back_as_they_were_written() {
        check(&[]);
        check(&[0]);
        check(&[0, 1, 2, 3, 127, 128, 129, 300]);
        check(&[u32::MAX, 0, u32::MAX - 1, 5, 5]);
        check(&(0..10_000).map(|n| n * 37).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_text_is_refused() {
        for text in ["A", "!!", "gA", "_____w", "_____w8A", "gICAgICAgICAgA"] {
            assert_eq!(NumberSet::from_text(text), Err(NumberSetError), "{text}");
        }
    }
}
