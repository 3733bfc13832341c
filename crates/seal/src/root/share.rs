//! One holder's share on paper: 35 words in 7 lines.
//!
//! Each line has four words of 11 bits and a check word over GF(2048), as the recovery kit has over GF(32): every single
//! wrong word, every two of the four that changed places and every line in another's place is noticed, and the line is named.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::words;
use crate::derive::hkdf;
use crate::{Secret32, SigningKey};

const LINES: usize = 7;
const LINE_WORDS: usize = 5;
const DATA_WORDS: usize = 4;
const WORD_BITS: usize = 11;
/// Words of one share.
pub const SHARE_WORDS: usize = LINES * LINE_WORDS;
const SET_BYTES: usize = 5;
/// 4 bits of version, 40 of the set, 4 of threshold less one, 4 of index less one, 256 of the share: 28 words exactly.
const BITS: usize = LINES * DATA_WORDS * WORD_BITS;
const VERSION: u8 = 1;
/// The longest text that is looked at, in bytes; a printed share has at most 315.
const TEXT_BYTES_MAX: usize = 4096;

/// Names a share set: every re-sharing makes another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub [u8; SET_BYTES]);

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetId({self})")
    }
}

/// What one holder keeps. `threshold` of them and a copy of the root envelope open everything; fewer say nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    set: SetId,
    threshold: u8,
    index: u8,
    secret: Secret32,
}

impl Share {
    pub(super) fn new(set: SetId, threshold: u8, index: u8, secret: Secret32) -> Self {
        Self { set, threshold, index, secret }
    }

    /// The set that it belongs to.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.set
    }

    /// How many shares of the set open.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The holder's number within the set, from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    pub(super) fn secret(&self) -> &Secret32 {
        &self.secret
    }

    /// A signing key of the share alone: its public half stands in the envelope, so a holder proves the share by a signature
    /// and nobody has to put shares together.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        let info: [&[u8]; 2] = [&self.set.0, &[self.threshold, self.index]];
        SigningKey::from_seed(&Secret32::fill(|out| hkdf(b"leadglass share key v1", self.secret.expose(), &info, out)))
    }

    /// The text to print: 7 lines of 5 words.
    #[must_use]
    pub fn to_words(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SHARE_WORDS * 9));
        let bits = self.bits();
        for line in 0..LINES {
            let data: [u16; DATA_WORDS] =
                std::array::from_fn(|place| word_at(bits.as_slice(), line * DATA_WORDS + place));
            for (place, number) in data.into_iter().chain([check(line, &data)]).enumerate() {
                if place > 0 {
                    text.push(' ');
                }
                text.push_str(words::word(number));
            }
            if line + 1 < LINES {
                text.push('\n');
            }
        }
        text
    }

    /// Reads what somebody typed or scanned: any case, any white space, lines that begin with `#` passed over, the first four
    /// letters of a word in its place.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ShareError::Words { found: text.split_whitespace().count() });
        }
        let typed: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace).collect();
        if typed.len() != SHARE_WORDS {
            return Err(ShareError::Words { found: typed.len() });
        }
        let mut bits = Zeroizing::new([0u8; BITS.div_ceil(8)]);
        for (line, typed) in typed.chunks_exact(LINE_WORDS).enumerate() {
            let mut numbers = Zeroizing::new([0u16; LINE_WORDS]);
            for (place, word) in typed.iter().enumerate() {
                numbers[place] =
                    words::number(word).ok_or(ShareError::UnknownWord { line: line + 1, word: place + 1 })?;
            }
            let (data, checked) = numbers.split_at(DATA_WORDS);
            if checked[0] != check(line, data) {
                return Err(ShareError::Line { line: line + 1 });
            }
            for (place, &number) in data.iter().enumerate() {
                put_word(bits.as_mut_slice(), line * DATA_WORDS + place, number);
            }
        }
        Self::from_bits(bits.as_slice())
    }

    fn bits(&self) -> Zeroizing<[u8; BITS.div_ceil(8)]> {
        let mut bits = Zeroizing::new([0u8; BITS.div_ceil(8)]);
        let mut at = 0;
        put_bits(bits.as_mut_slice(), &mut at, u64::from(VERSION), 4);
        self.set.0.iter().for_each(|byte| put_bits(bits.as_mut_slice(), &mut at, u64::from(*byte), 8));
        put_bits(bits.as_mut_slice(), &mut at, u64::from(self.threshold - 1), 4);
        put_bits(bits.as_mut_slice(), &mut at, u64::from(self.index - 1), 4);
        self.secret.expose().iter().for_each(|byte| put_bits(bits.as_mut_slice(), &mut at, u64::from(*byte), 8));
        bits
    }

    fn from_bits(bits: &[u8]) -> Result<Self, ShareError> {
        let mut at = 0;
        let version = take_bits(bits, &mut at, 4);
        if version != VERSION {
            return Err(ShareError::Version { found: version });
        }
        let set = SetId(std::array::from_fn(|_| take_bits(bits, &mut at, 8)));
        let threshold = take_bits(bits, &mut at, 4) + 1;
        let index = take_bits(bits, &mut at, 4) + 1;
        let secret = Secret32::fill(|secret| secret.iter_mut().for_each(|byte| *byte = take_bits(bits, &mut at, 8)));
        Ok(Self { set, threshold, index, secret })
    }
}

fn put_bits(bits: &mut [u8], at: &mut usize, value: u64, count: usize) {
    for bit in (0..count).rev() {
        bits[*at / 8] |= ((value >> bit & 1) as u8) << (7 - *at % 8);
        *at += 1;
    }
}

fn take_bits(bits: &[u8], at: &mut usize, count: usize) -> u8 {
    (0..count).fold(0, |value, _| {
        let bit = bits[*at / 8] >> (7 - *at % 8) & 1;
        *at += 1;
        value << 1 | bit
    })
}

fn word_at(bits: &[u8], index: usize) -> u16 {
    (0..WORD_BITS).fold(0, |value, bit| {
        let at = index * WORD_BITS + bit;
        value << 1 | u16::from(bits[at / 8] >> (7 - at % 8) & 1)
    })
}

fn put_word(bits: &mut [u8], index: usize, number: u16) {
    let mut at = index * WORD_BITS;
    put_bits(bits, &mut at, u64::from(number), WORD_BITS);
}

/// Line number plus the sum of powers of x times the words, over the field of 2,048 elements modulo x¹¹ + x² + 1.
fn check(line: usize, data: &[u16]) -> u16 {
    data.iter().fold(line as u16, |sum, &value| times_x(sum ^ value))
}

fn times_x(value: u16) -> u16 {
    let shifted = value << 1;
    if shifted & 0x800 != 0 { shifted ^ 0x805 } else { shifted }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of set {}, ..)", self.index, self.set)
    }
}

/// What is wrong with a typed share. The words themselves are never quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShareError {
    /// Words are missing or too many.
    #[error("a share has 7 lines of 5 words, {found} words were given; type all 35")]
    Words {
        /// How many were given.
        found: usize,
    },
    /// A word that is not in the list.
    #[error("word {word} of line {line} is none that a share can have; compare it with the paper")]
    UnknownWord {
        /// Which line, from 1.
        line: usize,
        /// Which word of it, from 1.
        word: usize,
    },
    /// A line whose check does not fit.
    #[error("line {line} of the share is mistyped; compare it with the paper")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// Printed by a later version.
    #[error("the share has version {found}, this program reads version {VERSION}; update leadglass")]
    Version {
        /// The version found.
        found: u8,
    },
}
