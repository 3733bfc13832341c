//! Small files, stored once under the hash of their bytes, and the few durable steps that every flow is made of.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::hooks::{Step, Watch};

/// Bytes that are read at once.
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;
/// The ending of a file that has not got its name yet.
const UNNAMED: &str = "tmp";
/// Files in a vault are read-only: not even their owner changes one by mistake.
const READ_ONLY: u32 = 0o400;

/// The folder of small files.
pub(crate) struct Shelf {
    pub folder: PathBuf,
}

impl Shelf {
    pub fn path(&self, hash: Digest) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// Takes in the bytes of `source`; nothing is written when they are here already. `NotFound` when it vanished.
    ///
    /// A crash before the rename leaves an unnamed file that the next sync removes; the name appears with all bytes.
    pub fn take_in(&self, source: &Path, watch: &mut Watch<'_>) -> io::Result<(Digest, u64)> {
        let mut input = File::open(source)?;
        // hashed first: most files are here already
        let (hash, length) = hash_of(&mut input, |_| {})?;
        if fs::metadata(self.path(hash)).is_ok_and(|there| there.len() == length) {
            return Ok((hash, length));
        }
        watch.before(Step::FileWrite)?;
        let unnamed = self.folder.join(format!("{hash}.{UNNAMED}"));
        remove_if_there(&unnamed)?;
        let mut output = new_file(&unnamed)?;
        let mut input = File::open(source)?;
        let mut failed = Ok(());
        // a file that grew meanwhile is what it is now
        let (hash, length) = hash_of(&mut input, |piece| {
            if failed.is_ok() {
                failed = output.write_all(piece);
            }
        })?;
        failed?;
        self.name(&unnamed, &output, hash, watch)?;
        watch.done(length);
        Ok((hash, length))
    }

    /// Takes in bytes.
    pub fn take_in_bytes(&self, bytes: &[u8], watch: &mut Watch<'_>) -> io::Result<Digest> {
        let hash = Digest::of(bytes);
        if fs::metadata(self.path(hash)).is_ok_and(|there| there.len() == bytes.len() as u64) {
            return Ok(hash);
        }
        watch.before(Step::FileWrite)?;
        let unnamed = self.folder.join(format!("{hash}.{UNNAMED}"));
        remove_if_there(&unnamed)?;
        let mut output = new_file(&unnamed)?;
        output.write_all(bytes)?;
        self.name(&unnamed, &output, hash, watch)?;
        Ok(hash)
    }

    fn name(&self, unnamed: &Path, file: &File, hash: Digest, watch: &mut Watch<'_>) -> io::Result<()> {
        file.set_permissions(fs::Permissions::from_mode(READ_ONLY))?;
        file.sync_all()?;
        watch.before(Step::FileRename)?;
        fs::rename(unnamed, self.path(hash))
    }

    /// Removes what no generation needs.
    pub fn keep_only(&self, needed: &BTreeSet<Digest>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let unnamed = name.ends_with(UNNAMED);
            if unnamed || name.parse::<Digest>().is_ok_and(|hash| !needed.contains(&hash)) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }
}

/// The hash and length of what is left in `input`; `each` sees every piece.
pub(crate) fn hash_of(input: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut length = 0;
    loop {
        let read = match input.read(&mut piece) {
            Ok(0) => return Ok((Digest(hasher.finalize().into()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&piece[..read]);
        each(&piece[..read]);
        length += read as u64;
    }
}

/// Fills as much of `buffer` as the input has.
pub(crate) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A new file that only its owner reads.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// A new file with these bytes, synced.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = new_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A folder that only its owner enters, with those above it, durable.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    path.parent().map_or(Ok(()), |parent| if parent.as_os_str().is_empty() { Ok(()) } else { sync_folder(parent) })
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(crate) fn set_read_only(file: &File) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(READ_ONLY))
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

pub(crate) fn remove_folder_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Every regular file below `folder`, as paths below it, sorted; none when the folder is missing.
pub(crate) fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let entries = match fs::read_dir(folder.join(&inner)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            // not followed: a link out of the folder is not part of the installation
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
