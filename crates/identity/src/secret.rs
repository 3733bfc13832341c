//! Tokens and what is kept of them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The prefix of a device's bearer token, by which scanners for leaked secrets know it.
const DEVICE_TOKEN_PREFIX: &str = "lgd_";
/// 32 random bytes as base64url.
const TOKEN_CHARACTERS: usize = 43;
/// 4 bytes as base64url.
const CHECKSUM_CHARACTERS: usize = 6;

/// The SHA-256 of a token of 256 random bits. A fast hash is enough: nobody guesses such a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &str) -> Self {
        Self(sha256(&[token.as_bytes()]))
    }

    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        to_base64url(&hash.0)
    }
}

impl TryFrom<String> for TokenHash {
    type Error = NotATokenHash;

    fn try_from(text: String) -> Result<Self, NotATokenHash> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotATokenHash)?;
        bytes.try_into().map(Self).map_err(|_| NotATokenHash)
    }
}

/// The text is no SHA-256 in base64url.
#[derive(Debug, thiserror::Error)]
#[error("a SHA-256 as 43 characters of base64url is expected; the record was changed")]
pub(crate) struct NotATokenHash;

/// Bytes that never show in debug output and are wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretBytes(#[serde(with = "base64url")] pub(crate) Vec<u8>);

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// A fresh token of 256 random bits, as base64url.
pub(crate) fn new_token(random: &mut dyn CryptoRng) -> String {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill_bytes(&mut *bytes);
    to_base64url(&*bytes)
}

/// A fresh bearer token: prefix, 256 random bits, and a checksum so that a mistyped one is known without looking.
pub(crate) fn new_device_token(random: &mut dyn CryptoRng) -> String {
    let body = Zeroizing::new(new_token(random));
    format!("{DEVICE_TOKEN_PREFIX}{}{}", *body, checksum(&body))
}

/// Whether `token` has the shape and the checksum of a device's bearer token.
pub(crate) fn is_device_token(token: &str) -> bool {
    let Some(rest) = token.strip_prefix(DEVICE_TOKEN_PREFIX) else { return false };
    rest.is_ascii()
        && rest.len() == TOKEN_CHARACTERS + CHECKSUM_CHARACTERS
        && checksum(&rest[..TOKEN_CHARACTERS]) == rest[TOKEN_CHARACTERS..]
}

fn checksum(body: &str) -> String {
    to_base64url(&sha256(&[b"leadglass device token", body.as_bytes()])[..4])
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut whole = Zeroizing::new(Vec::new());
    for part in parts {
        whole.extend_from_slice(part);
    }
    digest(&SHA256, &whole).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes as base64url in JSON.
pub(crate) mod base64url {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_device_token_with_one_wrong_character_is_known_without_looking() {
        let token = new_device_token(&mut ChaCha20Rng::seed_from_u64(7));
        assert!(is_device_token(&token));
        for position in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[position] = if wrong[position] == b'A' { b'B' } else { b'A' };
            assert!(!is_device_token(&String::from_utf8(wrong).expect("ASCII")), "{position}");
        }
        for wrong in ["", "lgd_", &token[..token.len() - 1], &format!("{token}A"), &token.replace("lgd_", "lgd_ä")] {
            assert!(!is_device_token(wrong));
        }
    }
}
