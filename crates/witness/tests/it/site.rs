//! A site's ledger, and a witness that knows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{AddCheckpoint, Ledger, LedgerKeys, Prover, WitnessAt, write_witnesses};
use model::{Actor, EntryBody, Instant, PatientNumber};
use seal::RootSecret;
use tempfile::TempDir;
use witness::{Answer, Witness};

pub const ORIGIN: &str = "leadglass/00112233445566778899aabbccddeeff";
pub const NAME: &str = "witness.example/w1";

pub fn keys(seed: u8) -> LedgerKeys {
    LedgerKeys::from_root(&RootSecret::from_bytes(&[seed; 32]))
}

/// DIR of a site, with `ledger` in it.
pub struct Site {
    pub folder: TempDir,
    seed: u8,
    origin: &'static str,
}

impl Site {
    pub fn new() -> Self {
        Self::of(7)
    }

    /// With another key under the same origin.
    pub fn of(seed: u8) -> Self {
        Self::called(ORIGIN, seed)
    }

    pub fn called(origin: &'static str, seed: u8) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), seed, origin };
        Ledger::create(&site.ledger(), &keys(seed), origin).unwrap();
        site
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub fn ledger(&self) -> PathBuf {
        self.dir().join("ledger")
    }

    /// Lets the ledger grow by entries of one patient; its size.
    pub fn grow(&self, patient: u32, entries: u32) -> u64 {
        let (ledger, replay) = Ledger::open(&self.ledger(), keys(self.seed), self.origin).unwrap();
        drop(replay);
        let body = EntryBody::PatientAdded { patient: PatientNumber(patient) };
        for _ in 0..entries {
            ledger.append(vec![(Actor::Warden, body.clone())], Instant(1_764_000_000_000_000)).unwrap();
        }
        ledger.size()
    }

    pub fn vkey(&self) -> String {
        std::fs::read_to_string(self.ledger().join("site.vkey")).unwrap()
    }

    pub fn checkpoint(&self) -> String {
        std::fs::read_to_string(self.ledger().join("checkpoint")).unwrap()
    }

    /// A copy of everything, as a backup takes it.
    pub fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap(), seed: self.seed, origin: self.origin };
        copy_folder(self.dir(), copy.dir());
        copy
    }

    pub fn request(&self, old_size: u64) -> AddCheckpoint {
        let mut prover = Prover::open(&self.ledger()).unwrap();
        AddCheckpoint::new(prover.consistency(old_size).unwrap(), &self.checkpoint()).unwrap()
    }

    pub fn watched_by(&self, url: &str, witness: &Witness) {
        let vkeys = witness.cosigners().iter().map(audit::Cosigner::to_text).collect();
        write_witnesses(&self.dir().join("witnesses"), &[WitnessAt { url: url.to_owned(), vkeys }]).unwrap();
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A witness in a folder of its own that knows a site.
pub fn witness_of(site: &Site) -> (TempDir, Witness) {
    let folder = tempfile::tempdir().unwrap();
    Witness::init(folder.path(), NAME).unwrap();
    assert_eq!(Witness::add_log(folder.path(), &site.vkey()).unwrap(), ORIGIN);
    let witness = Witness::open(folder.path()).unwrap();
    (folder, witness)
}

/// Asks without HTTP.
pub fn asked(witness: &Witness, request: &AddCheckpoint) -> Answer {
    witness.add_checkpoint(request.to_body().as_bytes(), 1_764_000_000)
}

/// Serves until the runtime ends; the submission prefix.
pub async fn served(witness: Witness) -> (String, Arc<Witness>) {
    let witness = Arc::new(witness);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(witness::serve(Arc::clone(&witness), listener));
    (url, witness)
}
