//! The courier: takes the ledger's checkpoints to its witnesses and keeps what they answer. It reads the ledger's
//! folder, holds no key, and speaks with the outside so that the warden need not.
//!
//! Walls stand around it when it is run by `serve`: it reads the ledger and the list, writes in `told`, and connects to the ports of
//! the witnesses that it found in the list when it began. When the list names others it says so, ends, and is started again.
//!
//! | file in `DIR/witnesses` | holds | who controls it can ... | losing it costs ... |
//! | --- | --- | --- | --- |
//! | `witnesses.json` | address and keys of each witness; the warden writes it from the ledger | have nobody asked until the warden starts again | nothing |
//! | `told/<hash>.cosigned` | the newest note that this witness cosigned | hide cosignatures; make none | the cosignatures: the witness gives newer ones |
//! | `told/<hash>.json` | how it went with this witness last | make `doctor` say something else | nothing |
//! | `told/ahead` | a note of this site's key that the ledger's folder does not continue | hide that the ledger was rolled back until a witness is asked again | the same |

mod ask;
mod kept;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use audit::{Cosigner, Prover, TOLD, WitnessAt, read_witnesses};
use thiserror::Error;

use crate::client::{ClientError, Roots, Ways};

pub use kept::Status;

/// The first pause after a witness failed; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// For how long what a name led to is believed when nobody answers there.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(60);

/// What came of asking one witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It cosigned this size.
    Cosigned {
        /// Entries.
        size: u64,
    },
    /// It has seen a history that this ledger does not continue.
    Ahead {
        /// The size that it says it cosigned last.
        size: u64,
        /// Whether it showed a checkpoint that this site signed.
        proven: bool,
    },
}

