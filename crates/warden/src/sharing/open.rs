//! Opening a link: secret → one try at a time → the code against the slow hash → a browser's place → the entry `link-opened` → a
//! session that is bound to the browser's key.

use std::sync::Arc;

use dpop::Thumbprint;
use identity::{LINK_TRIES_MAX, LinkSession};
use model::{
    Actor, EntryBody, Evidence, Finding, Instant, LinkEnd, LinkId, LinkOpened, LinkRefused, LinkWrong, Origin,
    Reaction, SessionId, Who, Whose,
};
use policy::Subject;
use protocol::{Asking, Invalid, Proof, Refusal, SharedStudy, SignInReply};
use seal::SystemRandom;

use crate::leases::Holder;
use crate::pages::HELD;
use crate::proof::OfSession;
use crate::state::Warden;
use crate::subject::Caller;

/// Where a browser opens a link.
const PATH: &str = "/api/link/open";

/// The turn of one try of a link, or of one download through it.
pub(crate) struct Turn<'w> {
    warden: &'w Warden,
    link: LinkId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.warden.doors.lock().expect(HELD).tried.remove(&self.link);
    }
}

impl Warden {
    /// Opens a link in a browser. Whoever has no secret of a link that runs learns nothing but that, and leaves no entry; whoever has
    /// one is counted.
    pub(crate) async fn open_link(
        self: &Arc<Self>,
        (secret, code): (&str, String),
        proof: &Proof,
        origin: &Origin,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        // before the proof is used up: whoever has no secret leaves nothing in memory either
        let found = self.doors.lock().expect(HELD).find(secret);
        let (link, door) = found.ok_or(Refusal::Invalid(Invalid::ShareLink))?;
        let key = self.prove_sign_in(proof, PATH)?;
        let _turn = self.turn(link)?;
        self.may_open(link, now)?;
        let takes = self.slowly(move || door.takes(&code)).await?;
        let now = self.now();
        // it may have ended meanwhile
        self.may_open(link, now)?;
        if !takes {
            return Err(self.wrong_code(link, origin, now));
        }
        self.place_for(link, key, origin, now)?;
        let (token, session) = self.doors.lock().expect(HELD).sessions.open(link, key, now, &mut SystemRandom);
        let actor = Actor::Link { link, session: session.session, origin: origin.clone() };
        let opened = LinkOpened { link, session: session.session, browser: key.to_string() };
        let finding = self.honey_shared(link).map(|finding| (Actor::Warden, EntryBody::FindingRaised { finding }));
        let entries = std::iter::once((actor, EntryBody::LinkOpened(opened))).chain(finding).collect();
        if let Err(error) = self.ledger.append(entries, now) {
            self.doors.lock().expect(HELD).leave(session.session);
            return Err(self.cannot_record(&error));
        }
        let shown = Box::new(self.shared_study(&session)?);
        Ok(SignInReply::LinkOpened { token, shown })
    }

    /// What is found when a link shows a patient whom nobody has a reason to look at.
    fn honey_shared(&self, link: LinkId) -> Option<Finding> {
        let (maker, patient) = self.sharing.read().expect(HELD).link(link).map(|one| (one.maker, one.patient))?;
        let is_honey = self.budgets.lock().expect(HELD).is_honey(patient);
        let evidence = Evidence::Honey { patient, opened: true };
        is_honey.then_some(Finding { about: Whose::Person(maker), reaction: Reaction::Noticed, evidence })
    }

