//! Asking elsewhere about a password by the first five digits of its SHA-1 (k-anonymity): what is asked, and how an answer is read.
//!
//! Who is asked gets the digits and answers with what follows them in every hash that it knows; which of those is meant stays here.
//! The text of the answer is read where it came in, and what goes on from there has one form, so that nobody near a password parses
//! anything.

use sha1::{Digest, Sha1};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The digits that are told.
const TOLD: usize = 5;
/// The digits of a hash that are not told.
const REST: usize = 40 - TOLD;
/// The bytes of what follows the digits that are told, its first half byte 0.
pub const RANGE_REST_BYTES: usize = REST.div_ceil(2);
/// The most hashes of one answer.
pub const RANGE_HASHES_MAX: usize = 100_000;

/// An answer that is none.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RangeLineError {
    /// A line has another form.
    #[error("line {line} is not what follows five digits of a hash, a colon and a count")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// There are too many.
    #[error("the range has more than {RANGE_HASHES_MAX} hashes")]
    Many,
}

/// A password, as it is asked about.
pub struct RangeQuestion {
    hash: Zeroizing<[u8; 20]>,
}

impl RangeQuestion {
    /// What a password may have been when it leaked: as it was typed, and as it is kept here where that is another text.
    #[must_use]
    pub fn of_readings(password: &str) -> Vec<Self> {
        let kept: Zeroizing<String> = Zeroizing::new(password.nfkc().collect());
        let of = |text: &str| Self { hash: Zeroizing::new(Sha1::digest(text.as_bytes()).into()) };
        if kept.as_str() == password { vec![of(password)] } else { vec![of(password), of(&kept)] }
    }

    /// The digits that are told: all that leaves.
    #[must_use]
    pub fn told(&self) -> [u8; TOLD] {
        let digit = |place: usize| {
            let byte = self.hash[place / 2];
            b"0123456789ABCDEF"[usize::from(if place.is_multiple_of(2) { byte >> 4 } else { byte & 0xf })]
        };
        std::array::from_fn(digit)
    }

    /// Whether an answer, as [`range_of`] reads it, has the hash.
    #[must_use]
    pub fn is_in(&self, range: &[u8]) -> bool {
        let mut rest = [0; RANGE_REST_BYTES];
        rest.copy_from_slice(&self.hash[20 - RANGE_REST_BYTES..]);
        rest[0] &= 0xf;
        range.chunks_exact(RANGE_REST_BYTES).any(|known| known == rest)
    }
}

impl std::fmt::Debug for RangeQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RangeQuestion(..)")
    }
}

/// Reads the lines `REST:COUNT` of an answer: [`RANGE_REST_BYTES`] a hash, one behind the other. Lines that count 0 are padding.
pub fn range_of(text: &str) -> Result<Vec<u8>, RangeLineError> {
    let mut range = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        let (rest, count) = read(line).ok_or(RangeLineError::Line { line: place + 1 })?;
        if count > 0 {
            range.extend(rest);
        }
        if range.len() > RANGE_HASHES_MAX * RANGE_REST_BYTES {
            return Err(RangeLineError::Many);
        }
    }
    Ok(range)
}

fn read(line: &str) -> Option<([u8; RANGE_REST_BYTES], u64)> {
    let (digits, count) = line.split_once(':')?;
    let plain = !count.is_empty() && count.bytes().all(|digit| digit.is_ascii_digit());
    let count = count.parse().ok().filter(|_| plain)?;
    if digits.len() != REST {
        return None;
    }
    let mut rest = [0; RANGE_REST_BYTES];
    for (place, digit) in digits.bytes().enumerate() {
        let value = u8::try_from(char::from(digit).to_digit(16)?).ok()?;
        // the first byte has one digit
        let place = place + 1;
        rest[place / 2] |= if place.is_multiple_of(2) { value << 4 } else { value };
    }
    Some((rest, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    // `password`, whose hash is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8
    const REST_OF_PASSWORD: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const ANOTHER: &str = "003D68EB55068C33ACE09247EE4C639306B";

    fn of(password: &str) -> RangeQuestion {
        RangeQuestion::of_readings(password).remove(0)
    }

    #[test]
    fn five_digits_are_told_and_the_rest_is_looked_for_here() {
        let question = of("password");
        assert_eq!(&question.told(), b"5BAA6");
        let range = range_of(&format!("{ANOTHER}:4\r\n{}:10434004\r\n", REST_OF_PASSWORD.to_lowercase())).unwrap();
        assert_eq!(range.len(), 2 * RANGE_REST_BYTES);
        assert!(question.is_in(&range));
        assert!(!of("another password").is_in(&range));
        assert!(!question.is_in(&[]));
    }

    #[test]
    fn padding_counts_as_nothing() {
        let range = range_of(&format!("{ANOTHER}:0\n{REST_OF_PASSWORD}:0\n\n")).unwrap();
        assert!(range.is_empty());
        assert!(!of("password").is_in(&range));
    }

    #[test]
    fn a_password_with_letters_that_can_be_composed_is_asked_about_as_typed_and_as_kept() {
        let [typed, kept] = &RangeQuestion::of_readings("Ku\u{308}chentisch")[..] else { panic!("two readings") };
        assert_ne!(typed.told(), kept.told());
        assert_eq!(kept.told(), of("Küchentisch").told());
        assert_eq!(RangeQuestion::of_readings("plain").len(), 1);
    }

    #[test]
    fn what_is_no_range_is_refused_by_the_number_of_its_line() {
        for line in [
            "<html>",
            REST_OF_PASSWORD,
            &format!("{REST_OF_PASSWORD}:"),
            &format!("{REST_OF_PASSWORD}:+1"),
            &format!("{REST_OF_PASSWORD}:99999999999999999999"),
            &format!("5BAA6{REST_OF_PASSWORD}:1"),
            &format!("{}:1", "G".repeat(REST)),
            &format!("{}é:1", "A".repeat(REST - 2)),
        ] {
            let text = format!("{ANOTHER}:1\n{line}");
            assert_eq!(range_of(&text), Err(RangeLineError::Line { line: 2 }), "{line}");
        }
        let many = format!("{ANOTHER}:1\n").repeat(RANGE_HASHES_MAX + 1);
        assert_eq!(range_of(&many), Err(RangeLineError::Many));
    }
}
