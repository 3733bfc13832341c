//! The rules, one by one.

use budget::{Act, State, Verdict, WAIT_MILLISECONDS_MAX};
use model::{
    Actor, Ceilings, DeviceId, EmergencyReason, EntryBody, EntryNumber, Evidence, Measure, Origin, PatientNumber,
    PersonId, Reaction, Role, SessionId, Span, What, Who, Whose,
};

use crate::site::{START, Site};

fn site() -> (Site, Who) {
    let mut site = Site::new();
    site.at(0, 10 * 3_600);
    let reader = site.person(0, Role::Radiologist, 0);
    (site, reader)
}

fn set(site: &mut Site, about: Whose, opened: u32, listed: u32) {
    let ceilings = Ceilings { opened_other: Some(opened), listed_other: Some(listed), ..Ceilings::default() };
    site.record(Actor::Owner, EntryBody::BudgetSet { about, ceilings });
}

/// Opens patients until something else than passing happens; how many were opened.
fn open_until(site: &mut Site, who: Who, patients: impl IntoIterator<Item = u32>, verdict: Verdict) -> u32 {
    let mut opened = 0;
    for patient in patients {
        match site.open(who, patient) {
            found if found == verdict => return opened,
            Verdict::Pass | Verdict::Wait { .. } => opened += 1,
            Verdict::Later { seconds } => site.now = site.now.plus_seconds(i64::from(seconds)),
            other => panic!("{other:?} after {opened}"),
        }
        site.now = site.now.plus_seconds(3);
    }
    panic!("{opened} were opened without {verdict:?}");
}

#[test]
fn ceilings_raise_where_any_limit_of_any_span_would_be_higher_or_gone() {
    let (mut site, reader) = site();
    let whose = Whose::from(reader);
    let opened = |opened_other| Ceilings { opened_other, ..Ceilings::default() };
    let raises = |site: &mut Site, whose, to: Ceilings| site.state.raises(whose, &to, site.now);
    // a radiologist's: 81 a day, 150 in 7 days, 331 in 28 days, and a touch before each
    assert!(!raises(&mut site, whose, Ceilings::default()), "nothing becomes different");
    assert!(!raises(&mut site, whose, opened(Some(30))));
    assert!(raises(&mut site, whose, opened(Some(60))), "less a day, and more in 7 days: 240");
    assert!(raises(&mut site, whose, opened(Some(Ceilings::NO_LIMIT))));
    set(&mut site, whose, 30, 100);
    let both = |opened, listed| Ceilings { listed_other: Some(listed), ..opened_of(opened) };
    assert!(!raises(&mut site, whose, both(29, 100)) && !raises(&mut site, whose, both(30, 100)));
    assert!(raises(&mut site, whose, both(31, 100)) && raises(&mut site, whose, both(29, 101)));
    assert!(raises(&mut site, whose, Ceilings::default()), "what was learned is higher");
    // of a group nothing is learned: a number by hand would keep it so
    let all = opened(Some(5));
    assert!(raises(&mut site, Whose::Site, all));
    site.record(Actor::Owner, EntryBody::BudgetSet { about: Whose::Site, ceilings: all });
    assert!(!raises(&mut site, Whose::Site, opened(Some(4))) && raises(&mut site, Whose::Site, Ceilings::default()));
    // asking changes nothing
    assert_eq!(site.state.ceilings(Whose::Site), all);
}

fn opened_of(opened: u32) -> Ceilings {
    Ceilings { opened_other: Some(opened), ..Ceilings::default() }
}

#[test]
fn reading_the_same_patients_again_costs_nothing() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 40, 40);
    for round in 0..20 {
        for patient in 0..10 {
            assert_eq!(site.open(reader, patient * 100), Verdict::Pass, "round {round}");
        }
    }
    let view = site.state.view(reader.into(), site.now);
    let row = view.rows.iter().find(|row| row.measure == Measure::OpenedOther && row.span == Span::Day).unwrap();
    assert_eq!(row.weight, 10);
}

