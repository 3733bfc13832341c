//! Passkeys: registered, found without a name, and every way in which an answer can be wrong.

use identity::{Changed, EnrolmentError, SignInError, SignInReason, SignedIn};
use model::{EntryBody, Origin, PersonId, SignInMethod};
use serde_json::Value;

use crate::authenticator::Authenticator;
use crate::site::{BROWSER, DESK, EMAIL, KEY, Site, kinds};

type Defect = fn(&mut Authenticator);

fn origin() -> Origin {
    Origin(DESK.to_owned())
}

fn bind(
    site: &mut Site,
    person: PersonId,
    authenticator: &mut Authenticator,
) -> Result<Vec<EntryBody>, EnrolmentError> {
    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random)?;
    let credential = authenticator.create(&begun.options);
    let done = site.people.finish_passkey_enrolment(&token, &begun.ceremony, &credential, "Telefon", site.now)?;
    assert_eq!(done.value, person);
    Ok(done.entries)
}

fn sign_in(site: &mut Site, authenticator: &mut Authenticator) -> Result<Changed<SignedIn>, SignInError> {
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    finish(site, &begun.ceremony, &credential)
}

fn finish(site: &mut Site, ceremony: &str, credential: &str) -> Result<Changed<SignedIn>, SignInError> {
    site.people.finish_passkey(ceremony, credential, &origin(), BROWSER, site.now, &mut site.random)
}

fn registered() -> (Site, PersonId, Authenticator) {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut authenticator = Authenticator::new(1);
    bind(&mut site, person, &mut authenticator).unwrap();
    (site, person, authenticator)
}

#[test]
fn a_passkey_signs_in_without_a_name_being_typed() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut authenticator = Authenticator::new(1);
    let entries = bind(&mut site, person, &mut authenticator).unwrap();
    assert_eq!(entries, [EntryBody::PasskeyBound { person, label: "Telefon".to_owned() }]);

    let signed_in = sign_in(&mut site, &mut authenticator).unwrap();
    let session = signed_in.value.session.session;
    assert_eq!(signed_in.entries, [EntryBody::SignedIn { person, session, method: SignInMethod::Passkey }]);
    assert_eq!(signed_in.value.me.email, EMAIL);
    assert_eq!(site.people.session(&signed_in.value.token, site.now).unwrap().person, person);
    assert_eq!(site.people.person_rows()[0].passkeys, 1);

    // and again, with the next counter
    sign_in(&mut site, &mut authenticator).unwrap();
}

#[test]
fn a_synchronised_passkey_without_a_counter_signs_in_again_and_again() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut authenticator = Authenticator::new(1);
    authenticator.backup = true;
    authenticator.counter = 0;
    bind(&mut site, person, &mut authenticator).unwrap();
    for _ in 0..3 {
        // such authenticators always say 0
        let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
        let credential = authenticator.get_with_counter(&begun.options, 0);
        finish(&mut site, &begun.ceremony, &credential).unwrap();
    }
}

#[test]
fn options_ask_for_a_discoverable_credential_and_a_verified_user() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    let selection = &options["publicKey"]["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(options["publicKey"]["rp"]["id"], "images.example.org");
    assert_eq!(options["publicKey"]["rp"]["name"], "Radiologie am Fluss");
    assert_eq!(options["publicKey"]["attestation"], "none");

    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let options: Value = serde_json::from_str(&begun.options).unwrap();
    assert_eq!(options["publicKey"]["userVerification"], "required");
    assert_eq!(options["publicKey"]["allowCredentials"], serde_json::json!([]));
    assert_eq!(options["publicKey"]["challenge"].as_str().unwrap().len(), 43);
    assert!(options.get("mediation").is_none());
}

#[test]
fn what_names_the_person_to_an_authenticator_says_nothing_about_them() {
    let (site, person, authenticator) = registered();
    let handle = authenticator.user_handle.unwrap();
    assert_eq!(handle.len(), 16);
    assert_ne!(handle[12..], person.0.to_be_bytes());
    assert_eq!(site.people.person(person).unwrap().email(), EMAIL);
}

