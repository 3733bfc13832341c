//! A second opinion: a clinician asks a colleague about one study. The colleague reaches that study until a date, and it stands in
//! their list; the patient reads who asked whom, and why.

use model::{
    Actor, EntryBody, EntryNumber, Instant, OpinionAsked, PersonId, Relationship, Role, Tier, Uid, What, Who, Window,
};
use policy::Service;
use protocol::{AskableRow, OpinionRequest, OpinionRow, PageReply, Refusal};

use crate::approvals::person_of;
use crate::pages::{HELD, field};
use crate::sharing::fold::Opinion;
use crate::state::Warden;
use crate::subject::Caller;

/// How long one lasts unless whoever asks says otherwise, in seconds.
const SECONDS: i64 = 14 * 86_400;
/// The longest that one lasts, in seconds.
const SECONDS_MAX: i64 = 90 * 86_400;
/// The shortest, in seconds.
const SECONDS_MIN: i64 = 3_600;
/// The shortest reason, in characters.
const REASON_CHARACTERS_MIN: usize = 3;
/// The most second opinions in one answer, the newest.
const ROWS_MAX: usize = 500;
/// The most second opinions of one asker at once.
const RUNNING_MAX: usize = 100;
/// The most colleagues in one answer.
const COLLEAGUES_MAX: usize = 1_000;

impl Warden {
    /// Answers a request about second opinions that policy allowed.
    pub(crate) async fn opinions(
        &self,
        caller: &Caller,
        request: OpinionRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            OpinionRequest::Ask { study, colleague, seconds, reason } => {
                self.ask_opinion(caller, (&study, &colleague), seconds, &reason, now).await
            }
            OpinionRequest::Own => Ok(PageReply::Opinions(self.own_opinions(caller))),
            OpinionRequest::End { opinion } => self.end_opinion(caller, opinion, now),
            OpinionRequest::Askable => Ok(PageReply::Askable(self.askable(caller))),
        }
    }

    async fn ask_opinion(
        &self,
        caller: &Caller,
        (uid, email): (&Uid, &str),
        seconds: i64,
        reason: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let asker = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let reason = super::make::said(reason)?;
        if reason.chars().count() < REASON_CHARACTERS_MIN {
            return Err(field("the reason", "why, in 3 to 200 characters that the colleague and the patient read"));
        }
        let seconds = if seconds == 0 { SECONDS } else { seconds };
        if !(SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
            return Err(field("for how long", "an hour to 90 days"));
        }
        let (patient, study, reaches_until) = self.to_share(caller, uid, Service::SecondOpinion, now).await?;
        let colleague = self.colleague_named(email, asker)?;
        caller.touched()?;
        let running = {
            let shared = self.sharing.read().expect(HELD);
            shared.running_opinions(now).filter(|one| one.asker == asker).count()
        };
        if running >= RUNNING_MAX {
            return Err(field(
                "the number of your second opinions",
                "at most 100 at once: end one that is not needed any more",
            ));
        }
        self.count_as_opened(caller, patient, study, now).await?;
        let until = now.plus_seconds(seconds).min(reaches_until);
        let relationship = Relationship {
            who: Who::Person(colleague),
            what: What::Study(study),
            tier: Tier::Open,
            window: Window { from: now, to: until },
            basis: format!("second opinion: {reason}"),
            entry: EntryNumber(0),
        };
        let asked = OpinionAsked { colleague, patient, study, until, reason };
        let bodies = vec![EntryBody::Related { relationship }, EntryBody::OpinionAsked(asked)];
        let appended = self.append(caller, bodies, now)?;
        let entry = appended.last().map(|(number, _)| *number).ok_or(Refusal::Internal)?;
        Ok(PageReply::Related { entry })
    }

    /// A clinician of that address, other than who asks.
    fn colleague_named(&self, email: &str, asker: PersonId) -> Result<PersonId, Refusal> {
        let people = self.people.lock().expect(HELD);
        let person = people.person_by_address(email).filter(|person| reads(person.role()) && person.id() != asker);
        let person = person.map(|person| person.id()).filter(|person| !people.is_closed(*person));
        person
            .ok_or_else(|| field("the colleague", "the e-mail address of a referrer or radiologist who is known here"))
    }

    fn own_opinions(&self, caller: &Caller) -> Vec<OpinionRow> {
        let own = person_of(caller);
        let opinions: Vec<Opinion> = {
            let shared = self.sharing.read().expect(HELD);
            let own = |one: &&Opinion| Some(one.asker) == own || Some(one.colleague) == own;
            shared.opinions().filter(own).take(ROWS_MAX).cloned().collect()
        };
        let people = self.people.lock().expect(HELD);
        let name = |person| self.name_of(&people, Who::Person(person)).0;
        let row = |one: Opinion| OpinionRow {
            opinion: one.number,
            study: one.study,
            asker: name(one.asker),
            colleague: name(one.colleague),
            own: Some(one.asker) == own,
            reason: one.reason,
            asked: one.asked,
            until: one.until,
        };
        opinions.into_iter().map(row).collect()
    }

    fn end_opinion(&self, caller: &Caller, opinion: EntryNumber, now: Instant) -> Result<PageReply, Refusal> {
        let own = person_of(caller);
        let relationship = {
            let shared = self.sharing.read().expect(HELD);
            let one = shared.opinion(opinion).filter(|one| Some(one.asker) == own && now < one.until);
            one.map(|one| one.relationship).ok_or(Refusal::NotFound)?
        };
        self.append(caller, vec![EntryBody::RelationshipEnded { entry: relationship, until: now }], now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// Ends those whose asker reaches the study no more: a colleague reaches it through them alone.
    pub(super) fn end_opinions_due(&self, now: Instant) {
        let running: Vec<Opinion> = {
            let shared = self.sharing.read().expect(HELD);
            shared.running_opinions(now).cloned().collect()
        };
        let due = |one: &Opinion| one.cut || !self.still_reaches(one.asker, one.patient, one.study, now);
        for opinion in running.into_iter().filter(due) {
            let ended = EntryBody::RelationshipEnded { entry: opinion.relationship, until: now };
            match self.ledger.append(vec![(Actor::Warden, ended)], now) {
                Ok(_) => self.leases.lock().expect(HELD).end_all(),
                Err(error) => {
                    let refusal = self.cannot_record(&error);
                    tracing::error!(%refusal, "a second opinion that is over could not be ended; it is tried again");
                }
            }
        }
    }

    fn askable(&self, caller: &Caller) -> Vec<AskableRow> {
        let Some(own) = person_of(caller) else { return Vec::new() };
        let people = self.people.lock().expect(HELD);
        let Some(organisations) = people.person(own).map(|person| person.organisations().to_vec()) else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        for row in people.person_rows() {
            let Some(person) = people.person(row.person) else { continue };
            let shares = person.organisations().iter().any(|organisation| organisations.contains(organisation));
            if row.person != own && row.closed.is_none() && reads(row.role) && shares && rows.len() < COLLEAGUES_MAX {
                let (name, email, organisations) = (row.name, row.email, row.organisations);
                rows.push(AskableRow { name, email, organisations });
            }
        }
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        rows
    }
}

/// Who gives a second opinion.
fn reads(role: Role) -> bool {
    matches!(role, Role::Referrer | Role::Radiologist)
}
