//! Exposure reports over many entries: what one person, and what everybody at the site, could reach and did reach.

use std::collections::BTreeSet;
use std::time::Instant as Clock;

use anyhow::Result;
use audit::ExposureIndex;
use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, OpenScope, Origin, PatientNumber, PersonId, Relationship, Role,
    SessionId, StudyNumber, Tier, What, Who, Window,
};

use super::LedgerOptions;
use super::rows::Rows;
use super::site::memory_mib;

/// People who read.
const PEOPLE: u32 = 500;
/// One in so many reads the whole site, the others what they were sent.
const SITE_WIDE_EVERY: u32 = 10;
/// One person's report may take so long, in seconds.
const ONE_SECONDS_MAX: f64 = 5.0;
/// Everybody's.
const SITE_SECONDS_MAX: f64 = 60.0;

/// A tenth of the entries are patients, a tenth their studies, the rest readings and relationships: eighteen openings to one list of
/// fifty and one relationship, some of which end; some studies are moved.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let patients = (options.entries / 10).max(1);
    let began = Clock::now();
    let (index, oracle) = history(options.entries, patients);
    let folded = began.elapsed();
    let window = Window { from: Instant(0), to: Instant::MAX };
    let (mut slowest, mut reachable, mut opened) = (0.0f64, 0, 0);
    let began = Clock::now();
    for person in (0..PEOPLE).map(PersonId) {
        let one = Clock::now();
        let report = index.report(Who::Person(person), window);
        slowest = slowest.max(one.elapsed().as_secs_f64());
        reachable += report.reachable.len();
        opened += report.opened.len();
    }
    let site = began.elapsed().as_secs_f64();
    let of = format!("{} entries, {patients} patients", options.entries);
    rows.row(
        &format!("exposure of one person, the slowest of {PEOPLE}: reaches the whole site; {of}"),
        &format!("{slowest:.2} s"),
        &format!("{ONE_SECONDS_MAX:.0} s"),
        Some(slowest <= ONE_SECONDS_MAX),
    );
    rows.row(
        &format!("exposure of the whole site: {PEOPLE} people, one report each; {of}"),
        &format!("{site:.1} s"),
        &format!("{SITE_SECONDS_MAX:.0} s"),
        Some(site <= SITE_SECONDS_MAX),
    );
    let now = Window { from: oracle.now, to: Instant(oracle.now.0 + 1) };
    let equal = (0..PEOPLE).filter(|person| {
        let report = index.report(Who::Person(PersonId(*person)), now);
        report.reachable.into_keys().eq(oracle.reachable(*person))
    });
    let equal = equal.count();
    rows.row(
        &format!("reachable sets at the end of that history that equal the oracle's, of {PEOPLE}"),
        &equal.to_string(),
        &format!("{PEOPLE}"),
        Some(equal == PEOPLE as usize),
    );
    rows.note(format!(
        "Exposure: the entries were made and folded in {:.1} s; the reports counted {reachable} studies reachable and {opened} opened; the program had {} MiB then. The oracle of that row keeps sets and knows this history's end; the one of `cargo nextest run -p audit -E 'test(oracle)'` knows every moment of 1,000 random histories.",
        folded.as_secs_f64(),
        memory_mib(std::process::id(), "VmRSS")?,
    ));
    Ok(())
}

/// Makes entries, one a second, and folds them.
fn history(entries: u32, patients: u32) -> (ExposureIndex, Oracle) {
    let mut fold = Fold { index: ExposureIndex::default(), number: 0, oracle: Oracle::new(patients) };
    for person in 0..PEOPLE {
        let (email, name) = (format!("p{person}@example.org"), format!("P. {person}"));
        let added = EntryBody::PersonAdded { person: PersonId(person), email, name, role: Role::Radiologist };
        fold.apply(Actor::Owner, added);
        if person.is_multiple_of(SITE_WIDE_EVERY) {
            fold.apply(Actor::Owner, related(person, What::Site));
        }
    }
    for patient in 0..patients {
        fold.apply(Actor::Warden, EntryBody::PatientAdded { patient: PatientNumber(patient) });
        fold.apply(Actor::Owner, stored(patient));
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) as u32
    };
    while fold.number < u64::from(entries) {
        let (person, patient) = (next() % PEOPLE, next() % patients);
        let lease_until = fold.now().plus_seconds(300);
        let body = match next() % 20 {
            0 => EntryBody::Listed {
                patients: (0..50).map(|n| (patient + n * 17) % patients).collect(),
                studies: (0..50).map(|n| (patient + n * 17) % patients).collect(),
                lease_until,
            },
            1 => match next() % 20 {
                0 => fold.moved(StudyNumber(next() % patients), PatientNumber(patient)),
                1..5 => fold.ended(person).unwrap_or_else(|| related(person, What::Patient(PatientNumber(patient)))),
                _ => related(person, What::Patient(PatientNumber(patient))),
            },
            _ => EntryBody::Opened {
                patient: PatientNumber(patient),
                study: StudyNumber(patient),
                scope: OpenScope::Images,
                lease_until,
            },
        };
        let actor = Actor::Person {
            person: PersonId(person),
            session: SessionId([person as u8; 16]),
            origin: Origin(format!("192.0.2.{}", person % 250)),
        };
        fold.apply(actor, body);
    }
    fold.oracle.now = fold.now();
    (fold.index, fold.oracle)
}

