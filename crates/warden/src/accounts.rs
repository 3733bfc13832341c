//! Accounts: who may add colleagues, when accounts end by themselves, what is lost and who says so, which authenticators an
//! organisation takes, and the census.
//!
//! A delegate is a clinician with a right in one organisation. What a delegate does is about people of that organisation alone: an
//! account that is a member of another one too is that one's as well, and a link to it would be a way into it, so an administrator
//! issues that. Where a whole organisation reads the whole site, two persons stand before every addition.

use std::sync::MutexGuard;

use identity::{NewPerson, People};
use model::{AuthenticatorRule, Change, EntryBody, Instant, OrganisationId, PersonId, ProfessionalId, Role, Who};
use policy::{Service, Target};
use protocol::{AccountsRequest, PageReply, Refusal};
use seal::SystemRandom;

use crate::approvals::person_of;
use crate::pages::{HELD, field, unknown};
use crate::removals::open_person;
use crate::state::Warden;
use crate::subject::Caller;

/// To whom colleagues may give a link.
const NO_MORE: &str =
    "somebody who reads no more than those who ask; an administrator issues the link, and a second person agrees";

/// What a delegate says of a colleague.
struct NewColleague {
    email: String,
    name: String,
    role: Role,
    professional_id: Option<ProfessionalId>,
    until: Option<Instant>,
}

/// Which service a request is.
pub(crate) fn service_of(request: &AccountsRequest) -> Service {
    match request {
        AccountsRequest::Authenticators { .. }
        | AccountsRequest::Delegate { .. }
        | AccountsRequest::Until { .. }
        | AccountsRequest::Join { .. }
        | AccountsRequest::Reset { .. } => Service::Manage,
        AccountsRequest::Census { .. } => Service::Directory,
        AccountsRequest::Colleagues | AccountsRequest::Vouch { .. } => Service::Colleagues,
        AccountsRequest::AddColleague { .. }
        | AccountsRequest::ColleagueUntil { .. }
        | AccountsRequest::ColleagueLeaves { .. }
        | AccountsRequest::ColleagueReset { .. } => Service::Delegate,
    }
}

impl Warden {
    /// What a request is about, as far as policy has to know.
    pub(crate) fn target_of(&self, request: &AccountsRequest) -> Target {
        match request {
            AccountsRequest::AddColleague { organisation, .. }
            | AccountsRequest::ColleagueUntil { organisation, .. }
            | AccountsRequest::ColleagueLeaves { organisation, .. }
            | AccountsRequest::ColleagueReset { organisation, .. } => {
                let people = self.people.lock().expect(HELD);
                people.organisation_by_name(organisation).map_or(Target::Nothing, |one| Target::Organisation(one.id()))
            }
            _ => Target::Nothing,
        }
    }

