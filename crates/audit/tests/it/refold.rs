//! An auditor with a window's file and a copy of the ledger's files gets the report that the site gets.

use audit::{ExposureIndex, Ledger, LedgerKeys, Reader, RefoldError, refold};
use model::{
    Actor, DeviceId, DeviceMay, EntryBody, EntryNumber, Instant, OpenScope, OrganisationId, Origin, PatientNumber,
    PersonId, Relationship, Role, SECOND, SessionId, StudyNumber, Tier, What, Who, Window,
};
use seal::RootSecret;

use crate::site::{ORIGIN, Site, copy};

const DAY: i64 = 86_400;
/// 2025-11-24T00:00:00Z.
const MIDNIGHT: i64 = 1_763_942_400;

fn at(day: i64, second: i64) -> Instant {
    Instant((MIDNIGHT + day * DAY + second) * SECOND)
}

fn person(number: u32) -> Actor {
    let origin = Origin(format!("192.0.2.{number}"));
    Actor::Person { person: PersonId(number), session: SessionId([number as u8; 16]), origin }
}

fn related(who: Who, what: What, window: Window) -> EntryBody {
    let basis = "referral".to_owned();
    EntryBody::Related {
        relationship: Relationship { who, what, tier: Tier::Open, window, basis, entry: EntryNumber(0) },
    }
}

/// Five days: people and relationships of before, readings on every day, a membership that ends, a study that moves.
fn history(ledger: &Ledger) {
    let append = |actor: Actor, body: EntryBody, when: Instant| drop(ledger.append(vec![(actor, body)], when).unwrap());
    let (organisation, all) = (OrganisationId(0), Window { from: at(-9, 0), to: at(99, 0) });
    for n in 0..6 {
        let (email, name) = (format!("p{n}@example.org"), format!("P. {n}"));
        let role = if n == 5 { Role::Officer } else { Role::Referrer };
        append(Actor::Owner, EntryBody::PersonAdded { person: PersonId(n), email, name, role }, at(0, 10));
    }
    append(Actor::Owner, EntryBody::MemberJoined { person: PersonId(0), organisation }, at(0, 20));
    append(Actor::Owner, related(Who::Organisation(organisation), What::Patient(PatientNumber(1)), all), at(0, 30));
    append(Actor::Owner, related(Who::Person(PersonId(1)), What::Site, all), at(0, 40));
    append(
        Actor::Owner,
        related(Who::Person(PersonId(2)), What::Study(StudyNumber(3)), Window { from: at(1, 0), to: at(2, 900) }),
        at(0, 50),
    );
    append(
        Actor::Owner,
        related(Who::Person(PersonId(3)), What::Patient(PatientNumber(4)), Window { from: at(0, 0), to: at(1, 0) }),
        at(0, 60),
    );
    // people and devices whose reach ends or begins by an entry about themselves, before the windows
    for (n, role) in [(6, Role::Referrer), (7, Role::Officer), (8, Role::Radiologist)] {
        let (email, name) = (format!("p{n}@example.org"), format!("P. {n}"));
        append(Actor::Owner, EntryBody::PersonAdded { person: PersonId(n), email, name, role }, at(0, 70));
        append(Actor::Owner, related(Who::Person(PersonId(n)), What::Site, all), at(0, 71));
    }
    for device in [DeviceId(0), DeviceId(1)] {
        let may = vec![DeviceMay::List, DeviceMay::Open];
        let added = EntryBody::DeviceAdded { device, name: format!("d{}", device.0), organisation, may };
        append(Actor::Owner, added, at(0, 72));
        append(Actor::Owner, related(Who::Device(device), What::Site, all), at(0, 73));
    }
    for day in 0..5 {
        if day == 1 {
            let changed = |n, from, to| EntryBody::RoleChanged { person: PersonId(n), from, to };
            append(Actor::Owner, changed(6, Role::Referrer, Role::Officer), at(1, 5));
            append(Actor::Owner, changed(7, Role::Officer, Role::Referrer), at(1, 6));
            append(Actor::Owner, EntryBody::PersonClosed { person: PersonId(8) }, at(1, 7));
            append(Actor::Owner, EntryBody::DeviceRemoved { device: DeviceId(0) }, at(1, 8));
        }
        for n in 0..40u32 {
            let (patient, study) = (PatientNumber(n % 8), StudyNumber(n % 20));
            if day == 0 {
                let stored = EntryBody::Stored {
                    patient,
                    study,
                    instances: 1,
                    duplicates: 0,
                    conflicts: 0,
                    taken_in: at(0, 0),
                    outbox_sequence: u64::from(n),
                };
                append(Actor::Warden, stored, at(day, 1000 + i64::from(n)));
            }
            let when = at(day, DAY - 400 + i64::from(n) * 10 - 10);
            let lease_until = when.plus_seconds(300);
            let body = if n.is_multiple_of(3) {
                EntryBody::Listed { patients: (n % 8..8).collect(), studies: (n % 20..20).collect(), lease_until }
            } else {
                EntryBody::Opened { patient, study, scope: OpenScope::Images, lease_until }
            };
            append(person(n % 5), body, when);
        }
        if day == 1 {
            append(Actor::Owner, EntryBody::MemberLeft { person: PersonId(0), organisation }, at(2, 5));
            append(
                Actor::Owner,
                EntryBody::Moved {
                    study: StudyNumber(3),
                    from: PatientNumber(3),
                    to: PatientNumber(7),
                    reason: "wrong".into(),
                },
                at(2, 6),
            );
        }
    }
}

