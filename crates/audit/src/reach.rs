//! Who may reach what, replayed from the ledger.
//!
//! State at an instant is what the entries recorded up to and including that instant say. A relationship therefore
//! reaches from the later of its own beginning and its entry's time, and an end that was recorded late counts from
//! when it was recorded: the replay shows what could be reached, not what should have been.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use model::{
    DeviceId, DeviceMay, Entry, EntryBody, EntryNumber, Instant, OrganisationId, PatientNumber, PersonId, Relationship,
    Role, StudyNumber, Tier, What, Who, Window,
};

use crate::filings::Filings;
use crate::timeline::Timeline;

/// Why something is in reach: the relationship that reaches furthest, and of those the one that ends last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// How far.
    pub tier: Tier,
    /// Why, as the relationship says.
    pub basis: Arc<str>,
    /// The entry that made the relationship.
    pub entry: EntryNumber,
    /// When it ends.
    pub until: Instant,
}

/// People, memberships, relationships and filings at every moment, replayed from entries.
#[derive(Default)]
pub struct ReachState {
    /// The role of each person; nothing once the account is closed.
    people: HashMap<PersonId, Timeline<Option<Role>>>,
    /// Every organisation that a person was ever a member of, and when.
    memberships: HashMap<PersonId, BTreeMap<OrganisationId, Timeline<bool>>>,
    /// Everybody who was ever a member.
    members: HashMap<OrganisationId, Vec<PersonId>>,
    devices: HashMap<DeviceId, Timeline<Option<Tier>>>,
    relationships: Vec<Held>,
    held: HashMap<Who, Vec<u32>>,
    by_entry: HashMap<EntryNumber, u32>,
    filings: Filings,
    bases: HashSet<Arc<str>>,
    /// What holders could reach when last asked, and over which span that holds.
    cache: Mutex<HashMap<Who, (Reachable, Window)>>,
}

/// Until when relationships last, by what they are with.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    patients: HashMap<PatientNumber, Instant>,
    studies: HashMap<StudyNumber, Instant>,
}

impl Lasting {
    /// When the last relationship with a study or its patient ends or ended; `None` when there never was one.
    #[must_use]
    pub fn until(&self, patient: PatientNumber, study: StudyNumber) -> Option<Instant> {
        self.patients.get(&patient).max(self.studies.get(&study)).copied()
    }
}

/// A relationship with the span in which it reaches.
struct Held {
    who: Who,
    what: What,
    tier: Tier,
    span: Window,
    basis: Arc<str>,
    entry: EntryNumber,
}

impl Held {
    fn relationship(&self) -> Relationship {
        Relationship {
            who: self.who,
            what: self.what,
            tier: self.tier,
            window: self.span,
            basis: self.basis.to_string(),
            entry: self.entry,
        }
    }
}

/// A span in which somebody reached something.
pub(crate) struct Span {
    pub what: What,
    pub tier: Tier,
    pub window: Window,
    relationship: u32,
}

/// What an entry changes about who may reach what.
enum Change<'e> {
    Person(PersonId, Option<Role>),
    Device(DeviceId, Option<Tier>),
    Member(PersonId, OrganisationId, bool),
    Related(&'e Relationship),
    Ended(EntryNumber, Instant),
    Filed(StudyNumber, PatientNumber),
}

impl<'e> Change<'e> {
    fn of(body: &'e EntryBody) -> Option<Self> {
        Some(match body {
            EntryBody::PersonAdded { person, role, .. } | EntryBody::RoleChanged { person, to: role, .. } => {
                Self::Person(*person, Some(*role))
            }
            EntryBody::PersonClosed { person } => Self::Person(*person, None),
            EntryBody::DeviceAdded { device, may, .. } => Self::Device(*device, device_tier(may)),
            EntryBody::DeviceRemoved { device } => Self::Device(*device, None),
            EntryBody::MemberJoined { person, organisation } => Self::Member(*person, *organisation, true),
            EntryBody::MemberLeft { person, organisation } => Self::Member(*person, *organisation, false),
            EntryBody::Related { relationship } => Self::Related(relationship),
            EntryBody::RelationshipEnded { entry, until } => Self::Ended(*entry, *until),
            EntryBody::Stored { patient, study, .. } | EntryBody::Moved { study, to: patient, .. } => {
                Self::Filed(*study, *patient)
            }
            _ => return None,
        })
    }
}

impl ReachState {
    /// Whether an entry changes who may reach what: the kinds that [`Self::apply`] looks at, and no others.
    #[must_use]
    pub fn concerns(body: &EntryBody) -> bool {
        Change::of(body).is_some()
    }

