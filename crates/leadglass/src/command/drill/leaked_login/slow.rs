//! Slow harvesting: four weeks of it, on the ledger of this installation, with its clock stepped ahead.
//!
//! The state that decides is the one that the warden has: it is made from the ledger's entries up to the attack, and asked at the
//! hours of the weeks to come. Nothing waits, and what was read is entered as the warden enters it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use budget::{Act, Ask, State, Verdict};
use model::{
    Actor, Entry, EntryBody, EntryNumber, Instant, OpenScope, Origin, PatientNumber, PersonId, SECOND, SessionId,
    SignInMethod, StudyNumber, What, Who,
};

use super::scene::Scene;
use crate::command::drill::ending;
use crate::command::drill::rows::Rows;
use crate::time;

/// Four weeks.
const DAYS: i64 = 28;
const DAY_SECONDS: i64 = 86_400;
/// Patients a day from each account, in office hours.
const A_DAY: u32 = 20;
/// From eight o'clock, one every 27 minutes.
const FIRST_SECOND: i64 = 8 * 3_600;
const STEP_SECONDS: i64 = 27 * 60;
/// More patients than that from three accounts in four weeks, and the row fails.
const PATIENTS_MAX: usize = 400;
/// Within so many days the officer has to read of it.
const FOUND_DAYS_MAX: i64 = 7;
/// A step that visits every patient once, for any archive whose size it does not divide: a prime.
const STRIDE: u32 = 7_919;

/// A reader in the attacker's hands.
struct Reader {
    person: PersonId,
    /// Whom relationships name; everybody where one names the site.
    patients: Vec<u32>,
    next: usize,
}

/// The weeks to come.
struct Weeks {
    state: State,
    number: u64,
    now: Instant,
    found: Option<(i64, usize)>,
    gone: BTreeSet<u32>,
    touches: u32,
    refused: u32,
}

/// Plays four weeks.
pub fn slow(rows: &mut Rows, scene: &Scene, entries: u64) -> Result<()> {
    let today = time::now();
    let mut weeks = Weeks {
        state: State::since(today),
        number: 0,
        now: today,
        found: None,
        gone: BTreeSet::new(),
        touches: 0,
        refused: 0,
    };
    let ledger = scene.entries(0, entries)?;
    let mut readers = readers(scene, &ledger)?;
    for entry in &ledger {
        weeks.state.apply(EntryNumber(weeks.number), entry);
        weeks.number += 1;
    }
    let midnight = today.0.div_euclid(DAY_SECONDS * SECOND) + 1;
    for day in 0..DAYS {
        ending::check()?;
        for turn in 0..A_DAY {
            let second = FIRST_SECOND + i64::from(turn) * STEP_SECONDS;
            weeks.now = Instant((midnight + day) * DAY_SECONDS * SECOND + second * SECOND);
            for reader in &mut readers {
                weeks.open(reader, day);
            }
        }
    }
    let (found_on, by_then) = weeks.found.unwrap_or((-1, weeks.gone.len()));
    let gone = weeks.gone.len();
    rows.played(
        "slow harvesting over four weeks is found within days, and stopped",
        gone <= PATIENTS_MAX && (0..FOUND_DAYS_MAX).contains(&found_on),
        format!(
            "the ledger of before the attack, its clock stepped through {DAYS} days: {A_DAY} patients a day from each account, as if nothing were cold and every touch were given ({} were): {gone} patients of {} asked for, {} times refused; found on day {} after {by_then} patients",
            weeks.touches,
            i64::from(A_DAY) * DAYS * readers.len() as i64,
            weeks.refused,
            found_on + 1,
        ),
    );
    Ok(())
}

/// The three accounts as the ledger has them.
fn readers(scene: &Scene, ledger: &[Entry]) -> Result<Vec<Reader>> {
    let everybody: Vec<u32> =
        (0..scene.patients).map(|n| ((u64::from(n) * u64::from(STRIDE)) % u64::from(scene.patients)) as u32).collect();
    let mut readers = Vec::new();
    for account in &scene.accounts {
        let person = ledger.iter().find_map(|entry| match &entry.body {
            EntryBody::PersonAdded { person, email, .. } if email == account.email => Some(*person),
            _ => None,
        });
        let Some(person) = person else { bail!("the drill could not be played: the ledger has no {}", account.email) };
        let mut holders = vec![Who::Person(person)];
        holders.extend(ledger.iter().filter_map(|entry| match &entry.body {
            EntryBody::MemberJoined { person: who, organisation } if *who == person => {
                Some(Who::Organisation(*organisation))
            }
            _ => None,
        }));
        let mut patients = Vec::new();
        for entry in ledger {
            if let EntryBody::Related { relationship } = &entry.body
                && holders.contains(&relationship.who)
            {
                match relationship.what {
                    What::Patient(patient) => patients.push(patient.0),
                    What::Site => patients.clone_from(&everybody),
                    What::Study(_) => {}
                }
            }
        }
        readers.push(Reader { person, patients, next: 0 });
    }
    Ok(readers)
}

impl Weeks {
    /// One patient more, with a touch when it is asked for.
    fn open(&mut self, reader: &mut Reader, day: i64) {
        if reader.patients.is_empty() {
            return;
        }
        let patient = reader.patients[reader.next % reader.patients.len()];
        reader.next += 1;
        let session = SessionId([7; 16]);
        let mut verdict = self.ask(reader.person, session, patient, day);
        if verdict == Verdict::Touch {
            self.now = self.now.plus_seconds(1);
            self.enter(
                Actor::Warden,
                EntryBody::SignedIn { person: reader.person, session, method: SignInMethod::PasswordAndCode },
            );
            self.touches += 1;
            self.now = self.now.plus_seconds(1);
            verdict = self.ask(reader.person, session, patient, day);
        }
        if !matches!(verdict, Verdict::Pass | Verdict::Wait { .. }) {
            self.refused += 1;
            return;
        }
        self.gone.insert(patient);
        let actor = Actor::Person { person: reader.person, session, origin: Origin::default() };
        let lease_until = self.now.plus_seconds(300);
        let (patient, study) = (PatientNumber(patient), StudyNumber(patient));
        self.enter(actor, EntryBody::Opened { patient, study, scope: OpenScope::Images, lease_until });
    }

    fn ask(&mut self, person: PersonId, session: SessionId, patient: u32, day: i64) -> Verdict {
        let (who, now) = (Who::Person(person), self.now);
        let ask = Ask { who, session: Some(session), act: Act::Open, patients: &[patient], exactly: true, now };
        let answer = self.state.ask(&ask);
        for finding in answer.findings {
            self.found.get_or_insert((day, self.gone.len()));
            self.enter(Actor::Warden, EntryBody::FindingRaised { finding });
        }
        answer.verdict
    }

    fn enter(&mut self, actor: Actor, body: EntryBody) {
        let entry = Entry { version: 1, recorded: self.now, actor, body };
        self.state.apply(EntryNumber(self.number), &entry);
        self.number += 1;
    }
}
