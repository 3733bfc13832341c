//! A patient's own page: own studies, and who looked at them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use audit::{Access, ReachState};
use model::{Actor, EntryBody, Instant, PatientNumber, StudyNumber, Tier, Uid, Who};
use protocol::{
    AccessRow, Accesses, Level, ListRequest, Order, PAGE_ROWS_MAX, PageReply, Refusal, Sharing, SharingKind,
};
use registry::Registry;

use super::HELD;
use super::ledger::OWNER;
use crate::approvals::person_of;
use crate::cold::WarmUp;
use crate::moves::Move;
use crate::state::Warden;
use crate::subject::Caller;

/// The most lines of lists under 'who looked at my images'. Openings, emergencies and moves have none: they are evidence.
const LISTING_ROWS_MAX: usize = 500;
const DAY_MICROSECONDS: i64 = 86_400 * model::SECOND;

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
        let mut accesses = Accesses::default();
        for patient in &own {
            self.record_limited(caller, EntryBody::AccessesRead { patient: *patient }, now).await?;
            accesses.truncated |= self.accesses_of(caller, *patient, &mut accesses.rows);
            accesses.rows.extend(self.emergencies_of(*patient));
            accesses.rows.extend(self.warm_ups_of(*patient));
            accesses.rows.extend(self.moves_of(*patient));
            accesses.rows.extend(self.shared_of(*patient, person_of(caller)));
        }
        accesses.rows.sort_by_key(|row: &AccessRow| std::cmp::Reverse(row.entry));
        Ok(PageReply::MyAccesses(Box::new(accesses)))
    }

    /// Adds who looked at one patient; says whether older lists were left out.
    fn accesses_of(&self, caller: &Caller, patient: PatientNumber, rows: &mut Vec<AccessRow>) -> bool {
        let (looks, truncated) = {
            let index = self.index.read().expect(HELD);
            // the patient's own looking is left out
            let accesses = index.accesses_of(patient).into_iter().filter(|access| access.who != caller.who);
            let mut looks: Vec<Look> = Vec::new();
            let mut lists: BTreeMap<(Option<Who>, i64), Look> = BTreeMap::new();
            for access in accesses {
                let look = Look { studies: access.study.into_iter().collect(), access, times: 1, basis: String::new() };
                if look.access.tier == Tier::Open {
                    looks.push(look);
                    continue;
                }
                let day = look.access.recorded.0.div_euclid(DAY_MICROSECONDS);
                match lists.entry((look.access.who, day)) {
                    Entry::Vacant(place) => {
                        place.insert(look);
                    }
                    Entry::Occupied(mut known) => known.get_mut().and_again(look),
                }
            }
            let mut lists: Vec<Look> = lists.into_values().collect();
            lists.sort_by_key(|look| std::cmp::Reverse(look.access.entry));
            let truncated = lists.len() > LISTING_ROWS_MAX;
            lists.truncate(LISTING_ROWS_MAX);
            looks.extend(lists);
            for look in &mut looks {
                look.basis = basis_of(index.reach(), patient, &look.access);
            }
            (looks, truncated)
        };
        // people first: the order of locks
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        rows.extend(looks.into_iter().map(|look| {
            let (who, role, organisations) = match look.access.who {
                Some(who) => self.name_of(&people, who),
                None => (OWNER.to_owned(), None, Vec::new()),
            };
            let sharing = match look.access.who {
                Some(Who::Link(link)) => self.by_link(&people, link, look.access.download),
                _ => {
                    let taken = Sharing { download: true, ..Sharing::of(SharingKind::Download) };
                    look.access.download.then_some(taken)
                }
            };
            AccessRow {
                entry: look.access.entry,
                at: look.access.recorded,
                who,
                role,
                organisations,
                basis: look.basis,
                opened: look.access.tier == Tier::Open,
                moved: false,
                device: matches!(look.access.who, Some(Who::Device(_))),
                times: look.times,
                studies: own_studies_of(&registry, patient, &look.studies),
                warmed: false,
                warmed_by: None,
                sharing,
            }
        }));
        truncated
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
                moved: false,
                device: false,
                times: 1,
                studies: Vec::new(),
                warmed: false,
                warmed_by: None,
                sharing: None,
            }
        };
        uses.into_iter().map(row).collect()
    }

    /// Who filed a study of the patient under somebody else, or somebody else's under the patient, and why.
    fn moves_of(&self, patient: PatientNumber) -> Vec<AccessRow> {
        let moves: Vec<Move> = self.relations.read().expect(HELD).moves().of_patient(patient).cloned().collect();
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        let row = |one: Move| {
            let (who, role, organisations) = match one.by {
                Actor::Person { person, .. } => self.name_of(&people, Who::Person(person)),
                ref other => (self.actor_name(&people, other), None, Vec::new()),
            };
            let way = if one.from == patient { "out of this file" } else { "into this file" };
            AccessRow {
                entry: one.entry,
                at: one.at,
                who,
                role,
                organisations,
                basis: format!("{way}: {}", one.reason),
                opened: false,
                moved: true,
                device: false,
                times: 1,
                studies: own_studies_of(&registry, patient, &[one.study]),
                warmed: false,
                warmed_by: None,
                sharing: None,
            }
        };
        moves.into_iter().map(row).collect()
    }

    /// Which cold studies of the patient were brought back, at whose request, whether or not anything was opened then.
    fn warm_ups_of(&self, patient: PatientNumber) -> Vec<AccessRow> {
        let warmings: Vec<(WarmUp, Option<String>)> = {
            let cold = self.cold.read().expect(HELD);
            let named = |one: &WarmUp| (one.clone(), one.alone.map(|holder| cold.name_of(holder)));
            cold.warm_ups_of(patient).iter().map(named).collect()
        };
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        let row = |(WarmUp { entry, at, request, .. }, warmed_by): (WarmUp, Option<String>)| {
            let (who, role, organisations) = match &request.actor {
                Actor::Person { person, .. } => self.name_of(&people, Who::Person(*person)),
                Actor::Device { device, .. } => self.name_of(&people, Who::Device(*device)),
                Actor::Link { link, .. } => self.name_of(&people, Who::Link(*link)),
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
                moved: false,
                device: false,
                times: 1,
                studies: studies.collect(),
                warmed: true,
                warmed_by,
                sharing: None,
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
            Who::Link(link) => (self.link_words(people, link), None, Vec::new()),
            Who::Device(device) => {
                let name = people.device(device).map(|device| device.name().to_owned());
                (name.unwrap_or_else(|| format!("device {device}")), None, Vec::new())
            }
        }
    }
}

