//! Exposure and reach, against an oracle that is written from the definition and looks at every single instant.

use std::collections::{BTreeMap, BTreeSet};

use audit::{Exposure, ExposureIndex, Touch};
use model::{
    Actor, DeviceId, DeviceMay, DiskId, DiskPart, Entry, EntryBody, EntryNumber, Instant, KeyId, NumberSet, OpenScope,
    OrganisationId, Origin, PatientNumber, PersonId, Relationship, Role, SessionId, SignInMethod, StudyNumber, Tier,
    What, Who, Window,
};

/// Histories tried; each is asked about every subject and several windows.
const HISTORIES: u64 = 1_000;
/// Time runs from 0 to here, so that every instant can be looked at.
const END: i64 = 24;

/// A small generator (xorshift64*), so that a seed gives the same history everywhere.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn instant(&mut self) -> Instant {
        Instant(self.roll(END as u64 + 4) as i64 - 2)
    }

    fn window(&mut self) -> Window {
        let (from, to) = (self.instant(), self.instant());
        // now and then empty, or the wrong way round
        match self.roll(6) {
            0 => Window { from, to },
            1 | 2 => Window { from, to: Instant::MAX },
            _ => Window { from: from.min(to), to: to.max(from) },
        }
    }

    fn patient(&mut self) -> PatientNumber {
        PatientNumber(self.roll(4) as u32)
    }

    fn study(&mut self) -> StudyNumber {
        StudyNumber(self.roll(5) as u32)
    }

    fn person(&mut self) -> PersonId {
        PersonId(self.roll(3) as u32)
    }

    fn organisation(&mut self) -> OrganisationId {
        OrganisationId(self.roll(2) as u32)
    }

    fn device(&mut self) -> DeviceId {
        DeviceId(self.roll(2) as u32)
    }

    /// One of two sessions of a person.
    fn session(&mut self, person: PersonId) -> SessionId {
        SessionId([person.0 as u8 * 2 + self.roll(2) as u8; 16])
    }

    fn key(&mut self) -> KeyId {
        KeyId([self.roll(4) as u8; 16])
    }

    fn disk(&mut self) -> DiskId {
        DiskId([self.roll(3) as u8; 16])
    }

    fn who(&mut self) -> Who {
        match self.roll(5) {
            0 | 1 => Who::Person(self.person()),
            2 | 3 => Who::Organisation(self.organisation()),
            _ => Who::Device(self.device()),
        }
    }

    fn what(&mut self) -> What {
        match self.roll(6) {
            0..3 => What::Patient(self.patient()),
            3 | 4 => What::Study(self.study()),
            _ => What::Site,
        }
    }

    fn tier(&mut self) -> Tier {
        if self.roll(2) == 0 { Tier::List } else { Tier::Open }
    }

    fn set(&mut self) -> NumberSet {
        let count = self.roll(4);
        (0..count).map(|_| self.roll(5) as u32).collect()
    }

    fn actor(&mut self) -> Actor {
        let origin = Origin(["", "192.0.2.1", "2001:db8::1"][self.roll(3) as usize].to_owned());
        match self.roll(8) {
            0 => Actor::Owner,
            1 => Actor::Warden,
            2 => Actor::Stranger { origin },
            3 => Actor::Device { device: self.device(), origin },
            _ => {
                let person = self.person();
                Actor::Person { person, session: self.session(person), origin }
            }
        }
    }

    fn body(&mut self, number: u64, at: Instant) -> EntryBody {
        let lease_until = Instant(at.0 + self.roll(7) as i64 - 1);
        match self.roll(31) {
            0 | 1 => EntryBody::Stored {
                patient: self.patient(),
                study: self.study(),
                instances: 1,
                duplicates: 0,
                conflicts: 0,
                taken_in: at,
                outbox_sequence: number,
            },
            2 | 3 => EntryBody::Moved {
                study: self.study(),
                from: self.patient(),
                to: self.patient(),
                reason: "misfiled".to_owned(),
            },
            4..8 => EntryBody::Related {
                relationship: Relationship {
                    who: self.who(),
                    what: self.what(),
                    tier: self.tier(),
                    window: self.window(),
                    basis: format!("basis {}", self.roll(3)),
                    entry: EntryNumber(number),
                },
            },
            8 | 9 => EntryBody::RelationshipEnded { entry: EntryNumber(self.roll(number + 1)), until: self.instant() },
            10 | 11 => EntryBody::MemberJoined { person: self.person(), organisation: self.organisation() },
            12 => EntryBody::MemberLeft { person: self.person(), organisation: self.organisation() },
            13 => EntryBody::PersonAdded {
                person: self.person(),
                email: "a@example.org".to_owned(),
                name: "A".to_owned(),
                role: [
                    Role::Patient,
                    Role::Referrer,
                    Role::Radiologist,
                    Role::Technologist,
                    Role::Officer,
                    Role::Administrator,
                    Role::OfficerAdministrator,
                ][self.roll(7) as usize],
            },
            14 => EntryBody::DeviceAdded {
                device: self.device(),
                name: "CT 1".to_owned(),
                organisation: self.organisation(),
                may: [DeviceMay::Store, DeviceMay::List, DeviceMay::Open]
                    .into_iter()
                    .filter(|_| self.roll(2) == 0)
                    .collect(),
            },
            15..18 => EntryBody::Listed { patients: self.set(), studies: self.set(), lease_until },
            18..21 => EntryBody::Opened {
                patient: self.patient(),
                study: self.study(),
                scope: if self.roll(3) == 0 { OpenScope::Listing } else { OpenScope::Images },
                lease_until,
            },
            21 => EntryBody::PatientAdded { patient: self.patient() },
            22 => {
                let person = self.person();
                EntryBody::SignedIn { person, session: self.session(person), method: SignInMethod::Passkey }
            }
            23 => {
                let person = self.person();
                EntryBody::SessionEnded { person, session: self.session(person) }
            }
            24 | 25 => EntryBody::KeysFiled { study: self.study(), keys: vec![self.key(), self.key()] },
            26 => EntryBody::RoleChanged {
                person: self.person(),
                from: Role::Referrer,
                to: if self.roll(2) == 0 { Role::Officer } else { Role::Radiologist },
            },
            27 => EntryBody::PersonClosed { person: self.person() },
            28 => EntryBody::DeviceRemoved { device: self.device() },
            _ => EntryBody::DiskHolds {
                disk: self.disk(),
                filesystem: String::new(),
                holds: [DiskPart::Images, DiskPart::Copy, DiskPart::Keyring]
                    .into_iter()
                    .filter(|_| self.roll(2) == 0)
                    .collect(),
                instead_of: (self.roll(3) == 0).then(|| self.disk()),
            },
        }
    }
}

