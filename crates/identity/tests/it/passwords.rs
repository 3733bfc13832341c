//! Signing in with a password and a one-time or recovery code.

use identity::{EnrolmentError, PasswordCost, People, SignInReason, code_at};
use model::{EntryBody, SignInMethod};
use protocol::Refusal;

use crate::site::{EMAIL, GOOD_PASSWORD, KEY, Site, kinds};

#[test]
fn a_password_and_a_code_sign_in() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let signed_in = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    let session = signed_in.value.session.session;
    let entry = EntryBody::SignedIn { person: anna.person, session, method: SignInMethod::PasswordAndCode };
    assert_eq!(signed_in.entries, [entry]);
    assert_eq!(signed_in.value.me.recovery_codes_left, 10);
    assert_eq!(site.people.person_rows()[0].last_sign_in, Some(site.now));
}

#[test]
fn every_wrong_part_is_refused_alike() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let wrong_code = if code == "000000" { "000001" } else { "000000" };
    for (email, password, code, reason) in [
        (EMAIL, "another long password here", code.as_str(), SignInReason::Password),
        (EMAIL, "", &code, SignInReason::Password),
        (EMAIL, &GOOD_PASSWORD[..GOOD_PASSWORD.len() - 1], &code, SignInReason::Password),
        (EMAIL, &format!("{GOOD_PASSWORD} "), &code, SignInReason::Password),
        (EMAIL, &GOOD_PASSWORD.to_uppercase(), &code, SignInReason::Password),
        (EMAIL, &"x".repeat(129), &code, SignInReason::Password),
        ("nobody@example.org", GOOD_PASSWORD, &code, SignInReason::Password),
        ("", GOOD_PASSWORD, &code, SignInReason::Password),
        ("\0", GOOD_PASSWORD, &code, SignInReason::Password),
        (&"a".repeat(100_000), GOOD_PASSWORD, &code, SignInReason::Password),
        (EMAIL, GOOD_PASSWORD, wrong_code, SignInReason::Code),
        (EMAIL, GOOD_PASSWORD, "", SignInReason::Code),
        (EMAIL, GOOD_PASSWORD, "0000-0000-0000-0000", SignInReason::Code),
    ] {
        // each from an address of its own, so that nothing is delayed
        let origin = format!("198.51.100.{}", email.len() % 200 + password.len() % 50);
        let error = site.sign_in_from(&origin, email, password, code).unwrap_err();
        assert_eq!(error.reason, reason, "{code:?}");
        assert_eq!(Refusal::from(&error), Refusal::SignInFailed);
        assert_eq!(error.to_string(), "sign-in was refused; check e-mail address, password and code, and try again");
        assert_eq!(error.person.is_some(), email == EMAIL);
        let entry = EntryBody::SignInRefused { person: error.person, reason: reason.word().to_owned() };
        assert_eq!(error.entry, Some(entry));
    }
    // and none of it used the code up
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn a_code_is_good_once_and_so_is_every_earlier_one() {
    let mut site = Site::new();
    let anna = site.anna();
    let earlier = site.code(&anna);
    site.later(30);
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::CodeReplayed);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &earlier), SignInReason::CodeReplayed);
    // within the skew, but of the step that is used up
    site.later(29);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::CodeReplayed);
    site.later(60);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::Code);
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn the_code_that_confirmed_the_enrolment_does_not_sign_in() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = code_at(&anna.secret, site.now.plus_seconds(-30)).unwrap();
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::CodeReplayed);
}

#[test]
fn a_used_code_stays_used_after_a_restart() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    let records = site.people.take_dirty();
    site.people = People::load(crate::site::settings(), records).unwrap();
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::CodeReplayed);
}

#[test]
fn one_password_typed_in_different_unicode_forms_is_one_password() {
    for (set, typed) in [
        ("kraniche frühstücken \u{e9}clair", "kraniche frühstücken e\u{301}clair"),
        ("kraniche fru\u{308}hstu\u{308}cken", "kraniche frühstücken"),
        ("Ｋｒａｎｉｃｈｅ im Regen", "Kraniche im Regen"),
        ("fünf ﬁnstere Kraniche", "fünf finstere Kraniche"),
        ("Kraniche\u{a0}im Regen", "Kraniche im Regen"),
    ] {
        let mut site = Site::new();
        let person = site.person(EMAIL, &[site.relaxed]);
        let anna = site.enrol_password(person, set).unwrap();
        let code = site.code(&anna);
        site.sign_in(EMAIL, typed, &code).unwrap();
    }
}

#[test]
fn the_login_name_is_read_without_regard_to_case_and_surrounding_space() {
    let mut site = Site::new();
    let anna = site.anna();
    for email in ["Anna.Beispiel@Praxis-Nord.example", " anna.beispiel@praxis-nord.example "] {
        let code = site.code(&anna);
        site.sign_in(email, GOOD_PASSWORD, &code).unwrap();
        site.later(30);
    }
}

