//! Exposure and reach, against an oracle that is written from the definition and looks at every single instant.

pub mod dice;
mod oracle;

use std::collections::BTreeSet;

use audit::{Exposure, ExposureIndex};
use model::{
    Actor, DeviceId, DiskId, Entry, EntryBody, EntryNumber, Instant, KeyId, LinkId, OpenScope, OrganisationId, Origin,
    PatientNumber, PersonId, SessionId, StudyNumber, Tier, What, Who, Window,
};

use dice::{Dice, END, history};
use oracle::{Moment, disk_oracle, filed_before, key_oracle, oracle, reads, session_oracle};

/// Histories tried; each is asked about every subject and several windows.
const HISTORIES: u64 = 1_000;

fn everybody() -> impl Iterator<Item = Who> {
    let people = (0..3).map(|n| Who::Person(PersonId(n)));
    let organisations = (0..2).map(|n| Who::Organisation(OrganisationId(n)));
    let devices = (0..2).map(|n| Who::Device(DeviceId(n)));
    people.chain(organisations).chain(devices).chain((0..2).map(|n| Who::Link(LinkId(n))))
}

fn index(history: &[(EntryNumber, Entry)]) -> ExposureIndex {
    let mut index = ExposureIndex::default();
    history.iter().for_each(|(number, entry)| index.apply(*number, entry));
    index
}

#[test]
fn a_lease_that_begins_on_a_clock_that_was_set_back_counts_as_long_as_it_runs() {
    let site = crate::site::Site::new();
    let (ledger, _) = site.open();
    let start = crate::site::START;
    // an hour ahead, then right again: entries go on at the later time
    ledger
        .append(vec![(Actor::Warden, EntryBody::PatientAdded { patient: PatientNumber(1) })], start.plus_seconds(3600))
        .unwrap();
    let person = PersonId(1);
    let actor = Actor::Person { person, session: SessionId([1; 16]), origin: Origin("192.0.2.1".to_owned()) };
    let body = EntryBody::Opened {
        patient: PatientNumber(1),
        study: StudyNumber(1),
        scope: OpenScope::Images,
        lease_until: start.plus_seconds(300),
    };
    let (number, entry) = ledger.append(vec![(actor, body)], start).unwrap().remove(0);
    assert_eq!(entry.recorded, start.plus_seconds(3600));
    let mut index = ExposureIndex::default();
    index.apply(number, &entry);
    let opened = |from: i64, to: i64| {
        let window = Window { from: entry.recorded.plus_seconds(from), to: entry.recorded.plus_seconds(to) };
        index.report(Who::Person(person), window).opened.len()
    };
    assert_eq!((opened(1, 2), opened(299, 300), opened(300, 301)), (1, 1, 0));
}

#[test]
fn a_report_is_what_looking_at_every_instant_finds() {
    let (mut reachable, mut listed, mut opened) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed);
        let history = history(&mut dice);
        let index = index(&history);
        let mut windows = vec![
            Window { from: Instant(-3), to: Instant(END + 10) },
            Window { from: Instant(5), to: Instant(5) },
            Window { from: Instant(9), to: Instant(3) },
        ];
        windows.extend((0..4).map(|_| dice.window()));
        // one instant long, at the times of entries
        windows.extend((0..3).map(|_| {
            let at = history[dice.roll(history.len() as u64) as usize].1.recorded;
            Window { from: at, to: Instant(at.0 + 1) }
        }));
        for who in everybody() {
            for window in &windows {
                let expected = oracle(&history, who, *window);
                assert_eq!(index.report(who, *window), expected, "seed {seed}, {who:?}, {window:?}");
                reachable += expected.reachable.len();
                listed += expected.listed_patients.len() + expected.listed_studies.len();
                opened += expected.opened.len();
            }
        }
    }
    // the histories are about something
    assert!(reachable > 6_000 && listed > 2_000 && opened > 1_000, "{reachable} {listed} {opened}");
}

