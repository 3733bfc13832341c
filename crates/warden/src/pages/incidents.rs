//! Incidents: opened, noted, answered to authorities, closed. Everything is an entry; what is shown is their replay.

use std::collections::BTreeSet;

use audit::{ClockState, Incident, Step};
use model::{Clock, EntryBody, Instant, PatientNumber, Role, StudyNumber, Window};
use protocol::{
    CASE_TEXT_CHARACTERS_MAX, ClockRow, ClockStanding, Count, INCIDENT_ABOUT_MAX, INCIDENT_TITLE_CHARACTERS_MAX,
    IncidentChange, IncidentDetail, IncidentRow, IncidentStep, PageReply, Refusal,
};

use super::HELD;
use super::directory::{field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// An incident to open.
pub(super) struct NewIncident {
    pub title: String,
    pub about: Vec<String>,
    pub window: Window,
    pub aware: Instant,
}

impl Warden {
    pub(super) fn open_incident(&self, caller: &Caller, new: &NewIncident, now: Instant) -> Result<PageReply, Refusal> {
        let title = line(&new.title, "title", INCIDENT_TITLE_CHARACTERS_MAX)?;
        if new.about.len() > INCIDENT_ABOUT_MAX {
            return Err(field("account", "at most 20 accounts, devices and disks"));
        }
        if new.window.to <= new.window.from {
            return Err(field("to", "a time after --from"));
        }
        if new.aware > now {
            return Err(field("aware", "a time that has been: the clocks run from then"));
        }
        let about = new.about.iter().map(|text| Ok(self.subject_named(text)?.about()));
        let about = about.collect::<Result<Vec<_>, Refusal>>()?;
        let incident = {
            // the number is given while nobody else can be given it
            let cases = self.numbering.lock().expect(HELD);
            let incident = self.cases.read().expect(HELD).incidents.next();
            let body = EntryBody::IncidentOpened { incident, title, about, window: new.window, aware: new.aware };
            self.append(caller, vec![body], now)?;
            drop(cases);
            incident
        };
        self.incident(incident, now)
    }

    pub(super) fn change_incident(
        &self,
        caller: &Caller,
        incident: u32,
        change: IncidentChange,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (closed, opened) = {
            let cases = self.cases.read().expect(HELD);
            let known = cases.incidents.get(incident).ok_or_else(|| unknown("incident", "incident list"))?;
            (known.closed, known.aware)
        };
        let body = match change {
            IncidentChange::Note { text } => EntryBody::IncidentNoted { incident, text: prose(&text, "text")? },
            IncidentChange::Done { clock, at } => {
                if at > now || at < opened {
                    return Err(field("at", "a time between becoming aware and now"));
                }
                EntryBody::IncidentClock { incident, clock, done: at }
            }
            IncidentChange::Close { .. } if closed.is_some() => {
                return Err(field("incident", "one that is not closed already; notes may still be added"));
            }
            IncidentChange::Close { text } => EntryBody::IncidentClosed { incident, text: prose(&text, "text")? },
        };
        self.append(caller, vec![body], now)?;
        self.incident(incident, now)
    }

    pub(super) fn incident_rows(&self, now: Instant) -> PageReply {
        let incidents: Vec<Incident> = self.cases.read().expect(HELD).incidents.all().cloned().collect();
        PageReply::Incidents(incidents.iter().map(|incident| self.incident_row(incident, now)).collect())
    }

    pub(super) fn incident(&self, number: u32, now: Instant) -> Result<PageReply, Refusal> {
        let incident = self.cases.read().expect(HELD).incidents.get(number).cloned();
        let incident = incident.ok_or_else(|| unknown("incident", "incident list"))?;
        let (reachable, listed, opened) = self.exposed_by(&incident)?;
        let row = self.incident_row(&incident, now);
        let people = self.people.lock().expect(HELD);
        let steps = incident.steps.iter().map(|step| step_row(step, self.actor_name(&people, &step.actor))).collect();
        let officers = people
            .person_rows()
            .into_iter()
            .filter(|person| matches!(person.role, Role::Officer | Role::OfficerAdministrator))
            .map(|person| format!("{}, {}", person.name, person.email))
            .collect();
        let site = self.site_name.clone();
        Ok(PageReply::Incident(Box::new(IncidentDetail { row, steps, reachable, listed, opened, site, officers, now })))
    }

    fn incident_row(&self, incident: &Incident, now: Instant) -> IncidentRow {
        let mut clocks: Vec<ClockRow> = Clock::ALL.iter().map(|clock| clock_row(incident, *clock, now)).collect();
        clocks.sort_by_key(|row| (row.done.is_some(), row.due));
        IncidentRow {
            incident: incident.number,
            title: incident.title.clone(),
            about: incident.about.iter().map(|about| self.text_of(about)).collect(),
            window: incident.window,
            aware: incident.aware,
            opened: incident.opened,
            closed: incident.closed,
            clocks,
        }
    }

    /// Whom everything that an incident is about could reach and did reach, each patient and study counted once.
    fn exposed_by(&self, incident: &Incident) -> Result<(Count, Count, Count), Refusal> {
        let mut sets: [(BTreeSet<PatientNumber>, BTreeSet<StudyNumber>); 3] = Default::default();
        for about in &incident.about {
            // by number: a name may be another's by now
            let Some(subject) = self.subject_of(about)? else { continue };
            let index = self.index.read().expect(HELD);
            let exposure = subject.report(&index, incident.window);
            let [reachable, listed, opened] = &mut sets;
            reachable.0.extend(exposure.reachable.keys().map(|(patient, _)| *patient));
            reachable.1.extend(exposure.reachable.keys().map(|(_, study)| *study));
            listed.0.extend(exposure.listed_patients.keys());
            listed.1.extend(exposure.listed_studies.keys());
            opened.0.extend(exposure.opened.keys().map(|(patient, _)| *patient));
            opened.1.extend(exposure.opened.keys().map(|(_, study)| *study));
        }
        let [reachable, listed, opened] =
            sets.map(|(patients, studies)| Count { patients: patients.len() as u64, studies: studies.len() as u64 });
        Ok((reachable, listed, opened))
    }
}

fn clock_row(incident: &Incident, clock: Clock, now: Instant) -> ClockRow {
    let (state, done) = match incident.clock(clock, now) {
        ClockState::Running => (ClockStanding::Running, None),
        ClockState::Overdue => (ClockStanding::Overdue, None),
        ClockState::Done(at) => (ClockStanding::Done, Some(at)),
        ClockState::DoneLate(at) => (ClockStanding::DoneLate, Some(at)),
    };
    ClockRow { clock, due: clock.due(incident.aware), state, done }
}

fn step_row(step: &Step, by: String) -> IncidentStep {
    let (what, text) = match &step.body {
        EntryBody::IncidentOpened { title, .. } => ("opened", title.clone()),
        EntryBody::IncidentNoted { text, .. } => ("noted", text.clone()),
        EntryBody::IncidentReport { report, .. } => ("report", report.to_string()),
        EntryBody::IncidentClock { clock, .. } => ("clock", clock.word().to_owned()),
        EntryBody::IncidentClosed { text, .. } => ("closed", text.clone()),
        _ => ("", String::new()),
    };
    IncidentStep { entry: step.entry, at: step.recorded, by, what: what.to_owned(), text }
}

/// One line of text.
fn line(text: &str, name: &str, characters_max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > characters_max || text.chars().any(char::is_control) {
        return Err(field(name, &format!("one line of 1 to {characters_max} characters")));
    }
    Ok(text.to_owned())
}

/// Text with line breaks.
pub(super) fn prose(text: &str, name: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let other_control = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    if text.is_empty() || text.chars().count() > CASE_TEXT_CHARACTERS_MAX || text.chars().any(other_control) {
        return Err(field(name, &format!("text of 1 to {CASE_TEXT_CHARACTERS_MAX} characters")));
    }
    Ok(text.to_owned())
}
