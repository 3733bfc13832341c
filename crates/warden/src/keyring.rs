//! Wrapped keys in warden.db: what is hot, what is cold, and the locks of what is cold.

use model::{KeyId, StudyNumber};
use protocol::BoxPlace;
use rusqlite::params;

use crate::database::{Changes, Database, DatabaseError, UNBOUND};

/// A wrapped key with its place, and the epoch that it is wrapped under.
pub(crate) struct Wrapped {
    pub(crate) study: StudyNumber,
    pub(crate) key: KeyId,
    pub(crate) epoch: i64,
    pub(crate) wrapped: Vec<u8>,
}

/// What of the keyring is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// Batch keys that open something.
    Hot,
    /// Locks of cold studies.
    Locks,
}

impl Shelf {
    pub(crate) const ALL: [Self; 2] = [Self::Hot, Self::Locks];

    fn page(self) -> &'static str {
        match self {
            Self::Hot => {
                "SELECT study, key, epoch, wrapped FROM keyring WHERE (study, key) > (?, ?) ORDER BY study, key LIMIT ?"
            }
            Self::Locks => {
                "SELECT study, name, epoch, wrapped FROM cold_lock WHERE (study, name) > (?, ?) ORDER BY study, name LIMIT ?"
            }
        }
    }

    fn replace(self) -> &'static str {
        match self {
            Self::Hot => "UPDATE keyring SET epoch = ?, wrapped = ? WHERE study = ? AND key = ?",
            Self::Locks => "UPDATE cold_lock SET epoch = ?, wrapped = ? WHERE study = ? AND name = ?",
        }
    }
}

/// One box of a cold study with its lock.
pub(crate) struct ColdRow {
    pub(crate) study: StudyNumber,
    pub(crate) name: KeyId,
    pub(crate) generation: u32,
    pub(crate) sealed: Vec<u8>,
    pub(crate) lock: Option<(i64, Vec<u8>)>,
}

