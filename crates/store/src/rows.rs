//! `front.db`: an index over the volumes, in SQLite. docs/formats/front-db.md describes it.
//!
//! Every row is derived from a volume record and written after that record is durable; `meta` holds the position up
//! to which the volumes are in here, in the same transaction. So the database needs no sync of its own: what it loses
//! in a crash is read again from the volumes, by the same [`Rows::apply`] that the happy path calls.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{KeyId, ObjectId, StudyNumber};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};

use crate::record::{FILE_HEADER_BYTES, Header, Kind, array, decode_verdicts, placement_code, placement_from_code};
use crate::volumes::LARGE_BIT;
use crate::{ChunkRecord, Counts, OpenError, Place, Placement, ReadError, RowRecord};

/// Schema changes in order; `user_version` counts those that are applied. Never change one that was released.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        volume INTEGER NOT NULL, offset INTEGER NOT NULL,
        last INTEGER NOT NULL, acknowledged INTEGER NOT NULL, chain BLOB NOT NULL,
        placed INTEGER NOT NULL, pending INTEGER NOT NULL, duplicates INTEGER NOT NULL,
        unreadable INTEGER NOT NULL, chunks INTEGER NOT NULL
    ) STRICT;
    INSERT INTO meta VALUES (1, 0, 0, 0, 0, zeroblob(32), 0, 0, 0, 0, 0);
    CREATE TABLE instance (
        id INTEGER PRIMARY KEY,
        object_id BLOB NOT NULL, key_id BLOB NOT NULL,
        study INTEGER, state INTEGER NOT NULL,
        volume INTEGER NOT NULL, offset INTEGER NOT NULL, large INTEGER,
        metadata_length INTEGER NOT NULL, instance_length INTEGER NOT NULL,
        sealed_row BLOB NOT NULL
    ) STRICT;
    CREATE INDEX instance_study ON instance (study) WHERE study IS NOT NULL;
    CREATE INDEX instance_pending ON instance (object_id) WHERE state = 0;
    CREATE INDEX instance_large ON instance (large) WHERE large IS NOT NULL;
    CREATE TABLE batch (
        key_id BLOB PRIMARY KEY, study INTEGER NOT NULL, mixed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX batch_study ON batch (study);
    CREATE TABLE chunk (
        id INTEGER PRIMARY KEY,
        object_id BLOB NOT NULL, key_id BLOB NOT NULL, covers BLOB NOT NULL,
        volume INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
        sealed_row BLOB NOT NULL
    ) STRICT;
    CREATE INDEX chunk_key ON chunk (key_id);
"];

/// Read connections that are kept open.
const READERS_MAX: usize = 8;
/// Pages of the write-ahead log after which SQLite moves them into the database: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4096;
/// How long a statement waits for another connection.
const BUSY: Duration = Duration::from_secs(10);

/// One thing that a volume record says.
#[derive(Debug)]
pub(crate) enum Change {
    /// An instance; `offset` is where its metadata begins.
    Instance {
        object: ObjectId,
        key: KeyId,
        volume: u32,
        offset: u64,
        large: Option<u32>,
        metadata_length: u32,
        instance_length: u64,
        sealed_row: Vec<u8>,
    },
    /// A chunk; `offset` is where the sealed bytes begin.
    Chunk { object: ObjectId, key: KeyId, covers: Vec<u8>, volume: u32, offset: u64, length: u64, sealed_row: Vec<u8> },
    /// The warden's answer.
    Acknowledgement { up_to: u64, chain: [u8; 32], placements: Vec<(ObjectId, Placement)> },
}

impl Change {
    /// What the record at `offset` of `volume` says; `None` when its body does not read. `body` is needed for an
    /// acknowledgement only.
    pub fn of(header: &Header, volume: u32, offset: u64, row: Vec<u8>, detail: Vec<u8>, body: &[u8]) -> Option<Self> {
        let (object, key) = (header.object, header.key);
        Some(match header.kind {
            Kind::Instance => Self::Instance {
                object,
                key,
                volume,
                offset: offset + header.detail_start(),
                large: header.large,
                metadata_length: header.detail_length,
                instance_length: header.body_length,
                sealed_row: row,
            },
            Kind::Chunk => Self::Chunk {
                object,
                key,
                covers: detail,
                volume,
                offset: offset + header.body_start(),
                length: header.body_length,
                sealed_row: row,
            },
            Kind::Acknowledgement => {
                let (chain, placements) = decode_verdicts(body)?;
                Self::Acknowledgement { up_to: header.sequence, chain, placements }
            }
        })
    }
}

/// Up to where the volumes and the outbox are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub volume: u32,
    pub offset: u64,
    /// The last outbox record whose instances are in.
    pub last: u64,
    pub acknowledged: u64,
    /// Chain value at `acknowledged`.
    pub chain: [u8; 32],
}

