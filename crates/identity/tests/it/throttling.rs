//! Slowing down who guesses, and not who is meant.

use identity::{SignInError, SignInReason};
use protocol::Refusal;

use crate::site::{DESK, EMAIL, GOOD_PASSWORD, Site};

const WRONG: &str = "another long password here";

#[track_caller]
fn wait(error: &SignInError) -> u32 {
    assert_eq!(error.reason, SignInReason::Throttled);
    let seconds = error.wait_seconds.unwrap();
    assert_eq!(Refusal::from(error), Refusal::Throttled { seconds });
    seconds
}

fn guess(site: &mut Site, origin: &str, email: &str) -> Option<u32> {
    let error = site.sign_in_from(origin, email, WRONG, "000000").unwrap_err();
    (error.reason == SignInReason::Throttled).then(|| wait(&error))
}

#[test]
fn after_five_wrong_tries_the_delay_doubles_up_to_fifteen_minutes() {
    let mut site = Site::new();
    site.anna();
    for _ in 0..5 {
        assert_eq!(guess(&mut site, DESK, EMAIL), None);
    }
    for delay in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
        assert_eq!(guess(&mut site, DESK, EMAIL), Some(delay));
        site.later(i64::from(delay) - 1);
        assert_eq!(guess(&mut site, DESK, EMAIL), Some(1));
        site.later(1);
        assert_eq!(guess(&mut site, DESK, EMAIL), None, "{delay}");
    }
}

#[test]
fn the_right_password_and_code_are_not_even_looked_at_during_a_delay() {
    let mut site = Site::new();
    let anna = site.anna();
    for _ in 0..5 {
        guess(&mut site, DESK, EMAIL);
    }
    let code = site.code(&anna);
    assert_eq!(wait(&site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap_err()), 2);
    site.later(2);
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    // and that forgives the account at this address
    for _ in 0..5 {
        assert_eq!(guess(&mut site, DESK, EMAIL), None);
    }
}

#[test]
fn names_that_are_not_ours_are_delayed_like_ours() {
    let mut ours = Site::new();
    ours.anna();
    let mut theirs = Site::new();
    for try_number in 0..12 {
        let delayed = guess(&mut ours, DESK, EMAIL);
        assert_eq!(guess(&mut theirs, DESK, "nobody@example.org"), delayed, "{try_number}");
        ours.later(2);
        theirs.later(2);
    }
}

#[test]
fn many_tries_begun_at_once_get_no_further_than_one_after_the_other() {
    let mut site = Site::new();
    site.anna();
    let origin = model::Origin(DESK.to_owned());
    let begun: Vec<_> = (0..50).filter_map(|_| site.people.begin_password(EMAIL, &origin, site.now).ok()).collect();
    assert_eq!(begun.len(), 5);
    // dropped without being finished, they count
    drop(begun);
    assert_eq!(guess(&mut site, DESK, EMAIL), Some(2));
}

#[test]
fn wrong_codes_count_as_wrong_passwords_do() {
    let mut site = Site::new();
    site.anna();
    for _ in 0..5 {
        assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, "wrong"), SignInReason::Code);
    }
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, "wrong"), SignInReason::Throttled);
}

#[test]
fn guessing_from_many_addresses_is_slowed_for_the_account() {
    let mut site = Site::new();
    site.anna();
    for number in 0..20 {
        assert_eq!(guess(&mut site, &format!("198.51.100.{number}"), EMAIL), None);
    }
    assert_eq!(guess(&mut site, "198.51.100.200", EMAIL), Some(1));
    for delay in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        site.later(delay);
        assert_eq!(guess(&mut site, &format!("198.51.100.{}", 100 + delay % 100), EMAIL), None, "{delay}");
    }
    // other accounts are not touched
    assert_eq!(guess(&mut site, "198.51.100.200", "other@example.org"), None);
}

