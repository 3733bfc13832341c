//! Every entry that was there at opening, in order.
//!
//! Full bundles are read and opened by threads of their own, each ahead of who asks by a few: opening takes longer than
//! what is done with an entry, and a start waits for all of it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use model::{Entry, EntryBody, EntryNumber};
use rustix::fs::{Advice, fadvise};
use thiserror::Error;

use crate::leaf::SealedEntry;
use crate::merkle::{Frontier, Hash, root_of};
use crate::payload::{PayloadError, PayloadSealer};
use crate::read::{ReadError, read_bundle};
use crate::sequencer::Shared;
use crate::tile::{Bundle, Place, TILE_WIDTH};

/// The most threads that open bundles.
const THREADS_MAX: usize = 4;
/// Bundles that a thread may be ahead.
const AHEAD: usize = 4;
/// Bundles whose files are asked of the disk before a thread reads them, so that it works while others wait for it.
const ASKED_AHEAD: u64 = 64;
/// Fewer full bundles than these are opened by who asks.
const BUNDLES_MIN: u64 = 8;
/// The level of the tree that a full bundle is one node of.
const BUNDLE_LEVEL: u32 = TILE_WIDTH.trailing_zeros();

/// Why a replay stops.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// An entry cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// All entries were read, and they are not those that the checkpoint signs for.
    #[error("the entries are not those that the checkpoint signs for; restore the ledger's folder from the vault")]
    Root,
}

/// Every entry that was there at opening, in order.
///
/// Each payload is compared with its leaf, and at the end all leaves with the checkpoint's root: a replay that ended
/// without an error gave exactly what was signed for. An entry whose content was erased comes as what is left of it, once its
/// erasure's entry was found to say so.
pub struct Replay {
    files: Files,
    size: u64,
    root: Hash,
    frontier: Frontier,
    /// The number of the next entry.
    next: u64,
    /// What is left of the bundle that is being given.
    bundle: std::vec::IntoIter<Entry>,
    /// Why the bundle ends early.
    broken: Option<ReadError>,
    sealer: PayloadSealer,
    /// What opens bundles ahead: thread `n` of `m` opens bundles `n`, `n + m`, `n + 2 m`, ...
    ahead: Vec<Receiver<Result<OpenedBundle, ReadError>>>,
    unfinished_bytes: u64,
    ended: bool,
    /// Told of every erasure, so that a payload that is still there goes.
    shared: Arc<Shared>,
}

/// Where entries are read.
#[derive(Clone)]
struct Files {
    dir: PathBuf,
    size: u64,
    /// The bundle that was not full.
    last: Vec<Arc<SealedEntry>>,
}

impl Files {
    /// What the erasure `by` says is left of an entry.
    fn left(&self, number: EntryNumber, by: EntryNumber, sealer: &mut PayloadSealer) -> Result<Entry, ReadError> {
        let (index, position) = (by.0 / TILE_WIDTH, (by.0 % TILE_WIDTH) as usize);
        let erasure = if by.0 >= self.size {
            None
        } else if index == self.size / TILE_WIDTH {
            self.last.get(position).map(|entry| entry.as_ref().clone())
        } else {
            read_bundle(&self.dir, index)?.into_iter().nth(position)
        };
        let erasure = erasure.ok_or(PayloadError::Missing { number })?;
        Ok(sealer.open_left(number, by, &erasure)?)
    }
}

/// The entries of a bundle up to the first that does not open.
struct OpenedBundle {
    /// The hash of each leaf.
    leaves: Vec<Hash>,
    /// The root over them, when there are so many that the bundle is full.
    root: Option<Hash>,
    entries: Vec<Entry>,
    broken: Option<ReadError>,
}

impl OpenedBundle {
    fn open<'e>(
        first: u64,
        sealed: impl Iterator<Item = &'e SealedEntry>,
        files: &Files,
        sealer: &mut PayloadSealer,
    ) -> Self {
        let mut opened = Self { leaves: Vec::new(), root: None, entries: Vec::new(), broken: None };
        for (number, sealed) in (first..).map(EntryNumber).zip(sealed) {
            let entry = match sealed.erased_by() {
                Some(by) => files.left(number, EntryNumber(by), sealer),
                None => sealer.open(number, sealed).map_err(ReadError::from),
            };
            match entry {
                Ok(entry) => opened.entries.push(entry),
                Err(error) => {
                    opened.broken = Some(error);
                    return opened;
                }
            }
            opened.leaves.push(sealed.leaf.hash());
        }
        opened.root = (opened.leaves.len() as u64 == TILE_WIDTH).then(|| root_of(&opened.leaves));
        opened
    }

    fn read(files: &Files, index: u64, sealer: &mut PayloadSealer) -> Result<Self, ReadError> {
        ask_for(&files.dir, index + ASKED_AHEAD);
        Ok(Self::open(index * TILE_WIDTH, read_bundle(&files.dir, index)?.iter(), files, sealer))
    }
}