#[test]
fn a_registration_that_is_not_right_binds_nothing() {
    let defects: [(&str, Defect); 9] = [
        ("wrong origin", |a| a.origin = "https://images.example.net".to_owned()),
        ("a subdomain", |a| a.origin = "https://login.images.example.org".to_owned()),
        ("another port", |a| a.origin = "https://images.example.org:8443".to_owned()),
        ("no https", |a| a.origin = "http://images.example.org".to_owned()),
        ("wrong relying party", |a| a.rp_id = "example.org".to_owned()),
        ("wrong challenge", |a| a.challenge = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned())),
        ("user not present", |a| a.user_present = false),
        ("user not verified", |a| a.user_verified = false),
        ("an assertion", |a| a.kind = Some("webauthn.get")),
    ];
    for (defect, set) in defects {
        let mut site = Site::new();
        let person = site.person(EMAIL, &[site.strict]);
        let mut authenticator = Authenticator::new(1);
        set(&mut authenticator);
        assert_eq!(bind(&mut site, person, &mut authenticator), Err(EnrolmentError::Passkey), "{defect}");
        assert_eq!(site.people.person_rows()[0].passkeys, 0, "{defect}");
    }
}

#[test]
fn an_authenticator_that_does_not_keep_the_passkey_is_refused() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut authenticator = Authenticator::new(1);
    authenticator.cred_props = Some(false);
    assert_eq!(bind(&mut site, person, &mut authenticator), Err(EnrolmentError::PasskeyNotDiscoverable));
    // many browsers do not say, and then it was kept
    authenticator.cred_props = None;
    bind(&mut site, person, &mut authenticator).unwrap();
}

#[test]
fn one_passkey_belongs_to_one_person() {
    let (mut site, _, mut authenticator) = registered();
    let other = site.person("other@example.org", &[site.strict]);
    assert_eq!(bind(&mut site, other, &mut authenticator), Err(EnrolmentError::Passkey));
}

#[test]
fn a_passkey_is_bound_with_its_own_link_and_ceremony_only() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let other = site.person("other@example.org", &[site.strict]);
    let (token, other_token) = (site.link(person), site.link(other));
    let mut authenticator = Authenticator::new(1);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    let credential = authenticator.create(&begun.options);
    let now = site.now;
    let mut refused = |token: &str, ceremony: &str, credential: &str, label: &str, now| {
        site.people.finish_passkey_enrolment(token, ceremony, credential, label, now).unwrap_err()
    };
    assert_eq!(refused(&other_token, &begun.ceremony, &credential, "x", now), EnrolmentError::Passkey);
    assert_eq!(refused("", &begun.ceremony, &credential, "x", now), EnrolmentError::Link);
    assert_eq!(refused(&token, "nonsense", &credential, "x", now), EnrolmentError::Passkey);
    assert_eq!(refused(&token, &begun.ceremony, &credential, "", now), EnrolmentError::Label);
    assert_eq!(refused(&token, &begun.ceremony, &credential, "a\nb", now), EnrolmentError::Label);
    // five minutes are over
    assert_eq!(refused(&token, &begun.ceremony, &credential, "x", now.plus_seconds(300)), EnrolmentError::Passkey);
    // and with it the ceremony
    assert_eq!(refused(&token, &begun.ceremony, &credential, "x", now), EnrolmentError::Passkey);
}

#[test]
fn a_newer_link_voids_a_ceremony_under_way() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    let credential = Authenticator::new(1).create(&begun.options);
    let newer = site.link(person);
    let old = site.people.finish_passkey_enrolment(&token, &begun.ceremony, &credential, "x", site.now);
    assert_eq!(old.unwrap_err(), EnrolmentError::Link);
    let mixed = site.people.finish_passkey_enrolment(&newer, &begun.ceremony, &credential, "x", site.now);
    assert_eq!(mixed.unwrap_err(), EnrolmentError::Passkey);
}

#[test]
fn what_is_no_credential_is_refused() {
    let (mut site, _, mut authenticator) = registered();
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    let long = format!("{credential}{}", " ".repeat(64 * 1024));
    for credential in ["", "{}", "[]", "null", &credential[..credential.len() - 1], &long] {
        let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
        assert_eq!(finish(&mut site, &begun.ceremony, credential).unwrap_err().reason, SignInReason::Passkey);
    }
}

