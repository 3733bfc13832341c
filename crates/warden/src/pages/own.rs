//! A patient's own page: own studies, and who looked at them.

use std::collections::BTreeMap;

use model::{Actor, EntryBody, Instant, PatientNumber, Tier, Uid, Who};
use protocol::{AccessRow, Level, ListRequest, Order, PAGE_ROWS_MAX, PageReply, Refusal};

use super::HELD;
use crate::cold::Emergency;
use crate::state::Warden;
use crate::subject::Caller;

/// The most lines of 'who looked at my images'.
const ACCESS_ROWS_MAX: usize = 500;
/// The most accesses of one patient that are looked at for them.
const ACCESSES_MAX: usize = 4 * ACCESS_ROWS_MAX;

impl Warden {
    /// The patient's own studies: the list flow as for everybody, entry and all.
    pub(super) async fn own_studies(&self, caller: &Caller, now: Instant) -> Result<PageReply, Refusal> {
        let request = ListRequest {
            level: Level::Study,
            matches: Vec::new(),
            words: String::new(),
            order: Order::NewestFirst,
            offset: 0,
            limit: PAGE_ROWS_MAX,
        };
        let reply = self.list_for(caller, &request, now).await?;
        Ok(PageReply::MyStudies(reply.studies))
    }

    /// Who listed or opened the patient's images, newest first.
    pub(super) async fn own_accesses(&self, caller: &Caller, now: Instant) -> Result<PageReply, Refusal> {
        let own: Vec<PatientNumber> = self.reachable(caller, now).patients().map(|(patient, _)| patient).collect();
        let mut rows = Vec::new();
        for patient in &own {
            self.record_limited(caller, EntryBody::AccessesRead { patient: *patient }, now).await?;
            rows.extend(self.accesses_of(caller, *patient));
            rows.extend(self.emergencies_of(*patient));
            rows.extend(self.emergency_warmings_of(*patient));
        }
        rows.sort_by_key(|row: &AccessRow| std::cmp::Reverse(row.entry));
        rows.truncate(ACCESS_ROWS_MAX);
        Ok(PageReply::MyAccesses(rows))
    }

    fn accesses_of(&self, caller: &Caller, patient: PatientNumber) -> Vec<AccessRow> {
        let (accesses, grounds) = {
            let index = self.index.read().expect(HELD);
            let mut accesses = index.accesses_of(patient);
            // the newest: more are not shown, and looking up why each was allowed takes time in which nothing is recorded
            accesses.drain(..accesses.len().saturating_sub(ACCESSES_MAX));
            let grounds = accesses
                .iter()
                .map(|access| {
                    let reachable = index.reach().reachable(access.who, access.recorded);
                    let study = access.study.unwrap_or(model::StudyNumber(u32::MAX));
                    reachable.ground(patient, study).map(|ground| ground.basis.to_string()).unwrap_or_default()
                })
                .collect::<Vec<_>>();
            (accesses, grounds)
        };
        // people first: the order of locks
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        // one line per person, entry and kind; the patient's own looking is left out
        let mut rows: BTreeMap<(u64, bool), AccessRow> = BTreeMap::new();
        for (access, basis) in accesses.into_iter().zip(grounds) {
            if Some(access.who) == caller.who {
                continue;
            }
            let opened = access.tier == Tier::Open;
            let row = rows.entry((access.entry.0, opened)).or_insert_with(|| {
                let (who, role, organisations) = self.name_of(&people, access.who);
                AccessRow {
                    entry: access.entry,
                    at: access.recorded,
                    who,
                    role,
                    organisations,
                    basis,
                    opened,
                    studies: Vec::new(),
                    warmed_by: None,
                }
            });
            let uid = access.study.and_then(|study| registry.study(study)).map(|study| study.uid);
            row.studies.extend(uid.filter(|uid: &Uid| !row.studies.contains(uid)));
        }
        rows.into_values().collect()
    }

    /// Who broke the glass for the patient, with the reason, whether or not anything was opened then.
    fn emergencies_of(&self, patient: PatientNumber) -> Vec<AccessRow> {
        let uses: Vec<_> = self.uses.read().expect(HELD).of_patient(patient).cloned().collect();
        let people = self.people.lock().expect(HELD);
        let row = |one: crate::break_glass::fold::Use| {
            let (who, role, organisations) = self.name_of(&people, Who::Person(one.person));
            let basis = crate::break_glass::basis(one.reason, &one.text);
            AccessRow {
                entry: one.number,
                at: one.at,
                who,
                role,
                organisations,
                basis,
                opened: false,
                studies: Vec::new(),
                warmed_by: None,
            }
        };
        uses.into_iter().map(row).collect()
    }

    /// Which cold studies of the patient one holder alone brought back, at whose request, whether or not anything was opened then.
    fn emergency_warmings_of(&self, patient: PatientNumber) -> Vec<AccessRow> {
        let warmings: Vec<(Emergency, String)> = {
            let cold = self.cold.read().expect(HELD);
            cold.emergencies_of(patient).map(|one| (one.clone(), cold.name_of(one.holder))).collect()
        };
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        let row = |(Emergency { entry, at, request, .. }, holder): (Emergency, String)| {
            let (who, role, organisations) = match &request.actor {
                Actor::Person { person, .. } => self.name_of(&people, Who::Person(*person)),
                Actor::Device { device, .. } => self.name_of(&people, Who::Device(*device)),
                actor => (self.actor_name(&people, actor), None, Vec::new()),
            };
            let studies = request.studies.numbers().iter();
            let studies = studies.filter_map(|study| registry.study(model::StudyNumber(*study))).map(|study| study.uid);
            AccessRow {
                entry,
                at,
                who,
                role,
                organisations,
                basis: request.reason,
                opened: false,
                studies: studies.collect(),
                warmed_by: Some(holder),
            }
        };
        warmings.into_iter().map(row).collect()
    }

    pub(crate) fn name_of(&self, people: &identity::People, who: Who) -> (String, Option<model::Role>, Vec<String>) {
        match who {
            Who::Person(person) => match people.person(person) {
                Some(person) => {
                    let organisations = person
                        .organisations()
                        .iter()
                        .filter_map(|organisation| people.organisation(*organisation))
                        .map(|organisation| organisation.name().to_owned())
                        .collect();
                    (person.name().to_owned(), Some(person.role()), organisations)
                }
                None => (format!("person {person}"), None, Vec::new()),
            },
            Who::Organisation(organisation) => {
                let name = people.organisation(organisation).map(|organisation| organisation.name().to_owned());
                (name.unwrap_or_else(|| format!("organisation {organisation}")), None, Vec::new())
            }
            Who::Device(device) => {
                let name = people.device(device).map(|device| device.name().to_owned());
                (name.unwrap_or_else(|| format!("device {device}")), None, Vec::new())
            }
        }
    }
}
