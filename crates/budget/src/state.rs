//! The state: books, what is due, findings and what officers said about them; a replay of the ledger.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{
    Actor, Ceilings, Entry, EntryBody, EntryNumber, Evidence, Finding, Instant, Measure, NumberSet, OrganisationId,
    PatientNumber, PersonId, Reaction, SessionId, Span, StudyNumber, Tier, Who, Whose,
};

use crate::ask::{Act, Ask};
use crate::book::{Book, KNOWN_DAYS, New};
use crate::day::{Day, day_of};
use crate::due::Due;
use crate::inflow::Inflow;
use crate::limits::{Basis, Limit, Table, limits, set};
use crate::normal::{Kind, LEARNED_DAYS, Normal, assumed, own};
use crate::signs::Signs;

/// What new readers are measured by counts for so much with those who read little themselves.
const PEERS_COUNT: f64 = 0.5;
/// Own volume in 28 days beyond so many times the role's median is told.
const BEYOND_PEERS: f64 = 5.0;
/// It is not told of fewer patients in 28 days.
const BEYOND_PEERS_MIN: f64 = 150.0;

/// A finding with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The entry that raised it.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// The finding.
    pub finding: Finding,
    /// When an officer acknowledged it, and the note.
    pub acknowledged: Option<(Instant, String)>,
}

/// How much everybody reads. Give it every entry of the ledger in order; ask it before something is released.
#[derive(Clone, Default)]
pub struct State {
    pub(crate) books: HashMap<Whose, Book>,
    kinds: HashMap<Who, Kind>,
    member_of: HashMap<PersonId, BTreeSet<OrganisationId>>,
    members: HashMap<OrganisationId, HashSet<PersonId>>,
    pub(crate) due: Due,
    pub(crate) inflow: Inflow,
    ceilings: HashMap<Whose, Ceilings>,
    pub(crate) honey: BTreeSet<u32>,
    /// Until when break-glass reaches a patient.
    emergencies: HashMap<(PersonId, u32), Instant>,
    findings: Vec<Found>,
    peers: HashMap<Kind, (Day, [Option<Normal>; 4])>,
    pub(crate) signs: Signs,
    /// Readings from before this instant are too old to matter.
    since: Option<Instant>,
}

impl State {
    /// A state that is asked from `now` on: what is replayed from long before is passed over.
    #[must_use]
    pub fn since(now: Instant) -> Self {
        let days = i64::from(LEARNED_DAYS + 2 * KNOWN_DAYS);
        Self { since: Some(now.plus_seconds(-days * 86_400)), ..Self::default() }
    }

