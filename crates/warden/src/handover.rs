//! Taking in what the front took in: check the chain, open the notes, file, record, acknowledge.
//!
//! The order of durable steps, and what a restart finds after each:
//! 1. one transaction: keyring, registry records, instance digests, the outbox position, and the entries to come (`Pending`).
//!    A crash before it: the front sends the records again. After it: the front sends them again and is told that they are taken,
//!    and start-up appends the pending entries that the ledger does not have (the same function as here).
//! 2. the ledger entries. A crash after them: start-up finds them in the ledger and drops the pending copy.
//! 3. the answer; only then may the front erase its wraps.
//!
//! Readers wait while this runs, so nothing is listed before its entry is durable.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{Actor, EntryBody, Instant, KeyId, PatientNumber, StudyNumber};
use protocol::{
    HandoverBody, HandoverObject, HandoverRecord, HandoverReply, Invalid, ObjectVerdict, Refusal, StoredNote, Verdict,
};
use registry::FiledAs;
use seal::{BatchKeys, ObjectContext, ObjectKind};

use crate::database::{Changes, DatabaseError, Seen, UNBOUND};
use crate::secrets::SealedTo;
use crate::state::Warden;
use crate::subject::recordable;

/// The most unwrapped batch keys kept in memory for records to come: unwrapping is slow, and an association sends many records.
const KEYS_KEPT_MAX: usize = 4096;

/// Batch keys unwrapped lately.
#[derive(Default)]
pub(crate) struct RecentKeys(HashMap<KeyId, Recent>);

struct Recent {
    keys: BatchKeys,
    /// The study that the keys were first used for, as a keyed digest of its identity.
    study: Option<[u8; 16]>,
}

/// What one call stored, per study and sender.
#[derive(Default)]
struct Stored {
    instances: u32,
    duplicates: u32,
    conflicts: u32,
}

type Tally = BTreeMap<(StudyNumber, u64), (PatientNumber, Actor, Instant, Stored)>;