    /// Takes the next entry. Entries come in the order of the ledger.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        let Some(change) = Change::of(&entry.body) else { return };
        match change {
            Change::Person(person, role) => {
                self.people.entry(person).or_default().set(at, role);
                self.forget(Who::Person(person));
            }
            Change::Device(device, tier) => {
                self.devices.entry(device).or_default().set(at, tier);
                self.forget(Who::Device(device));
            }
            Change::Member(person, organisation, member) => self.set_member(person, organisation, at, member),
            Change::Related(relationship) => {
                let basis = self.basis(&relationship.basis);
                let Window { from, to } = relationship.window;
                let position = u32::try_from(self.relationships.len()).expect("fewer than four thousand million");
                self.relationships.push(Held {
                    who: relationship.who,
                    what: relationship.what,
                    tier: relationship.tier,
                    span: Window { from: from.max(at), to },
                    basis,
                    entry: number,
                });
                self.held.entry(relationship.who).or_default().push(position);
                self.by_entry.insert(number, position);
                self.forget(relationship.who);
            }
            Change::Ended(entry, until) => {
                if let Some(&position) = self.by_entry.get(&entry) {
                    let held = &mut self.relationships[position as usize];
                    held.span.to = held.span.to.min(until.max(at));
                    let who = held.who;
                    self.forget(who);
                }
            }
            Change::Filed(study, patient) => {
                self.filings.file(study, patient, at);
            }
        }
    }

    /// Why `who` may reach `study`, filed under `patient`, at `at`. A person's organisations count.
    #[must_use]
    pub fn may(&self, who: Who, patient: PatientNumber, study: StudyNumber, at: Instant) -> Option<Ground> {
        self.reachable(who, at).ground(patient, study).cloned()
    }

    /// Everything that `who` may reach at `at`: a filter for many rows. Cheap when asked again.
    #[must_use]
    pub fn reachable(&self, who: Who, at: Instant) -> Reachable {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((reachable, holds)) = cache.get(&who)
            && holds.contains(at)
        {
            return reachable.clone();
        }
        let (reachable, holds) = self.reachable_at(who, at);
        // questions about the past do not push out the answer for now
        if cache.get(&who).is_none_or(|(_, newest)| newest.from <= holds.from) {
            cache.insert(who, (reachable.clone(), holds));
        }
        reachable
    }

    /// The patient that a study is filed under at `at`.
    #[must_use]
    pub fn filed_under(&self, study: StudyNumber, at: Instant) -> Option<PatientNumber> {
        self.filings.of(study)?.at(at).copied()
    }

    /// Whether a person is a member of an organisation at `at`.
    #[must_use]
    pub fn is_member(&self, person: PersonId, organisation: OrganisationId, at: Instant) -> bool {
        let timeline = self.memberships.get(&person).and_then(|memberships| memberships.get(&organisation));
        timeline.and_then(|timeline| timeline.at(at)).is_some_and(|member| *member)
    }

    /// The patients that a study was filed under inside `window`.
    pub(crate) fn filed_during(&self, study: StudyNumber, window: Window) -> Vec<PatientNumber> {
        let Some(filings) = self.filings.of(study) else { return Vec::new() };
        filings.spans(window).map(|(patient, _)| *patient).collect()
    }

    /// The patients that a study was filed under at any time before `until`: whoever opened it may have seen images of each.
    pub(crate) fn filed_before(&self, study: StudyNumber, until: Instant) -> impl Iterator<Item = PatientNumber> {
        let before = Window { from: Instant(i64::MIN), to: until };
        self.filed_during(study, before).into_iter()
    }

    /// The studies that were ever filed under a patient and under another one too.
    pub(crate) fn moved_studies_of(&self, patient: PatientNumber) -> Vec<StudyNumber> {
        let filed = |study: StudyNumber| self.filed_before(study, Instant::MAX);
        let moved = |study: &StudyNumber| {
            filed(*study).any(|filed| filed == patient) && filed(*study).any(|filed| filed != patient)
        };
        self.filings.ever_of(patient).filter(moved).collect()
    }

    /// Every study, with the moment in which it was filed first.
    pub(crate) fn each_filing(&self, mut each: impl FnMut(StudyNumber, Instant)) {
        for study in self.filings.studies() {
            if let Some(first) = self.filings.of(study).and_then(|filings| filings.edges().next()) {
                each(study, first);
            }
        }
    }

    /// Until when relationships of people and organisations with a patient or study last: for each the latest end. A relationship
    /// with the whole site and a device's are not in it: they reach everything for as long as somebody works here. Nor is that of a
    /// person who left, or whose role reads no patient.
    #[must_use]
    pub fn lasting(&self) -> Lasting {
        let mut lasting = Lasting::default();
        for held in &self.relationships {
            let counts = match held.who {
                Who::Device(_) => false,
                // a link's end is never far
                Who::Organisation(_) | Who::Link(_) => true,
                Who::Person(person) => {
                    let role = self.people.get(&person).and_then(Timeline::last);
                    role.is_none_or(|role| role.is_some_and(reads_patients))
                }
            };
            if !counts || held.span.from >= held.span.to {
                continue;
            }
            let until = match held.what {
                What::Site => continue,
                What::Patient(patient) => lasting.patients.entry(patient).or_insert(held.span.to),
                What::Study(study) => lasting.studies.entry(study).or_insert(held.span.to),
            };
            *until = (*until).max(held.span.to);
        }
        lasting
    }

    /// Relationships with exactly this patient or study that run at `at` or begin later, as they were made and last.
    #[must_use]
    pub fn running_with(&self, what: What, at: Instant) -> Vec<Relationship> {
        let running = self.relationships.iter().filter(|held| held.what == what && at < held.span.to);
        running.filter(|held| held.span.from < held.span.to).map(Held::relationship).collect()
    }

    /// The relationship that an entry made, as it lasts.
    #[must_use]
    pub fn relationship(&self, entry: EntryNumber) -> Option<Relationship> {
        let position = *self.by_entry.get(&entry)?;
        self.relationships.get(position as usize).map(Held::relationship)
    }

    /// Everybody who was ever a member of an organisation.
    pub(crate) fn ever_members(&self, organisation: OrganisationId) -> &[PersonId] {
        self.members.get(&organisation).map_or(&[], Vec::as_slice)
    }

    /// Every span of `window` in which a relationship reached something for `who`.
    pub(crate) fn spans(&self, who: Who, window: Window) -> Vec<Span> {
        let mut spans = Vec::new();
        match who {
            Who::Organisation(_) | Who::Link(_) => self.held_spans(who, window, Tier::Open, &mut spans),
            Who::Device(device) => {
                for (tier, span) in self.devices.get(&device).into_iter().flat_map(|may| may.spans(window)) {
                    if let Some(tier) = *tier {
                        self.held_spans(who, span, tier, &mut spans);
                    }
                }
            }
            Who::Person(person) => {
                let roles = self.people.get(&person).into_iter().flat_map(|roles| roles.spans(window));
                for (_, span) in roles.filter(|(role, _)| role.is_some_and(reads_patients)) {
                    self.held_spans(who, span, Tier::Open, &mut spans);
                    for (organisation, timeline) in self.memberships.get(&person).into_iter().flatten() {
                        for (_, member) in timeline.spans(span).filter(|(member, _)| **member) {
                            self.held_spans(Who::Organisation(*organisation), member, Tier::Open, &mut spans);
                        }
                    }
                }
            }
        }
        spans
    }

    /// The studies that a span reached, each with the patient that it was filed under.
    pub(crate) fn studies_of(&self, span: &Span, mut found: impl FnMut(PatientNumber, StudyNumber)) {
        let mut filed = |study: StudyNumber, wanted: Option<PatientNumber>| {
            let Some(filings) = self.filings.of(study) else { return };
            for (patient, _) in filings.spans(span.window) {
                if wanted.is_none_or(|wanted| wanted == *patient) {
                    found(*patient, study);
                }
            }
        };
        match span.what {
            What::Site => self.filings.studies().for_each(|study| filed(study, None)),
            What::Study(study) => filed(study, None),
            What::Patient(patient) => {
                self.filings.ever_of(patient).for_each(|study| filed(study, Some(patient)));
            }
        }
    }

    fn held_spans(&self, who: Who, window: Window, tier_max: Tier, spans: &mut Vec<Span>) {
        for &position in self.held.get(&who).into_iter().flatten() {
            let held = &self.relationships[position as usize];
            if let Some(window) = held.span.intersect(&window) {
                spans.push(Span { what: held.what, tier: held.tier.min(tier_max), window, relationship: position });
            }
        }
    }

    /// What `who` may reach at `at`, and the span around it in which nothing changes.
    fn reachable_at(&self, who: Who, at: Instant) -> (Reachable, Window) {
        let instant = Window { from: at, to: Instant(at.0.saturating_add(1)) };
        let mut grounds = Grounds::default();
        for span in self.spans(who, instant) {
            let held = &self.relationships[span.relationship as usize];
            let ground =
                Ground { tier: span.tier, basis: Arc::clone(&held.basis), entry: held.entry, until: held.span.to };
            match span.what {
                What::Site => keep_best(&mut grounds.site, ground),
                What::Patient(patient) => keep_best_of(&mut grounds.patients, patient, ground),
                What::Study(study) => keep_best_of(&mut grounds.studies, study, ground),
            }
        }
        (Reachable(Arc::new(grounds)), self.unchanged_around(who, at))
    }

    /// The span around `at` in which `who`'s reach does not change.
    fn unchanged_around(&self, who: Who, at: Instant) -> Window {
        let mut around = Window { from: Instant(i64::MIN), to: Instant::MAX };
        let mut cut = |edge: Instant| {
            if edge <= at {
                around.from = around.from.max(edge);
            } else {
                around.to = around.to.min(edge);
            }
        };
        let mut holders = vec![who];
        match who {
            Who::Person(person) => {
                self.people.get(&person).into_iter().flat_map(Timeline::edges).for_each(&mut cut);
                for (organisation, timeline) in self.memberships.get(&person).into_iter().flatten() {
                    timeline.edges().for_each(&mut cut);
                    holders.push(Who::Organisation(*organisation));
                }
            }
            Who::Device(device) => self.devices.get(&device).into_iter().flat_map(Timeline::edges).for_each(&mut cut),
            Who::Organisation(_) | Who::Link(_) => {}
        }
        for holder in holders {
            for &position in self.held.get(&holder).into_iter().flatten() {
                let span = self.relationships[position as usize].span;
                cut(span.from);
                cut(span.to);
            }
        }
        around
    }

    fn set_member(&mut self, person: PersonId, organisation: OrganisationId, at: Instant, member: bool) {
        let memberships = self.memberships.entry(person).or_default();
        if !memberships.contains_key(&organisation) {
            self.members.entry(organisation).or_default().push(person);
        }
        memberships.entry(organisation).or_default().set(at, member);
        self.forget(Who::Person(person));
    }

    /// What was computed for a holder no longer holds.
    fn forget(&mut self, who: Who) {
        let cache = self.cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        match who {
            Who::Organisation(organisation) => {
                for &person in self.members.get(&organisation).into_iter().flatten() {
                    cache.remove(&Who::Person(person));
                }
                cache.remove(&who);
            }
            Who::Person(_) | Who::Device(_) | Who::Link(_) => {
                cache.remove(&who);
            }
        }
    }

    /// One copy of each basis.
    fn basis(&mut self, basis: &str) -> Arc<str> {
        if let Some(known) = self.bases.get(basis) {
            return Arc::clone(known);
        }
        let basis: Arc<str> = Arc::from(basis);
        self.bases.insert(Arc::clone(&basis));
        basis
    }
}