    /// The turn of one download of a link: so many in an hour, as the ledger has them.
    pub(crate) fn download_turn(&self, link: LinkId, now: Instant) -> Result<Turn<'_>, Refusal> {
        let turn = self.turn(link)?;
        let wait = self.sharing.read().expect(HELD).link(link).and_then(|one| one.download_wait_seconds(now));
        wait.map_or(Ok(turn), |seconds| Err(Refusal::Throttled { seconds }))
    }

    fn turn(&self, link: LinkId) -> Result<Turn<'_>, Refusal> {
        if self.doors.lock().expect(HELD).tried.insert(link) {
            Ok(Turn { warden: self, link })
        } else {
            Err(Refusal::Throttled { seconds: 1 })
        }
    }

    fn may_open(&self, link: LinkId, now: Instant) -> Result<(), Refusal> {
        let wait = {
            let shared = self.sharing.read().expect(HELD);
            let one = shared.link(link).filter(|one| one.runs(now)).ok_or(Refusal::Invalid(Invalid::ShareLink))?;
            one.wait_seconds(now)
        };
        if let Some(seconds) = wait {
            return Err(Refusal::Throttled { seconds });
        }
        if !self.maker_reaches(link, now) {
            return Err(Refusal::Invalid(Invalid::ShareLink));
        }
        Ok(())
    }

    /// Counts a wrong code; the last one that there may be ends the link.
    fn wrong_code(&self, link: LinkId, origin: &Origin, now: Instant) -> Refusal {
        let tries = self.sharing.read().expect(HELD).link(link).map_or(LINK_TRIES_MAX, |one| one.tries + 1);
        let stranger = Actor::Stranger { origin: origin.clone() };
        let body = EntryBody::LinkRefused(LinkRefused { link, wrong: LinkWrong::Code, tries });
        if let Err(error) = self.ledger.append(vec![(stranger, body)], now) {
            return self.cannot_record(&error);
        }
        let left = LINK_TRIES_MAX.saturating_sub(tries);
        if left > 0 {
            return Refusal::Invalid(Invalid::LinkCode { left });
        }
        // a link with that many wrong codes opens nothing, whether or not this entry can be made now
        if let Err(error) = self.end_link(link, LinkEnd::Guessed, &Actor::Warden, now) {
            tracing::error!(%error, %link, "a link that was guessed at could not be ended; it opens nothing");
        }
        tracing::warn!(%link, "a share link ended after too many wrong codes");
        Refusal::Invalid(Invalid::ShareLink)
    }

    /// That this browser may open it: it did before, or there is a place left.
    fn place_for(&self, link: LinkId, key: Thumbprint, origin: &Origin, now: Instant) -> Result<(), Refusal> {
        let (fits, tries) = {
            let shared = self.sharing.read().expect(HELD);
            let one = shared.link(link).ok_or(Refusal::Invalid(Invalid::ShareLink))?;
            let known = one.browsers.contains(&key.to_string());
            (known || one.browsers.len() < usize::from(one.browsers_max), one.tries)
        };
        if fits {
            return Ok(());
        }
        let stranger = Actor::Stranger { origin: origin.clone() };
        let body = EntryBody::LinkRefused(LinkRefused { link, wrong: LinkWrong::Browsers, tries });
        self.ledger.append(vec![(stranger, body)], now).map_err(|error| self.cannot_record(&error))?;
        Err(Refusal::Invalid(Invalid::LinkBrowsers))
    }

    /// What an open link shows.
    pub(super) fn shared_study(&self, session: &LinkSession) -> Result<SharedStudy, Refusal> {
        let (maker, study, until) = {
            let shared = self.sharing.read().expect(HELD);
            let one = shared.link(session.link).ok_or(Refusal::SignedOut)?;
            (one.maker, one.study, one.until)
        };
        let people = self.people.lock().expect(HELD);
        let (name, role, organisations) = self.name_of(&people, Who::Person(maker));
        Ok(SharedStudy {
            link: session.link,
            session: session.session,
            study,
            maker: name,
            by_patient: role == Some(model::Role::Patient),
            organisations,
            until,
            session_until: session.until().min(until),
            site: self.site_name.clone(),
        })
    }

    /// Who asks with the token of a browser in which a link is open; nothing when it is no such token.
    pub(crate) async fn link_caller(
        &self,
        token: &str,
        origin: &Origin,
        proof: &Proof,
        asking: Asking<'_>,
        now: Instant,
    ) -> Result<Option<Caller>, Refusal> {
        let found = self.doors.lock().expect(HELD).sessions.look_at(token, now);
        let Some(open) = found else { return Ok(None) };
        let of = OfSession { session: open.session, person: None, key: Some(open.key) };
        self.prove_session(&of, proof, asking, origin, now).await?;
        let subject = self.link_subject(&open, now).ok_or(Refusal::SignedOut)?;
        self.doors.lock().expect(HELD).sessions.used(token, now);
        Ok(Some(Caller {
            subject,
            actor: Actor::Link { link: open.link, session: open.session, origin: origin.clone() },
            who: Some(Who::Link(open.link)),
            holder: Some(Holder::Session(open.session)),
            touch: None,
        }))
    }

    /// The subject of a session in which a link is open, while both last.
    pub(crate) fn link_subject(&self, open: &LinkSession, now: Instant) -> Option<Subject> {
        let shared = self.sharing.read().expect(HELD);
        let one = shared.link(open.link).filter(|one| one.runs(now))?;
        Some(Subject::Link { link: open.link, session_until: open.until().min(one.until) })
    }

    /// The same by the session's number.
    pub(crate) fn link_subject_of(&self, session: SessionId, now: Instant) -> Option<Subject> {
        let open = self.doors.lock().expect(HELD).sessions.numbered(session, now)?;
        self.link_subject(&open, now)
    }

    /// Whoever opened a link leaves; the link goes on.
    pub(crate) async fn leave_link(
        &self,
        token: &str,
        proof: &Proof,
        origin: &Origin,
        now: Instant,
    ) -> Result<SignInReply, Refusal> {
        let found = self.doors.lock().expect(HELD).sessions.look_at(token, now);
        let LinkSession { session, link, key, .. } = found.ok_or(Refusal::SignedOut)?;
        self.prove_sign_out(&OfSession { session, person: None, key: Some(key) }, proof, origin, now).await?;
        let actor = Actor::Link { link, session, origin: origin.clone() };
        let left = vec![(actor, EntryBody::LinkLeft { link, session })];
        self.ledger.append(left, now).map_err(|error| self.cannot_record(&error))?;
        self.doors.lock().expect(HELD).leave(session);
        self.leases.lock().expect(HELD).end(Holder::Session(session));
        Ok(SignInReply::Done)
    }
}
