//! Files that are whole and durable when the call returns.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

/// Makes or replaces a file: it has the old content or the new one at every instant.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The lowercase hexadecimal SHA-256 of a log's origin, or of a witness's name: what files are called after.
pub(crate) fn hash_of(name: &str) -> String {
    hex::encode(digest(&SHA256, name.as_bytes()))
}
