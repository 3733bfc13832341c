//! What anybody could reach and what they did reach, over a window of the past.
//!
//! - *Reachable*: at some instant of the window a relationship reached the study, held by the subject or by an
//!   organisation that the person was a member of at that instant, and the role allowed it.
//! - *Listed* and *opened*: the subject's entries whose lease, `recorded <= t < lease_until`, shares an instant with
//!   the window. The instant of the entry itself always counts, so a lease of no length does too. Opening a study's
//!   listing counts as listed. An opening counts for every patient that the study was filed under before the window's end: whose
//!   images it shows is not always whose file it lies in.
//! - An organisation reaches what its own relationships reach; listed and opened to it is what its members did, being
//!   members when the entry was recorded.
//! - What went out by a share link counts for whoever made it, for the session that it was made in, and for the organisations that
//!   they were a member of when they did: reachable, listed and opened.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, LinkId, OpenScope, Origin, PatientNumber, StudyNumber, Tier, Who,
    Window,
};

use crate::ReachState;
use crate::actions::{Action, Actions, Deed};
use crate::disks::Disks;
use crate::gathering::Gathering;
use crate::keys::Keys;
use crate::links::LinksMade;
use crate::reach::Span;
use crate::sessions::Sessions;

/// The most parts of one timeline.
pub const TIMELINE_PARTS_MAX: u32 = 1_000;

/// A fold over the ledger that answers exposure questions.
#[derive(Default)]
pub struct ExposureIndex {
    pub(crate) reach: ReachState,
    pub(crate) actions: Actions,
    pub(crate) sessions: Sessions,
    pub(crate) keys: Keys,
    pub(crate) disks: Disks,
    pub(crate) links: LinksMade,
    applied: u64,
    /// When the entries were recorded whose words were erased, ascending.
    erased: Vec<Instant>,
}