    /// Takes the next entry.
    pub fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        self.due.apply(entry);
        self.inflow.apply(entry);
        self.signs.apply(number, entry, self.since.is_none_or(|since| entry.recorded >= since));
        let at = entry.recorded;
        match &entry.body {
            EntryBody::PersonAdded { person, role, .. } => {
                match Kind::of(*role) {
                    Some(kind) => self.kinds.insert(Who::Person(*person), kind),
                    None => self.kinds.remove(&Who::Person(*person)),
                };
            }
            EntryBody::DeviceAdded { device, .. } => {
                self.kinds.insert(Who::Device(*device), Kind::Device);
            }
            EntryBody::MemberJoined { person, organisation } => {
                self.member_of.entry(*person).or_default().insert(*organisation);
                self.members.entry(*organisation).or_default().insert(*person);
            }
            EntryBody::MemberLeft { person, organisation } => {
                self.member_of.entry(*person).or_default().remove(organisation);
                self.members.entry(*organisation).or_default().remove(person);
            }
            EntryBody::SignedIn { person, .. } | EntryBody::Confirmed { person, .. } => self.touched(*person, at),
            EntryBody::Listed { patients, studies, .. } => {
                let patients = self.with_former(patients, studies);
                self.read(&entry.actor, Act::List, patients.numbers(), at);
            }
            EntryBody::Opened { patient, study, scope, .. } => {
                let act = if scope.tier() == Tier::Open { Act::Open } else { Act::List };
                self.read_study(&entry.actor, act, *patient, *study, at);
            }
            // sharing counts as opening
            EntryBody::LinkMade(made) => self.read_study(&entry.actor, Act::Open, made.patient, made.study, at),
            EntryBody::OpinionAsked(asked) => {
                self.read_study(&entry.actor, Act::Open, asked.patient, asked.study, at);
            }
            EntryBody::FindingRaised { finding } => self.found(number, at, finding),
            EntryBody::FindingAcknowledged { finding, note } => {
                if let Some(found) = self.findings.iter_mut().find(|found| found.entry == *finding) {
                    found.acknowledged = Some((at, note.clone()));
                    let book = self.books.entry(found.finding.about).or_default();
                    book.answered(*finding);
                    if found.finding.reaction < Reaction::Stopped {
                        book.learn(day_of(at));
                    }
                }
            }
            EntryBody::BudgetLifted { about, note } => {
                self.books.entry(*about).or_default().lift(day_of(at));
                for found in self.findings.iter_mut().filter(|found| found.finding.about == *about) {
                    found.acknowledged.get_or_insert_with(|| (at, note.clone()));
                }
            }
            EntryBody::BudgetSet { about, ceilings } => {
                self.ceilings.insert(*about, *ceilings);
                if let Some(book) = self.books.get_mut(about) {
                    book.limits = None;
                }
            }
            EntryBody::RoleChanged { person, to, .. } => {
                match Kind::of(*to) {
                    Some(kind) => self.kinds.insert(Who::Person(*person), kind),
                    None => self.kinds.remove(&Who::Person(*person)),
                };
            }
            EntryBody::BrokeGlass { patient, until, .. } => {
                if let Actor::Person { person, .. } = &entry.actor {
                    self.emergencies.retain(|_, until| at < *until);
                    self.emergencies.insert((*person, patient.0), *until);
                }
            }
            EntryBody::HoneyAdded { patient } => {
                self.honey.insert(patient.0);
            }
            EntryBody::Erased { left, .. } => {
                let note = match &left.body {
                    EntryBody::FindingAcknowledged { note, .. } | EntryBody::BudgetLifted { note, .. } => note,
                    _ => return,
                };
                let said = self.findings.iter_mut().filter_map(|found| found.acknowledged.as_mut());
                said.filter(|(at, _)| *at == left.recorded).for_each(|(_, words)| words.clone_from(note));
            }
            _ => {}
        }
    }

    /// A person has just proved to be there: a sign-in, or a fresh assertion.
    pub fn touched(&mut self, person: PersonId, at: Instant) {
        if let Some(book) = self.books.get_mut(&Whose::Person(person)) {
            book.touched = Some(at);
        }
    }

    /// Every finding, in the order of the ledger.
    #[must_use]
    pub fn findings(&self) -> &[Found] {
        &self.findings
    }

    /// Honey patients, ascending.
    pub fn honey_patients(&self) -> impl Iterator<Item = u32> {
        self.honey.iter().copied()
    }

    /// Today's list: patients for whom a device sent something, or whom a relationship of `who` names, today or yesterday (UTC).
    #[must_use]
    pub fn todays_list(&self, who: Who, now: Instant) -> HashSet<u32> {
        self.due.today(&[who], day_of(now))
    }

    /// Whether a patient is synthetic.
    #[must_use]
    pub fn is_honey(&self, patient: PatientNumber) -> bool {
        self.honey.contains(&patient.0)
    }

    /// What stands between `who` and further reading: an officer's lifting, or a touch.
    #[must_use]
    pub fn stopped(&self, whose: Whose) -> Vec<Measure> {
        let book = self.books.get(&whose);
        Measure::ALL.into_iter().filter(|measure| book.is_some_and(|book| book.stopped[*measure as usize])).collect()
    }

    /// These patients, and those whom the studies lay under before: filing studies of many under one makes them no fewer.
    #[must_use]
    pub fn with_former(&self, patients: &NumberSet, studies: &NumberSet) -> NumberSet {
        patients.numbers().iter().copied().chain(self.due.former(studies.numbers())).collect()
    }

    /// Whether break-glass reaches everybody who is asked for. Who is opened is one patient, and whom the study lay under before.
    pub(crate) fn is_emergency(&self, ask: &Ask<'_>) -> bool {
        let Who::Person(person) = ask.who else { return false };
        let reaches = |patient: &u32| self.emergencies.get(&(person, *patient)).is_some_and(|until| ask.now < *until);
        match ask.act {
            Act::Open => ask.patients.iter().any(reaches),
            Act::List => !ask.patients.is_empty() && ask.patients.iter().all(reaches),
        }
    }

    pub(crate) fn kind(&self, who: Who) -> Option<Kind> {
        self.kinds.get(&who).copied()
    }

    pub(crate) fn kind_of(&self, whose: Whose) -> Option<Kind> {
        match whose {
            Whose::Person(person) => self.kind(Who::Person(person)),
            Whose::Device(device) => self.kind(Who::Device(device)),
            Whose::Organisation(_) | Whose::Site => Some(Kind::Group),
        }
    }

    /// Who holds relationships for a reader: the reader and, for a person, their organisations.
    pub(crate) fn holders(&self, who: Who) -> Vec<Who> {
        let mut holders = vec![who];
        if let Who::Person(person) = who {
            let organisations = self.member_of.get(&person).into_iter().flatten();
            holders.extend(organisations.map(|organisation| Who::Organisation(*organisation)));
        }
        holders
    }

    /// The books that a reading is counted in. An organisation of one person has no book of its own.
    pub(crate) fn books_of(&self, who: Who) -> Vec<Whose> {
        let mut books = vec![Whose::from(who)];
        if let Who::Person(person) = who {
            let organisations = self.member_of.get(&person).into_iter().flatten();
            let several = organisations.filter(|of| self.members.get(of).is_some_and(|members| members.len() > 1));
            books.extend(several.map(|organisation| Whose::Organisation(*organisation)));
        }
        books.push(Whose::Site);
        books
    }

    pub(crate) fn knows(&self, whose: Whose, act: Act, patient: u32, now: Instant) -> bool {
        self.books.get(&whose).is_some_and(|book| book.knows(act, patient, day_of(now)))
    }

    pub(crate) fn is_unlimited(&self, whose: Whose) -> bool {
        self.ceilings.get(&whose).is_some_and(|set| set.of(Measure::ListedOther) == Some(Ceilings::NO_LIMIT))
    }

    /// What was set by hand.
    #[must_use]
    pub fn ceilings(&self, whose: Whose) -> Ceilings {
        self.ceilings.get(&whose).copied().unwrap_or_default()
    }

    /// Whether these ceilings would let somebody read more than now before something happens: a limit of any span that is higher
    /// than today, one that is switched off, or one by hand where nothing is learned yet, which would never be learned then.
    pub fn raises(&mut self, whose: Whose, to: &Ceilings, now: Instant) -> bool {
        let (day, from) = (day_of(now), self.ceilings(whose));
        let before = self.table(whose, day);
        self.ceilings.insert(whose, *to);
        let after = self.table(whose, day);
        self.ceilings.insert(whose, from);
        let higher = |after: &Limit, before: &Limit| {
            after.slow > before.slow
                || after.touch > before.touch
                || after.stop > before.stop
                || after.unanswered.min(after.stop) > before.unanswered.min(before.stop)
        };
        Measure::ALL.into_iter().zip(before.iter().zip(&after)).any(|(measure, (before, after))| {
            let (was, becomes) = (from.of(measure), to.of(measure));
            let unlearned = before.1 == Basis::Nothing && becomes.is_some() && becomes != was;
            let switched_off = becomes == Some(Ceilings::NO_LIMIT) && was != becomes;
            unlearned || switched_off || after.0.iter().zip(&before.0).any(|(after, before)| higher(after, before))
        })
    }

    /// Counts patients in every book that a reading belongs to.
    pub(crate) fn count(&mut self, who: Who, act: Act, new: &[New], session: Option<SessionId>, now: Instant) {
        for whose in self.books_of(who) {
            let table = self.limits(whose, day_of(now));
            let book = self.books.entry(whose).or_default();
            let new_here: Vec<New> =
                new.iter().filter(|one| !book.knows(act, one.patient, day_of(now))).copied().collect();
            book.count(act, &new_here, session, now);
            book.flag(&table, now);
        }
    }

    /// The limits of a book today: computed once a day, so that what happens today does not move them.
    pub(crate) fn limits(&mut self, whose: Whose, day: Day) -> Table {
        if let Some((of, table)) = self.books.get(&whose).and_then(|book| book.limits)
            && of == day
        {
            return table;
        }
        let table = self.table(whose, day);
        self.books.entry(whose).or_default().limits = Some((day, table));
        table
    }

    fn table(&mut self, whose: Whose, day: Day) -> Table {
        let nothing = ([Limit::NONE; 4], Basis::Nothing);
        let Some(kind) = self.kind_of(whose) else { return [nothing; 4] };
        let peers = self.peers(kind, day);
        let ceilings = self.ceilings(whose);
        let intake = self.due.intake_high(day);
        Measure::ALL.map(|measure| {
            if let Some(set) = set(&ceilings, measure) {
                return (set, Basis::Set);
            }
            let own = self.books.get(&whose).and_then(|book| own(book, kind, measure, day));
            let peers = peers[measure as usize];
            let (normal, basis) = match (own, peers) {
                (Some(own), peers) => (peers.map_or(own, |peers| own.or_more(peers.times(PEERS_COUNT))), Basis::Own),
                (None, Some(peers)) => {
                    (peers.or_more(assumed(kind, measure, self.due.intake(day)).times(PEERS_COUNT)), Basis::Peers)
                }
                (None, None) if kind.is_group() => return nothing,
                (None, None) => (assumed(kind, measure, self.due.intake(day)), Basis::Role),
            };
            if kind.is_group() && measure.is_due() {
                return nothing;
            }
            let before = self
                .before(whose, kind, measure, day)
                .map(|before| peers.map_or(before, |peers| before.or_more(peers.times(PEERS_COUNT))));
            (limits(kind, measure, normal, before, intake), basis)
        })
    }

    /// What weeks and months of patients about whom nothing is new are measured by: what was read before the last 28 days, or until an
    /// officer last looked. Otherwise a harvest that is slow enough would be learned while it lasts.
    fn before(&self, whose: Whose, kind: Kind, measure: Measure, day: Day) -> Option<Normal> {
        let book = self.books.get(&whose).filter(|_| !kind.is_group() && !measure.is_due())?;
        own(book, kind, measure, book.looked.map_or(day - KNOWN_DAYS, |looked| looked.max(day - KNOWN_DAYS)))
    }

    /// What is usual in a role, once a day.
    pub(crate) fn peers(&mut self, kind: Kind, day: Day) -> [Option<Normal>; 4] {
        if kind.is_group() {
            return [None; 4];
        }
        if let Some((of, peers)) = self.peers.get(&kind)
            && *of == day
        {
            return *peers;
        }
        let of_kind = || self.kinds.iter().filter(|(_, of)| **of == kind).map(|(who, _)| Whose::from(*who));
        let peers = Measure::ALL.map(|measure| {
            let learned = of_kind().filter_map(|whose| own(self.books.get(&whose)?, kind, measure, day));
            Normal::median(&learned.collect::<Vec<_>>())
        });
        self.peers.insert(kind, (day, peers));
        peers
    }

    /// Readers whose learned volume is far beyond their role: told once in 28 days. To be called now and then.
    pub fn beyond_peers(&mut self, now: Instant) -> Vec<Finding> {
        let day = day_of(now);
        let mut findings = Vec::new();
        let readers: Vec<(Who, Kind)> = self.kinds.iter().map(|(who, kind)| (*who, *kind)).collect();
        for (who, kind) in readers.into_iter().filter(|(_, kind)| *kind != Kind::Device) {
            let whose = Whose::from(who);
            let peers = self.peers(kind, day);
            let Some(book) = self.books.get_mut(&whose) else { continue };
            if book.beyond.is_some_and(|told| day - told < 28) {
                continue;
            }
            for measure in [Measure::OpenedOther, Measure::ListedOther] {
                let (Some(own), Some(peers)) = (own(book, kind, measure, day), peers[measure as usize]) else {
                    continue;
                };
                let (normal, median) = (28.0 * own.mean, 28.0 * peers.mean);
                if normal > BEYOND_PEERS * median && normal > BEYOND_PEERS_MIN {
                    book.beyond = Some(day);
                    let evidence =
                        Evidence::BeyondPeers { measure, normal: normal.round() as u32, peers: median.round() as u32 };
                    findings.push(Finding { about: whose, reaction: Reaction::Noticed, evidence });
                    break;
                }
            }
        }
        findings
    }

    /// The same of one study: of its patient, and of those whom it lay under before.
    fn read_study(&mut self, actor: &Actor, act: Act, patient: PatientNumber, study: StudyNumber, at: Instant) {
        let (patients, studies) = ([patient.0].into_iter().collect(), [study.0].into_iter().collect());
        self.read(actor, act, self.with_former(&patients, &studies).numbers(), at);
    }

    /// A reading that the ledger shows. What was asked for is counted already.
    fn read(&mut self, actor: &Actor, act: Act, patients: &[u32], at: Instant) {
        if self.since.is_some_and(|since| at < since) {
            return;
        }
        let (who, session) = match actor {
            Actor::Person { person, session, .. } => (Who::Person(*person), Some(*session)),
            Actor::Device { device, .. } => (Who::Device(*device), None),
            // what a link shows was counted to whoever made it
            Actor::Link { .. } | Actor::Owner | Actor::Stranger { .. } | Actor::Warden => return,
        };
        if self.kind(who).is_none() {
            return;
        }
        let ask = Ask { who, session, act, patients, exactly: false, now: at };
        let new = self.new_to(Whose::from(who), &ask);
        if !new.is_empty() {
            self.count(who, act, &new, session, at);
        }
        let book = self.books.entry(Whose::from(who)).or_default();
        for &patient in patients {
            if book.knows(act, patient, day_of(at)) {
                book.reread(act, patient, day_of(at));
            }
        }
    }

    fn found(&mut self, entry: EntryNumber, at: Instant, finding: &Finding) {
        self.findings.push(Found { entry, at, finding: finding.clone(), acknowledged: None });
        let book = self.books.entry(finding.about).or_default();
        let day = day_of(at);
        if finding.reaction == Reaction::Stopped {
            book.today(day).flagged = true;
        }
        if finding.reaction == Reaction::Touch {
            book.asked = Some(book.asked.map_or(at, |asked| asked.min(at)));
        }
        match &finding.evidence {
            Evidence::Volume(volume) => {
                book.raised.insert((volume.measure, volume.span), (finding.reaction, day));
                if finding.reaction == Reaction::Stopped {
                    book.stopped[volume.measure as usize] = true;
                } else if waits_for_officer(finding) {
                    book.wait_for_officer(entry, day, volume.measure, volume.span);
                }
            }
            Evidence::Honey { patient, .. } => {
                if !book.honey.iter().any(|(known, _)| *known == patient.0) {
                    book.honey.push((patient.0, at));
                }
                if finding.reaction == Reaction::Stopped {
                    book.stopped[Measure::OpenedOther as usize] = true;
                    book.stopped[Measure::ListedOther as usize] = true;
                }
            }
            Evidence::BeyondPeers { .. } => book.beyond = Some(day),
            Evidence::Intake { .. } | Evidence::Related { .. } => {}
            // told, and counted by nobody: what was read afterwards is counted as reading
            Evidence::EmergencyWarming { .. }
            | Evidence::LeakedLogin { .. }
            | Evidence::Orders { .. }
            | Evidence::EmergencyRefused { .. }
            | Evidence::ParallelSessions(_)
            | Evidence::ImpossibleTravel(_)
            | Evidence::DayAndNight { .. }
            | Evidence::NewAuthenticator { .. }
            | Evidence::TriedOthers(_) => {}
        }
    }
}

/// Whether reading stops unless an officer answers this in time: of a reader, over days, of patients about whom nothing is new.
fn waits_for_officer(finding: &Finding) -> bool {
    let Evidence::Volume(volume) = &finding.evidence else { return false };
    matches!(finding.about, Whose::Person(_) | Whose::Device(_))
        && finding.reaction < Reaction::Stopped
        && matches!(volume.span, Span::Week | Span::Month)
        && !volume.measure.is_due()
}
