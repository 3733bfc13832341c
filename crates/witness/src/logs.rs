//! What a witness keeps: its keys, and for each log the keys that it trusts and the checkpoint that it cosigned last.
//!
//! | file | holds | who controls it can ... | losing it costs ... |
//! | --- | --- | --- | --- |
//! | `key.json` | name and two seeds | cosign in this witness's name | the identity: a new name, told to every site |
//! | `logs/<hash>/vkeys` | the log's keys, one a line | have another log cosigned under this origin | nothing: it is added again |
//! | `logs/<hash>/checkpoint` | the note cosigned last; empty before the first | roll the log back | the memory of this log: the witness refuses until it is decided by hand |
//! | `logs/<hash>/evidence/<n>` | requests signed by the log that contradict it | nothing | what shows that the log forked |

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use audit::{Cosigner, CosigningKeys, NoteError, NoteVerifier};
use seal::{Secret32, SystemRandom};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::files::{hash_of, write};

/// The most bytes of a file that a witness reads.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A witness, open for answering.
pub struct Witness {
    dir: PathBuf,
    pub(crate) keys: CosigningKeys,
    pub(crate) logs: RwLock<HashMap<String, Log>>,
    /// The second of the last look for logs that were added.
    reloaded: AtomicU64,
}

/// A log that a witness knows.
pub struct Log {
    pub(crate) dir: PathBuf,
    pub(crate) verifiers: Vec<NoteVerifier>,
    /// The note cosigned last, empty before the first. Held while a request is decided and written: two requests never
    /// race.
    pub(crate) last: Mutex<String>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeyFile {
    version: u8,
    name: String,
    ed25519_seed: String,
    ml_dsa_44_seed: String,
}

/// Why a witness cannot be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is one.
    #[error("there is a witness in {} already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// The name is none.
    #[error(
        "this is no name for a witness; give a URL without scheme that is yours, without spaces or `+`, at most 255 bytes"
    )]
    Name,
    /// The folder cannot be written.
    #[error("the witness's folder cannot be written; look at its permissions and at the disk")]
    Io(#[from] io::Error),
}

/// Why a witness does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no witness in {}; make one with `leadglass witness init`", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("{} cannot be read; restore it from a copy", .0.display())]
    File(PathBuf),
    /// The memory of a log is gone, or does not hold. It is not begun anew: that would let the log be rolled back.
    #[error("what this witness knew of {0} is lost; restore its folder, or take a new witness name")]
    Lost(String),
}

