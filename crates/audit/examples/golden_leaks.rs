//! Writes the ledger of `testdata/ledger/v3-leaks`: the kinds of entries about leaked passwords and logins.
//!
//! `cargo run -p audit --example golden_leaks -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind writes a
//! folder beside it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use audit::{Ledger, LedgerKeys, LedgerOptions};
use model::{
    Actor, EntryBody, EntryNumber, Evidence, Finding, Instant, LeakList, Origin, PersonId, Reaction, SiteId, Whose,
};
use seal::RootSecret;

/// The site of the golden ledgers with every kind.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x02\0\0\0\0\0\0\0\0\0\0\0\xff");
const START: Instant = Instant(1_764_000_000_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name the folder to write into")?);
    let (closed, origin) = (folder.join("closed"), format!("leadglass/{SITE}"));
    fs::create_dir_all(&folder)?;
    let keys = || LedgerKeys::from_root(&RootSecret::from_bytes(&[0x42; 32]));
    Ledger::create(&closed, &keys(), &origin)?;
    let options = LedgerOptions {
        journal_bytes: 64 * 1024,
        publish_entries: u64::MAX,
        publish_after: Duration::from_secs(3600),
        ..LedgerOptions::default()
    };
    let (ledger, _) = Ledger::open_with(&closed, keys(), &origin, options)?;
    let list = |name: &str, hash: &str, hashes| LeakList {
        name: name.to_owned(),
        hash: hash.to_owned(),
        hashes,
        digest: "7e".repeat(32),
    };
    let finding = |by_name, tried| Finding {
        about: Whose::Person(PersonId(2)),
        reaction: Reaction::Noticed,
        evidence: Evidence::LeakedLogin { by_name, tried },
    };
    let stranger = || Actor::Stranger { origin: Origin("192.0.2.7".to_owned()) };
    let entries = vec![
        (
            Actor::Warden,
            EntryBody::LeakListsRead { lists: vec![list("ntlm", "ntlm", 2), list("sha1", "sha1", 1_000_000_000)] },
        ),
        (Actor::Warden, EntryBody::LeakListsRead { lists: Vec::new() }),
        (stranger(), EntryBody::LeakedPasswordUsed { person: PersonId(2) }),
        (Actor::Owner, EntryBody::AccountLocked { person: PersonId(1), incident: 7 }),
        (Actor::Warden, EntryBody::FindingRaised { finding: finding(false, 3) }),
        (Actor::Warden, EntryBody::FindingRaised { finding: finding(true, 0) }),
    ];
    for (number, entry) in (0..).zip(entries) {
        ledger.append(vec![entry], START.plus_seconds(60 * number))?;
    }
    let mut lines = String::new();
    for (_, entry) in ledger.read(EntryNumber(0), Ledger::READ_ENTRIES_MAX)? {
        lines.push_str(&serde_json::to_string(&entry)?);
        lines.push('\n');
    }
    fs::File::create(folder.join("entries.jsonl"))?.write_all(lines.as_bytes())?;
    Ok(())
}
