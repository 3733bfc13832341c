//! Every link and every second opinion: a fold of the ledger, so that a restart forgets no wrong code and no browser.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use identity::{LINK_TRIES_FREE, LINK_TRIES_MAX, LINK_WAIT_SECONDS};
use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, LinkEnd, LinkFor, LinkId, LinkWrong, OpenScope, PatientNumber,
    PersonId, SECOND, SessionId, StudyNumber,
};
use protocol::{LINK_OPENINGS_SHOWN_MAX, LinkOpening};

/// The longest wait after a wrong code, in seconds.
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// Openings of one link in an hour, those that were refused for the browser among them.
pub(crate) const KNOCKS_PER_HOUR_MAX: usize = 20;
/// Downloads through one link in an hour.
pub(crate) const DOWNLOADS_PER_HOUR_MAX: usize = 10;
const HOUR_SECONDS: i64 = 3_600;

/// One link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) link: LinkId,
    /// The entry that made it.
    pub(crate) entry: EntryNumber,
    /// The entry of its relationship.
    pub(crate) relationship: EntryNumber,
    pub(crate) maker: PersonId,
    /// The session that it was made in.
    pub(crate) session: SessionId,
    pub(crate) patient: PatientNumber,
    pub(crate) study: StudyNumber,
    pub(crate) purpose: LinkFor,
    pub(crate) note: String,
    pub(crate) made: Instant,
    pub(crate) until: Instant,
    pub(crate) browsers_max: u8,
    /// Thumbprints of the keys of those that opened it.
    pub(crate) browsers: BTreeSet<String>,
    pub(crate) openings: u32,
    /// The newest first.
    pub(crate) opened: VecDeque<LinkOpening>,
    pub(crate) downloads: u32,
    /// Wrong codes.
    pub(crate) tries: u32,
    last_try: Option<Instant>,
    knocks: Hourly,
    taken: Hourly,
    /// The maker's account was locked, lapsed or closed: it opens nothing any more, whatever becomes of the account.
    pub(crate) cut: bool,
    pub(crate) end: Option<(Instant, LinkEnd)>,
}

/// When something was done lately, the oldest first.
#[derive(Clone, Debug, Default)]
struct Hourly(VecDeque<Instant>);

impl Hourly {
    fn count(&mut self, at: Instant) {
        let hour_ago = at.plus_seconds(-HOUR_SECONDS);
        self.0.retain(|before| hour_ago < *before);
        self.0.push_back(at);
    }

    /// How long to wait until it may be done again, in seconds; nothing when it may be now.
    fn wait_seconds(&self, max: usize, now: Instant) -> Option<u32> {
        let first = self.0.len().checked_sub(max).and_then(|place| self.0.get(place))?;
        seconds_left(*first, HOUR_SECONDS, now)
    }
}

/// Whole seconds until so many have passed since a moment. A clock that was set back makes nobody wait longer than that.
fn seconds_left(since: Instant, seconds: i64, now: Instant) -> Option<u32> {
    let left = (since.plus_seconds(seconds).0.saturating_sub(now.0)).clamp(0, seconds * SECOND);
    let left = left.div_euclid(SECOND) + i64::from(left.rem_euclid(SECOND) > 0);
    u32::try_from(left).ok().filter(|seconds| *seconds > 0)
}

impl Link {
    /// Whether it opens something at `now`.
    pub(crate) fn runs(&self, now: Instant) -> bool {
        self.end.is_none() && !self.cut && now < self.until && self.tries < LINK_TRIES_MAX
    }

    /// How long to wait until the next code is looked at, in seconds; nothing when it may be now.
    pub(crate) fn wait_seconds(&self, now: Instant) -> Option<u32> {
        self.wait_after_tries(now).max(self.knocks.wait_seconds(KNOCKS_PER_HOUR_MAX, now))
    }

    fn wait_after_tries(&self, now: Instant) -> Option<u32> {
        let beyond = self.tries.checked_sub(LINK_TRIES_FREE)?;
        let seconds = (LINK_WAIT_SECONDS << beyond.min(16)).min(WAIT_SECONDS_MAX);
        seconds_left(self.last_try?, seconds, now)
    }

