//! Entries that a committed transaction announced: they stand in the database until the ledger has them.
//!
//! The order is always: transaction with announcement, entries, then the answer. When the ledger takes nothing (a full disk), the
//! transaction stands and its entries are *owed*. Until they are recorded nothing else is written, and nothing is released from a
//! registry that is ahead of the ledger: whoever comes next tries to settle first, and is refused when that fails.

use std::sync::RwLockReadGuard;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::AppendError;
use model::{Actor, EntryBody, EntryNumber, Relationship};
use protocol::Refusal;
use registry::Registry;

use crate::cold::KeyStep;
use crate::database::{Changes, Database, DatabaseError, Space};
use crate::state::{StartError, Warden};

/// Entries read at a time.
const READ_ENTRIES: usize = 1000;

/// The one announcement that can be open: transactions that announce hold the database from begin to append.
pub(crate) const PENDING: &[u8] = b"announced";

/// What has to be put right before anything else is done.
#[derive(Default)]
pub(crate) struct Owed {
    /// The ledger lacks announced entries.
    entries: AtomicBool,
    /// The registry in memory is not what the disk has.
    registry: AtomicBool,
}

impl Owed {
    fn something(&self) -> bool {
        self.entries.load(Ordering::Acquire) || self.registry.load(Ordering::Acquire)
    }
}

impl Warden {
    /// Writes down, within a transaction, the entries that will follow it.
    pub(crate) fn announce(&self, changes: &Changes<'_>, entries: &[(Actor, EntryBody)]) -> Result<(), DatabaseError> {
        self.secrets.put(changes, Space::Pending, PENDING, &self.announcement(entries))
    }

    /// What stands in the database for entries that are to come.
    pub(crate) fn announcement(&self, entries: &[(Actor, EntryBody)]) -> Vec<u8> {
        serde_json::to_vec(&(self.ledger.size(), entries)).expect("entries are JSON")
    }

    /// Appends what a committed transaction announced; the announcement goes with the next transaction. The caller holds the
    /// registry, if it changed it, so that nobody reads in between.
    pub(crate) fn append_announced(
        &self,
        database: &mut Database,
        entries: Vec<(Actor, EntryBody)>,
    ) -> Result<(), AppendError> {
        self.owed.entries.store(true, Ordering::Release);
        for part in entries.chunks(audit::APPEND_ENTRIES_MAX) {
            self.ledger.append(part.to_vec(), self.now())?;
        }
        // without it a crash leaves the announcement behind, and start-up sees that the ledger has the entries
        if self.steps.before(KeyStep::ForgetAnnounced).is_ok()
            && let Ok(changes) = database.begin()
            && changes.remove(Space::Pending, PENDING).is_ok()
            && let Err(error) = changes.commit()
        {
            tracing::warn!(%error, "an announcement stays behind; the next start drops it");
        }
        self.owed.entries.store(false, Ordering::Release);
        Ok(())
    }

    /// Appends announced entries that the ledger does not have: at a start, and after the ledger took nothing for a while.
    pub(crate) fn finish_announced(&self, database: &mut Database) -> Result<(), StartError> {
        for (_, plain) in self.secrets.records(database, Space::Pending)? {
            let (mut from, mut entries): (u64, Vec<(Actor, EntryBody)>) =
                serde_json::from_slice(&plain).map_err(|_| DatabaseError::Damaged { what: "announcement" })?;
            // other entries may have come between the announcement and the crash: drop from the front what is there
            loop {
                let read = self.ledger.read(EntryNumber(from), READ_ENTRIES)?;
                for (_, entry) in &read {
                    if entries.first().is_some_and(|(actor, body)| *actor == entry.actor && is_same(body, &entry.body))
                    {
                        entries.remove(0);
                    }
                }
                from += read.len() as u64;
                if read.is_empty() {
                    break;
                }
            }
            self.append_announced(database, entries)?;
        }
        self.owed.entries.store(false, Ordering::Release);
        Ok(())
    }

    /// Puts right what an earlier failure left, or refuses. Whoever writes calls it before anything else.
    pub(crate) fn settle(&self, database: &mut Database) -> Result<(), Refusal> {
        if !self.owed.something() {
            return Ok(());
        }
        if self.owed.registry.load(Ordering::Acquire) {
            self.rebuild(database, &mut self.registry.write().expect("no holder panics"))?;
        }
        self.finish_announced(database).map_err(|error| {
            tracing::error!(%error, "entries of what was taken in are still owed to the ledger, so nothing is released");
            self.not_behind().err().unwrap_or(Refusal::CannotRecord)
        })
    }

    /// Takes the registry from the disk, as a start does: what failed to become durable is not in memory either.
    pub(crate) fn rebuild(&self, database: &Database, registry: &mut Registry) -> Result<(), Refusal> {
        self.owed.registry.store(true, Ordering::Release);
        let read = self.read_registry(database).map_err(|error| {
            tracing::error!(%error, "the registry cannot be read back, so nothing is released");
            Refusal::CannotRecord
        })?;
        *registry = read;
        self.owed.registry.store(false, Ordering::Release);
        Ok(())
    }

    /// The registry for whoever reads: only what the ledger knows of is in it.
    pub(crate) fn readable_registry(&self) -> Result<RwLockReadGuard<'_, Registry>, Refusal> {
        self.not_behind()?;
        if self.owed.something() {
            self.settle(&mut self.database.lock().expect("no holder panics"))?;
        }
        let registry = self.registry.read().expect("no holder panics");
        // it failed just now: whoever was writing held the registry until it was noted
        if self.owed.something() { Err(Refusal::CannotRecord) } else { Ok(registry) }
    }
}

/// Whether an entry is the one that was announced. A relationship is given its number only when it is recorded.
fn is_same(announced: &EntryBody, recorded: &EntryBody) -> bool {
    match (announced, recorded) {
        (EntryBody::Related { relationship: announced }, EntryBody::Related { relationship: recorded }) => {
            Relationship { entry: recorded.entry, ..announced.clone() } == *recorded
        }
        _ => announced == recorded,
    }
}
