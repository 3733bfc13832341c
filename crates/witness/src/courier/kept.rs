//! How it went with each witness, and what it cosigned.

use std::fs;
use std::io;
use std::path::Path;

use audit::{Cosigner, TOLD, WitnessAt};
use serde::{Deserialize, Serialize};

use crate::files::{hash_of, write};

/// How it went with a witness last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its submission prefix.
    pub url: String,
    /// Its name.
    pub name: String,
    /// When it was asked last, in seconds since 1970.
    pub asked: u64,
    /// What is wrong, if something is.
    pub problem: Option<String>,
    /// The size that it has seen and this ledger does not continue.
    pub ahead: Option<u64>,
    /// Whether it showed a checkpoint that this site signed.
    pub proven: bool,
}

impl Status {
    pub(crate) fn of(witness: &WitnessAt) -> Self {
        let name = witness.vkeys.first().and_then(|vkey| Cosigner::parse(vkey).ok());
        let name = name.map(|cosigner| cosigner.name().to_owned()).unwrap_or_default();
        Self { url: witness.url.clone(), name, ..Self::default() }
    }

    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(TOLD).join(format!("{}.json", hash_of(&self.url)));
        // when nothing but the time changed, the disk is left alone
        let before: Option<Self> = fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
        if self.problem.is_none() && before.is_some_and(|before| Self { asked: self.asked, ..before } == *self) {
            return Ok(());
        }
        write(&path, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// How it went with a witness of the folder last; nothing when it was never asked.
    #[must_use]
    pub fn read(folder: &Path, witness: &WitnessAt) -> Self {
        let json = fs::read(folder.join(TOLD).join(format!("{}.json", hash_of(&witness.url)))).ok();
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_else(|| Self::of(witness))
    }

    /// The newest note that a witness cosigned, as text.
    #[must_use]
    pub fn cosigned(folder: &Path, witness: &WitnessAt) -> Option<String> {
        fs::read_to_string(cosigned_path(folder, witness)).ok()
    }
}

/// Where the newest note that a witness cosigned is kept.
pub(crate) fn cosigned_path(folder: &Path, witness: &WitnessAt) -> std::path::PathBuf {
    folder.join(TOLD).join(format!("{}.cosigned", hash_of(&witness.url)))
}
