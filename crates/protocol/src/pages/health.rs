//! How the warden is.

use serde::{Deserialize, Serialize};

/// How the warden is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Entries in the ledger.
    pub entries: u64,
    /// Patients.
    pub patients: u64,
    /// Studies.
    pub studies: u64,
    /// Last outbox record taken.
    pub outbox_sequence: u64,
    /// Instances that were dropped because identical bytes were there.
    pub duplicates: u64,
    /// The folders that entries go to, the ledger's own first.
    pub sinks: Vec<SinkRow>,
    /// What keeps the warden from releasing anything, in a sentence.
    pub withheld: Option<String>,
}

/// How one of the ledger's folders is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkRow {
    /// The folder.
    pub folder: String,
    /// Why nothing is written there now, if so.
    pub away: Option<String>,
    /// Entries that it lacks.
    pub behind: u64,
}
