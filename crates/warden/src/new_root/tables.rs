//! What only a new root asks of the database: whole tables.

use rusqlite::params;

use crate::database::{Changes, Database, DatabaseError, Space};

/// An instance as the database knows it.
pub(super) struct Instance {
    pub(super) name: [u8; 16],
    pub(super) content: [u8; 16],
    object: [u8; 16],
    study: i64,
}

/// Rows of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    hot: u64,
    locks: u64,
    boxes: u64,
    retired: u64,
    pub(super) instances: u64,
}

impl Counts {
    /// Keys that are wrapped under an epoch.
    pub(super) fn keys(self) -> u64 {
        self.hot + self.locks
    }
}

impl Database {
    /// Every instance, one after the other.
    pub(super) fn each_instance(
        &self,
        mut each: impl FnMut(Instance) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let mut statement = self.connection.prepare("SELECT name, content, object, study FROM instance")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(Instance { name: row.get(0)?, content: row.get(1)?, object: row.get(2)?, study: row.get(3)? })?;
        }
        Ok(())
    }

    /// How many rows the tables have that a new root keeps row by row.
    pub(super) fn counts(&self) -> Result<Counts, DatabaseError> {
        let count = |table: &str| {
            self.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get::<_, i64>(0).map(i64::unsigned_abs)
            })
        };
        Ok(Counts {
            hot: count("keyring")?,
            locks: count("cold_lock")?,
            boxes: count("cold")?,
            retired: count("retired")?,
            instances: count("instance")?,
        })
    }
}

impl Changes<'_> {
    /// Removes every record of a space.
    pub(super) fn remove_all(&self, space: Space) -> Result<(), DatabaseError> {
        self.transaction.execute("DELETE FROM record WHERE space = ?", [space as i64])?;
        Ok(())
    }

    /// Removes what is known of instances.
    pub(super) fn remove_instances(&self) -> Result<(), DatabaseError> {
        self.transaction.execute("DELETE FROM instance", [])?;
        Ok(())
    }

    /// Remembers an instance as another database knew it.
    pub(super) fn put_instance_again(&self, instance: &Instance) -> Result<(), DatabaseError> {
        self.transaction
            .prepare_cached("INSERT INTO instance (name, content, object, study) VALUES (?, ?, ?, ?)")?
            .execute(params![instance.name, instance.content, instance.object, instance.study])?;
        Ok(())
    }

    /// Says which schema the database has.
    pub(super) fn set_schema(&self, version: i64) -> Result<(), DatabaseError> {
        self.transaction.pragma_update(None, "user_version", version)?;
        Ok(())
    }
}
