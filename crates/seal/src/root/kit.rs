//! The recovery kit: 256 random bits on paper.
//!
//! Printed as 13 groups of 5 characters of Crockford's Base32: 4 characters carry 20 bits, the fifth is a check
//! over GF(32). It notices every single mistyped character, every two swapped ones and every group in another's place,
//! and says which group it is. The four bits behind the 256th are zero.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{CryptoRng, SealKey, Secret32};

const GROUPS: usize = 13;
const GROUP_CHARACTERS: usize = 5;
const DATA_CHARACTERS: usize = 4;
/// The longest text that is looked at, in bytes; the printed kit has 77 characters.
const TEXT_BYTES_MAX: usize = 1024;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A second way to unseal the root. Who finds the paper and a copy of the root envelope reads everything;
/// who loses the paper depends on the passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryKit(Secret32);

impl RecoveryKit {
    /// Draws a kit.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Secret32::generate(rng))
    }

    /// The text to print: 13 groups of 5 characters, joined by hyphens.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP_CHARACTERS + 1)));
        for group in 0..GROUPS {
            if group > 0 {
                text.push('-');
            }
            let data: [u8; DATA_CHARACTERS] =
                std::array::from_fn(|place| self.quintet(group * DATA_CHARACTERS + place));
            for value in data.into_iter().chain([check(group, &data)]) {
                text.push(char::from(ALPHABET[usize::from(value)]));
            }
        }
        text
    }

    /// Reads what somebody typed: any case, with or without hyphens, spaces and line breaks, O for 0 and I or L for 1.
    pub fn parse(text: &str) -> Result<Self, KitError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(KitError::Length { characters: text.len() });
        }
        let groups: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}_.".contains(c))
            .filter(|group| !group.is_empty())
            .collect();
        // when the groups were kept apart, a group that is too short or too long can be named
        if groups.len() == GROUPS
            && let Some(wrong) = groups.iter().position(|group| group.chars().count() != GROUP_CHARACTERS)
        {
            return Err(KitError::Group { group: wrong + 1 });
        }
        let characters: Zeroizing<Vec<char>> = Zeroizing::new(groups.iter().flat_map(|group| group.chars()).collect());
        if characters.len() != GROUPS * GROUP_CHARACTERS {
            return Err(KitError::Length { characters: characters.len() });
        }
        let mut failed = None;
        let secret = Secret32::fill(|bytes| {
            for (group, characters) in characters.chunks_exact(GROUP_CHARACTERS).enumerate() {
                let mut values = Zeroizing::new([0u8; GROUP_CHARACTERS]);
                let readable = characters
                    .iter()
                    .zip(values.iter_mut())
                    .all(|(&character, value)| quintet_of(character).inspect(|&read| *value = read).is_some());
                let (data, checked) = values.split_at(DATA_CHARACTERS);
                if !readable || checked[0] != check(group, data) {
                    failed = failed.or(Some(group));
                    continue;
                }
                for (place, &value) in data.iter().enumerate() {
                    if !put_quintet(bytes, group * DATA_CHARACTERS + place, value) {
                        failed = failed.or(Some(group));
                    }
                }
            }
        });
        match failed {
            None => Ok(Self(secret)),
            Some(group) => Err(KitError::Group { group: group + 1 }),
        }
    }

    pub(crate) fn seal_key(&self) -> SealKey {
        self.0.clone().into()
    }

    /// Five bits, counted from the most significant bit of the first byte; zero behind the last byte.
    fn quintet(&self, index: usize) -> u8 {
        (0..5).fold(0, |value, bit| {
            let at = index * 5 + bit;
            let byte = self.0.expose().get(at / 8).copied().unwrap_or(0);
            value << 1 | (byte >> (7 - at % 8) & 1)
        })
    }
}

fn put_quintet(bytes: &mut [u8; 32], index: usize, value: u8) -> bool {
    (0..5).all(|bit| {
        let at = index * 5 + bit;
        let set = value >> (4 - bit) & 1;
        match bytes.get_mut(at / 8) {
            Some(byte) => {
                *byte |= set << (7 - at % 8);
                true
            }
            None => set == 0,
        }
    })
}

fn quintet_of(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|&known| char::from(known) == character).map(|value| value as u8)
}

/// Group number plus the sum of powers of x times the characters, over the field of 32 elements modulo x⁵ + x² + 1.
fn check(group: usize, data: &[u8]) -> u8 {
    data.iter().fold(group as u8, |sum, &value| times_x(sum ^ value))
}

fn times_x(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0x20 != 0 { shifted ^ 0x25 } else { shifted }
}

impl fmt::Debug for RecoveryKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKit(..)")
    }
}

/// What is wrong with a typed kit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KitError {
    /// One group is mistyped.
    #[error("group {group} of the recovery kit is mistyped; compare it with the paper")]
    Group {
        /// Which, from 1.
        group: usize,
    },
    /// Characters are missing or too many.
    #[error("the recovery kit has 13 groups of 5 characters, {characters} characters were typed; type all groups")]
    Length {
        /// How many were typed.
        characters: usize,
    },
}
