//! Incidents, replayed from the ledger: who opened one, what was noted, which reports belong to it, which clocks run.

use std::collections::BTreeMap;

use model::{About, Actor, Clock, Entry, EntryBody, EntryNumber, Instant, Window};

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its number, from 1.
    pub number: u32,
    /// What happened, in a line.
    pub title: String,
    /// What it is about.
    pub about: Vec<About>,
    /// Over which time.
    pub window: Window,
    /// When somebody became aware: the clocks run from then.
    pub aware: Instant,
    /// When it was opened here.
    pub opened: Instant,
    /// When what a clock asks for was done; the first time counts.
    pub done: BTreeMap<Clock, Instant>,
    /// The entries of exposure reports that belong to it.
    pub reports: Vec<EntryNumber>,
    /// When it was closed.
    pub closed: Option<Instant>,
    /// Everything that was done about it, oldest first.
    pub steps: Vec<Step>,
}

/// One thing that was done about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub recorded: Instant,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub body: EntryBody,
}

/// Where a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// It runs, until then.
    Running,
    /// What it asks for was done, in time.
    Done(Instant),
    /// What it asks for was done, late.
    DoneLate(Instant),
    /// It ran out, and nothing was done.
    Overdue,
}

/// Every incident.
#[derive(Default)]
pub struct Incidents(BTreeMap<u32, Incident>);

impl Incidents {
    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        let incident = match &entry.body {
            EntryBody::IncidentOpened { incident, title, about, window, aware } => {
                self.0.entry(*incident).or_insert_with(|| Incident {
                    number: *incident,
                    title: title.clone(),
                    about: about.clone(),
                    window: *window,
                    aware: *aware,
                    opened: at,
                    done: BTreeMap::new(),
                    reports: Vec::new(),
                    closed: None,
                    steps: Vec::new(),
                });
                *incident
            }
            EntryBody::IncidentNoted { incident, .. } => *incident,
            EntryBody::IncidentReport { incident, report } => {
                if let Some(known) = self.0.get_mut(incident)
                    && !known.reports.contains(report)
                {
                    known.reports.push(*report);
                }
                *incident
            }
            EntryBody::IncidentClock { incident, clock, done } => {
                if let Some(known) = self.0.get_mut(incident) {
                    known.done.entry(*clock).or_insert(*done);
                }
                *incident
            }
            EntryBody::IncidentClosed { incident, .. } => {
                if let Some(known) = self.0.get_mut(incident) {
                    known.closed.get_or_insert(at);
                }
                *incident
            }
            EntryBody::Erased { entry: erased, left } => return self.erased(*erased, &left.body),
            _ => return,
        };
        if let Some(known) = self.0.get_mut(&incident) {
            let (actor, body) = (entry.actor.clone(), entry.body.clone());
            known.steps.push(Step { entry: number, recorded: at, actor, body });
        }
    }

    /// Forgets words that were erased.
    fn erased(&mut self, entry: EntryNumber, left: &EntryBody) {
        let (EntryBody::IncidentOpened { incident, .. }
        | EntryBody::IncidentNoted { incident, .. }
        | EntryBody::IncidentClosed { incident, .. }) = left
        else {
            return;
        };
        let Some(known) = self.0.get_mut(incident) else { return };
        if let EntryBody::IncidentOpened { title, .. } = left {
            known.title.clone_from(title);
        }
        known.steps.iter_mut().filter(|step| step.entry == entry).for_each(|step| step.body = left.clone());
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Incident> {
        self.0.get(&number)
    }

    /// All of them, the newest first.
    pub fn all(&self) -> impl Iterator<Item = &Incident> {
        self.0.values().rev()
    }

    /// The number that the next one has.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0.last_key_value().map_or(1, |(number, _)| number.saturating_add(1))
    }
}

impl Incident {
    /// Where a clock stands at `now`.
    #[must_use]
    pub fn clock(&self, clock: Clock, now: Instant) -> ClockState {
        let due = clock.due(self.aware);
        match self.done.get(&clock) {
            Some(done) if *done <= due => ClockState::Done(*done),
            Some(done) => ClockState::DoneLate(*done),
            None if now <= due => ClockState::Running,
            None => ClockState::Overdue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn folded(bodies: &[(i64, EntryBody)]) -> Incidents {
        let mut incidents = Incidents::default();
        for (number, (hours, body)) in bodies.iter().enumerate() {
            let recorded = Instant(0).plus_seconds(hours * HOUR);
            let entry = Entry { version: 1, recorded, actor: Actor::Owner, body: body.clone() };
            incidents.apply(EntryNumber(number as u64), &entry);
        }
        incidents
    }

    fn opened(aware_hours: i64) -> EntryBody {
        EntryBody::IncidentOpened {
            incident: 1,
            title: "a login was sold".to_owned(),
            about: Vec::new(),
            window: Window { from: Instant(0), to: Instant(1) },
            aware: Instant(0).plus_seconds(aware_hours * HOUR),
        }
    }

    #[test]
    fn clocks_run_from_awareness_and_not_from_the_entry() {
        let done =
            |clock, hours| EntryBody::IncidentClock { incident: 1, clock, done: Instant(0).plus_seconds(hours * HOUR) };
        let incidents = folded(&[
            (10, opened(0)),
            (20, done(Clock::Nis2EarlyWarning, 20)),
            (80, done(Clock::GdprNotification, 80)),
            (90, done(Clock::GdprNotification, 10)),
        ]);
        let incident = incidents.get(1).expect("it was opened");
        let at = |hours: i64| Instant(0).plus_seconds(hours * HOUR);
        assert_eq!(incident.clock(Clock::Nis2EarlyWarning, at(100)), ClockState::Done(at(20)));
        assert_eq!(incident.clock(Clock::GdprNotification, at(100)), ClockState::DoneLate(at(80)), "the first counts");
        assert_eq!(incident.clock(Clock::Nis2Notification, at(72)), ClockState::Running);
        assert_eq!(incident.clock(Clock::Nis2Notification, at(73)), ClockState::Overdue);
        assert_eq!(incident.clock(Clock::NdbAssessment, at(30 * 24)), ClockState::Running);
        assert_eq!(incident.clock(Clock::NdbAssessment, at(30 * 24 + 1)), ClockState::Overdue);
        assert_eq!(incident.steps.len(), 4);
    }

    #[test]
    fn what_belongs_to_no_incident_is_passed_over() {
        let report = EntryBody::IncidentReport { incident: 9, report: EntryNumber(1) };
        let incidents = folded(&[(0, report), (1, opened(1)), (2, opened(50))]);
        assert_eq!((incidents.all().count(), incidents.next()), (1, 2));
        assert_eq!(incidents.get(1).map(|incident| incident.aware), Some(Instant(0).plus_seconds(HOUR)));
    }
}
