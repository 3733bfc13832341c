//! Many links at once: which ones a text names, and ending all of them, each with an entry of its own.

use std::collections::BTreeSet;

use model::{Instant, LinkEnd, LinkId, PersonId, SessionId, StudyNumber, Uid, Who};
use policy::{Service, Target};
use protocol::{PageReply, Refusal};

use crate::approvals::person_of;
use crate::pages::{HELD, field};
use crate::sharing::fold::Link;
use crate::state::Warden;
use crate::subject::Caller;

/// Whose links, or of what.
pub(super) enum Of {
    All,
    Person(PersonId),
    Studies(BTreeSet<StudyNumber>),
    Session(SessionId),
    Link(LinkId),
}

impl Of {
    pub(super) fn has(&self, one: &Link) -> bool {
        match self {
            Self::All => true,
            Self::Person(person) => one.maker == *person,
            Self::Studies(studies) => studies.contains(&one.study),
            Self::Session(session) => one.session == *session,
            Self::Link(link) => one.link == *link,
        }
    }
}

impl Warden {
    /// Which links a text names. Nothing is all of them.
    pub(super) fn links_named(&self, text: &str) -> Result<Of, Refusal> {
        let wanted = || field("which links", "all, person:EMAIL, study:NUMBER, study:UID, session:ID or link:NUMBER");
        match text.split_once(':') {
            None if text.is_empty() || text == "all" => Ok(Of::All),
            Some(("person", _)) => match self.who_named(text)? {
                Who::Person(person) => Ok(Of::Person(person)),
                _ => Err(wanted()),
            },
            Some(("study", number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = number.parse().map_err(|_| wanted())?;
                Ok(Of::Studies([StudyNumber(number)].into()))
            }
            Some(("study", uid)) => {
                let uid = Uid::parse(uid).map_err(|_| wanted())?;
                Ok(Of::Studies(self.readable_registry()?.studies_by_uid(&uid).into_iter().collect()))
            }
            Some(("session", session)) => session.parse().map(Of::Session).map_err(|_| wanted()),
            Some(("link", link)) => link.parse().map(|link| Of::Link(LinkId(link))).map_err(|_| wanted()),
            _ => Err(wanted()),
        }
    }

    /// Ends every link of the caller that runs. Whoever may share no more still ends what they shared.
    pub(crate) async fn end_own_links(&self, caller: &Caller, now: Instant) -> Result<PageReply, Refusal> {
        let own = person_of(caller).map(Of::Person);
        let running = own.as_ref().map_or(vec![], |own| self.running(own));
        if running.is_empty()
            && let Err(denied) = policy::decide(&caller.subject, Service::Share, Target::Nothing, now)
        {
            return Err(self.refuse(caller, "share", None, denied, now).await);
        }
        self.end_links(&running, LinkEnd::Revoked, &caller.actor, now).map(PageReply::LinksEnded)
    }

    /// The same of somebody or something else; policy allowed it.
    pub(super) fn end_all_links(&self, caller: &Caller, of: &str, now: Instant) -> Result<PageReply, Refusal> {
        if of.is_empty() {
            return Err(field("which links", "all, where all of them are meant"));
        }
        let running = self.running(&self.links_named(of)?);
        self.end_links(&running, LinkEnd::Revoked, &caller.actor, now).map(PageReply::LinksEnded)
    }

    fn running(&self, of: &Of) -> Vec<LinkId> {
        let sharing = self.sharing.read().expect(HELD);
        sharing.running().filter(|one| of.has(one)).map(|one| one.link).collect()
    }
}