#[test]
fn it_slows_then_asks_for_a_touch_then_stops_and_says_each_once() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 40, 1_000);
    let strangers = || (0..1_000).map(|n| n * 100);
    // the hour asks first, at three quarters; a sign-in answers for a shift
    let asked = open_until(&mut site, reader, strangers(), Verdict::Touch);
    assert_eq!(asked, 30);
    assert_eq!(site.open(reader, 77_777), Verdict::Touch, "it stays asked");
    assert!(matches!(site.open(reader, 100), Verdict::Pass), "who was read before may be read");
    site.now = site.now.plus_seconds(1);
    site.sign_in(reader);
    let more = open_until(&mut site, reader, strangers().skip(30), Verdict::Stop);
    assert_eq!(asked + more, 40);
    site.sign_in(reader);
    assert_eq!(site.open(reader, 99_000), Verdict::Stop, "a touch lifts no stop");
    site.at(3, 0);
    assert_eq!(site.open(reader, 99_000), Verdict::Stop, "nor does another day");
    let told: Vec<Reaction> = site.findings.iter().map(|(_, finding)| finding.reaction).collect();
    assert_eq!(told, [Reaction::Slowed, Reaction::Touch, Reaction::Stopped], "{:?}", site.findings);
    site.lift(reader.into());
    assert_eq!(site.open(reader, 99_000), Verdict::Pass);
    assert_eq!(site.state.stopped(reader.into()), []);
}

#[test]
fn stopped_reading_of_one_kind_leaves_due_patients_to_be_read() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 8, 1_000);
    for patient in 0..50 {
        site.store(patient, false);
    }
    site.sign_in(reader);
    let gone = (1_000..2_000).map(|n| n * 100);
    open_until(&mut site, reader, gone.clone(), Verdict::Touch);
    site.now = site.now.plus_seconds(1);
    site.sign_in(reader);
    open_until(&mut site, reader, gone.skip(6), Verdict::Stop);
    for patient in 0..50 {
        assert!(matches!(site.open(reader, patient), Verdict::Pass | Verdict::Wait { .. }), "{patient}");
    }
}

#[test]
fn an_import_makes_nobody_due_and_a_modality_does() {
    let (mut site, reader) = site();
    site.store(1, true);
    site.store(2, false);
    site.open(reader, 1);
    site.open(reader, 2);
    let view = site.state.view(reader.into(), site.now);
    let today = view.days.last().unwrap().patients;
    assert_eq!(today, [1, 1, 0, 0], "opened due, opened other");
    site.at(15, 0);
    site.store(3, false);
    site.at(40, 0);
    site.open(reader, 3);
    assert_eq!(
        site.state.view(reader.into(), site.now).days.last().unwrap().patients,
        [0, 1, 0, 0],
        "and not for ever"
    );
}

#[test]
fn names_that_a_relationship_names_are_never_counted() {
    let mut site = Site::new();
    let reader = site.person(0, Role::Referrer, 3);
    site.organisation(3);
    set(&mut site, reader.into(), 10, 10);
    for patient in 0..2_000 {
        let who = if patient % 2 == 0 { reader } else { Who::Organisation(model::OrganisationId(3)) };
        site.relate(who, What::Patient(PatientNumber(patient)));
    }
    for page in 0..10 {
        let names: Vec<u32> = (page * 200..page * 200 + 200).collect();
        assert_eq!(site.list(reader, &names), Verdict::Pass, "page {page}");
    }
    site.sign_in(reader);
    assert_eq!(site.list(reader, &(2_000..2_020).collect::<Vec<_>>()), Verdict::Stop, "others are");
}

#[test]
fn a_patient_an_officer_and_an_administrator_have_no_budget() {
    let mut site = Site::new();
    for (person, role) in
        [Role::Patient, Role::Officer, Role::Administrator, Role::OfficerAdministrator].into_iter().enumerate()
    {
        let who = site.person(person as u32, role, 0);
        for patient in 0..5_000 {
            assert_eq!(site.open(who, patient * 7), Verdict::Pass, "{role:?}");
        }
    }
}

