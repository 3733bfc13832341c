//! What officers see of break-glass: every use, its rate, and the sign-off.

use std::collections::BTreeMap;

use model::{BreakGlassRule, EntryBody, EntryNumber, Instant, NumberSet, PersonId, SECOND, Verdict, Who};
use protocol::{
    BreakGlassUses, EMERGENCY_TEXT_CHARACTERS_MAX, PageReply, Refusal, ReviewRow, UseDetail, UseRow, UsesOf, WeekOfUses,
};

use super::fold::Use;
use crate::approvals::person_of;
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// Weeks that the rate is shown for.
const WEEKS: i64 = 26;
const WEEK_SECONDS: i64 = 7 * 24 * 3600;
/// The most uses in one answer.
const ROWS_MAX: usize = 500;

impl Warden {
    /// Every use, and the rate.
    pub(super) fn uses(&self, now: Instant) -> BreakGlassUses {
        let begin = week_of(now).plus_seconds(-(WEEKS - 1) * WEEK_SECONDS);
        let mut weeks: Vec<WeekOfUses> = (0..WEEKS)
            .map(|week| WeekOfUses { from: begin.plus_seconds(week * WEEK_SECONDS), uses: 0, not_justified: 0 })
            .collect();
        let mut of_persons: BTreeMap<PersonId, Counted> = BTreeMap::new();
        let (shown, missed): (Vec<Use>, u32) = {
            let uses = self.uses.read().expect(HELD);
            for one in uses.newest_first().take_while(|one| one.at >= begin) {
                let wrong = one.review.as_ref().is_some_and(|review| review.verdict == Verdict::NotJustified);
                let week = usize::try_from((one.at.0 - begin.0) / (WEEK_SECONDS * SECOND)).unwrap_or(usize::MAX);
                if let Some(week) = weeks.get_mut(week) {
                    week.uses += 1;
                    week.not_justified += u32::from(wrong);
                }
                of_persons.entry(one.person).or_default().count(1, u32::from(wrong));
            }
            (uses.newest_first().take(ROWS_MAX).cloned().collect(), uses.missed_since(begin))
        };
        let (mut persons, mut organisations) = (BTreeMap::new(), BTreeMap::new());
        {
            let people = self.people.lock().expect(HELD);
            for (person, counted) in of_persons {
                let (name, _, of) = self.name_of(&people, Who::Person(person));
                for name in of {
                    organisations.entry(name).or_insert_with(Counted::default).count(counted.uses, counted.wrong);
                }
                persons.entry(name).or_insert_with(Counted::default).count(counted.uses, counted.wrong);
            }
        }
        let rows = shown.iter().map(|one| self.use_row(one, now)).collect();
        BreakGlassUses { rows, weeks, persons: most_first(persons), organisations: most_first(organisations), missed }
    }

    /// One use with the patient's name and what was opened: the officer must be able to ask. Recorded as a list, like an exposure report.
    pub(super) fn use_detail(&self, caller: &Caller, used: EntryNumber, now: Instant) -> Result<PageReply, Refusal> {
        let one = self.uses.read().expect(HELD).get(used).cloned().ok_or(Refusal::NotFound)?;
        let patients: NumberSet = [one.patient.0].into_iter().collect();
        let studies: NumberSet = one.opened.iter().map(|(_, study)| study.0).collect();
        let listed = EntryBody::Listed { patients, studies, lease_until: now };
        self.append(caller, vec![listed], now)?;
        let registry = self.readable_registry()?;
        let described = |study| registry.study(study).map(|row| format!("{} {}", row.date, row.description));
        let opened = one
            .opened
            .iter()
            .copied()
            .map(|(at, study)| (at, described(study).unwrap_or_default().trim().to_owned()))
            .collect();
        let patient = registry.patient(one.patient);
        drop(registry);
        let row = self.use_row(&one, now);
        Ok(PageReply::BreakGlassUse(Box::new(UseDetail { row, patient, opened })))
    }

    /// Signs a use off. A later look may be of another mind; both stay in the ledger.
    pub(super) fn review(
        &self,
        caller: &Caller,
        used: EntryNumber,
        verdict: Verdict,
        note: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let note = note.trim();
        if note.is_empty() || note.chars().count() > EMERGENCY_TEXT_CHARACTERS_MAX || note.chars().any(char::is_control)
        {
            return Err(field("note", "why, in 1 to 200 characters"));
        }
        let user = self.uses.read().expect(HELD).get(used).map(|one| one.person).ok_or(Refusal::NotFound)?;
        if person_of(caller) == Some(user) {
            return Err(Refusal::NotAllowed);
        }
        let body = EntryBody::BreakGlassReviewed { used, verdict, note: note.to_owned() };
        self.append(caller, vec![body], now)?;
        Ok(PageReply::Done)
    }

    fn use_row(&self, one: &Use, now: Instant) -> UseRow {
        let rule: BreakGlassRule = self.proposals.read().expect(HELD).break_glass();
        let people = self.people.lock().expect(HELD);
        let (name, role, organisations) = self.name_of(&people, Who::Person(one.person));
        UseRow {
            used: one.number,
            person: one.person,
            name,
            role,
            organisations,
            at: one.at,
            until: one.until,
            running: now < one.until,
            reason: one.reason,
            text: one.text.clone(),
            opened: one.opened.len() as u32,
            review: one.review.as_ref().map(|review| ReviewRow {
                by: self.actor_name(&people, &review.by),
                at: review.at,
                verdict: review.verdict,
                note: review.note.clone(),
            }),
            overdue: one.review.is_none() && now > one.at.plus_seconds(rule.review_seconds),
        }
    }
}

/// The Monday, 00:00 UTC, of the week of a moment. 1 January 1970 was a Thursday.
fn week_of(at: Instant) -> Instant {
    const MONDAY: i64 = 4 * 24 * 3600;
    let seconds = at.0.div_euclid(SECOND) - MONDAY;
    Instant((seconds.div_euclid(WEEK_SECONDS) * WEEK_SECONDS + MONDAY) * SECOND)
}

/// Uses, and those of them that an officer found not justified.
#[derive(Default)]
struct Counted {
    uses: u32,
    wrong: u32,
}

impl Counted {
    fn count(&mut self, uses: u32, wrong: u32) {
        self.uses += uses;
        self.wrong += wrong;
    }
}

fn most_first(counts: BTreeMap<String, Counted>) -> Vec<UsesOf> {
    let of = |(name, counted): (String, Counted)| UsesOf { name, uses: counted.uses, not_justified: counted.wrong };
    let mut rows: Vec<UsesOf> = counts.into_iter().map(of).collect();
    rows.sort_by(|a, b| b.uses.cmp(&a.uses).then_with(|| a.name.cmp(&b.name)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        let monday = Instant(1_763_942_400 * SECOND);
        assert_eq!(week_of(monday), monday, "24 November 2025");
        assert_eq!(week_of(monday.plus_seconds(WEEK_SECONDS - 1)), monday);
        assert_eq!(week_of(monday.plus_seconds(-1)), monday.plus_seconds(-WEEK_SECONDS));
    }
}