/// A history: most begin with people and studies, so that something happens in them.
fn history(dice: &mut Dice) -> Vec<(EntryNumber, Entry)> {
    let mut at = Instant(dice.roll(3) as i64);
    let mut bodies = Vec::new();
    if dice.roll(4) > 0 {
        for person in 0..3 {
            let (email, name) = (String::new(), String::new());
            bodies.push(EntryBody::PersonAdded { person: PersonId(person), email, name, role: Role::Referrer });
        }
        bodies.push(EntryBody::MemberJoined { person: PersonId(0), organisation: OrganisationId(0) });
    }
    let length = 10 + dice.roll(50);
    (0..length)
        .map(|n| {
            // several entries may carry one time
            at = Instant((at.0 + [0, 0, 0, 1, 1, 2][dice.roll(6) as usize]).min(END));
            let body = match bodies.get(n as usize) {
                Some(body) => body.clone(),
                None => dice.body(n, at),
            };
            (EntryNumber(n), Entry { version: 1, recorded: at, actor: dice.actor(), body })
        })
        .collect()
}

/// The state at one instant, from scratch: what the entries recorded up to and including it say.
struct Moment<'h> {
    at: Instant,
    past: Vec<&'h (EntryNumber, Entry)>,
}

impl<'h> Moment<'h> {
    fn new(history: &'h [(EntryNumber, Entry)], at: Instant) -> Self {
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

    fn filed_under(&self, of: StudyNumber) -> Option<PatientNumber> {
        self.last(|body| match body {
            EntryBody::Stored { study, patient, .. } if *study == of => Some(*patient),
            EntryBody::Moved { study, to, .. } if *study == of => Some(*to),
            _ => None,
        })
    }

    /// The furthest tier that the subject's role or permissions leave.
    fn narrowed(&self, who: Who) -> Option<Tier> {
        match who {
            Who::Organisation(_) => Some(Tier::Open),
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
    fn live(&self, who: Who) -> Vec<(Relationship, Tier)> {
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

    fn reachable(&self, who: Who) -> BTreeMap<(PatientNumber, StudyNumber), Tier> {
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

/// The definition: look at every instant of the window.
fn oracle(history: &[(EntryNumber, Entry)], who: Who, window: Window) -> Exposure {
    let counts = |entry: &Entry| match (who, actor(entry)) {
        (_, None) => false,
        (Who::Organisation(organisation), Some(Who::Person(person))) => {
            Moment::new(history, entry.recorded).member(person, organisation)
        }
        (_, actor) => Some(who) == actor,
    };
    let mut exposure =
        Exposure { reachable: reached(history, window, |moment| moment.reachable(who)), ..Exposure::default() };
    touched(history, &mut exposure, window, |entry| counts(entry).then_some(entry.recorded), |_| true, |_| true);
    exposure
}

/// Of a session: what its person reached while it lasted, and what carries its name.
fn session_oracle(history: &[(EntryNumber, Entry)], session: SessionId, window: Window) -> Option<Exposure> {
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
    let reachable = reached(history, window, |moment| {
        let begun = moment.past.iter().any(|(_, entry)| of(entry).is_some());
        let ended = moment.past.iter().any(|(_, entry)| ends(entry));
        if begun && !ended { moment.reachable(Who::Person(person)) } else { BTreeMap::new() }
    });
    let mut exposure = Exposure { reachable, ..Exposure::default() };
    let counts = |entry: &Entry| matches!(&entry.actor, Actor::Person { session: named, .. } if *named == session);
    touched(history, &mut exposure, window, |entry| counts(entry).then_some(entry.recorded), |_| true, |_| true);
    Some(exposure)
}

/// Of a key: its study while it was filed, and every opening of the study whose lease reaches into that time.
fn key_oracle(history: &[(EntryNumber, Entry)], key: KeyId, window: Window) -> Option<Exposure> {
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
fn disk_oracle(history: &[(EntryNumber, Entry)], disk: DiskId, window: Window) -> Option<Exposure> {
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
        _ => None,
    }
}

/// The patients that a study lay under at some instant before `until`: of several words at one instant the last holds.
fn filed_before(history: &[(EntryNumber, Entry)], of: StudyNumber, until: Instant) -> BTreeSet<PatientNumber> {
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
fn reads(entry: &Entry) -> bool {
    matches!(entry.actor, Actor::Person { .. } | Actor::Device { .. } | Actor::Owner)
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
            Actor::Person { origin, .. } | Actor::Device { origin, .. } => Some(origin),
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

fn everybody() -> impl Iterator<Item = Who> {
    let people = (0..3).map(|n| Who::Person(PersonId(n)));
    let organisations = (0..2).map(|n| Who::Organisation(OrganisationId(n)));
    people.chain(organisations).chain((0..2).map(|n| Who::Device(DeviceId(n))))
}

fn index(history: &[(EntryNumber, Entry)]) -> ExposureIndex {
    let mut index = ExposureIndex::default();
    history.iter().for_each(|(number, entry)| index.apply(*number, entry));
    index
}

#[test]
fn a_report_is_what_looking_at_every_instant_finds() {
    let (mut reachable, mut listed, mut opened) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed);
        let history = history(&mut dice);
        let index = index(&history);
        let mut windows = vec![
            Window { from: Instant(-3), to: Instant(END + 10) },
            Window { from: Instant(5), to: Instant(5) },
            Window { from: Instant(9), to: Instant(3) },
        ];
        windows.extend((0..4).map(|_| dice.window()));
        // one instant long, at the times of entries
        windows.extend((0..3).map(|_| {
            let at = history[dice.roll(history.len() as u64) as usize].1.recorded;
            Window { from: at, to: Instant(at.0 + 1) }
        }));
        for who in everybody() {
            for window in &windows {
                let expected = oracle(&history, who, *window);
                assert_eq!(index.report(who, *window), expected, "seed {seed}, {who:?}, {window:?}");
                reachable += expected.reachable.len();
                listed += expected.listed_patients.len() + expected.listed_studies.len();
                opened += expected.opened.len();
            }
        }
    }
    // the histories are about something
    assert!(reachable > 6_000 && listed > 2_000 && opened > 1_000, "{reachable} {listed} {opened}");
}

#[test]
fn a_report_of_a_session_a_key_and_a_disk_is_what_looking_at_every_instant_finds() {
    let mut found = [[0; 3]; 3];
    let mut missing = 0;
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed ^ 0x5e55);
        let history = history(&mut dice);
        let index = index(&history);
        let mut count = |kind: usize, exposure: &Exposure| {
            found[kind][0] += exposure.reachable.len();
            found[kind][1] += exposure.listed_patients.len() + exposure.listed_studies.len();
            found[kind][2] += exposure.opened.len();
        };
        for window in [Window { from: Instant(-3), to: Instant(END + 10) }, dice.window(), dice.window(), dice.window()]
        {
            for session in (0..7).map(|n| SessionId([n; 16])) {
                let expected = session_oracle(&history, session, window);
                let report = index.session(session).map(|session| index.report_session(&session, window));
                assert_eq!(report, expected, "seed {seed}, {session:?}, {window:?}");
                match &expected {
                    Some(expected) => count(0, expected),
                    None => missing += 1,
                }
            }
            for key in (0..5).map(|n| KeyId([n; 16])) {
                let expected = key_oracle(&history, key, window);
                let report = index.key(key).map(|key| index.report_key(key, window));
                assert_eq!(report, expected, "seed {seed}, {key:?}, {window:?}");
                let all = Window { from: Instant(i64::MIN), to: Instant::MAX };
                let releases = index.key(key).map_or(0, |key| index.releases_of_key(key, all).len());
                let openings = index.key(key).map_or(0, |key| {
                    let whole = index.report_key(key, all);
                    // each counts once for every patient whom the study was ever filed under
                    let filed = history.iter().any(|(_, entry)| match &entry.body {
                        EntryBody::Stored { study, .. } | EntryBody::Moved { study, .. } => *study == key.study,
                        _ => false,
                    });
                    let opened = || whole.opened.values().map(|touch| touch.entries);
                    let opened = if filed { opened().max().unwrap_or_default() } else { opened().sum() };
                    opened + whole.listed_studies.values().map(|touch| touch.entries).sum::<u64>()
                });
                assert_eq!(releases as u64, openings, "seed {seed}, {key:?}");
                match &expected {
                    Some(expected) => count(1, expected),
                    None => missing += 1,
                }
            }
            for disk in (0..4).map(|n| DiskId([n; 16])) {
                let expected = disk_oracle(&history, disk, window);
                let report = index.disk(disk).map(|disk| index.report_disk(disk, window));
                assert_eq!(report, expected, "seed {seed}, {disk:?}, {window:?}");
                match &expected {
                    Some(expected) => count(2, expected),
                    None => missing += 1,
                }
            }
        }
    }
    assert!(found.iter().flatten().all(|count| *count > 500) && missing > 500, "{found:?} {missing}");
}

#[test]
fn what_may_be_reached_now_is_what_the_instant_says() {
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed ^ 0xbeef);
        let history = history(&mut dice);
        let mut index = ExposureIndex::default();
        for (position, (number, entry)) in history.iter().enumerate() {
            index.apply(*number, entry);
            // asked between entries, as a warden does, and about the past
            for at in [entry.recorded, Instant(entry.recorded.0 + 3), Instant(END + 5), Instant(2)] {
                let who = dice.who();
                // what is not recorded yet cannot be known, whatever its time
                let moment = Moment::new(&history[..=position], at);
                let expected = moment.reachable(who);
                let now = index.reach().reachable(who, at);
                for study in (0..5).map(StudyNumber) {
                    let filed = moment.filed_under(study);
                    assert_eq!(index.reach().filed_under(study, at), filed, "seed {seed}");
                    let Some(patient) = filed else { continue };
                    let ground = now.ground(patient, study);
                    let tier = ground.map(|ground| ground.tier);
                    assert_eq!(tier, expected.get(&(patient, study)).copied(), "seed {seed}, {who:?} at {at:?}");
                    assert_eq!(index.reach().may(who, patient, study, at).as_ref(), ground);
                    if let Some(ground) = ground {
                        let live = moment.live(who);
                        let held = live.iter().find(|(held, _)| held.entry == ground.entry).unwrap();
                        assert_eq!(*ground.basis, *held.0.basis);
                        assert!(at < ground.until && ground.until <= held.0.window.to);
                    }
                }
                let live = moment.live(who);
                let patients = live.iter().filter(|(held, _)| matches!(held.what, What::Patient(_)));
                let patients: BTreeSet<_> = patients.map(|(held, _)| format!("{:?}", held.what)).collect();
                let named = now.patients().map(|(patient, _)| format!("{:?}", What::Patient(patient)));
                assert_eq!(named.collect::<BTreeSet<_>>(), patients, "seed {seed}");
                assert_eq!(now.site().is_some(), live.iter().any(|(held, _)| held.what == What::Site), "seed {seed}");
                assert_eq!(now.is_empty(), live.is_empty());
            }
        }
    }
}

#[test]
fn the_accesses_of_a_patient_are_every_entry_that_touched_them() {
    for seed in 0..HISTORIES {
        let history = history(&mut Dice::new(seed ^ 0xacce55));
        let index = index(&history);
        for patient in (0..5).map(PatientNumber) {
            let moved = |study: &StudyNumber| {
                let filed = filed_before(&history, *study, Instant::MAX);
                filed.contains(&patient) && filed.len() > 1
            };
            let moved: Vec<_> = (0..5).map(StudyNumber).filter(moved).collect();
            let expected: Vec<EntryNumber> = history
                .iter()
                .filter(|(_, entry)| reads(entry))
                .filter(|(_, entry)| match &entry.body {
                    EntryBody::Listed { patients, studies, .. } => {
                        patients.contains(patient.0) || moved.iter().any(|study| studies.contains(study.0))
                    }
                    EntryBody::Opened { patient: opened, study, .. } => *opened == patient || moved.contains(study),
                    _ => false,
                })
                .map(|(number, _)| *number)
                .collect();
            let accesses = index.accesses_of(patient);
            assert_eq!(accesses.iter().map(|access| access.entry).collect::<Vec<_>>(), expected, "seed {seed}");
            for access in accesses {
                let entry = &history[access.entry.0 as usize].1;
                assert_eq!((access.recorded, entry.body.released()), (entry.recorded, Some(access.tier)));
                assert_eq!(access.study.is_some(), matches!(entry.body, EntryBody::Opened { .. }));
            }
        }
    }
}

#[test]
fn a_timeline_counts_in_each_part_what_a_report_of_the_part_counts() {
    for seed in 0..HISTORIES / 3 {
        let mut dice = Dice::new(seed ^ 0x71e);
        let history = history(&mut dice);
        let index = index(&history);
        for _ in 0..12 {
            let (who, window, parts) = (dice.who(), dice.window(), 1 + dice.roll(20) as u32);
            let timeline = index.timeline(who, window, parts);
            if window.from >= window.to {
                assert_eq!(timeline, [], "seed {seed}");
                continue;
            }
            assert_eq!(timeline.len(), parts as usize);
            assert_eq!((timeline[0].window.from, timeline[parts as usize - 1].window.to), (window.from, window.to));
            assert!(timeline.windows(2).all(|pair| pair[0].window.to == pair[1].window.from));
            for part in timeline {
                let report = index.report(who, part.window);
                let opened: BTreeSet<_> = report.opened.keys().map(|(patient, _)| patient).collect();
                let counts = (report.listed_patients.len() as u32, opened.len() as u32);
                assert_eq!((part.listed, part.opened), counts, "seed {seed}, {who:?}, {:?}", part.window);
            }
        }
    }
    assert_eq!(index(&[]).timeline(Who::Person(PersonId(0)), Window { from: Instant(0), to: Instant(1) }, 0), []);
}