#[test]
fn whoever_waits_waits_in_a_queue_and_never_long() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 400, 1_000);
    let mut waits = Vec::new();
    for patient in 0..290 {
        match site.open(reader, patient * 100) {
            Verdict::Wait { milliseconds } => waits.push(milliseconds),
            Verdict::Later { seconds } => {
                assert!(seconds <= 10, "{seconds}");
                site.now = site.now.plus_seconds(i64::from(seconds));
            }
            Verdict::Pass => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(waits.len() > 50, "{waits:?}");
    assert!(waits.iter().all(|wait| i64::from(*wait) <= 2 * WAIT_MILLISECONDS_MAX), "{waits:?}");
    // requests that come at once wait one after the other
    assert!(waits.windows(2).any(|pair| pair[0] < pair[1]), "{waits:?}");
}

#[test]
fn break_glass_is_counted_and_never_held_back() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 4, 4);
    for patient in 0..10 {
        site.open(reader, patient * 100);
    }
    assert_ne!(site.open(reader, 9_000), Verdict::Pass);
    let Who::Person(person) = reader else { panic!("a person") };
    let actor = Actor::Person { person, session: SessionId([7; 16]), origin: Origin::default() };
    let (patient, until) = (PatientNumber(9_000), site.now.plus_seconds(3_600));
    let reason = EmergencyReason::LifeThreatening;
    site.record(actor, EntryBody::BrokeGlass { patient, reason, text: "stroke".to_owned(), until });
    assert_eq!(site.open(reader, 9_000), Verdict::Pass);
    assert_ne!(site.open(reader, 9_100), Verdict::Pass, "one patient only");
    let view = site.state.view(reader.into(), site.now);
    assert_eq!(view.days.last().unwrap().patients, [0, 4, 0, 0], "three, and the one in the emergency");
}

#[test]
fn a_honey_patient_raises_at_once() {
    let (mut site, reader) = site();
    for patient in [500, 501, 502] {
        site.record(Actor::Owner, EntryBody::HoneyAdded { patient: PatientNumber(patient) });
    }
    assert_eq!(site.ask(reader, Act::List, &[500], true), Verdict::Pass, "an exact search is no walk");
    assert!(site.findings.is_empty());
    assert_eq!(site.list(reader, &[1, 2, 500, 3]), Verdict::Touch, "one name may be chance");
    assert_eq!(site.findings.len(), 1);
    site.now = site.now.plus_seconds(1);
    site.sign_in(reader);
    site.now = site.now.plus_seconds(1);
    assert!(matches!(site.list(reader, &[1, 2, 500, 3]), Verdict::Pass | Verdict::Wait { .. }));
    assert_eq!(site.findings.len(), 1, "and is told once");
    assert_eq!(site.list(reader, &[7, 501]), Verdict::Stop, "two are none");
    assert_eq!(site.open(reader, 8_000), Verdict::Stop);
    site.lift(reader.into());
    assert_eq!(site.open(reader, 502), Verdict::Stop, "nobody opens one");
    let honey: Vec<_> =
        site.findings.iter().filter(|(_, finding)| matches!(finding.evidence, Evidence::Honey { .. })).collect();
    assert_eq!(honey.len(), 3);
}

