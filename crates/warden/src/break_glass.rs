//! Break-glass: somebody without a relationship reaches one patient in an emergency, for hours at most, louder than anything else.
//!
//! exact identity → patient → a relationship with the basis break-glass and the entry that says why, both or none → reach as
//! for everybody. A wrong identity is an entry too, and a few of them make the next one wait: or this would tell who is a patient here.

mod find;
pub(crate) mod fold;
mod review;

use model::{EmergencyReason, EntryBody, EntryNumber, Instant, Relationship, Tier, What, Who, Window};
use policy::Service;
use protocol::{
    BreakGlassRequest, BreakGlassTerms, BrokenGlass, EMERGENCY_TEXT_CHARACTERS_MAX, EMERGENCY_TEXT_CHARACTERS_MIN,
    Emergency, PageReply, Refusal,
};

use crate::approvals::person_of;
use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// The most uses of one person in a day. A hundred patients in a disaster have a team with relationships, not one person with a hammer.
const USES_A_DAY_MAX: usize = 20;
/// The shortest use, in seconds.
const SECONDS_MIN: i64 = 60;

/// Which service a request is.
pub(crate) fn service_of(request: &BreakGlassRequest) -> Service {
    match request {
        BreakGlassRequest::Terms | BreakGlassRequest::Use(_) => Service::BreakGlass,
        _ => Service::ReviewBreakGlass,
    }
}

impl Warden {
    /// Answers a request that policy allowed.
    pub(crate) fn break_glass(
        &self,
        caller: &Caller,
        request: BreakGlassRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            BreakGlassRequest::Terms => Ok(PageReply::BreakGlassTerms(self.break_glass_terms(caller, now)?)),
            BreakGlassRequest::Use(emergency) => self.use_break_glass(caller, &emergency, now),
            BreakGlassRequest::Uses => Ok(PageReply::BreakGlassUses(Box::new(self.uses(now)))),
            BreakGlassRequest::One { used } => self.use_detail(caller, used, now),
            BreakGlassRequest::Review { used, verdict, note } => self.review(caller, used, verdict, &note, now),
            BreakGlassRequest::End { used } => self.end_use(caller, used, now),
        }
    }

    fn break_glass_terms(&self, caller: &Caller, now: Instant) -> Result<BreakGlassTerms, Refusal> {
        let person = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let officers = self.people.lock().expect(HELD).able(policy::officer).len() as u32;
        let seconds_max = self.proposals.read().expect(HELD).break_glass().seconds_max;
        let uses = self.uses.read().expect(HELD);
        let uses_today = uses.of_person_since(person, now.plus_seconds(-86_400)) as u32;
        Ok(BreakGlassTerms { seconds_max, tries_left: uses.tries_left(person, now), uses_today, officers })
    }

    /// Reaches one patient.
    fn use_break_glass(&self, caller: &Caller, emergency: &Emergency, now: Instant) -> Result<PageReply, Refusal> {
        let person = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let text = said(&emergency.text)?;
        self.may_try(person, now)?;
        find::in_shape(emergency)?;
        // before anything is looked up: a front alone learns nothing
        caller.touched()?;
        // one at a time: two tries at once count as two
        let _turn = self.changing.lock().expect(HELD);
        self.may_try(person, now)?;
        let Some(patient) = self.find_exactly(emergency)? else {
            let tries = self.uses.read().expect(HELD).misses_in_a_row(person, now) + 1;
            self.append(caller, vec![EntryBody::BreakGlassMissed { tries }], now)?;
            return Err(Refusal::NotFound);
        };
        let seconds_max = self.proposals.read().expect(HELD).break_glass().seconds_max;
        let until = now.plus_seconds(emergency.seconds.clamp(SECONDS_MIN, seconds_max));
        let relationship = Relationship {
            who: Who::Person(person),
            what: What::Patient(patient),
            tier: Tier::Open,
            window: Window { from: now, to: until },
            basis: basis(emergency.reason, &text),
            entry: EntryNumber(0),
        };
        let used = EntryBody::BrokeGlass { patient, reason: emergency.reason, text, until };
        let appended = self.append(caller, vec![EntryBody::Related { relationship }, used], now)?;
        let used = appended.last().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        tracing::warn!(entry = %used, "break-glass was used; an officer reviews it");
        Ok(PageReply::BrokenGlass(BrokenGlass { used, until }))
    }

    fn may_try(&self, person: model::PersonId, now: Instant) -> Result<(), Refusal> {
        let uses = self.uses.read().expect(HELD);
        if let Some(seconds) = uses.wait_seconds(person, now) {
            return Err(Refusal::Throttled { seconds });
        }
        if uses.of_person_since(person, now.plus_seconds(-86_400)) >= USES_A_DAY_MAX {
            return Err(Refusal::Throttled { seconds: 3600 });
        }
        Ok(())
    }

    /// Ends the reach of a use that still runs.
    fn end_use(&self, caller: &Caller, used: EntryNumber, now: Instant) -> Result<PageReply, Refusal> {
        let relationship = {
            let uses = self.uses.read().expect(HELD);
            uses.get(used).filter(|one| now < one.until).map(|one| one.relationship).ok_or(Refusal::NotFound)?
        };
        self.append(caller, vec![EntryBody::RelationshipEnded { entry: relationship, until: now }], now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }
}

fn said(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let characters = text.chars().count();
    let fits = (EMERGENCY_TEXT_CHARACTERS_MIN..=EMERGENCY_TEXT_CHARACTERS_MAX).contains(&characters);
    if !fits || text.chars().any(char::is_control) {
        return Err(field("the reason in words", "5 to 200 characters that the officer and the patient will read"));
    }
    Ok(text.to_owned())
}

/// The basis of the relationship, which the officer, the user and the patient see.
pub(crate) fn basis(reason: EmergencyReason, text: &str) -> String {
    format!("{BASIS}{}: {text}", word(reason))
}

/// Whether that is why something is in reach.
pub(crate) fn is_break_glass(basis: &str) -> bool {
    basis.starts_with(BASIS)
}

/// What each of them begins with.
const BASIS: &str = "break-glass, ";

/// The fixed word in it.
fn word(reason: EmergencyReason) -> &'static str {
    match reason {
        EmergencyReason::LifeThreatening => "life-threatening",
        EmergencyReason::UrgentTreatment => "urgent-treatment",
        EmergencyReason::CriticalResult => "critical-result",
        EmergencyReason::SystemDown => "system-down",
        EmergencyReason::Other => "other",
    }
}
