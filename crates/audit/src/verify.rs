//! `ledger verify`: everything recomputed from the files alone, without keys, also while the ledger is written to.
//!
//! First a snapshot is taken of what changes: the checkpoint, the files that are not full, the journal. Everything
//! else never changes, so it is read afterwards at leisure.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::leaf::{Leaf, SealedEntry, entry_bundle, read_entry_bundle, read_payload_bundle};
use crate::merkle::{Frontier, Hash, root_of};
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};
use crate::publish::{Published, partial_places, tile};
use crate::read::BUNDLE_BYTES_MAX;
use crate::snapshot::{Snapshot, read, read_head};
use crate::tile::{Bundle, CHECKPOINT, JOURNAL, LOCK, Place, TILE_WIDTH, UNFINISHED, VKEY};

/// What was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The key that every signature was checked with. Compare it with one that was kept elsewhere.
    pub verifier: NoteVerifier,
    /// Entries, those in the journal included.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The signed note over them: the checkpoint file, or the journal's last one when that is newer.
    pub checkpoint: String,
    /// Entries that tiles and checkpoint file hold.
    pub published: u64,
    /// Bytes of a record that was not finished and so never answered; the next start cuts them away.
    pub unfinished_bytes: u64,
    /// The size of the older checkpoint that this ledger was found to continue.
    pub since: Option<u64>,
    /// Payloads that are missing because an entry says that they were erased.
    pub erased: u64,
    /// Payloads that an entry says are erased and that are still there; the next second or the next start removes them.
    pub erasures_owed: u64,
}

/// What does not hold.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There is no ledger.
    #[error("there is no ledger in {}; name the folder that holds site.vkey", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("{} cannot be read; look at its permissions and at the disk", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `site.vkey` is no key.
    #[error("site.vkey is damaged ({0}); take it from a copy")]
    Key(NoteError),
    /// The checkpoint file does not hold.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(NoteError),
    /// A file that must be there is missing.
    #[error("{} is missing; the ledger was cut, take the folder from the vault", .0.display())]
    FileMissing(PathBuf),
    /// A bundle of leaves was changed.
    #[error("{} was changed at entry {number}; take the folder from the vault", path.display())]
    Entries {
        /// The file.
        path: PathBuf,
        /// The first entry that does not fit.
        number: u64,
    },
    /// A sealed payload was changed.
    #[error("{} was changed: the payload of entry {number} is not what its leaf commits to; take the folder from the vault", path.display())]
    Payload {
        /// The file.
        path: PathBuf,
        /// The first entry that does not fit.
        number: u64,
    },
    /// A payload is missing, and no entry says that it was erased.
    #[error("{} lacks the payload of entry {number}, and no entry says that it was erased; take the folder from the vault", path.display())]
    PayloadMissing {
        /// The file.
        path: PathBuf,
        /// The entry.
        number: u64,
    },
    /// A tile does not hold the hashes of what is below it.
    #[error("{} was changed: it does not hold the hashes of the entries; take the folder from the vault", .0.display())]
    Tile(PathBuf),
    /// The entries are not those that the site signed for.
    #[error(
        "the entries are not those that the checkpoint signs for at size {size}; the ledger was rewritten, take the folder from the vault"
    )]
    Root {
        /// At which size.
        size: u64,
    },
    /// The journal was changed, or does not continue what the tiles hold.
    #[error("the journal {} was changed at byte {offset}; this is not what a crash leaves, take the folder from the vault", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// A file lies there that this ledger did not write.
    #[error("{} is no part of this ledger; find out who put it there and move it away", .0.display())]
    Stray(PathBuf),
    /// The older checkpoint cannot be used.
    #[error("the older checkpoint cannot be used: {0}")]
    Since(NoteError),
    /// The ledger is smaller than it was.
    #[error("the ledger has {size} entries and had {since}; it was rolled back, take the folder from the vault")]
    RolledBack {
        /// Entries now.
        size: u64,
        /// Entries then.
        since: u64,
    },
    /// The ledger is another than it was.
    #[error(
        "the first {since} entries are not those of the older checkpoint; the ledger was rewritten, take the folder from the vault"
    )]
    Forked {
        /// Entries then.
        since: u64,
    },
}

