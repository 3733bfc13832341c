//! For the owner of the machine: state and snapshot.

use std::path::Path;

use protocol::{Health, PageReply, Refusal};

use super::HELD;
use crate::state::Warden;

impl Warden {
    pub(super) fn health(&self) -> Result<PageReply, Refusal> {
        let (outbox_sequence, _) = self.database.lock().expect(HELD).outbox().map_err(|_| Refusal::Internal)?;
        let registry = self.registry.read().expect(HELD);
        Ok(PageReply::Health(Health {
            entries: self.ledger.size(),
            patients: u64::from(registry.patients()),
            studies: u64::from(registry.studies()),
            outbox_sequence,
            duplicates: self.relations.read().expect(HELD).duplicates(),
        }))
    }

    /// Copies what the warden keeps, as one moment saw it, into an empty folder: `root.json` and `warden.db`.
    /// The ledger is copied after it by the caller; it may be ahead of the database, never behind.
    pub(super) fn snapshot(&self, into: &Path) -> Result<PageReply, Refusal> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "the snapshot could not be written");
            Refusal::Internal
        };
        self.flush_people();
        std::fs::create_dir_all(into).map_err(failed)?;
        std::fs::copy(self.dir.join("warden/root.json"), into.join("root.json")).map_err(failed)?;
        self.database.lock().expect(HELD).copy_to(&into.join("warden.db")).map_err(|error| {
            tracing::error!(%error, "the snapshot could not be written");
            Refusal::Internal
        })?;
        Ok(PageReply::Done)
    }
}
