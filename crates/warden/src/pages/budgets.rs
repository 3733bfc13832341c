//! Findings, budgets and what an officer says about them. Each such word is an entry.

use audit::Appended;
use budget::{Basis, Found};
use model::{Actor, Ceilings, Change, EntryBody, EntryNumber, Instant, Whose};
use protocol::{BudgetDay, BudgetReport, BudgetRow, FindingRow, PageReply, Refusal};

use super::HELD;
use super::directory::field;
use crate::approvals::{Proposal, person_of};
use crate::state::Warden;
use crate::subject::Caller;

/// The most findings in one answer, newest first.
const FINDINGS_MAX: usize = 500;
/// The longest note, in characters.
const NOTE_CHARACTERS_MAX: usize = 500;

impl Warden {
    pub(super) fn findings(&self) -> Result<PageReply, Refusal> {
        let found: Vec<Found> = {
            let budgets = self.budgets.lock().expect(HELD);
            budgets.findings().iter().rev().take(FINDINGS_MAX).cloned().collect()
        };
        let people = self.people.lock().expect(HELD);
        let rows = found.into_iter().map(|found| {
            let name = self.name_of_whose(&people, found.finding.about);
            let (acknowledged, note) = found.acknowledged.map_or((None, String::new()), |(at, note)| (Some(at), note));
            FindingRow {
                entry: found.entry,
                at: found.at,
                whose: address_of(&people, found.finding.about),
                sentence: budget::sentence(&found.finding, &name),
                name,
                finding: found.finding,
                acknowledged,
                note,
            }
        });
        Ok(PageReply::Findings(rows.collect()))
    }

    pub(super) fn acknowledge(
        &self,
        caller: &Caller,
        finding: EntryNumber,
        note: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let note = note_of(note)?;
        if !self.budgets.lock().expect(HELD).findings().iter().any(|found| found.entry == finding) {
            return Err(field("finding", "the number of a finding"));
        }
        self.append(caller, vec![EntryBody::FindingAcknowledged { finding, note }], now)?;
        Ok(PageReply::Done)
    }

    pub(super) fn budget(&self, whose_text: &str, now: Instant) -> Result<PageReply, Refusal> {
        let whose = self.whose_named(whose_text)?;
        let view = self.budgets.lock().expect(HELD).view(whose, now);
        let name = self.name_of_whose(&self.people.lock().expect(HELD), whose);
        let limit = |limit: u32| (limit != u32::MAX).then_some(limit);
        let rows = view.rows.iter().map(|row| BudgetRow {
            measure: row.measure,
            span: row.span,
            patients: row.weight,
            normal: row.limit.normal,
            slow: limit(row.limit.slow),
            touch: limit(row.limit.touch),
            stop: limit(row.limit.stop),
            basis: basis(row.basis).to_owned(),
        });
        let days = view.days.iter().map(|day| {
            let [opened_due, opened_other, listed_due, listed_other] = day.patients;
            BudgetDay { from: day.from, opened_due, opened_other, listed_due, listed_other }
        });
        Ok(PageReply::Budget(Box::new(BudgetReport {
            whose: whose_text.to_owned(),
            name,
            rows: rows.collect(),
            days: days.collect(),
            stopped: view.stopped,
            asked: view.asked,
            ceilings: view.ceilings,
        })))
    }

    pub(super) fn lift_budget(
        &self,
        caller: &Caller,
        whose: &str,
        note: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (about, note) = (self.whose_named(whose)?, note_of(note)?);
        // whoever has the machine is no officer; an officer lifts at once, because somebody may stand before a patient
        if person_of(caller).is_none() {
            return Ok(self.ask_for(caller, Change::LiftBudget { about, note }, now)?.reply());
        }
        self.append(caller, vec![EntryBody::BudgetLifted { about, note }], now)?;
        Ok(PageReply::Done)
    }

    pub(super) fn set_budget(
        &self,
        caller: &Caller,
        whose: &str,
        ceilings: Ceilings,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let about = self.whose_named(whose)?;
        let (from, raises) = {
            let mut budgets = self.budgets.lock().expect(HELD);
            (budgets.ceilings(about), budgets.raises(about, &ceilings, now))
        };
        if raises {
            let change = Change::RaiseCeilings { about, from, to: ceilings };
            return Ok(self.ask_for(caller, change, now)?.reply());
        }
        self.append(caller, vec![EntryBody::BudgetSet { about, ceilings }], now)?;
        Ok(PageReply::Done)
    }

    /// Sets what was approved, where it still stands as it was shown.
    pub(crate) fn raise_ceilings_as(
        &self,
        proposal: &Proposal,
        about: Whose,
        from: Ceilings,
        to: Ceilings,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        if self.budgets.lock().expect(HELD).ceilings(about) != from {
            return Err(Refusal::NotFound);
        }
        self.with_entries(proposal, vec![EntryBody::BudgetSet { about, ceilings: to }], actor, now)
    }

    /// `person:EMAIL`, `org:NAME`, `device:NAME` or `site`.
    fn whose_named(&self, text: &str) -> Result<Whose, Refusal> {
        if text == "site" { Ok(Whose::Site) } else { self.who_named(text).map(Whose::from) }
    }

    fn name_of_whose(&self, people: &identity::People, whose: Whose) -> String {
        match who_of(whose) {
            Some(who) => self.name_of(people, who).0,
            None => format!("the site {}", self.site_name),
        }
    }
}

fn who_of(whose: Whose) -> Option<model::Who> {
    match whose {
        Whose::Person(person) => Some(model::Who::Person(person)),
        Whose::Organisation(organisation) => Some(model::Who::Organisation(organisation)),
        Whose::Device(device) => Some(model::Who::Device(device)),
        Whose::Site => None,
    }
}

/// How a request names them.
fn address_of(people: &identity::People, whose: Whose) -> String {
    match whose {
        Whose::Person(person) => people.person(person).map(|person| format!("person:{}", person.email())),
        Whose::Organisation(organisation) => {
            people.organisation(organisation).map(|organisation| format!("org:{}", organisation.name()))
        }
        Whose::Device(device) => people.device(device).map(|device| format!("device:{}", device.name())),
        Whose::Site => Some("site".to_owned()),
    }
    .unwrap_or_default()
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Own => "own",
        Basis::Peers => "peers",
        Basis::Role => "role",
        Basis::Set => "set",
        Basis::Nothing => "nothing",
    }
}

fn note_of(note: &str) -> Result<String, Refusal> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > NOTE_CHARACTERS_MAX || note.chars().any(char::is_control) {
        return Err(field("note", "what was seen, in 1 to 500 characters"));
    }
    Ok(note.to_owned())
}
