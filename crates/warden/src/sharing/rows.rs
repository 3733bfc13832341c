//! Links and second opinions as their makers, officers and whoever opened one see them. No row names a patient.

use identity::LINK_TRIES_MAX;
use model::{Actor, Instant, PatientNumber, PersonId, Who};
use protocol::{AccessRow, LINK_ROWS_MAX, LinkRow, Links, PageReply, Refusal, Sharing, SharingKind};

use crate::approvals::person_of;
use crate::pages::HELD;
use crate::sharing::fold::{Link, Opinion};
use crate::sharing::make::may_share;
use crate::sharing::many::Of;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    pub(super) fn own_links(&self, caller: &Caller) -> Links {
        let own = person_of(caller);
        let rule = self.proposals.read().expect(HELD).sharing();
        let rows = self.link_rows(|one| Some(one.maker) == own);
        Links { rows, may_share: may_share(&rule, caller.role()), days_max: rule.days_max }
    }

    /// Everybody's, or those of somebody or something: those that run first, so that no number of others hides one.
    pub(super) fn all_links(&self, of: &Of) -> Links {
        let rule = self.proposals.read().expect(HELD).sharing();
        let mut rows = self.link_rows(|one| of.has(one) && one.end.is_none());
        rows.extend(self.link_rows(|one| of.has(one) && one.end.is_some()));
        rows.truncate(LINK_ROWS_MAX);
        Links { rows, may_share: false, days_max: rule.days_max }
    }

    fn link_rows(&self, wanted: impl Fn(&Link) -> bool) -> Vec<LinkRow> {
        let links: Vec<Link> = {
            let shared = self.sharing.read().expect(HELD);
            shared.newest_first().filter(|one| wanted(one)).take(LINK_ROWS_MAX).cloned().collect()
        };
        let people = self.people.lock().expect(HELD);
        let row = |one: Link| LinkRow {
            link: one.link,
            study: one.study,
            patient: one.patient,
            maker: self.name_of(&people, Who::Person(one.maker)).0,
            email: people.person(one.maker).map(|person| person.email().to_owned()).unwrap_or_default(),
            session: one.session.to_string(),
            purpose: one.purpose,
            note: one.note,
            made: one.made,
            until: one.until,
            browsers: one.browsers.len() as u32,
            browsers_max: one.browsers_max,
            openings: one.openings,
            opened: one.opened.into_iter().collect(),
            downloads: one.downloads,
            tries: one.tries,
            tries_max: LINK_TRIES_MAX,
            ended: one.end.map(|(at, _)| at),
            end: one.end.map(|(_, end)| end),
        };
        links.into_iter().map(row).collect()
    }

    /// What the caller's own link shows.
    pub(super) fn shown_link(&self, caller: &Caller, now: Instant) -> Result<PageReply, Refusal> {
        let Actor::Link { session, .. } = caller.actor else { return Err(Refusal::NotAllowed) };
        let open = self.doors.lock().expect(HELD).sessions.numbered(session, now).ok_or(Refusal::SignedOut)?;
        Ok(PageReply::Shared(Box::new(self.shared_study(&open)?)))
    }

    /// Which links and second opinions there were for a patient, whether or not anything was opened then. What the patient did is left
    /// out, as everywhere in that list.
    pub(crate) fn shared_of(&self, patient: PatientNumber, own: Option<PersonId>) -> Vec<AccessRow> {
        let (links, opinions): (Vec<Link>, Vec<Opinion>) = {
            let shared = self.sharing.read().expect(HELD);
            let links = shared.newest_first().filter(|one| one.patient == patient && Some(one.maker) != own);
            let opinions = shared.opinions().filter(|one| one.patient == patient);
            (links.cloned().collect(), opinions.cloned().collect())
        };
        let people = self.people.lock().expect(HELD);
        let registry = self.registry.read().expect(HELD);
        let row = |entry, at, person, study, basis: String, sharing| {
            let (who, role, organisations) = self.name_of(&people, Who::Person(person));
            let studies = registry.study(study).filter(|row| row.patient.number == patient).map(|row| row.uid);
            AccessRow {
                entry,
                at,
                who,
                role,
                organisations,
                basis,
                opened: false,
                moved: false,
                device: false,
                times: 1,
                studies: studies.into_iter().collect(),
                warmed: false,
                warmed_by: None,
                sharing: Some(sharing),
            }
        };
        let of_link = |one: Link| {
            let (basis, note) = (super::make::BASIS.to_owned(), one.note);
            let (link, until) = (Some(one.link), Some(one.until));
            let sharing = Sharing { link, until, note, ..Sharing::of(SharingKind::LinkMade) };
            row(one.entry, one.made, one.maker, one.study, basis, sharing)
        };
        let of_opinion = |one: Opinion| {
            let (colleague, until) = (Some(self.name_of(&people, Who::Person(one.colleague)).0), Some(one.until));
            let sharing = Sharing { colleague, until, ..Sharing::of(SharingKind::OpinionAsked) };
            row(one.number, one.asked, one.asker, one.study, one.reason, sharing)
        };
        links.into_iter().map(of_link).chain(opinions.into_iter().map(of_opinion)).collect()
    }

    /// What a line of somebody who came by a link says.
    pub(crate) fn by_link(&self, people: &identity::People, link: model::LinkId, download: bool) -> Option<Sharing> {
        let (maker, note) = {
            let shared = self.sharing.read().expect(HELD);
            shared.link(link).map(|one| (one.maker, one.note.clone()))?
        };
        let (link, maker) = (Some(link), Some(self.name_of(people, Who::Person(maker)).0));
        Some(Sharing { link, maker, note, download, ..Sharing::of(SharingKind::ByLink) })
    }

    /// Whoever came by a link, in words.
    pub(crate) fn link_words(&self, people: &identity::People, link: model::LinkId) -> String {
        let maker = self.sharing.read().expect(HELD).link(link).map(|one| one.maker);
        match maker {
            Some(maker) => {
                format!("a person with the link that {} made", self.name_of(people, Who::Person(maker)).0)
            }
            None => format!("a person with link {link}"),
        }
    }
}
