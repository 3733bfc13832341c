//! A side's key, and the pin that the other side knows it by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// SHA-256 of a public key as `SubjectPublicKeyInfo` (RFC 7250 section 3). As text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin([u8; 32]);

/// That is no pin.
#[derive(Debug, Error)]
#[error(
    "that is no pin; a pin is the 64 hexadecimal digits that `leadglass front pin` or `leadglass warden pin` prints"
)]
pub struct PinError;

/// An Ed25519 key pair of one side.
pub struct Key {
    pair: Ed25519KeyPair,
}

/// A key cannot be used.
#[derive(Debug, Error)]
#[error("the line's key is damaged; make a new one with `leadglass front pin`, and introduce it again")]
pub struct KeyError;

impl Pin {
    /// The pin of a public key.
    #[must_use]
    pub fn of(subject_public_key_info: &[u8]) -> Self {
        Self(digest(&SHA256, subject_public_key_info).as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let bytes = hex::decode(text.trim()).map_err(|_| PinError)?;
        Ok(Self(bytes.try_into().map_err(|_| PinError)?))
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(text: String) -> Result<Self, PinError> {
        text.parse()
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.to_string()
    }
}

impl Key {
    /// The key pair of these 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self { pair: Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError)? })
    }

    /// The key pair of 64 hexadecimal digits, as the key file has them.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(|_| KeyError)?;
        Self::from_seed(&seed)
    }

    /// What the other side has to know.
    pub fn pin(&self) -> Result<Pin, KeyError> {
        Ok(Pin::of(self.subject_public_key_info()?.as_ref()))
    }

    fn subject_public_key_info(&self) -> Result<PublicKeyX509Der<'static>, KeyError> {
        self.pair.public_key().as_der().map_err(|_| KeyError)
    }

    /// As rustls takes it: a raw public key stands in the place of a certificate.
    pub(crate) fn certified(&self) -> Result<Arc<CertifiedKey>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document.as_ref()));
        let signing = rustls::crypto::aws_lc_rs::sign::any_eddsa_type(match &private {
            PrivateKeyDer::Pkcs8(der) => der,
            _ => return Err(KeyError),
        })
        .map_err(|_| KeyError)?;
        let public = CertificateDer::from(self.subject_public_key_info()?.as_ref().to_vec());
        Ok(Arc::new(CertifiedKey::new(vec![public], signing)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pin_is_sha_256_of_the_subject_public_key_info() {
        // RFC 8032 section 7.1, test 1: the secret key, and its public key in the frame of RFC 8410 section 4
        let key = Key::from_text("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let public = "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.pin().unwrap(), Pin::of(&hex::decode(public).unwrap()));
        assert_eq!(key.pin().unwrap().to_string().parse::<Pin>().unwrap(), key.pin().unwrap());
    }

    #[test]
    fn what_is_no_pin_and_no_key_is_refused() {
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
            assert!(Key::from_text(bad).is_err(), "{bad}");
        }
    }
}
