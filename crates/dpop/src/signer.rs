//! Making proofs: for programs that hold a key, and for tests that play a browser.

use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use crate::{Thumbprint, access_token_hash, request_hash, to_base64url};

/// A key that makes proofs. It is in memory only; who holds it is whoever its thumbprint is bound to.
pub struct Signer {
    pair: EcdsaKeyPair,
    x: [u8; 32],
    y: [u8; 32],
}

/// What a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// `htm`
    pub method: &'a str,
    /// `htu`: scheme, host, port and path.
    pub address: &'a str,
    /// `nonce`
    pub nonce: &'a str,
    /// Goes into `lg_req`: without the question mark, as it is sent.
    pub query: &'a str,
    /// Goes into `lg_req`.
    pub body: &'a [u8],
    /// `sid`: 32 hexadecimal digits.
    pub session: Option<&'a str>,
    /// Goes into `ath`.
    pub token: Option<&'a str>,
}

impl Signer {
    /// A fresh key.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the system gives randomness");
        let point = pair.public_key().as_ref();
        let part = |from: usize| point[from..from + 32].try_into().expect("an uncompressed point has 65 bytes");
        let (x, y) = (part(1), part(33));
        Self { pair, x, y }
    }

    /// The key's name (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_p256(&self.x, &self.y)
    }

    /// A proof, each time another one.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    pub fn sign(&self, claims: &Claims<'_>) -> String {
        let (x, y) = (to_base64url(&self.x), to_base64url(&self.y));
        let header =
            json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y } });
        let mut jti = [0; 16];
        fill(&mut jti).expect("the system gives randomness");
        let mut body = json!({
            "jti": to_base64url(&jti), "htm": claims.method, "htu": claims.address, "iat": 0, "nonce": claims.nonce,
        });
        if let Some(session) = claims.session {
            body["sid"] = session.into();
        }
        match claims.token {
            Some(token) => body["ath"] = access_token_hash(token).into(),
            None => body["lg_req"] = request_hash(claims.query, claims.body).into(),
        }
        let part = |value: &serde_json::Value| to_base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&body));
        let signature = to_base64url(&self.sign_bytes(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), bytes).expect("signing with a good key does not fail");
        signature.as_ref().to_vec()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("key", &self.thumbprint()).finish_non_exhaustive()
    }
}