#[test]
fn a_report_of_a_session_a_key_and_a_disk_is_what_looking_at_every_instant_finds() {
    let mut found = [[0; 3]; 3];
    let mut missing = 0;
    let mut released_keys = [0; 2];
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed ^ 0x5e55);
        let history = history(&mut dice);
        let index = index(&history);
        let mut count = |kind: usize, exposure: &Exposure| {
            found[kind][0] += exposure.reachable.len();
            found[kind][1] += exposure.listed_patients.len() + exposure.listed_studies.len();
            found[kind][2] += exposure.opened.len();
        };
        for window in [Window { from: Instant(-3), to: Instant(END + 10) }, dice.window(), dice.window(), dice.window()]
        {
            for session in (0..7).map(|n| SessionId([n; 16])) {
                let expected = session_oracle(&history, session, window);
                let report = index.session(session).map(|session| index.report_session(&session, window));
                assert_eq!(report, expected, "seed {seed}, {session:?}, {window:?}");
                match &expected {
                    Some(expected) => count(0, expected),
                    None => missing += 1,
                }
            }
            for key in (0..5).map(|n| KeyId([n; 16])) {
                let expected = key_oracle(&history, key, window);
                let report = index.key(key).map(|key| index.report_key(key, window));
                assert_eq!(report, expected, "seed {seed}, {key:?}, {window:?}");
                let all = Window { from: Instant(i64::MIN), to: Instant::MAX };
                let releases = index.key(key).map_or(0, |key| index.releases_of_key(key, all).len());
                let openings = index.key(key).map_or(0, |key| {
                    let whole = index.report_key(key, all);
                    // each counts once for every patient whom the study was ever filed under
                    let filed = !filed_before(&history, key.study, Instant::MAX).is_empty();
                    let opened = || whole.opened.values().map(|touch| touch.entries);
                    let opened = if filed { opened().max().unwrap_or_default() } else { opened().sum() };
                    opened + whole.listed_studies.values().map(|touch| touch.entries).sum::<u64>()
                });
                assert_eq!(releases as u64, openings, "seed {seed}, {key:?}");
                match &expected {
                    Some(expected) => count(1, expected),
                    None => missing += 1,
                }
            }
            for disk in (0..4).map(|n| DiskId([n; 16])) {
                let expected = disk_oracle(&history, disk, window);
                let report = index.disk(disk).map(|disk| index.report_disk(disk, window));
                assert_eq!(report, expected, "seed {seed}, {disk:?}, {window:?}");
                let keys = index.disk(disk).map(|disk| index.keys_of_disk(disk, window).keys).unwrap_or_default();
                for row in keys {
                    let until = Window { from: Instant(i64::MIN), to: window.to };
                    let mut releases = index.releases_of_key(row.filed, until).into_iter();
                    let released = releases.any(|release| release.tier == Tier::Open);
                    assert_eq!(row.released, released, "seed {seed}, {disk:?}, {row:?}, {window:?}");
                    released_keys[usize::from(released)] += 1;
                }
                match &expected {
                    Some(expected) => count(2, expected),
                    None => missing += 1,
                }
            }
        }
    }
    assert!(found.iter().flatten().all(|count| *count > 500) && missing > 500, "{found:?} {missing}");
    assert!(released_keys.iter().all(|count| *count > 100), "never released, released: {released_keys:?}");
}

