//! What ends: accounts, memberships, passkeys, devices and tokens.

use model::{Instant, PersonId};
use serde::{Deserialize, Serialize};

/// What is to end.
#[derive(Clone, Serialize, Deserialize)]
pub enum RemovalRequest {
    /// Close an account: the person left.
    ClosePerson {
        /// Whose.
        email: String,
    },
    /// End a membership.
    Leave {
        /// Whose.
        email: String,
        /// Of which organisation.
        organisation: String,
    },
    /// Remove a device.
    Device {
        /// Its name.
        name: String,
    },
    /// Remove a device's bearer token; the device stays.
    DeviceToken {
        /// The device's name.
        name: String,
    },
    /// The passkeys of somebody; one's own when nobody is named.
    Passkeys {
        /// Whose.
        person: Option<PersonId>,
    },
    /// Remove a passkey; one's own when nobody is named.
    Passkey {
        /// Whose.
        person: Option<PersonId>,
        /// Which.
        passkey: String,
    },
}

/// One passkey in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRow {
    /// What it is called here and in the ledger.
    pub passkey: String,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub bound: Instant,
}
