//! Writes the ledger of `testdata/ledger/v3-refusal`: an emergency that an officer refused, and the finding that says so.
//!
//! `cargo run -p audit --example golden_refusal -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces are random in each run.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use audit::{Ledger, LedgerKeys, LedgerOptions};
use model::{
    Actor, EntryBody, EntryNumber, Evidence, Finding, Instant, NumberSet, Origin, PatientNumber, PersonId, Reaction,
    SECOND, SessionId, SiteId, WarmingBasis, Whose,
};
use seal::RootSecret;

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

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    fs::File::create(path)?.write_all(content.as_bytes())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    let keys = || LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]));
    let (closed, origin) = (folder.join("closed"), format!("leadglass/{SITE}"));
    fs::create_dir_all(&folder)?;
    Ledger::create(&closed, &keys(), &origin)?;
    let (ledger, _) = Ledger::open_with(&closed, keys(), &origin, LedgerOptions::default())?;
    for ((actor, body), step) in entries().into_iter().zip(0..) {
        ledger.append(vec![(actor, body)], START.plus_seconds(step * STEP_SECONDS))?;
    }
    let mut lines = String::new();
    for (_, entry) in ledger.read(EntryNumber(0), Ledger::READ_ENTRIES_MAX)? {
        lines.push_str(&serde_json::to_string(&entry)?);
        lines.push('\n');
    }
    drop(ledger);
    write(&folder.join("entries.jsonl"), &lines)?;
    Ok(())
}