/// Why a log cannot be added.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// No key of a log.
    #[error("this is no key of a ledger; give the line of the site's ledger/site.vkey")]
    Key(#[from] NoteError),
    /// The folder cannot be written.
    #[error("the witness's folder cannot be written; look at its permissions and at the disk")]
    Io(#[from] io::Error),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Witness {
    /// Makes a witness in `dir` and returns the vkeys that sites configure.
    pub fn init(dir: &Path, name: &str) -> Result<[Cosigner; 2], InitError> {
        let path = dir.join("key.json");
        if path.exists() {
            return Err(InitError::Exists(dir.to_owned()));
        }
        let [ed25519, ml_dsa] = [Secret32::generate(&mut SystemRandom), Secret32::generate(&mut SystemRandom)];
        let keys = CosigningKeys::from_seeds(name, &ed25519, &ml_dsa).ok_or(InitError::Name)?;
        fs::create_dir_all(dir.join("logs"))?;
        let file = KeyFile {
            version: 1,
            name: name.to_owned(),
            ed25519_seed: hex::encode(ed25519.expose()),
            ml_dsa_44_seed: hex::encode(ml_dsa.expose()),
        };
        let json = Zeroizing::new(serde_json::to_vec_pretty(&file).expect("a key file is text"));
        write(&path, &json)?;
        Ok(keys.cosigners())
    }

    /// Opens the witness in `dir`.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("key.json");
        if !path.exists() {
            return Err(OpenError::Missing(dir.to_owned()));
        }
        let keys = read_keys(&path).ok_or(OpenError::File(path))?;
        let witness = Self { dir: dir.to_owned(), keys, logs: RwLock::default(), reloaded: AtomicU64::new(0) };
        witness.reload()?;
        Ok(witness)
    }

    /// What checks its cosignatures.
    #[must_use]
    pub fn cosigners(&self) -> [Cosigner; 2] {
        self.keys.cosigners()
    }

    /// Takes in logs that were added since it was opened. One that does not open is told at the end and keeps no other from it.
    pub fn reload(&self) -> Result<(), OpenError> {
        let folder = self.dir.join("logs");
        let entries = fs::read_dir(&folder).map_err(|_| OpenError::File(folder.clone()))?;
        let mut wrong = None;
        let mut logs = self.logs.write().expect("no holder panics");
        for entry in entries.filter_map(Result::ok) {
            let log = match Log::open(&entry.path()) {
                Ok(log) => log,
                Err(error) => {
                    wrong.get_or_insert(error);
                    continue;
                }
            };
            let Some(origin) = log.verifiers.first().map(|verifier| verifier.name().to_owned()) else { continue };
            match logs.get_mut(&origin) {
                // what is remembered stays: only keys may have been added
                Some(known) => known.verifiers = log.verifiers,
                None => drop(logs.insert(origin, log)),
            }
        }
        wrong.map_or(Ok(()), Err)
    }

    /// As [`Witness::reload`], at most once in a second, however many ask for logs that nobody knows; whether it was done.
    pub(crate) fn reload_if_due(&self, seconds: u64) -> bool {
        if self.reloaded.swap(seconds, Ordering::Relaxed) == seconds {
            return false;
        }
        if let Err(error) = self.reload() {
            tracing::error!(%error, "a log is not cosigned");
        }
        true
    }

    /// Makes a log known: its key's name is its origin. A further key of a known origin is trusted besides.
    pub fn add_log(dir: &Path, vkey: &str) -> Result<String, WitnessError> {
        if !dir.join("key.json").exists() {
            return Err(OpenError::Missing(dir.to_owned()).into());
        }
        let verifier = NoteVerifier::parse(vkey.trim())?;
        let folder = dir.join("logs").join(hash_of(verifier.name()));
        let keys = folder.join("vkeys");
        let mut known = fs::read_to_string(&keys).unwrap_or_default();
        if !known.lines().any(|line| line == verifier.to_text()) {
            known.push_str(&verifier.to_text());
            known.push('\n');
            fs::create_dir_all(&folder)?;
            // crash before the keys are there: a folder without keys is no log; one with keys never begins anew
            if !keys.exists() && !folder.join("checkpoint").exists() {
                write(&folder.join("checkpoint"), b"")?;
            }
            write(&keys, known.as_bytes())?;
            fs::File::open(dir.join("logs"))?.sync_all()?;
        }
        Ok(verifier.name().to_owned())
    }

    /// The logs that it knows, each with the note cosigned last.
    #[must_use]
    pub fn status(&self) -> Vec<(String, String)> {
        let logs = self.logs.read().expect("no holder panics");
        let last = |log: &Log| log.last.lock().expect("no holder panics").clone();
        let mut status: Vec<_> = logs.iter().map(|(origin, log)| (origin.clone(), last(log))).collect();
        status.sort();
        status
    }
}

impl Log {
    fn open(dir: &Path) -> Result<Self, OpenError> {
        let keys = dir.join("vkeys");
        let Ok(text) = read(&keys) else {
            return Ok(Self { dir: dir.to_owned(), verifiers: Vec::new(), last: Mutex::default() });
        };
        let verifiers = text.lines().map(NoteVerifier::parse).collect::<Result<Vec<_>, _>>();
        let verifiers = verifiers.map_err(|_| OpenError::File(keys))?;
        let origin = verifiers.first().map(|verifier| verifier.name().to_owned()).unwrap_or_default();
        let last = read(&dir.join("checkpoint")).map_err(|_| OpenError::Lost(origin.clone()))?;
        let holds = verifiers.iter().any(|verifier| audit::Checkpoint::open(last.as_bytes(), verifier).is_ok());
        if !last.is_empty() && !holds {
            return Err(OpenError::Lost(origin));
        }
        Ok(Self { dir: dir.to_owned(), verifiers, last: Mutex::new(last) })
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

fn read_keys(path: &Path) -> Option<CosigningKeys> {
    let text = Zeroizing::new(read(path).ok()?);
    let file: KeyFile = serde_json::from_str(&text).ok()?;
    let seed = |text: &str| {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, seed.as_mut_slice()).ok()?;
        Some(Secret32::from_bytes(&seed))
    };
    if file.version != 1 {
        return None;
    }
    CosigningKeys::from_seeds(&file.name, &seed(&file.ed25519_seed)?, &seed(&file.ml_dsa_44_seed)?)
}
