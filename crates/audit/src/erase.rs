//! Taking an erased entry's payload out of a folder's files.
//!
//! The erasure's entry is durable first, and the folder's tiles hold it. Then the bundle with the payload is replaced by one that
//! holds the number of that entry in its place, and partial bundles of before are removed. A crash in between leaves a payload
//! that its erasure's entry names: the replay of the next start finds it, and the same function takes it out.
//!
//! The journal files that held it are gone by then. What the file system does with blocks that no file has any more is its own
//! affair: they hold the payload, sealed, until they are written again.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::io::LedgerIo;
use crate::leaf::{Payload, SealedEntry, payload_bundle};
use crate::publish::Published;
use crate::read::{ReadError, read_bundle};
use crate::tile::{Bundle, Place, TILE_WIDTH, UNFINISHED};

impl Published {
    /// Takes the payload of `number` out of the files, because the entry `by` says so; both are published. Done once more, it
    /// finds nothing to do.
    pub fn erase(&mut self, io: &dyn LedgerIo, number: u64, by: u64) -> io::Result<()> {
        let (index, position) = (number / TILE_WIDTH, (number % TILE_WIDTH) as usize);
        let partial = index == self.size() / TILE_WIDTH;
        let width = if partial { self.size() % TILE_WIDTH } else { TILE_WIDTH };
        let place = Place { bundle: Bundle::Payload, index, width };
        let mut bundle: Vec<Arc<SealedEntry>> = if partial {
            self.bundle().to_vec()
        } else {
            let read = read_bundle(self.dir(), index).map_err(|error| match error {
                ReadError::Io(error) => error,
                error => io::Error::other(error),
            })?;
            read.into_iter().map(Arc::new).collect()
        };
        let path = self.dir().join(place.path());
        if bundle[position].erased_by().is_none() {
            bundle[position] = Arc::new(SealedEntry { leaf: bundle[position].leaf, payload: Payload::ErasedBy(by) });
            io.write_file(&path, &payload_bundle(bundle.iter().map(Arc::as_ref)))?;
            io.sync_directory(path.parent().expect("every place lies in a folder"))?;
            if partial {
                self.set_bundle(bundle);
            }
        }
        self.remove_others(io, place)
    }

    /// Removes partial bundles of a place and what was not finished, all but the file itself.
    fn remove_others(&self, io: &dyn LedgerIo, place: Place) -> io::Result<()> {
        let full = self.dir().join(Place { width: TILE_WIDTH, ..place }.path());
        let own = self.dir().join(place.path());
        let unfinished = full.with_extension(UNFINISHED);
        if unfinished.is_file() {
            io.remove_file(&unfinished)?;
        }
        let mut folder = full.clone();
        folder.as_mut_os_string().push(".p");
        let mut left = false;
        for path in files_in(&folder)? {
            if path == own {
                left = true;
            } else {
                io.remove_file(&path)?;
            }
        }
        if left {
            io.sync_directory(&folder)?;
        } else {
            // fails while a file is there
            let _ = fs::remove_dir(&folder);
        }
        io.sync_directory(full.parent().expect("every place lies in a folder"))
    }
}

fn files_in(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}
