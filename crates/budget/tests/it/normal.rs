//! A normal month: who is slowed, asked or stopped although nothing is wrong.

use model::Reaction;

use crate::month::Month;

/// Stops of a thousand person-days.
const FALSE_STOPS_MAX: f64 = 1.0;
/// Requests for a touch of a thousand person-days.
const TOUCHES_MAX: f64 = 5.0;

#[test]
fn a_normal_month_sees_fewer_than_one_false_stop_in_a_thousand_person_days() {
    for seed in [1, 2, 3] {
        let mut month = Month::new(seed);
        for (what, until) in [("first 28 days of a new site", 28), ("the 28 days after", 56)] {
            month.site.findings.clear();
            month.run_to(until);
            let (days, felt, touches, waits) = month.take_tally();
            let stops = month.site.volume_findings(Reaction::Stopped);
            let (slowed, noticed) =
                (month.site.volume_findings(Reaction::Slowed), month.site.volume_findings(Reaction::Noticed));
            let per_thousand = |count: f64| count * 1_000.0 / f64::from(days);
            println!(
                "seed {seed}, {what}: {days} person-days, {stops} stops (felt {felt} times), {touches} touches, {slowed} findings of \
                 slowing, {noticed} of groups, {waits} requests waited; {:.2} stops and {:.2} touches in 1,000 person-days",
                per_thousand(stops as f64),
                per_thousand(f64::from(touches)),
            );
            assert!(days > 4_000, "{days}");
            assert!(per_thousand(stops as f64) < FALSE_STOPS_MAX, "{stops} stops");
            assert!(per_thousand(f64::from(touches)) < TOUCHES_MAX, "{touches} touches");
        }
    }
}