    /// How long to wait until the study may be taken along once more, in seconds; nothing when it may be now.
    pub(crate) fn download_wait_seconds(&self, now: Instant) -> Option<u32> {
        self.taken.wait_seconds(DOWNLOADS_PER_HOUR_MAX, now)
    }
}

/// One second opinion that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Opinion {
    pub(crate) number: EntryNumber,
    /// The entry of its relationship.
    pub(crate) relationship: EntryNumber,
    pub(crate) asker: PersonId,
    pub(crate) colleague: PersonId,
    pub(crate) patient: PatientNumber,
    pub(crate) study: StudyNumber,
    pub(crate) reason: String,
    pub(crate) asked: Instant,
    pub(crate) until: Instant,
    /// The asker's account was locked, lapsed or closed.
    pub(crate) cut: bool,
}

/// Everything that was ever shared at a site.
#[derive(Default)]
pub(crate) struct Shared {
    links: BTreeMap<LinkId, Link>,
    running: BTreeSet<LinkId>,
    opinions: BTreeMap<EntryNumber, Opinion>,
    running_opinions: BTreeSet<EntryNumber>,
    /// What the end of a relationship ends.
    by_relationship: HashMap<EntryNumber, Of>,
    made: HashMap<EntryNumber, LinkId>,
}

#[derive(Clone, Copy)]
enum Of {
    Link(LinkId),
    Opinion(EntryNumber),
}

