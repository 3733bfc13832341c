//! Every use of break-glass and every wrong try: a fold of the ledger, so that a restart forgets neither.

use std::collections::{BTreeMap, HashMap};

use model::{
    Actor, EmergencyReason, Entry, EntryBody, EntryNumber, Instant, PatientNumber, PersonId, SECOND, StudyNumber, Tier,
    Verdict,
};

/// Wrong tries in an hour before there is a wait.
pub(crate) const MISSES_FREE: usize = 5;
/// After this long a wrong try is forgotten, in seconds.
const MISS_SECONDS: i64 = 3600;
/// The wait after one wrong try too many, in seconds; each further one doubles it.
const WAIT_SECONDS: i64 = 60;
/// The longest wait, in seconds.
const WAIT_SECONDS_MAX: i64 = 3600;
/// Studies that are remembered of one use.
const OPENED_MAX: usize = 10_000;
/// Wrong tries that are remembered of one person.
const MISSES_MAX: usize = 100;

/// One use.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) number: EntryNumber,
    /// The entry of its relationship.
    pub(crate) relationship: EntryNumber,
    pub(crate) person: PersonId,
    pub(crate) patient: PatientNumber,
    pub(crate) reason: EmergencyReason,
    pub(crate) text: String,
    pub(crate) at: Instant,
    pub(crate) until: Instant,
    /// Studies of the patient whose images this person opened while it ran, each with when first.
    pub(crate) opened: Vec<(Instant, StudyNumber)>,
    pub(crate) review: Option<Review>,
}

/// What an officer found.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub(crate) by: Actor,
    pub(crate) at: Instant,
    pub(crate) verdict: Verdict,
    pub(crate) note: String,
}

/// Everything about break-glass at a site.
#[derive(Default)]
pub(crate) struct Uses {
    all: BTreeMap<EntryNumber, Use>,
    by_relationship: HashMap<EntryNumber, EntryNumber>,
    of_pair: HashMap<(PersonId, PatientNumber), Vec<EntryNumber>>,
    misses: HashMap<PersonId, Vec<Instant>>,
}

impl Uses {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        match (&entry.body, &entry.actor) {
            (EntryBody::BrokeGlass { patient, reason, text, until }, Actor::Person { person, .. }) => {
                // the relationship is the entry just before, in the same append
                let relationship = EntryNumber(number.0.saturating_sub(1));
                let one = Use {
                    number,
                    relationship,
                    person: *person,
                    patient: *patient,
                    reason: *reason,
                    text: text.clone(),
                    at: entry.recorded,
                    until: *until,
                    opened: Vec::new(),
                    review: None,
                };
                self.of_pair.entry((*person, *patient)).or_default().push(number);
                self.by_relationship.insert(relationship, number);
                self.all.insert(number, one);
            }
            (EntryBody::Opened { patient, study, scope, .. }, Actor::Person { person, .. })
                if scope.tier() == Tier::Open =>
            {
                self.opened(*person, *patient, *study, entry.recorded);
            }
            (EntryBody::RelationshipEnded { entry: ended, until }, _) => {
                if let Some(one) = self.by_relationship.get(ended).and_then(|number| self.all.get_mut(number)) {
                    one.until = one.until.min(*until);
                }
            }
            (EntryBody::BreakGlassMissed { .. }, Actor::Person { person, .. }) => {
                let misses = self.misses.entry(*person).or_default();
                misses.push(entry.recorded);
                let forgotten = misses.len().saturating_sub(MISSES_MAX);
                misses.drain(..forgotten);
            }
            (EntryBody::BreakGlassReviewed { used, verdict, note }, by) => {
                if let Some(one) = self.all.get_mut(used) {
                    let (by, note) = (by.clone(), note.clone());
                    one.review = Some(Review { by, at: entry.recorded, verdict: *verdict, note });
                }
            }
            (EntryBody::Erased { left, .. }, _) => {
                if let EntryBody::BreakGlassReviewed { used, note, .. } = &left.body
                    && let Some(review) = self.all.get_mut(used).and_then(|one| one.review.as_mut())
                    && review.at == left.recorded
                {
                    review.note.clone_from(note);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, person: PersonId, patient: PatientNumber, study: StudyNumber, at: Instant) {
        for number in self.of_pair.get(&(person, patient)).into_iter().flatten() {
            let Some(one) = self.all.get_mut(number) else { continue };
            let known = one.opened.iter().any(|(_, opened)| *opened == study);
            if one.at <= at && at < one.until && !known && one.opened.len() < OPENED_MAX {
                one.opened.push((at, study));
            }
        }
    }

    pub(crate) fn get(&self, used: EntryNumber) -> Option<&Use> {
        self.all.get(&used)
    }

    /// All, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Use> {
        self.all.values().rev()
    }

    /// The uses on one patient, oldest first.
    pub(crate) fn of_patient(&self, patient: PatientNumber) -> impl Iterator<Item = &Use> {
        self.all.values().filter(move |one| one.patient == patient)
    }

    pub(crate) fn of_person_since(&self, person: PersonId, since: Instant) -> usize {
        self.all.values().rev().take_while(|one| one.at >= since).filter(|one| one.person == person).count()
    }

    /// Wrong tries of everybody since then.
    pub(crate) fn missed_since(&self, since: Instant) -> u32 {
        self.misses.values().flatten().filter(|at| **at >= since).count() as u32
    }

    /// Wrong tries of the last hour.
    pub(crate) fn misses_in_a_row(&self, person: PersonId, now: Instant) -> u32 {
        let since = now.plus_seconds(-MISS_SECONDS);
        self.misses.get(&person).map_or(0, |misses| misses.iter().filter(|at| **at > since).count()) as u32
    }

    pub(crate) fn tries_left(&self, person: PersonId, now: Instant) -> u32 {
        (MISSES_FREE as u32).saturating_sub(self.misses_in_a_row(person, now))
    }

    /// How long a person must wait before the next try.
    pub(crate) fn wait_seconds(&self, person: PersonId, now: Instant) -> Option<u32> {
        let beyond = (self.misses_in_a_row(person, now) as usize).checked_sub(MISSES_FREE)?;
        let last = self.misses.get(&person)?.last()?;
        let wait = (WAIT_SECONDS << beyond.min(10)).min(WAIT_SECONDS_MAX);
        let left = last.plus_seconds(wait).0.saturating_sub(now.0);
        (left > 0).then(|| (left / SECOND + 1) as u32)
    }
}
