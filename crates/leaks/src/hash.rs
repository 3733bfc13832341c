//! The two hashes that Pwned Passwords is published with.

use md4::{Digest, Md4};
use sha1::Sha1;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// Which hash a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// SHA-1 of the password as UTF-8.
    Sha1,
    /// MD4 of the password as UTF-16 with little-endian units, as Windows keeps it.
    Ntlm,
}

impl HashKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha1, Self::Ntlm];

    /// The digits of one hash in hexadecimal.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Ntlm => 32,
        }
    }

    /// As it is written down.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Ntlm => "ntlm",
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Ntlm => 2,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The hash of a password.
    #[must_use]
    pub fn of(self, password: &str) -> KnownHash {
        let beginning = |hash: &[u8]| hash.first_chunk().map_or(0, |first: &[u8; 8]| u64::from_be_bytes(*first));
        KnownHash(match self {
            Self::Sha1 => beginning(&Sha1::digest(password.as_bytes())),
            Self::Ntlm => {
                let mut units: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(2 * password.len()));
                for unit in password.encode_utf16() {
                    units.extend(unit.to_le_bytes());
                }
                beginning(&Md4::digest(units.as_slice()))
            }
        })
    }

    /// The hashes of what a password may have been when it leaked: as it was typed, and as it is kept here.
    pub(crate) fn of_readings(self, password: &str) -> [KnownHash; 2] {
        let mut kept: String = password.nfkc().collect();
        let hashes = [self.of(password), self.of(&kept)];
        kept.zeroize();
        hashes
    }
}

/// The first 64 bits of a hash, which is as much of it as is ever kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownHash(pub(crate) u64);

impl KnownHash {
    /// From the first 64 bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl std::fmt::Debug for KnownHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KnownHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_pwned_passwords_has() {
        // `password`, as its range 5BAA6 and everybody's NTLM tables have it
        assert_eq!(HashKind::Sha1.of("password").0, 0x5BAA_61E4_C9B9_3F3F);
        assert_eq!(HashKind::Ntlm.of("password").0, 0x8846_F7EA_EE8F_B117);
        // RFC 1320 appendix A.5: MD4 of nothing
        assert_eq!(HashKind::Ntlm.of("").0, 0x31D6_CFE0_D16A_E931);
    }

    #[test]
    fn a_password_is_known_however_its_letters_were_composed() {
        let (composed, decomposed) = ("Küchentisch", "Ku\u{308}chentisch");
        let [_, kept] = HashKind::Sha1.of_readings(decomposed);
        assert_eq!(kept, HashKind::Sha1.of(composed));
    }
}