    /// Answers a request that policy allowed.
    pub(crate) fn accounts(
        &self,
        caller: &Caller,
        request: AccountsRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            AccountsRequest::Authenticators { organisation, rule } => {
                self.set_authenticators(caller, &organisation, rule, now)
            }
            AccountsRequest::Delegate { email, organisation, delegate } => {
                caller.touched()?;
                let organisation = self.organisation(&organisation)?;
                let mut people = self.people.lock().expect(HELD);
                let person = open_person(&people, &email)?;
                let changed = people.set_delegate(person, organisation, delegate)?;
                self.commit(people, changed, &caller.actor, now)?;
                Ok(PageReply::Done)
            }
            AccountsRequest::Until { email, until } => {
                let person = open_person(&self.people.lock().expect(HELD), &email)?;
                self.set_until(caller, person, until, now)
            }
            AccountsRequest::Join { email, organisation } => self.join(caller, &email, &organisation, now),
            AccountsRequest::Reset { email } => self.issue_enrolment(caller, &email, true, now),
            AccountsRequest::Census { list, unused_days } => {
                let list = identity::StaffList::parse(&list)?;
                let report = self.people.lock().expect(HELD).census(&list, unused_days, now);
                Ok(PageReply::Census(Box::new(report)))
            }
            AccountsRequest::Colleagues => {
                let person = person_of(caller).ok_or(Refusal::NotAllowed)?;
                Ok(PageReply::Colleagues(self.people.lock().expect(HELD).colleague_rows(person, now)))
            }
            AccountsRequest::Vouch { email } => self.vouch(caller, &email, now),
            AccountsRequest::AddColleague { organisation, email, name, role, professional_id, until } => {
                let new = NewColleague { email, name, role, professional_id, until };
                self.add_colleague(caller, &organisation, new, now)
            }
            AccountsRequest::ColleagueUntil { organisation, email, until } => {
                let person = self.colleague(&organisation, &email)?;
                self.belongs_here_alone(&organisation, person)?;
                self.set_until(caller, person, until, now)
            }
            AccountsRequest::ColleagueLeaves { organisation, email } => {
                self.colleague(&organisation, &email)?;
                let request = protocol::RemovalRequest::Leave { email, organisation };
                self.removals(caller, request, now)
            }
            AccountsRequest::ColleagueReset { organisation, email } => {
                caller.touched()?;
                let person = self.colleague(&organisation, &email)?;
                self.belongs_here_alone(&organisation, person)?;
                let people = self.people.lock().expect(HELD);
                self.reaches_no_more_than(&people, person, false, now)?;
                self.reset_in(people, caller, person, now)
            }
        }
    }

    /// Adds a colleague and issues the link. Somebody whose account ended by itself joins again with the authenticators that they have.
    fn add_colleague(
        &self,
        caller: &Caller,
        organisation: &str,
        new: NewColleague,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        caller.touched()?;
        if !policy::may_be_delegate(new.role) {
            return Err(field("role", "referrer, radiologist or technologist"));
        }
        let id = new.professional_id.map(|id| id.to_string().parse::<ProfessionalId>()).transpose();
        let professional_id = id.map_err(|_| field("professional id", "ISSUER/ID, each 1 to 64 characters"))?;
        let organisation = self.organisation(organisation)?;
        self.reads_single_patients(organisation, now)?;
        let mut people = self.people.lock().expect(HELD);
        let known = people.person_by_address(&new.email).map(|one| (one.id(), one.role()));
        let (until, email) = (new.until, new.email.clone());
        let added = match known {
            Some((person, _)) if people.is_closed(person) => {
                people.may_be_added(&email, &new.name).map_err(Refusal::from).map(|()| None)
            }
            Some((person, role)) => {
                let free = role == new.role && self.ends_of(Who::Person(person), now).is_empty();
                self.rejoined(&mut people, (person, free), organisation, until, now).map(Some)
            }
            None => Ok(None),
        };
        let added = added.and_then(|rejoined| match rejoined {
            Some(entries) => Ok(entries),
            None => {
                let new = NewPerson {
                    email: new.email,
                    name: new.name,
                    role: new.role,
                    organisations: vec![organisation],
                    password_and_code: false,
                };
                let added = people.add_person(new, &mut SystemRandom)?;
                Ok([added.entries, people.set_until(added.value, until, now)?.entries].concat())
            }
        });
        let made = added.and_then(|mut entries| {
            let person = people.person_by_address(&email).map(|one| one.id()).ok_or(Refusal::Internal)?;
            if professional_id.is_some() {
                entries.extend(people.state_professional_id(person, professional_id)?.entries);
            }
            if known.is_some() {
                return Ok((person, entries, None));
            }
            let link = people.issue_enrolment(person, now, &mut SystemRandom)?;
            entries.extend(link.entries);
            Ok((person, entries, Some(link.value)))
        });
        let (person, entries, link) = match made {
            Ok(made) => made,
            Err(refusal) => {
                people.revert();
                return Err(refusal);
            }
        };
        self.commit_appended(people, entries, &caller.actor, now)?;
        Ok(link.map_or(PageReply::Done, |link| self.link_reply(person, link)))
    }

    /// Lets somebody join again, as far as a delegate may: an account that ended by itself, in the role that it had, of which nothing
    /// runs any more. Whoever knows an address gets nothing of anybody else by it.
    fn rejoined(
        &self,
        people: &mut People,
        (person, free): (PersonId, bool),
        organisation: OrganisationId,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Vec<EntryBody>, Refusal> {
        if people.person(person).is_some_and(|one| one.organisations().contains(&organisation)) {
            return Err(Refusal::Exists);
        }
        let joined = if free { people.rejoin(person, organisation, until, now)? } else { None };
        joined.map(|joined| joined.entries).ok_or_else(|| {
            field("email", "one that no account has, or that of an account that has ended; an administrator joins them")
        })
    }

    fn set_until(
        &self,
        caller: &Caller,
        person: PersonId,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let changed = people.set_until(person, until, now)?;
        self.commit(people, changed, &caller.actor, now)?;
        // what a lease still gives may last longer than the account
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// Joining an organisation that reads the whole site reaches the whole site, so two persons stand before it.
    fn join(&self, caller: &Caller, email: &str, organisation: &str, now: Instant) -> Result<PageReply, Refusal> {
        let organisation = self.organisation(organisation)?;
        let mut people = self.people.lock().expect(HELD);
        let person = open_person(&people, email)?;
        if people.is_lapsed(person, now) {
            return Err(field("this account", "one that has not ended; set a new end first"));
        }
        if people.person(person).is_some_and(|one| one.organisations().contains(&organisation)) {
            return Err(Refusal::Exists);
        }
        if self.reads_single_patients(organisation, now).is_err() {
            drop(people);
            return Ok(self.ask_for(caller, Change::Join { person, organisation }, now)?.reply());
        }
        let changed = people.join(person, organisation)?;
        self.commit(people, changed, &caller.actor, now)?;
        Ok(PageReply::Done)
    }

    /// A rule that takes less than before holds at once; one that takes more waits for a second person.
    fn set_authenticators(
        &self,
        caller: &Caller,
        organisation: &str,
        rule: AuthenticatorRule,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        caller.touched()?;
        let organisation = self.organisation(organisation)?;
        let mut people = self.people.lock().expect(HELD);
        people.rule_fits(&rule, now)?;
        let from = people.rule(organisation).cloned().unwrap_or_default();
        if from == rule {
            return Err(Refusal::Exists);
        }
        if !rule.is_at_least_as_strict_as(&from) {
            drop(people);
            let change = Change::Authenticators { organisation, from, to: rule };
            return Ok(self.ask_for(caller, change, now)?.reply());
        }
        let kept = match &caller.actor {
            model::Actor::Person { session, .. } => Some(*session),
            _ => None,
        };
        let changed = people.set_rule(organisation, rule, kept, now)?;
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// Two colleagues who both know somebody say that they lost their authenticators; the second is given the link, to hand it over in
    /// person. Whoever says so is judged when it counts: a first word by somebody who may not any more is none.
    fn vouch(&self, caller: &Caller, email: &str, now: Instant) -> Result<PageReply, Refusal> {
        caller.touched()?;
        let by = person_of(caller).ok_or(Refusal::NotAllowed)?;
        let mut people = self.people.lock().expect(HELD);
        let of = |person| people.person(person).map(|one| one.organisations().to_vec()).unwrap_or_default();
        let own = of(by);
        // who is no colleague is nobody here
        let colleague = |person: &PersonId| of(*person).iter().any(|organisation| own.contains(organisation));
        let person = open_person(&people, email).ok().filter(colleague).ok_or(Refusal::NotFound)?;
        if person == by || !people.is_enrolled(person) || people.is_lapsed(person, now) {
            return Err(field("this person", "a colleague who is enrolled, and not yourself"));
        }
        let may_vouch = |people: &People, by| people.may_vouch(by, person, policy::role_covers, now);
        if !may_vouch(&people, by) {
            return Err(field("this person", NO_MORE));
        }
        self.reaches_no_more_than(&people, person, true, now)?;
        let changed = people.vouch(person, by, may_vouch, now)?;
        if !changed.value {
            self.commit(people, changed, &caller.actor, now)?;
            return Ok(PageReply::Done);
        }
        self.reset_in(people, caller, person, now)
    }

    /// Issues a link that replaces what somebody had.
    pub(crate) fn reset(&self, caller: &Caller, person: PersonId, now: Instant) -> Result<PageReply, Refusal> {
        self.reset_in(self.people.lock().expect(HELD), caller, person, now)
    }

    fn reset_in(
        &self,
        mut people: MutexGuard<'_, People>,
        caller: &Caller,
        person: PersonId,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let changed = people.issue_reset(person, now, &mut SystemRandom)?;
        let link = self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(self.link_reply(person, link))
    }

    /// Ends the accounts whose time has come.
    pub(crate) fn lapse_accounts(&self, now: Instant) {
        let mut people = self.people.lock().expect(HELD);
        let mut changed = people.lapse(now);
        if changed.value.is_empty() {
            return;
        }
        for person in changed.value.clone() {
            changed.entries.extend(self.ends_of(Who::Person(person), now));
        }
        match self.commit(people, changed, &model::Actor::Warden, now) {
            Ok(_) => self.leases.lock().expect(HELD).end_all(),
            Err(error) => {
                tracing::error!(%error, "accounts whose time has come could not be ended; nobody signs in with them")
            }
        }
    }

    /// Gives a sunset to passwords that an earlier version took without end.
    pub(crate) fn give_sunsets(&self, now: Instant) {
        let mut people = self.people.lock().expect(HELD);
        let entries = people.give_sunsets(now);
        if !entries.is_empty()
            && let Err(error) = self.commit_appended(people, entries, &model::Actor::Warden, now)
        {
            tracing::error!(%error, "passwords could not be given a last day; it is tried again at the next start");
        }
    }

    fn organisation(&self, name: &str) -> Result<OrganisationId, Refusal> {
        let people = self.people.lock().expect(HELD);
        people
            .organisation_by_name(name)
            .map(identity::Organisation::id)
            .ok_or_else(|| unknown("organisation", "org list"))
    }

    /// A member of an organisation who works with patients.
    fn colleague(&self, organisation: &str, email: &str) -> Result<PersonId, Refusal> {
        let organisation = self.organisation(organisation)?;
        let people = self.people.lock().expect(HELD);
        let member = open_person(&people, email).ok().and_then(|person| people.person(person));
        let member =
            member.filter(|one| one.organisations().contains(&organisation) && policy::may_be_delegate(one.role()));
        member.map(identity::Person::id).ok_or(Refusal::NotFound)
    }

    /// An account is one organisation's to change while it is a member of no other.
    fn belongs_here_alone(&self, organisation: &str, person: PersonId) -> Result<(), Refusal> {
        let organisation = self.organisation(organisation)?;
        let people = self.people.lock().expect(HELD);
        let alone = people.person(person).is_some_and(|one| one.organisations() == [organisation]);
        alone.then_some(()).ok_or_else(|| {
            field("this person", "a member of this organisation alone; an administrator does it for members of several")
        })
    }

    fn reads_single_patients(&self, organisation: OrganisationId, now: Instant) -> Result<(), Refusal> {
        let reads_all = self.relations.read().expect(HELD).reaches_site(Who::Organisation(organisation), now)
            || self.proposals.read().expect(HELD).would_raise(None, &[organisation]);
        if reads_all {
            return Err(field(
                "organisation",
                "one that does not read the whole site; an administrator adds people there",
            ));
        }
        Ok(())
    }

    /// Whoever holds the link becomes that person, so colleagues get none to an officer or administrator, nor to the whole site, except
    /// where every one of them reads it by the same organisation (`share`), nor to an account that is locked or joined again just now.
    fn reaches_no_more_than(
        &self,
        people: &People,
        person: PersonId,
        share: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        if people.is_locked(person) {
            return Err(field(
                "this person",
                "somebody whose account is not locked; an administrator hands over the link",
            ));
        }
        if people.has_just_rejoined(person, now) {
            return Err(field(
                "this person",
                "somebody who did not join again within the last 14 days; an administrator issues the link",
            ));
        }
        let one = people.person(person).ok_or(Refusal::NotFound)?;
        let relations = self.relations.read().expect(HELD);
        let alone = relations.reaches_site(Who::Person(person), now);
        let further =
            !share && one.organisations().iter().any(|of| relations.reaches_site(Who::Organisation(*of), now));
        let will = self.proposals.read().expect(HELD).would_raise(Some(person), one.organisations());
        if policy::decides(one.role()) || one.role() == Role::Patient || alone || further || will {
            return Err(field("this person", NO_MORE));
        }
        Ok(())
    }
}

/// The entries of what a carried-out change does to people.
pub(crate) fn carried(people: &mut identity::People, change: &Change, now: Instant) -> Result<Vec<EntryBody>, Refusal> {
    match change {
        Change::Join { person, organisation } => {
            if people.is_closed(*person) || people.is_lapsed(*person, now) {
                return Err(Refusal::NotFound);
            }
            Ok(people.join(*person, *organisation)?.entries)
        }
        Change::Authenticators { organisation, from, to } => {
            if people.rule(*organisation) != Some(from) {
                return Err(Refusal::NotFound);
            }
            Ok(people.set_rule(*organisation, to.clone(), None, now)?.entries)
        }
        _ => Err(Refusal::Internal),
    }
}