#[test]
fn a_device_is_not_asked_to_touch_and_a_machine_without_limits_is_only_noticed() {
    let mut site = Site::new();
    let device = site.device(5);
    set(&mut site, device.into(), 20, 20);
    assert_eq!(open_until(&mut site, device, (0..100).map(|n| n * 50), Verdict::Stop), 20);
    let none = Some(Ceilings::NO_LIMIT);
    let ceilings = Ceilings { opened_due: none, opened_other: none, listed_due: none, listed_other: none };
    site.record(Actor::Owner, EntryBody::BudgetSet { about: Whose::Device(DeviceId(5)), ceilings });
    site.lift(device.into());
    site.record(Actor::Owner, EntryBody::HoneyAdded { patient: PatientNumber(3) });
    site.findings.clear();
    for patient in 0..10_000 {
        assert_eq!(site.open(device, patient), Verdict::Pass);
    }
    let told: Vec<_> = site.findings.iter().map(|(_, finding)| (finding.about, finding.reaction)).collect();
    assert_eq!(told, [(Whose::Device(DeviceId(5)), Reaction::Noticed)]);
}

#[test]
fn what_a_replay_rebuilds_is_what_was_there() {
    let mut site = Site::with_entries();
    let readers: Vec<Who> = (0..4).map(|person| site.person(person, Role::Radiologist, 0)).collect();
    set(&mut site, Whose::Person(PersonId(1)), 15, 400);
    let mut dice = crate::dice::Dice::new(11);
    for day in 0..40 {
        for hour in [8, 9, 14] {
            site.at(day, hour * 3_600);
            for _ in 0..20 {
                site.store(dice.below(5_000), false);
                let (reader, patient) = (readers[dice.below(4) as usize], dice.below(5_000));
                site.open(reader, patient);
                site.list(reader, &[patient, patient + 1, patient + 2]);
            }
        }
        if day == 20 {
            site.sign_in(readers[1]);
            site.lift(readers[1].into());
        }
    }
    let mut again = State::since(START);
    for (number, entry) in (0..).zip(&site.entries) {
        again.apply(EntryNumber(number), entry);
    }
    assert!(!site.findings.is_empty());
    assert_eq!(again.findings(), site.state.findings());
    for whose in
        readers.iter().map(|who| Whose::from(*who)).chain([Whose::Site, Whose::Organisation(model::OrganisationId(0))])
    {
        let (before, after) = (site.state.view(whose, site.now), again.view(whose, site.now));
        assert_eq!(before.days, after.days, "{whose:?}");
        assert_eq!(before.stopped, after.stopped, "{whose:?}");
        assert_eq!(before.rows, after.rows, "{whose:?}");
    }
}

#[test]
fn findings_say_whose_and_are_acknowledged_by_number() {
    let (mut site, reader) = site();
    set(&mut site, reader.into(), 4, 4);
    for patient in 0..5 {
        site.open(reader, patient * 1_000);
    }
    let number = site.state.findings().first().unwrap().entry;
    let note = "asked her".to_owned();
    site.record(Actor::Owner, EntryBody::FindingAcknowledged { finding: number, note: note.clone() });
    assert_eq!(site.state.findings()[0].acknowledged, Some((site.now, note)));
}

#[test]
fn filing_studies_of_many_patients_under_one_makes_them_no_fewer() {
    let (mut site, reader) = site();
    let moved = |study: u32, from: u32, to: u32| EntryBody::Moved {
        study: model::StudyNumber(study),
        from: PatientNumber(from),
        to: PatientNumber(to),
        reason: "misfiled".to_owned(),
    };
    for victim in 0..30 {
        site.record(Actor::Owner, moved(victim, victim * 100, 9_999));
    }
    let (dummy, study) = ([9_999].into_iter().collect(), [7].into_iter().collect());
    assert_eq!(site.state.with_former(&dummy, &study).numbers(), [700, 9_999]);
    // a start counts the same from the ledger
    let Who::Person(person) = reader else { panic!("a person") };
    let actor = Actor::Person { person, session: SessionId([0; 16]), origin: Origin::default() };
    for study in (0..30).map(model::StudyNumber) {
        let (patient, scope, lease_until) = (PatientNumber(9_999), model::OpenScope::Images, site.now);
        site.record(actor.clone(), EntryBody::Opened { patient, study, scope, lease_until });
    }
    let view = site.state.view(reader.into(), site.now);
    let row = view.rows.iter().find(|row| row.measure == Measure::OpenedOther && row.span == Span::Day).unwrap();
    assert_eq!(row.weight, 31, "thirty, and the one whom they lay under");
}

