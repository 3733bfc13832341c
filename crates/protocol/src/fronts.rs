//! Fronts on other machines: how the owner introduces and forgets them, and where they keep what they took in.

use model::DiskId;
use serde::{Deserialize, Serialize};

/// The disk on which a front on a machine of its own keeps its folder, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontDisk {
    /// Its id.
    pub disk: DiskId,
    /// UUID of its filesystem, where the machine tells it.
    pub filesystem: String,
    /// The disk that the folder lay on before.
    pub instead_of: Option<DiskId>,
}

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
