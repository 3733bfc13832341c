//! Sessions: their limits, their lists and their ends.

use identity::{SESSION_ABSOLUTE_SECONDS, SESSION_IDLE_SECONDS, SESSIONS_PER_PERSON_MAX, SignedIn, SignedOut};
use model::{EntryBody, SessionId};

use crate::site::{BROWSER, DESK, EMAIL, GOOD_PASSWORD, KEY, Site, WithPassword, kinds};

fn signed_in(site: &mut Site, who: &WithPassword) -> SignedIn {
    let code = site.code(who);
    let signed_in = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap().value;
    site.later(30);
    signed_in
}

#[test]
fn a_session_ends_when_it_is_not_used() {
    let mut site = Site::new();
    let anna = site.anna();
    let token = signed_in(&mut site, &anna).token;
    for _ in 0..5 {
        site.later(SESSION_IDLE_SECONDS - 31);
        let info = site.people.session(&token, site.now).unwrap();
        assert_eq!(info.idle_until, site.now.plus_seconds(SESSION_IDLE_SECONDS));
    }
    site.later(SESSION_IDLE_SECONDS);
    assert_eq!(site.people.session(&token, site.now), Err(SignedOut));
    // and does not come back with the clock
    site.later(-60);
    assert_eq!(site.people.session(&token, site.now), Err(SignedOut));
}

#[test]
fn a_session_ends_after_twelve_hours_however_busy() {
    let mut site = Site::new();
    let anna = site.anna();
    let signed_in = signed_in(&mut site, &anna);
    let end = signed_in.session.since.plus_seconds(SESSION_ABSOLUTE_SECONDS);
    assert_eq!(signed_in.session.absolute_until, end);
    while site.now < end.plus_seconds(-600) {
        let info = site.people.session(&signed_in.token, site.now).unwrap();
        assert!(info.idle_until <= end);
        site.later(600);
    }
    site.people.session(&signed_in.token, end.plus_seconds(-1)).unwrap();
    assert_eq!(site.people.session(&signed_in.token, end), Err(SignedOut));
}

#[test]
fn what_is_no_token_is_no_session() {
    let mut site = Site::new();
    let anna = site.anna();
    let signed_in = signed_in(&mut site, &anna);
    assert_eq!(signed_in.token.len(), 43);
    let mut wrong = signed_in.token.clone();
    wrong.replace_range(..1, if wrong.starts_with('A') { "B" } else { "A" });
    let id = signed_in.session.session.to_string();
    let long = signed_in.token.repeat(1000);
    for token in ["", " ", &wrong, &signed_in.token[..42], &id, &long, &format!("{} ", signed_in.token)] {
        assert_eq!(site.people.session(token, site.now), Err(SignedOut));
        assert!(site.people.sign_out(token).is_err());
    }
    site.people.session(&signed_in.token, site.now).unwrap();
}

#[test]
fn every_sign_in_is_a_session_of_its_own() {
    let mut site = Site::new();
    let anna = site.anna();
    let first = signed_in(&mut site, &anna);
    let second = signed_in(&mut site, &anna);
    assert_ne!(first.token, second.token);
    assert_ne!(first.session.session, second.session.session);
    site.people.session(&first.token, site.now).unwrap();
    site.people.session(&second.token, site.now).unwrap();
}

#[test]
fn sessions_are_listed_newest_first_with_where_they_are_from() {
    let mut site = Site::new();
    let anna = site.anna();
    let first = signed_in(&mut site, &anna).session.session;
    let second = signed_in(&mut site, &anna).session.session;
    let other = site.person("other@example.org", &[site.relaxed]);
    let rows = site.people.session_rows(anna.person, Some(first), site.now);
    let shown: Vec<_> = rows.iter().map(|row| (row.session, row.current)).collect();
    assert_eq!(shown, [(second, false), (first, true)]);
    assert_eq!((rows[0].origin.0.as_str(), rows[0].user_agent.as_str()), (DESK, BROWSER));
    assert!(site.people.session_rows(other, None, site.now).is_empty());
    site.later(SESSION_IDLE_SECONDS);
    assert!(site.people.session_rows(anna.person, None, site.now).is_empty());
}

