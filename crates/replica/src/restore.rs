//! **restore**: a generation becomes an installation again.
//!
//! ```text
//! manifest → DIR/.restore/files/..., every hash checked on the way → DIR/.restore/complete → moved into DIR
//! ```
//! A crash before `complete` leaves a `.restore` folder that the next restore throws away; a crash after it leaves
//! folders to move, and the next restore moves them. DIR holds nothing else until then, so nothing starts from half.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use model::Instant;

use crate::digest::Digest;
use crate::files::{
    PIECE_BYTES, Shelf, make_folder, new_file, read_full, remove_folder_if_there, sync_folder, write_new,
};
use crate::hooks::{Hooks, Step, Watch};
use crate::manifest::{self, Manifest, SmallFile, Volume};
use crate::verify::chunk_is;
use crate::{CHUNK_BYTES, Damage, ManifestError, RestoreError, Vault};

/// Where a restore is prepared.
const WORK: &str = ".restore";
/// Folder of what was restored, inside of it.
const FILES: &str = "files";
/// The file that says that everything is there.
const COMPLETE: &str = "complete";

/// Which generation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The newest.
    Newest,
    /// This one; [`Vault::verify`] lists them.
    Number(u64),
}

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The generation.
    pub generation: u64,
    /// When its copy was begun; what came in later is not in it.
    pub made: Instant,
    /// Files that were written.
    pub files: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

impl Vault {
    /// Restores a generation into `dir`, which must be empty or missing, or hold a restore that was interrupted.
    pub fn restore(&self, dir: &Path, wanted: Generation, hooks: &mut dyn Hooks) -> Result<Restored, RestoreError> {
        let manifest = self.generation(wanted)?;
        let watch = &mut Watch::new(hooks);
        make_folder(dir).map_err(RestoreError::at(dir))?;
        let work = dir.join(WORK);
        let complete = work.join(COMPLETE);
        if let Some(interrupted) = fs::read(&complete).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            // another generation may be wanted now, but half of this one is in its place already
            move_into_place(dir, &work, watch)?;
            return Ok(restored(&interrupted));
        }
        let there = fs::read_dir(dir).map_err(RestoreError::at(dir))?.filter_map(Result::ok);
        if there.map(|entry| entry.file_name()).any(|name| name != WORK) {
            return Err(RestoreError::NotEmpty { dir: dir.to_owned() });
        }
        remove_folder_if_there(&work).map_err(RestoreError::at(&work))?;
        let lengths = manifest.volumes.iter().map(|volume| volume.length);
        watch.expect(lengths.chain(manifest.files.iter().map(|file| file.length)).sum());
        if let Err(error) = self.restore_files(&manifest, &work.join(FILES), watch) {
            // nothing useful is there, and a restore from another generation must find an empty folder
            let _ = remove_folder_if_there(&work);
            return Err(error);
        }
        watch.before(Step::RestoreComplete).map_err(RestoreError::at(&work))?;
        let said = write_new(&complete, &manifest.encode().0).and_then(|()| sync_folder(&work));
        said.and_then(|()| sync_folder(dir)).map_err(RestoreError::at(&complete))?;
        move_into_place(dir, &work, watch)?;
        Ok(restored(&manifest))
    }

    fn generation(&self, wanted: Generation) -> Result<Manifest, ManifestError> {
        let listed = self.generations()?;
        let found = match wanted {
            Generation::Newest => listed.last().ok_or(ManifestError::Empty)?,
            Generation::Number(generation) => {
                let found = listed.iter().find(|listed| listed.generation == generation);
                found.ok_or(ManifestError::Unknown { generation })?
            }
        };
        manifest::read(found)
    }

    fn restore_files(&self, manifest: &Manifest, target: &Path, watch: &mut Watch<'_>) -> Result<(), RestoreError> {
        let shelf = Shelf { folder: self.files() };
        let mut folders = std::collections::BTreeSet::new();
        for file in &manifest.files {
            let path = target.join(file.path.as_path());
            folders.insert(folder_of(&path)?);
            restore_small(&shelf, file, &path, watch)?;
        }
        for volume in &manifest.volumes {
            let path = target.join("front").join(volume.name.as_str());
            folders.insert(folder_of(&path)?);
            self.restore_volume(&shelf, volume, &path, watch)?;
        }
        make_folder(target).map_err(RestoreError::at(target))?;
        for folder in folders {
            sync_folder(&folder).map_err(RestoreError::at(&folder))?;
        }
        Ok(())
    }

    fn restore_volume(
        &self,
        shelf: &Shelf,
        volume: &Volume,
        path: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<(), RestoreError> {
        let name = || volume.name.as_str().to_owned();
        let source = self.path().join(volume.name.as_str());
        let hashes = fs::read(shelf.path(volume.chunks)).ok().filter(|hashes| Digest::of(hashes) == volume.chunks);
        let missing = Damage::Missing { name: format!("the hashes of {}", volume.name.as_str()) };
        let hashes = hashes.ok_or(RestoreError::Damaged(missing))?;
        let mut input = open(&source, name())?;
        watch.before(Step::RestoreWrite).map_err(RestoreError::at(path))?;
        let mut output = new_file(path).map_err(RestoreError::at(path))?;
        let mut chunk = vec![0; CHUNK_BYTES as usize];
        let mut at = 0;
        while at < volume.length {
            let wanted = CHUNK_BYTES.min(volume.length - at) as usize;
            let read = read_full(&mut input, &mut chunk[..wanted]).map_err(RestoreError::at(&source))?;
            if read < wanted {
                return Err(RestoreError::Damaged(Damage::Short { name: name(), length: volume.length }));
            }
            if !chunk_is(&hashes, at, &chunk[..wanted]) {
                return Err(RestoreError::Damaged(Damage::Changed { name: name(), offset: at }));
            }
            output.write_all(&chunk[..wanted]).map_err(RestoreError::at(path))?;
            watch.done(wanted as u64);
            at += wanted as u64;
        }
        output.sync_all().map_err(RestoreError::at(path))
    }
}

