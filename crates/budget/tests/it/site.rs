//! A site whose every reading is asked for and recorded, as the warden does it.

use budget::{Act, Ask, State, Verdict};
use model::{
    Actor, Authorisation, DeviceId, DeviceMay, Entry, EntryBody, EntryNumber, Evidence, Finding, Instant, OpenScope,
    OrganisationId, Origin, PatientNumber, PersonId, Reaction, Relationship, Role, SECOND, SessionId, SignInMethod,
    StudyNumber, Tier, What, Who, Whose, Window,
};

/// A Monday.
pub const START: Instant = Instant(20_605 * 86_400 * SECOND);

#[derive(Clone)]
pub struct Site {
    pub state: State,
    pub entries: Vec<Entry>,
    keeps_entries: bool,
    number: u64,
    studies: u32,
    pub now: Instant,
    pub findings: Vec<(Instant, Finding)>,
    /// Where whoever reads sits.
    pub seat: (SessionId, Origin),
}

impl Site {
    pub fn new() -> Self {
        Self {
            state: State::since(START),
            entries: Vec::new(),
            keeps_entries: false,
            number: 0,
            studies: 0,
            now: START,
            findings: Vec::new(),
            seat: (SessionId([7; 16]), Origin::default()),
        }
    }

    /// The same, with every entry kept for a replay.
    pub fn with_entries() -> Self {
        Self { keeps_entries: true, ..Self::new() }
    }

    pub fn at(&mut self, day: i32, second: i32) {
        self.now = START.plus_seconds(i64::from(day) * 86_400 + i64::from(second));
    }

    pub fn record(&mut self, actor: Actor, body: EntryBody) -> EntryNumber {
        let entry = Entry { version: 1, recorded: self.now, actor, body };
        let number = EntryNumber(self.number);
        self.state.apply(number, &entry);
        self.number += 1;
        if self.keeps_entries {
            self.entries.push(entry);
        }
        number
    }

    pub fn person(&mut self, person: u32, role: Role, organisation: u32) -> Who {
        let person = PersonId(person);
        self.record(Actor::Owner, EntryBody::PersonAdded { person, email: String::new(), name: String::new(), role });
        self.record(Actor::Owner, EntryBody::MemberJoined { person, organisation: OrganisationId(organisation) });
        Who::Person(person)
    }

    pub fn organisation(&mut self, organisation: u32) {
        let authorisation = Authorisation::PasskeyOnly;
        let organisation = OrganisationId(organisation);
        self.record(Actor::Owner, EntryBody::OrganisationAdded { organisation, name: String::new(), authorisation });
    }

    pub fn device(&mut self, device: u32) -> Who {
        let (organisation, may) = (OrganisationId(0), vec![DeviceMay::Open]);
        let device = DeviceId(device);
        self.record(Actor::Owner, EntryBody::DeviceAdded { device, name: String::new(), organisation, may });
        Who::Device(device)
    }

    /// A modality sends a study, or the owner imports one.
    pub fn store(&mut self, patient: u32, imported: bool) {
        let device = Actor::Device { device: DeviceId(99), origin: Origin::default() };
        let actor = if imported { Actor::Owner } else { device };
        let study = StudyNumber(self.studies);
        self.studies += 1;
        let stored = EntryBody::Stored {
            patient: PatientNumber(patient),
            study,
            instances: 1,
            duplicates: 0,
            conflicts: 0,
            taken_in: self.now,
            outbox_sequence: 0,
        };
        self.record(actor, stored);
    }

    pub fn relate(&mut self, who: Who, what: What) {
        let window = Window { from: self.now, to: Instant::MAX };
        let entry = EntryNumber(self.number);
        let relationship = Relationship { who, what, tier: Tier::Open, window, basis: "order".to_owned(), entry };
        self.record(Actor::Owner, EntryBody::Related { relationship });
    }

    pub fn sign_in(&mut self, who: Who) {
        if let Who::Person(person) = who {
            let session = SessionId([7; 16]);
            self.record(Actor::Warden, EntryBody::SignedIn { person, session, method: SignInMethod::Passkey });
        }
    }

    pub fn lift(&mut self, about: Whose) {
        self.record(Actor::Owner, EntryBody::BudgetLifted { about, note: "was in order".to_owned() });
    }

    pub fn open(&mut self, who: Who, patient: u32) -> Verdict {
        self.ask(who, Act::Open, &[patient], false)
    }

    pub fn list(&mut self, who: Who, patients: &[u32]) -> Verdict {
        self.ask(who, Act::List, patients, false)
    }

    pub fn ask(&mut self, who: Who, act: Act, patients: &[u32], exactly: bool) -> Verdict {
        let session = matches!(who, Who::Person(_)).then_some(self.seat.0);
        let ask = Ask { who, session, act, patients, exactly, now: self.now };
        let mut answer = self.state.ask(&ask);
        answer.findings.extend(self.state.take_signs(self.now));
        for finding in answer.findings {
            self.findings.push((self.now, finding.clone()));
            self.record(Actor::Warden, EntryBody::FindingRaised { finding });
        }
        if matches!(answer.verdict, Verdict::Pass | Verdict::Wait { .. }) {
            let actor = match who {
                Who::Person(person) => Actor::Person { person, session: self.seat.0, origin: self.seat.1.clone() },
                Who::Device(device) => Actor::Device { device, origin: Origin::default() },
                Who::Organisation(_) | Who::Link(_) => panic!("it has no budget of its own"),
            };
            let lease_until = self.now.plus_seconds(300);
            let body = match act {
                Act::Open => {
                    let patient = PatientNumber(patients[0]);
                    EntryBody::Opened { patient, study: StudyNumber(0), scope: OpenScope::Images, lease_until }
                }
                Act::List => {
                    let patients = patients.iter().copied().collect();
                    EntryBody::Listed { patients, studies: model::NumberSet::default(), lease_until }
                }
            };
            self.record(actor, body);
        }
        answer.verdict
    }

    /// Findings of a reaction by volume.
    pub fn volume_findings(&self, reaction: Reaction) -> usize {
        let of = |finding: &Finding| finding.reaction == reaction && matches!(finding.evidence, Evidence::Volume(_));
        self.findings.iter().filter(|(_, finding)| of(finding)).count()
    }
}
