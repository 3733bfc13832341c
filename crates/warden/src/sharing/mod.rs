//! Sharing one study with one somebody, until a date: a link for a person outside ([`make`](self), [`open`](self)), a second opinion
//! inside ([`opinions`](self)). Many links at once are ended in [`many`](self).
//!
//! Each is a relationship like every other, with an entry beside it that says why; so reach, exposure and 'who looked' know of it by
//! themselves. A link reaches nothing that its maker does not reach at that moment: what ends the maker's reach ends the link's. So
//! does what locks or ends the maker's account, and filing the study under another patient. Second opinions end with the same.

pub(crate) mod fold;
mod make;
mod many;
mod open;
mod opinions;
mod rows;

use std::collections::{HashMap, HashSet};

use identity::{LinkDoor, LinkSecretHash, LinkSessions};
use model::{
    Actor, EntryBody, EntryNumber, Instant, LinkEnd, LinkId, PatientNumber, PersonId, StudyNumber, Tier, Uid, What, Who,
};
use policy::{Service, Target};
use protocol::{LinkRequest, OpinionRequest, PageReply, Refusal};

use crate::break_glass::is_break_glass;
use crate::database::{Database, DatabaseError, Space};
use crate::leases::Holder;
use crate::list::reach_of;
use crate::pages::{HELD, field};
use crate::secrets::Secrets;
use crate::state::Warden;
use crate::subject::Caller;

/// The most links whose ends are one append.
const ENDED_AT_ONCE: usize = 500;

/// What opens links, and where they are open. Never held while something is appended.
#[derive(Default)]
pub(crate) struct Doors {
    by_secret: HashMap<LinkSecretHash, LinkId>,
    doors: HashMap<LinkId, LinkDoor>,
    pub(crate) sessions: LinkSessions,
    /// Links whose code is being checked: one try at a time, or many at once would all count as the first.
    tried: HashSet<LinkId>,
}

impl Doors {
    /// Those that the database has.
    pub(crate) fn load(secrets: &Secrets, database: &Database) -> Result<Self, DatabaseError> {
        let mut doors = Self::default();
        for (key, plain) in secrets.records(database, Space::Link)? {
            let link = <[u8; 4]>::try_from(key.as_slice()).ok().map(|bytes| LinkId(u32::from_be_bytes(bytes)));
            let door = LinkDoor::from_bytes(&plain).ok();
            let (link, door) = link.zip(door).ok_or(DatabaseError::Damaged { what: "share link" })?;
            doors.put(link, door);
        }
        Ok(doors)
    }

    fn put(&mut self, link: LinkId, door: LinkDoor) {
        // a number that was given before, to a link that a lost end of the ledger had: its secret meets no other link
        self.remove(link);
        self.by_secret.insert(door.secret(), link);
        self.doors.insert(link, door);
    }

    fn remove(&mut self, link: LinkId) {
        if let Some(door) = self.doors.remove(&link) {
            self.by_secret.remove(&door.secret());
        }
    }

    fn find(&self, secret: &str) -> Option<(LinkId, LinkDoor)> {
        let link = *self.by_secret.get(&LinkSecretHash::of(secret))?;
        Some((link, self.doors.get(&link)?.clone()))
    }
}

/// Which service a request about links is.
pub(crate) fn service_of_link(request: &LinkRequest) -> Service {
    match request {
        // whose link it is that is ended is decided by `end_link_for`
        LinkRequest::Make { .. } | LinkRequest::Own | LinkRequest::End { .. } | LinkRequest::EndOwn => Service::Share,
        LinkRequest::All { .. } | LinkRequest::EndAll { .. } => Service::AllLinks,
        LinkRequest::Shown => Service::SharedStudy,
    }
}

/// Which service a request about second opinions is.
pub(crate) fn service_of_opinion(_: &OpinionRequest) -> Service {
    Service::SecondOpinion
}