#[test]
fn a_recovery_code_takes_the_place_of_the_code_once() {
    let mut site = Site::new();
    let anna = site.anna();
    assert_eq!(anna.recovery_codes.len(), 10);
    let code = &anna.recovery_codes[3];
    assert_eq!(site.refused(EMAIL, "another long password here", code), SignInReason::Password);
    let signed_in = site.sign_in(EMAIL, GOOD_PASSWORD, code).unwrap();
    assert_eq!(signed_in.value.session.method, SignInMethod::PasswordAndRecoveryCode);
    assert_eq!(signed_in.value.me.recovery_codes_left, 9);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, code), SignInReason::Code);
    let typed = anna.recovery_codes[4].to_uppercase().replace('-', " ");
    site.sign_in(EMAIL, GOOD_PASSWORD, &typed).unwrap();
}

#[test]
fn one_persons_codes_are_nothing_to_another() {
    let mut site = Site::new();
    let anna = site.anna();
    let other = site.person("other@example.org", &[site.relaxed]);
    let other = site.enrol_password(other, GOOD_PASSWORD).unwrap();
    let code = site.code(&anna);
    assert_eq!(site.refused("other@example.org", GOOD_PASSWORD, &code), SignInReason::Code);
    let recovery = &anna.recovery_codes[0];
    assert_eq!(site.refused("other@example.org", GOOD_PASSWORD, recovery), SignInReason::Code);
    let code = site.code(&other);
    site.sign_in("other@example.org", GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn a_password_signs_in_only_where_every_organisation_allows_it() {
    let mut site = Site::new();
    let anna = site.anna();
    site.people.join(anna.person, site.strict).unwrap();
    let code = site.code(&anna);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::NotAllowed);
    site.people.leave(anna.person, site.strict).unwrap();
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    // and nowhere without an organisation
    site.people.leave(anna.person, site.relaxed).unwrap();
    site.later(30);
    let code = site.code(&anna);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::NotAllowed);
}

#[test]
fn a_person_without_a_password_is_refused_like_nobody() {
    let mut site = Site::new();
    site.person(EMAIL, &[site.relaxed]);
    assert_eq!(site.refused(EMAIL, "", "000000"), SignInReason::Password);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, "000000"), SignInReason::Password);
}

#[test]
fn a_password_that_was_replaced_while_it_was_checked_does_not_sign_in() {
    let mut site = Site::new();
    let anna = site.anna();
    let origin = model::Origin("192.0.2.7".to_owned());
    let check = site.people.begin_password(EMAIL, &origin, site.now).unwrap();
    let verified = check.verify(GOOD_PASSWORD);
    let anna = site.enrol_password(anna.person, "ein ganz anderer Satz über Möwen").unwrap();
    let code = site.code(&anna);
    let error = site.people.finish_password(verified, &code, KEY, "", site.now, &mut site.random).unwrap_err();
    assert_eq!(error.reason, SignInReason::Password);
}

#[test]
fn a_new_password_replaces_the_old_one_with_its_codes_and_ends_sessions() {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let token = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap().value.token;
    let link = site.link(anna.person);
    let setting = site.people.password_setting(&link, site.now, &mut site.random).unwrap();
    let hashed = setting.hash("ein ganz anderer Satz über Möwen").unwrap();
    let secret = site.people.begin_password_enrolment(hashed, site.now, &mut site.random).unwrap();
    // nothing holds before the code confirmed it
    assert!(site.people.session(&token, site.now).is_ok());
    let code = code_at(&secret.secret, site.now).unwrap();
    let done = site.people.finish_password_enrolment(&link, &secret.ceremony, &code, site.now, &mut site.random);
    assert_eq!(kinds(&done.unwrap().entries), ["password-set", "session-ended"]);
    assert!(site.people.session(&token, site.now).is_err());
    site.later(30);
    let code = site.code(&anna);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::Password);
    let recovery = &anna.recovery_codes[0];
    assert_eq!(site.refused(EMAIL, "ein ganz anderer Satz über Möwen", recovery), SignInReason::Code);
}

