//! Where consistent copies of front and warden come from: they own their files, so they make the copies.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use store::Store;

/// The folder of epoch keys below `warden`.
const EPOCHS: &str = "epochs";

/// The folder of a new root below `warden`, while it is not in place (`docs/formats/root.md`).
const NEW_ROOT: &str = "new-root";

/// Why there is no snapshot.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// Asks front and warden for snapshots. While they run, that is a message to each; [`Stopped`] is for when they do not.
pub trait Sources {
    /// What [`Store::snapshot_into`] writes, into the new folder `into`.
    fn front(&mut self, into: &Path) -> Result<(), SourceError>;
    /// `root.json`, the epoch keys and a consistent copy of `warden.db`, into the new folder `into`. Called after [`Sources::front`].
    fn warden(&mut self, into: &Path) -> Result<(), SourceError>;
}

/// Snapshots of an installation that does not run.
pub struct Stopped {
    dir: PathBuf,
}

impl Stopped {
    /// The installation in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }
}

impl Sources for Stopped {
    fn front(&mut self, into: &Path) -> Result<(), SourceError> {
        let (store, _) = Store::open(&self.dir.join("front"), store::Options::default(), store::files())?;
        store.snapshot_into(into)?;
        store.close();
        Ok(())
    }

    fn warden(&mut self, into: &Path) -> Result<(), SourceError> {
        let from = self.dir.join("warden");
        // nobody puts another root in place meanwhile, and none is half in place: its root.json would be copied with the database before it
        let folder = File::open(&from)?;
        if folder.try_lock_shared().is_err() || from.join(NEW_ROOT).exists() {
            return Err("another root is being put in place; start leadglass once, and sync again".into());
        }
        fs::create_dir_all(into)?;
        fs::copy(from.join("root.json"), into.join("root.json"))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(from.join("warden.db"), flags)?;
        let mut copy = Connection::open(into.join("warden.db"))?;
        let backup = rusqlite::backup::Backup::new(&database, &mut copy)?;
        if backup.step(-1)? != rusqlite::backup::StepResult::Done {
            return Err("warden.db is in use; stop the warden, or sync while it runs".into());
        }
        drop(backup);
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error)?;
        File::open(into.join("warden.db"))?.sync_all()?;
        // the keys that the keyring is wrapped under: small sealed files, destroyed here when an epoch ends, and in the vault with its window
        if from.join(EPOCHS).is_dir() {
            fs::create_dir_all(into.join(EPOCHS))?;
            for key in fs::read_dir(from.join(EPOCHS))? {
                let key = key?;
                if key.path().extension().is_some_and(|extension| extension == "key") {
                    fs::copy(key.path(), into.join(EPOCHS).join(key.file_name()))?;
                }
            }
        }
        Ok(())
    }
}
