//! What the ledger records of ways to unseal the root.

use serde::{Deserialize, Serialize};

use crate::EntryNumber;

/// A way to unseal the root that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsealMethodGone {
    /// Its id in the root envelope.
    pub method: String,
    /// As in [`UnsealMethodAdded`].
    pub means: String,
    /// What it was called.
    pub label: Option<String>,
}

/// A way to unseal the root that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsealMethodAdded {
    /// Its id in the root envelope.
    pub method: String,
    /// `passphrase`, `recovery-kit`, `shares`, `age` or `command`.
    pub means: String,
    /// What it was called.
    pub label: Option<String>,
    /// Where what opens it is kept, for `age` and `command`: `tpm`, `tang`, ...
    pub keeper: Option<String>,
    /// The share set, for `shares`.
    pub shares: Option<ShareSetAdded>,
}

/// Another root took the place of the one before. What the ways that stayed are called changed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootRenewed {
    /// The proposal that allowed it.
    pub proposal: EntryNumber,
    /// Which root of the site it is: the first came with the site.
    pub root: u32,
    /// Ways that stayed, each with the passphrase, paper or key that it had.
    pub stayed: Vec<UnsealMethodRenamed>,
    /// Ways that went.
    pub removed: Vec<UnsealMethodGone>,
}

/// A way to unseal the root that stayed when another root came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsealMethodRenamed {
    /// Its id around the root before.
    pub before: String,
    /// Its id now.
    pub method: String,
}

/// An escrow drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscrowDrilled {
    /// The method.
    pub method: String,
    /// The share set.
    pub set: String,
    /// How many shares open.
    pub threshold: u8,
    /// Numbers of the shares that were proven.
    pub proven: Vec<u8>,
    /// What they signed, in hexadecimal digits.
    pub challenge: String,
    /// Their signatures, in the order of `proven`, in hexadecimal digits.
    pub signatures: Vec<String>,
}

/// A new share set, as the ledger keeps it. It opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSetAdded {
    /// Its id.
    pub set: String,
    /// How many shares open.
    pub threshold: u8,
    /// Names of the holders, in the order of their shares.
    pub holders: Vec<String>,
    /// The public key of each share (Ed25519), in hexadecimal digits.
    pub keys: Vec<String>,
}
