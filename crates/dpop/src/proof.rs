//! Reading one proof: shape, signature, method and address (RFC 9449 section 4.3).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{Thumbprint, from_base64url, sha256, to_base64url};

/// The longest proof that is looked at, in bytes.
pub const JWT_BYTES_MAX: usize = 4096;
/// The longest `jti`, in bytes.
const JTI_BYTES_MAX: usize = 128;

/// A proof whose signature holds. Only [`Proof::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    key: Thumbprint,
    claims: Body,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// There is none.
    #[error("the request carries no proof; send a DPoP header (RFC 9449)")]
    Missing,
    /// No JWT of the right kind.
    #[error(
        "the proof is out of shape; a JWT of type dpop+jwt, signed with ES256 and with its public key, is expected"
    )]
    Shape,
    /// The signature does not fit the key.
    #[error("the proof's signature does not fit its key")]
    Signature,
    /// It is for another method or address.
    #[error("the proof is for another method or address")]
    Address,
    /// It is for another query or body.
    #[error("the proof is for another query or body")]
    Request,
    /// Its nonce is not, or no longer, one of the warden's.
    #[error("the proof's nonce is too old; sign again with the nonce of the last answer's DPoP-Nonce")]
    Nonce,
    /// Its key is not the one that the session or token is bound to.
    #[error("the proof was made with another key than the one that this session or token is bound to")]
    Key,
    /// It is for another session or token.
    #[error("the proof is for another session or token")]
    Holder,
    /// It was used for the same thing before, or too many are in use.
    #[error("the proof was used already; sign each request anew")]
    Replayed,
}

impl ProofError {
    /// A fixed word for the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Shape => "shape",
            Self::Signature => "signature",
            Self::Address => "address",
            Self::Request => "request",
            Self::Nonce => "nonce",
            Self::Key => "key",
            Self::Holder => "holder",
            Self::Replayed => "replayed",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
    /// RFC 7515 section 4.1.11: what must be understood, and nothing here is.
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    /// A private key (section 4.3, check 7).
    d: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Body {
    htm: String,
    htu: String,
    jti: String,
    #[serde(rename = "iat")]
    _issued_at: serde_json::Number,
    nonce: Option<String>,
    ath: Option<String>,
    sid: Option<String>,
    lg_req: Option<String>,
}

impl Proof {
    /// Reads a proof for `method` at `address` (scheme, host, port and path, without query). What it says beyond that is
    /// for the caller to check.
    pub fn verify(jwt: &str, method: &str, address: &str) -> Result<Self, ProofError> {
        if jwt.is_empty() {
            return Err(ProofError::Missing);
        }
        if jwt.len() > JWT_BYTES_MAX {
            return Err(ProofError::Shape);
        }
        let (signed, signature) = jwt.rsplit_once('.').ok_or(ProofError::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(ProofError::Shape)?;
        let header: Header = json(header)?;
        if header.typ != "dpop+jwt" || header.alg != "ES256" || header.crit.is_some() {
            return Err(ProofError::Shape);
        }
        let Jwk { kty, crv, x, y, d } = header.jwk;
        if kty != "EC" || crv != "P-256" || d.is_some() {
            return Err(ProofError::Shape);
        }
        let part = |text: &str| from_base64url(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let (x, y) = (part(&x).ok_or(ProofError::Shape)?, part(&y).ok_or(ProofError::Shape)?);
        let signature = from_base64url(signature).ok_or(ProofError::Shape)?;
        // SEC1 section 2.3.3: an uncompressed point
        let point = [&[4][..], &x, &y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| ProofError::Signature)?;
        let claims: Body = json(claims)?;
        if claims.jti.is_empty() || claims.jti.len() > JTI_BYTES_MAX {
            return Err(ProofError::Shape);
        }
        if claims.htm != method || claims.htu != address {
            return Err(ProofError::Address);
        }
        Ok(Self { key: Thumbprint::of_p256(&x, &y), claims })
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> Thumbprint {
        self.key
    }

    /// What names it.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.claims.jti
    }

    /// The nonce that it was signed with.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    /// The session that it is for.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.claims.sid.as_deref()
    }

    /// Whether it is for this query and body.
    pub fn is_about(&self, query: &str, body: &[u8]) -> Result<(), ProofError> {
        let about = self.claims.lg_req.as_deref() == Some(&request_hash(query, body));
        about.then_some(()).ok_or(ProofError::Request)
    }

    /// The same for a client of the standard, which may say nothing of query and body.
    pub fn is_about_where_it_says(&self, query: &str, body: &[u8]) -> Result<(), ProofError> {
        if self.claims.lg_req.is_some() { self.is_about(query, body) } else { Ok(()) }
    }

    /// Whether it is for this access token (section 4.3, check 12).
    pub fn is_for_token(&self, token: &str) -> Result<(), ProofError> {
        let fits = self.claims.ath.as_deref() == Some(&access_token_hash(token));
        fits.then_some(()).ok_or(ProofError::Holder)
    }
}

/// What the claim `lg_req` holds: base64url of SHA-256(SHA-256(query) ‖ SHA-256(body)). The query is without its question mark
/// and as it is sent; both are empty where there is none.
#[must_use]
pub fn request_hash(query: &str, body: &[u8]) -> String {
    to_base64url(&sha256(&[sha256(query.as_bytes()), sha256(body)].concat()))
}

/// What the claim `ath` holds: base64url of SHA-256 of the access token (section 4.2).
#[must_use]
pub fn access_token_hash(token: &str) -> String {
    to_base64url(&sha256(token.as_bytes()))
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, ProofError> {
    let bytes = from_base64url(part).ok_or(ProofError::Shape)?;
    serde_json::from_slice(&bytes).map_err(|_| ProofError::Shape)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Claims, Signer};

    const HERE: &str = "https://images.example.org/api/studies";

    fn claims() -> Claims<'static> {
        Claims {
            method: "GET",
            address: HERE,
            nonce: "n",
            query: "words=a",
            body: b"",
            session: Some("s"),
            token: None,
        }
    }