/// The database.
pub(crate) struct Rows {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Rows {
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut writer = connect(path).map_err(OpenError::Rows)?;
        let version: u32 = writer.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(OpenError::Rows)?;
        if version as usize > MIGRATIONS.len() {
            return Err(OpenError::Version { path: path.to_owned(), version });
        }
        migrate(&mut writer, version as usize).map_err(OpenError::Rows)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    /// Where the database stands.
    pub fn meta(&self) -> rusqlite::Result<Meta> {
        let sql = "SELECT volume, offset, last, acknowledged, chain FROM meta";
        self.writer().query_row(sql, [], |row| {
            let chain: Vec<u8> = row.get(4)?;
            Ok(Meta {
                volume: row.get(0)?,
                offset: unsigned(row, 1)?,
                last: unsigned(row, 2)?,
                acknowledged: unsigned(row, 3)?,
                chain: chain.try_into().map_err(|_| rusqlite::Error::IntegralValueOutOfRange(4, 32))?,
            })
        })
    }

    /// Writes changes, in the order of their records, up to a position in the volumes: all of them or none.
    pub fn apply(&self, changes: &[Change], volume: u32, offset: u64, last: u64) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        let mut counted = Counted::default();
        for change in changes {
            apply_one(&transaction, change, &mut counted)?;
        }
        transaction.prepare_cached(
            "UPDATE meta SET volume = ?1, offset = ?2, last = max(last, ?3), placed = placed + ?4,
                pending = pending + ?5, duplicates = duplicates + ?6, unreadable = unreadable + ?7, chunks = chunks + ?8",
        )?
        .execute(params![
            volume,
            offset as i64,
            last as i64,
            counted.placed,
            counted.pending,
            counted.duplicates,
            counted.unreadable,
            counted.chunks
        ])?;
        transaction.commit()
    }