#[test]
fn sharing_counts_as_opening_after_a_start_too() {
    let (mut site, reader) = site();
    let Who::Person(person) = reader else { panic!("a person") };
    let actor = Actor::Person { person, session: SessionId([0; 16]), origin: Origin::default() };
    for patient in 0..20 {
        let (study, until) = (model::StudyNumber(patient), site.now);
        let patient = PatientNumber(patient * 100);
        let body = if patient.0.is_multiple_of(200) {
            let (link, note) = (model::LinkId(patient.0), String::new());
            let (purpose, browsers) = (model::LinkFor::Outside, 3);
            EntryBody::LinkMade(model::LinkMade { link, patient, study, purpose, until, browsers, note })
        } else {
            let (colleague, reason) = (model::PersonId(77), "is this a fracture".to_owned());
            EntryBody::OpinionAsked(model::OpinionAsked { colleague, patient, study, until, reason })
        };
        site.record(actor.clone(), body);
    }
    let view = site.state.view(reader.into(), site.now);
    let row = view.rows.iter().find(|row| row.measure == Measure::OpenedOther && row.span == Span::Day).unwrap();
    assert_eq!(row.weight, 20);
}

#[test]
fn a_day_that_makes_far_more_patients_due_than_usual_is_told_once() {
    let (mut site, _) = site();
    let device = Actor::Device { device: DeviceId(9), origin: Origin::default() };
    let mut study = 0;
    let mut send = |site: &mut Site, patients: u32| {
        for patient in 0..patients {
            study += 1;
            let body = EntryBody::Stored {
                patient: PatientNumber(patient),
                study: model::StudyNumber(study),
                instances: 1,
                duplicates: 0,
                conflicts: 0,
                taken_in: site.now,
                outbox_sequence: u64::from(study),
            };
            site.record(device.clone(), body);
        }
    };
    for day in 0..10 {
        site.at(day, 9 * 3_600);
        send(&mut site, 80);
        assert_eq!(site.state.unusual_inflow(site.now), [], "day {day}");
    }
    site.at(10, 9 * 3_600);
    send(&mut site, 200);
    assert_eq!(site.state.unusual_inflow(site.now), [], "2.5 times as many are usual still");
    send(&mut site, 201);
    let found = site.state.unusual_inflow(site.now);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.about, &finding.evidence), (Whose::Site, &Evidence::Intake { patients: 201, high: 80 }));
    assert_eq!(site.state.unusual_inflow(site.now), [], "once a day");
}

#[test]
fn who_relates_very_many_patients_on_one_day_is_told() {
    let (mut site, reader) = site();
    let admin = PersonId(77);
    let actor = Actor::Person { person: admin, session: SessionId([0; 16]), origin: Origin::default() };
    let relate = |site: &mut Site, patient: u32| {
        let relationship = model::Relationship {
            who: reader,
            what: What::Patient(PatientNumber(patient)),
            tier: model::Tier::Open,
            window: model::Window { from: site.now, to: model::Instant::MAX },
            basis: "order".to_owned(),
            entry: EntryNumber(0),
        };
        site.record(actor.clone(), EntryBody::Related { relationship });
    };
    // the same again is nobody more
    (0..100).chain(0..100).for_each(|patient| relate(&mut site, patient));
    assert_eq!(site.state.unusual_inflow(site.now), []);
    relate(&mut site, 100);
    let found = site.state.unusual_inflow(site.now);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.about, Whose::Person(admin));
    assert_eq!(finding.evidence, Evidence::Related { patients: 101, limit: 100 });
    site.record(Actor::Warden, EntryBody::FindingRaised { finding: finding.clone() });
    assert_eq!(site.state.unusual_inflow(site.now), [], "once a day");
}
