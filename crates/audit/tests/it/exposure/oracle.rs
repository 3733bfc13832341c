//! The definition of reach and exposure, written down by looking at every instant.

use std::collections::{BTreeMap, BTreeSet};

use audit::{Exposure, Touch};
use model::{
    Actor, DeviceMay, DiskId, DiskPart, Entry, EntryBody, EntryNumber, Instant, KeyId, LinkId, OpenScope,
    OrganisationId, Origin, PatientNumber, PersonId, Relationship, Role, SessionId, StudyNumber, Tier, What, Who,
    Window,
};

use super::dice::END;

/// The state at one instant, from scratch: what the entries recorded up to and including it say.
pub(super) struct Moment<'h> {
    at: Instant,
    past: Vec<&'h (EntryNumber, Entry)>,
}

impl<'h> Moment<'h> {
    pub(super) fn new(history: &'h [(EntryNumber, Entry)], at: Instant) -> Self {
        Self { at, past: history.iter().filter(|(_, entry)| entry.recorded <= at).collect() }
    }

    fn last<T>(&self, mut says: impl FnMut(&EntryBody) -> Option<T>) -> Option<T> {
        self.past.iter().rev().find_map(|(_, entry)| says(&entry.body))
    }

    fn member(&self, of: PersonId, at: OrganisationId) -> bool {
        let says = |body: &EntryBody| match body {
            EntryBody::MemberJoined { person, organisation } if (*person, *organisation) == (of, at) => Some(true),
            EntryBody::MemberLeft { person, organisation } if (*person, *organisation) == (of, at) => Some(false),
            _ => None,
        };
        self.last(says).unwrap_or(false)
    }

    pub(super) fn filed_under(&self, of: StudyNumber) -> Option<PatientNumber> {
        self.last(|body| match body {
            EntryBody::Stored { study, patient, .. } if *study == of => Some(*patient),
            EntryBody::Moved { study, to, .. } if *study == of => Some(*to),
            _ => None,
        })
    }

    /// The furthest tier that the subject's role or permissions leave.
    fn narrowed(&self, who: Who) -> Option<Tier> {
        match who {
            Who::Organisation(_) | Who::Link(_) => Some(Tier::Open),
            Who::Person(of) => {
                let role = self.last(|body| match body {
                    EntryBody::PersonAdded { person, role, .. } if *person == of => Some(Some(*role)),
                    EntryBody::RoleChanged { person, to, .. } if *person == of => Some(Some(*to)),
                    EntryBody::PersonClosed { person } if *person == of => Some(None),
                    _ => None,
                });
                match role?? {
                    Role::Patient | Role::Referrer | Role::Radiologist | Role::Technologist => Some(Tier::Open),
                    Role::Officer | Role::Administrator | Role::OfficerAdministrator => None,
                }
            }
            Who::Device(of) => {
                let may = self.last(|body| match body {
                    EntryBody::DeviceAdded { device, may, .. } if *device == of => Some(may.clone()),
                    EntryBody::DeviceRemoved { device } if *device == of => Some(Vec::new()),
                    _ => None,
                })?;
                if may.contains(&DeviceMay::Open) {
                    Some(Tier::Open)
                } else if may.contains(&DeviceMay::List) {
                    Some(Tier::List)
                } else {
                    None
                }
            }
        }
    }

    fn holds(&self, relationship: &Relationship, who: Who) -> bool {
        relationship.who == who
            || match (who, relationship.who) {
                (Who::Person(person), Who::Organisation(organisation)) => self.member(person, organisation),
                _ => false,
            }
    }

    /// Relationships that reach something for `who` now, each with its tier.
    pub(super) fn live(&self, who: Who) -> Vec<(Relationship, Tier)> {
        let Some(narrowed) = self.narrowed(who) else { return Vec::new() };
        let ended = |number: EntryNumber| {
            self.past.iter().any(|(_, entry)| match &entry.body {
                EntryBody::RelationshipEnded { entry, until } => *entry == number && *until <= self.at,
                _ => false,
            })
        };
        self.past
            .iter()
            .filter_map(|(number, entry)| match &entry.body {
                EntryBody::Related { relationship } => Some((number, relationship)),
                _ => None,
            })
            .filter(|(number, relationship)| {
                self.holds(relationship, who) && relationship.window.contains(self.at) && !ended(**number)
            })
            .map(|(_, relationship)| (relationship.clone(), relationship.tier.min(narrowed)))
            .collect()
    }

