//! Shredding: the keys of a study go, what stays is wrapped again, and with the old epoch key every older copy of them goes.
//!
//! Durable steps, and what a restart finds after each:
//! 1. one transaction for each study: keys, boxes, locks and digests out, the registry's record emptied, the entry announced. A crash before
//!    it: nothing happened. After it: the start appends the entry.
//! 2. the entry. From now on the ledger says that a rotation is owed.
//! 3. the rotation (`rotate.rs`). Until it is done the old epoch key opens copies in free pages and in the log; every start does it.
//!
//! A database that is older than the ledger (restored) has the keys again: the start shreds them again, because the ledger says so.

use audit::Appended;
use model::{Actor, Change, EntryBody, EntryNumber, Instant, PatientNumber, StudyNumber};
use protocol::{ColdReply, PageReply, PatientAttributes, Refusal, Rotated, ShredCertificate};

use crate::approvals::Asked;
use crate::cold::{KeyStep, failed};
use crate::pages::{HELD, field};
use crate::state::{StartError, Warden};
use crate::subject::Caller;

/// The longest reason, in characters.
const REASON_CHARACTERS_MAX: usize = 200;
/// How many further syncs a vault keeps a copy of the keyring for (`replica::GENERATIONS_KEPT`).
pub const VAULT_WINDOW_SNAPSHOTS: usize = 8;
/// Entries read at a time.
const READ_ENTRIES: usize = 1_000;

