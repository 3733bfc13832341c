//! The folder beside the ledger (`DIR/witnesses`) in which the warden says who watches it, and the courier what they
//! have seen. The warden believes nothing in it but notes that its own key signed.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::io::{Disk, LedgerIo};

/// The folder in it in which the courier writes, and in no other: who takes the courier over names no second folder of the
/// ledger, and accepts no loss.
pub const TOLD: &str = "told";

/// The most witnesses of a ledger.
pub const WITNESSES_MAX: usize = 16;
/// The most bytes of a file in the folder.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Where a witness is and how its cosignatures are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessAt {
    /// Submission prefix: `http://` or `https://`.
    pub url: String,
    /// Its vkeys, of type 4 or 6.
    pub vkeys: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u8,
    witnesses: Vec<WitnessAt>,
}

/// The witnesses in a folder; none when there is no list.
pub fn read_witnesses(folder: &Path) -> io::Result<Vec<WitnessAt>> {
    match read(&folder.join("witnesses.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => {
            let file: File = serde_json::from_str(&text?).map_err(io::Error::other)?;
            Ok(file.witnesses.into_iter().take(WITNESSES_MAX).collect())
        }
    }
}

/// Replaces the list of witnesses.
pub fn write_witnesses(folder: &Path, witnesses: &[WitnessAt]) -> io::Result<()> {
    if read_witnesses(folder).is_ok_and(|there| there == witnesses) {
        return Ok(());
    }
    write(folder, "witnesses.json", &File { version: 1, witnesses: witnesses.to_vec() })
}

#[derive(Serialize, Deserialize)]
struct Sinks {
    version: u8,
    sinks: Vec<String>,
}

/// The places of second folders; none when there is no list.
pub fn read_sinks(folder: &Path) -> io::Result<Vec<String>> {
    match read(&folder.join("sinks.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => Ok(serde_json::from_str::<Sinks>(&text?).map_err(io::Error::other)?.sinks),
    }
}

/// Replaces the list of places.
pub fn write_sinks(folder: &Path, sinks: &[String]) -> io::Result<()> {
    if read_sinks(folder).is_ok_and(|there| there == sinks) {
        return Ok(());
    }
    write(folder, "sinks.json", &Sinks { version: 1, sinks: sinks.to_vec() })
}

/// A note that a witness or a second sink showed, signed by this site and not continued by its ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Who showed it.
    pub witness: String,
    /// The note.
    pub note: String,
}

/// The note in the folder, if there is one. Whoever believes it checks its signature first.
#[must_use]
pub fn read_ahead(folder: &Path) -> Option<Ahead> {
    let shown = [folder.join("ahead"), folder.join(TOLD).join("ahead")];
    shown.iter().find_map(|path| serde_json::from_str(&read(path).ok()?).ok())
}

/// Keeps what somebody showed.
pub fn write_ahead(folder: &Path, ahead: &Ahead) -> io::Result<()> {
    if read_ahead(folder).as_ref() == Some(ahead) { Ok(()) } else { write(folder, "ahead", ahead) }
}

/// That the owner goes on after a loss: for the note that shows it, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossAccepted {
    /// The note in `ahead`.
    pub note: String,
    /// Why.
    pub reason: String,
}

/// What the owner accepted, if something.
#[must_use]
pub fn read_accepted(folder: &Path) -> Option<LossAccepted> {
    serde_json::from_str(&read(&folder.join("accepted")).ok()?).ok()
}

/// Keeps it until the next start of the warden.
pub fn write_accepted(folder: &Path, accepted: &LossAccepted) -> io::Result<()> {
    write(folder, "accepted", accepted)
}

/// Forgets what was shown and accepted: the ledger says it now, or it turned out to be nothing.
pub fn forget_ahead(folder: &Path) -> io::Result<()> {
    for path in [folder.join("accepted"), folder.join("ahead"), folder.join(TOLD).join("ahead")] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    Disk.write_file(&folder.join(name), &serde_json::to_vec_pretty(value).map_err(io::Error::other)?)?;
    Disk.sync_directory(folder)
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}
