//! A consistent copy of the front's small files while ingest goes on; the volumes are append-only and are copied up to
//! the lengths that the snapshot names.
//!
//! What makes it consistent: the copy of `front.db` is made first, so its position lies inside the volumes' lengths.
//! Lengths and the waiting outbox records are taken between two batches, so every record of the outbox has its
//! instances inside these lengths, and every instance inside them is acknowledged or has its record. Opening the copy
//! is an ordinary start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::files::make_folder;
use crate::journal::{self, FILE_HEADER_BYTES};
use crate::outbox::{Held, journal_path};
use crate::volumes::LARGE_BIT;
use crate::{OutboxState, SnapshotError, Store};

/// A copied journal is closed when it is longer than this many bytes.
const JOURNAL_BYTES: u64 = 16 * 1024 * 1024;
/// The name of the list of volumes in a snapshot's folder.
const LIST: &str = "volumes.list";

/// How far the append-only files belong to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The files below `DIR/front`.
    pub files: Vec<SnapshotFile>,
}

/// One append-only file: what is in its first `length` bytes never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Path below `DIR/front`, as `volumes/000001.vol`.
    pub name: String,
    /// Bytes that belong to the snapshot.
    pub length: u64,
}

impl Snapshot {
    /// Reads the list that [`Store::snapshot_into`] left in `folder`, so that another process can copy the volumes.
    pub fn read(folder: &Path) -> Result<Self, SnapshotError> {
        let path = folder.join(LIST);
        let text = fs::read_to_string(&path).map_err(|source| SnapshotError::Target { path: path.clone(), source })?;
        let line = |line: &str| {
            let (length, name) = line.split_once(' ')?;
            let number = name.strip_prefix("volumes/")?;
            let number = number.strip_suffix(".vol").or_else(|| number.strip_suffix(".large"))?;
            let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            plain.then_some(SnapshotFile { name: name.to_owned(), length: length.parse().ok()? })
        };
        let files = text.lines().map(line).collect::<Option<Vec<_>>>();
        Ok(Self { files: files.ok_or(SnapshotError::List { path })? })
    }
}

pub(crate) fn snapshot_into(store: &Store, folder: &Path) -> Result<Snapshot, SnapshotError> {
    let shared = store.shared();
    let target = |path: &Path| {
        let path = path.to_owned();
        move |source| SnapshotError::Target { path, source }
    };
    make_folder(folder).map_err(target(folder))?;
    let rows = folder.join("front.db");
    shared.rows.copy_to(&rows).map_err(SnapshotError::Rows)?;
    File::open(&rows).and_then(|file| file.sync_all()).map_err(target(&rows))?;

    let point = store.point()?;
    write_journals(folder, point.outbox, &point.held)?;
    drop(point.held);

    let files = append_only(store, point.volume, point.end).map_err(target(folder))?;
    let list: String = files.iter().map(|file| format!("{} {}\n", file.length, file.name)).collect();
    write_file(&folder.join(LIST), list.as_bytes()).map_err(target(folder))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(target(folder))?;
    Ok(Snapshot { files })
}

/// The waiting records as journals of their own. All of them are durable, and each one says so of all the others.
fn write_journals(folder: &Path, outbox: OutboxState, held: &Held) -> Result<(), SnapshotError> {
    let mut index = 0;
    let mut number = 0;
    let mut previous = held.previous;
    while index < held.len() {
        number += 1;
        let first = outbox.acknowledged + 1 + index as u64;
        let mut bytes = journal::file_header(number, first, &previous).to_vec();
        while index < held.len() && (bytes.len() as u64) < JOURNAL_BYTES.max(FILE_HEADER_BYTES + 1) {
            let (header, body) = held.read(index)?;
            let offset = bytes.len() as u64;
            let header = journal::Header { durable: outbox.last, ..header };
            bytes.extend_from_slice(&header.encode(number, offset));
            bytes.extend_from_slice(&body);
            bytes.resize(header.end(offset) as usize, 0);
            previous = header.chain;
            index += 1;
        }
        let path = journal_path(folder, number);
        let written = make_folder(&folder.join("outbox")).and_then(|()| write_file(&path, &bytes));
        written.map_err(|source| SnapshotError::Target { path, source })?;
    }
    Ok(())
}

fn append_only(store: &Store, current: u32, end: u64) -> io::Result<Vec<SnapshotFile>> {
    let shared = store.shared();
    let (volumes, _) = shared.volumes.list()?;
    let mut files = Vec::new();
    for number in volumes.into_iter().filter(|number| *number <= current) {
        let length = if number == current { end } else { shared.volumes.file(number)?.length()? };
        files.push(SnapshotFile { name: format!("volumes/{number:06}.vol"), length });
    }
    for number in shared.rows.large_before(current, end).map_err(io::Error::other)? {
        let length = shared.volumes.file(number | LARGE_BIT)?.length()?;
        files.push(SnapshotFile { name: format!("volumes/{number:06}.large"), length });
    }
    Ok(files)
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