/// Recomputes the ledger in `dir` (`DIR/ledger`): every payload's hash, every leaf, every tile, every signature, and
/// that it continues the checkpoint in the file `since`, if one is given.
///
/// What it cannot find without another's help: a ledger that was rolled back or replaced as a whole. An older
/// checkpoint kept elsewhere finds it.
pub fn verify(dir: &Path, since: Option<&Path>) -> Result<Verified, VerifyError> {
    let snapshot = Snapshot::take(dir)?;
    let since = since.map(|path| read_since(path, &snapshot.verifier)).transpose()?;
    let mut check = Check::new(dir, &snapshot, since.as_ref());
    check.published()?;
    check.journal()?;
    if let Some(since) = since.as_ref().filter(|since| since.size > check.frontier.size()) {
        return Err(VerifyError::RolledBack { size: check.frontier.size(), since: since.size });
    }
    check.files()?;
    check.erasures()?;
    let newest = snapshot.journal.records.last().filter(|record| record.end() > snapshot.checkpoint.size);
    Ok(Verified {
        size: check.frontier.size(),
        root: check.frontier.root(),
        checkpoint: newest.map_or(&snapshot.text, |record| &record.note).clone(),
        published: snapshot.checkpoint.size,
        unfinished_bytes: snapshot.journal.unfinished_bytes,
        since: since.map(|since| since.size),
        erased: check.missing.len() as u64,
        erasures_owed: check.erased.values().filter(|number| !check.missing.contains_key(number)).count() as u64,
        verifier: snapshot.verifier.clone(),
    })
}

/// Reads and checks the checkpoint file in `dir`: its text and what it says.
pub fn checkpoint(dir: &Path) -> Result<(String, Checkpoint), VerifyError> {
    read_head(dir).map(|(_, text, checkpoint)| (text, checkpoint))
}

fn read_since(path: &Path, verifier: &NoteVerifier) -> Result<Checkpoint, VerifyError> {
    let note = read(path, NOTE_BYTES_MAX as u64)?;
    Checkpoint::open(&note, verifier).map_err(VerifyError::Since)
}

/// What a signature says about a size.
enum Claim {
    Checkpoint,
    Record(usize),
    Since,
}

struct Check<'c> {
    dir: &'c Path,
    snapshot: &'c Snapshot,
    frontier: Frontier,
    /// Roots that were signed for, by size.
    claims: BTreeMap<u64, Vec<(Hash, Claim)>>,
    /// Leaves in the journal, by number, each with its record.
    journaled: HashMap<u64, (Leaf, usize)>,
    /// Hashes from the beginning of each level's last tile on; full tiles are dropped while they are published.
    levels: Vec<Vec<Hash>>,
    /// Entries from the beginning of the last bundle on.
    bundle: Vec<SealedEntry>,
    /// Entries without a payload: which entry is to say that it was erased, and the file.
    missing: BTreeMap<u64, (u64, PathBuf)>,
    /// Erasures: their number, and the entry that they erase.
    erased: BTreeMap<u64, u64>,
}

impl<'c> Check<'c> {
    fn new(dir: &'c Path, snapshot: &'c Snapshot, since: Option<&Checkpoint>) -> Self {
        let mut claims: BTreeMap<u64, Vec<(Hash, Claim)>> = BTreeMap::new();
        claims.entry(snapshot.checkpoint.size).or_default().push((snapshot.checkpoint.root, Claim::Checkpoint));
        if let Some(since) = since {
            claims.entry(since.size).or_default().push((since.root, Claim::Since));
        }
        let mut journaled = HashMap::new();
        for (position, record) in snapshot.journal.records.iter().enumerate() {
            let numbers = record.first..;
            journaled.extend(numbers.zip(&record.entries).map(|(number, entry)| (number, (entry.leaf, position))));
        }
        let mut check = Self {
            dir,
            snapshot,
            frontier: Frontier::default(),
            claims,
            journaled,
            levels: vec![Vec::new(); 9],
            bundle: Vec::new(),
            missing: BTreeMap::new(),
            erased: BTreeMap::new(),
        };
        for (position, record) in snapshot.journal.records.iter().enumerate() {
            if let Ok(claim) = Checkpoint::open(record.note.as_bytes(), &snapshot.verifier) {
                check.claims.entry(claim.size).or_default().push((claim.root, Claim::Record(position)));
            }
        }
        check
    }

