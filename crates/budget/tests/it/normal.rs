//! A normal month: who is slowed, asked or stopped although nothing is wrong.

use model::{Evidence, Reaction, Who, Whose};

use crate::month::{Habit, Month};

/// Stops of a thousand person-days.
const FALSE_STOPS_MAX: f64 = 1.0;
/// Requests for a touch of a thousand person-days.
const TOUCHES_MAX: f64 = 5.0;

#[test]
fn a_normal_month_sees_fewer_than_one_false_stop_in_a_thousand_person_days() {
    let per_thousand = |count: f64, days: u32| count * 1_000.0 / f64::from(days);
    let mut radiologists = (0, 0);
    for seed in [1, 2, 3] {
        let mut month = Month::new(seed);
        for (what, until) in [("first 28 days of a new site", 28), ("the 28 days after", 56), ("the third 28 days", 84)]
        {
            month.site.findings.clear();
            month.run_to(until);
            let (their_days, their_stops) = of_radiologists(&month);
            radiologists = (radiologists.0 + their_days, radiologists.1 + their_stops);
            let (days, felt, touches, waits) = month.take_tally();
            let stops = month.site.volume_findings(Reaction::Stopped);
            let (slowed, noticed) =
                (month.site.volume_findings(Reaction::Slowed), month.site.volume_findings(Reaction::Noticed));
            println!(
                "seed {seed}, {what}: {days} person-days, {stops} stops (felt {felt} times), {touches} touches, {slowed} findings of \
                 slowing, {noticed} of groups, {waits} requests waited; {:.2} stops and {:.2} touches in 1,000 person-days; \
                 radiologists alone: {their_days} person-days, {their_stops} stops",
                per_thousand(stops as f64, days),
                per_thousand(f64::from(touches), days),
            );
            assert!(days > 4_000, "{days}");
            assert!(per_thousand(stops as f64, days) < FALSE_STOPS_MAX, "{stops} stops");
            assert!(per_thousand(f64::from(touches), days) < TOUCHES_MAX, "{touches} touches");
        }
    }
    let (days, stops) = radiologists;
    let rate = per_thousand(f64::from(stops), days);
    println!("radiologists alone, all seeds: {days} person-days, {stops} stops; {rate:.2} in 1,000 person-days");
    assert!(days > 6_000, "{days}");
    assert!(rate < FALSE_STOPS_MAX, "{stops} stops in {days} person-days");
}

/// The days that the fifty radiologists worked, and their stops since findings were cleared, each once.
fn of_radiologists(month: &Month) -> (u32, u32) {
    let is_one = |who: Who| month.readers.iter().any(|reader| reader.who == who && reader.habit == Habit::Radiologist);
    let tallies = month.tallies.iter().filter(|(reader, _)| month.readers[**reader].habit == Habit::Radiologist);
    let stops = month.site.findings.iter().filter(|(_, finding)| {
        let volume = matches!(finding.evidence, Evidence::Volume(_)) && finding.reaction == Reaction::Stopped;
        volume && matches!(finding.about, Whose::Person(person) if is_one(Who::Person(person)))
    });
    (tallies.map(|(_, tally)| tally.days).sum(), stops.count() as u32)
}