/// The fold so far; an entry a second.
struct Fold {
    index: ExposureIndex,
    number: u64,
    oracle: Oracle,
}

impl Fold {
    fn now(&self) -> Instant {
        Instant(0).plus_seconds(self.number as i64)
    }

    fn apply(&mut self, actor: Actor, body: EntryBody) {
        let entry = Entry { version: Entry::VERSION, recorded: self.now(), actor, body };
        self.index.apply(EntryNumber(self.number), &entry);
        self.oracle.apply(self.number, &entry.body);
        self.number += 1;
    }

    fn moved(&self, study: StudyNumber, to: PatientNumber) -> EntryBody {
        let from = PatientNumber(self.oracle.filed[study.0 as usize]);
        EntryBody::Moved { study, from, to, reason: "filed under the wrong patient".to_owned() }
    }

    /// The end of the oldest relationship of a person with a patient.
    fn ended(&self, person: u32) -> Option<EntryBody> {
        let (entry, _) = self.oracle.held[person as usize].first()?;
        Some(EntryBody::RelationshipEnded { entry: EntryNumber(*entry), until: self.now() })
    }
}

/// What holds after the last entry, kept in the plainest way.
struct Oracle {
    now: Instant,
    /// The patient of each study.
    filed: Vec<u32>,
    /// Of each person, the relationships with patients that run: entry and patient.
    held: Vec<Vec<(u64, u32)>>,
}

impl Oracle {
    fn new(studies: u32) -> Self {
        Self { now: Instant(0), filed: (0..studies).collect(), held: vec![Vec::new(); PEOPLE as usize] }
    }

    fn apply(&mut self, number: u64, body: &EntryBody) {
        match body {
            EntryBody::Related { relationship } => {
                if let (Who::Person(person), What::Patient(patient)) = (relationship.who, relationship.what) {
                    self.held[person.0 as usize].push((number, patient.0));
                }
            }
            EntryBody::RelationshipEnded { entry, .. } => {
                self.held.iter_mut().for_each(|held| held.retain(|(made, _)| *made != entry.0));
            }
            EntryBody::Moved { study, to, .. } => self.filed[study.0 as usize] = to.0,
            _ => {}
        }
    }

    /// What a person reaches, ascending.
    fn reachable(&self, person: u32) -> BTreeSet<(PatientNumber, StudyNumber)> {
        let patients: BTreeSet<u32> = self.held[person as usize].iter().map(|(_, patient)| *patient).collect();
        let all = person.is_multiple_of(SITE_WIDE_EVERY);
        let filed = (0..).map(StudyNumber).zip(&self.filed).filter(|(_, patient)| all || patients.contains(patient));
        filed.map(|(study, patient)| (PatientNumber(*patient), study)).collect()
    }
}

fn related(person: u32, what: What) -> EntryBody {
    let window = Window { from: Instant(0), to: Instant::MAX };
    let (who, basis, entry) = (Who::Person(PersonId(person)), "referral".to_owned(), EntryNumber(0));
    EntryBody::Related { relationship: Relationship { who, what, tier: Tier::Open, window, basis, entry } }
}

fn stored(study: u32) -> EntryBody {
    EntryBody::Stored {
        patient: PatientNumber(study),
        study: StudyNumber(study),
        instances: 1,
        duplicates: 0,
        conflicts: 0,
        taken_in: Instant(0),
        outbox_sequence: u64::from(study),
    }
}
