//! Passwords that others know: refused, replaced at sign-in, locked when a dump has them.

use identity::{Changed, EnrolmentError, EnrolmentLink, People, SignInError, SignInReason, reasons};
use model::{AuthenticatorRule, EntryBody, Origin};

use crate::site::{EMAIL, GOOD_PASSWORD, KEY, Site, WithPassword, kinds};

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

/// Signs in with the known password and a code of the moment.
fn choose(site: &mut Site, anna: &WithPassword) -> Result<Changed<EnrolmentLink>, SignInError> {
    let check = site.people.begin_password(EMAIL, &Origin("192.0.2.1".to_owned()), site.now).unwrap();
    let verified = check.verify_against(GOOD_PASSWORD, &known);
    site.people.finish_known_password(verified, &site.code(anna), site.now, &mut site.random)
}

/// Gives another password; the name of the ceremony that waits for a code, and the secret that is shown.
fn another(site: &mut Site, token: &str) -> (String, String) {
    let setting = site.people.password_setting(token, site.now, &mut site.random).unwrap();
    let hashed = setting.hash_against(ANOTHER, &known).unwrap();
    let begun = site.people.begin_password_enrolment(hashed, site.now, &mut site.random).unwrap();
    (begun.ceremony, [begun.secret, begun.uri, begun.qr_svg].concat())
}

#[test]
fn the_choice_of_another_password_sets_a_password_by_a_further_code_and_binds_nothing() {
    let mut site = Site::new();
    let anna = site.anna();
    let token = choose(&mut site, &anna).unwrap().value.token;
    assert!(site.people.enrolment_for(&token, site.now).unwrap().only_password);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random);
    assert_eq!(begun.unwrap_err(), EnrolmentError::OnlyPassword);
    let finished = site.people.finish_passkey_enrolment(&token, "", "{}", "mine", site.now);
    assert_eq!(finished.unwrap_err(), EnrolmentError::OnlyPassword);
    let (ceremony, shown) = another(&mut site, &token);
    assert_eq!(shown, "", "no new secret");
    let code = site.code(&anna);
    let again = site.people.finish_password_enrolment(&token, &ceremony, &code, site.now, &mut site.random);
    assert_eq!(again.unwrap_err(), EnrolmentError::Code, "the code of the sign-in is used up");
    site.later(30);
    let code = site.code(&anna);
    let done = site.people.finish_password_enrolment(&token, &ceremony, &code, site.now, &mut site.random).unwrap();
    assert_eq!((kinds(&done.entries), done.value.codes.len()), (vec!["password-set".to_owned()], 0));
    assert_eq!(site.refused(EMAIL, ANOTHER, &code), SignInReason::CodeReplayed, "and so is this one");
    site.sign_in(EMAIL, ANOTHER, &anna.recovery_codes[0]).unwrap();
    site.later(30);
    site.sign_in(EMAIL, ANOTHER, &site.code(&anna)).unwrap();
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &anna.recovery_codes[1]), SignInReason::Password);
    assert!(site.people.enrolment_for(&token, site.now).is_err(), "once");
}

#[test]
fn five_wrong_codes_cost_the_choice_however_often_it_is_begun() {
    let mut site = Site::new();
    let anna = site.anna();
    let token = choose(&mut site, &anna).unwrap().value.token;
    for _ in 0..5 {
        let (ceremony, _) = another(&mut site, &token);
        let wrong = site.people.finish_password_enrolment(&token, &ceremony, "000000", site.now, &mut site.random);
        assert_eq!(wrong.unwrap_err(), EnrolmentError::Code);
    }
    assert_eq!(site.people.enrolment_for(&token, site.now).unwrap_err(), EnrolmentError::Link);
}

#[test]
fn the_choice_of_another_password_voids_no_link_that_replaces_what_was_lost() {
    let mut site = Site::new();
    let anna = site.anna();
    let reset = site.people.issue_reset(anna.person, site.now, &mut site.random).unwrap().value;
    assert_eq!(choose(&mut site, &anna).unwrap_err().reason, SignInReason::Leaked);
    assert!(site.people.enrolment_for(&reset.token, site.now).unwrap().replaces);
    // when it has run out there is nothing to void
    site.now = reset.until;
    assert!(choose(&mut site, &anna).is_ok());
}

#[test]
fn a_found_password_that_signs_nobody_in_any_more_goes_and_nobody_is_locked() {
    let mut site = Site::new();
    let anna = site.anna();
    let until = site.now.plus_seconds(60);
    let sunset = AuthenticatorRule { password_until: Some(until), ..Default::default() };
    site.people.set_rule(site.relaxed, sunset, None, site.now).unwrap();
    let found = site.people.stored_password(anna.person).unwrap().found(GOOD_PASSWORD).unwrap();
    assert!(!site.people.forget_unused(&found, site.now), "it still signs in");
    site.now = until;
    assert!(site.people.forget_unused(&found, site.now));
    assert!(site.people.stored_password(anna.person).is_none() && !site.people.is_locked(anna.person));
}

#[test]
fn a_lock_takes_nobodys_enrolment_away() {
    let mut site = Site::new();
    let anna = site.anna();
    let found = site.people.stored_password(anna.person).unwrap().found(GOOD_PASSWORD).unwrap();
    site.people.lock(&found, 1, site.now).unwrap();
    assert!(site.people.is_enrolled(anna.person));
    assert_eq!(site.people.enrolled(|_| true).len(), 1, "still asked about what others propose");
    assert!(site.people.able(|_| true).is_empty(), "and nobody who could act now");
}
