//! The ledger's files, copied while the warden writes them.
//!
//! Tiles and payloads never change once they are written, but for payloads that are erased (`erasure.rs`); the journal and the checkpoint do, and files that are not
//! full go when the checkpoint that they stood for is replaced. So the journal is copied first, then the checkpoint,
//! then the rest; when the checkpoint is another one afterwards, checkpoint and rest are copied again. An entry that
//! was durable before the copy began is in the journal's copy, or the tiles hold it already.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::SyncError;
use crate::erasure::{is_payload, leaves_path, only_erased};
use crate::files::{Shelf, files_below};
use crate::hooks::Watch;
use crate::manifest::{InnerPath, Manifest, SmallFile};

/// How often a copy is tried against a warden that writes all the time.
const ROUNDS_MAX: usize = 40;
/// Pause between two tries; a checkpoint is replaced once a second.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes in every file of `DIR/ledger`.
pub(crate) fn take_in(
    dir: &Path,
    shelf: &Shelf,
    before: Option<&Manifest>,
    watch: &mut Watch<'_>,
) -> Result<Vec<SmallFile>, SyncError> {
    let folder = dir.join("ledger");
    let mut copy = Copy { folder: &folder, shelf, watch, lasting: lasting(before, shelf) };
    let mut journal = None;
    for _ in 0..ROUNDS_MAX {
        if journal.is_none() {
            journal = copy.take_in(|part| part == Part::Journal)?;
        }
        if let Some(journal) = &journal
            && let Some(rest) = copy.round()?
        {
            return Ok(journal.iter().cloned().chain(rest).collect());
        }
        std::thread::sleep(PAUSE);
    }
    Err(SyncError::LedgerRestless)
}

/// Tiles and payloads that the generation before holds already, as far as the vault still has them.
fn lasting(before: Option<&Manifest>, shelf: &Shelf) -> BTreeMap<InnerPath, SmallFile> {
    let files = before.into_iter().flat_map(|before| &before.files);
    let tiles =
        files.filter(|file| file.path.as_path().strip_prefix("ledger").is_ok_and(|path| part(path) == Part::Lasting));
    let there = |file: &&SmallFile| fs::metadata(shelf.path(file.hash)).is_ok_and(|there| there.len() == file.length);
    tiles.filter(there).map(|file| (file.path.clone(), file.clone())).collect()
}

struct Copy<'c, 'h> {
    folder: &'c Path,
    shelf: &'c Shelf,
    watch: &'c mut Watch<'h>,
    lasting: BTreeMap<InnerPath, SmallFile>,
}

impl Copy<'_, '_> {
    /// The checkpoint and what it stands for; `None` when it was replaced meanwhile.
    fn round(&mut self) -> Result<Option<Vec<SmallFile>>, SyncError> {
        let Some(mut files) = self.take_in(|part| part == Part::Checkpoint)? else { return Ok(None) };
        let before = self.checkpoint()?;
        let rest = self.take_in(|part| part == Part::Lasting)?;
        let Some(rest) = rest.filter(|_| self.checkpoint().is_ok_and(|now| now == before)) else { return Ok(None) };
        // what was copied is what was there before and after: the copy in `files` may be older than `before`
        let same = match (&before, files.first()) {
            (Some(bytes), Some(file)) => crate::digest::Digest::of(bytes) == file.hash,
            (None, None) => true,
            _ => false,
        };
        files.extend(rest);
        Ok(same.then_some(files))
    }

    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SyncError> {
        let path = self.folder.join("checkpoint");
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(SyncError::at(&path)),
        }
    }

    /// Every file of a part; `None` when one vanished after it was listed.
    fn take_in(&mut self, wanted: impl Fn(Part) -> bool) -> Result<Option<Vec<SmallFile>>, SyncError> {
        let mut listed = files_below(self.folder).map_err(SyncError::at(self.folder))?;
        listed.retain(|path| wanted(part(path)));
        let mut files = Vec::new();
        for path in listed {
            match self.take_in_one(&path) {
                Ok(file) => files.push(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(SyncError::at(&self.folder.join(path))(error)),
            }
        }
        Ok(Some(files))
    }

    fn take_in_one(&mut self, path: &PathBuf) -> io::Result<SmallFile> {
        let inner = InnerPath::new(&Path::new("ledger").join(path)).ok_or(ErrorKind::InvalidFilename)?;
        if let Some(file) = self.lasting.get(&inner)
            && !self.was_erased_from(path, file)?
        {
            return Ok(file.clone());
        }
        let (hash, length) = self.shelf.take_in(&self.folder.join(path), self.watch)?;
        let file = SmallFile { path: inner.clone(), length, hash };
        if part(path) == Part::Lasting {
            self.lasting.insert(inner, file.clone());
        }
        Ok(file)
    }
}

impl Copy<'_, '_> {
    /// Whether payloads were erased from a bundle that the vault has, and nothing else happened to it. Then the next generation
    /// has it as it is now; those before keep theirs until they leave the vault.
    fn was_erased_from(&self, path: &Path, file: &SmallFile) -> io::Result<bool> {
        // what is erased is longer than what says so
        if !is_payload(path) || fs::metadata(self.folder.join(path))?.len() >= file.length {
            return Ok(false);
        }
        let (old, new) = (fs::read(self.shelf.path(file.hash))?, fs::read(self.folder.join(path))?);
        Ok(only_erased(path, &old, &new, |first| self.leaves(first)))
    }

    /// A bundle of leaves at the source: the full one, or the widest that is there.
    fn leaves(&self, first: u64) -> Option<Vec<u8>> {
        let full = self.folder.join(leaves_path(first));
        if let Ok(leaves) = fs::read(&full) {
            return Some(leaves);
        }
        let mut folder = full.into_os_string();
        folder.push(".p");
        let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let width = |entry: &fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        let widest = entries.filter(|entry| width(entry).is_some()).max_by_key(width)?;
        fs::read(widest.path()).ok()
    }
}

/// What a file of the ledger is to a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Journal,
    Checkpoint,
    /// Never changes once it is written, but for payloads that are erased.
    Lasting,
    /// The writer's lock, and what is not complete yet: nothing in a copy.
    Passing,
}

fn part(path: &Path) -> Part {
    if path == Path::new("lock") || path.extension().is_some_and(|extension| extension == "tmp") {
        Part::Passing
    } else if path.starts_with("journal") {
        Part::Journal
    } else if path == Path::new("checkpoint") {
        Part::Checkpoint
    } else {
        Part::Lasting
    }
}
