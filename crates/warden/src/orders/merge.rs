//! Two records of one person, and taking that back.
//!
//! Studies go along, and so do the relationships of everybody but of patients themselves: a patient who has an account for one record is
//! given the other by somebody who looked, not by a message. Images that come later under the old identifier are filed with the others
//! ([`crate::handover`]). Taking a merge back returns what the data sets say was filed under the old identifier, and the relationships that
//! the merge made or that follow from orders which named the old identifier since, and that still run. A name that the record took over stays.

use identity::People;
use model::{
    Actor, EntryBody, EntryNumber, Instant, OrderSource, PatientNumber, PatientsMerged, Relationship, Role,
    StudyNumber, What, Who, Window,
};
use protocol::Refusal;
use registry::Registry;

use super::fold::number_set;
use crate::pages::{HELD, field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// Why a study is filed under another patient.
const REASON: &str = "two records of one person were merged";
/// Why it is filed as before.
const REASON_BACK: &str = "the merge of two records was taken back";

impl Warden {
    /// Moves what one record has to another, in the registry, and gives the entries about it.
    pub(super) fn merged(
        &self,
        registry: &mut Registry,
        people: &People,
        from: PatientNumber,
        to: PatientNumber,
        source: Option<OrderSource>,
        now: Instant,
    ) -> Result<Vec<EntryBody>, Refusal> {
        let running = self.index.read().expect(HELD).reach().running_with(What::Patient(from), now);
        let is_patient = |who: Who| match who {
            Who::Person(person) => people.person(person).is_some_and(|person| person.role() == Role::Patient),
            Who::Organisation(_) | Who::Device(_) | Who::Link(_) => false,
        };
        let going: Vec<_> = running.into_iter().filter(|one| !is_patient(one.who)).collect();
        let (mut bodies, going) = self.ended_by_merge(going, from, to, now);
        let studies = registry.studies_of(from);
        // images show the record that they are filed under: one that has no name or birth date yet takes those of the other
        registry.fill_patient(to, from);
        let moving = Moving { from, to, going, studies, reason: REASON, undoes: None, source };
        bodies.extend(move_along(registry, moving, now)?);
        Ok(bodies)
    }

    /// Takes a merge back.
    pub(crate) fn unmerge(&self, caller: &Caller, number: EntryNumber, now: Instant) -> Result<(), Refusal> {
        let _turn = self.ordering.lock().expect(HELD);
        let now = self.not_before_recorded(now);
        let merge = self.orders.read().expect(HELD).open_merge(number).cloned();
        let merge = merge.ok_or_else(|| unknown("merge", "orders state"))?;
        if self.orders.read().expect(HELD).stays(merge.to) != merge.to {
            return Err(field("merge", "one whose patient was not merged further; take the later merge back first"));
        }
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut registry = self.registry.write().expect(HELD);
        let running = self.index.read().expect(HELD).reach().running_with(What::Patient(merge.to), now);
        let told = self.orders.read().expect(HELD).told_of(merge.to, merge.from);
        let is_own = |one: &Relationship| merge.made.contains(&one.entry) || told.contains(&one.entry);
        let going = running.into_iter().filter(is_own).collect();
        let mut studies = registry.studies_of(merge.to);
        {
            let orders = self.orders.read().expect(HELD);
            studies
                .retain(|study| registry.origin_of(*study).is_some_and(|origin| orders.leads_to(origin, merge.from)));
        }
        let moving = Moving {
            from: merge.to,
            to: merge.from,
            going,
            studies,
            reason: REASON_BACK,
            undoes: Some(number),
            source: None,
        };
        let bodies = move_along(&mut registry, moving, now)?;
        let entries: Vec<(Actor, EntryBody)> = bodies.into_iter().map(|body| (caller.actor.clone(), body)).collect();
        self.write_with_entries(&mut database, &mut registry, entries)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(())
    }
}

/// What goes from one record to another.
struct Moving {
    from: PatientNumber,
    to: PatientNumber,
    going: Vec<Relationship>,
    studies: Vec<StudyNumber>,
    reason: &'static str,
    undoes: Option<EntryNumber>,
    source: Option<OrderSource>,
}

fn move_along(registry: &mut Registry, moving: Moving, now: Instant) -> Result<Vec<EntryBody>, Refusal> {
    let Moving { from, to, going, studies, reason, undoes, source } = moving;
    let mut bodies = Vec::with_capacity(going.len() * 2 + studies.len() + 1);
    let relationships: Vec<EntryNumber> = going.iter().map(|one| one.entry).collect();
    for relationship in going {
        bodies.push(EntryBody::RelationshipEnded { entry: relationship.entry, until: now });
        // what begins later still does
        let window = Window { from: now.max(relationship.window.from), to: relationship.window.to };
        let relationship = Relationship { what: What::Patient(to), window, entry: EntryNumber(0), ..relationship };
        bodies.push(EntryBody::Related { relationship });
    }
    for study in &studies {
        registry.move_study(*study, to).map_err(|_| Refusal::Internal)?;
        bodies.push(EntryBody::Moved { study: *study, from, to, reason: reason.to_owned() });
    }
    let studies = number_set(&studies);
    let merged = PatientsMerged { from, to, relationships, studies, undoes, source };
    bodies.push(EntryBody::PatientsMerged(Box::new(merged)));
    Ok(bodies)
}
