//! Writes the ledger of `testdata/ledger/v3-signs`: signs of sharing and takeover, networks of the site, and tokens that end and rotate.
//!
//! `cargo run -p audit --example golden_signs -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind writes a
//! folder beside it.

mod story;

use std::error::Error;

use model::{
    Actor, Change, Coordinates, DeviceId, EntryBody, EntryNumber, Evidence, Finding, ImpossibleTravel, Instant, Need,
    Network, NetworkRule, Origin, ParallelSessions, PersonId, Reaction, SessionId, SiteId, Standing, TriedOthers,
    UsedFrom, Whose,
};

/// The site of the golden ledgers with every kind.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x02\0\0\0\0\0\0\0\0\0\0\0\xff");
const START: Instant = Instant(1_764_000_000_000_000);
const DAY: i64 = 86_400;

fn main() -> Result<(), Box<dyn Error>> {
    story::write(SITE, START, 60, networks().into_iter().chain(signs()).chain(tokens()))
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