    pub(super) fn reachable(&self, who: Who) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
        let mut found = BTreeMap::new();
        for study in (0..5).map(StudyNumber) {
            let Some(patient) = self.filed_under(study) else { continue };
            for (relationship, tier) in self.live(who) {
                let reaches = match relationship.what {
                    What::Patient(reached) => reached == patient,
                    What::Study(reached) => reached == study,
                    What::Site => true,
                };
                if reaches {
                    let best = found.entry((patient, study)).or_insert(tier);
                    *best = tier.max(*best);
                }
            }
        }
        found
    }
}

fn touch<K: Ord>(touches: &mut BTreeMap<K, Touch>, key: K, entry: &Entry, origin: &Origin, seen: &[Instant]) {
    let (first, last) = (seen[0], entry.recorded.max(seen[0]));
    let lease_until = match &entry.body {
        EntryBody::Listed { lease_until, .. } | EntryBody::Opened { lease_until, .. } => *lease_until,
        _ => unreachable!("only these touch"),
    };
    let lease_until = lease_until.max(Instant(entry.recorded.0 + 1));
    let touch = touches.entry(key).or_insert(Touch { first, last, lease_until, entries: 0, origins: BTreeSet::new() });
    touch.lease_until = touch.lease_until.max(lease_until);
    touch.first = touch.first.min(first);
    touch.last = touch.last.max(last);
    touch.entries += 1;
    touch.origins.insert(origin.clone());
}

/// Whether a link is one that a person made, or somebody who was a member of an organisation when they did.
fn made_for(history: &[(EntryNumber, Entry)], link: LinkId, who: Who) -> bool {
    let made = history.iter().find_map(|(_, entry)| match (&entry.body, &entry.actor) {
        (EntryBody::LinkMade(made), Actor::Person { person, .. }) if made.link == link => {
            Some((*person, entry.recorded))
        }
        _ => None,
    });
    made.is_some_and(|(maker, at)| match who {
        Who::Person(person) => person == maker,
        Who::Organisation(organisation) => Moment::new(history, at).member(maker, organisation),
        Who::Device(_) | Who::Link(_) => false,
    })
}

/// Whether a link was made in a session.
fn made_in(history: &[(EntryNumber, Entry)], link: LinkId, session: SessionId) -> bool {
    let made = history.iter().find_map(|(_, entry)| match (&entry.body, &entry.actor) {
        (EntryBody::LinkMade(made), Actor::Person { session, .. }) if made.link == link => Some(*session),
        _ => None,
    });
    made == Some(session)
}

/// Adds what links reach at a moment.
fn further(found: &mut BTreeMap<(PatientNumber, StudyNumber), Tier>, moment: &Moment<'_>, links: &[LinkId]) {
    for (key, tier) in links.iter().flat_map(|link| moment.reachable(Who::Link(*link))) {
        let best = found.entry(key).or_insert(tier);
        *best = tier.max(*best);
    }
}

/// The definition: look at every instant of the window.
pub(super) fn oracle(history: &[(EntryNumber, Entry)], who: Who, window: Window) -> Exposure {
    let links: Vec<LinkId> = (0..2).map(LinkId).filter(|link| made_for(history, *link, who)).collect();
    let counts = |entry: &Entry| match (who, actor(entry)) {
        (_, None) => false,
        (_, Some(Who::Link(link))) if links.contains(&link) => true,
        (Who::Organisation(organisation), Some(Who::Person(person))) => {
            Moment::new(history, entry.recorded).member(person, organisation)
        }
        (_, actor) => Some(who) == actor,
    };
    let reachable = reached(history, window, |moment| {
        let mut found = moment.reachable(who);
        further(&mut found, moment, &links);
        found
    });
    let mut exposure = Exposure { reachable, ..Exposure::default() };
    touched(history, &mut exposure, window, |entry| counts(entry).then_some(entry.recorded), |_| true, |_| true);
    exposure
}