#[test]
fn an_assertion_that_is_not_right_signs_nobody_in() {
    let defects: [(&str, Defect); 14] = [
        ("wrong origin", |a| a.origin = "https://images.example.net".to_owned()),
        ("a subdomain", |a| a.origin = "https://login.images.example.org".to_owned()),
        ("another port", |a| a.origin = "https://images.example.org:8443".to_owned()),
        ("no https", |a| a.origin = "http://images.example.org".to_owned()),
        ("wrong relying party", |a| a.rp_id = "example.org".to_owned()),
        ("wrong challenge", |a| a.challenge = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned())),
        ("user not present", |a| a.user_present = false),
        ("user not verified", |a| a.user_verified = false),
        ("a registration", |a| a.kind = Some("webauthn.create")),
        ("damaged signature", |a| a.damage_signature = true),
        ("another key", |a| {
            let handle = a.user_handle.take();
            *a = Authenticator::new(1);
            a.user_handle = handle;
        }),
        ("unknown credential", |a| a.credential_id = vec![9; 32]),
        ("no user handle", |a| a.user_handle = None),
        ("another's user handle", |a| a.user_handle = Some(vec![7; 16])),
    ];
    for (defect, set) in defects {
        let (mut site, _, mut authenticator) = registered();
        set(&mut authenticator);
        let error = sign_in(&mut site, &mut authenticator).unwrap_err();
        assert_eq!(error.reason, SignInReason::Passkey, "{defect}");
        assert_eq!(kinds(error.entry.as_slice()), ["sign-in-refused"], "{defect}");
        assert!(site.people.take_dirty().iter().all(|record| !record.key().starts_with("session/")), "{defect}");
    }
}

#[test]
fn somebody_elses_user_handle_does_not_make_a_passkey_theirs() {
    let (mut site, _, mut authenticator) = registered();
    let other = site.person("other@example.org", &[site.strict]);
    let mut others = Authenticator::new(2);
    bind(&mut site, other, &mut others).unwrap();
    authenticator.user_handle = others.user_handle.clone();
    let error = sign_in(&mut site, &mut authenticator).unwrap_err();
    assert_eq!((error.reason, error.person), (SignInReason::Passkey, Some(other)));
}

#[test]
fn an_assertion_is_good_once() {
    let (mut site, _, mut authenticator) = registered();
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    finish(&mut site, &begun.ceremony, &credential).unwrap();
    // replayed into its own ceremony, which is over, and into a new one, which has another challenge
    assert_eq!(finish(&mut site, &begun.ceremony, &credential).unwrap_err().reason, SignInReason::Passkey);
    let again = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    assert_eq!(finish(&mut site, &again.ceremony, &credential).unwrap_err().reason, SignInReason::Passkey);
}

#[test]
fn a_failed_answer_ends_its_ceremony() {
    let (mut site, _, mut authenticator) = registered();
    let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    authenticator.user_verified = false;
    let wrong = authenticator.get(&begun.options);
    authenticator.user_verified = true;
    let right = authenticator.get(&begun.options);
    finish(&mut site, &begun.ceremony, &wrong).unwrap_err();
    finish(&mut site, &begun.ceremony, &right).unwrap_err();
}

#[test]
fn a_ceremony_ends_after_five_minutes() {
    for (seconds, right) in [(299, true), (300, false)] {
        let (mut site, _, mut authenticator) = registered();
        let begun = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
        let credential = authenticator.get(&begun.options);
        site.later(seconds);
        assert_eq!(finish(&mut site, &begun.ceremony, &credential).is_ok(), right, "{seconds}");
    }
}

#[test]
fn an_enrolment_ceremony_signs_nobody_in() {
    let (mut site, person, mut authenticator) = registered();
    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    let credential = authenticator.get(&begun.options);
    assert_eq!(finish(&mut site, &begun.ceremony, &credential).unwrap_err().reason, SignInReason::Passkey);
}

#[test]
fn a_counter_that_went_back_is_refused_and_said() {
    let (mut site, person, mut authenticator) = registered();
    sign_in(&mut site, &mut authenticator).unwrap();
    for back in [1, 2] {
        authenticator.counter -= back;
        let error = sign_in(&mut site, &mut authenticator).unwrap_err();
        assert_eq!(error.reason, SignInReason::PasskeyCounter);
        let entry = EntryBody::SignInRefused { person: Some(person), reason: "passkey-counter".to_owned() };
        assert_eq!(error.entry, Some(entry));
    }
    // the one whose counter is ahead still works
    authenticator.counter += 10;
    sign_in(&mut site, &mut authenticator).unwrap();
}

