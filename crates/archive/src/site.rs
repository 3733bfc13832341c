//! `DIR/front/site.json`: what a front must know to take images in while the warden is away.
//!
//! Trust: who can change this file can have images sealed to another key, so that this site never opens them, and can
//! sign a device list of their own. It holds no secret. Losing it costs nothing: the warden states the same at the
//! next connection, and `leadglass init` writes it.

use std::{fs, io, path::Path};

use model::SiteId;
use seal::{SitePublicKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of the file in `DIR/front`.
pub const SITE_FILE: &str = "site.json";

/// The longest `site.json` that is read, in bytes.
const SITE_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The public half of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The site.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// What batch keys are wrapped to.
    pub public_key: SitePublicKey,
    /// The public half of what signs checkpoints and device lists.
    pub verifying_key: VerifyingKey,
}

/// `site.json` cannot be used.
#[derive(Debug, Error)]
pub enum SiteFileError {
    /// It is not there.
    #[error("there is no {SITE_FILE} in the front's folder; run `leadglass init` first")]
    Missing,
    /// It cannot be read or written.
    #[error("{SITE_FILE} in the front's folder cannot be read or written; check the disk and the rights of the folder")]
    Io(#[source] io::Error),
    /// It does not hold what it should.
    #[error("{SITE_FILE} in the front's folder is damaged; copy it from the vault, or run `leadglass doctor`")]
    Damaged,
}

/// The file as JSON; binary values in hexadecimal.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u8,
    site: String,
    name: String,
    public_key: String,
    verifying_key: String,
}

impl Site {
    /// Reads `DIR/front/site.json`.
    pub fn read(front: &Path) -> Result<Self, SiteFileError> {
        let path = front.join(SITE_FILE);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SiteFileError::Missing),
            Err(error) => return Err(SiteFileError::Io(error)),
            Ok(metadata) if metadata.len() > SITE_FILE_BYTES_MAX => return Err(SiteFileError::Damaged),
            Ok(_) => {}
        }
        let text = fs::read(&path).map_err(SiteFileError::Io)?;
        let written: Written = serde_json::from_slice(&text).map_err(|_| SiteFileError::Damaged)?;
        if written.version != 1 {
            return Err(SiteFileError::Damaged);
        }
        Ok(Self {
            id: written.site.parse().map_err(|_| SiteFileError::Damaged)?,
            name: written.name,
            public_key: hex::decode(&written.public_key)
                .ok()
                .and_then(|bytes| SitePublicKey::from_bytes(&bytes).ok())
                .ok_or(SiteFileError::Damaged)?,
            verifying_key: hex::decode(&written.verifying_key)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .map(VerifyingKey::from_bytes)
                .ok_or(SiteFileError::Damaged)?,
        })
    }

    /// Writes `DIR/front/site.json`, replacing one that is there.
    pub fn write(&self, front: &Path) -> Result<(), SiteFileError> {
        let written = Written {
            version: 1,
            site: self.id.to_string(),
            name: self.name.clone(),
            public_key: hex::encode(self.public_key.to_bytes()),
            verifying_key: hex::encode(self.verifying_key.to_bytes()),
        };
        let text = serde_json::to_vec_pretty(&written).expect("strings and numbers are JSON");
        replace_file(&front.join(SITE_FILE), &text).map_err(SiteFileError::Io)
    }
}

/// Puts `bytes` in place of `path`: a crash leaves the old file or the new one, never half of one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    // a crash before this line leaves a `.new` file that the next write replaces
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::*;

    fn site() -> Site {
        let root = seal::RootSecret::from_bytes(&[1; 32]);
        Site {
            id: SiteId([7; 16]),
            name: "Practice".into(),
            public_key: root.site_secret_key().public(),
            verifying_key: VerifyingKey::from_bytes([9; 32]),
        }
    }

    #[test]
    fn a_site_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        site().write(folder.path()).unwrap();
        site().write(folder.path()).unwrap();
        assert_eq!(Site::read(folder.path()).unwrap(), site());
    }

    #[test]
    fn a_folder_without_a_site_says_what_to_run() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Site::read(folder.path()).unwrap_err().to_string().contains("leadglass init"));
    }

    #[test]
    fn a_damaged_site_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        site().write(folder.path()).unwrap();
        let good = fs::read_to_string(folder.path().join(SITE_FILE)).unwrap();
        for (defect, bad) in [
            ("truncated", good[..good.len() - 5].to_owned()),
            ("version from the future", good.replace("\"version\": 1", "\"version\": 2")),
            ("short verifying key", good.replace("0909", "09")),
            ("short public key", good.replace("\"public_key\": \"", "\"public_key\": \"00")),
            ("odd hexadecimal", good.replace("0909", "090")),
            ("too long", format!("{good}{}", " ".repeat(SITE_FILE_BYTES_MAX as usize))),
        ] {
            fs::write(folder.path().join(SITE_FILE), bad).unwrap();
            assert!(matches!(Site::read(folder.path()), Err(SiteFileError::Damaged)), "{defect}");
        }
    }
}
