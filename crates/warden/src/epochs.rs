//! Epoch keys: one small file each in `DIR/warden/epochs`, sealed under the root, so that a key can be destroyed for good by
//! overwriting its file. In a database its bytes would stay in free pages and in the write-ahead log.
//!
//! Numbers from 1 on are epochs of the site: the newest wraps what is hot. A warming has an epoch of its own, numbered below
//! zero after its request, so that it ends by destroying one file.
//!
//! Durable steps: a new key is written under a temporary name, synced, renamed, and the folder is synced before anything is wrapped
//! under it. A key is destroyed by overwriting its file with zeros, syncing, removing it, and syncing the folder; a crash in between
//! leaves a file that no row needs, and the next start destroys it with the same function.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use model::{EntryNumber, KeyId, ObjectId, SiteId};
use seal::{EpochKey, ObjectContext, ObjectKind, RootSecret, SealKey, SystemRandom};

use crate::database::DatabaseError;

/// The folder below DIR/warden.
pub(crate) const FOLDER: &str = "epochs";
/// What the folder of a snapshot is called, as `leadglass vault sync` names it.
pub(crate) const SNAPSHOT_PREFIX: &str = "snapshot-";
/// The most files that are read.
const EPOCHS_MAX: usize = 100_000;
/// The most bytes of a file that are overwritten; a sealed key has 150.
const FILE_BYTES_MAX: usize = 4_096;

/// The epoch of a warming.
pub(crate) fn of_warming(request: EntryNumber) -> i64 {
    -i64::try_from(request.0).expect("a ledger has fewer than 2^63 entries") - 1
}

/// The keys that are there.
pub(crate) struct Epochs {
    folder: PathBuf,
    site: SiteId,
    sealed_under: SealKey,
    keys: BTreeMap<i64, EpochKey>,
}

impl Epochs {
    /// Makes the folder with the first epoch.
    pub(crate) fn create(warden: &Path, root: &RootSecret, site: SiteId) -> io::Result<()> {
        let mut epochs = Self::empty(warden, root, site);
        epochs.write(1, EpochKey::generate(&mut SystemRandom))
    }

