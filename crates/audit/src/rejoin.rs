//! Bringing a folder that failed, or one that is new, to where the other folder is.
//!
//! It is read as at a start, by the same function; what it lacks is copied from the other's files. A folder that does not
//! hold the beginning of the other is never written: it was forked, and somebody has to look at it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::io::LedgerIo;
use crate::leaf::{Leaf, SealedEntry};
use crate::merkle::Frontier;
use crate::open::{Recovered, begin_origin, create, lock, recover_locked};
use crate::proof::{ProofError, Prover};
use crate::publish::Published;
use crate::read::read_entries;
use crate::tile::{TILE_WIDTH, VKEY};
use crate::{LedgerKeys, OpenError, ReadError};

/// The file that marks the place of a second folder: without it the disk is not there.
pub const MARK: &str = "leadglass-sink.json";
/// Bundles copied before their folders are synced.
const BUNDLES_AT_ONCE: u64 = 64;

/// Why a folder stays away.
#[derive(Debug, Error)]
pub enum RejoinError {
    /// Its disk is not there.
    #[error(
        "the place of the second folder is not there; mount its disk, or add it again with `leadglass ledger sink add`"
    )]
    Place,
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The other one cannot be read.
    #[error("the other folder cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The other one has no proof.
    #[error("the other folder cannot be read: {0}")]
    Proof(#[from] ProofError),
    /// It cannot be written.
    #[error("the folder cannot be written")]
    Io(#[from] io::Error),
    /// It holds another history.
    #[error("the folder holds another history than the ledger; leave it as it is and see `leadglass doctor`")]
    Forked,
    /// It holds another history, or more of it; nobody else may have that.
    #[error(
        "the folder holds another history than the ledger, or more of it; leave it as it is and see `leadglass doctor`"
    )]
    Ahead {
        /// Its checkpoint.
        note: String,
    },
    /// There is nobody to take from.
    #[error("no other folder is there to take the missing entries from")]
    Nobody,
}

/// A folder that holds what the other one had published.
pub(crate) struct Rejoined {
    pub published: Published,
    /// The checkpoint over what it holds.
    pub note: String,
    pub next_file: u64,
}

/// A folder that is to come back.
pub(crate) struct Returning<'r> {
    /// Whether it is the ledger's own.
    pub own: bool,
    pub dir: &'r Path,
    /// Its lock, once it was taken.
    pub held: &'r mut Option<File>,
    /// Another folder that is there.
    pub source: Option<&'r Path>,
    /// The leaf of an entry that is still in memory.
    pub known: &'r dyn Fn(u64) -> Option<Leaf>,
    /// How many entries the ledger has by now.
    pub size: &'r dyn Fn() -> u64,
    pub keys: &'r LedgerKeys,
    pub base: &'r str,
    /// The origin line of the ledger's checkpoints.
    pub origin: &'r str,
    pub io: &'r dyn LedgerIo,
}

/// Brings it to what the other folder has published; it may stay as it is when memory holds all that it lacks.
pub(crate) fn rejoin(returning: Returning<'_>) -> Result<Rejoined, RejoinError> {
    let Returning { own, dir, held, source, known, size, keys, base, origin, io } = returning;
    let place = dir.parent().ok_or(RejoinError::Place)?;
    if !own && !place.join(MARK).is_file() {
        return Err(RejoinError::Place);
    }
    if !dir.join(VKEY).is_file() {
        *held = None;
        // a checkpoint without its key: making it was not finished
        let _ = fs::remove_file(dir.join(crate::tile::CHECKPOINT));
        fs::create_dir_all(dir)?;
        create(dir, keys, base, io)?;
    }
    if held.is_none() {
        *held = Some(lock(dir)?);
    }
    let Recovered { mut published, mut note, next_file, origin: begun, .. } = recover_locked(dir, keys, base, io)?;
    // its last entry is one of ours, and its own signed checkpoint covers what is before it
    let last = published.last(dir)?.map(|last| last.leaf);
    if last.is_none() || last != published.size().checked_sub(1).and_then(known) {
        if published.size() > size() {
            return Err(RejoinError::Ahead { note });
        }
        let source = source.ok_or(RejoinError::Nobody)?;
        note = match catch_up(&mut published, source, io, note.clone()) {
            Err(RejoinError::Forked) => return Err(RejoinError::Ahead { note }),
            caught_up => caught_up?,
        };
    }
    // a loss was accepted meanwhile: whatever is written from now on is signed under the later line
    if begun != origin {
        note = begin_origin(dir, keys, origin, &published.frontier(), io)?;
    }
    Ok(Rejoined { published, note, next_file })
}

/// Copies what `source` has published behind `published`, once it was seen that it continues it; the checkpoint then.
pub(crate) fn catch_up(
    published: &mut Published,
    source: &Path,
    io: &dyn LedgerIo,
    own_note: String,
) -> Result<String, RejoinError> {
    let mut prover = Prover::open(source)?;
    let (note, checkpoint) = (prover.checkpoint().0.to_owned(), prover.checkpoint().1.clone());
    if published.size() > checkpoint.size {
        // the source publishes within a second
        return Err(RejoinError::Nobody);
    }
    if prover.root_at(published.size())? != published.frontier().root() {
        return Err(RejoinError::Forked);
    }
    if published.size() == checkpoint.size {
        return Ok(own_note);
    }
    let mut frontier: Frontier = published.frontier();
    while published.size() < checkpoint.size {
        let from = published.size();
        let until = checkpoint.size.min((from / TILE_WIDTH + BUNDLES_AT_ONCE) * TILE_WIDTH);
        let entries: Vec<Arc<SealedEntry>> = read_entries(source, from, until, checkpoint.size)?;
        entries.iter().for_each(|entry| frontier.push(entry.leaf.hash()));
        if until == checkpoint.size {
            if frontier.root() != checkpoint.root {
                return Err(RejoinError::Forked);
            }
            // crash before the checkpoint: what was copied lies beyond it and is copied again
            published.publish(io, &entries, &note)?;
        } else {
            published.extend(io, &entries)?;
        }
    }
    Ok(note)
}