fn exported(ledger: &Ledger, window: Window) -> Vec<String> {
    let mut lines = vec![serde_json::to_string(&ledger.window(window).unwrap()).unwrap()];
    let mut next = Some(EntryNumber(0));
    while let Some(from) = next {
        let (shown, following) = ledger.shown(from, window).unwrap();
        lines.extend(shown.iter().map(|shown| serde_json::to_string(shown).unwrap()));
        next = following;
    }
    lines
}

#[test]
fn a_window_is_folded_again_to_the_same_report_without_the_sites_keys() {
    let site = Site::new();
    let (ledger, _) = site.open();
    history(&ledger);
    let mut index = ExposureIndex::default();
    for (number, entry) in ledger.read(EntryNumber(0), 10_000).unwrap() {
        index.apply(number, &entry);
    }
    let windows = [(at(2, 0), at(3, 0)), (at(2, 100), at(2, 200)), (at(0, 0), at(5, 0)), (at(4, 86_000), at(5, 3600))];
    let lines: Vec<_> = windows.iter().map(|(from, to)| exported(&ledger, Window { from: *from, to: *to })).collect();
    drop(ledger);
    let elsewhere = tempfile::tempdir().unwrap();
    let files = elsewhere.path().join("ledger");
    copy(&site.ledger(), &files);
    for ((from, to), lines) in windows.into_iter().zip(lines) {
        let window = Window { from, to };
        let folded = refold(&files, lines.iter().map(String::as_str)).unwrap();
        let mut reached = 0;
        let people = (0..9).map(|n| Who::Person(PersonId(n)));
        let devices = (0..2).map(|n| Who::Device(DeviceId(n)));
        for who in people.chain(devices).chain([Who::Organisation(OrganisationId(0))]) {
            let report = folded.index.report(who, window);
            reached += report.reachable.len() + report.opened.len();
            assert_eq!(report, index.report(who, window), "{who:?} in {window:?}");
        }
        assert!(reached > 0);
        assert_eq!(folded.names["person:p1@example.org"], Who::Person(PersonId(1)));
        // what was listed or opened on other days is not told, but for leases that reach in
        let told =
            lines[1..].iter().filter(|line| line.contains("\\\"opened\\\"") || line.contains("\\\"listed\\\"")).count();
        assert!(told < 40, "{told} readings of earlier days");
    }
}

