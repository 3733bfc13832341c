//! Reading what is published: the right edge at start, one bundle, or everything in order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Entry, EntryNumber};
use thiserror::Error;

use crate::OpenError;
use crate::leaf::{Leaf, SealedEntry, read_entry_bundle, read_payload_bundle};
use crate::merkle::Hash;
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
use crate::open::payload_origin;
use crate::payload::{PAYLOAD_BYTES_MAX, PayloadError, PayloadKeys, PayloadSealer};
use crate::publish::{Published, partial_places};
use crate::tile::{Bundle, CHECKPOINT, Place, TILE_WIDTH};
use crate::{VerifyError, checkpoint};

/// Why entries cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("the ledger's files cannot be read; look at the folder's permissions and at the disk")]
    Io(#[from] io::Error),
    /// A file does not hold what the ledger commits to.
    #[error("{} was changed after it was written; restore the ledger's folder from the vault", .0.display())]
    Changed(PathBuf),
    /// A payload does not open.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Reads a file of at most `bytes_max`.
pub(crate) fn read_limited(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than a ledger makes it"));
    }
    fs::read(path)
}

/// Bytes of the largest file of a kind.
pub(crate) const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (4 + PAYLOAD_BYTES_MAX as u64);

/// The checkpoint file, its text and what it says.
pub(crate) fn read_checkpoint(dir: &Path, verifier: &NoteVerifier) -> Result<(String, Checkpoint), OpenError> {
    let bytes = read_limited(&dir.join(CHECKPOINT), NOTE_BYTES_MAX as u64)?;
    let checkpoint = Checkpoint::open(&bytes, verifier).map_err(OpenError::Checkpoint)?;
    let text = String::from_utf8(bytes).map_err(|_| OpenError::Checkpoint(NoteError::Shape))?;
    Ok((text, checkpoint))
}

/// Reads the right edge of what is published and compares it with the checkpoint.
pub(crate) fn load(dir: &Path, verifier: &NoteVerifier) -> Result<(Published, String), OpenError> {
    let (text, checkpoint) = read_checkpoint(dir, verifier)?;
    let mut levels: Vec<Vec<Hash>> =
        vec![Vec::new(); (0..8).take_while(|level| checkpoint.size >> (8 * level) > 0).count()];
    let mut bundle = Vec::new();
    for place in partial_places(checkpoint.size) {
        let changed = || OpenError::Changed(dir.join(place.path()));
        match place.bundle {
            Bundle::Tile(level) => {
                let bytes = read_limited(&dir.join(place.path()), TILE_WIDTH * 32).map_err(|_| changed())?;
                let hashes: Vec<Hash> =
                    bytes.chunks_exact(32).map(|hash| Hash(hash.try_into().expect("32 bytes"))).collect();
                if bytes.len() as u64 != place.width * 32 {
                    return Err(changed());
                }
                levels[level as usize] = hashes;
            }
            Bundle::Entries => {
                bundle = read_place(dir, place.index, place.width).map_err(|_| changed())?;
            }
            Bundle::Payload => {}
        }
    }
    let edge = levels.first().map_or(&[][..], Vec::as_slice);
    if !bundle.iter().map(|entry| entry.leaf.hash()).eq(edge.iter().copied()) {
        return Err(OpenError::Changed(
            dir.join(
                Place {
                    bundle: Bundle::Tile(0),
                    index: checkpoint.size / TILE_WIDTH,
                    width: checkpoint.size % TILE_WIDTH,
                }
                .path(),
            ),
        ));
    }
    let bundle = bundle.into_iter().map(Arc::new).collect();
    let published = Published::new(dir, checkpoint.size, bundle, levels);
    if published.frontier().root() != checkpoint.root {
        return Err(OpenError::Changed(dir.join(CHECKPOINT)));
    }
    Ok((published, text))
}

