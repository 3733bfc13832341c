//! Passwords that others know: refused, replaced at sign-in, locked when a dump has them.

use identity::{EnrolmentError, People, SignInReason, reasons};
use model::{EntryBody, Origin};

use crate::site::{EMAIL, GOOD_PASSWORD, KEY, Site, kinds};

const BROWSER: &str = "a browser";
const ANOTHER: &str = "teekanne wolke 77 schiene";

fn known(password: &str) -> bool {
    password == GOOD_PASSWORD
}

#[test]
fn a_known_password_is_not_set_and_says_why() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let token = site.link(person);
    let setting = site.people.password_setting(&token, site.now, &mut site.random).unwrap();
    let estimate = setting.estimate_against(GOOD_PASSWORD, &known);
    assert_eq!((estimate.accepted, estimate.score, estimate.reasons[0].as_str()), (false, 0, reasons::LEAKED));
    assert!(!estimate.reasons.iter().any(|reason| reason == reasons::FINE));
    assert!(setting.estimate_against(ANOTHER, &known).accepted);
    let refused = setting.hash_against(GOOD_PASSWORD, &known).unwrap_err();
    assert_eq!(refused, EnrolmentError::Password { reasons: vec![reasons::LEAKED.to_owned()] });
    let setting = site.people.password_setting(&token, site.now, &mut site.random).unwrap();
    assert!(setting.hash_against(ANOTHER, &known).is_ok());
}

#[test]
fn a_known_password_opens_the_choice_of_another_and_no_session() {
    let mut site = Site::new();
    let anna = site.anna();
    let before = site.sign_in(EMAIL, GOOD_PASSWORD, &site.code(&anna)).unwrap().value;
    site.later(30);
    let desk = Origin("192.0.2.1".to_owned());
    // only the right code goes on
    let check = site.people.begin_password(EMAIL, &desk, site.now).unwrap();
    let verified = check.verify_against(GOOD_PASSWORD, &known);
    assert!(verified.is_known());
    let error = site.people.finish_known_password(verified, "000000", site.now, &mut site.random).unwrap_err();
    assert_eq!(error.reason, SignInReason::Code);
    // the wrong password is not known, whatever the lists say
    let check = site.people.begin_password(EMAIL, &desk, site.now).unwrap();
    assert!(!check.verify_against(ANOTHER, &|_| true).is_known());
    // and who goes the other way gets no session
    let check = site.people.begin_password(EMAIL, &desk, site.now).unwrap();
    let verified = check.verify_against(GOOD_PASSWORD, &known);
    let code = site.code(&anna);
    let error = site.people.finish_password(verified, &code, KEY, BROWSER, site.now, &mut site.random).unwrap_err();
    assert_eq!(error.reason, SignInReason::Leaked);
    let check = site.people.begin_password(EMAIL, &desk, site.now).unwrap();
    let verified = check.verify_against(GOOD_PASSWORD, &known);
    let changed = site.people.finish_known_password(verified, &code, site.now, &mut site.random).unwrap();
    assert_eq!(kinds(&changed.entries), ["leaked-password-used", "session-ended", "enrolment-issued"]);
    assert!(site.people.look_at_session(&before.token, site.now).is_err());
    assert_eq!(changed.value.until, site.now.plus_seconds(identity::KNOWN_PASSWORD_LINK_SECONDS));
    assert!(site.people.password_setting(&changed.value.token, site.now, &mut site.random).is_ok());
    assert!(site.people.person_rows()[0].locked.is_none(), "never a lock");
}

#[test]
fn a_found_password_locks_passkeys_and_password_until_a_link_was_used() {
    let mut site = Site::new();
    let anna = site.anna();
    let link = site.link(anna.person);
    site.sign_in(EMAIL, GOOD_PASSWORD, &site.code(&anna)).unwrap();
    let stored = site.people.stored_password(anna.person).unwrap();
    assert!(stored.found(ANOTHER).is_none() && stored.found("").is_none());
    let found = stored.found(GOOD_PASSWORD).unwrap();
    let changed = site.people.lock(&found, 3, site.now).unwrap();
    assert_eq!(kinds(&changed.entries), ["session-ended", "account-locked"]);
    assert_eq!(changed.entries[1], EntryBody::AccountLocked { person: anna.person, incident: 3 });
    assert_eq!(site.people.person_rows()[0].locked, Some(site.now));
    assert!(site.people.password_setting(&link, site.now, &mut site.random).is_err(), "older links are void");
    site.later(30);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &site.code(&anna)), SignInReason::Password);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &anna.recovery_codes[0]), SignInReason::Password);
    assert!(site.people.lock(&found, 4, site.now).is_none() && site.people.stored_password(anna.person).is_none());
    // what is written and read again is locked, too
    let records = site.people.take_dirty();
    let settings = site.people.settings().clone();
    let read = People::load(settings, records.into_iter().filter(|record| !record.is_tombstone())).unwrap();
    assert_eq!(read.person_rows()[0].locked, site.people.person_rows()[0].locked);
    // a link that is handed over ends it
    let anna = site.enrol_password(anna.person, ANOTHER).unwrap();
    assert!(site.people.person_rows()[0].locked.is_none());
    site.sign_in(EMAIL, ANOTHER, &site.code(&anna)).unwrap();
}

#[test]
fn a_password_that_was_replaced_while_it_was_verified_locks_nobody() {
    let mut site = Site::new();
    let anna = site.anna();
    let found = site.people.stored_password(anna.person).unwrap().found(GOOD_PASSWORD).unwrap();
    site.enrol_password(anna.person, ANOTHER).unwrap();
    assert!(site.people.lock(&found, 1, site.now).is_none());
}
