//! The name of a key: its JWK thumbprint (RFC 7638) or, for a certificate, SHA-256 over its DER (RFC 8705 section 3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{from_base64url, sha256, to_base64url};

/// 32 bytes that name a key; as text 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint(pub [u8; 32]);

/// The text is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is no thumbprint; a SHA-256 as 43 characters of base64url is expected")]
pub struct NotAThumbprint;

impl Thumbprint {
    /// Of a public key on P-256 (RFC 7638 section 3.2: `crv`, `kty`, `x`, `y`).
    #[must_use]
    pub fn of_p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        let (x, y) = (to_base64url(x), to_base64url(y));
        Self(sha256(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes()))
    }

    /// Of a certificate (`x5t#S256`).
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(sha256(der))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_base64url(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl FromStr for Thumbprint {
    type Err = NotAThumbprint;

    fn from_str(text: &str) -> Result<Self, NotAThumbprint> {
        from_base64url(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(NotAThumbprint)
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.to_string()
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = NotAThumbprint;

    fn try_from(text: String) -> Result<Self, NotAThumbprint> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9449 section 6.1 shows the thumbprint of the key of section 4.1.
    #[test]
    fn the_thumbprint_is_that_of_rfc_9449() {
        let part = |text: &str| <[u8; 32]>::try_from(from_base64url(text).expect("base64url")).expect("32 bytes");
        let x = part("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs");
        let y = part("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA");
        assert_eq!(Thumbprint::of_p256(&x, &y).to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn what_is_no_thumbprint_is_refused() {
        let good = Thumbprint([7; 32]).to_string();
        assert_eq!(good.parse(), Ok(Thumbprint([7; 32])));
        for bad in
            ["", &good[1..], &format!("{good}A"), &format!("{good}="), "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I"]
        {
            assert_eq!(bad.parse::<Thumbprint>(), Err(NotAThumbprint), "{bad}");
        }
    }
}