/// Of a session: what its person reached while it lasted, and what carries its name.
pub(super) fn session_oracle(history: &[(EntryNumber, Entry)], session: SessionId, window: Window) -> Option<Exposure> {
    let of = |entry: &Entry| match (&entry.actor, &entry.body) {
        (Actor::Person { person, session: named, .. }, _) if *named == session => Some(*person),
        (
            _,
            EntryBody::SignedIn { person, session: named, .. } | EntryBody::SessionEnded { person, session: named },
        ) if *named == session => Some(*person),
        _ => None,
    };
    let person = history.iter().find_map(|(_, entry)| of(entry))?;
    let ends =
        |entry: &Entry| matches!(&entry.body, EntryBody::SessionEnded { session: ended, .. } if *ended == session);
    let links: Vec<LinkId> = (0..2).map(LinkId).filter(|link| made_in(history, *link, session)).collect();
    let reachable = reached(history, window, |moment| {
        let begun = moment.past.iter().any(|(_, entry)| of(entry).is_some());
        let ended = moment.past.iter().any(|(_, entry)| ends(entry));
        let mut found = if begun && !ended { moment.reachable(Who::Person(person)) } else { BTreeMap::new() };
        further(&mut found, moment, &links);
        found
    });
    let mut exposure = Exposure { reachable, ..Exposure::default() };
    let counts = |entry: &Entry| match &entry.actor {
        Actor::Person { session: named, .. } => *named == session,
        Actor::Link { link, .. } => links.contains(link),
        _ => false,
    };
    touched(history, &mut exposure, window, |entry| counts(entry).then_some(entry.recorded), |_| true, |_| true);
    Some(exposure)
}

/// Of a key: its study while it was filed, and every opening of the study whose lease reaches into that time.
pub(super) fn key_oracle(history: &[(EntryNumber, Entry)], key: KeyId, window: Window) -> Option<Exposure> {
    let (study, filed) = history.iter().find_map(|(_, entry)| match &entry.body {
        EntryBody::KeysFiled { study, keys } if keys.contains(&key) => Some((*study, entry.recorded)),
        _ => None,
    })?;
    let reachable = reached(history, window, |moment| {
        let patient = moment.filed_under(study).filter(|_| filed <= moment.at);
        patient.into_iter().map(|patient| ((patient, study), Tier::Open)).collect()
    });
    let mut exposure = Exposure { reachable, ..Exposure::default() };
    let counts = |entry: &Entry| {
        let opened = matches!(&entry.body, EntryBody::Opened { study: opened, .. } if *opened == study);
        (reads(entry) && opened).then_some(filed)
    };
    touched(history, &mut exposure, window, counts, |_| true, |_| true);
    Some(exposure)
}

/// Of a disk: what was stored until it was replaced or copied last, and what anybody did with that.
pub(super) fn disk_oracle(history: &[(EntryNumber, Entry)], disk: DiskId, window: Window) -> Option<Exposure> {
    let mut until: BTreeMap<DiskPart, Instant> = BTreeMap::new();
    let mut known = false;
    for (_, entry) in history {
        let EntryBody::DiskHolds { disk: named, holds, instead_of, .. } = &entry.body else { continue };
        if *instead_of == Some(disk) && known {
            for part in holds {
                until.entry(*part).and_modify(|until| *until = entry.recorded.min(*until));
            }
        }
        if *named == disk {
            known = true;
            for part in holds {
                let grows = *part != DiskPart::Copy;
                until.insert(*part, if grows { Instant::MAX } else { Instant(entry.recorded.0 + 1) });
            }
        }
    }
    if !known {
        return None;
    }
    let until = [DiskPart::Images, DiskPart::Copy].iter().filter_map(|part| until.get(part)).max().copied();
    let lies = |study: StudyNumber| {
        history.iter().any(|(_, entry)| {
            let stored = match &entry.body {
                EntryBody::Stored { study: stored, .. } | EntryBody::Moved { study: stored, .. } => *stored == study,
                _ => false,
            };
            stored && until.is_some_and(|until| entry.recorded < until)
        })
    };
    let reachable = reached(history, window, |moment| {
        let lying = (0..5).map(StudyNumber).filter(|study| lies(*study));
        lying.filter_map(|study| Some(((moment.filed_under(study)?, study), Tier::Open))).collect()
    });
    let patients: BTreeSet<_> = reachable.keys().map(|(patient, _)| *patient).collect();
    let studies: BTreeSet<_> = reachable.keys().map(|(_, study)| *study).collect();
    let mut exposure = Exposure { reachable, ..Exposure::default() };
    let counts = |entry: &Entry| reads(entry).then_some(entry.recorded);
    touched(
        history,
        &mut exposure,
        window,
        counts,
        |patient| patients.contains(&patient),
        |study| studies.contains(&study),
    );
    Some(exposure)
}