#[test]
fn strangers_elsewhere_cannot_keep_a_person_out_of_their_usual_place() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    for number in 0..200 {
        guess(&mut site, &format!("198.51.100.{number}"), EMAIL);
        site.later(3);
    }
    assert!(guess(&mut site, "203.0.113.1", EMAIL).is_some());
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn a_place_is_known_for_ninety_days() {
    for (days, known) in [(89, true), (90, false)] {
        let mut site = Site::new();
        let anna = site.anna();
        let code = site.code(&anna);
        site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
        site.later(days * 24 * 60 * 60);
        for number in 0..25 {
            guess(&mut site, &format!("198.51.100.{number}"), EMAIL);
        }
        let code = site.code(&anna);
        assert_eq!(site.sign_in(EMAIL, GOOD_PASSWORD, &code).is_ok(), known, "{days}");
    }
}

#[test]
fn one_address_that_tries_many_accounts_is_slowed() {
    let mut site = Site::new();
    for number in 0..100 {
        assert_eq!(guess(&mut site, DESK, &format!("person{number}@example.org")), None);
    }
    assert_eq!(guess(&mut site, DESK, "person100@example.org"), Some(1));
    assert_eq!(guess(&mut site, "198.51.100.1", "person100@example.org"), None);
}

#[test]
fn an_account_of_ones_own_does_not_pay_for_guessing_at_others() {
    let mut site = Site::new();
    let anna = site.anna();
    let mut delayed = 0;
    for number in 0..150 {
        delayed += u32::from(guess(&mut site, DESK, &format!("person{number}@example.org")).is_some());
        if number % 20 == 19 {
            let code = site.code(&anna);
            let _ = site.sign_in(EMAIL, GOOD_PASSWORD, &code);
        }
    }
    assert!(delayed >= 40, "{delayed}");
}

#[test]
fn addresses_of_one_ipv6_network_are_one_address() {
    let mut site = Site::new();
    site.anna();
    for number in 0..5 {
        assert_eq!(guess(&mut site, &format!("2001:db8:1:2::{number}"), EMAIL), None);
    }
    assert_eq!(guess(&mut site, "2001:db8:1:2:ffff::1", EMAIL), Some(2));
    assert_eq!(guess(&mut site, "2001:db8:1:3::1", EMAIL), None);
    // an IPv4 address written as IPv6 is that IPv4 address
    let mut site = Site::new();
    for _ in 0..5 {
        assert_eq!(guess(&mut site, "192.0.2.7", EMAIL), None);
    }
    assert_eq!(guess(&mut site, "::ffff:192.0.2.7", EMAIL), Some(2));
}

#[test]
fn a_delay_stands_in_the_ledger_once() {
    let mut site = Site::new();
    site.anna();
    let mut recorded = 0;
    for _ in 0..100 {
        let error = site.sign_in(EMAIL, WRONG, "000000").unwrap_err();
        recorded += u32::from(error.entry.is_some());
    }
    assert_eq!(recorded, 6);
    site.later(2);
    for _ in 0..100 {
        let error = site.sign_in(EMAIL, WRONG, "000000").unwrap_err();
        recorded += u32::from(error.entry.is_some());
    }
    assert_eq!(recorded, 8);
}

#[test]
fn after_six_quiet_hours_the_count_starts_anew() {
    let mut site = Site::new();
    site.anna();
    for _ in 0..5 {
        guess(&mut site, DESK, EMAIL);
    }
    assert_eq!(guess(&mut site, DESK, EMAIL), Some(2));
    site.later(identity::THROTTLE_FORGET_SECONDS);
    site.people.sweep(site.now);
    for _ in 0..5 {
        assert_eq!(guess(&mut site, DESK, EMAIL), None);
    }
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_delay() {
    let mut site = Site::new();
    site.anna();
    for _ in 0..5 {
        guess(&mut site, DESK, EMAIL);
    }
    site.later(-1_000_000);
    assert_eq!(guess(&mut site, DESK, EMAIL), Some(2));
}
