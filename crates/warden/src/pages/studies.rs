//! Filing a study under another patient, and making a patient known before the first image.

use model::{Actor, EntryBody, Instant, PatientNumber, StudyNumber, Uid, What};
use policy::{Service, Target};
use protocol::{PageReply, Refusal};
use registry::Registry;

use super::HELD;
use super::directory::field;
use crate::database::Database;
use crate::state::Warden;
use crate::subject::Caller;

/// The most studies that one person files elsewhere in a day. Whoever has more to put right takes several days, or the command line.
const MOVES_PER_DAY_MAX: usize = 50;
const DAY_SECONDS: i64 = 86_400;

impl Warden {
    /// Moves a misfiled study: an entry and an overlay; the stored bytes stay as they are.
    pub(super) async fn move_study(
        &self,
        caller: &Caller,
        uid: &Uid,
        patient: &str,
        reason: &str,
    ) -> Result<PageReply, Refusal> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters"));
        }
        let day_ago = self.now().plus_seconds(-DAY_SECONDS);
        let moved = self.relations.read().expect(HELD).moves().since(&caller.actor, day_ago);
        if moved >= MOVES_PER_DAY_MAX {
            return Err(Refusal::Throttled { seconds: 3_600 });
        }
        let to = self.patient_named(patient)?;
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
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
        self.write_with_entries(&mut database, &mut registry, entries)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// The UID behind a number: for whoever may list the study now, and for whoever may move studies.
    pub(super) async fn study_uid(
        &self,
        caller: &Caller,
        study: StudyNumber,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let row = self.readable_registry()?.study(study);
        let patient = row.as_ref().map_or(PatientNumber(u32::MAX), |row| row.patient.number);
        let reach = self.reachable(caller, now).ground(patient, study).map(crate::list::reach_of);
        let moving = policy::decide(&caller.subject, Service::MoveStudy, Target::Nothing, now);
        let target = Target::Study { patient, study, reach };
        let allowed = moving.or_else(|_| policy::decide(&caller.subject, Service::OpenListing, target, now));
        match (allowed, row) {
            (Ok(_), Some(row)) => Ok(PageReply::StudyUid(row.uid)),
            (Ok(_), None) => Err(Refusal::NotFound),
            (Err(denied), row) => Err(self.refuse(caller, "study", row.map(|_| What::Study(study)), denied, now).await),
        }
    }

    /// A patient by identity, made when there is none.
    pub(super) fn ensure_patient(&self, issuer: &str, id: &str) -> Result<PatientNumber, Refusal> {
        if let Some(patient) = self.registry.read().expect(HELD).patient_by_identity(issuer, id) {
            return Ok(patient);
        }
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut registry = self.registry.write().expect(HELD);
        // somebody else may have made it between the look and the lock
        if let Some(patient) = registry.patient_by_identity(issuer, id) {
            return Ok(patient);
        }
        let patient = registry.ensure_patient(issuer, id);
        let entries = vec![(Actor::Warden, EntryBody::PatientAdded { patient })];
        self.write_with_entries(&mut database, &mut registry, entries)?;
        Ok(patient)
    }

    /// Writes what changed in the registry, then the entries about it.
    pub(crate) fn write_with_entries(
        &self,
        database: &mut Database,
        registry: &mut Registry,
        entries: Vec<(Actor, EntryBody)>,
    ) -> Result<(), Refusal> {
        let written = database.begin().and_then(|changes| {
            self.put_registry(&changes, registry)?;
            self.announce(&changes, &entries)?;
            changes.commit()
        });
        if let Err(error) = written {
            tracing::error!(%error, "a change to the registry could not be written");
            self.rebuild(database, registry)?;
            return Err(Refusal::Internal);
        }
        self.append_announced(database, entries).map_err(|error| self.cannot_record(&error))
    }
}