impl ExposureIndex {
    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        self.reach.apply(number, entry);
        self.applied = number.0 + 1;
        self.sessions.apply(entry);
        self.keys.apply(entry);
        self.disks.apply(entry);
        self.links.apply(entry);
        if let EntryBody::Erased { left, .. } = &entry.body {
            let position = self.erased.partition_point(|at| *at <= left.recorded);
            self.erased.insert(position, left.recorded);
        }
        let local = Origin::default();
        let (who, origin, session) = match &entry.actor {
            Actor::Person { person, origin, session } => {
                (Some(Who::Person(*person)), origin, self.sessions.tag(*session))
            }
            Actor::Device { device, origin } => (Some(Who::Device(*device)), origin, 0),
            Actor::Link { link, origin, session } => (Some(Who::Link(*link)), origin, self.sessions.tag(*session)),
            // on the command line: reports and questions name patients
            Actor::Owner => (None, &local, 0),
            // they are given no names and no keys
            Actor::Stranger { .. } | Actor::Warden => return,
        };
        let (deed, lease_until) = match &entry.body {
            EntryBody::Listed { patients, studies, lease_until } => {
                (self.actions.listed(patients, studies), *lease_until)
            }
            EntryBody::Opened { patient, study, scope, lease_until } => {
                let download = *scope == OpenScope::Download;
                (Deed::Opened { patient: *patient, study: *study, tier: scope.tier(), download }, *lease_until)
            }
            _ => return,
        };
        let lease = Window { from: entry.recorded, to: lease_until.max(Instant(entry.recorded.0.saturating_add(1))) };
        let origin = self.actions.origin(origin);
        self.actions.push(Action { number, who, lease, lease_until, origin, session, deed });
    }

    /// Who may reach what, from the same entries.
    #[must_use]
    pub fn reach(&self) -> &ReachState {
        &self.reach
    }

    /// How many entries of a window lack the words that somebody wrote, as far as the entries that were taken say. Nothing that is
    /// reported here rests on those: what may be erased is no part of reach, listing or opening ([`EntryBody::without_words`]).
    #[must_use]
    pub fn erased(&self, window: Window) -> u64 {
        let from = self.erased.partition_point(|at| *at < window.from);
        let to = self.erased.partition_point(|at| *at < window.to);
        to.saturating_sub(from) as u64
    }

    /// How many entries were taken.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.applied
    }

    /// What `who` could reach and did reach at some instant of `window`.
    #[must_use]
    pub fn report(&self, who: Who, window: Window) -> Exposure {
        let mut gathered = Gathering::new(self, window);
        self.each_action(who, window, |action| gathered.take(action, action.lease));
        gathered.finish(self.reachable_with_links(who, window))
    }

    /// The window cut into `parts` equal parts, at most [`TIMELINE_PARTS_MAX`], for a plot.
    #[must_use]
    pub fn timeline(&self, who: Who, window: Window, parts: u32) -> Vec<TimelinePart> {
        self.plot(window, parts, |each| self.each_action(who, window, |action| each(action, action.lease)))
    }

    /// A timeline of the actions that `each_action` gives, each with the lease that counts.
    pub(crate) fn plot(
        &self,
        window: Window,
        parts: u32,
        each_action: impl FnOnce(&mut dyn FnMut(&Action, Window)),
    ) -> Vec<TimelinePart> {
        let parts = parts.min(TIMELINE_PARTS_MAX);
        if window.from >= window.to || parts == 0 {
            return Vec::new();
        }
        let length = i128::from(window.to.0) - i128::from(window.from.0);
        let edge = |part: u32| {
            let offset = length * i128::from(part) / i128::from(parts);
            Instant((i128::from(window.from.0) + offset) as i64)
        };
        let edges: Vec<Instant> = (0..=parts).map(edge).collect();
        let mut seen: Vec<(HashSet<u32>, HashSet<u32>)> = vec![Default::default(); parts as usize];
        each_action(&mut |action, lease| {
            let Some(span) = lease.intersect(&window) else { return };
            let first = edges.partition_point(|edge| *edge <= span.from).saturating_sub(1);
            let behind = edges.partition_point(|edge| *edge < span.to).min(parts as usize);
            for part in (first..behind).filter(|part| edges[*part] < edges[part + 1]) {
                let (listed, opened) = &mut seen[part];
                match &action.deed {
                    Deed::Opened { patient, study, tier, .. } => {
                        let patients = if *tier == Tier::Open { opened } else { listed };
                        patients.insert(patient.0);
                        patients.extend(self.reach.filed_before(*study, edges[part + 1]).map(|filed| filed.0));
                    }
                    Deed::Listed(list) => listed.extend(self.actions.patients(list)),
                }
            }
        });
        edges
            .windows(2)
            .zip(seen)
            .map(|(edges, (listed, opened))| TimelinePart {
                window: Window { from: edges[0], to: edges[1] },
                listed: listed.len() as u32,
                opened: opened.len() as u32,
            })
            .collect()
    }

    /// Who listed or opened a patient, or a study that was ever filed under them, oldest first.
    #[must_use]
    pub fn accesses_of(&self, patient: PatientNumber) -> Vec<Access> {
        let moved = self.reach.moved_studies_of(patient);
        let touched = |action: &Action| match &action.deed {
            Deed::Opened { patient: opened, study, tier, download } => {
                (*opened == patient || moved.contains(study)).then_some((Some(*study), *tier, *download))
            }
            Deed::Listed(list) => {
                let named = self.actions.lists(list, patient)
                    || (!moved.is_empty() && self.actions.studies(list).any(|n| moved.contains(&StudyNumber(n))));
                named.then_some((None, Tier::List, false))
            }
        };
        let access = |action: &Action| {
            touched(action).map(|(study, tier, download)| Access {
                entry: action.number,
                recorded: action.lease.from,
                lease_until: action.lease_until,
                who: action.who,
                origin: self.actions.origin_of(action.origin).clone(),
                study,
                tier,
                download,
            })
        };
        self.actions.all().iter().filter_map(access).collect()
    }

    /// What `who` reached, and what was reachable by links that this person made, or members of this organisation.
    fn reachable_with_links(&self, who: Who, window: Window) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
        let links = self.links_of(who).into_iter();
        let by_links = links.flat_map(|link| self.reach.spans(Who::Link(link), window));
        self.reached(self.reach.spans(who, window).into_iter().chain(by_links))
    }

    pub(crate) fn reached(
        &self,
        spans: impl IntoIterator<Item = Span>,
    ) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
        let mut found = Vec::new();
        for span in spans {
            self.reach.studies_of(&span, |patient, study| found.push(((patient, study), span.tier)));
        }
        // ascending, so that of one key the furthest tier comes last and stays
        found.sort_unstable();
        found.into_iter().collect()
    }

    /// The links whose use counts for `who`: those that a person made; of an organisation those that were made by somebody who was a
    /// member then.
    fn links_of(&self, who: Who) -> Vec<LinkId> {
        match who {
            Who::Person(person) => self.links.of(person).map(|(link, _)| link).collect(),
            Who::Organisation(organisation) => {
                let members = self.reach.ever_members(organisation).iter();
                let made = members.flat_map(|&person| {
                    let as_member =
                        move |(_, made): &(LinkId, Instant)| self.reach.is_member(person, organisation, *made);
                    self.links.of(person).filter(as_member)
                });
                made.map(|(link, _)| link).collect()
            }
            Who::Device(_) | Who::Link(_) => Vec::new(),
        }
    }

    /// Every listing and opening that counts for `who` in `window`, oldest first for each person and each link.
    pub(crate) fn each_action(&self, who: Who, window: Window, mut each: impl FnMut(&Action)) {
        for link in self.links_of(who) {
            self.actions.of(Who::Link(link), window).for_each(&mut each);
        }
        match who {
            Who::Person(_) | Who::Device(_) | Who::Link(_) => self.actions.of(who, window).for_each(each),
            Who::Organisation(organisation) => {
                for &person in self.reach.ever_members(organisation) {
                    self.actions
                        .of(Who::Person(person), window)
                        .filter(|action| self.reach.is_member(person, organisation, action.lease.from))
                        .for_each(&mut each);
                }
            }
        }
    }
}