#[test]
fn what_may_be_reached_now_is_what_the_instant_says() {
    for seed in 0..HISTORIES {
        let mut dice = Dice::new(seed ^ 0xbeef);
        let history = history(&mut dice);
        let mut index = ExposureIndex::default();
        for (position, (number, entry)) in history.iter().enumerate() {
            index.apply(*number, entry);
            // asked between entries, as a warden does, and about the past
            for at in [entry.recorded, Instant(entry.recorded.0 + 3), Instant(END + 5), Instant(2)] {
                let who = dice.who();
                // what is not recorded yet cannot be known, whatever its time
                let moment = Moment::new(&history[..=position], at);
                let expected = moment.reachable(who);
                let now = index.reach().reachable(who, at);
                for study in (0..5).map(StudyNumber) {
                    let filed = moment.filed_under(study);
                    assert_eq!(index.reach().filed_under(study, at), filed, "seed {seed}");
                    let Some(patient) = filed else { continue };
                    let ground = now.ground(patient, study);
                    let tier = ground.map(|ground| ground.tier);
                    assert_eq!(tier, expected.get(&(patient, study)).copied(), "seed {seed}, {who:?} at {at:?}");
                    assert_eq!(index.reach().may(who, patient, study, at).as_ref(), ground);
                    if let Some(ground) = ground {
                        let live = moment.live(who);
                        let held = live.iter().find(|(held, _)| held.entry == ground.entry).unwrap();
                        assert_eq!(*ground.basis, *held.0.basis);
                        assert!(at < ground.until && ground.until <= held.0.window.to);
                    }
                }
                let live = moment.live(who);
                let patients = live.iter().filter(|(held, _)| matches!(held.what, What::Patient(_)));
                let patients: BTreeSet<_> = patients.map(|(held, _)| format!("{:?}", held.what)).collect();
                let named = now.patients().map(|(patient, _)| format!("{:?}", What::Patient(patient)));
                assert_eq!(named.collect::<BTreeSet<_>>(), patients, "seed {seed}");
                assert_eq!(now.site().is_some(), live.iter().any(|(held, _)| held.what == What::Site), "seed {seed}");
                assert_eq!(now.is_empty(), live.is_empty());
            }
        }
    }
}

#[test]
fn the_accesses_of_a_patient_are_every_entry_that_touched_them() {
    for seed in 0..HISTORIES {
        let history = history(&mut Dice::new(seed ^ 0xacce55));
        let index = index(&history);
        for patient in (0..5).map(PatientNumber) {
            let moved = |study: &StudyNumber| {
                let filed = filed_before(&history, *study, Instant::MAX);
                filed.contains(&patient) && filed.len() > 1
            };
            let moved: Vec<_> = (0..5).map(StudyNumber).filter(moved).collect();
            let expected: Vec<EntryNumber> = history
                .iter()
                .filter(|(_, entry)| reads(entry))
                .filter(|(_, entry)| match &entry.body {
                    EntryBody::Listed { patients, studies, .. } => {
                        patients.contains(patient.0) || moved.iter().any(|study| studies.contains(study.0))
                    }
                    EntryBody::Opened { patient: opened, study, .. } => *opened == patient || moved.contains(study),
                    _ => false,
                })
                .map(|(number, _)| *number)
                .collect();
            let accesses = index.accesses_of(patient);
            assert_eq!(accesses.iter().map(|access| access.entry).collect::<Vec<_>>(), expected, "seed {seed}");
            for access in accesses {
                let entry = &history[access.entry.0 as usize].1;
                assert_eq!((access.recorded, entry.body.released()), (entry.recorded, Some(access.tier)));
                assert_eq!(access.study.is_some(), matches!(entry.body, EntryBody::Opened { .. }));
            }
        }
    }
}

#[test]
fn a_timeline_counts_in_each_part_what_a_report_of_the_part_counts() {
    for seed in 0..HISTORIES / 3 {
        let mut dice = Dice::new(seed ^ 0x71e);
        let history = history(&mut dice);
        let index = index(&history);
        for _ in 0..12 {
            let (who, window, parts) = (dice.who(), dice.window(), 1 + dice.roll(20) as u32);
            let timeline = index.timeline(who, window, parts);
            if window.from >= window.to {
                assert_eq!(timeline, [], "seed {seed}");
                continue;
            }
            assert_eq!(timeline.len(), parts as usize);
            assert_eq!((timeline[0].window.from, timeline[parts as usize - 1].window.to), (window.from, window.to));
            assert!(timeline.windows(2).all(|pair| pair[0].window.to == pair[1].window.from));
            for part in timeline {
                let report = index.report(who, part.window);
                let opened: BTreeSet<_> = report.opened.keys().map(|(patient, _)| patient).collect();
                let counts = (report.listed_patients.len() as u32, opened.len() as u32);
                assert_eq!((part.listed, part.opened), counts, "seed {seed}, {who:?}, {:?}", part.window);
            }
        }
    }
    assert_eq!(index(&[]).timeline(Who::Person(PersonId(0)), Window { from: Instant(0), to: Instant(1) }, 0), []);
}
