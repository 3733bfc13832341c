//! Filing a study under another patient, and making a patient known before the first image.

use model::{EntryBody, Instant, PatientNumber, Uid};
use protocol::{PageReply, Refusal};

use super::HELD;
use super::directory::field;
use crate::database::Space;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// Moves a misfiled study: an entry and an overlay; the stored bytes stay as they are.
    pub(super) async fn move_study(
        &self,
        caller: &Caller,
        uid: &Uid,
        patient: &str,
        reason: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters"));
        }
        let to = self.patient_named(patient)?;
        let mut database = self.database.lock().expect(HELD);
        let mut registry = self.registry.write().expect(HELD);
        let study = match registry.studies_by_uid(uid).as_slice() {
            [study] => *study,
            [] => return Err(Refusal::NotFound),
            _ => return Err(field("study", "a StudyInstanceUID that one patient has")),
        };
        let from = registry.patient_of(study).ok_or(Refusal::NotFound)?;
        if from == to {
            return Err(Refusal::Exists);
        }
        registry.move_study(study, to).map_err(|_| Refusal::NotFound)?;
        let entries = vec![(caller.actor.clone(), EntryBody::Moved { study, from, to, reason: reason.to_owned() })];
        let written = database.begin().and_then(|changes| {
            for record in registry.take_dirty() {
                self.secrets.put(&changes, Space::Registry, &record.key(), &record.to_bytes())?;
            }
            self.announce(&changes, &entries)?;
            changes.commit()
        });
        if let Err(error) = written {
            tracing::error!(%error, "a move could not be written");
            *registry = self.read_registry(&database).map_err(|_| Refusal::Internal)?;
            return Err(Refusal::Internal);
        }
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))?;
        let _ = now;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// A patient by identity, made when there is none.
    pub(super) fn ensure_patient(&self, issuer: &str, id: &str) -> Result<PatientNumber, Refusal> {
        if let Some(patient) = self.registry.read().expect(HELD).patient_by_identity(issuer, id) {
            return Ok(patient);
        }
        let mut database = self.database.lock().expect(HELD);
        let mut registry = self.registry.write().expect(HELD);
        let patient = registry.ensure_patient(issuer, id);
        let written = database.begin().and_then(|changes| {
            for record in registry.take_dirty() {
                self.secrets.put(&changes, Space::Registry, &record.key(), &record.to_bytes())?;
            }
            changes.commit()
        });
        if let Err(error) = written {
            tracing::error!(%error, "a patient could not be written");
            *registry = self.read_registry(&database).map_err(|_| Refusal::Internal)?;
            return Err(Refusal::Internal);
        }
        let body = EntryBody::PatientAdded { patient };
        self.ledger
            .append(vec![(model::Actor::Warden, body)], self.now())
            .map_err(|error| self.cannot_record(&error))?;
        Ok(patient)
    }
}
