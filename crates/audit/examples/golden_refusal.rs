//! Writes the ledger of `testdata/ledger/v3-refusal`: an emergency that an officer refused, and the finding that says so.
//!
//! `cargo run -p audit --example golden_refusal -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces are random in each run.

mod story;

use std::error::Error;

use model::{
    Actor, EntryBody, EntryNumber, Evidence, Finding, Instant, NumberSet, Origin, PatientNumber, PersonId, Reaction,
    SECOND, SessionId, SiteId, WarmingBasis, Whose,
};

/// The site of the golden ledgers before, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x08\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2025-11-24T16:00:00Z.
const START: Instant = Instant(1_764_000_000 * SECOND);
/// From one entry to the next, in seconds.
const STEP_SECONDS: i64 = 900;

fn by(person: u32) -> Actor {
    let session = SessionId([0x50 + person as u8; 16]);
    Actor::Person { person: PersonId(person), session, origin: Origin("192.0.2.17".to_owned()) }
}

fn entries() -> Vec<(Actor, EntryBody)> {
    let studies: NumberSet = [1, 2].into_iter().collect();
    let (patient, request, until) = (PatientNumber(1), EntryNumber(2), START.plus_seconds(4 * 3_600));
    let asked = EntryBody::WarmingRequested {
        patient,
        studies: studies.clone(),
        basis: WarmingBasis::Emergency,
        reason: "operated on tonight".to_owned(),
        until,
    };
    let refused = EntryBody::WarmingRefused {
        request,
        digest: "ab".repeat(32),
        reason: "the ward knows of no emergency".to_owned(),
        evidence: Some("{\"id\":\"AA\"}".to_owned()),
    };
    let evidence = Evidence::EmergencyRefused { patient, studies: 2, request };
    let finding = Finding { about: Whose::Person(PersonId(5)), reaction: Reaction::Noticed, evidence };
    vec![
        (Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden Clinic".to_owned() }),
        (Actor::Warden, EntryBody::WentCold { studies, generation: 1 }),
        (by(1), asked),
        (by(5), refused),
        (by(5), EntryBody::FindingRaised { finding }),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    story::write(SITE, START, STEP_SECONDS, entries())
}
