//! What makes patients due, when it is far more than usual: whoever makes everybody due is found, though no reading is unusual then.
//!
//! A front that was taken over says what devices sent, and one administrator relates patients one by one.

use std::collections::{HashMap, HashSet};

use model::{Actor, Entry, EntryBody, Evidence, Finding, Instant, PersonId, Reaction, What, Whose};

use crate::State;
use crate::day::{Day, day_of};

/// A day's intake beyond so many times the busiest of the 28 days before is told ...
const INTAKE_TIMES: f64 = 2.5;
/// ... from so many patients on.
const INTAKE_PATIENTS_MIN: u32 = 100;
/// Patients and studies that one person may name in relationships on a day before it is told.
const RELATED_MAX: u32 = 100;

/// What is known of today.
#[derive(Clone, Default)]
pub(crate) struct Inflow {
    related: HashMap<PersonId, (Day, HashSet<What>)>,
    told: HashMap<Whose, Day>,
}

impl Inflow {
    pub(crate) fn apply(&mut self, entry: &Entry) {
        let day = day_of(entry.recorded);
        match (&entry.body, &entry.actor) {
            (EntryBody::Related { relationship }, Actor::Person { person, .. }) if relationship.what != What::Site => {
                let (of, named) = self.related.entry(*person).or_default();
                if *of != day {
                    (*of, *named) = (day, HashSet::new());
                }
                named.insert(relationship.what);
            }
            (EntryBody::FindingRaised { finding }, _) => {
                if matches!(finding.evidence, Evidence::Intake { .. } | Evidence::Related { .. }) {
                    self.told.insert(finding.about, day);
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, about: Whose, day: Day, evidence: Evidence) -> Option<Finding> {
        let new = self.told.insert(about, day) != Some(day);
        new.then_some(Finding { about, reaction: Reaction::Noticed, evidence })
    }
}

impl State {
    /// Whether far more than usual became due today: told once a day. To be called now and then.
    pub fn unusual_inflow(&mut self, now: Instant) -> Vec<Finding> {
        let day = day_of(now);
        let mut findings = Vec::new();
        let (patients, high) = (self.due.intake_on(day), self.due.intake_high(day));
        if let Some(high) = high
            && patients >= INTAKE_PATIENTS_MIN
            && f64::from(patients) > INTAKE_TIMES * f64::from(high)
        {
            findings.extend(self.inflow.tell(Whose::Site, day, Evidence::Intake { patients, high }));
        }
        let related: Vec<_> = self.inflow.related.iter().filter(|(_, (of, _))| *of == day).collect();
        let mut related: Vec<_> =
            related.into_iter().map(|(person, (_, named))| (*person, named.len() as u32)).collect();
        related.sort_unstable();
        for (person, patients) in related.into_iter().filter(|(_, patients)| *patients > RELATED_MAX) {
            let evidence = Evidence::Related { patients, limit: RELATED_MAX };
            findings.extend(self.inflow.tell(Whose::Person(person), day, evidence));
        }
        findings
    }
}