impl Shared {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        // the relationship is the entry just before, in the same append
        let relationship = EntryNumber(number.0.saturating_sub(1));
        match (&entry.body, &entry.actor) {
            (EntryBody::LinkMade(made), Actor::Person { person, session, .. }) => {
                let link = Link {
                    link: made.link,
                    entry: number,
                    relationship,
                    maker: *person,
                    session: *session,
                    patient: made.patient,
                    study: made.study,
                    purpose: made.purpose,
                    note: made.note.clone(),
                    made: at,
                    until: made.until,
                    browsers_max: made.browsers,
                    browsers: BTreeSet::new(),
                    openings: 0,
                    opened: VecDeque::new(),
                    downloads: 0,
                    tries: 0,
                    last_try: None,
                    knocks: Hourly::default(),
                    taken: Hourly::default(),
                    cut: false,
                    end: None,
                };
                self.by_relationship.insert(relationship, Of::Link(made.link));
                self.made.insert(number, made.link);
                self.running.insert(made.link);
                self.links.insert(made.link, link);
            }
            (EntryBody::LinkOpened(opened), by) => {
                let Some(one) = self.links.get_mut(&opened.link) else { return };
                one.browsers.insert(opened.browser.clone());
                one.openings += 1;
                one.knocks.count(at);
                let origin = match by {
                    Actor::Link { origin, .. } => origin.clone(),
                    _ => Default::default(),
                };
                one.opened.push_front(LinkOpening { entry: number, at, origin });
                one.opened.truncate(LINK_OPENINGS_SHOWN_MAX);
            }
            (EntryBody::LinkRefused(refused), _) => {
                let Some(one) = self.links.get_mut(&refused.link) else { return };
                match refused.wrong {
                    LinkWrong::Code => {
                        one.tries = one.tries.max(refused.tries);
                        one.last_try = Some(at);
                    }
                    LinkWrong::Browsers => one.knocks.count(at),
                }
            }
            (EntryBody::LinkEnded { link, end }, _) => {
                if let Some(one) = self.links.get_mut(link) {
                    one.end = Some((at, *end));
                    one.until = one.until.min(at);
                }
                self.running.remove(link);
            }
            (EntryBody::Opened { scope: OpenScope::Download, .. }, Actor::Link { link, .. }) => {
                if let Some(one) = self.links.get_mut(link) {
                    one.downloads += 1;
                    one.taken.count(at);
                }
            }
            (EntryBody::OpinionAsked(asked), Actor::Person { person, .. }) => {
                let opinion = Opinion {
                    number,
                    relationship,
                    asker: *person,
                    colleague: asked.colleague,
                    patient: asked.patient,
                    study: asked.study,
                    reason: asked.reason.clone(),
                    asked: at,
                    until: asked.until,
                    cut: false,
                };
                let over = |number: &EntryNumber| self.opinions.get(number).is_none_or(|one| one.until <= at);
                self.running_opinions.retain(|number| !over(number));
                self.running_opinions.insert(number);
                self.by_relationship.insert(relationship, Of::Opinion(number));
                self.opinions.insert(number, opinion);
            }
            (EntryBody::RelationshipEnded { entry: ended, until }, _) => match self.by_relationship.get(ended) {
                Some(Of::Link(link)) => {
                    if let Some(one) = self.links.get_mut(link) {
                        one.until = one.until.min(*until);
                    }
                }
                Some(Of::Opinion(opinion)) => {
                    if let Some(one) = self.opinions.get_mut(opinion) {
                        one.until = one.until.min(*until);
                    }
                }
                None => {}
            },
            (
                EntryBody::AccountLocked { person, .. }
                | EntryBody::AccountLapsed { person }
                | EntryBody::PersonClosed { person },
                _,
            ) => self.cut(*person),
            (EntryBody::Erased { entry: erased, left }, _) => {
                if let EntryBody::LinkMade(made) = &left.body
                    && let Some(one) = self.made.get(erased).and_then(|link| self.links.get_mut(link))
                {
                    one.note.clone_from(&made.note);
                }
            }
            _ => {}
        }
    }

    /// Nothing that somebody shares runs on.
    fn cut(&mut self, person: PersonId) {
        for link in &self.running {
            if let Some(one) = self.links.get_mut(link).filter(|one| one.maker == person) {
                one.cut = true;
            }
        }
        for number in &self.running_opinions {
            if let Some(one) = self.opinions.get_mut(number).filter(|one| one.asker == person) {
                one.cut = true;
            }
        }
    }

    pub(crate) fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(&link)
    }

    /// The number of the next link. None is given twice, whatever the database has.
    pub(crate) fn next_link(&self) -> LinkId {
        LinkId(self.links.last_key_value().map_or(0, |(link, _)| link.0.saturating_add(1)))
    }

    /// Links that no entry ended.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Link> {
        self.running.iter().filter_map(|link| self.links.get(link))
    }

    /// All, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Link> {
        self.links.values().rev()
    }

    pub(crate) fn opinion(&self, number: EntryNumber) -> Option<&Opinion> {
        self.opinions.get(&number)
    }

    /// Second opinions that last at `now`.
    pub(crate) fn running_opinions(&self, now: Instant) -> impl Iterator<Item = &Opinion> {
        let running = self.running_opinions.iter().filter_map(|number| self.opinions.get(number));
        running.filter(move |one| now < one.until)
    }

    /// All, the newest first.
    pub(crate) fn opinions(&self) -> impl Iterator<Item = &Opinion> {
        self.opinions.values().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{LinkMade, LinkOpened, LinkRefused, Origin};

    fn entry(actor: Actor, at: i64, body: EntryBody) -> Entry {
        Entry { version: Entry::VERSION, recorded: Instant(0).plus_seconds(at), actor, body }
    }

    fn made() -> Shared {
        let mut shared = Shared::default();
        let maker = Actor::Person { person: PersonId(3), session: SessionId([1; 16]), origin: Origin::default() };
        let body = EntryBody::LinkMade(LinkMade {
            link: LinkId(0),
            patient: PatientNumber(1),
            study: StudyNumber(2),
            purpose: LinkFor::Outside,
            until: Instant(0).plus_seconds(1_000_000),
            browsers: 3,
            note: "Dr. Away".to_owned(),
        });
        shared.apply(EntryNumber(8), &entry(maker, 0, body));
        shared
    }

    fn wrong(shared: &mut Shared, tries: u32, at: i64) {
        let body = EntryBody::LinkRefused(LinkRefused { link: LinkId(0), wrong: LinkWrong::Code, tries });
        shared.apply(EntryNumber(8 + u64::from(tries)), &entry(Actor::Warden, at, body));
    }

    #[test]
    fn waits_grow_with_wrong_codes_and_the_tenth_is_the_last() {
        let mut shared = made();
        assert_eq!(shared.next_link(), LinkId(1));
        let mut at = 0;
        let mut waits = Vec::new();
        for tries in 1..=LINK_TRIES_MAX {
            let now = Instant(0).plus_seconds(at);
            assert!(shared.link(LinkId(0)).expect("it was made").runs(now), "{tries}");
            wrong(&mut shared, tries, at);
            let wait = shared.link(LinkId(0)).expect("it was made").wait_seconds(now).unwrap_or(0);
            waits.push(wait);
            at += i64::from(wait);
        }
        assert_eq!(waits, [0, 0, 5, 10, 20, 40, 80, 160, 320, 640]);
        assert!(!shared.link(LinkId(0)).expect("it was made").runs(Instant(0).plus_seconds(at)));
    }

    #[test]
    fn an_account_that_is_locked_cuts_its_links_for_good_and_no_other() {
        let running = |shared: &Shared| shared.link(LinkId(0)).expect("it was made").runs(Instant(0).plus_seconds(9));
        for (person, runs) in [(PersonId(3), false), (PersonId(4), true)] {
            for body in [
                EntryBody::AccountLocked { person, incident: 1 },
                EntryBody::AccountLapsed { person },
                EntryBody::PersonClosed { person },
            ] {
                let mut shared = made();
                shared.apply(EntryNumber(9), &entry(Actor::Owner, 5, body.clone()));
                assert_eq!(running(&shared), runs, "{body:?}");
            }
        }
    }

    #[test]
    fn openings_and_downloads_of_one_link_are_so_many_in_an_hour_and_no_more() {
        let mut shared = made();
        let by = || Actor::Link { link: LinkId(0), session: SessionId([1; 16]), origin: Origin::default() };
        let scope = OpenScope::Download;
        let (patient, study, lease_until) = (PatientNumber(1), StudyNumber(2), Instant(0));
        for n in 0..DOWNLOADS_PER_HOUR_MAX as i64 {
            let one = shared.link(LinkId(0)).expect("it was made");
            assert_eq!(one.download_wait_seconds(Instant(0).plus_seconds(10 * n)), None, "{n}");
            let body = EntryBody::Opened { patient, study, scope, lease_until };
            shared.apply(EntryNumber(9), &entry(by(), 10 * n, body));
        }
        for n in 0..KNOCKS_PER_HOUR_MAX as i64 {
            let now = Instant(0).plus_seconds(100 + n);
            assert_eq!(shared.link(LinkId(0)).expect("it was made").wait_seconds(now), None, "{n}");
            let refused = LinkRefused { link: LinkId(0), wrong: LinkWrong::Browsers, tries: 0 };
            let opened = LinkOpened { link: LinkId(0), session: SessionId([1; 16]), browser: "a".to_owned() };
            let body = if n % 2 == 0 { EntryBody::LinkRefused(refused) } else { EntryBody::LinkOpened(opened) };
            shared.apply(EntryNumber(9), &entry(by(), 100 + n, body));
        }
        let one = shared.link(LinkId(0)).expect("it was made");
        let at = |seconds| Instant(0).plus_seconds(seconds);
        assert_eq!((one.wait_seconds(at(120)), one.wait_seconds(at(3_700))), (Some(3_580), None));
        let waits = (one.download_wait_seconds(at(100)), one.download_wait_seconds(at(3_600)));
        assert_eq!(waits, (Some(3_500), None));
    }

    #[test]
    fn a_clock_that_is_set_back_lengthens_no_wait() {
        let mut shared = made();
        wrong(&mut shared, 3, 5_000);
        assert_eq!(shared.link(LinkId(0)).expect("it was made").wait_seconds(Instant(0)), Some(5));
        assert_eq!(shared.link(LinkId(0)).expect("it was made").wait_seconds(Instant(0).plus_seconds(5_005)), None);
    }
}
