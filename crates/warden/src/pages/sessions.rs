//! One's own session and sessions, and an officer's view of others'.

use model::{Actor, DeviceId, Instant, PersonId, SessionId};
use policy::{Denied, Service, Subject, Target};
use protocol::{PageReply, Refusal, SignedInRows};

use super::{HELD, unknown};
use crate::leases::Holder;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    pub(super) fn me(&self, caller: &Caller) -> Result<PageReply, Refusal> {
        let model::Actor::Person { session, .. } = caller.actor else { return Err(Refusal::SignedOut) };
        self.people.lock().expect(HELD).me(session).map(PageReply::Me).ok_or(Refusal::SignedOut)
    }

    pub(super) fn sessions(
        &self,
        caller: &Caller,
        person: Option<PersonId>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (own, current) = match caller.actor {
            Actor::Person { person, session, .. } => (Some(person), Some(session)),
            _ => (None, None),
        };
        let whose = person.or(own).ok_or(Refusal::NotAllowed)?;
        Ok(PageReply::Sessions(self.people.lock().expect(HELD).session_rows(whose, current, now)))
    }

    /// Sessions of people and tokens of devices in one list.
    pub(super) fn signed_in_rows(&self, caller: &Caller, now: Instant) -> PageReply {
        let current = match &caller.actor {
            Actor::Person { session, .. } => Some(*session),
            _ => None,
        };
        let people = self.people.lock().expect(HELD);
        let devices = people.device_rows().into_iter().filter(|row| row.token).collect();
        PageReply::SignedIn(Box::new(SignedInRows { people: people.all_session_rows(current, now), devices }))
    }

    /// A token that must not work any more. The device stays: its name, its AE title, its relationships.
    pub(super) fn end_device_token(
        &self,
        caller: &Caller,
        device: DeviceId,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let mut people = self.people.lock().expect(HELD);
        if !people.device(device).is_some_and(identity::Device::has_token) {
            return Err(Refusal::NotFound);
        }
        let changed = people.remove_device_token(device)?;
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end(Holder::Device(device));
        Ok(PageReply::Done)
    }

    /// One's own, or anybody's for an officer and the owner of the machine.
    pub(super) async fn end_session(
        &self,
        caller: &Caller,
        session: SessionId,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let holder = self.people.lock().expect(HELD).session_owner(session);
        if holder.is_none() && matches!(caller.subject, Subject::Owner) {
            // nothing is hidden from the owner of the machine, who is told where the open ones stand
            return Err(unknown("open session", "session list"));
        }
        let own = matches!(caller.actor, Actor::Person { person, .. } if holder == Some(person));
        let any = || policy::decide(&caller.subject, Service::AllSessions, Target::Nothing, now).is_ok();
        if !own && (holder.is_none() || !any()) {
            return Err(self.refuse(caller, "sessions", None, Denied::Reach, now).await);
        }
        let mut people = self.people.lock().expect(HELD);
        let changed = people.end_session(session)?;
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end(Holder::Session(session));
        Ok(PageReply::Done)
    }
}
