//! Tiles, bundles and the checkpoint file, derived from what the journal holds.
//!
//! The same function runs every second and at start. It writes what the checkpoint will cover, makes it durable, and
//! only then replaces the checkpoint; what it writes twice is the same both times.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::io::LedgerIo;
use crate::leaf::{SealedEntry, entry_bundle, payload_bundle};
use crate::merkle::{Frontier, Hash, Node, root_of};
use crate::tile::{Bundle, CHECKPOINT, Place, TILE_WIDTH};

/// What the files hold, with the right edge of the tree in memory.
#[derive(Clone)]
pub(crate) struct Published {
    dir: PathBuf,
    size: u64,
    /// Entries of the bundle that is not full yet.
    bundle: Vec<Arc<SealedEntry>>,
    /// Hashes of the tile that is not full yet, for each level.
    levels: Vec<Vec<Hash>>,
    /// Whether this process made every folder's name durable once; a process that was killed may not have.
    settled: bool,
}

impl Published {
    /// Takes the right edge as it was read; `levels[0]` belongs to `bundle`.
    pub fn new(dir: &Path, size: u64, bundle: Vec<Arc<SealedEntry>>, levels: Vec<Vec<Hash>>) -> Self {
        Self { dir: dir.to_owned(), size, bundle, levels, settled: false }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Has the bundle that is not full yet lack a payload that was erased.
    pub fn set_bundle(&mut self, bundle: Vec<Arc<SealedEntry>>) {
        self.bundle = bundle;
    }

    /// The entries of the bundle that is not full yet.
    pub fn bundle(&self) -> &[Arc<SealedEntry>] {
        &self.bundle
    }

    /// The tree's frontier.
    pub fn frontier(&self) -> Frontier {
        let node = |Node { level, index }| -> Result<Hash, std::convert::Infallible> {
            let (tile_level, height) = ((level / 8) as usize, level % 8);
            let start = ((index << height) % TILE_WIDTH) as usize;
            Ok(root_of(&self.levels[tile_level][start..start + (1 << height)]))
        };
        let Ok(frontier) = Frontier::load(self.size, node);
        frontier
    }

    /// Writes `entries`, which follow what is published, and then the checkpoint `note` over all of it. When a step
    /// fails, nothing counts as published and the whole is tried again later.
    pub fn publish(&mut self, io: &dyn LedgerIo, entries: &[Arc<SealedEntry>], note: &str) -> io::Result<()> {
        let mut next = self.clone();
        let mut writer = Writer { io, dir: &self.dir, folders: BTreeSet::new() };
        for entry in entries {
            next.push(entry, &mut writer)?;
        }
        for (place, content) in next.partial() {
            writer.write(place, &content)?;
        }
        if !self.settled {
            writer.add_ancestors();
            next.settled = true;
        }
        // crash before this: the checkpoint covers the old size; what was written is written again, alike
        writer.sync()?;
        io.write_file(&self.dir.join(CHECKPOINT), note.as_bytes())?;
        io.sync_directory(&self.dir)?;
        // crash here: partial files of the old size stay; they are the beginning of newer ones, and harmless
        let kept: BTreeSet<Place> = next.partial_places().collect();
        for place in self.partial_places().filter(|place| !kept.contains(place)) {
            remove(io, &self.dir.join(place.path()));
        }
        *self = next;
        Ok(())
    }

    /// Writes the full tiles and bundles of `entries`, which follow, without a checkpoint over them: one follows.
    pub fn extend(&mut self, io: &dyn LedgerIo, entries: &[Arc<SealedEntry>]) -> io::Result<()> {
        let mut next = self.clone();
        let mut writer = Writer { io, dir: &self.dir, folders: BTreeSet::new() };
        for entry in entries {
            next.push(entry, &mut writer)?;
        }
        writer.sync()?;
        *self = next;
        Ok(())
    }

    fn push(&mut self, entry: &Arc<SealedEntry>, writer: &mut Writer<'_>) -> io::Result<()> {
        self.size += 1;
        self.bundle.push(Arc::clone(entry));
        if self.bundle.len() as u64 == TILE_WIDTH {
            let index = self.size / TILE_WIDTH - 1;
            let bundle = || self.bundle.iter().map(Arc::as_ref);
            writer.write(Place { bundle: Bundle::Entries, index, width: TILE_WIDTH }, &entry_bundle(bundle()))?;
            writer.write(Place { bundle: Bundle::Payload, index, width: TILE_WIDTH }, &payload_bundle(bundle()))?;
            self.bundle.clear();
        }
        let mut hash = entry.leaf.hash();
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() as u64 != TILE_WIDTH {
                break;
            }
            let index = self.size / TILE_WIDTH.pow(level as u32 + 1) - 1;
            writer.write(Place { bundle: Bundle::Tile(level as u32), index, width: TILE_WIDTH }, &tile(hashes))?;
            hash = root_of(hashes);
            hashes.clear();
        }
        Ok(())
    }

