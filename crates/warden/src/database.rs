//! warden.db: the keyring, the registry's and the people's records, and the position in the outbox.
//!
//! Trust: everything that says who somebody is, is sealed before it comes here; what lies open are internal numbers, key
//! identifiers and keyed digests. Who controls the file can destroy or roll back, not read. Losing it loses the keys of every image
//! that the vault does not hold.

use std::path::Path;

use model::{KeyId, ObjectId, StudyNumber};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use thiserror::Error;

/// Why the database did not do it.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// SQLite said no.
    #[error(
        "warden.db could not be used; see whether the disk is full or the file was damaged, and restore it from the vault"
    )]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a later version.
    #[error("warden.db has schema {found}, this program knows up to {known}; start the newer leadglass that wrote it")]
    Newer {
        /// Found.
        found: i64,
        /// Known.
        known: i64,
    },
    /// The epoch keys cannot be read or written.
    #[error(
        "the epoch keys in warden/epochs could not be used; check the rights and the space, or restore the folder from the vault"
    )]
    Epochs(#[source] std::io::Error),
    /// It is sealed to another root than the one in hand.
    #[error(
        "warden.db is sealed to another root than this root.json gives; put back the root.json that belongs to it, or, where that is the one, the database: the vault's newest generation has both"
    )]
    AnotherRoot,
    /// A column does not hold what it must.
    #[error("warden.db holds a damaged {what}; restore it from the vault")]
    Damaged {
        /// What.
        what: &'static str,
    },
}

/// Records with their keys.
pub type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// Which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The registry's patients and studies.
    Registry = 1,
    /// People, organisations, devices, enrolments, sessions.
    Identity = 2,
    /// Secrets of the warden: the front's TLS key.
    Secret = 3,
    /// Entries that a transaction announced and the ledger may not have yet.
    Pending = 4,
    /// Public keys of those who hold shares of cold studies.
    Holder = 5,
    /// What a proposal carries out and the ledger must not hold: a new `root.json`, by its SHA-256.
    Proposed = 6,
    /// Records of the registry, 256 at a time.
    RegistryBundle = 7,
    /// Messages about orders that were not taken: what they are.
    KeptOrder = 8,
    /// Their bytes.
    KeptMessage = 9,
    /// Hashes of what opens share links that did not end.
    Link = 10,
}

/// The study of keys that are not bound to one. No study has this number.
pub(crate) const UNBOUND: StudyNumber = StudyNumber(u32::MAX);

/// No key of a record that is looked up by its beginning is longer.
const KEY_BYTES_MAX: usize = 8;

/// Pages that a connection keeps, in KiB, negative as SQLite takes it. Digests of instances are written in no order, so every insert
/// touches other pages.
const CACHE_KIBIBYTES: i64 = -8192;

/// Each step brings the schema from its index to the next.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE record (space INTEGER NOT NULL, key BLOB NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (space, key)) WITHOUT ROWID;
    CREATE TABLE keyring (study INTEGER NOT NULL, key BLOB NOT NULL, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL,
        PRIMARY KEY (study, key)) WITHOUT ROWID;
    CREATE INDEX keyring_key ON keyring (key);
    CREATE TABLE instance (name BLOB NOT NULL, content BLOB NOT NULL, object BLOB NOT NULL, study INTEGER NOT NULL,
        PRIMARY KEY (name, content)) WITHOUT ROWID;
    CREATE INDEX instance_object ON instance (object);
    CREATE TABLE outbox (only INTEGER PRIMARY KEY CHECK (only = 0), sequence INTEGER NOT NULL, chain BLOB NOT NULL);
",
    "
    CREATE TABLE cold (study INTEGER NOT NULL, name BLOB NOT NULL, generation INTEGER NOT NULL, box BLOB NOT NULL,
        PRIMARY KEY (study, name));
    CREATE TABLE cold_lock (study INTEGER NOT NULL, name BLOB NOT NULL, epoch INTEGER NOT NULL, wrapped BLOB NOT NULL,
        PRIMARY KEY (study, name)) WITHOUT ROWID;
    CREATE TABLE retired (key BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;
",
    // records of space 7, without which a program that does not know them would find the registry's first ones missing
    "",
];

/// The schema of a database whose root took another's place: the same tables, and a record that earlier programs do not know.
pub(crate) const RENEWED: i64 = 4;

/// The open database.
pub struct Database {
    pub(crate) connection: Connection,
}

/// What is known of an instance's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never.
    New,
    /// With these bytes, in this study.
    Identical(StudyNumber),
    /// With other bytes.
    Different,
}

