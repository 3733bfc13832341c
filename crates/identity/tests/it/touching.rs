//! A fresh touch: for one act, in one session, once.

use dpop::{Thumbprint, act_digest};
use identity::{Changed, EnrolmentError, FreshError, SignInReason, SignedIn};
use model::{Origin, PersonId, SessionId, SignInMethod};
use protocol::PageReply;

use crate::authenticator::Authenticator;
use crate::site::{BROWSER, DESK, EMAIL, GOOD_PASSWORD, KEY, Site};

fn origin() -> Origin {
    Origin(DESK.to_owned())
}

fn opening() -> Thumbprint {
    act_digest(&["break-glass", "HOSPITAL/P1", "bleeding"])
}

/// Somebody with a passkey who is signed in.
fn touching() -> (Site, PersonId, SessionId, Authenticator) {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut authenticator = Authenticator::new(1);
    bind(&mut site, person, &mut authenticator).unwrap();
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    let Changed { value: SignedIn { session, .. }, .. } = site
        .people
        .finish_passkey(&begun.ceremony, &credential, &origin(), BROWSER, site.now, &mut site.random)
        .unwrap();
    (site, person, session.session, authenticator)
}

fn bind(site: &mut Site, person: PersonId, authenticator: &mut Authenticator) -> Result<(), EnrolmentError> {
    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random)?;
    let credential = authenticator.create(&begun.options);
    let bound = site.people.finish_passkey_enrolment(&token, &begun.ceremony, &credential, "phone", site.now);
    bound.map(|_| ())
}

/// The ceremony, the options and whether a password serves.
fn begin(site: &mut Site, session: SessionId, act: Thumbprint) -> (String, Option<String>, bool) {
    let begun = site.people.begin_fresh(session, act, site.now, &mut site.random).unwrap();
    let PageReply::FreshChallenge { ceremony, options, password, .. } = PageReply::from(begun) else {
        panic!("a challenge")
    };
    (ceremony, options, password)
}

#[test]
fn a_touch_serves_the_act_that_it_was_for_once() {
    let (mut site, person, session, mut authenticator) = touching();
    let (ceremony, options, password) = begin(&mut site, session, opening());
    assert!(!password, "passkeys only");
    let credential = authenticator.get(&options.unwrap());
    let touch = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, site.now).unwrap();
    assert_eq!((touch.person(), touch.session(), touch.act()), (person, session, opening()));
    assert_eq!(touch.method(), SignInMethod::Passkey);
    let evidence: serde_json::Value = serde_json::from_str(touch.evidence().unwrap()).unwrap();
    assert_eq!(evidence["act"], opening().to_string());
    assert_eq!(evidence["key"], KEY.to_string());
    assert!(evidence["response"]["signature"].is_string());
    let again = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, site.now);
    assert_eq!(again.unwrap_err(), FreshError::Touch);
}

#[test]
fn a_touch_for_another_act_is_none_however_it_is_put() {
    let (mut site, _, session, mut authenticator) = touching();
    let other = act_digest(&["break-glass", "HOSPITAL/P2", "bleeding"]);
    // the ceremony of one act, finished for another
    let (ceremony, options, _) = begin(&mut site, session, opening());
    let credential = authenticator.get(&options.unwrap());
    let refused = site.people.finish_fresh_passkey(session, other, &ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch);
    // the assertion of one act in the ceremony of another
    let (_, options, _) = begin(&mut site, session, opening());
    let credential = authenticator.get(&options.unwrap());
    let (ceremony, ..) = begin(&mut site, session, other);
    let refused = site.people.finish_fresh_passkey(session, other, &ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch);
}

#[test]
fn a_touch_is_fresh_verified_and_of_this_session() {
    let (mut site, person, session, mut authenticator) = touching();
    let (ceremony, options, _) = begin(&mut site, session, opening());
    let credential = authenticator.get(&options.unwrap());
    let late = site.now.plus_seconds(300);
    let refused = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, late);
    assert_eq!(refused.unwrap_err(), FreshError::Touch, "five minutes are over");

    authenticator.user_verified = false;
    let (ceremony, options, _) = begin(&mut site, session, opening());
    let credential = authenticator.get(&options.unwrap());
    let refused = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch, "the user was not verified");
    authenticator.user_verified = true;

    // a sign-in is no touch, and a touch of another session neither
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    let refused = site.people.finish_fresh_passkey(session, opening(), &begun.ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch);
    let signed_in = site
        .people
        .finish_passkey(&begun.ceremony, &credential, &origin(), BROWSER, site.now, &mut site.random)
        .unwrap();
    let elsewhere = signed_in.value.session.session;
    let (ceremony, options, _) = begin(&mut site, elsewhere, opening());
    let credential = authenticator.get(&options.unwrap());
    let refused = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch);

    // another person's authenticator
    let other = site.person("other@example.org", &[site.strict]);
    let mut others = Authenticator::new(2);
    bind(&mut site, other, &mut others).unwrap();
    let (ceremony, options, _) = begin(&mut site, session, opening());
    let credential = others.get(&options.unwrap());
    let refused = site.people.finish_fresh_passkey(session, opening(), &ceremony, &credential, site.now);
    assert_eq!(refused.unwrap_err(), FreshError::Touch);

    let _ = site.people.end_all(person);
    let ended = site.people.begin_fresh(session, opening(), site.now, &mut site.random);
    assert_eq!(ended.unwrap_err(), FreshError::SignedOut);
}

#[test]
fn a_password_with_a_new_code_stands_in_where_passwords_are_allowed() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let session = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap().value.session.session;
    let (ceremony, options, password) = begin(&mut site, session, opening());
    assert!(options.is_none() && password);
    let finish = |site: &mut Site, ceremony: &str, password: &str, code: &str| {
        let check = site.people.begin_fresh_password(session, opening(), ceremony, &origin(), site.now)?;
        site.people.finish_fresh_password(session, opening(), check.verify(password), code, site.now)
    };
    let reason = |error: FreshError| match error {
        FreshError::Password(error) => Some(error.reason),
        _ => None,
    };
    let replayed = finish(&mut site, &ceremony, GOOD_PASSWORD, &code).unwrap_err();
    assert_eq!(reason(replayed), Some(SignInReason::CodeReplayed), "the code that signed in");
    site.later(30);
    let code = site.code(&anna);
    // each try uses its ceremony up
    assert_eq!(finish(&mut site, &ceremony, GOOD_PASSWORD, &code).unwrap_err(), FreshError::Touch);
    let (ceremony, ..) = begin(&mut site, session, opening());
    let wrong = finish(&mut site, &ceremony, "another password 41", &code).unwrap_err();
    assert_eq!(reason(wrong), Some(SignInReason::Password));
    let (ceremony, ..) = begin(&mut site, session, opening());
    let touch = finish(&mut site, &ceremony, GOOD_PASSWORD, &code).unwrap();
    assert_eq!((touch.person(), touch.method()), (anna.person, SignInMethod::PasswordAndCode));
    assert_eq!(touch.evidence(), None);
}

#[test]
fn an_act_is_named_as_a_page_writes_it() {
    // JSON.stringify(["break-glass", "A\"/ü\n", ""]) hashed by a browser
    let json = "[\"break-glass\",\"A\\\"/ü\\n\",\"\"]";
    assert_eq!(serde_json::to_string(&["break-glass", "A\"/ü\n", ""]).unwrap(), json);
    assert_ne!(act_digest(&["a", "b"]), act_digest(&["a\",\"b"]));
    assert_ne!(act_digest(&["a", ""]), act_digest(&["a"]));
}