impl Published {
    /// The last entry.
    pub(crate) fn last(&self, dir: &Path) -> Result<Option<SealedEntry>, OpenError> {
        if let Some(last) = self.bundle().last() {
            return Ok(Some(last.as_ref().clone()));
        }
        let Some(index) = (self.size() / TILE_WIDTH).checked_sub(1) else { return Ok(None) };
        let place = Place { bundle: Bundle::Payload, index, width: TILE_WIDTH };
        let mut bundle = read_bundle(dir, index).map_err(|_| OpenError::Changed(dir.join(place.path())))?;
        Ok(bundle.pop())
    }
}

/// Reads a full bundle of entries with their payloads.
pub(crate) fn read_bundle(dir: &Path, index: u64) -> Result<Vec<SealedEntry>, ReadError> {
    read_place(dir, index, TILE_WIDTH)
}

/// Reads the entries `from..until` of a ledger whose checkpoint covers `size`.
pub(crate) fn read_entries(dir: &Path, from: u64, until: u64, size: u64) -> Result<Vec<Arc<SealedEntry>>, ReadError> {
    let mut entries = Vec::with_capacity((until - from) as usize);
    let mut next = from;
    while next < until {
        let index = next / TILE_WIDTH;
        let width = TILE_WIDTH.min(size - index * TILE_WIDTH);
        let bundle = read_place(dir, index, width)?;
        let skip = (next % TILE_WIDTH) as usize;
        entries.extend(bundle.into_iter().skip(skip).take((until - next) as usize).map(Arc::new));
        next = from + entries.len() as u64;
    }
    Ok(entries)
}

fn read_place(dir: &Path, index: u64, width: u64) -> Result<Vec<SealedEntry>, ReadError> {
    let leaves = read_leaves(dir, index, width)?;
    let path = dir.join(Place { bundle: Bundle::Payload, index, width }.path());
    let payloads = read_limited(&path, BUNDLE_BYTES_MAX)?;
    read_payload_bundle(&payloads, &leaves).map_err(|_| ReadError::Changed(path))
}

/// Reads a bundle of leaves.
pub(crate) fn read_leaves(dir: &Path, index: u64, width: u64) -> Result<Vec<Leaf>, ReadError> {
    let path = dir.join(Place { bundle: Bundle::Entries, index, width }.path());
    let leaves = read_limited(&path, BUNDLE_BYTES_MAX)?;
    read_entry_bundle(&leaves, width).map_err(|_| ReadError::Changed(path))
}

/// An entry's number, and the entry when the key of its day is at hand.
pub type Opened = (EntryNumber, Result<Entry, PayloadError>);

/// Reads what the checkpoint file covers, from the files alone: for an auditor who holds the keys of some days.
///
/// It opens and does not prove; [`crate::verify()`] proves.
pub struct Reader {
    dir: PathBuf,
    size: u64,
    sealer: PayloadSealer,
}

impl Reader {
    /// Takes the checkpoint file of the ledger in `dir`.
    pub fn open(dir: &Path, keys: PayloadKeys) -> Result<Self, VerifyError> {
        let (_, checkpoint) = checkpoint(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            size: checkpoint.size,
            sealer: PayloadSealer::new(keys, payload_origin(&checkpoint.origin)),
        })
    }

    /// How many entries the checkpoint covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the entries of one bundle: those from `index * 256` on, 256 at most. An entry of a day whose key is not
    /// at hand is [`PayloadError::NoKey`]; the others open all the same.
    pub fn bundle(&mut self, index: u64) -> Result<Vec<Opened>, ReadError> {
        let first = index.saturating_mul(TILE_WIDTH);
        let width = TILE_WIDTH.min(self.size.saturating_sub(first));
        if width == 0 {
            return Ok(Vec::new());
        }
        let sealed = read_place(&self.dir, index, width)?;
        let numbers = (first..).map(EntryNumber);
        Ok(numbers.zip(&sealed).map(|(number, sealed)| (number, self.sealer.open(number, sealed))).collect())
    }
}