impl Replay {
    pub(crate) fn new(
        dir: &Path,
        head: Frontier,
        last: Vec<Arc<SealedEntry>>,
        sealer: PayloadSealer,
        unfinished_bytes: u64,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            files: Files { dir: dir.to_owned(), size: head.size(), last },
            size: head.size(),
            root: head.root(),
            frontier: Frontier::default(),
            next: 0,
            bundle: Vec::new().into_iter(),
            broken: None,
            sealer,
            ahead: Vec::new(),
            unfinished_bytes,
            ended: false,
            shared,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a record that a crash left unfinished and that was never answered; they were cut away.
    #[must_use]
    pub fn unfinished_bytes(&self) -> u64 {
        self.unfinished_bytes
    }

    fn advance(&mut self) -> Result<Option<(EntryNumber, Entry)>, ReplayError> {
        if self.bundle.len() == 0 {
            if let Some(error) = self.broken.take() {
                return Err(error.into());
            }
            if self.next == self.size {
                return if self.frontier.root() == self.root { Ok(None) } else { Err(ReplayError::Root) };
            }
            self.take_bundle()?;
            return self.advance();
        }
        let number = EntryNumber(self.next);
        self.next += 1;
        let entry = self.bundle.next();
        if let Some(Entry { body: EntryBody::Erased { entry: erased, .. }, .. }) = &entry {
            self.shared.erased(*erased, number);
        }
        Ok(entry.map(|entry| (number, entry)))
    }

    /// Opens the bundle that begins at the next entry, or takes it from who opened it.
    fn take_bundle(&mut self) -> Result<(), ReadError> {
        let index = self.next / TILE_WIDTH;
        let opened = if index < self.size / TILE_WIDTH {
            if index == 0 {
                self.open_ahead()?;
            }
            match self.ahead.len() {
                0 => OpenedBundle::read(&self.files, index, &mut self.sealer)?,
                // a thread that ended by a panic gives nothing any more
                threads => self.ahead[index as usize % threads]
                    .recv()
                    .map_err(|_| io::Error::other("a thread that reads the ledger ended early"))??,
            }
        } else {
            OpenedBundle::open(self.next, self.files.last.iter().map(Arc::as_ref), &self.files, &mut self.sealer)
        };
        let OpenedBundle { leaves, root, entries, broken } = opened;
        match root {
            Some(root) => self.frontier.push_subtree(BUNDLE_LEVEL, root),
            None => leaves.into_iter().for_each(|leaf| self.frontier.push(leaf)),
        }
        (self.bundle, self.broken) = (entries.into_iter(), broken);
        Ok(())
    }

    /// Starts the threads that open full bundles, when there are enough of them.
    fn open_ahead(&mut self) -> io::Result<()> {
        let bundles = self.size / TILE_WIDTH;
        if bundles < BUNDLES_MIN {
            return Ok(());
        }
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        for thread in 0..threads {
            let (bundle, opened) = sync_channel(AHEAD);
            let (files, mut sealer) = (self.files.clone(), self.sealer.another());
            thread::Builder::new().name(format!("ledger-replay-{thread}")).spawn(move || {
                for index in (thread as u64..bundles).step_by(threads) {
                    let read = OpenedBundle::read(&files, index, &mut sealer);
                    let whole = matches!(&read, Ok(opened) if opened.broken.is_none());
                    // whoever asked may have stopped asking
                    if bundle.send(read).is_err() || !whole {
                        return;
                    }
                }
            })?;
            self.ahead.push(opened);
        }
        Ok(())
    }
}

/// Has the disk read a bundle that will be wanted. A hint: what keeps it from being followed is found when the bundle is read.
fn ask_for(dir: &Path, index: u64) {
    for bundle in [Bundle::Entries, Bundle::Payload] {
        if let Ok(file) = File::open(dir.join(Place { bundle, index, width: TILE_WIDTH }.path())) {
            let _ = fadvise(&file, 0, None, Advice::WillNeed);
        }
    }
}

impl Iterator for Replay {
    type Item = Result<(EntryNumber, Entry), ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.advance().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}