#[test]
fn a_session_that_was_ended_is_over_at_once() {
    let mut site = Site::new();
    let anna = site.anna();
    let person = anna.person;
    let [first, second, third] = [0; 3].map(|_| signed_in(&mut site, &anna));
    let session = first.session.session;
    let ended = site.people.end_session(session).unwrap();
    assert_eq!((ended.value, ended.entries), (person, vec![EntryBody::SessionEnded { person, session }]));
    assert_eq!(site.people.session(&first.token, site.now), Err(SignedOut));
    assert!(site.people.end_session(session).is_err());
    assert!(site.people.end_session(SessionId([0; 16])).is_err());

    let ended = site.people.sign_out(&second.token).unwrap();
    assert_eq!(kinds(&ended.entries), ["session-ended"]);
    assert_eq!(site.people.session(&second.token, site.now), Err(SignedOut));

    let ended = site.people.end_all(person);
    assert_eq!((ended.value, kinds(&ended.entries)), (1, vec!["session-ended".to_owned()]));
    assert_eq!(site.people.session(&third.token, site.now), Err(SignedOut));
    assert_eq!(site.people.end_all(person).value, 0);
}

#[test]
fn one_session_too_many_ends_the_oldest() {
    let mut site = Site::new();
    let anna = site.anna();
    let first = signed_in(&mut site, &anna);
    for _ in 1..SESSIONS_PER_PERSON_MAX {
        let _ = signed_in(&mut site, &anna);
    }
    site.people.session(&first.token, site.now.plus_seconds(-30)).unwrap();
    let code = site.code(&anna);
    let last = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    assert_eq!(kinds(&last.entries), ["session-ended", "signed-in"]);
    assert_eq!(site.people.session(&first.token, site.now), Err(SignedOut));
    assert_eq!(site.people.session_rows(anna.person, None, site.now).len(), SESSIONS_PER_PERSON_MAX);
}

#[test]
fn a_session_that_was_just_used_is_not_written_again() {
    let mut site = Site::new();
    let anna = site.anna();
    let token = signed_in(&mut site, &anna).token;
    drop(site.people.take_dirty());
    site.later(29);
    site.people.session(&token, site.now).unwrap();
    assert!(!site.people.is_dirty());
    site.later(1);
    site.people.session(&token, site.now).unwrap();
    assert_eq!(site.people.take_dirty().len(), 1);
    site.later(59);
    site.people.session(&token, site.now).unwrap();
    assert!(site.people.take_dirty().is_empty());
}

#[test]
fn a_browser_that_calls_itself_something_long_is_cut_short() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let origin = model::Origin(DESK.to_owned());
    let check = site.people.begin_password(EMAIL, &origin, site.now).unwrap();
    let verified = check.verify(GOOD_PASSWORD);
    let agent = format!("a\n\0{}", "ö".repeat(1000));
    site.people.finish_password(verified, &code, KEY, &agent, site.now, &mut site.random).unwrap();
    let rows = site.people.session_rows(anna.person, None, site.now);
    assert_eq!(rows[0].user_agent, format!("a{}", "ö".repeat(255)));
}

#[test]
fn what_is_over_is_swept_away() {
    let mut site = Site::new();
    let anna = site.anna();
    let session = signed_in(&mut site, &anna).session.session;
    let _ = site.link(anna.person);
    drop(site.people.take_dirty());
    site.people.sweep(site.now);
    assert!(!site.people.is_dirty());
    site.later(identity::ENROLMENT_SECONDS);
    site.people.sweep(site.now);
    let mut gone: Vec<_> =
        site.people.take_dirty().iter().map(|record| (record.key(), record.is_tombstone())).collect();
    gone.sort();
    let keys = [format!("enrolment/{}", anna.person), format!("session/{session}")];
    assert_eq!(gone, keys.map(|key| (key, true)));
}