    fn partial_places(&self) -> impl Iterator<Item = Place> {
        partial_places(self.size)
    }

    fn partial(&self) -> impl Iterator<Item = (Place, Vec<u8>)> {
        self.partial_places().map(|place| {
            let bundle = self.bundle.iter().map(Arc::as_ref);
            let content = match place.bundle {
                Bundle::Tile(level) => tile(&self.levels[level as usize]),
                Bundle::Entries => entry_bundle(bundle),
                Bundle::Payload => payload_bundle(bundle),
            };
            (place, content)
        })
    }
}

/// The files that are not full at the right edge of a tree of `size`.
pub(crate) fn partial_places(size: u64) -> impl Iterator<Item = Place> {
    let tiles = (0..8u32).map(move |level| (Bundle::Tile(level), size >> (8 * level)));
    let bundles = [(Bundle::Entries, size), (Bundle::Payload, size)];
    tiles.chain(bundles).filter(|(_, hashes)| hashes % TILE_WIDTH > 0).map(|(bundle, hashes)| Place {
        bundle,
        index: hashes / TILE_WIDTH,
        width: hashes % TILE_WIDTH,
    })
}

pub(crate) fn tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Removing is tidiness: a file that stays is found again by its name and does no harm.
fn remove(io: &dyn LedgerIo, path: &Path) {
    if let Err(error) = io.remove_file(path) {
        tracing::warn!(%error, "a ledger file that is no longer needed cannot be removed");
    } else if let Some(folder) = path.parent().filter(|folder| folder.extension().is_some_and(|end| end == "p")) {
        // fails while another partial file is there
        let _ = fs::remove_dir(folder);
    }
}

struct Writer<'w> {
    io: &'w dyn LedgerIo,
    dir: &'w Path,
    /// Folders with names that are not durable yet.
    folders: BTreeSet<PathBuf>,
}

impl Writer<'_> {
    fn write(&mut self, place: Place, content: &[u8]) -> io::Result<()> {
        let path = self.dir.join(place.path());
        let folder = path.parent().expect("every place lies in a folder");
        self.make_folder(folder)?;
        self.folders.insert(folder.to_owned());
        self.io.write_file(&path, content)
    }

    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if folder == self.dir {
            // its disk may not be mounted: what would be made here is somewhere else
            return Err(io::Error::new(io::ErrorKind::NotFound, "the ledger's folder is not there"));
        }
        let parent = folder.parent().expect("every place lies in the ledger's folder");
        self.make_folder(parent)?;
        self.folders.insert(parent.to_owned());
        fs::create_dir(folder)
    }

    fn add_ancestors(&mut self) {
        let inside = |folder: &&Path| folder.starts_with(self.dir);
        let ancestors = self.folders.iter().flat_map(|folder| folder.ancestors().take_while(inside));
        self.folders = ancestors.map(Path::to_owned).collect();
    }

    fn sync(&self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| self.io.sync_directory(folder))
    }
}
