//! Writes the ledger of `testdata/ledger/v3-consent`: a patient's consent that a system told, what it ended, and its end.
//!
//! `cargo run -p audit --example golden_consent -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces are random in each run.

mod story;

use std::error::Error;

use model::{
    Actor, ConsentTold, DeviceId, EntryBody, EntryNumber, Instant, KeyedDigest, OrderSource, OrderTaken,
    OrganisationId, Origin, PatientNumber, PersonId, Relationship, SECOND, SiteId, Tier, What, Who, Window,
};

/// The site of the golden ledgers before, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x09\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2025-11-24T16:00:00Z.
const START: Instant = Instant(1_764_000_000 * SECOND);
/// From one entry to the next, in seconds.
const STEP_SECONDS: i64 = 900;

fn by_system() -> Actor {
    Actor::Device { device: DeviceId(0), origin: Origin("192.0.2.17".to_owned()) }
}

fn source(message: u8) -> OrderSource {
    OrderSource { device: DeviceId(0), control: KeyedDigest([message; 16]), content: KeyedDigest([0x80 | message; 16]) }
}

fn entries() -> Vec<(Actor, EntryBody)> {
    let (patient, who) = (PatientNumber(1), Who::Person(PersonId(3)));
    let window = Window { from: START, to: START.plus_seconds(90 * 86_400) };
    let relationship = Relationship {
        who,
        what: What::Patient(patient),
        tier: Tier::Open,
        window,
        basis: "order".to_owned(),
        entry: EntryNumber(0),
    };
    let taken = OrderTaken {
        patient,
        named: patient,
        numbers: vec![KeyedDigest([0x11; 16])],
        relationships: 1,
        matched: false,
        source: source(1),
    };
    let told = |denied, until, message| {
        let consent = KeyedDigest([0x22; 16]);
        EntryBody::ConsentTold(Box::new(ConsentTold { patient, consent, denied, until, source: source(message) }))
    };
    let until = START.plus_seconds(3 * STEP_SECONDS);
    vec![
        (Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden Clinic".to_owned() }),
        (by_system(), EntryBody::Related { relationship }),
        (by_system(), EntryBody::OrderTaken(Box::new(taken))),
        (by_system(), EntryBody::RelationshipEnded { entry: EntryNumber(1), until }),
        (by_system(), told(vec![who, Who::Organisation(OrganisationId(2))], Some(window.to), 2)),
        (by_system(), told(Vec::new(), None, 3)),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    story::write(SITE, START, STEP_SECONDS, entries())
}