impl Warden {
    /// Takes records in their order. Blocking: callers put it on a blocking thread.
    pub(crate) fn take_over(&self, records: &[HandoverRecord]) -> Result<HandoverReply, Refusal> {
        // the outbox keeps what comes in until the ledger is the right one
        self.not_behind()?;
        let mut database = self.database.lock().expect("no holder panics");
        self.settle(&mut database)?;
        let (mut sequence, mut chain) = database.outbox().map_err(internal)?;
        let mut reply = HandoverReply { acknowledged: sequence, verdicts: Vec::new() };
        // records that were taken already, because an answer was lost: said again, not done again
        let fresh = records.iter().skip_while(|record| record.sequence <= sequence).collect::<Vec<_>>();
        let repeated = records.len() - fresh.len();
        let mut registry = self.registry.write().expect("no holder panics");
        let mut recent = self.recent_keys.lock().expect("no holder panics");
        if repeated > 0 {
            let changes = database.begin().map_err(internal)?;
            for record in &records[..repeated] {
                self.repeat_verdicts(record, &mut recent, &changes, &mut reply.verdicts)?;
            }
        }
        if fresh.is_empty() {
            return Ok(reply);
        }

        let mut tally = Tally::new();
        let mut entries: Vec<(Actor, EntryBody)> = Vec::new();
        let mut bound: HashSet<KeyId> = HashSet::new();
        let mut filed_keys: BTreeMap<StudyNumber, Vec<KeyId>> = BTreeMap::new();
        let mut verdicts = Vec::new();
        let outcome: Result<(), Refusal> = (|| {
            let changes = database.begin().map_err(internal)?;
            let mut sealed_to = SealedTo::Before;
            for record in fresh {
                let expected = HandoverRecord::chain_after(&chain, record.sequence, &record.body);
                if record.sequence != sequence + 1 || record.chain != expected {
                    return Err(Refusal::Invalid(Invalid::Chain { sequence: record.sequence, expected: sequence }));
                }
                (sequence, chain) = (record.sequence, record.chain);
                let Ok(body) = postcard::from_bytes::<HandoverBody>(&record.body) else {
                    // the chain holds, so this is what the front wrote; it is kept and passed over, loudly
                    tracing::error!(
                        sequence,
                        "an outbox record cannot be read; its images stay in the volumes, unlisted"
                    );
                    continue;
                };
                let (taken, newest) = recent.take(self, &changes, &body);
                sealed_to = if newest == SealedTo::Now { newest } else { sealed_to };
                for keys in taken {
                    // kept from their first sight on: the front erases its wrap once this record is acknowledged, also
                    // when everything in it is there already and later records under the same keys bring something new
                    let (epoch, wrapped) = self.secrets.wrap(&keys).map_err(internal)?;
                    changes.put_unbound_key(keys.key, epoch, &wrapped).map_err(internal)?;
                }
                for object in &body.objects {
                    let verdict = match self.open_note(&mut recent, &changes, object) {
                        Some((keys, note)) => {
                            let digests = self.secrets.digests(&note);
                            let seen = changes.seen(&digests.name, &digests.content).map_err(internal)?;
                            if let Seen::Identical(study) = seen {
                                let damaged = || internal(DatabaseError::Damaged { what: "instance" });
                                let patient = registry.patient_of(study).ok_or_else(damaged)?;
                                tallied(&mut tally, study, patient, object, body.taken_in).duplicates += 1;
                                Verdict::Duplicate
                            } else if !recent
                                .bind(&changes, object.key, digests.study, || registry.study_of_note(&note))
                            {
                                // a key opens one study; used for two, it would release both with one entry
                                tracing::error!(key = %object.key, "a batch key seals two studies; the second is not filed");
                                Verdict::Unreadable
                            } else {
                                let conflict = seen == Seen::Different;
                                let filed_as = if conflict { FiledAs::Conflict } else { FiledAs::Accepted };
                                let mut filed = registry.file(&note, filed_as);
                                let study = filed.study;
                                // of a record that was merged with another one: what is new goes where the rest went
                                let stays = self.orders.read().expect("no holder panics").stays(filed.patient);
                                if filed.new_study && stays != filed.patient {
                                    let moved = registry.move_study(study, stays);
                                    moved.map_err(|_| Refusal::Internal)?;
                                    filed.patient = stays;
                                }
                                if filed.new_patient {
                                    entries.push((Actor::Warden, EntryBody::PatientAdded { patient: filed.patient }));
                                }
                                changes
                                    .put_instance(&digests.name, &digests.content, object.object, study)
                                    .map_err(internal)?;
                                if bound.insert(object.key) {
                                    let (epoch, wrapped) = self.secrets.wrap(&keys).map_err(internal)?;
                                    let filed = changes.key(object.key).map_err(internal)?;
                                    changes.put_key(study, object.key, epoch, &wrapped).map_err(internal)?;
                                    if filed.is_none_or(|(served, ..)| served == UNBOUND) {
                                        filed_keys.entry(study).or_default().push(object.key);
                                    }
                                }
                                let stored = tallied(&mut tally, study, filed.patient, object, body.taken_in);
                                stored.instances += 1;
                                stored.conflicts += u32::from(conflict);
                                if conflict { Verdict::Conflict { study } } else { Verdict::Accepted { study } }
                            }
                        }
                        None => Verdict::Unreadable,
                    };
                    verdicts.push(ObjectVerdict { object: object.object, verdict });
                }
            }
            let filed_keys = std::mem::take(&mut filed_keys).into_iter();
            entries.extend(filed_keys.map(|(study, keys)| (Actor::Warden, EntryBody::KeysFiled { study, keys })));
            entries.extend(std::mem::take(&mut tally).into_iter().map(
                |((study, _), (patient, actor, taken_in, stored))| {
                    let body = EntryBody::Stored {
                        patient,
                        study,
                        instances: stored.instances,
                        duplicates: stored.duplicates,
                        conflicts: stored.conflicts,
                        taken_in,
                        outbox_sequence: sequence,
                    };
                    (actor, body)
                },
            ));
            self.put_registry(&changes, &mut registry).map_err(internal)?;
            self.announce(&changes, &entries).map_err(internal)?;
            changes.put_outbox(sequence, &chain).map_err(internal)?;
            let over = sealed_to == SealedTo::Now && self.secrets.put_without_former(&changes).map_err(internal)?;
            changes.commit().map_err(internal)?;
            if over {
                self.secrets.forget_former();
                // nothing fails between what is committed and its entries
                if let Err(error) = database.forget_what_was_deleted() {
                    tracing::warn!(%error, "the log of warden.db still holds the key that the front sealed to before");
                }
                tracing::info!("the front seals to the root of now; the key that it sealed to before is destroyed");
            }
            Ok(())
        })();
        if let Err(refusal) = outcome {
            // memory is ahead of the disk now, and keys may be bound to what was never filed
            recent.0.clear();
            self.rebuild(&database, &mut registry)?;
            return Err(refusal);
        }
        self.append_announced(&mut database, entries).map_err(|error| {
            tracing::error!(%error, "the ledger takes no entry; images wait unlisted and are recorded at the next start");
            self.not_behind().err().unwrap_or(Refusal::CannotRecord)
        })?;
        reply.acknowledged = sequence;
        reply.verdicts.extend(verdicts);
        Ok(reply)
    }

    /// The note of an object, with the keys that opened it.
    fn open_note(
        &self,
        recent: &mut RecentKeys,
        changes: &Changes<'_>,
        object: &HandoverObject,
    ) -> Option<(BatchKeys, StoredNote)> {
        let keys = recent.get(self, changes, object.key)?;
        let context =
            ObjectContext { site: self.secrets.site, key: object.key, object: object.object, kind: ObjectKind::Note };
        let plain = seal::open_blob(&keys.listing, context, &object.sealed_note).ok()?;
        let note = postcard::from_bytes::<StoredNote>(&plain).ok()?;
        (note.version == 1).then_some((keys, note))
    }

