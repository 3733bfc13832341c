//! Enrolment links.

use identity::{DirectoryError, ENROLMENT_SECONDS, EnrolmentError};
use model::{EntryBody, PersonId};

use crate::authenticator::Authenticator;
use crate::site::{EMAIL, KEY, Site};

#[test]
fn a_link_says_whom_it_is_for() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let issued = site.people.issue_enrolment(person, site.now, &mut site.random).unwrap();
    let until = site.now.plus_seconds(ENROLMENT_SECONDS);
    assert_eq!(issued.entries, [EntryBody::EnrolmentIssued { person, until }]);
    assert_eq!(issued.value.token.len(), 43);
    let shown = site.people.enrolment_for(&issued.value.token, site.now).unwrap();
    assert_eq!((shown.email.as_str(), shown.password_allowed, shown.until), (EMAIL, true, until));
}

#[track_caller]
fn dead(site: &mut Site, token: &str) {
    let now = site.now;
    assert_eq!(site.people.enrolment_for(token, now).err(), Some(EnrolmentError::Link));
    assert_eq!(
        site.people.begin_passkey_enrolment(token, KEY, now, &mut site.random).err(),
        Some(EnrolmentError::Link)
    );
    assert_eq!(site.people.password_setting(token, now, &mut site.random).err(), Some(EnrolmentError::Link));
    let finished = site.people.finish_passkey_enrolment(token, "", "", "x", now).err();
    assert_eq!(finished, Some(EnrolmentError::Link));
    let finished = site.people.finish_password_enrolment(token, "", "", now, &mut site.random).err();
    assert_eq!(finished, Some(EnrolmentError::Link));
}

#[test]
fn a_link_that_is_unknown_expired_voided_or_used_is_dead() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    for token in ["", "nonsense", &"A".repeat(43), &"A".repeat(1_000_000)] {
        dead(&mut site, token);
    }
    // expired to the second
    let token = site.link(person);
    site.later(ENROLMENT_SECONDS - 1);
    site.people.enrolment_for(&token, site.now).unwrap();
    site.later(1);
    dead(&mut site, &token);
    // voided by a newer one
    let (older, newer) = (site.link(person), site.link(person));
    dead(&mut site, &older);
    // used
    let begun = site.people.begin_passkey_enrolment(&newer, KEY, site.now, &mut site.random).unwrap();
    let credential = Authenticator::new(1).create(&begun.options);
    site.people.finish_passkey_enrolment(&newer, &begun.ceremony, &credential, "x", site.now).unwrap();
    dead(&mut site, &newer);
}

#[test]
fn one_persons_newer_link_leaves_anothers_alone() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let other = site.person("other@example.org", &[site.relaxed]);
    let token = site.link(person);
    let _ = site.link(other);
    site.people.enrolment_for(&token, site.now).unwrap();
}

#[test]
fn a_voided_link_cannot_finish_what_it_began() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let token = site.link(person);
    let setting = site.people.password_setting(&token, site.now, &mut site.random).unwrap();
    let hashed = setting.hash("zwölf leise Kraniche frühstücken").unwrap();
    let _ = site.link(person);
    let begun = site.people.begin_password_enrolment(hashed, site.now, &mut site.random);
    assert_eq!(begun.err(), Some(EnrolmentError::Link));
}

#[test]
fn there_is_no_link_for_nobody() {
    let mut site = Site::new();
    let issued = site.people.issue_enrolment(PersonId(7), site.now, &mut site.random);
    assert_eq!(issued.err(), Some(DirectoryError::UnknownPerson));
    assert!(site.people.take_dirty().iter().all(|record| record.key().starts_with("organisation/")));
}