impl Database {
    /// Opens or makes the file and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // FULL: a commit is on disk before it returns, WAL included
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let known = RENEWED;
        if version > known {
            return Err(DatabaseError::Newer { found: version, known });
        }
        for (index, step) in MIGRATIONS.iter().enumerate().skip(version as usize) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", index as i64 + 1)?;
            transaction.commit()?;
        }
        // what earlier programs neither need nor mind: boxes of an earlier set are counted without reading any
        connection.execute_batch("CREATE INDEX IF NOT EXISTS cold_generation ON cold (generation, study)")?;
        Ok(Self { connection })
    }

    /// Begins a transaction; dropped without commit, it never happened.
    pub fn begin(&mut self) -> Result<Changes<'_>, DatabaseError> {
        Ok(Changes { transaction: self.connection.transaction_with_behavior(TransactionBehavior::Immediate)? })
    }

    /// Begins to read one state; nothing is written.
    pub(crate) fn begin_reading(&mut self) -> Result<Changes<'_>, DatabaseError> {
        Ok(Changes { transaction: self.connection.transaction_with_behavior(TransactionBehavior::Deferred)? })
    }

    /// Every record of a space, in the order of keys.
    pub fn records(&self, space: Space) -> Result<Records, DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key, sealed FROM record WHERE space = ? ORDER BY key")?;
        let rows = statement.query_map([space as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every record of a space, in the order of keys, one after the other.
    pub(crate) fn each_record(
        &self,
        space: Space,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key, sealed FROM record WHERE space = ? ORDER BY key")?;
        let mut rows = statement.query([space as i64])?;
        while let Some(row) = rows.next()? {
            each(blob(row, 0)?, blob(row, 1)?)?;
        }
        Ok(())
    }

    /// The wrapped keys of a study, with their epochs.
    pub fn keys_of(&self, study: StudyNumber) -> Result<Vec<(KeyId, i64, Vec<u8>)>, DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key, epoch, wrapped FROM keyring WHERE study = ? ORDER BY key")?;
        let rows = statement.query_map([study.0], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| row.map(|(key, epoch, wrapped)| (KeyId(key), epoch, wrapped)).map_err(Into::into)).collect()
    }

    /// The study that a key opens; `None` when the keyring does not have it, or it was bound to none.
    pub fn study_of_key(&self, key: KeyId) -> Result<Option<StudyNumber>, DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT study FROM keyring WHERE key = ? AND study != ? LIMIT 1")?;
        Ok(statement.query_row(params![key.0, UNBOUND.0], |row| row.get(0).map(StudyNumber)).optional()?)
    }

    /// The last outbox record taken and its chain value; the beginning when none was.
    pub fn outbox(&self) -> Result<(u64, [u8; 32]), DatabaseError> {
        let row = self
            .connection
            .query_row("SELECT sequence, chain FROM outbox", [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .optional()?;
        Ok(row.map_or((0, [0; 32]), |(sequence, chain)| (sequence as u64, chain)))
    }

    /// Writes a consistent copy of the database to `path`, while it is used.
    pub fn copy_to(&self, path: &Path) -> Result<(), DatabaseError> {
        let path = path.to_str().ok_or(DatabaseError::Damaged { what: "path of the copy (not Unicode)" })?;
        self.connection.execute("VACUUM INTO ?", [path])?;
        Ok(())
    }
}

/// Every record of a space whose key begins with these bytes, in the order of keys.
pub(crate) fn each_beginning(
    connection: &Connection,
    space: Space,
    start: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    let mut statement = connection
        .prepare_cached("SELECT key, sealed FROM record WHERE space = ? AND key BETWEEN ? AND ? ORDER BY key")?;
    let mut rows = statement.query(params![space as i64, start, last_beginning(start)])?;
    while let Some(row) = rows.next()? {
        each(blob(row, 0)?, blob(row, 1)?)?;
    }
    Ok(())
}

/// No key that begins with these bytes comes behind this.
fn last_beginning(start: &[u8]) -> Vec<u8> {
    [start, &[0xff; KEY_BYTES_MAX]].concat()
}

fn blob<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<&'r [u8], DatabaseError> {
    row.get_ref(column)?.as_blob().map_err(|_| DatabaseError::Damaged { what: "record" })
}

/// A transaction.
pub struct Changes<'a> {
    pub(crate) transaction: Transaction<'a>,
}

