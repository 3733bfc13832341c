//! What shows that a caller holds a key: the proof of a request, and a fresh proof for one act.

use dpop::Thumbprint;
use serde::{Deserialize, Serialize};

/// A `DPoP` header with the request that it came with, as the front took it in. The warden verifies it anew.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// The header's value (RFC 9449); empty when there was none.
    pub jwt: String,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query without its question mark, as it was sent; empty when there was none.
    pub query: String,
    /// The body, of requests that carry one and are no upload; at most 64 KiB.
    pub body: Vec<u8>,
    /// The key, when the front found the proof to hold: what leases of the front are bound to.
    pub key: Option<Thumbprint>,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Shows that the person is there now and means one act: an assertion over a challenge that names it, or password and code.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fresh {
    /// From [`PageReply::FreshChallenge`](crate::PageReply::FreshChallenge).
    pub ceremony: String,
    /// What the person did.
    pub shown: Shown,
}

/// What a person did to show that they are there.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Touched an authenticator: `PublicKeyCredential` as JSON text.
    Passkey {
        /// The assertion.
        credential: String,
    },
    /// Typed both.
    PasswordAndCode {
        /// The password.
        password: String,
        /// A code that was not used before, or a recovery code.
        code: String,
    },
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fresh(..)")
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(..)")
    }
}
