//! Harvests with leaked logins, as in the first incident: three accounts, two of clinics and one of a radiologist, all with a reach over
//! the whole site, so that budgets alone stand in the way. The tests print how many patients were gone and hold the numbers that
//! `docs/budgets.md` states.

use model::{Measure, Span, Whose};

use crate::month::{Habit, Harvest, Month, OLD_PATIENTS};

/// The day on which the harvest begins: the site has learned for six weeks.
const BEGIN: i32 = 42;
/// Within so many days the officer reads of it.
const FOUND_DAYS_MAX: i32 = 7;
/// And of the lowest.
const LOWEST_FOUND_DAYS_MAX: i32 = 21;
/// Past so many patients of one day about whom nothing is new the site stops, whoever reads.
const EVERYBODY_MAX: u32 = 1_500;

struct Case {
    name: &'static str,
    harvest: fn(u32) -> Harvest,
    days: i32,
    /// Whether the owners touch whenever they are asked: the harvester rides on it.
    touching: bool,
    /// Patients gone from all three accounts together at most.
    patients_max: usize,
}

const CASES: [Case; 9] = [
    Case {
        name: "fast, by number",
        harvest: |n| Harvest::Fast { from: n * 50_000 },
        days: 1,
        touching: false,
        patients_max: 160,
    },
    Case {
        name: "fast, by number, touched",
        harvest: |n| Harvest::Fast { from: n * 50_000 },
        days: 1,
        touching: true,
        patients_max: 360,
    },
    Case {
        name: "fast, anywhere",
        harvest: |_| Harvest::FastAnywhere { requests: 20_000 },
        days: 1,
        touching: false,
        patients_max: 160,
    },
    Case {
        name: "fast, anywhere, touched",
        harvest: |_| Harvest::FastAnywhere { requests: 20_000 },
        days: 1,
        touching: true,
        patients_max: 360,
    },
    Case {
        name: "names by pages",
        harvest: |n| Harvest::Names { from: n * 50_000 },
        days: 1,
        touching: false,
        patients_max: 1_000,
    },
    Case {
        name: "names by pages, touched",
        harvest: |n| Harvest::Names { from: n * 50_000 },
        days: 1,
        touching: true,
        patients_max: 2_600,
    },
    Case {
        name: "20 a day each",
        harvest: |_| Harvest::Slow { patients: 20 },
        days: 28,
        touching: false,
        patients_max: 150,
    },
    Case {
        name: "20 a day each, touched",
        harvest: |_| Harvest::Slow { patients: 20 },
        days: 28,
        touching: true,
        patients_max: 280,
    },
    Case {
        name: "20 a day each, around the clock, touched",
        harvest: |_| Harvest::AroundTheClock { patients: 20 },
        days: 28,
        touching: true,
        patients_max: 230,
    },
];

/// What passes no limit at which reading stops, for twelve weeks: it is told, nobody answers, and it goes on.
const LOW: [Case; 3] = [
    Case {
        name: "5 a day each, 12 weeks",
        harvest: |_| Harvest::Slow { patients: 5 },
        days: 84,
        touching: false,
        patients_max: 220,
    },
    Case {
        name: "5 a day each, 12 weeks, touched",
        harvest: |_| Harvest::Slow { patients: 5 },
        days: 84,
        touching: true,
        patients_max: 240,
    },
    Case {
        name: "a page of names a day each, 12 weeks, touched",
        harvest: |n| Harvest::NamesSlowly { from: n * 50_000 },
        days: 84,
        touching: true,
        patients_max: 8_000,
    },
];

/// So slow that the radiologist's own reading hides it: the other two are stopped.
const LOWEST: [Case; 1] = [Case {
    name: "3 a day each, 12 weeks, touched",
    harvest: |_| Harvest::Slow { patients: 3 },
    days: 84,
    touching: true,
    patients_max: 300,
}];

#[test]
fn three_leaked_logins_are_stopped_at_the_stated_numbers_of_patients() {
    play(&CASES, FOUND_DAYS_MAX, 0);
}

#[test]
fn low_and_slow_is_stopped_at_the_stated_numbers_of_patients_where_no_officer_answers() {
    play(&LOW, FOUND_DAYS_MAX, 2);
    play(&LOWEST, LOWEST_FOUND_DAYS_MAX, 2);
}