impl Warden {
    /// Answers a request about links that policy allowed.
    pub(crate) async fn links(
        &self,
        caller: &Caller,
        request: LinkRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            LinkRequest::Make { study, purpose, seconds, browsers, note } => {
                let wanted = make::Wanted { purpose, seconds, browsers, note };
                self.make_link(caller, &study, wanted, now).await
            }
            LinkRequest::Own => Ok(PageReply::Links(Box::new(self.own_links(caller)))),
            LinkRequest::All { of } => Ok(PageReply::Links(Box::new(self.all_links(&self.links_named(&of)?)))),
            LinkRequest::EndOwn => self.end_own_links(caller, now).await,
            LinkRequest::EndAll { of } => self.end_all_links(caller, &of, now),
            LinkRequest::End { link } => self.end_link_for(caller, link, now).await,
            LinkRequest::Shown => self.shown_link(caller, now),
        }
    }

    /// The one study of this UID that the caller may share, with the end of their own reach. What they may not is refused as an
    /// opening would be.
    async fn to_share(
        &self,
        caller: &Caller,
        uid: &Uid,
        service: Service,
        now: Instant,
    ) -> Result<(PatientNumber, StudyNumber, Instant), Refusal> {
        let reachable = self.reachable(caller, now);
        let placed: Vec<(StudyNumber, PatientNumber)> = {
            let registry = self.readable_registry()?;
            let studies = registry.studies_by_uid(uid).into_iter();
            studies.filter_map(|study| Some((study, registry.patient_of(study)?))).collect()
        };
        let nothing = policy::denied_of_nothing(&caller.subject, service, now);
        let (mut found, mut denied, mut asked) = (Vec::new(), nothing, None);
        for (study, patient) in placed {
            let reach = reachable.ground(patient, study).map(reach_of);
            let until = reach.as_ref().map(|reach| reach.until);
            match policy::decide(&caller.subject, service, Target::Study { patient, study, reach }, now) {
                Ok(_) => found.push((patient, study, until.unwrap_or(now))),
                Err(why) => (denied, asked) = (why, Some(What::Study(study))),
            }
        }
        match found[..] {
            [(patient, study, until)] => {
                let emergency = reachable.ground(patient, study).is_some_and(|ground| is_break_glass(&ground.basis));
                if service == Service::Share && emergency {
                    return Err(field(
                        "the study",
                        "one that you reach otherwise: what break-glass reaches leaves by no link",
                    ));
                }
                let warm_until = self.cold.read().expect(HELD).warm_until(study);
                if warm_until.is_some_and(|until| until <= now) {
                    return Err(Refusal::Cold);
                }
                // nothing that is shared outlasts a warming: it would keep the study warm, or ask for it to be warmed again
                Ok((patient, study, warm_until.map_or(until, |warm| warm.min(until))))
            }
            [] => Err(self.refuse(caller, "share", asked, denied, now).await),
            _ => Err(field("the study", "a StudyInstanceUID that one patient has")),
        }
    }

    /// Whether a link's maker reaches its study at this moment: a link reaches no further than who made it.
    pub(crate) fn maker_reaches(&self, link: LinkId, now: Instant) -> bool {
        let of = |one: &fold::Link| (one.maker, one.patient, one.study);
        let found = self.sharing.read().expect(HELD).link(link).filter(|one| !one.cut).map(of);
        found.is_some_and(|(maker, patient, study)| self.still_reaches(maker, patient, study, now))
    }

    /// Whether a person reaches the images of a study, and it is that patient's still: what was shared is one patient's.
    fn still_reaches(&self, person: PersonId, patient: PatientNumber, study: StudyNumber, now: Instant) -> bool {
        let index = self.index.read().expect(HELD);
        if index.reach().filed_under(study, now) != Some(patient) {
            return false;
        }
        let reachable = index.reach().reachable(Who::Person(person), now);
        reachable.ground(patient, study).is_some_and(|ground| ground.tier == Tier::Open && now < ground.until)
    }

    /// Ends a link, or says that it ended before.
    fn end_link(&self, link: LinkId, end: LinkEnd, actor: &Actor, now: Instant) -> Result<(), Refusal> {
        let ended = self.end_links(&[link], end, actor, now)?;
        if ended.is_empty() { Err(Refusal::NotFound) } else { Ok(()) }
    }

    /// Ends links, the sessions of those who opened them, and what opens them; gives those that had not ended before. Entries first: a
    /// crash in between leaves a record that opens nothing, because the ledger says that the link ended.
    fn end_links(&self, links: &[LinkId], end: LinkEnd, actor: &Actor, now: Instant) -> Result<Vec<LinkId>, Refusal> {
        let mut ended = Vec::new();
        for some in links.chunks(ENDED_AT_ONCE) {
            // one at a time: none ends twice
            let turn = self.ending.lock().expect(HELD);
            let running: Vec<(LinkId, Option<EntryNumber>)> = {
                let sharing = self.sharing.read().expect(HELD);
                let running = some.iter().filter_map(|link| sharing.link(*link)).filter(|one| one.end.is_none());
                running.map(|one| (one.link, (now < one.until).then_some(one.relationship))).collect()
            };
            if running.is_empty() {
                continue;
            }
            let bodies = running.iter().flat_map(|(link, relationship)| {
                let over = relationship.map(|entry| EntryBody::RelationshipEnded { entry, until: now });
                over.into_iter().chain([EntryBody::LinkEnded { link: *link, end }])
            });
            let entries = bodies.map(|body| (actor.clone(), body)).collect();
            if let Err(error) = self.ledger.append(entries, now) {
                let refusal = self.cannot_record(&error);
                // a front that hears this looks again at what it still shows: some have ended
                return Err(if ended.is_empty() { refusal } else { Refusal::CannotRecord });
            }
            drop(turn);
            let some: Vec<LinkId> = running.into_iter().map(|(link, _)| link).collect();
            self.close_doors(&some);
            ended.extend(some);
        }
        Ok(ended)
    }

    /// What ended links leave behind goes.
    fn close_doors(&self, links: &[LinkId]) {
        let sessions: Vec<_> = {
            let mut doors = self.doors.lock().expect(HELD);
            let end = |link: &LinkId| {
                doors.remove(*link);
                doors.sessions.end_of(*link)
            };
            links.iter().flat_map(end).collect()
        };
        let mut leases = self.leases.lock().expect(HELD);
        sessions.into_iter().for_each(|session| leases.end(Holder::Session(session)));
        drop(leases);
        if let Err(error) = self.remove_doors(links) {
            tracing::warn!(%error, ?links, "what opened ended links stays behind; it opens nothing");
        }
    }

    fn remove_doors(&self, links: &[LinkId]) -> Result<(), DatabaseError> {
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin()?;
        links.iter().try_for_each(|link| changes.remove(Space::Link, &link.0.to_be_bytes()))?;
        changes.commit()
    }

    fn write_door(&self, link: LinkId, door: &LinkDoor) -> Result<(), DatabaseError> {
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin()?;
        self.secrets.put(&changes, Space::Link, &link.0.to_be_bytes(), &door.to_bytes())?;
        changes.commit()
    }

    /// Ends links whose time is over, and those whose maker reaches the study no more; second opinions likewise. Each is an entry.
    pub(crate) fn end_links_due(&self, now: Instant) {
        self.doors.lock().expect(HELD).sessions.sweep(now);
        let running: Vec<(LinkId, Instant)> = {
            let sharing = self.sharing.read().expect(HELD);
            sharing.running().map(|one| (one.link, one.until)).collect()
        };
        for (link, until) in running {
            let end = if until <= now {
                LinkEnd::Expired
            } else if !self.maker_reaches(link, now) {
                LinkEnd::Maker
            } else {
                continue;
            };
            match self.end_link(link, end, &Actor::Warden, now) {
                // somebody ended it meanwhile
                Ok(()) | Err(Refusal::NotFound) => {}
                Err(error) => {
                    tracing::error!(%error, %link, "a link that is over could not be ended; it is tried again")
                }
            }
        }
        self.end_opinions_due(now);
    }

    /// Forgets what opens links of which the ledger knows nothing, or that ended: what a crash left behind, or the end of a ledger that
    /// was lost.
    pub(crate) fn drop_loose_doors(&self) -> Result<(), DatabaseError> {
        let loose: Vec<LinkId> = {
            let sharing = self.sharing.read().expect(HELD);
            let mut doors = self.doors.lock().expect(HELD);
            let opens = |link: &LinkId| sharing.link(*link).is_some_and(|one| one.end.is_none());
            let loose: Vec<LinkId> = doors.doors.keys().filter(|link| !opens(link)).copied().collect();
            loose.iter().for_each(|link| doors.remove(*link));
            loose
        };
        if loose.is_empty() { Ok(()) } else { self.remove_doors(&loose) }
    }

    /// Ends one's own link, or anybody's for an officer.
    pub(crate) async fn end_link_for(&self, caller: &Caller, link: LinkId, now: Instant) -> Result<PageReply, Refusal> {
        let maker = self.sharing.read().expect(HELD).link(link).map(|one| one.maker);
        let may = |service| policy::decide(&caller.subject, service, Target::Nothing, now);
        let own = maker.is_some() && crate::approvals::person_of(caller) == maker;
        if own || may(Service::AllLinks).is_ok() {
            self.end_link(link, LinkEnd::Revoked, &caller.actor, now)?;
            return Ok(PageReply::Done);
        }
        match may(Service::Share) {
            // whose it is, is nobody else's business
            Ok(_) => Err(Refusal::NotFound),
            Err(denied) => Err(self.refuse(caller, "share", None, denied, now).await),
        }
    }
}

impl Doors {
    /// The end of sessions in which a link is open, by somebody who leaves.
    pub(crate) fn leave(&mut self, session: model::SessionId) {
        self.sessions.end(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_given_again_is_opened_by_the_later_secret_alone() {
        let mut random = seal::SystemRandom;
        let (before, after) = (identity::NewLink::new(&mut random), identity::NewLink::new(&mut random));
        let door = |new: &identity::NewLink, random: &mut seal::SystemRandom| {
            LinkDoor::of(new, identity::PasswordCost::new(8, 1).expect("a cost"), random)
        };
        let mut doors = Doors::default();
        doors.put(LinkId(7), door(&before, &mut random));
        assert!(doors.find(&before.secret).is_some());
        doors.put(LinkId(7), door(&after, &mut random));
        assert!(doors.find(&before.secret).is_none() && doors.find(&after.secret).is_some());
    }
}