impl Warden {
    /// Asks for the keys of a study, or of every study of a patient, to be destroyed: two persons and a delay stand in front of it.
    pub(crate) fn shred(&self, caller: &Caller, whom: &str, reason: &str, now: Instant) -> Result<PageReply, Refusal> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters"));
        }
        let (patient, studies) = self.named_studies(whom)?;
        let from = self.ledger.size();
        let change = Change::Shred {
            patient,
            studies: studies.iter().map(|study| study.0).collect(),
            whole_patient: whom.starts_with("patient:"),
            reason: reason.to_owned(),
        };
        if let Asked::Waits(row) = self.ask_for(caller, change, now)? {
            return Ok(PageReply::Proposed(row));
        }
        let shreddings = self.shreddings(EntryNumber(from))?;
        let certificates = shreddings.into_iter().map(|entry| self.certificate(entry)).collect::<Result<_, _>>()?;
        Ok(PageReply::Cold(ColdReply::Certificates(certificates)))
    }

    /// Destroys keys. `carried_out` is the entry that closes the proposal.
    pub(crate) fn shred_as(
        &self,
        actor: &Actor,
        patient: PatientNumber,
        studies: &[StudyNumber],
        whole_patient: bool,
        reason: &str,
        carried_out: EntryBody,
    ) -> Result<Appended, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        studies.iter().try_for_each(|study| self.end_warming_of(*study))?;
        self.remove_keys(actor, patient, studies, whole_patient, reason, carried_out)?;
        // one that began in between
        studies.iter().try_for_each(|study| self.end_warming_of(*study))?;
        self.leases.lock().expect(HELD).end_all();
        tracing::warn!(studies = studies.len(), "keys were removed");
        // the keys are gone and the ledger says so: what is left is owed, and the next sweep does it if this fails
        if self.rotate_keys().is_err() {
            tracing::error!("an old epoch key could not be destroyed yet; the next sweep tries again");
        }
        Ok(Appended::default())
    }

    /// What is known of a destruction.
    pub(crate) fn certificate(&self, entry: EntryNumber) -> Result<ShredCertificate, Refusal> {
        let mut read = self.ledger.read(entry, 1).map_err(failed)?;
        let Some((_, shredded)) = read.pop() else { return Err(Refusal::NotFound) };
        let EntryBody::Shredded { study, keys, .. } = shredded.body else {
            return Err(field("entry", "one that says that keys were removed"));
        };
        let destroyed = self.first_rotation_after(entry)?;
        let cold = self.cold.read().expect(HELD);
        let since: Vec<Instant> = match destroyed {
            Some(destroyed) => cold.snapshots.iter().copied().filter(|at| destroyed <= *at).collect(),
            None => Vec::new(),
        };
        Ok(ShredCertificate {
            entry,
            study,
            keys,
            removed: shredded.recorded,
            destroyed,
            snapshots_since: since.len() as u64,
            out_of_vaults: since.get(VAULT_WINDOW_SNAPSHOTS - 1).copied(),
        })
    }

    /// At a start: what the ledger says is shredded is shredded, also in a database from before; and a rotation that is owed is done.
    pub(crate) fn finish_shredding(&self) -> Result<(), StartError> {
        let shredded: Vec<StudyNumber> = self.cold.read().expect(HELD).shredded.iter().copied().collect();
        let mut again = false;
        {
            let mut database = self.database.lock().expect(HELD);
            let changes = database.begin()?;
            for study in shredded {
                again |= changes.remove_study(study)? > 0;
            }
            changes.commit()?;
            if again {
                tracing::warn!(
                    "keys that the ledger says are destroyed came back with an older database, and are destroyed again"
                );
            }
        }
        self.destroy_left_over_epochs()?;
        if again || self.cold.read().expect(HELD).rotation_owed {
            let _work = self.key_work.lock().expect(HELD);
            if self.rotate_keys().is_err() {
                tracing::error!("an old epoch key could not be destroyed yet; the next sweep tries again");
            }
        }
        Ok(())
    }

    /// Takes keys and what the registry says away, in one transaction.
    fn remove_keys(
        &self,
        actor: &Actor,
        patient: PatientNumber,
        studies: &[StudyNumber],
        whole_patient: bool,
        reason: &str,
        carried_out: EntryBody,
    ) -> Result<(), Refusal> {
        self.steps.before(KeyStep::Shred)?;
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut registry = self.registry.write().expect(HELD);
        let changes = database.begin().map_err(failed)?;
        let mut emptied = Vec::new();
        let mut entries = Vec::new();
        for study in studies {
            let keys = changes.remove_study(*study).map_err(failed)?;
            emptied.push(registry::Record::Study(registry.emptied(*study).ok_or(Refusal::NotFound)?));
            let body = EntryBody::Shredded { patient, study: *study, keys, reason: reason.to_owned() };
            entries.push((actor.clone(), body));
        }
        entries.push((actor.clone(), carried_out));
        if whole_patient {
            let nobody = registry::PatientRecord { number: patient, attributes: PatientAttributes::default() };
            emptied.push(registry::Record::Patient(nobody));
        }
        self.overwrite_registry_records(&changes, emptied).map_err(failed)?;
        self.announce(&changes, &entries).map_err(failed)?;
        changes.commit().map_err(failed)?;
        self.recent_keys.lock().expect(HELD).clear();
        self.rebuild(&database, &mut registry)?;
        self.steps.before(KeyStep::RecordShred)?;
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))
    }

    /// A warming that a study is part of ends as a whole: the others of its patient can be asked for again.
    fn end_warming_of(&self, study: StudyNumber) -> Result<(), Refusal> {
        let warming = {
            let cold = self.cold.read().expect(HELD);
            let warming = cold.warmings.iter().find(|(_, warming)| warming.studies.contains(study.0));
            warming.map(|(request, warming)| (*request, warming.studies.clone()))
        };
        warming.map_or(Ok(()), |(request, studies)| self.end_warming(request, studies))
    }

    fn shreddings(&self, from: EntryNumber) -> Result<Vec<EntryNumber>, Refusal> {
        let mut found = Vec::new();
        self.each_entry(from, |number, body| {
            if matches!(body, EntryBody::Shredded { .. }) {
                found.push(number);
            }
            true
        })?;
        Ok(found)
    }

    /// What the last rotation since an entry did.
    pub(crate) fn rotated_since(&self, from: EntryNumber) -> Result<Rotated, Refusal> {
        let mut rotated = None;
        self.each_entry(from, |_, body| {
            if let EntryBody::KeysRotated { epoch, destroyed, keys } = body {
                rotated = Some(Rotated { epoch: *epoch, destroyed: destroyed.clone(), keys: *keys });
            }
            true
        })?;
        rotated.ok_or(Refusal::Internal)
    }

    fn first_rotation_after(&self, entry: EntryNumber) -> Result<Option<Instant>, Refusal> {
        let mut rotated = None;
        let mut at = entry.0;
        while rotated.is_none() {
            let read = self.ledger.read(EntryNumber(at), READ_ENTRIES).map_err(failed)?;
            if read.is_empty() {
                break;
            }
            at += read.len() as u64;
            let rotation = read.iter().find(|(_, entry)| matches!(entry.body, EntryBody::KeysRotated { .. }));
            rotated = rotation.map(|(_, entry)| entry.recorded);
        }
        Ok(rotated)
    }

    fn each_entry(
        &self,
        from: EntryNumber,
        mut each: impl FnMut(EntryNumber, &EntryBody) -> bool,
    ) -> Result<(), Refusal> {
        let mut at = from.0;
        loop {
            let read = self.ledger.read(EntryNumber(at), READ_ENTRIES).map_err(failed)?;
            if read.is_empty() {
                return Ok(());
            }
            at += read.len() as u64;
            for (number, entry) in &read {
                if !each(*number, &entry.body) {
                    return Ok(());
                }
            }
        }
    }
}
