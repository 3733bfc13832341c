//! Writes the ledger of `testdata/ledger/v3-signs`: signs of sharing and takeover, networks of the site, and tokens that end and rotate.
//!
//! `cargo run -p audit --example golden_signs -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind writes a
//! folder beside it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use audit::{Ledger, LedgerKeys, LedgerOptions};
use model::{
    Actor, Change, Coordinates, DeviceId, EntryBody, EntryNumber, Evidence, Finding, ImpossibleTravel, Instant, Need,
    Network, NetworkRule, Origin, ParallelSessions, PersonId, Reaction, SessionId, SiteId, Standing, TriedOthers,
    UsedFrom, Whose,
};
use seal::RootSecret;

/// The site of the golden ledgers with every kind.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x02\0\0\0\0\0\0\0\0\0\0\0\xff");
const START: Instant = Instant(1_764_000_000_000_000);
const DAY: i64 = 86_400;

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
    let entries = networks().into_iter().chain(signs()).chain(tokens());
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

fn networks() -> Vec<(Actor, EntryBody)> {
    let network = |name: &str, block: &str, at: Option<(i16, i16)>, utc_minutes| Network {
        name: name.to_owned(),
        blocks: vec![block.to_owned()],
        at: at.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
        utc_minutes,
    };
    let networks = vec![
        network("Berlin", "10.1.0.0/16", Some((5252, 1340)), None),
        network("Sydney", "2001:db8:5::/48", None, Some(600)),
        network("VPN", "10.9.0.0/16", None, None),
    ];
    let rule = NetworkRule { networks };
    let need = Need { standing: Standing::TwoPersons, approvals: 1, officer: true, delay_seconds: DAY };
    let proposed = Box::new(Change::NetworkRule { rule: rule.clone() });
    let (earliest, expires) = (START.plus_seconds(DAY), START.plus_seconds(15 * DAY));
    vec![
        (Actor::Owner, EntryBody::Proposed { proposed, need, earliest, expires }),
        (Actor::Warden, EntryBody::NetworkRuleSet { rule }),
        (Actor::Warden, EntryBody::CarriedOut { proposal: EntryNumber(0), standing: Standing::TwoPersons }),
    ]
}

fn signs() -> Vec<(Actor, EntryBody)> {
    let used = |session: u8, origin: &str, place: &str| UsedFrom {
        session: SessionId([session; 16]),
        origin: Origin(origin.to_owned()),
        place: place.to_owned(),
    };
    let (here, there) = (used(0x51, "10.1.0.5", "Berlin"), used(0x52, "203.0.113.9", ""));
    let away = used(0x53, "2001:db8:5::9", "Sydney");
    let parallel = ParallelSessions { one: there, other: here.clone(), returns: 6, since: START };
    let travel = ImpossibleTravel { from: here, to: away, kilometres: 16_094, minutes: 20 };
    let tried = TriedOthers {
        session: SessionId([0x54; 16]),
        origin: Origin("192.0.2.66".to_owned()),
        others: 3,
        unknown: 2,
        since: START,
    };
    let evidence = [
        Evidence::ParallelSessions(Box::new(parallel)),
        Evidence::ImpossibleTravel(Box::new(travel)),
        Evidence::DayAndNight { hours: 21, of: 24 },
        Evidence::NewAuthenticator { bound: START, finding: EntryNumber(3) },
        Evidence::TriedOthers(Box::new(tried)),
    ];
    let raised = |evidence| {
        let finding = Finding { about: Whose::Person(PersonId(2)), reaction: Reaction::Noticed, evidence };
        (Actor::Warden, EntryBody::FindingRaised { finding })
    };
    evidence.into_iter().map(raised).collect()
}

fn tokens() -> Vec<(Actor, EntryBody)> {
    let issued = |until, before_until| EntryBody::DeviceTokenIssued {
        device: DeviceId(1),
        until: START.plus_seconds(until),
        before_until: Option::map(before_until, |seconds| START.plus_seconds(seconds)),
    };
    vec![
        (Actor::Owner, issued(365 * DAY, None)),
        (Actor::Owner, issued(400 * DAY, Some(DAY))),
        (Actor::Owner, EntryBody::DeviceTokenRemoved { device: DeviceId(1) }),
    ]
}
