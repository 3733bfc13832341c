//! What ends at once: accounts of people who left, memberships, passkeys, devices, tokens. Each is an entry.
//!
//! Ending takes reach away, so one person may do it, except where it takes away somebody who decides about others: the
//! account of an officer or administrator is closed by two, and their passkeys are theirs alone to remove. Else one administrator
//! could leave no second person to ask.

use audit::Appended;
use identity::People;
use model::{Actor, Change, EntryBody, Instant, PersonId, Role, Who};
use policy::Service;
use protocol::{PageReply, Refusal, RemovalRequest};

use crate::approvals::fold::Proposal;
use crate::approvals::person_of;
use crate::pages::{HELD, field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// Which service a request is: one's own passkeys are one's own.
pub(crate) fn service_of(request: &RemovalRequest) -> Service {
    match request {
        RemovalRequest::Passkeys { person: None } | RemovalRequest::Passkey { person: None, .. } => {
            Service::OwnSessions
        }
        _ => Service::Manage,
    }
}

impl Warden {
    /// Answers a request that policy allowed.
    pub(crate) fn removals(
        &self,
        caller: &Caller,
        request: RemovalRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            RemovalRequest::ClosePerson { email } => self.close_person(caller, &email, now),
            RemovalRequest::Leave { email, organisation } => {
                let mut people = self.people.lock().expect(HELD);
                let person = open_person(&people, &email)?;
                let organisation =
                    people.organisation_by_name(&organisation).ok_or_else(|| unknown("organisation", "org list"))?.id();
                let changed = people.leave(person, organisation)?;
                if changed.entries.is_empty() {
                    return Err(field("organisation", "one that this person is a member of"));
                }
                self.commit(people, changed, &caller.actor, now)?;
                self.leases.lock().expect(HELD).end_all();
                Ok(PageReply::Done)
            }
            RemovalRequest::Device { name } => self.remove_device(caller, &name, now),
            RemovalRequest::DeviceToken { name } => {
                let mut people = self.people.lock().expect(HELD);
                let device = people.device_by_name(&name).ok_or_else(|| unknown("device", "device list"))?.id();
                let changed = people.remove_device_token(device)?;
                self.commit(people, changed, &caller.actor, now)?;
                self.leases.lock().expect(HELD).end_all();
                Ok(PageReply::Done)
            }
            RemovalRequest::Passkeys { person } => {
                let person = person.or(person_of(caller)).ok_or(Refusal::NotFound)?;
                Ok(PageReply::Passkeys(self.people.lock().expect(HELD).passkey_rows(person)))
            }
            RemovalRequest::Passkey { person, passkey } => self.remove_passkey(caller, person, &passkey, now),
        }
    }

    fn close_person(&self, caller: &Caller, email: &str, now: Instant) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let person = open_person(&people, email)?;
        if people.person(person).is_some_and(|one| policy::decides(one.role())) {
            drop(people);
            return Ok(self.ask_for(caller, Change::ClosePerson { person }, now)?.reply());
        }
        let mut changed = people.close_person(person, now)?;
        changed.entries.extend(self.ends_of(Who::Person(person), now));
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// Closes the account of an officer or administrator, as others approved.
    pub(crate) fn close_person_as(
        &self,
        proposal: &Proposal,
        person: PersonId,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        if !others_decide(&people, person, None) {
            return Err(field("this account", "one that is not the last officer or the last administrator"));
        }
        let changed = people.close_person(person, now).map_err(Refusal::from).map(|mut changed| {
            changed.entries.extend(self.ends_of(Who::Person(person), now));
            changed
        });
        self.with_people(proposal, people, changed, actor, now)
    }

    fn remove_device(&self, caller: &Caller, name: &str, now: Instant) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let device = people.device_by_name(name).ok_or_else(|| unknown("device", "device list"))?.id();
        let mut changed = people.remove_device(device, now)?;
        changed.entries.extend(self.ends_of(Who::Device(device), now));
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    fn remove_passkey(
        &self,
        caller: &Caller,
        person: Option<PersonId>,
        passkey: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        let own = person_of(caller);
        let person = person.or(own).ok_or(Refusal::NotFound)?;
        let decides = people.person(person).is_some_and(|one| policy::decides(one.role()));
        if decides && own != Some(person) {
            return Err(Refusal::NotAllowed);
        }
        let kept = match &caller.actor {
            Actor::Person { session, .. } => Some(*session),
            _ => None,
        };
        let changed = people.remove_passkey(person, passkey, kept)?;
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end_all();
        Ok(PageReply::Done)
    }

    /// Entries that end whatever somebody's own relationships still reach.
    pub(crate) fn ends_of(&self, who: Who, now: Instant) -> Vec<EntryBody> {
        let running = self.relations.read().expect(HELD).running_of(who, now);
        running.into_iter().map(|entry| EntryBody::RelationshipEnded { entry, until: now }).collect()
    }
}

/// Whether an officer and an administrator who can sign in are left when this person becomes something else, or leaves. True as well for somebody who
/// is not enrolled: nothing is lost with them.
pub(crate) fn others_decide(people: &People, person: PersonId, becomes: Option<Role>) -> bool {
    let left = |holds: fn(Role) -> bool| {
        becomes.is_some_and(holds) || people.able(holds).iter().any(|(other, _)| *other != person)
    };
    let decided = people.enrolled(policy::decides).iter().any(|(other, _)| *other == person);
    !decided || (left(policy::officer) && left(policy::administers))
}

/// A person whose account is not closed.
pub(crate) fn open_person(people: &People, email: &str) -> Result<PersonId, Refusal> {
    let person = people.person_by_address(email).map(identity::Person::id);
    person.filter(|person| !people.is_closed(*person)).ok_or_else(|| unknown("person", "person list"))
}
