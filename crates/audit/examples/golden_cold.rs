//! Writes the ledger of `testdata/ledger/v3-cold`: what officers and administrators say to requests for cold studies, and an exchange of
//! their holders.
//!
//! `cargo run -p audit --example golden_cold -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces are random in each run.

mod story;

use std::error::Error;

use model::{
    Actor, Change, ColdHolder, EntryBody, EntryNumber, HolderKind, Instant, KeyId, Need, NumberSet, Origin,
    PatientNumber, PersonId, SECOND, SessionId, SiteId, Standing, WarmingBasis,
};

/// The site of the golden ledgers before, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x03\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2025-11-24T16:00:00Z.
const START: Instant = Instant(1_764_000_000 * SECOND);
/// From one entry to the next, in seconds.
const STEP_SECONDS: i64 = 900;

fn by(person: u32) -> Actor {
    let session = SessionId([0x50 + person as u8; 16]);
    Actor::Person { person: PersonId(person), session, origin: Origin("192.0.2.17".to_owned()) }
}

fn holders(first: u8) -> Vec<ColdHolder> {
    let holder = |(number, name): (u8, &str)| ColdHolder {
        key: KeyId([first + number; 16]),
        name: name.to_owned(),
        kind: HolderKind::Sharing,
    };
    (0..).zip(["A", "B", "C"]).map(holder).collect()
}

fn entries() -> Vec<(Actor, EntryBody)> {
    let (radiologist, officer, administrator) = (by(1), by(5), by(6));
    let studies: NumberSet = [1, 2].into_iter().collect();
    let digest = "ab".repeat(32);
    let request = |basis| EntryBody::WarmingRequested {
        patient: PatientNumber(1),
        studies: studies.clone(),
        basis,
        reason: "compared with the new study".to_owned(),
        until: START.plus_seconds(86_400),
    };
    let need = Need { standing: Standing::TwoPersons, approvals: 2, officer: true, delay_seconds: 86_400 };
    let (earliest, expires) = (START.plus_seconds(86_400), START.plus_seconds(15 * 86_400));
    let exchange = EntryNumber(8);
    vec![
        (Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden Clinic".to_owned() }),
        (Actor::Owner, EntryBody::ColdHoldersSet { generation: 1, threshold: 2, holders: holders(0xc0) }),
        (Actor::Warden, EntryBody::WentCold { studies: studies.clone(), generation: 1 }),
        (radiologist.clone(), request(WarmingBasis::Request)),
        (
            officer.clone(),
            EntryBody::WarmingEndorsed {
                request: EntryNumber(3),
                digest: digest.clone(),
                evidence: Some("{\"id\":\"AA\"}".to_owned()),
            },
        ),
        (
            administrator.clone(),
            EntryBody::WarmingEndorsed { request: EntryNumber(3), digest: digest.clone(), evidence: None },
        ),
        (radiologist, request(WarmingBasis::Emergency)),
        (
            officer,
            EntryBody::WarmingRefused {
                request: EntryNumber(6),
                digest,
                reason: "the ward knows of no emergency".to_owned(),
                evidence: Some("{\"id\":\"AA\"}".to_owned()),
            },
        ),
        (
            Actor::Owner,
            EntryBody::Proposed {
                proposed: Box::new(Change::ReplaceColdHolders {
                    threshold: 2,
                    holders: holders(0xd0),
                    keys: vec!["aa".repeat(32); 3],
                }),
                need,
                earliest,
                expires,
            },
        ),
        (Actor::Warden, EntryBody::ColdHoldersSet { generation: 2, threshold: 2, holders: holders(0xd0) }),
        (Actor::Warden, EntryBody::CarriedOut { proposal: exchange, standing: Standing::TwoPersons }),
        (Actor::Warden, EntryBody::ColdSharesReleased { exchange, holder: KeyId([0xc0; 16]), boxes: 2 }),
        (Actor::Warden, EntryBody::ColdSharesReleased { exchange, holder: KeyId([0xc2; 16]), boxes: 2 }),
        (
            Actor::Warden,
            EntryBody::ColdReclosed {
                exchange,
                studies,
                generation: 2,
                boxes: 2,
                by: vec![KeyId([0xc0; 16]), KeyId([0xc2; 16])],
            },
        ),
        (Actor::Warden, EntryBody::KeysRotated { epoch: 2, destroyed: vec![1], keys: 2 }),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    story::write(SITE, START, STEP_SECONDS, entries())
}
