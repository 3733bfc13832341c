//! What an officer was told and did not answer.

use budget::{State, Verdict};
use model::{
    Actor, Ceilings, EmergencyReason, EntryBody, EntryNumber, Evidence, Measure, Origin, PatientNumber, Reaction, Role,
    SessionId, Span, Who,
};

use crate::site::{START, Site};

/// For so many days a reader opens two patients a day: one who is due, and one about whom nothing is new.
const HABIT_DAYS: i32 = 49;
/// Three a day in 7 days are told, and pass no limit at which reading stops.
const HARVEST_A_DAY: u32 = 3;

fn learned() -> (Site, Who) {
    let mut site = Site::with_entries();
    let reader = site.person(0, Role::Referrer, 0);
    for day in 0..HABIT_DAYS {
        site.at(day, 10 * 3_600);
        assert_eq!(site.open(reader, 1_000 * day as u32), Verdict::Pass);
        site.store(60_000 + day as u32, false);
        assert_eq!(site.open(reader, 60_000 + day as u32), Verdict::Pass);
    }
    (site, reader)
}

/// One more patient, with a touch when it is asked for.
fn open(site: &mut Site, reader: Who, patient: u32) -> Verdict {
    site.now = site.now.plus_seconds(60);
    let verdict = site.open(reader, patient);
    if verdict != Verdict::Touch {
        return verdict;
    }
    site.now = site.now.plus_seconds(1);
    site.sign_in(reader);
    site.now = site.now.plus_seconds(1);
    site.open(reader, patient)
}

/// A day of a harvest; whether it was stopped.
fn harvest(site: &mut Site, reader: Who, day: i32) -> bool {
    site.at(day, 10 * 3_600);
    (0..HARVEST_A_DAY).any(|n| open(site, reader, 100_000 + 1_000 * (day as u32 * 10 + n)) == Verdict::Stop)
}

/// Days until something was told over 7 days, and until it stopped.
fn until_stopped(site: &mut Site, reader: Who, answer: bool) -> (Option<i32>, Option<i32>) {
    let mut told = None;
    for day in HABIT_DAYS..HABIT_DAYS + 21 {
        if harvest(site, reader, day) {
            return (told, Some(day));
        }
        let over_days = |evidence: &Evidence| matches!(evidence, Evidence::Volume(of) if of.span == Span::Week);
        if told.is_none() && site.findings.iter().any(|(_, finding)| over_days(&finding.evidence)) {
            told = Some(day);
        }
        let open = site.state.findings().iter().filter(|found| found.acknowledged.is_none());
        let entries: Vec<EntryNumber> = open.map(|found| found.entry).collect();
        for finding in entries.into_iter().filter(|_| answer) {
            let note = "a study of his own".to_owned();
            site.record(Actor::Owner, EntryBody::FindingAcknowledged { finding, note });
        }
    }
    (told, None)
}

#[test]
fn what_no_officer_answers_within_seven_days_stops_where_it_goes_on() {
    let (mut site, reader) = learned();
    let (told, stopped) = until_stopped(&mut site, reader, false);
    let (Some(told), Some(stopped)) = (told, stopped) else { panic!("told {told:?}, stopped {stopped:?}") };
    assert_eq!(stopped - told, 7, "told on day {told}");
    assert_eq!(site.state.stopped(reader.into()), [Measure::OpenedOther]);
    let last = &site.findings.last().unwrap().1;
    assert_eq!(last.reaction, Reaction::Stopped);
    assert!(
        matches!(&last.evidence, Evidence::Volume(of) if of.span == Span::Week && of.weight == of.limit + 1),
        "{last:?}"
    );
    // whom it leaves to be read: those who are due, those read lately, and an emergency
    site.store(8_888, false);
    assert!(matches!(site.open(reader, 8_888), Verdict::Pass | Verdict::Wait { .. }));
    assert_eq!(site.open(reader, 1_000 * (HABIT_DAYS as u32 - 1)), Verdict::Pass);
    let Who::Person(person) = reader else { panic!("a person") };
    let actor = Actor::Person { person, session: SessionId([7; 16]), origin: Origin::default() };
    let (patient, until) = (PatientNumber(9_999_000), site.now.plus_seconds(3_600));
    let (reason, text) = (EmergencyReason::LifeThreatening, "stroke".to_owned());
    site.record(actor, EntryBody::BrokeGlass { patient, reason, text, until });
    assert_eq!(site.open(reader, 9_999_000), Verdict::Pass);
    // neither a touch nor another day ends it, an officer does
    site.at(stopped + 3, 10 * 3_600);
    site.sign_in(reader);
    assert_eq!(site.open(reader, 9_998_000), Verdict::Stop);
    site.lift(reader.into());
    assert_eq!(site.open(reader, 9_998_000), Verdict::Pass);
}

#[test]
fn what_an_officer_answers_goes_on() {
    let (mut site, reader) = learned();
    let (told, stopped) = until_stopped(&mut site, reader, true);
    assert!(told.is_some() && stopped.is_none(), "told {told:?}, stopped {stopped:?}");
}

#[test]
fn a_restart_forgets_neither_what_waits_for_an_officer_nor_since_when() {
    let (mut site, reader) = learned();
    let (_, stopped) = until_stopped(&mut site, reader, false);
    let before: Vec<_> = {
        let begin = START.plus_seconds(i64::from(stopped.unwrap()) * 86_400);
        site.entries.iter().filter(|entry| entry.recorded < begin).cloned().collect()
    };
    let mut again = Site::with_entries();
    again.state = State::since(site.now);
    for entry in before {
        again.now = entry.recorded;
        again.record(entry.actor, entry.body);
    }
    assert_eq!(again.state.stopped(reader.into()), []);
    assert!(harvest(&mut again, reader, stopped.unwrap()), "it stops on the same day");
    assert_eq!(again.state.stopped(reader.into()), site.state.stopped(reader.into()));
}

#[test]
fn a_slow_harvest_is_not_learned_while_it_lasts() {
    let (mut site, reader) = learned();
    let month = |site: &mut Site| {
        let view = site.state.view(reader.into(), site.now);
        let row = view.rows.iter().find(|row| row.measure == Measure::OpenedOther && row.span == Span::Month).copied();
        row.unwrap().limit
    };
    let before = month(&mut site);
    // two a day are told of nobody for a while
    for day in HABIT_DAYS..HABIT_DAYS + 14 {
        site.at(day, 11 * 3_600);
        for n in 0..2 {
            open(&mut site, reader, 500_000 + 1_000 * (day as u32 * 2 + n));
        }
    }
    assert_eq!(site.findings, []);
    assert_eq!(month(&mut site), before);
}

#[test]
fn a_ceiling_by_hand_takes_two_persons_where_it_lets_read_more_than_what_waits_for_an_officer() {
    let (mut site, reader) = learned();
    let ceilings = |opened| Ceilings { opened_other: Some(opened), ..Ceilings::default() };
    // 19 in 7 days are told; a ceiling of 5 a day stops past 20 of them, and waits for nobody
    assert!(!site.state.raises(reader.into(), &ceilings(4), site.now));
    assert!(site.state.raises(reader.into(), &ceilings(5), site.now));
}
