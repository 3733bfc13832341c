//! Fronts on other machines, as the owner introduces and forgets them.

use serde::{Deserialize, Serialize};

/// What the ledger is told before it holds. The caller keeps the list that connections are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontRequest {
    /// It may connect from now on.
    Introduce {
        /// SHA-256 of its public key, as 64 hexadecimal digits.
        pin: String,
        /// What people call it.
        name: String,
    },
    /// It may connect no more.
    Forget {
        /// SHA-256 of its public key.
        pin: String,
    },
}
