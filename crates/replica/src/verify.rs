//! **verify**: everything in the vault is read again and compared with the manifests. No key is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;

use crate::digest::Digest;
use crate::files::{Shelf, hash_of, read_full};
use crate::hooks::{Hooks, Watch};
use crate::manifest::{self, Manifest, Volume};
use crate::volumes::HASH_BYTES;
use crate::{CHUNK_BYTES, ManifestError, Vault, VerifyError};

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Damage {
    /// A manifest is not what its name says.
    Manifest {
        /// Its generation.
        generation: u64,
    },
    /// A file is missing.
    Missing {
        /// What it is: a path below DIR, or a volume.
        name: String,
    },
    /// A file is shorter than it was.
    Short {
        /// What it is.
        name: String,
        /// How long it was.
        length: u64,
    },
    /// Bytes of a file changed.
    Changed {
        /// What it is.
        name: String,
        /// In the chunk that begins here.
        offset: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { generation } => write!(f, "the manifest of generation {generation} is damaged"),
            Self::Missing { name } => write!(f, "the vault's copy of {name} is missing"),
            Self::Short { name, length } => write!(f, "the vault's copy of {name} is shorter than {length} bytes"),
            Self::Changed { name, offset } => write!(f, "the vault's copy of {name} is changed behind byte {offset}"),
        }
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The generations that are in the vault, oldest first.
    pub generations: Vec<u64>,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is not as it was; empty when all is well.
    pub damages: Vec<Damage>,
}

impl Vault {
    /// Reads everything again.
    pub fn verify(&self, hooks: &mut dyn Hooks) -> Result<Verified, VerifyError> {
        let watch = &mut Watch::new(hooks);
        let listed = self.generations()?;
        if listed.is_empty() {
            return Err(ManifestError::Empty.into());
        }
        let mut verified = Verified::default();
        let mut manifests = Vec::new();
        for listed in &listed {
            verified.generations.push(listed.generation);
            match manifest::read(listed) {
                Ok(manifest) => manifests.push(manifest),
                Err(ManifestError::Damaged { generation }) => verified.damages.push(Damage::Manifest { generation }),
                Err(error) => return Err(error.into()),
            }
        }
        let files = small_files(&manifests);
        let volumes = longest_volumes(&manifests);
        watch.expect(
            files.values().map(|(_, length)| length).sum::<u64>() + volumes.iter().map(|v| v.length).sum::<u64>(),
        );
        let shelf = Shelf { folder: self.files() };
        for (hash, (name, length)) in &files {
            verified.damages.extend(check_small(&shelf, *hash, name, *length, watch)?);
        }
        for volume in volumes {
            self.check_volume(&shelf, volume, &mut verified.damages, watch)?;
        }
        verified.damages.sort();
        verified.damages.dedup();
        verified.bytes = watch.bytes_done();
        Ok(verified)
    }

    fn check_volume(
        &self,
        shelf: &Shelf,
        volume: &Volume,
        damages: &mut Vec<Damage>,
        watch: &mut Watch<'_>,
    ) -> Result<(), VerifyError> {
        let name = volume.name.as_str().to_owned();
        let path = self.path().join(volume.name.as_str());
        // the list itself is a small file and is told of there
        let Ok(hashes) = fs::read(shelf.path(volume.chunks)) else { return Ok(()) };
        let mut input = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                damages.push(Damage::Missing { name });
                return Ok(());
            }
            input => input.map_err(VerifyError::at(&path))?,
        };
        let mut chunk = vec![0; CHUNK_BYTES as usize];
        let mut at = 0;
        while at < volume.length {
            let wanted = CHUNK_BYTES.min(volume.length - at) as usize;
            let read = read_full(&mut input, &mut chunk[..wanted]).map_err(VerifyError::at(&path))?;
            if read < wanted {
                damages.push(Damage::Short { name, length: volume.length });
                return Ok(());
            }
            if !chunk_is(&hashes, at, &chunk[..wanted]) {
                damages.push(Damage::Changed { name: name.clone(), offset: at });
            }
            watch.done(wanted as u64);
            at += wanted as u64;
        }
        Ok(())
    }
}

/// Whether a chunk is what the list says.
pub(crate) fn chunk_is(hashes: &[u8], at: u64, chunk: &[u8]) -> bool {
    let start = (at / CHUNK_BYTES) as usize * HASH_BYTES;
    hashes.get(start..start + HASH_BYTES) == Some(&Digest::of(chunk).0)
}

/// Every small file that any generation needs, with a name to tell it by and its length when that is known.
fn small_files(manifests: &[Manifest]) -> BTreeMap<Digest, (String, u64)> {
    let mut files = BTreeMap::new();
    for manifest in manifests {
        for file in &manifest.files {
            files.insert(file.hash, (String::from(file.path.clone()), file.length));
        }
        for volume in &manifest.volumes {
            let length = volume.length.div_ceil(CHUNK_BYTES) * HASH_BYTES as u64;
            files.insert(volume.chunks, (format!("the hashes of {}", volume.name.as_str()), length));
        }
    }
    files
}

/// Each volume as the newest generation that has it; older ones are its beginning.
fn longest_volumes(manifests: &[Manifest]) -> Vec<&Volume> {
    let mut volumes: BTreeMap<_, &Volume> = BTreeMap::new();
    for volume in manifests.iter().flat_map(|manifest| &manifest.volumes) {
        volumes.insert(&volume.name, volume);
    }
    volumes.into_values().collect()
}

fn check_small(
    shelf: &Shelf,
    hash: Digest,
    name: &str,
    length: u64,
    watch: &mut Watch<'_>,
) -> Result<Option<Damage>, VerifyError> {
    let path = shelf.path(hash);
    let name = name.to_owned();
    let mut input = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Damage::Missing { name })),
        input => input.map_err(VerifyError::at(&path))?,
    };
    let (found, found_length) =
        hash_of(&mut input, |piece| watch.done(piece.len() as u64)).map_err(VerifyError::at(&path))?;
    Ok(match found == hash {
        true => None,
        false if found_length < length => Some(Damage::Short { name, length }),
        false => Some(Damage::Changed { name, offset: 0 }),
    })
}
