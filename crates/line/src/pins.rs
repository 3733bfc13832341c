//! `DIR/line/fronts.json`: the fronts that the warden knows.
//!
//! Trust: who can change this file can let a front of their own talk to the warden, which then is what a front is: nobody reads through
//! it without a session or a token. Losing it costs introducing the fronts again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Pin;

/// The most fronts of one warden.
pub const FRONTS_MAX: usize = 64;

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 100;

/// A front that was introduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFront {
    /// Its pin.
    pub pin: Pin,
    /// What people call it.
    pub name: String,
}

/// The file of known fronts.
#[derive(Clone, Debug)]
pub struct Pins {
    path: PathBuf,
}

/// The file of known fronts cannot be used.
#[derive(Debug, Error)]
pub enum PinsError {
    /// It cannot be read or written.
    #[error("line/fronts.json cannot be read or written; check the disk and the rights of the folder")]
    Io(#[from] io::Error),
    /// It does not hold what it should.
    #[error("line/fronts.json is damaged; remove it, and introduce the fronts again with `leadglass warden pin add`")]
    Damaged,
    /// There are too many.
    #[error("the warden knows {FRONTS_MAX} fronts already; remove one with `leadglass warden pin remove`")]
    TooMany,
    /// The name is not one.
    #[error("a front's name has 1 to {NAME_CHARACTERS_MAX} characters and no line break; choose another")]
    Name,
    /// Nobody has this pin.
    #[error("no front has this pin; `leadglass warden pin list` shows them")]
    Unknown,
}

impl Pins {
    /// The file in `DIR/line`.
    #[must_use]
    pub fn in_folder(line: &Path) -> Self {
        Self { path: line.join("fronts.json") }
    }

    /// Every front that may connect. No file is no front.
    pub fn read(&self) -> Result<Vec<KnownFront>, PinsError> {
        match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(PinsError::Damaged),
            Ok(_) => {}
        }
        let fronts: Vec<KnownFront> =
            serde_json::from_slice(&std::fs::read(&self.path)?).map_err(|_| PinsError::Damaged)?;
        if fronts.len() > FRONTS_MAX { Err(PinsError::Damaged) } else { Ok(fronts) }
    }

    /// Whether a front with this pin may connect now. A file that cannot be read lets nobody in.
    #[must_use]
    pub fn knows(&self, pin: Pin) -> bool {
        match self.read() {
            Ok(fronts) => fronts.iter().any(|front| front.pin == pin),
            Err(error) => {
                tracing::error!(%error, "no front is let in");
                false
            }
        }
    }

    /// Introduces a front, or names it anew.
    pub fn add(&self, front: KnownFront) -> Result<(), PinsError> {
        let name = front.name.chars();
        if front.name.trim().is_empty()
            || name.clone().count() > NAME_CHARACTERS_MAX
            || name.clone().any(char::is_control)
        {
            return Err(PinsError::Name);
        }
        let mut fronts = self.read()?;
        fronts.retain(|known| known.pin != front.pin);
        if fronts.len() == FRONTS_MAX {
            return Err(PinsError::TooMany);
        }
        fronts.push(front);
        self.write(&fronts)
    }

    /// Forgets a front; its connections end within seconds.
    pub fn remove(&self, pin: Pin) -> Result<(), PinsError> {
        let mut fronts = self.read()?;
        let before = fronts.len();
        fronts.retain(|known| known.pin != pin);
        if fronts.len() == before {
            return Err(PinsError::Unknown);
        }
        self.write(&fronts)
    }

    /// A crash leaves the old file or the new one.
    fn write(&self, fronts: &[KnownFront]) -> Result<(), PinsError> {
        let beside = self.path.with_extension("new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(fronts).expect("names and digits are JSON"))?;
        file.sync_all()?;
        Ok(std::fs::rename(&beside, &self.path)?)
    }
}