fn restore_small(shelf: &Shelf, file: &SmallFile, path: &Path, watch: &mut Watch<'_>) -> Result<(), RestoreError> {
    let name = || String::from(file.path.clone());
    let source = shelf.path(file.hash);
    let mut input = open(&source, name())?;
    watch.before(Step::RestoreWrite).map_err(RestoreError::at(path))?;
    let mut output = new_file(path).map_err(RestoreError::at(path))?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES.min(file.length as usize + 1)];
    let mut left = file.length;
    while left > 0 {
        let wanted = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = read_full(&mut input, &mut piece[..wanted]).map_err(RestoreError::at(&source))?;
        if read == 0 {
            return Err(RestoreError::Damaged(Damage::Short { name: name(), length: file.length }));
        }
        hasher.update(&piece[..read]);
        output.write_all(&piece[..read]).map_err(RestoreError::at(path))?;
        watch.done(read as u64);
        left -= read as u64;
    }
    if Digest(hasher.finalize().into()) != file.hash {
        return Err(RestoreError::Damaged(Damage::Changed { name: name(), offset: 0 }));
    }
    output.sync_all().map_err(RestoreError::at(path))
}

fn open(source: &Path, name: String) -> Result<File, RestoreError> {
    match File::open(source) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(RestoreError::Damaged(Damage::Missing { name })),
        file => file.map_err(RestoreError::at(source)),
    }
}

fn folder_of(path: &Path) -> Result<PathBuf, RestoreError> {
    let folder = path.parent().expect("a restored file lies in a folder");
    make_folder(folder).map_err(RestoreError::at(folder))?;
    Ok(folder.to_owned())
}

/// Moves everything from the work folder to its place; what is there already was moved before an interruption.
fn move_into_place(dir: &Path, work: &Path, watch: &mut Watch<'_>) -> Result<(), RestoreError> {
    let files = work.join(FILES);
    let moved = |watch: &mut Watch<'_>| -> io::Result<()> {
        let left = match fs::read_dir(&files) {
            // the crash came after the last move
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            left => left?.collect::<io::Result<Vec<_>>>()?,
        };
        for entry in left {
            watch.before(Step::RestoreMove)?;
            fs::rename(entry.path(), dir.join(entry.file_name()))?;
        }
        sync_folder(dir)?;
        watch.before(Step::RestoreMove)?;
        // the marker goes last: as long as it is there, a restore ends here again
        remove_folder_if_there(&files)?;
        remove_folder_if_there(work)?;
        sync_folder(dir)
    };
    moved(watch).map_err(RestoreError::at(dir))
}

fn restored(manifest: &Manifest) -> Restored {
    let lengths = manifest.volumes.iter().map(|volume| volume.length);
    Restored {
        generation: manifest.generation,
        made: manifest.made,
        files: (manifest.volumes.len() + manifest.files.len()) as u64,
        bytes: lengths.chain(manifest.files.iter().map(|file| file.length)).sum(),
    }
}
