//! Copies of append-only files: appended to, never rewritten, verified chunk by chunk.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use crate::digest::Digest;
use crate::files::{Shelf, new_file, read_full, set_read_only, sync_folder};
use crate::hooks::{Step, Watch};
use crate::manifest::{Volume, VolumeName};
use crate::{CHUNK_BYTES, SyncError, Vault};

/// Bytes of one hash in a list of chunk hashes.
pub(crate) const HASH_BYTES: usize = 32;

/// Appends to the vault's copy what the source has in front of `length`, and returns the entry of the new generation.
///
/// Only whole bytes of the source's durable part are copied, and the manifest is written after all of it is synced: a
/// crash in between leaves a copy that is longer than its manifest says, and the next sync writes the same bytes again.
pub(crate) fn append(
    vault: &Vault,
    shelf: &Shelf,
    source: &Path,
    name: VolumeName,
    length: u64,
    before: Option<&Volume>,
    watch: &mut Watch<'_>,
) -> Result<Volume, SyncError> {
    let known = before.map_or(0, |before| before.length);
    let text = || name.as_str().to_owned();
    if known > length {
        return Err(SyncError::Shorter { name: text() });
    }
    let copy = vault.path().join(name.as_str());
    check_copy(&copy, known, &name)?;
    if let Some(before) = before
        && known == length
    {
        return Ok(before.clone());
    }
    let mut hashes = match before {
        Some(before) => fs::read(shelf.path(before.chunks)).map_err(|_| SyncError::VaultDamaged { name: text() })?,
        None => Vec::new(),
    };
    if Digest::of(&hashes) != before.map_or_else(|| Digest::of(&[]), |before| before.chunks) {
        return Err(SyncError::VaultDamaged { name: text() });
    }
    if hashes.len() as u64 != known.div_ceil(CHUNK_BYTES) * HASH_BYTES as u64 {
        return Err(SyncError::VaultDamaged { name: text() });
    }

    let output = open_copy(&copy).map_err(SyncError::at(&copy))?;
    let mut input = File::open(source).map_err(SyncError::at(source))?;
    let mut at = known / CHUNK_BYTES * CHUNK_BYTES;
    input.seek(SeekFrom::Start(at)).map_err(SyncError::at(source))?;
    let partial = hashes.split_off((at / CHUNK_BYTES) as usize * HASH_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES as usize];
    while at < length {
        let wanted = CHUNK_BYTES.min(length - at) as usize;
        let read = read_full(&mut (&mut input).take(wanted as u64), &mut chunk).map_err(SyncError::at(source))?;
        if read < wanted {
            return Err(SyncError::Shorter { name: text() });
        }
        let new = known.saturating_sub(at) as usize;
        if new > 0 && Digest::of(&chunk[..new]).0 != partial[..] {
            // what the vault holds of this chunk is not what the source holds there
            return Err(SyncError::Diverged { name: text() });
        }
        watch.before(Step::VolumeWrite).map_err(SyncError::at(&copy))?;
        output.write_all_at(&chunk[new..wanted], at + new as u64).map_err(SyncError::at(&copy))?;
        hashes.extend_from_slice(&Digest::of(&chunk[..wanted]).0);
        watch.done((wanted - new) as u64);
        at += wanted as u64;
    }
    watch.before(Step::VolumeSync).map_err(SyncError::at(&copy))?;
    let synced = set_read_only(&output).and_then(|()| output.sync_all()).and_then(|()| sync_folder(&vault.volumes()));
    synced.map_err(SyncError::at(&copy))?;
    let chunks = shelf.take_in_bytes(&hashes, watch).map_err(SyncError::at(&shelf.folder))?;
    Ok(Volume { name, length, chunks })
}

/// The copy is at least as long as the newest manifest says.
fn check_copy(copy: &Path, known: u64, name: &VolumeName) -> Result<(), SyncError> {
    let there = fs::metadata(copy).map_or(0, |metadata| metadata.len());
    if there < known { Err(SyncError::VaultDamaged { name: name.as_str().to_owned() }) } else { Ok(()) }
}

fn open_copy(copy: &Path) -> std::io::Result<File> {
    if !copy.exists() {
        return new_file(copy);
    }
    fs::set_permissions(copy, fs::Permissions::from_mode(0o600))?;
    File::options().read(true).write(true).open(copy)
}