/// What somebody may reach at one instant.
#[derive(Clone, Debug, Default)]
pub struct Reachable(Arc<Grounds>);

#[derive(Debug, Default)]
struct Grounds {
    site: Option<Ground>,
    patients: BTreeMap<PatientNumber, Ground>,
    studies: BTreeMap<StudyNumber, Ground>,
}

impl Reachable {
    /// Why a study filed under a patient is in reach.
    #[must_use]
    pub fn ground(&self, patient: PatientNumber, study: StudyNumber) -> Option<&Ground> {
        let grounds = [self.0.site.as_ref(), self.0.patients.get(&patient), self.0.studies.get(&study)];
        grounds.into_iter().flatten().max_by_key(|ground| rank(ground))
    }

    /// Why everything at the site is in reach, if so.
    #[must_use]
    pub fn site(&self) -> Option<&Ground> {
        self.0.site.as_ref()
    }

    /// Patients in reach by relationships of their own, ascending.
    pub fn patients(&self) -> impl Iterator<Item = (PatientNumber, &Ground)> {
        self.0.patients.iter().map(|(patient, ground)| (*patient, ground))
    }

    /// Studies in reach by relationships of their own, ascending.
    pub fn studies(&self) -> impl Iterator<Item = (StudyNumber, &Ground)> {
        self.0.studies.iter().map(|(study, ground)| (*study, ground))
    }

    /// Whether nothing is in reach.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.site.is_none() && self.0.patients.is_empty() && self.0.studies.is_empty()
    }
}

fn rank(ground: &Ground) -> (Tier, Instant, std::cmp::Reverse<EntryNumber>) {
    (ground.tier, ground.until, std::cmp::Reverse(ground.entry))
}

fn keep_best(best: &mut Option<Ground>, ground: Ground) {
    if best.as_ref().is_none_or(|best| rank(best) < rank(&ground)) {
        *best = Some(ground);
    }
}

fn keep_best_of<K: Ord>(grounds: &mut BTreeMap<K, Ground>, key: K, ground: Ground) {
    if grounds.get(&key).is_none_or(|best| rank(best) < rank(&ground)) {
        grounds.insert(key, ground);
    }
}

/// Roles only narrow: an officer and an administrator see no patient, whatever relationship they hold.
fn reads_patients(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Referrer | Role::Radiologist | Role::Technologist)
}

/// How far a device may read.
fn device_tier(may: &[DeviceMay]) -> Option<Tier> {
    if may.contains(&DeviceMay::Open) { Some(Tier::Open) } else { may.contains(&DeviceMay::List).then_some(Tier::List) }
}
