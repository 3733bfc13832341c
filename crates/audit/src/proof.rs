//! Inclusion and consistency proofs, read from the tiles.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use model::EntryNumber;
use thiserror::Error;

use crate::leaf::read_entry_bundle;
use crate::merkle::{ConsistencyProof, Frontier, Hash, InclusionProof, Node, leaf_hash, root_of};
use crate::note::{Checkpoint, NoteVerifier};
use crate::read::{BUNDLE_BYTES_MAX, read_limited};
use crate::snapshot::read_head;
use crate::tile::{Bundle, Place, TILE_WIDTH};
use crate::verify::VerifyError;

/// Makes proofs against the checkpoint that was there when it was opened.
pub struct Prover {
    dir: PathBuf,
    verifier: NoteVerifier,
    text: String,
    checkpoint: Checkpoint,
    tiles: HashMap<Place, Vec<Hash>>,
}

/// Why a proof cannot be made.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] VerifyError),
    /// The entry or the older tree is not covered by the checkpoint yet.
    #[error("the checkpoint covers {size} entries and {wanted} are wanted; ask again in a second")]
    Beyond {
        /// What is covered.
        size: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// A tile cannot be read, or is not of its length.
    #[error("{} cannot be read; open the ledger again, and run `leadglass ledger verify` if it stays so", .0.display())]
    File(PathBuf),
}

impl Prover {
    /// Takes the checkpoint file of the ledger in `dir`.
    pub fn open(dir: &Path) -> Result<Self, ProofError> {
        let (verifier, text, checkpoint) = read_head(dir)?;
        Ok(Self { dir: dir.to_owned(), verifier, text, checkpoint, tiles: HashMap::new() })
    }

    /// What checked the checkpoint: the key in the folder.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The checkpoint, as text and as what it says.
    #[must_use]
    pub fn checkpoint(&self) -> (&str, &Checkpoint) {
        (&self.text, &self.checkpoint)
    }

    /// That an entry is in the ledger: the hash of its leaf and the proof, checked against the checkpoint's root.
    pub fn inclusion(&mut self, number: EntryNumber) -> Result<(Hash, InclusionProof), ProofError> {
        let size = self.checkpoint.size;
        if number.0 >= size {
            return Err(ProofError::Beyond { size, wanted: number.0.saturating_add(1) });
        }
        let proof = InclusionProof::build(number.0, size, &mut |node| self.node(node))?;
        Ok((self.leaf(number)?, proof))
    }

    /// That the tree of `old_size` is the beginning of the checkpoint's.
    pub fn consistency(&mut self, old_size: u64) -> Result<ConsistencyProof, ProofError> {
        let size = self.checkpoint.size;
        if old_size > size {
            return Err(ProofError::Beyond { size, wanted: old_size });
        }
        ConsistencyProof::build(old_size, size, &mut |node| self.node(node))
    }

    /// The root of the tree of `size`, which is no larger than the checkpoint's.
    pub fn root_at(&mut self, size: u64) -> Result<Hash, ProofError> {
        if size > self.checkpoint.size {
            return Err(ProofError::Beyond { size: self.checkpoint.size, wanted: size });
        }
        Frontier::load(size, |node| self.node(node)).map(|frontier| frontier.root())
    }

    fn leaf(&self, number: EntryNumber) -> Result<Hash, ProofError> {
        let place = self.place(Bundle::Entries, 0, number.0 / TILE_WIDTH);
        let path = self.dir.join(place.path());
        let bytes = read_limited(&path, BUNDLE_BYTES_MAX).map_err(|_| ProofError::File(path.clone()))?;
        let leaves = read_entry_bundle(&bytes, place.width).map_err(|_| ProofError::File(path))?;
        Ok(leaf_hash(&leaves[(number.0 % TILE_WIDTH) as usize].to_bytes()))
    }

    fn node(&mut self, Node { level, index }: Node) -> Result<Hash, ProofError> {
        let (tile_level, height) = (level / 8, level % 8);
        let first = index << height;
        let place = self.place(Bundle::Tile(tile_level), tile_level, first / TILE_WIDTH);
        if !self.tiles.contains_key(&place) {
            let path = self.dir.join(place.path());
            let bytes = read_limited(&path, TILE_WIDTH * 32).ok();
            let bytes = bytes.filter(|bytes| bytes.len() as u64 == place.width * 32).ok_or(ProofError::File(path))?;
            let hashes = bytes.chunks_exact(32).map(|hash| Hash(hash.try_into().expect("chunks of 32 bytes")));
            self.tiles.insert(place, hashes.collect());
        }
        let start = (first % TILE_WIDTH) as usize;
        let below = self.tiles[&place].get(start..start + (1 << height));
        Ok(root_of(below.expect("complete subtrees lie inside the tree")))
    }

    /// The file that holds a tile at the checkpoint's size.
    fn place(&self, bundle: Bundle, level: u32, index: u64) -> Place {
        let hashes = self.checkpoint.size >> (8 * level);
        Place { bundle, index, width: TILE_WIDTH.min(hashes - index * TILE_WIDTH) }
    }
}