    /// A proof with other JSON in it, signed as it should be.
    fn signed(signer: &Signer, header: &Value, claims: &Value) -> String {
        let signed =
            format!("{}.{}", to_base64url(header.to_string().as_bytes()), to_base64url(claims.to_string().as_bytes()));
        let signature = to_base64url(&signer.sign_bytes(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn parts(jwt: &str) -> (Value, Value) {
        let part = |text| serde_json::from_slice(&from_base64url(text).unwrap()).unwrap();
        let mut parts = jwt.split('.');
        (part(parts.next().unwrap()), part(parts.next().unwrap()))
    }

    #[test]
    fn a_proof_says_who_made_it_and_what_for() {
        let signer = Signer::generate();
        let proof = Proof::verify(&signer.sign(&claims()), "GET", HERE).unwrap();
        assert_eq!(proof.key(), signer.thumbprint());
        assert_eq!((proof.nonce(), proof.session()), (Some("n"), Some("s")));
        assert_eq!(proof.is_about("words=a", b""), Ok(()));
        for (query, body) in [("words=b", &b""[..]), ("", b""), ("words=a", b"{}"), ("", b"words=a")] {
            assert_eq!(proof.is_about(query, body), Err(ProofError::Request), "{query}");
        }
        assert_eq!(proof.is_for_token("t"), Err(ProofError::Holder));
        assert_eq!(proof.is_about_where_it_says("words=a", b""), Ok(()));
        assert_eq!(proof.is_about_where_it_says("words=b", b""), Err(ProofError::Request));
        let standard = signer.sign(&Claims { token: Some("t"), session: None, ..claims() });
        let standard = Proof::verify(&standard, "GET", HERE).unwrap();
        assert_eq!(standard.is_about_where_it_says("words=b", b""), Ok(()));
    }

    #[test]
    fn a_proof_for_something_else_is_refused() {
        let jwt = Signer::generate().sign(&claims());
        assert_eq!(Proof::verify(&jwt, "POST", HERE), Err(ProofError::Address));
        assert_eq!(Proof::verify(&jwt, "get", HERE), Err(ProofError::Address));
        assert_eq!(Proof::verify(&jwt, "GET", "https://images.example.org/api/session"), Err(ProofError::Address));
        assert_eq!(Proof::verify(&jwt, "GET", "http://images.example.org/api/studies"), Err(ProofError::Address));
        assert_eq!(Proof::verify("", "GET", HERE), Err(ProofError::Missing));
    }

    #[test]
    fn one_changed_character_is_found() {
        let jwt = Signer::generate().sign(&claims());
        for at in 0..jwt.len() {
            let mut bytes = jwt.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Proof::verify(&changed, "GET", HERE).is_err(), "{at}");
        }
    }

    #[test]
    fn a_proof_out_of_shape_is_refused_however_well_it_is_signed() {
        let signer = Signer::generate();
        let (header, claims) = parts(&signer.sign(&claims()));
        assert!(Proof::verify(&signed(&signer, &header, &claims), "GET", HERE).is_ok());
        let other = |field: &str, value: Value| {
            let mut header = header.clone();
            *header.pointer_mut(field).unwrap() = value;
            header
        };
        let mut private = header.clone();
        private["jwk"]["d"] = "AAAA".into();
        let mut critical = header.clone();
        critical["crit"] = serde_json::json!(["b64"]);
        for (defect, header) in [
            ("another type", other("/typ", "JWT".into())),
            ("no algorithm", other("/alg", "none".into())),
            ("a symmetric algorithm", other("/alg", "HS256".into())),
            ("another curve", other("/jwk/crv", "P-384".into())),
            ("another kind of key", other("/jwk/kty", "RSA".into())),
            ("a short coordinate", other("/jwk/x", "AAAA".into())),
            ("a point off the curve", other("/jwk/x", to_base64url(&[1; 32]).into())),
            ("a private key", private),
            ("something critical", critical),
            ("no header", Value::Null),
        ] {
            let error = Proof::verify(&signed(&signer, &header, &claims), "GET", HERE).unwrap_err();
            assert!(matches!(error, ProofError::Shape | ProofError::Signature), "{defect}: {error}");
        }
        for field in ["htm", "htu", "jti", "iat"] {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(field);
            assert_eq!(
                Proof::verify(&signed(&signer, &header, &claims), "GET", HERE),
                Err(ProofError::Shape),
                "{field}"
            );
        }
        let mut long = claims.clone();
        long["jti"] = "x".repeat(JTI_BYTES_MAX + 1).into();
        assert_eq!(Proof::verify(&signed(&signer, &header, &long), "GET", HERE), Err(ProofError::Shape));
        long["jti"] = "x".repeat(JWT_BYTES_MAX).into();
        assert_eq!(Proof::verify(&signed(&signer, &header, &long), "GET", HERE), Err(ProofError::Shape));
        for text in [".", "..", "a.b.c", "...."] {
            assert_eq!(Proof::verify(text, "GET", HERE), Err(ProofError::Shape), "{text}");
        }
    }

    /// RFC 9449 section 4.1, figure 2; verified as it stands there.
    #[test]
    fn the_proof_of_the_standard_verifies() {
        let jwt = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
        let proof = Proof::verify(jwt, "POST", "https://server.example.com/token").unwrap();
        assert_eq!((proof.jti(), proof.nonce()), ("-BwC3ESc6acc2lTc", None));
        assert_eq!(proof.key().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }
}