#[test]
fn a_window_over_a_change_of_secrets_has_the_keys_of_both_for_each_day() {
    let site = Site::new();
    let (ledger, _) = site.open();
    history(&ledger);
    drop(ledger);
    // on the window's last day the site gets another root: the same signing key, another secret
    let (old, new) = (RootSecret::from_bytes(&[7; 32]), RootSecret::from_bytes(&[8; 32]));
    let keys = || {
        LedgerKeys::new(old.site_signing_key(), new.derive("ledger payload v1"))
            .with_former(vec![old.derive("ledger payload v1")])
    };
    let (ledger, replay) = Ledger::open(&site.ledger(), keys(), ORIGIN).unwrap();
    let before = replay.map(Result::unwrap).count() as u64;
    for n in 0..3 {
        let lease_until = at(5, 0);
        let body = EntryBody::Listed { patients: (n..8).collect(), studies: (n..20).collect(), lease_until };
        ledger.append(vec![(person(n), body)], at(4, DAY - 1)).unwrap();
    }
    let window = Window { from: at(3, 0), to: at(5, 0) };
    let lines = exported(&ledger, window);
    let mut index = ExposureIndex::default();
    for (number, entry) in ledger.read(EntryNumber(0), 10_000).unwrap() {
        index.apply(number, &entry);
    }
    drop(ledger);
    let header: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((header["version"].as_u64(), header["days"].as_array().unwrap().len()), (Some(2), 4));
    let folded = refold(&site.ledger(), lines.iter().map(String::as_str)).unwrap();
    assert_eq!(folded.opened, 40 * 2 + 3);
    for n in 0..5 {
        let who = Who::Person(PersonId(n));
        assert_eq!(folded.index.report(who, window), index.report(who, window));
    }
    // with the keys of one root alone an entry of the window stays shut; and the older root opens nothing of since
    let mut half = header.clone();
    half["version"] = 1.into();
    half["days"] = header["days"].as_array().unwrap().iter().step_by(2).cloned().collect();
    let half: Vec<String> = std::iter::once(half.to_string()).chain(lines[1..].iter().cloned()).collect();
    let refused = refold(&site.ledger(), half.iter().map(String::as_str)).map(|folded| folded.opened);
    assert!(matches!(refused, Err(RefoldError::Closed { .. })));
    let opens = |keys: LedgerKeys| {
        let mut reader = Reader::open(&site.ledger(), keys.payload_keys()).unwrap();
        let bundles = 0..reader.size().div_ceil(256);
        let all: Vec<_> = bundles.flat_map(|index| reader.bundle(index).unwrap()).collect();
        all.iter().filter(|(_, entry)| entry.is_ok()).count() as u64
    };
    assert_eq!(
        (opens(LedgerKeys::from_root(&old)), opens(LedgerKeys::from_root(&new)), opens(keys())),
        (before, 3, before + 3)
    );
}

#[test]
fn a_file_that_was_changed_is_refused() {
    let site = Site::new();
    let (ledger, _) = site.open();
    history(&ledger);
    let lines = exported(&ledger, Window { from: at(2, 0), to: at(3, 0) });
    drop(ledger);
    let fold = |lines: &[String]| refold(&site.ledger(), lines.iter().map(String::as_str)).map(|folded| folded.shown);
    assert!(fold(&lines).is_ok());
    let changed = |from: &str, to: &str| {
        let mut changed = lines.clone();
        let line = changed.iter_mut().skip(1).find(|line| line.contains(from)).unwrap();
        *line = line.replacen(from, to, 1);
        fold(&changed)
    };
    assert!(matches!(changed("referrer", "radiologist"), Err(RefoldError::Shown(_))));
    assert!(matches!(changed("\"salt\":\"", "\"salt\":\"00"), Err(RefoldError::Shown(_))));
    assert!(matches!(changed("\"number\":3", "\"number\":2"), Err(RefoldError::File { .. } | RefoldError::Shown(_))));
    assert!(matches!(fold(&lines[1..]), Err(RefoldError::File { line: 1 })));
    let mut other_key = lines.clone();
    let place = other_key[0].find("\"key\":\"").unwrap() + 7;
    let digit = if &other_key[0][place..=place] == "0" { "1" } else { "0" };
    other_key[0].replace_range(place..=place, digit);
    assert!(matches!(fold(&other_key), Err(RefoldError::Closed { .. })));
    let twice: Vec<_> = [&lines[..], &lines[1..]].concat();
    assert!(matches!(fold(&twice), Err(RefoldError::File { .. })));
    let elsewhere = Site::new();
    let (ledger, _) = elsewhere.open();
    drop(ledger);
    assert!(refold(&elsewhere.ledger(), lines.iter().map(String::as_str)).is_err());
}

