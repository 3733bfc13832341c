//! How far a load has come, written down so that the next one goes on from there.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::HashKind;
use crate::shape::SHARDS;

const NAME: &str = "state.json";
const VERSION: u8 = 1;

/// How far a load has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    version: u8,
    /// Of which source.
    pub source: String,
    /// `sha1` or `ntlm`, once a line said it.
    pub kind: Option<String>,
    /// The part that is read, the place in it, and how many of its lines lie before.
    pub part: u32,
    pub offset: u64,
    pub line: u64,
    /// Text that was read in all, in bytes.
    pub read: u64,
    /// Parts that were not there.
    pub missing: u32,
    /// How many hashes lie in the file of each shard.
    pub sorted: Vec<u64>,
    /// Whether all of the source was read.
    pub complete: bool,
    /// Checksums of the shards that are written, in hexadecimal digits.
    pub shards: Vec<String>,
    /// Their buckets, in bytes.
    pub data_bytes: u64,
    /// Their hashes.
    pub hashes: u64,
}

impl State {
    pub(crate) fn of(source: String) -> Self {
        Self {
            version: VERSION,
            source,
            kind: None,
            part: 0,
            offset: 0,
            line: 0,
            read: 0,
            missing: 0,
            sorted: vec![0; SHARDS],
            complete: false,
            shards: Vec::new(),
            data_bytes: 0,
            hashes: 0,
        }
    }

    /// What an earlier load of the same source left; nothing where there is none that this version goes on with.
    pub(crate) fn load(work: &Path, source: &str) -> Option<Self> {
        let bytes = std::fs::read(work.join(NAME)).ok()?;
        let state: Self = serde_json::from_slice(&bytes).ok()?;
        let fits = state.version == VERSION
            && state.source == source
            && state.sorted.len() == SHARDS
            && state.shards.len() <= SHARDS
            && (state.complete || state.shards.is_empty());
        fits.then_some(state)
    }

    /// Durable when it returns. A crash before leaves the state before; what it names was synced before it.
    pub(crate) fn save(&self, work: &Path) -> io::Result<()> {
        let (path, new) = (work.join(NAME), work.join("state.new"));
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        std::fs::rename(new, path)?;
        sync_folder(work)
    }

    pub(crate) fn kind(&self) -> Option<HashKind> {
        let word = self.kind.as_deref()?;
        HashKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
