//! Exposure reports over many entries: what one person, and what everybody at the site, could reach and did reach.

use std::time::Instant as Clock;

use audit::ExposureIndex;
use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, OpenScope, Origin, PatientNumber, PersonId, Relationship, Role,
    SessionId, StudyNumber, Tier, What, Who, Window,
};

use super::LedgerOptions;
use super::rows::Rows;

/// People who read.
const PEOPLE: u32 = 500;
/// One person's report may take so long, in seconds.
const ONE_SECONDS_MAX: f64 = 5.0;
/// Everybody's.
const SITE_SECONDS_MAX: f64 = 60.0;

/// A tenth of the entries are patients, a tenth their studies, the rest readings: nine openings to one list of fifty.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) {
    let patients = options.entries / 10;
    let mut fold = Fold { index: ExposureIndex::default(), number: 0 };
    let began = Clock::now();
    for person in (0..PEOPLE).map(PersonId) {
        let (email, name) = (format!("p{}@example.org", person.0), format!("P. {}", person.0));
        fold.apply(Actor::Owner, EntryBody::PersonAdded { person, email, name, role: Role::Radiologist });
        // one in ten reads everything, the others what they were sent
        if person.0.is_multiple_of(10) {
            fold.apply(Actor::Owner, related(Who::Person(person), What::Site));
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
    while fold.number < u64::from(options.entries) {
        let person = next() % PEOPLE;
        let actor = Actor::Person {
            person: PersonId(person),
            session: SessionId([person as u8; 16]),
            origin: Origin(format!("192.0.2.{}", person % 250)),
        };
        let patient = next() % patients;
        let lease_until = fold.now().plus_seconds(300);
        let body = match next() % 20 {
            0 => EntryBody::Listed {
                patients: (0..50).map(|n| (patient + n * 17) % patients).collect(),
                studies: (0..50).map(|n| (patient + n * 17) % patients).collect(),
                lease_until,
            },
            1 => related(Who::Person(PersonId(person)), What::Patient(PatientNumber(patient))),
            _ => EntryBody::Opened {
                patient: PatientNumber(patient),
                study: StudyNumber(patient),
                scope: OpenScope::Images,
                lease_until,
            },
        };
        fold.apply(actor, body);
    }
    let folded = began.elapsed();
    let window = Window { from: Instant(0), to: Instant::MAX };
    let mut slowest = 0.0f64;
    let began = Clock::now();
    let (mut reachable, mut opened) = (0, 0);
    for person in (0..PEOPLE).map(PersonId) {
        let one = Clock::now();
        let report = fold.index.report(Who::Person(person), window);
        slowest = slowest.max(one.elapsed().as_secs_f64());
        reachable += report.reachable.len();
        opened += report.opened.len();
    }
    let site = began.elapsed().as_secs_f64();
    let of = format!("{} entries, {patients} patients", options.entries);
    rows.row(
        &format!("exposure of one person who reaches the site, {of}"),
        &format!("{slowest:.2} s"),
        &format!("{ONE_SECONDS_MAX} s"),
        Some(slowest <= ONE_SECONDS_MAX),
    );
    rows.row(
        &format!("exposure of the whole site: {PEOPLE} people one by one, {of}"),
        &format!("{site:.1} s"),
        &format!("{SITE_SECONDS_MAX} s"),
        Some(site <= SITE_SECONDS_MAX),
    );
    rows.note(format!(
        "The entries were made and folded in {:.1} s; reports counted {reachable} studies reachable and {opened} opened; the program had {} MiB then.",
        folded.as_secs_f64(),
        resident_mib("self"),
    ));
}

/// The fold so far; an entry a second.
struct Fold {
    index: ExposureIndex,
    number: u64,
}

impl Fold {
    fn now(&self) -> Instant {
        Instant(0).plus_seconds(self.number as i64)
    }

    fn apply(&mut self, actor: Actor, body: EntryBody) {
        let entry = Entry { version: Entry::VERSION, recorded: self.now(), actor, body };
        self.index.apply(EntryNumber(self.number), &entry);
        self.number += 1;
    }
}

fn related(who: Who, what: What) -> EntryBody {
    let window = Window { from: Instant(0), to: Instant::MAX };
    let relationship =
        Relationship { who, what, tier: Tier::Open, window, basis: "referral".to_owned(), entry: EntryNumber(0) };
    EntryBody::Related { relationship }
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

/// Resident memory of a process, in MiB.
pub fn resident_mib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