impl Database {
    /// The boxes of a study with their locks.
    pub(crate) fn cold_of(&self, study: StudyNumber) -> Result<Vec<ColdRow>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT cold.name, cold.generation, cold.box, cold_lock.epoch, cold_lock.wrapped
             FROM cold LEFT JOIN cold_lock ON cold_lock.study = cold.study AND cold_lock.name = cold.name
             WHERE cold.study = ? ORDER BY cold.name",
        )?;
        let rows = statement.query_map([study.0], |row| {
            let lock = row.get::<_, Option<i64>>(3)?.zip(row.get(4)?);
            Ok(ColdRow { study, name: KeyId(row.get(0)?), generation: row.get(1)?, sealed: row.get(2)?, lock })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many studies have a box that is closed to another set of holders: an earlier one, or one that the ledger lost.
    pub(crate) fn studies_of_others(&self, generation: u32) -> Result<u64, DatabaseError> {
        // each half goes through the index, and nothing else
        let count = "SELECT count(*) FROM (SELECT study FROM cold WHERE generation < ?1
                     UNION SELECT study FROM cold WHERE generation > ?1)";
        let studies: i64 = self.connection.prepare_cached(count)?.query_row([generation], |row| row.get(0))?;
        Ok(studies.unsigned_abs())
    }

    /// The next boxes behind a place that are closed to another set of holders than `generation`, in the order of places.
    pub(crate) fn cold_of_others(
        &self,
        generation: u32,
        after: Option<BoxPlace>,
        limit: usize,
    ) -> Result<Vec<ColdRow>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT study, name, generation, box FROM cold WHERE (study, name) > (?, ?) AND generation <> ?
             ORDER BY study, name LIMIT ?",
        )?;
        let (study, name) = after.map_or((-1, [0; 16]), |place| (i64::from(place.study.0), place.name.0));
        let rows = statement.query_map(params![study, name, generation, limit as i64], |row| {
            Ok(ColdRow {
                study: StudyNumber(row.get(0)?),
                name: KeyId(row.get(1)?),
                generation: row.get(2)?,
                sealed: row.get(3)?,
                lock: None,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The studies that have hot keys under an epoch of the site, ascending.
    pub(crate) fn hot_studies(&self) -> Result<Vec<StudyNumber>, DatabaseError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT study FROM keyring WHERE epoch > 0 AND study < ? ORDER BY study")?;
        let rows = statement.query_map([UNBOUND.0], |row| row.get(0).map(StudyNumber))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether anything is wrapped under an epoch.
    pub(crate) fn uses_epoch(&self, epoch: i64) -> Result<bool, DatabaseError> {
        let uses = "SELECT EXISTS (SELECT 1 FROM keyring WHERE epoch = ?1) OR EXISTS (SELECT 1 FROM cold_lock WHERE epoch = ?1)";
        Ok(self.connection.query_row(uses, [epoch], |row| row.get(0))?)
    }

    /// Empties the write-ahead log: what was deleted is overwritten in the database (`secure_delete`) and stands nowhere else.
    pub(crate) fn forget_what_was_deleted(&self) -> Result<(), DatabaseError> {
        // it answers whether somebody was in the way, the frames in the log and how many of them are in the database
        let busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            tracing::warn!(
                "the log of warden.db could not be emptied; what was deleted stays in it until the next time"
            );
        }
        Ok(())
    }
}

impl Changes<'_> {
    /// The next keys of a shelf behind a place, in the order of places.
    pub(crate) fn page(
        &self,
        shelf: Shelf,
        after: Option<(StudyNumber, KeyId)>,
        limit: usize,
    ) -> Result<Vec<Wrapped>, DatabaseError> {
        let mut statement = self.transaction.prepare_cached(shelf.page())?;
        let (study, key) = after.map_or((-1, [0; 16]), |(study, key)| (i64::from(study.0), key.0));
        let rows = statement.query_map(params![study, key, limit as i64], |row| {
            Ok(Wrapped {
                study: StudyNumber(row.get(0)?),
                key: KeyId(row.get(1)?),
                epoch: row.get(2)?,
                wrapped: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Puts another wrap of the same key in its place.
    pub(crate) fn replace(&self, shelf: Shelf, row: &Wrapped) -> Result<(), DatabaseError> {
        self.transaction.prepare_cached(shelf.replace())?.execute(params![
            row.epoch,
            row.wrapped,
            row.study.0,
            row.key.0
        ])?;
        Ok(())
    }

    /// The hot keys of a study.
    pub(crate) fn hot_keys(&self, study: StudyNumber) -> Result<Vec<Wrapped>, DatabaseError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT key, epoch, wrapped FROM keyring WHERE study = ? ORDER BY key")?;
        let rows = statement.query_map([study.0], |row| {
            Ok(Wrapped { study, key: KeyId(row.get(0)?), epoch: row.get(1)?, wrapped: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes the hot keys of a study that are wrapped under an epoch of the site.
    pub(crate) fn remove_hot(&self, study: StudyNumber) -> Result<(), DatabaseError> {
        self.transaction.prepare_cached("DELETE FROM keyring WHERE study = ? AND epoch > 0")?.execute([study.0])?;
        Ok(())
    }

    /// Removes what was wrapped under an epoch, of one study.
    pub(crate) fn remove_of_epoch(&self, study: StudyNumber, epoch: i64) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("DELETE FROM keyring WHERE study = ? AND epoch = ?")?
            .execute(params![study.0, epoch])?;
        Ok(())
    }

    /// Adds a box and its lock.
    pub(crate) fn put_cold(&self, row: &ColdRow) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("INSERT INTO cold (study, name, generation, box) VALUES (?, ?, ?, ?)")?
            .execute(params![row.study.0, row.name.0, row.generation, row.sealed])?;
        if let Some((epoch, wrapped)) = &row.lock {
            self.transaction
                .prepare_cached("INSERT INTO cold_lock (study, name, epoch, wrapped) VALUES (?, ?, ?, ?)")?
                .execute(params![row.study.0, row.name.0, epoch, wrapped])?;
        }
        Ok(())
    }

    /// Removes a box and its lock; says whether it was there.
    pub(crate) fn remove_cold(&self, study: StudyNumber, name: KeyId) -> Result<bool, DatabaseError> {
        let mut found = 0;
        for table in ["cold_lock", "cold"] {
            let remove = format!("DELETE FROM {table} WHERE study = ? AND name = ?");
            found = self.transaction.prepare_cached(&remove)?.execute(params![study.0, name.0])?;
        }
        Ok(found == 1)
    }

    /// Whether a study has a box that is closed to another set of holders.
    pub(crate) fn is_boxed_to_others(&self, study: StudyNumber, generation: u32) -> Result<bool, DatabaseError> {
        let is = "SELECT EXISTS (SELECT 1 FROM cold WHERE study = ? AND generation <> ?)";
        Ok(self.transaction.prepare_cached(is)?.query_row(params![study.0, generation], |row| row.get(0))?)
    }

    /// Removes every key of a study, hot and cold, and what was known of its instances; says how many keys there were.
    pub(crate) fn remove_study(&self, study: StudyNumber) -> Result<u32, DatabaseError> {
        let retire = "INSERT OR IGNORE INTO retired (key) SELECT key FROM keyring WHERE study = ?";
        self.transaction.execute(retire, [study.0])?;
        let mut keys = 0;
        for table in ["keyring", "cold_lock", "cold"] {
            keys += self.transaction.execute(&format!("DELETE FROM {table} WHERE study = ?"), [study.0])?;
        }
        self.transaction.execute("DELETE FROM instance WHERE study = ?", [study.0])?;
        Ok(u32::try_from(keys).unwrap_or(u32::MAX))
    }

    /// Whether a study has a box: it is cold and not shredded.
    pub(crate) fn is_boxed(&self, study: StudyNumber) -> Result<bool, DatabaseError> {
        let is = "SELECT EXISTS (SELECT 1 FROM cold WHERE study = ?)";
        Ok(self.transaction.prepare_cached(is)?.query_row([study.0], |row| row.get(0))?)
    }

    /// Notes that a key went cold or was destroyed: a wrap of it that somebody kept is not taken in again.
    pub(crate) fn retire(&self, key: KeyId) -> Result<(), DatabaseError> {
        self.transaction.prepare_cached("INSERT OR IGNORE INTO retired (key) VALUES (?)")?.execute([key.0])?;
        Ok(())
    }

    /// Whether a key went cold or was destroyed.
    pub(crate) fn is_retired(&self, key: KeyId) -> Result<bool, DatabaseError> {
        let is = "SELECT EXISTS (SELECT 1 FROM retired WHERE key = ?)";
        Ok(self.transaction.prepare_cached(is)?.query_row([key.0], |row| row.get(0))?)
    }
}