#[test]
fn the_counter_survives_a_restart() {
    let (mut site, _, mut authenticator) = registered();
    sign_in(&mut site, &mut authenticator).unwrap();
    let records: Vec<_> = site.people.take_dirty();
    let bytes: Vec<_> = records.iter().map(identity::IdentityRecord::to_bytes).collect();
    let records = bytes.iter().map(|bytes| identity::IdentityRecord::from_bytes(bytes).unwrap());
    site.people = identity::People::load(crate::site::settings(), records).unwrap();
    authenticator.counter -= 1;
    assert_eq!(sign_in(&mut site, &mut authenticator).unwrap_err().reason, SignInReason::PasskeyCounter);
    sign_in(&mut site, &mut authenticator).unwrap();
}

#[test]
fn twenty_passkeys_are_the_most() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    for number in 0..20 {
        bind(&mut site, person, &mut Authenticator::new(number)).unwrap();
    }
    assert_eq!(bind(&mut site, person, &mut Authenticator::new(20)), Err(EnrolmentError::PasskeysFull));
}

#[test]
fn who_begins_too_many_ceremonies_loses_only_their_own() {
    let (mut site, _, mut authenticator) = registered();
    let elsewhere = Origin("198.51.100.1".to_owned());
    let mine = site.people.begin_passkey(KEY, &origin(), site.now, &mut site.random);
    let first = site.people.begin_passkey(KEY, &elsewhere, site.now, &mut site.random);
    for _ in 0..identity::CEREMONIES_PER_ORIGIN_MAX {
        let _ = site.people.begin_passkey(KEY, &elsewhere, site.now, &mut site.random);
    }
    let credential = authenticator.get(&first.options);
    finish(&mut site, &first.ceremony, &credential).unwrap_err();
    let credential = authenticator.get(&mine.options);
    finish(&mut site, &mine.ceremony, &credential).unwrap();
}

#[test]
fn hammering_with_wrong_answers_does_not_fill_the_ledger_nor_stop_anybody() {
    let (mut site, _, mut authenticator) = registered();
    let mut recorded = 0;
    for _ in 0..1000 {
        recorded += usize::from(finish(&mut site, "nonsense", "{}").unwrap_err().entry.is_some());
    }
    assert!((100..=102).contains(&recorded), "{recorded}");
    sign_in(&mut site, &mut authenticator).unwrap();
}

#[test]
fn strangers_from_however_many_addresses_cost_nobody_who_holds_a_link_or_begins_elsewhere() {
    let (mut site, person, _) = registered();
    let token = site.link(person);
    let mut second = Authenticator::new(2);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    for number in 0..=identity::CEREMONIES_MAX as u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let elsewhere = Origin(format!("10.{a}.{b}.{c}"));
        let _ = site.people.begin_passkey(KEY, &elsewhere, site.now, &mut site.random);
    }
    let credential = second.create(&begun.options);
    let done = site.people.finish_passkey_enrolment(&token, &begun.ceremony, &credential, "Key", site.now);
    assert!(done.is_ok(), "{done:?}");
}

#[test]
fn with_a_passkey_go_the_sessions_that_it_may_have_opened() {
    let (mut site, person, mut first) = registered();
    let mut second = Authenticator::new(2);
    bind(&mut site, person, &mut second).unwrap();
    let own = sign_in(&mut site, &mut first).unwrap().value;
    let thiefs = sign_in(&mut site, &mut second).unwrap().value;
    let stolen = site.people.passkey_rows(person)[1].passkey.clone();
    let removed = site.people.remove_passkey(person, &stolen, Some(own.session.session)).unwrap();
    assert_eq!(kinds(&removed.entries), ["passkey-removed", "session-ended"]);
    assert!(site.people.session(&own.token, site.now).is_ok());
    assert!(site.people.session(&thiefs.token, site.now).is_err());
    // asked for by somebody else, none is left
    bind(&mut site, person, &mut Authenticator::new(3)).unwrap();
    let other = site.people.passkey_rows(person)[1].passkey.clone();
    let _ = site.people.remove_passkey(person, &other, None).unwrap();
    assert!(site.people.session(&own.token, site.now).is_err());
}
