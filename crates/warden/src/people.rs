//! Changes to people: entries first, then records.
//!
//! A crash after the entries and before the records leaves an entry whose person, organisation or device is not there: it has to be
//! added again, and was never acknowledged. Never the other way round.

use std::sync::MutexGuard;

use audit::Appended;
use identity::{Changed, People};
use model::{Actor, EntryBody, Instant};
use protocol::Refusal;

use crate::database::{DatabaseError, Space};
use crate::state::Warden;

impl Warden {
    /// Makes a change durable, or takes it back.
    pub(crate) fn commit<T>(
        &self,
        people: MutexGuard<'_, People>,
        changed: Changed<T>,
        actor: &Actor,
        now: Instant,
    ) -> Result<T, Refusal> {
        self.commit_appended(people, changed.entries, actor, now).map(|_| changed.value)
    }

    /// The same, and says which entries it became.
    pub(crate) fn commit_appended(
        &self,
        mut people: MutexGuard<'_, People>,
        entries: Vec<EntryBody>,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        let mut appended = Appended::default();
        if !entries.is_empty() {
            let entries = entries.into_iter().map(|body| (actor.clone(), body)).collect();
            match self.ledger.append(entries, now) {
                Ok(recorded) => appended = recorded,
                Err(error) => {
                    people.revert();
                    return Err(self.cannot_record(&error));
                }
            }
        }
        let records = people.take_dirty();
        match self.write_people(&records) {
            Ok(()) => Ok(appended),
            Err(error) => {
                tracing::error!(%error, "a change to people is in the ledger and in memory, and could not be written");
                people.not_written(&records);
                Err(Refusal::Internal)
            }
        }
    }

    /// Writes what changed without an entry: when sessions were last used.
    pub(crate) fn flush_people(&self) {
        // held until they are written, or an older record could overwrite a newer one: a session that ended meanwhile would live again
        let mut people = self.people.lock().expect(crate::pages::HELD);
        let records = people.take_dirty();
        if !records.is_empty()
            && let Err(error) = self.write_people(&records)
        {
            tracing::warn!(%error, "the last use of sessions could not be written");
            people.not_written(&records);
        }
    }

    fn write_people(&self, records: &[identity::IdentityRecord]) -> Result<(), DatabaseError> {
        let mut database = self.database.lock().expect(crate::pages::HELD);
        let changes = database.begin()?;
        for record in records {
            let key = record.key();
            if record.is_tombstone() {
                changes.remove(Space::Identity, key.as_bytes())?;
            } else {
                self.secrets.put(&changes, Space::Identity, key.as_bytes(), &record.to_bytes())?;
            }
        }
        changes.commit()
    }
}
