//! Writes the ledger of `testdata/ledger/v3-leaks`: the kinds of entries about leaked passwords and logins.
//!
//! `cargo run -p audit --example golden_leaks -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind writes a
//! folder beside it.

mod story;

use std::error::Error;

use model::{Actor, EntryBody, Evidence, Finding, Instant, LeakList, Origin, PersonId, Reaction, SiteId, Whose};

/// The site of the golden ledgers with every kind.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x02\0\0\0\0\0\0\0\0\0\0\0\xff");
const START: Instant = Instant(1_764_000_000_000_000);

fn main() -> Result<(), Box<dyn Error>> {
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
    story::write(SITE, START, 60, entries)
}