/// Why a witness did not cosign.
#[derive(Debug, Error)]
pub enum CourierError {
    /// It did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It does not know this ledger.
    #[error("the witness does not know this ledger; have its operator add the line of ledger/site.vkey")]
    Unknown,
    /// It does not take the signature.
    #[error("the witness does not take this site's signature; have its operator look at the key of this ledger")]
    Forbidden,
    /// It answers something else.
    #[error("the witness answered with status {0}; ask its operator")]
    Status(u16),
    /// What it answered does not hold under its keys.
    #[error(
        "the witness's cosignature does not hold under the keys that are configured; compare them with its operator"
    )]
    Cosignature,
    /// The ledger cannot be read now.
    #[error("the ledger's files cannot be read now")]
    Ledger(#[from] audit::ProofError),
    /// The folder cannot be written.
    #[error("what the witness answered cannot be kept; look at the disk")]
    Io(#[from] std::io::Error),
    /// Its keys cannot be read.
    #[error("the keys of the witness cannot be read; remove it and add it again")]
    Keys,
}

/// What one round over all witnesses gave.
#[derive(Debug, Default)]
pub struct Report {
    /// Witnesses that are configured.
    pub witnesses: usize,
    /// Those that have cosigned the newest checkpoint or said what keeps them from it.
    pub reached: usize,
    /// Those that have seen another or a longer history.
    pub ahead: usize,
    /// The list names others than when this courier began, or a name leads nowhere any more: a new courier is needed.
    pub outdated: bool,
}

/// Asks again and again.
pub struct Courier {
    ledger: PathBuf,
    folder: PathBuf,
    /// The witnesses in the list when it began.
    known: Vec<String>,
    ways: Ways,
    began: Instant,
    pauses: HashMap<String, (Instant, Duration)>,
    /// Witnesses that answered since this courier began. Before that, what lies in the folder is not believed: it is as old
    /// as the ledger beside it.
    confirmed: HashSet<String>,
}

impl Courier {
    /// A courier between the ledger of `dir` and the witnesses in `dir/witnesses`. Their names are looked up now, and not again.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self::trusting(dir, Roots::of_this_machine())
    }

    /// The same with other certificate authorities.
    #[must_use]
    pub fn trusting(dir: &Path, roots: Roots) -> Self {
        let folder = dir.join("witnesses");
        let known: Vec<String> =
            read_witnesses(&folder).unwrap_or_default().into_iter().map(|witness| witness.url).collect();
        if let Err(error) = std::fs::create_dir_all(folder.join(TOLD)) {
            tracing::error!(%error, "the folder for what witnesses answer cannot be made");
        }
        Self {
            ledger: dir.join("ledger"),
            folder,
            ways: Ways::to(known.iter().map(String::as_str), roots),
            known,
            began: Instant::now(),
            pauses: HashMap::new(),
            confirmed: HashSet::new(),
        }
    }

    /// The TCP ports that it connects to.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        self.ways.ports().into_iter().collect()
    }

    /// Asks every witness that has not cosigned the newest checkpoint, all at once; `seconds` is the time since 1970.
    pub async fn round(&mut self, seconds: u64) -> Report {
        let witnesses = match read_witnesses(&self.folder) {
            Ok(witnesses) => witnesses,
            Err(error) => {
                tracing::error!(%error, "the list of witnesses cannot be read; the warden writes it at its next start");
                return Report::default();
            }
        };
        let outdated = !witnesses.iter().map(|witness| &witness.url).eq(&self.known);
        let mut report = Report { witnesses: witnesses.len(), outdated, ..Report::default() };
        if outdated {
            return report;
        }
        let mut asked = tokio::task::JoinSet::new();
        for witness in witnesses {
            let resting = self.pauses.get(&witness.url).is_some_and(|(until, _)| Instant::now() < *until);
            if resting {
                continue;
            }
            let (ledger, folder, ways) = (self.ledger.clone(), self.folder.clone(), self.ways.clone());
            let confirmed = self.confirmed.contains(&witness.url);
            asked.spawn(async move {
                let told = one(&ledger, &folder, &witness, confirmed, &ways).await;
                (witness, told)
            });
        }
        while let Some(joined) = asked.join_next().await {
            let Ok((witness, told)) = joined else { continue };
            let lost =
                matches!(&told, Err(CourierError::Client(ClientError::Connect(_)))) && Ways::is_name(&witness.url);
            report.outdated |= lost && self.began.elapsed() > LOOK_UP_AGAIN;
            if let Some(told) = self.note(&witness, told, seconds) {
                report.reached += 1;
                report.ahead += usize::from(matches!(told, Told::Ahead { .. }));
            }
        }
        report
    }

    /// Writes down how it went, and rests after a failure.
    fn note(&mut self, witness: &WitnessAt, told: Result<Told, CourierError>, seconds: u64) -> Option<Told> {
        let mut status = Status { asked: seconds, ..Status::of(witness) };
        let before = Status::read(&self.folder, witness).problem;
        let told = match told {
            Ok(told) => {
                self.confirmed.insert(witness.url.clone());
                match told {
                    Told::Cosigned { .. } => drop(self.pauses.remove(&witness.url)),
                    Told::Ahead { size, proven } => {
                        status.problem = Some(format!("it has seen {size} entries that this ledger does not continue"));
                        status.ahead = Some(size);
                        status.proven = proven;
                        self.rest(&witness.url);
                    }
                }
                Some(told)
            }
            Err(error) => {
                status.problem = Some(error.to_string());
                self.rest(&witness.url);
                None
            }
        };
        if let Some(problem) = status.problem.as_ref().filter(|problem| before.as_ref() != Some(problem)) {
            tracing::error!(witness = witness.url, proven = status.proven, problem, "a witness does not cosign");
        }
        if let Err(error) = status.write(&self.folder) {
            tracing::warn!(%error, "the state of a witness cannot be written");
        }
        told
    }

    fn rest(&mut self, url: &str) {
        let pause = self.pauses.get(url).map_or(PAUSE_MIN, |(_, pause)| (*pause * 2).min(PAUSE_MAX));
        self.pauses.insert(url.to_owned(), (Instant::now() + pause, pause));
    }
}

/// Takes the newest checkpoint to one witness, if it has not cosigned it.
async fn one(
    ledger: &Path,
    folder: &Path,
    witness: &WitnessAt,
    confirmed: bool,
    ways: &Ways,
) -> Result<Told, CourierError> {
    let cosigners: Option<Vec<Cosigner>> = witness.vkeys.iter().map(|vkey| Cosigner::parse(vkey).ok()).collect();
    let cosigners = cosigners.filter(|cosigners| !cosigners.is_empty()).ok_or(CourierError::Keys)?;
    let prover = Prover::open(ledger)?;
    ask::ask(prover, folder, witness, &cosigners, confirmed, ways).await
}