    /// Everything that the checkpoint file covers.
    fn published(&mut self) -> Result<(), VerifyError> {
        let size = self.snapshot.checkpoint.size;
        self.meet_claims()?;
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let width = TILE_WIDTH.min(size - index * TILE_WIDTH);
            let first = index * TILE_WIDTH;
            let (path, bytes) = self.content(Place { bundle: Bundle::Entries, index, width })?;
            let leaves = read_entry_bundle(&bytes, width)
                .map_err(|position| VerifyError::Entries { path: path.clone(), number: first + position })?;
            let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf.hash()).collect();
            let tile_place = Place { bundle: Bundle::Tile(0), index, width };
            let (tile_path, tile_bytes) = self.content(tile_place)?;
            if tile_bytes != tile(&hashes) {
                let position = tile_bytes.chunks(32).zip(&hashes).position(|(there, hash)| there != hash.0);
                return Err(match position.filter(|_| self.fits_above(tile_place, &tile_bytes)) {
                    Some(position) => VerifyError::Entries { path, number: first + position as u64 },
                    None => VerifyError::Tile(tile_path),
                });
            }
            let (path, bytes) = self.content(Place { bundle: Bundle::Payload, index, width })?;
            self.bundle = read_payload_bundle(&bytes, &leaves)
                .map_err(|position| VerifyError::Payload { path: path.clone(), number: first + position })?;
            let missing = (first..).zip(&self.bundle).filter_map(|(number, entry)| Some((number, entry.erased_by()?)));
            self.missing.extend(missing.map(|(number, by)| (number, (by, path.clone()))));
            for (number, leaf) in (first..).zip(&leaves) {
                self.erased.extend(leaf.erases.map(|erases| (number, erases.entry)));
                if let Some((_, record)) = self.journaled.get(&number).filter(|(journaled, _)| journaled != leaf) {
                    return Err(self.journal_damage(*record));
                }
            }
            self.levels[0] = hashes;
            for leaf in &leaves {
                self.frontier.push(leaf.hash());
                self.meet_claims()?;
            }
            if width == TILE_WIDTH {
                self.bundle.clear();
                self.raise(index)?;
            }
        }
        self.upper_edge()
    }

    /// Whether a tile of the lowest level fits what is above it. When it does not fit what is below it, this says
    /// which of the two was changed.
    fn fits_above(&self, place: Place, bytes: &[u8]) -> bool {
        let size = self.snapshot.checkpoint.size;
        let hashes = |bytes: &[u8]| -> Vec<Hash> {
            bytes.chunks_exact(32).map(|hash| Hash(hash.try_into().expect("chunks of 32 bytes"))).collect()
        };
        if bytes.len() as u64 != place.width * 32 {
            return false;
        }
        if place.width < TILE_WIDTH {
            let level = |level: u32| {
                let partial = self.snapshot.partial.iter().find(|(place, _)| place.bundle == Bundle::Tile(level));
                partial.map(|(_, bytes)| hashes(bytes)).unwrap_or_default()
            };
            let whole = partial_places(size).all(|place| match place.bundle {
                Bundle::Tile(_) => self.snapshot.partial[&place].len() as u64 == place.width * 32,
                Bundle::Entries | Bundle::Payload => true,
            });
            let edge = Published::new(self.dir, size, Vec::new(), (0..8).map(level).collect());
            return whole && edge.frontier().root() == self.snapshot.checkpoint.root;
        }
        let above = size >> 8;
        let index = place.index / TILE_WIDTH;
        let width = TILE_WIDTH.min(above - index * TILE_WIDTH);
        let parent = self.content(Place { bundle: Bundle::Tile(1), index, width });
        parent.is_ok_and(|(_, parent)| {
            hashes(&parent).get((place.index % TILE_WIDTH) as usize) == Some(&root_of(&hashes(bytes)))
        })
    }

    /// Carries a full tile's root upwards and compares the tiles that become full.
    fn raise(&mut self, index: u64) -> Result<(), VerifyError> {
        let mut index = index;
        for level in 0..8 {
            let root = root_of(&self.levels[level]);
            self.levels[level].clear();
            self.levels[level + 1].push(root);
            if (self.levels[level + 1].len() as u64) < TILE_WIDTH {
                return Ok(());
            }
            index /= TILE_WIDTH;
            let place = Place { bundle: Bundle::Tile(level as u32 + 1), index, width: TILE_WIDTH };
            let (path, bytes) = self.content(place)?;
            if bytes != tile(&self.levels[level + 1]) {
                return Err(VerifyError::Tile(path));
            }
        }
        Ok(())
    }

    /// Compares the tiles above the lowest level that are not full.
    fn upper_edge(&self) -> Result<(), VerifyError> {
        for (place, bytes) in &self.snapshot.partial {
            if let Bundle::Tile(level) = place.bundle
                && *bytes != tile(&self.levels[level as usize])
            {
                return Err(VerifyError::Tile(self.dir.join(place.path())));
            }
        }
        Ok(())
    }

    /// What the journal holds beyond the checkpoint file, and that each of its records was signed for.
    fn journal(&mut self) -> Result<(), VerifyError> {
        let size = self.snapshot.checkpoint.size;
        for (position, record) in self.snapshot.journal.records.iter().enumerate() {
            let claim = Checkpoint::open(record.note.as_bytes(), &self.snapshot.verifier);
            let straddles = record.first < size && size < record.end();
            if straddles || claim.is_err() || claim.is_ok_and(|claim| claim.size != record.end()) {
                return Err(self.journal_damage(position));
            }
            if record.first < size {
                continue;
            }
            for (number, entry) in (record.first..).zip(&record.entries) {
                self.erased.extend(entry.leaf.erases.map(|erases| (number, erases.entry)));
                self.frontier.push(entry.leaf.hash());
                self.bundle.push(entry.clone());
                self.levels[0].push(entry.leaf.hash());
                self.meet_claims()?;
            }
        }
        for level in 0..8 {
            let full: Vec<Hash> = self.levels[level].chunks_exact(TILE_WIDTH as usize).map(root_of).collect();
            self.levels[level + 1].extend(full);
        }
        Ok(())
    }

    /// That every payload that is missing was erased by a later entry.
    fn erasures(&self) -> Result<(), VerifyError> {
        let unsaid = |(number, (by, _)): &(&u64, &(u64, PathBuf))| by <= number || self.erased.get(by) != Some(*number);
        match self.missing.iter().find(unsaid) {
            Some((number, (_, path))) => Err(VerifyError::PayloadMissing { path: path.clone(), number: *number }),
            None => Ok(()),
        }
    }

    /// That no file is there which this ledger did not write, and that leftovers are the beginning of what is there.
    fn files(&self) -> Result<(), VerifyError> {
        for file in &self.snapshot.files {
            let known = [CHECKPOINT, VKEY, LOCK].iter().any(|name| file == Path::new(name));
            let in_journal = file.parent() == Some(Path::new(JOURNAL));
            if known || in_journal || file.extension().is_some_and(|extension| extension == UNFINISHED) {
                continue;
            }
            let path = self.dir.join(file);
            let Some(place) = Place::parse(file) else { return Err(VerifyError::Stray(path)) };
            if place.needs().is_none_or(|needs| needs > self.frontier.size()) {
                return Err(VerifyError::Stray(path));
            }
            let covered = place.needs().is_some_and(|needs| needs <= self.snapshot.checkpoint.size);
            if (place.width == TILE_WIDTH && covered) || self.snapshot.partial.contains_key(&place) {
                continue;
            }
            match read(&path, BUNDLE_BYTES_MAX) {
                // the publisher tidied it away
                Err(VerifyError::FileMissing(_)) => {}
                Err(error) => return Err(error),
                Ok(bytes) if self.begins_with(place, &bytes)? => {}
                Ok(_) => return Err(VerifyError::Stray(path)),
            }
        }
        Ok(())
    }

    /// Whether a leftover is what its place holds, as far as it goes.
    fn begins_with(&self, place: Place, bytes: &[u8]) -> Result<bool, VerifyError> {
        let full = Place { width: TILE_WIDTH, ..place };
        if full.needs().is_some_and(|needs| needs <= self.snapshot.checkpoint.size) {
            let (_, content) = self.content(full)?;
            return Ok(match place.bundle {
                Bundle::Tile(_) => bytes.len() as u64 == place.width * 32 && content.starts_with(bytes),
                Bundle::Entries => read_entry_bundle(bytes, place.width).is_ok() && content.starts_with(bytes),
                Bundle::Payload => {
                    let (_, leaves) = self.content(Place { bundle: Bundle::Entries, ..full })?;
                    let leaves = read_entry_bundle(&leaves, TILE_WIDTH).unwrap_or_default();
                    let whole = read_payload_bundle(&content, &leaves).unwrap_or_default();
                    whole.get(..place.width as usize).is_some_and(|part| is_of(part, bytes))
                }
            });
        }
        // beyond the checkpoint: from what the snapshot holds, counted from the last tile of the checkpoint
        let size = self.snapshot.checkpoint.size;
        let start = |level: u32| (place.index - (size >> (8 * (level + 1)))) * TILE_WIDTH;
        let range = |level: u32| start(level) as usize..(start(level) + place.width) as usize;
        Ok(match place.bundle {
            Bundle::Tile(level) => {
                self.levels[level as usize].get(range(level)).is_some_and(|hashes| tile(hashes) == bytes)
            }
            Bundle::Entries => self.bundle.get(range(0)).is_some_and(|part| entry_bundle(part.iter()) == bytes),
            Bundle::Payload => self.bundle.get(range(0)).is_some_and(|part| is_of(part, bytes)),
        })
    }

    /// The content of a file that the checkpoint covers.
    fn content(&self, place: Place) -> Result<(PathBuf, Vec<u8>), VerifyError> {
        let path = self.dir.join(place.path());
        let bytes = match self.snapshot.partial.get(&place) {
            Some(bytes) => bytes.clone(),
            None => read(&path, BUNDLE_BYTES_MAX)?,
        };
        Ok((path, bytes))
    }

    /// Compares the root at this size with what was signed for it.
    fn meet_claims(&mut self) -> Result<(), VerifyError> {
        let size = self.frontier.size();
        let Some(claims) = self.claims.remove(&size) else { return Ok(()) };
        let root = self.frontier.root();
        match claims.into_iter().find(|(claimed, _)| *claimed != root) {
            None => Ok(()),
            Some((_, Claim::Checkpoint)) => Err(VerifyError::Root { size }),
            Some((_, Claim::Record(position))) => Err(self.journal_damage(position)),
            Some((_, Claim::Since)) => Err(VerifyError::Forked { since: size }),
        }
    }

    fn journal_damage(&self, record: usize) -> VerifyError {
        let record = &self.snapshot.journal.records[record];
        VerifyError::Journal { path: record.path.clone(), offset: record.offset }
    }
}

/// Whether a leftover holds the payloads of `part`; it may still have one that was erased since.
fn is_of(part: &[SealedEntry], leftover: &[u8]) -> bool {
    let leaves: Vec<Leaf> = part.iter().map(|entry| entry.leaf).collect();
    let Ok(read) = read_payload_bundle(leftover, &leaves) else { return false };
    part.iter().zip(&read).all(|(own, there)| there.erased_by().is_none() || own == there)
}