    /// Verdicts of a record that was taken before. What is not filed and not known by its bytes was unreadable, and stays so.
    fn repeat_verdicts(
        &self,
        record: &HandoverRecord,
        recent: &mut RecentKeys,
        changes: &Changes<'_>,
        verdicts: &mut Vec<ObjectVerdict>,
    ) -> Result<(), Refusal> {
        let Ok(body) = postcard::from_bytes::<HandoverBody>(&record.body) else { return Ok(()) };
        recent.take(self, changes, &body);
        for object in &body.objects {
            let verdict = match changes.filed(object.object).map_err(internal)? {
                Some(study) => Verdict::Accepted { study },
                None => match self.open_note(recent, changes, object) {
                    Some((_, note)) => {
                        let digests = self.secrets.digests(&note);
                        match changes.seen(&digests.name, &digests.content).map_err(internal)? {
                            Seen::Identical(_) => Verdict::Duplicate,
                            Seen::New | Seen::Different => Verdict::Unreadable,
                        }
                    }
                    None => Verdict::Unreadable,
                },
            };
            verdicts.push(ObjectVerdict { object: object.object, verdict });
        }
        Ok(())
    }
}

impl RecentKeys {
    /// Forgets all: the keys of some went cold or were destroyed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Unwraps the keys that a record brings and the keyring lacks. What the keyring has is never taken from a record: another
    /// wrap under the same name would replace it, and with it every image of its study. Says whether any was sealed to the root of now.
    fn take(&mut self, warden: &Warden, changes: &Changes<'_>, body: &HandoverBody) -> (Vec<BatchKeys>, SealedTo) {
        if self.0.len() + body.keys.len() > KEYS_KEPT_MAX {
            self.0.clear();
        }
        let (mut taken, mut newest) = (Vec::new(), SealedTo::Before);
        for wrapped in &body.keys {
            if self.get(warden, changes, wrapped.key).is_some() {
                continue;
            }
            if !changes.is_retired(wrapped.key).is_ok_and(|retired| !retired) {
                // it went cold or was destroyed; a wrap that somebody kept does not bring it back
                tracing::error!(key = %wrapped.key, "a wrap of a key that is cold or destroyed is not taken in");
                continue;
            }
            match warden.secrets.unwrap_of_front(wrapped.key, &wrapped.wrapped) {
                Ok((keys, sealed_to)) => {
                    newest = if sealed_to == SealedTo::Now { sealed_to } else { newest };
                    taken.push(keys.clone());
                    self.0.insert(wrapped.key, Recent { keys, study: None });
                }
                Err(error) => tracing::error!(key = %wrapped.key, %error, "a wrapped key does not open"),
            }
        }
        (taken, newest)
    }

    /// Keys by name: unwrapped lately, or in the keyring since an earlier record.
    fn get(&mut self, warden: &Warden, changes: &Changes<'_>, key: KeyId) -> Option<BatchKeys> {
        if let Some(recent) = self.0.get(&key) {
            return Some(recent.keys.clone());
        }
        let (_, epoch, wrapped) = changes.key(key).ok()??;
        let keys = warden.secrets.unwrap(key, epoch, &wrapped).ok()?;
        self.0.insert(key, Recent { keys: keys.clone(), study: None });
        Some(keys)
    }

    /// Whether keys serve this study and no other. The first use in memory asks the keyring which study they served before, and
    /// `known` for the number of this one.
    fn bind(
        &mut self,
        changes: &Changes<'_>,
        key: KeyId,
        study: [u8; 16],
        known: impl FnOnce() -> Option<StudyNumber>,
    ) -> bool {
        let Some(recent) = self.0.get_mut(&key) else { return false };
        if let Some(bound) = recent.study {
            return bound == study;
        }
        match changes.key(key) {
            Ok(Some((served, ..))) if served != UNBOUND && Some(served) != known() => false,
            Ok(_) => {
                recent.study = Some(study);
                true
            }
            Err(_) => false,
        }
    }
}

fn tallied<'a>(
    tally: &'a mut Tally,
    study: StudyNumber,
    patient: PatientNumber,
    object: &HandoverObject,
    taken_in: Instant,
) -> &'a mut Stored {
    let sender_number = object.device.map_or(u64::MAX, |device| u64::from(device.0));
    let (.., stored) =
        tally.entry((study, sender_number)).or_insert_with(|| (patient, sender(object), taken_in, Stored::default()));
    stored
}

fn sender(object: &HandoverObject) -> Actor {
    match object.device {
        Some(device) => Actor::Device { device, origin: recordable(&object.origin) },
        None => Actor::Owner,
    }
}

fn internal(error: DatabaseError) -> Refusal {
    tracing::error!(%error, "the warden's database failed");
    Refusal::Internal
}