    /// Reads every key. A file that does not open stays out; whoever needs it says so.
    pub(crate) fn load(warden: &Path, root: &RootSecret, site: SiteId) -> io::Result<Self> {
        let mut epochs = Self::empty(warden, root, site);
        let files = match fs::read_dir(&epochs.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(epochs),
            Err(error) => return Err(error),
        };
        for file in files.take(EPOCHS_MAX) {
            let file = file?;
            let name = file.file_name();
            let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".key")).and_then(|n| n.parse().ok())
            else {
                // a key that was being written: nothing was wrapped under it
                overwrite_and_remove(&file.path())?;
                continue;
            };
            match epochs.open(number, &fs::read(file.path())?) {
                Some(key) => drop(epochs.keys.insert(number, key)),
                None => tracing::warn!(number, "an epoch key does not open; it was being destroyed, or is damaged"),
            }
        }
        Ok(epochs)
    }

    /// Takes a key over that an earlier version kept in the database.
    pub(crate) fn adopt(&mut self, number: i64, key: &[u8; 32]) -> io::Result<()> {
        if self.keys.contains_key(&number) { Ok(()) } else { self.write(number, EpochKey::from_bytes(key)) }
    }

    /// The newest epoch of the site.
    pub(crate) fn newest(&self) -> Result<(i64, &EpochKey), DatabaseError> {
        let newest = self.keys.last_key_value().filter(|(number, _)| **number > 0);
        newest.map(|(number, key)| (*number, key)).ok_or(DatabaseError::Damaged { what: "folder of epoch keys" })
    }

    /// The key of an epoch.
    pub(crate) fn key(&self, number: i64) -> Result<&EpochKey, DatabaseError> {
        self.keys.get(&number).ok_or(DatabaseError::Damaged { what: "epoch of a key" })
    }

    /// The epochs that are there.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.keys.keys().copied().collect()
    }

    /// Begins a new epoch of the site; from now on it is the newest.
    pub(crate) fn begin(&mut self) -> Result<i64, BeginError> {
        let number = self.newest()?.0 + 1;
        self.write(number, EpochKey::generate(&mut SystemRandom))?;
        Ok(number)
    }

    /// Begins the epoch of a warming.
    pub(crate) fn begin_warming(&mut self, request: EntryNumber) -> io::Result<i64> {
        let number = of_warming(request);
        self.write(number, EpochKey::generate(&mut SystemRandom))?;
        Ok(number)
    }

    /// Destroys a key: its bytes first, then its name. Gone already is fine. One that cannot be destroyed stays known, so that it is
    /// tried again and nobody says that it is gone.
    pub(crate) fn destroy(&mut self, number: i64) -> io::Result<()> {
        overwrite_and_remove(&self.path(number))?;
        File::open(&self.folder)?.sync_all()?;
        self.keys.remove(&number);
        Ok(())
    }

    /// Destroys what is left of keys that nobody needs.
    pub(crate) fn destroy_all_but(&mut self, needed: impl Fn(i64) -> bool) -> io::Result<()> {
        for file in fs::read_dir(&self.folder)? {
            let name = file?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".key")).and_then(|n| n.parse().ok());
            if let Some(number) = number.filter(|number| !needed(*number)) {
                self.destroy(number)?;
            }
        }
        Ok(())
    }

    /// Destroys copies that a sync of a vault left beside, or is about to take: that sync fails and is repeated.
    pub(crate) fn destroy_copies(&self) -> io::Result<()> {
        let Some(warden) = self.folder.parent() else { return Ok(()) };
        for entry in fs::read_dir(warden)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.file_name().to_string_lossy().starts_with(SNAPSHOT_PREFIX) {
                for key in fs::read_dir(entry.path().join(FOLDER)).into_iter().flatten() {
                    overwrite_and_remove(&key?.path())?;
                }
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Copies the files, as they are, for a vault.
    pub(crate) fn copy_to(&self, into: &Path) -> io::Result<()> {
        let into = into.join(FOLDER);
        fs::create_dir_all(&into)?;
        for number in self.keys.keys() {
            fs::copy(self.path(*number), into.join(name(*number)))?;
        }
        Ok(())
    }

    /// The keys that another root begins with, below another folder: a new epoch of the site, and the warmings that run.
    pub(crate) fn renewed(&self, warden: &Path, root: &RootSecret) -> Result<(Self, i64), BeginError> {
        let mut next = Self::empty(warden, root, self.site);
        for (number, key) in self.keys.range(..0) {
            next.write(*number, key.clone())?;
        }
        let number = self.newest()?.0 + 1;
        next.write(number, EpochKey::generate(&mut SystemRandom))?;
        Ok((next, number))
    }

    fn empty(warden: &Path, root: &RootSecret, site: SiteId) -> Self {
        let sealed_under = SealKey::from(root.derive("warden secrets v1"));
        Self { folder: warden.join(FOLDER), site, sealed_under, keys: BTreeMap::new() }
    }

    fn write(&mut self, number: i64, key: EpochKey) -> io::Result<()> {
        if !self.folder.exists() {
            fs::create_dir_all(&self.folder)?;
            if let Some(above) = self.folder.parent() {
                File::open(above)?.sync_all()?;
            }
        }
        let sealed = seal::seal_blob(&self.sealed_under, context(self.site, number), key.expose(), &mut SystemRandom);
        let unnamed = self.folder.join("new.tmp");
        let mut file = File::create(&unnamed)?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&unnamed, self.path(number))?;
        File::open(&self.folder)?.sync_all()?;
        self.keys.insert(number, key);
        Ok(())
    }

    fn open(&self, number: i64, sealed: &[u8]) -> Option<EpochKey> {
        let plain = seal::open_blob(&self.sealed_under, context(self.site, number), sealed).ok()?;
        let plain = zeroize::Zeroizing::new(plain);
        Some(EpochKey::from_bytes(plain.as_slice().try_into().ok()?))
    }

    fn path(&self, number: i64) -> PathBuf {
        self.folder.join(name(number))
    }
}

/// Why no epoch begins.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the folder of epoch keys cannot be written; see whether the disk is full")]
    Io(#[from] io::Error),
}

fn name(number: i64) -> String {
    format!("{number}.key")
}

/// A file's bytes are overwritten in place before its name goes. File systems that copy on write keep the old ones for a while.
fn overwrite_and_remove(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(FILE_BYTES_MAX).min(FILE_BYTES_MAX);
    file.write_all(&vec![0; bytes])?;
    file.sync_all()?;
    drop(file);
    fs::remove_file(path)
}

fn context(site: SiteId, number: i64) -> ObjectContext {
    let name = digest(&SHA256, format!("epoch key {number}").as_bytes());
    let object = ObjectId(name.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"));
    ObjectContext { site, key: KeyId([0; 16]), object, kind: ObjectKind::Secret }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_destroyed_stays_known_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = RootSecret::from_bytes(&[7; 32]);
        Epochs::create(folder.path(), &root, SiteId([1; 16])).unwrap();
        let mut epochs = Epochs::load(folder.path(), &root, SiteId([1; 16])).unwrap();
        epochs.begin().unwrap();
        let (file, aside) = (epochs.path(1), folder.path().join("aside"));
        fs::rename(&file, &aside).unwrap();
        // a folder of this name can be neither overwritten nor removed as a file
        fs::create_dir(&file).unwrap();
        assert!(epochs.destroy(1).is_err());
        assert_eq!(epochs.numbers(), [1, 2]);
        fs::remove_dir(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        epochs.destroy(1).unwrap();
        assert_eq!(epochs.numbers(), [2]);
        assert!(!file.exists());
    }
}