/// A window's file of two days with days before and behind it, and what folds it.
fn two_days() -> (Site, Vec<String>, Window) {
    let site = Site::new();
    let (ledger, _) = site.open();
    history(&ledger);
    let window = Window { from: at(2, 0), to: at(4, 0) };
    let lines = exported(&ledger, window);
    (site, lines, window)
}

#[test]
fn an_entry_of_the_window_that_is_shown_hides_none_of_those_before_it() {
    let (site, mut lines, window) = two_days();
    // who exports knows the salts of all entries; a file for the day behind the window shows the window's last reading
    let (ledger, _) = site.open();
    let (shown, _) = ledger.shown(EntryNumber(0), Window { from: window.to, to: at(5, 0) }).unwrap();
    let high = shown.last().unwrap();
    let entry: model::Entry = serde_json::from_str(&high.entry).unwrap();
    assert!(window.contains(entry.recorded));
    drop(ledger);
    lines.push(serde_json::to_string(high).unwrap());
    match refold(&site.ledger(), lines.iter().map(String::as_str)) {
        Err(RefoldError::NotBefore(number)) => assert_eq!(number, high.number),
        other => panic!("{:?}", other.map(|folded| folded.opened)),
    }
}

#[test]
fn a_window_whose_days_and_keys_differ_is_refused() {
    let (site, lines, _) = two_days();
    let fold = |header: &serde_json::Value| {
        let lines: Vec<String> = std::iter::once(header.to_string()).chain(lines[1..].iter().cloned()).collect();
        refold(&site.ledger(), lines.iter().map(String::as_str)).map(|folded| folded.opened)
    };
    let header: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(header["days"].as_array().unwrap().len(), 2);
    assert!(fold(&header).unwrap() > 80);
    let mut changed = Vec::new();
    for missing in [0, 1] {
        let mut header = header.clone();
        header["days"].as_array_mut().unwrap().remove(missing);
        changed.push(header);
    }
    let mut twice = header.clone();
    let day = twice["days"][1].clone();
    twice["days"].as_array_mut().unwrap().push(day);
    changed.push(twice);
    for (edge, days) in [("to", 1), ("to", -1), ("from", 1), ("from", -1), ("from", 2), ("from", -40_000)] {
        let mut header = header.clone();
        let moved = header["window"][edge].as_i64().unwrap() + days * DAY * SECOND;
        header["window"][edge] = moved.into();
        changed.push(header);
    }
    for header in &changed {
        assert!(matches!(fold(header), Err(RefoldError::Days)), "{header}");
    }
}

#[test]
fn a_window_of_more_days_than_keys_are_given_for_is_not_exported() {
    let site = Site::new();
    let (ledger, _) = site.open();
    // 1900-01-01T00:00:00Z
    let from = Instant(-2_208_988_800 * SECOND);
    assert!(ledger.window(Window { from, to: at(3, 0) }).is_none());
    assert!(ledger.window(Window { from: Instant(0), to: at(3, 0) }).is_some());
}