#[test]
fn a_password_is_set_only_when_a_code_confirmed_it_within_five_tries_and_minutes() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let link = site.link(person);
    let begin = |site: &mut Site| {
        let setting = site.people.password_setting(&link, site.now, &mut site.random).unwrap();
        let hashed = setting.hash(GOOD_PASSWORD).unwrap();
        site.people.begin_password_enrolment(hashed, site.now, &mut site.random).unwrap()
    };
    let finish = |site: &mut Site, ceremony: &str, code: &str| {
        site.people.finish_password_enrolment(&link, ceremony, code, site.now, &mut site.random).err()
    };
    // five wrong codes end it
    let secret = begin(&mut site);
    let code = code_at(&secret.secret, site.now).unwrap();
    let wrong = if code == "123456" { "123457" } else { "123456" };
    for _ in 0..5 {
        assert_eq!(finish(&mut site, &secret.ceremony, wrong), Some(EnrolmentError::Code));
    }
    assert_eq!(finish(&mut site, &secret.ceremony, &code), Some(EnrolmentError::Code));
    // so do five minutes
    let secret = begin(&mut site);
    site.later(300);
    let code = code_at(&secret.secret, site.now).unwrap();
    assert_eq!(finish(&mut site, &secret.ceremony, &code), Some(EnrolmentError::Code));
    // and a second beginning ends the first
    let first = begin(&mut site);
    let second = begin(&mut site);
    let code = code_at(&first.secret, site.now).unwrap();
    assert_eq!(finish(&mut site, &first.ceremony, &code), Some(EnrolmentError::Code));
    // four wrong codes do not cost the enrolment
    let code = code_at(&second.secret, site.now).unwrap();
    let wrong = if code == "123456" { "123457" } else { "123456" };
    for _ in 0..4 {
        assert_eq!(finish(&mut site, &second.ceremony, wrong), Some(EnrolmentError::Code));
    }
    assert!(!site.people.person_rows()[0].password);
    assert_eq!(finish(&mut site, &second.ceremony, &code), None);
    assert!(site.people.person_rows()[0].password);
    // the link is used up
    assert_eq!(finish(&mut site, &second.ceremony, &code), Some(EnrolmentError::Link));
}

#[test]
fn a_password_is_not_set_where_passkeys_only_are_taken() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed, site.strict]);
    assert_eq!(site.enrol_password(person, GOOD_PASSWORD).err(), Some(EnrolmentError::PasswordNotAllowed));
    let link = site.link(person);
    assert!(!site.people.enrolment_for(&link, site.now).unwrap().password_allowed);
}

#[test]
fn the_persons_own_flag_opens_what_the_organisation_keeps_shut() {
    let mut site = Site::new();
    let new = identity::NewPerson {
        email: EMAIL.to_owned(),
        name: "Anna".to_owned(),
        role: model::Role::Patient,
        organisations: vec![site.strict],
        password_and_code: true,
    };
    let person = site.people.add_person(new, &mut site.random).unwrap().value;
    let anna = site.enrol_password(person, GOOD_PASSWORD).unwrap();
    let code = site.code(&anna);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn weak_passwords_are_refused_at_setting_them_with_the_reason() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    for (password, reason) in [
        ("anna", "too-short"),
        ("Password1!", "common"),
        ("Beispiel2024", "context"),
        ("PraxisNord1", "context"),
        ("Jennifer1987", "guessable"),
        (&"x".repeat(129), "too-long"),
    ] {
        match site.enrol_password(person, password).err() {
            Some(EnrolmentError::Password { reasons }) => {
                assert!(reasons.iter().any(|word| word == reason), "{password}: {reasons:?}");
            }
            other => panic!("{password}: {other:?}"),
        }
    }
    assert!(!site.people.person_rows()[0].password);
}

#[test]
fn the_secret_is_offered_as_uri_and_as_a_picture_without_script_or_style() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let link = site.link(person);
    let setting = site.people.password_setting(&link, site.now, &mut site.random).unwrap();
    assert!(setting.estimate(GOOD_PASSWORD).accepted);
    let hashed = setting.hash(GOOD_PASSWORD).unwrap();
    let secret = site.people.begin_password_enrolment(hashed, site.now, &mut site.random).unwrap();
    assert_eq!(secret.secret.len(), 32);
    let (label, query) = secret.uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
    assert!(label.starts_with("Radiologie%20am%20Fluss:anna.beispiel"), "{label}");
    assert!(query.contains(&format!("secret={}", secret.secret)) && query.contains("issuer=Radiologie%20am%20Fluss"));
    assert!(secret.qr_svg.starts_with("<svg ") && secret.qr_svg.ends_with("</svg>"));
    for not in ["<?xml", "style", "script", "href", "on"] {
        let markup = secret.qr_svg.replace("version=", "");
        assert!(!markup.contains(not), "{not}");
    }
}

#[test]
fn a_hash_of_the_recommended_cost_holds_when_the_setting_has_changed_since() {
    let mut site = Site::new();
    let mut records = site.people.take_dirty();
    let mut settings = crate::site::settings();
    settings.password_cost = PasswordCost::RECOMMENDED;
    site.people = People::load(settings, records.clone()).unwrap();
    let anna = site.anna();
    records.extend(site.people.take_dirty());
    site.people = People::load(crate::site::settings(), records).unwrap();
    let code = site.code(&anna);
    assert_eq!(site.refused(EMAIL, "another long password here", &code), SignInReason::Password);
    site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
}

#[test]
fn a_cost_that_argon2_cannot_have_is_none() {
    for (memory_kib, passes) in [(0, 1), (7, 1), (64, 0)] {
        assert_eq!(PasswordCost::new(memory_kib, passes), None);
    }
}