impl Changes<'_> {
    /// Writes or replaces a record.
    pub fn put(&self, space: Space, key: &[u8], sealed: &[u8]) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO record (space, key, sealed) VALUES (?, ?, ?)")?
            .execute(params![space as i64, key, sealed])?;
        Ok(())
    }

    /// Removes a record.
    pub fn remove(&self, space: Space, key: &[u8]) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("DELETE FROM record WHERE space = ? AND key = ?")?
            .execute(params![space as i64, key])?;
        Ok(())
    }

    /// Keeps a wrapped key whose study is not known yet. It is released with no study.
    pub fn put_unbound_key(&self, key: KeyId, epoch: i64, wrapped: &[u8]) -> Result<(), DatabaseError> {
        self.put_key(UNBOUND, key, epoch, wrapped)
    }

    /// Removes every record of a space whose key begins with these bytes.
    pub(crate) fn remove_beginning(&self, space: Space, start: &[u8]) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("DELETE FROM record WHERE space = ? AND key BETWEEN ? AND ?")?
            .execute(params![space as i64, start, last_beginning(start)])?;
        Ok(())
    }

    /// Adds a wrapped key of a study.
    pub fn put_key(&self, study: StudyNumber, key: KeyId, epoch: i64, wrapped: &[u8]) -> Result<(), DatabaseError> {
        if study != UNBOUND {
            self.transaction
                .prepare_cached("DELETE FROM keyring WHERE study = ? AND key = ?")?
                .execute(params![UNBOUND.0, key.0])?;
        }
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO keyring (study, key, epoch, wrapped) VALUES (?, ?, ?, ?)")?
            .execute(params![study.0, key.0, epoch, wrapped])?;
        Ok(())
    }

    /// What is known of an instance, by the keyed digests of its name and of its bytes.
    pub fn seen(&self, name: &[u8; 16], content: &[u8; 16]) -> Result<Seen, DatabaseError> {
        let mut statement = self.transaction.prepare_cached("SELECT content, study FROM instance WHERE name = ?")?;
        let versions = statement
            .query_map([name], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(match versions.iter().find(|(version, _)| version == content) {
            Some((_, study)) => Seen::Identical(StudyNumber(*study)),
            None if versions.is_empty() => Seen::New,
            None => Seen::Different,
        })
    }

    /// Remembers an instance.
    pub fn put_instance(
        &self,
        name: &[u8; 16],
        content: &[u8; 16],
        object: ObjectId,
        study: StudyNumber,
    ) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("INSERT OR IGNORE INTO instance (name, content, object, study) VALUES (?, ?, ?, ?)")?
            .execute(params![name, content, object.0, study.0])?;
        Ok(())
    }

    /// The study that an object was filed under; `None` when it was dropped or never came.
    pub fn filed(&self, object: ObjectId) -> Result<Option<StudyNumber>, DatabaseError> {
        let mut statement = self.transaction.prepare_cached("SELECT study FROM instance WHERE object = ?")?;
        Ok(statement.query_row([&object.0], |row| row.get(0).map(StudyNumber)).optional()?)
    }

    /// One wrapped key by its identifier, with the study that it is bound to and its epoch.
    pub fn key(&self, key: KeyId) -> Result<Option<(StudyNumber, i64, Vec<u8>)>, DatabaseError> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT study, epoch, wrapped FROM keyring WHERE key = ? ORDER BY study LIMIT 1")?;
        Ok(statement.query_row([&key.0], |row| Ok((StudyNumber(row.get(0)?), row.get(1)?, row.get(2)?))).optional()?)
    }

    /// Moves the position in the outbox.
    pub fn put_outbox(&self, sequence: u64, chain: &[u8; 32]) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO outbox (only, sequence, chain) VALUES (0, ?, ?)")?
            .execute(params![sequence as i64, chain])?;
        Ok(())
    }

    /// Makes it all durable at once.
    pub fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_there_and_what_was_dropped_never_was() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("warden.db");
        let mut database = Database::open(&path).expect("opens");
        let changes = database.begin().expect("begins");
        changes.put(Space::Registry, b"1", b"sealed").expect("puts");
        changes.put_key(StudyNumber(3), KeyId([4; 16]), 1, b"wrapped").expect("puts");
        changes.put_outbox(7, &[9; 32]).expect("puts");
        changes.commit().expect("commits");
        let changes = database.begin().expect("begins");
        changes.remove(Space::Registry, b"1").expect("removes");
        drop(changes);
        drop(database);
        let database = Database::open(&path).expect("opens again");
        assert_eq!(database.records(Space::Registry).expect("reads"), [(b"1".to_vec(), b"sealed".to_vec())]);
        assert_eq!(database.records(Space::Identity).expect("reads"), []);
        assert_eq!(database.keys_of(StudyNumber(3)).expect("reads"), [(KeyId([4; 16]), 1, b"wrapped".to_vec())]);
        assert_eq!(database.outbox().expect("reads"), (7, [9; 32]));
    }

    #[test]
    fn an_instance_is_new_then_identical_then_different() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut database = Database::open(&folder.path().join("warden.db")).expect("opens");
        let changes = database.begin().expect("begins");
        assert_eq!(changes.seen(&[1; 16], &[1; 16]).expect("reads"), Seen::New);
        changes.put_instance(&[1; 16], &[1; 16], ObjectId([1; 16]), StudyNumber(1)).expect("puts");
        assert_eq!(changes.seen(&[1; 16], &[1; 16]).expect("reads"), Seen::Identical(StudyNumber(1)));
        assert_eq!(changes.seen(&[1; 16], &[2; 16]).expect("reads"), Seen::Different);
        assert_eq!(changes.seen(&[2; 16], &[1; 16]).expect("reads"), Seen::New);
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("warden.db");
        drop(Database::open(&path).expect("opens"));
        Connection::open(&path).expect("opens").pragma_update(None, "user_version", 99).expect("updates");
        assert!(matches!(Database::open(&path), Err(DatabaseError::Newer { found: 99, .. })));
    }
}