/// One line while it is gathered.
struct Look {
    /// The newest.
    access: Access,
    times: u32,
    studies: Vec<StudyNumber>,
    basis: String,
}

impl Look {
    /// The same reader once more on the same day.
    fn and_again(&mut self, newer: Look) {
        self.times += 1;
        self.access = newer.access;
        self.studies.extend(newer.studies);
    }
}

/// Why a look was allowed, as the relationship said then.
fn basis_of(reach: &ReachState, patient: PatientNumber, access: &Access) -> String {
    let Some(who) = access.who else { return String::new() };
    let study = access.study.unwrap_or(StudyNumber(u32::MAX));
    let filed = reach.filed_under(study, access.recorded).unwrap_or(patient);
    let reachable = reach.reachable(who, access.recorded);
    reachable.ground(filed, study).map(|ground| ground.basis.to_string()).unwrap_or_default()
}

/// The UIDs of those studies that lie in the patient's file now.
fn own_studies_of(registry: &Registry, patient: PatientNumber, studies: &[StudyNumber]) -> Vec<Uid> {
    let rows = studies.iter().filter_map(|study| registry.study(*study));
    let mut uids: Vec<Uid> = Vec::new();
    for row in rows.filter(|row| row.patient.number == patient) {
        if !uids.contains(&row.uid) {
            uids.push(row.uid);
        }
    }
    uids
}
