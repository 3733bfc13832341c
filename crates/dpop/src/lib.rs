//! Proofs that whoever sends a request holds a key: DPoP (RFC 9449).
//!
//! A page makes a key that its browser does not give out, and signs every request with it. A cookie or token that was
//! bound to that key is worth nothing without it. The warden verifies every proof before it decides, and the front
//! verifies it before it serves what a lease released, so that both read it with this one function.
//!
//! Deviations from RFC 9449, each narrower: the only algorithm is ES256; freshness comes from the warden's nonce alone
//! (section 8; `iat` must be there and is not judged, so that a wrong clock locks nobody out and no proof can be signed
//! ahead); `htu` is compared byte for byte. A proof of a session has two claims more: `sid`, the session that it is for, and
//! `lg_req`, which hashes query and body, since `htu` leaves the query out.
//!
//! No input or output, no clock; randomness only for a [`Signer`].

mod nonce;
mod proof;
mod replays;
mod signer;
mod thumbprint;

pub use nonce::{NONCE_SECONDS, NONCE_STEPS, Nonces};
pub use proof::{JWT_BYTES_MAX, Proof, ProofError, access_token_hash, request_hash};
pub use replays::{Replayed, Replays, USES_PER_HOLDER_MAX};
pub use signer::{Claims, Signer};
pub use thumbprint::{NotAThumbprint, Thumbprint};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn to_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// What names an act that wants a fresh touch: SHA-256 over the JSON array of its words, the kind of act first. A page writes
/// it as `JSON.stringify([...])`.
#[must_use]
pub fn act_digest(words: &[&str]) -> Thumbprint {
    Thumbprint(sha256(serde_json::to_string(words).expect("texts are JSON").as_bytes()))
}

/// The challenge of a WebAuthn ceremony: SHA-256 over the warden's nonce, the thumbprint of the browser's key and, for
/// an act, its digest. So an assertion binds no other key and means no other act.
#[must_use]
pub fn challenge(nonce: &[u8; 32], key: Thumbprint, act: Option<Thumbprint>) -> [u8; 32] {
    let act = act.map_or(Vec::new(), |act| act.0.to_vec());
    sha256(&[&nonce[..], &key.0, &act].concat())
}

/// An origin as browsers write it (RFC 6454 section 6.2): small letters, without the scheme's own port.
#[must_use]
pub fn origin(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let without = |port: &str| origin.strip_suffix(port).map(str::to_owned);
    match origin.split_once("://") {
        Some(("https", _)) => without(":443").unwrap_or(origin),
        Some(("http", _)) => without(":80").unwrap_or(origin),
        _ => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (given, written) in [
            ("https://Images.example.org:443/", "https://images.example.org"),
            ("https://images.example.org:8443", "https://images.example.org:8443"),
            ("http://localhost:80", "http://localhost"),
            ("https://images.example.org:80", "https://images.example.org:80"),
        ] {
            assert_eq!(origin(given), written);
        }
    }
}
