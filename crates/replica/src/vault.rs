//! A vault's folder: making it, opening it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::Instant;
use serde::{Deserialize, Serialize};

use crate::files::{make_folder, sync_folder, write_new};
use crate::{InitError, OpenVaultError, manifest};

/// The marker file.
const MARKER: &str = "VAULT";
/// The format that this version makes.
const VERSION: u32 = 1;
/// What the marker says.
const FORMAT: &str = "leadglass vault";

/// Whether a vault may lie on the filesystem of what it is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameFilesystem {
    /// No: one failing disk would take both.
    Refuse,
    /// Yes, for rehearsals and tests.
    Allow,
}

/// A vault.
#[derive(Clone, Debug)]
pub struct Vault {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: String,
    version: u32,
    made: Instant,
}

impl Vault {
    /// Makes a vault for the installation in `dir` in an empty folder, which is made when it is missing.
    ///
    /// The marker is written last: a crash before it leaves an empty folder or one that is not a vault.
    pub fn init(path: &Path, dir: &Path, same: SameFilesystem, now: Instant) -> Result<Self, InitError> {
        fs::create_dir_all(path).map_err(InitError::at(path))?;
        let (vault, dir) = (canonical(path)?, canonical(dir)?);
        if vault.starts_with(&dir) || dir.starts_with(&vault) {
            return Err(InitError::Inside { vault, dir });
        }
        if fs::read_dir(&vault).map_err(InitError::at(&vault))?.next().is_some() {
            return Err(InitError::NotEmpty { vault });
        }
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).map_err(InitError::at(path));
        if same == SameFilesystem::Refuse && device(&vault)? == device(&dir)? {
            return Err(InitError::SameFilesystem { vault, dir });
        }
        let made = Self { path: vault };
        for folder in [made.volumes(), made.files(), made.manifests()] {
            make_folder(&folder).map_err(InitError::at(&folder))?;
        }
        let marker = Marker { format: FORMAT.to_owned(), version: VERSION, made: now };
        let bytes = serde_json::to_vec_pretty(&marker).expect("numbers and texts are JSON");
        let path = made.path.join(MARKER);
        write_new(&path, &bytes).and_then(|()| sync_folder(&made.path)).map_err(InitError::at(&path))?;
        Ok(made)
    }

    /// Opens a vault.
    pub fn open(path: &Path) -> Result<Self, OpenVaultError> {
        let marker = path.join(MARKER);
        let not_a_vault = || OpenVaultError::NotAVault { vault: path.to_owned() };
        let bytes = match fs::read(&marker) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(not_a_vault());
            }
            bytes => bytes.map_err(OpenVaultError::at(&marker))?,
        };
        let marker: Marker = serde_json::from_slice(&bytes).map_err(|_| not_a_vault())?;
        if marker.format != FORMAT {
            return Err(not_a_vault());
        }
        if marker.version != VERSION {
            return Err(OpenVaultError::Version { vault: path.to_owned(), version: marker.version });
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock of whoever writes; `None` when another process holds it.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let file = File::options().create(true).truncate(false).write(true).open(self.path.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Manifests by name, oldest first.
    pub(crate) fn generations(&self) -> Result<Vec<manifest::Listed>, crate::ManifestError> {
        manifest::list(&self.manifests())
    }

    pub(crate) fn volumes(&self) -> PathBuf {
        self.path.join("volumes")
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    pub(crate) fn manifests(&self) -> PathBuf {
        self.path.join("manifests")
    }

    /// Where snapshots are written before they are taken in.
    pub(crate) fn staging(&self) -> PathBuf {
        self.path.join("staging")
    }
}

fn canonical(path: &Path) -> Result<PathBuf, InitError> {
    path.canonicalize().map_err(InitError::at(path))
}