/// Plays cases, and holds how many are gone, until when it was told, and how many accounts stand stopped in the end.
fn play(cases: &[Case], found_days_max: i32, stopped_min: usize) {
    for seed in [1, 2] {
        let mut learned = Month::new(seed);
        learned.run_to(BEGIN);
        for case in cases {
            let mut month = learned.clone();
            prepare(&mut month, case.touching);
            let accounts = accounts(&month);
            month.harvests = accounts.iter().zip(0..).map(|(account, n)| (*account, (case.harvest)(n))).collect();
            month.run_to(BEGIN + case.days);
            let (gone, asked) = (month.harvested.len() + month.harvested_names.len(), month.asked);
            let (day, by_then) = month.found.map_or((-1, gone), |(day, gone)| (day - BEGIN, gone));
            let stopped = accounts.iter().filter(|account| is_stopped(&month, **account)).count();
            println!(
                "seed {seed}, {}: {gone} patients of {asked} asked for from three accounts, {stopped} of them stopped; found on day \
                 {day} after {by_then}",
                case.name
            );
            assert!(gone < asked, "{gone} of {asked} patients");
            assert!(gone <= case.patients_max, "{gone} patients");
            assert!(month.found.is_some_and(|(day, _)| day - BEGIN < found_days_max), "{:?}", month.found);
            assert!(stopped >= stopped_min, "{stopped} of three are stopped");
        }
    }
}

/// Whether an account reads nobody any more about whom nothing is new.
fn is_stopped(month: &Month, account: usize) -> bool {
    let stopped = month.site.state.stopped(month.readers[account].who.into());
    stopped.contains(&Measure::OpenedOther) || stopped.contains(&Measure::ListedOther)
}

#[test]
fn a_new_site_that_has_learned_nothing_stops_a_harvest_too() {
    let mut month = Month::new(5);
    month.run_to(2);
    prepare(&mut month, true);
    month.harvests =
        accounts(&month).iter().zip(0..).map(|(account, n)| (*account, Harvest::Fast { from: n * 50_000 })).collect();
    month.run_to(3);
    println!("a new site, fast: {} patients from three accounts", month.harvested.len());
    assert!(month.harvested.len() <= 300, "{}", month.harvested.len());
}

#[test]
fn who_harvests_only_patients_who_are_due_stays_within_what_the_owner_could_read() {
    let mut month = Month::new(6);
    month.run_to(BEGIN);
    prepare(&mut month, true);
    month.harvests = accounts(&month).iter().map(|account| (*account, Harvest::SlowDue { patients: 20 })).collect();
    month.run_to(BEGIN + 28);
    println!(
        "20 due patients a day each for 28 days: {} patients of {} asked for from three accounts, found {:?}",
        month.harvested.len(),
        month.asked,
        month.found
    );
    assert!(month.harvested.len() < month.asked && month.harvested.len() <= 1_100, "{}", month.harvested.len());
}

#[test]
fn who_acts_for_everybody_who_is_signed_in_is_stopped_by_the_budget_of_the_site() {
    let mut month = Month::new(7);
    month.run_to(BEGIN);
    prepare(&mut month, true);
    let doctors = |habit| matches!(habit, Habit::Radiologist | Habit::WardDoctor);
    let accounts = (0..month.readers.len()).filter(|account| doctors(month.readers[*account].habit));
    month.harvests = accounts.map(|account| (account, Harvest::FastAnywhere { requests: 600 })).collect();
    month.run_to(BEGIN + 1);
    let now = month.site.now;
    let view = month.site.state.view(Whose::Site, now);
    let row = view.rows.iter().find(|row| row.measure == Measure::OpenedOther && row.span == Span::Day).unwrap();
    println!(
        "{} logins at once, fast, everybody touches: {} patients in all; of those about whom nothing is new {} with the owners' own, the \
         site stops past {}",
        month.harvests.len(),
        month.harvested.len(),
        view.days.last().unwrap().patients[Measure::OpenedOther as usize],
        row.limit.stop
    );
    assert_eq!(month.site.state.stopped(Whose::Site), [Measure::OpenedOther], "nobody is kept from those who are due");
    assert!(row.weight <= row.limit.stop);
    assert!(row.limit.stop < EVERYBODY_MAX, "{}", row.limit.stop);
}

/// Two ward doctors' logins and a radiologist's.
pub fn accounts(month: &Month) -> [usize; 3] {
    let ward = month.reader(|habit| habit == Habit::WardDoctor);
    [ward, ward + 1, month.reader(|habit| habit == Habit::Radiologist)]
}

pub fn prepare(month: &mut Month, touching: bool) {
    month.touching = touching;
    month.lifting = false;
    month.site.findings.clear();
    month.found = None;
    assert!(month.patients >= OLD_PATIENTS);
}