/// What somebody could reach and did reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Reachable by a relationship at some instant of the window, with the furthest tier. A study that was moved
    /// inside the window stands under each patient that it was reachable as.
    pub reachable: BTreeMap<(PatientNumber, StudyNumber), Tier>,
    /// Patients listed.
    pub listed_patients: BTreeMap<PatientNumber, Touch>,
    /// Studies listed.
    pub listed_studies: BTreeMap<StudyNumber, Touch>,
    /// Studies opened, each with the patient that it was opened as, and with all whom it was filed under before the window's end.
    pub opened: BTreeMap<(PatientNumber, StudyNumber), Touch>,
}

impl Exposure {
    /// Patients and studies: reachable, listed, opened.
    #[must_use]
    pub fn counts(&self) -> [(u64, u64); 3] {
        let patients = |pairs: &mut dyn Iterator<Item = PatientNumber>| pairs.collect::<BTreeSet<_>>().len() as u64;
        let opened_studies: BTreeSet<_> = self.opened.keys().map(|(_, study)| study).collect();
        [
            (patients(&mut self.reachable.keys().map(|(patient, _)| *patient)), self.reachable.len() as u64),
            (self.listed_patients.len() as u64, self.listed_studies.len() as u64),
            (patients(&mut self.opened.keys().map(|(patient, _)| *patient)), opened_studies.len() as u64),
        ]
    }
}

/// When and from where something was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// First instant inside the window that a lease covers.
    pub first: Instant,
    /// The last entry's instant; the window's beginning when that entry is older and its lease reaches in.
    pub last: Instant,
    /// When the last lease ends; past the window's end it is a lease that had not expired then.
    pub lease_until: Instant,
    /// How many entries say so.
    pub entries: u64,
    /// From where.
    pub origins: BTreeSet<Origin>,
}

/// One part of a timeline. A lease counts in every part that it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelinePart {
    /// Its span.
    pub window: Window,
    /// Patients listed in it.
    pub listed: u32,
    /// Patients opened in it.
    pub opened: u32,
}

/// One listing or opening of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub recorded: Instant,
    /// Until when the lease lasted.
    pub lease_until: Instant,
    /// Who; `None` for the owner of the machine.
    pub who: Option<Who>,
    /// From where.
    pub origin: Origin,
    /// The study, when one was opened; `None` for a list of patients.
    pub study: Option<StudyNumber>,
    /// How far: [`Tier::Open`] when images were.
    pub tier: Tier,
    /// Whether the study was taken along as files.
    pub download: bool,
}
