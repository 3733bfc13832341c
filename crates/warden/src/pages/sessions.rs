//! One's own session and sessions, and an officer's view of others'.

use model::{Instant, PersonId, Role, SessionId};
use protocol::{PageReply, Refusal};

use super::HELD;
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
        let (own, current) = own(caller)?;
        let rows = self.people.lock().expect(HELD).session_rows(person.unwrap_or(own), Some(current), now);
        Ok(PageReply::Sessions(rows))
    }

    /// One's own, or anybody's for an officer.
    pub(super) async fn end_session(
        &self,
        caller: &Caller,
        session: SessionId,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let (own, _) = own(caller)?;
        let mut people = self.people.lock().expect(HELD);
        let owner = people.session_owner(session).ok_or(Refusal::NotFound)?;
        let officer = matches!(caller.role(), Some(Role::Officer | Role::OfficerAdministrator));
        if owner != own && !officer {
            return Err(Refusal::NotFound);
        }
        let changed = people.end_session(session)?;
        self.commit(people, changed, &caller.actor, now)?;
        self.leases.lock().expect(HELD).end(Holder::Session(session));
        Ok(PageReply::Done)
    }
}

fn own(caller: &Caller) -> Result<(PersonId, SessionId), Refusal> {
    match &caller.actor {
        model::Actor::Person { person, session, .. } => Ok((*person, *session)),
        _ => Err(Refusal::NotAllowed),
    }
}