    /// Moves the write-ahead log into the database, durably.
    pub fn checkpoint(&self) -> rusqlite::Result<()> {
        self.writer().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Numbers of the large objects that are in use, ascending.
    pub fn large(&self) -> rusqlite::Result<Vec<u32>> {
        let writer = self.writer();
        let mut query = writer.prepare("SELECT large FROM instance WHERE large IS NOT NULL ORDER BY large")?;
        let numbers = query.query_map([], |row| row.get(0))?;
        numbers.collect()
    }

    pub fn of_study(&self, study: StudyNumber) -> Result<Vec<RowRecord>, ReadError> {
        let sql = "SELECT object_id, key_id, study, state, volume, offset, large, metadata_length, instance_length,
            sealed_row FROM instance WHERE study = ?1 ORDER BY id";
        self.reading(|reader| reader.prepare_cached(sql)?.query_map([study.0], row_record)?.collect())
    }

    pub fn pending(&self, limit: usize) -> Result<Vec<RowRecord>, ReadError> {
        // the partial index holds what waits; sorting it is as much work as there is that waits
        let sql = "SELECT object_id, key_id, study, state, volume, offset, large, metadata_length, instance_length,
            sealed_row FROM instance INDEXED BY instance_pending WHERE state = 0 ORDER BY id LIMIT ?1";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.reading(|reader| reader.prepare_cached(sql)?.query_map([limit], row_record)?.collect())
    }

    pub fn chunks_of_study(&self, study: StudyNumber) -> Result<Vec<ChunkRecord>, ReadError> {
        let sql = "SELECT chunk.object_id, chunk.key_id, covers, volume, offset, length, sealed_row
            FROM batch JOIN chunk ON chunk.key_id = batch.key_id WHERE batch.study = ?1 AND NOT mixed ORDER BY chunk.id";
        self.reading(|reader| reader.prepare_cached(sql)?.query_map([study.0], chunk_record)?.collect())
    }

    pub fn counts(&self) -> Result<Counts, ReadError> {
        let sql = "SELECT placed, pending, duplicates, unreadable, chunks FROM meta";
        self.reading(|reader| {
            reader.query_row(sql, [], |row| {
                Ok(Counts {
                    placed: unsigned(row, 0)?,
                    pending: unsigned(row, 1)?,
                    duplicates: unsigned(row, 2)?,
                    unreadable: unsigned(row, 3)?,
                    chunks: unsigned(row, 4)?,
                    volume_bytes: 0,
                })
            })
        })
    }

    /// Numbers of the large objects whose records lie in front of a position.
    pub fn large_before(&self, volume: u32, offset: u64) -> rusqlite::Result<Vec<u32>> {
        let writer = self.writer();
        let sql = "SELECT large FROM instance INDEXED BY instance_large
            WHERE large IS NOT NULL AND (volume < ?1 OR volume = ?1 AND offset < ?2) ORDER BY large";
        writer.prepare(sql)?.query_map(params![volume, offset as i64], |row| row.get(0))?.collect()
    }

    /// Writes a copy of the database, as one reader sees it, to `path`; returns where the copy stands.
    pub fn copy_to(&self, path: &Path) -> rusqlite::Result<()> {
        let reader = connect(&self.path)?;
        let mut copy = Connection::open(path)?;
        let backup = rusqlite::backup::Backup::new(&reader, &mut copy)?;
        // in one step: a copy in several steps begins anew whenever somebody writes
        while backup.step(-1)? != rusqlite::backup::StepResult::Done {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(backup);
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match kept {
            Some(reader) => reader,
            None => {
                let reader = connect(&self.path)?;
                reader.pragma_update(None, "query_only", true)?;
                reader
            }
        };
        let answer = read(&reader);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_MAX {
            readers.push(reader);
        }
        Ok(answer?)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // NORMAL: a crash may lose the newest transactions and never tears one; the volumes bring them back
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// How a transaction changes the counts.
#[derive(Default)]
struct Counted {
    placed: i64,
    pending: i64,
    duplicates: i64,
    unreadable: i64,
    chunks: i64,
}

fn apply_one(transaction: &Transaction<'_>, change: &Change, counted: &mut Counted) -> rusqlite::Result<()> {
    match change {
        Change::Instance { object, key, volume, offset, large, metadata_length, instance_length, sealed_row } => {
            counted.pending += 1;
            let sql = "INSERT INTO instance (object_id, key_id, state, volume, offset, large, metadata_length,
                instance_length, sealed_row) VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8)";
            transaction.prepare_cached(sql)?.execute(params![
                object.0,
                key.0,
                volume,
                *offset as i64,
                large,
                metadata_length,
                *instance_length as i64,
                sealed_row
            ])?;
        }
        Change::Chunk { object, key, covers, volume, offset, length, sealed_row } => {
            counted.chunks += 1;
            let sql = "INSERT INTO chunk (object_id, key_id, covers, volume, offset, length, sealed_row)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let values = params![object.0, key.0, covers, volume, *offset as i64, *length as i64, sealed_row];
            transaction.prepare_cached(sql)?.execute(values)?;
        }
        Change::Acknowledgement { up_to, chain, placements } => {
            for (object, placement) in placements {
                place(transaction, *object, *placement, counted)?;
            }
            let sql = "UPDATE meta SET acknowledged = ?1, chain = ?2 WHERE acknowledged < ?1";
            transaction.prepare_cached(sql)?.execute(params![*up_to as i64, chain])?;
        }
    }
    Ok(())
}

fn place(
    transaction: &Transaction<'_>,
    object: ObjectId,
    placement: Placement,
    counted: &mut Counted,
) -> rusqlite::Result<()> {
    let (state, study) = placement_code(placement);
    let study = study.map(|study| study.0);
    let sql = "UPDATE instance SET state = ?1, study = ?2 WHERE object_id = ?3 AND state = 0 RETURNING key_id";
    let mut update = transaction.prepare_cached(sql)?;
    let key: Option<Vec<u8>> = update.query_row(params![state, study, object.0], |row| row.get(0)).optional()?;
    let Some(key) = key else { return Ok(()) };
    counted.pending -= 1;
    match placement {
        Placement::Study(_) | Placement::Conflict(_) => counted.placed += 1,
        Placement::Duplicate => counted.duplicates += 1,
        Placement::Unreadable => counted.unreadable += 1,
    }
    if let Some(study) = study {
        // a batch whose instances went to several studies has no chunks: one would show a study to another's readers
        let sql = "INSERT INTO batch VALUES (?1, ?2, 0)
            ON CONFLICT (key_id) DO UPDATE SET mixed = mixed OR study <> excluded.study";
        transaction.prepare_cached(sql)?.execute(params![key, study])?;
    }
    Ok(())
}

fn row_record(row: &Row<'_>) -> rusqlite::Result<RowRecord> {
    let study: Option<u32> = row.get(2)?;
    let volume: u32 = row.get(4)?;
    let offset = unsigned(row, 5)?;
    let large: Option<u32> = row.get(6)?;
    let metadata_length = unsigned(row, 7)?;
    let (instance_volume, instance_offset) = match large {
        Some(large) => (large | LARGE_BIT, FILE_HEADER_BYTES),
        None => (volume, offset.saturating_add(metadata_length)),
    };
    Ok(RowRecord {
        object: ObjectId(id(row, 0)?),
        key: KeyId(id(row, 1)?),
        placement: placement_from_code(row.get(3)?, study.map(StudyNumber)),
        instance: Place { volume: instance_volume, offset: instance_offset, length: unsigned(row, 8)? },
        metadata: Place { volume, offset, length: metadata_length },
        sealed_row: row.get(9)?,
    })
}

fn chunk_record(row: &Row<'_>) -> rusqlite::Result<ChunkRecord> {
    let covers: Vec<u8> = row.get(2)?;
    Ok(ChunkRecord {
        object: ObjectId(id(row, 0)?),
        key: KeyId(id(row, 1)?),
        covers: covers.chunks_exact(16).map(|object| ObjectId(array(object))).collect(),
        chunk: Place { volume: row.get(3)?, offset: unsigned(row, 4)?, length: unsigned(row, 5)? },
        sealed_row: row.get(6)?,
    })
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; 16]> {
    row.get(column)
}

/// SQLite's integers are signed; no length, offset or number here reaches 2^63.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// Whether SQLite says that the disk is full.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}