fn actor(entry: &Entry) -> Option<Who> {
    match &entry.actor {
        Actor::Person { person, .. } => Some(Who::Person(*person)),
        Actor::Device { device, .. } => Some(Who::Device(*device)),
        Actor::Link { link, .. } => Some(Who::Link(*link)),
        _ => None,
    }
}

/// The patients that a study lay under at some instant before `until`: of several words at one instant the last holds.
pub fn filed_before(history: &[(EntryNumber, Entry)], of: StudyNumber, until: Instant) -> BTreeSet<PatientNumber> {
    let filed = history.iter().filter_map(|(_, entry)| match &entry.body {
        EntryBody::Stored { study, patient, .. } | EntryBody::Moved { study, to: patient, .. } if *study == of => {
            Some((entry.recorded, *patient))
        }
        _ => None,
    });
    let filed: BTreeMap<Instant, PatientNumber> = filed.collect();
    filed.into_iter().filter(|(at, _)| *at < until).map(|(_, patient)| patient).collect()
}

/// Whether names and keys go to whoever made an entry.
pub fn reads(entry: &Entry) -> bool {
    matches!(entry.actor, Actor::Person { .. } | Actor::Device { .. } | Actor::Link { .. } | Actor::Owner)
}

fn instants(window: Window) -> Vec<Instant> {
    (-4..END + 12).map(Instant).filter(|at| window.contains(*at)).collect()
}

fn reached(
    history: &[(EntryNumber, Entry)],
    window: Window,
    at: impl Fn(&Moment<'_>) -> BTreeMap<(PatientNumber, StudyNumber), Tier>,
) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
    let mut found = BTreeMap::new();
    for instant in instants(window) {
        for (key, tier) in at(&Moment::new(history, instant)) {
            let best = found.entry(key).or_insert(tier);
            *best = tier.max(*best);
        }
    }
    found
}

/// What entries touched: `counts` says whether one counts, and from when on.
fn touched(
    history: &[(EntryNumber, Entry)],
    exposure: &mut Exposure,
    window: Window,
    counts: impl Fn(&Entry) -> Option<Instant>,
    patient_counts: impl Fn(PatientNumber) -> bool,
    study_counts: impl Fn(StudyNumber) -> bool,
) {
    let instants = instants(window);
    for (_, entry) in history {
        let local = Origin::default();
        let Some(origin) = (match &entry.actor {
            Actor::Person { origin, .. } | Actor::Device { origin, .. } | Actor::Link { origin, .. } => Some(origin),
            Actor::Owner => Some(&local),
            _ => None,
        }) else {
            continue;
        };
        let Some(since) = counts(entry) else { continue };
        let during = |lease_until: Instant| -> Vec<Instant> {
            let released = |at: Instant| at == entry.recorded || (entry.recorded <= at && at < lease_until);
            instants.iter().copied().filter(|at| released(*at) && since <= *at).collect()
        };
        match &entry.body {
            EntryBody::Listed { patients, studies, lease_until } => {
                let seen = during(*lease_until);
                if !seen.is_empty() {
                    let patients = patients.numbers().iter().map(|number| PatientNumber(*number));
                    for patient in patients.filter(|patient| patient_counts(*patient)) {
                        touch(&mut exposure.listed_patients, patient, entry, origin, &seen);
                    }
                    let studies = studies.numbers().iter().map(|number| StudyNumber(*number));
                    for study in studies.filter(|study| study_counts(*study)) {
                        touch(&mut exposure.listed_studies, study, entry, origin, &seen);
                    }
                }
            }
            EntryBody::Opened { patient, study, scope, lease_until } if study_counts(*study) => {
                let seen = during(*lease_until);
                let mut patients = filed_before(history, *study, window.to);
                patients.insert(*patient);
                if !seen.is_empty() && *scope == OpenScope::Images {
                    for patient in patients {
                        touch(&mut exposure.opened, (patient, *study), entry, origin, &seen);
                    }
                } else if !seen.is_empty() {
                    for patient in patients {
                        touch(&mut exposure.listed_patients, patient, entry, origin, &seen);
                    }
                    touch(&mut exposure.listed_studies, *study, entry, origin, &seen);
                }
            }
            _ => {}
        }
    }
}
