//! What is written, what is not, and what comes back.

use identity::{Device, IdentityRecord, LoadError, NewDevice, People, Recorded, SettingsError};
use model::{
    Actor, DelegateSet, DeviceId, DeviceMay, Entry, EntryBody, OrganisationId, Origin, PersonId, ResetVouched, Role,
    SessionId,
};

use crate::authenticator::Authenticator;
use crate::site::{BROWSER, EMAIL, GOOD_PASSWORD, KEY, Site, settings};

fn reloaded(records: &[IdentityRecord]) -> People {
    let read = |record: &IdentityRecord| IdentityRecord::from_bytes(&record.to_bytes()).unwrap();
    People::load(settings(), records.iter().map(read)).unwrap()
}

/// A site in which everything happened once, with every secret that was given away.
fn busy() -> (Site, Vec<String>) {
    let mut site = Site::new();
    let anna = site.anna();
    let code = site.code(&anna);
    let session = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap().value.token;
    let link = site.link(anna.person);
    let begun = site.people.begin_passkey_enrolment(&link, KEY, site.now, &mut site.random).unwrap();
    let credential = Authenticator::new(1).create(&begun.options);
    site.people.finish_passkey_enrolment(&link, &begun.ceremony, &credential, "Telefon", site.now).unwrap();
    let open_link = site.link(anna.person);
    let device = NewDevice {
        name: "CT 1".to_owned(),
        organisation: site.relaxed,
        may: vec![DeviceMay::Store],
        ae_title: Some("CT1".to_owned()),
        from: Vec::new(),
        token: true,
        bound: None,
        token_until: None,
    };
    let token = site.people.add_device(device, site.now, &mut site.random).unwrap().value.token.unwrap();
    let mut secrets = vec![session, open_link, token, GOOD_PASSWORD.to_owned(), anna.secret];
    secrets.extend(anna.recovery_codes);
    (site, secrets)
}

#[test]
fn everything_is_there_after_a_restart() {
    let (mut site, secrets) = busy();
    let records = site.people.take_dirty();
    let mut keys: Vec<_> = records.iter().map(IdentityRecord::key).collect();
    keys.sort();
    assert!(keys.pop().unwrap().starts_with("session/"));
    assert_eq!(keys, ["device/0", "enrolment/0", "organisation/0", "organisation/1", "person/0"]);
    let mut people = reloaded(&records);
    assert!(!people.is_dirty());
    assert_eq!(people.person_rows(), site.people.person_rows());
    assert_eq!(people.organisation_rows(site.now), site.people.organisation_rows(site.now));
    assert_eq!(people.device_rows(), site.people.device_rows());
    people.session(&secrets[0], site.now).unwrap();
    people.enrolment_for(&secrets[1], site.now).unwrap();
    assert_eq!(people.device_by_token(&secrets[2], site.now).map(Device::id), Some(DeviceId(0)));
}

#[test]
fn no_record_holds_a_token_a_password_or_a_recovery_code() {
    let (mut site, secrets) = busy();
    for record in site.people.take_dirty() {
        let text = String::from_utf8(record.to_bytes().to_vec()).unwrap();
        for secret in &secrets {
            // the secret of one-time codes has to be there, in another spelling, which is why records are sealed
            assert!(!text.contains(secret.as_str()), "{} holds a secret", record.key());
        }
    }
}

#[test]
fn debug_output_shows_no_secret_and_nobody() {
    let (mut site, mut secrets) = busy();
    secrets.extend(["anna".to_owned(), "beispiel".to_owned(), "praxis".to_owned()]);
    let mut shown = vec![format!("{:?}", site.people)];
    shown.extend(site.people.take_dirty().iter().map(|record| format!("{record:?}")));
    let origin = Origin("192.0.2.7".to_owned());
    let person = PersonId(0);
    let link = site.people.issue_enrolment(person, site.now, &mut site.random).unwrap();
    shown.push(format!("{link:?}"));
    secrets.push(link.value.token.clone());
    let ceremony = site.people.begin_passkey_enrolment(&link.value.token, KEY, site.now, &mut site.random).unwrap();
    shown.push(format!("{ceremony:?}"));
    let setting = site.people.password_setting(&link.value.token, site.now, &mut site.random).unwrap();
    shown.push(format!("{setting:?}"));
    let hashed = setting.hash(GOOD_PASSWORD).unwrap();
    shown.push(format!("{hashed:?}"));
    let secret = site.people.begin_password_enrolment(hashed, site.now, &mut site.random).unwrap();
    shown.push(format!("{secret:?}"));
    secrets.push(secret.secret.clone());
    let code = identity::code_at(&secret.secret, site.now).unwrap();
    let token = &link.value.token;
    let recovery = site.people.finish_password_enrolment(token, &secret.ceremony, &code, site.now, &mut site.random);
    let recovery = recovery.unwrap().value;
    shown.push(format!("{recovery:?}"));
    secrets.extend(recovery.codes);
    site.later(30);
    let check = site.people.begin_password(EMAIL, &origin, site.now).unwrap();
    shown.push(format!("{check:?}"));
    let verified = check.verify(GOOD_PASSWORD);
    shown.push(format!("{verified:?}"));
    let code = identity::code_at(&secret.secret, site.now).unwrap();
    let signed_in = site.people.finish_password(verified, &code, KEY, BROWSER, site.now, &mut site.random).unwrap();
    shown.push(format!("{signed_in:?}"));
    secrets.push(signed_in.value.token);
    let device = NewDevice {
        name: "MR".to_owned(),
        organisation: OrganisationId(0),
        may: vec![DeviceMay::List],
        ae_title: None,
        from: Vec::new(),
        token: true,
        bound: None,
        token_until: None,
    };
    let added = site.people.add_device(device, site.now, &mut site.random).unwrap();
    shown.push(format!("{:?}", added.value));
    secrets.push(added.value.token.unwrap());
    for text in shown {
        assert!(!text.is_empty());
        for secret in &secrets {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{text}");
        }
    }
}

#[test]
fn a_change_that_cannot_be_recorded_is_put_back() {
    let (mut site, secrets) = busy();
    drop(site.people.take_dirty());
    let people_before = site.people.person_rows();
    let devices_before = site.people.device_rows();

    let person = site.person("new@example.org", &[site.relaxed]);
    let token = site.link(person);
    site.people.join(PersonId(0), site.strict).unwrap();
    site.people.sign_out(&secrets[0]).unwrap();
    let ended_link = site.link(PersonId(0));
    site.people.revert();

    assert!(!site.people.is_dirty());
    assert!(site.people.take_dirty().is_empty());
    assert_eq!(site.people.person_rows(), people_before);
    assert_eq!(site.people.device_rows(), devices_before);
    assert!(site.people.person_by_address("new@example.org").is_none());
    assert!(site.people.enrolment_for(&token, site.now).is_err());
    assert!(site.people.enrolment_for(&ended_link, site.now).is_err());
    site.people.session(&secrets[0], site.now).unwrap();
    site.people.enrolment_for(&secrets[1], site.now).unwrap();
    // the number was given once, so it is not given again
    let next = site.person("new@example.org", &[site.relaxed]);
    assert_eq!(next, PersonId(person.0 + 1));
}

#[test]
fn what_came_and_went_before_a_write_is_not_written() {
    let (mut site, _) = busy();
    drop(site.people.take_dirty());
    let person = site.person("other@example.org", &[site.relaxed]);
    let anna = site.enrol_password(person, "ein ganz anderer Satz über Möwen").unwrap();
    let keys: Vec<_> = site.people.take_dirty().iter().map(|record| (record.key(), record.is_tombstone())).collect();
    assert_eq!(keys, [(format!("person/{}", anna.person), false)]);
}

#[test]
fn what_could_not_be_written_is_given_out_again_as_it_is_then() {
    let (mut site, secrets) = busy();
    drop(site.people.take_dirty());
    site.people.sign_out(&secrets[0]).unwrap();
    let person = site.person("new@example.org", &[site.relaxed]);
    let failed = site.people.take_dirty();
    assert_eq!(failed.len(), 2);
    site.people.not_written(&failed);
    assert!(site.people.is_dirty());
    site.people.join(person, site.strict).unwrap();
    // a revert takes back the joining, not what is in the ledger already
    site.people.revert();
    let again = site.people.take_dirty();
    let shown: Vec<_> = again.iter().map(|record| (record.key(), record.is_tombstone())).collect();
    let failed: Vec<_> = failed.iter().map(|record| (record.key(), record.is_tombstone())).collect();
    assert_eq!(shown, failed);
    assert!(site.people.person(person).is_some());
    assert!(site.people.take_dirty().is_empty());
}

#[test]
fn a_log_of_records_with_its_tombstones_can_be_replayed() {
    let mut site = Site::new();
    let mut log = site.people.take_dirty();
    let anna = site.anna();
    log.extend(site.people.take_dirty());
    let code = site.code(&anna);
    let token = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap().value.token;
    log.extend(site.people.take_dirty());
    site.people.sign_out(&token).unwrap();
    log.extend(site.people.take_dirty());
    assert!(log.last().unwrap().is_tombstone() && log.last().unwrap().to_bytes().is_empty());
    let mut people = People::load(settings(), log).unwrap();
    assert!(people.session(&token, site.now).is_err());
    assert_eq!(people.person_rows(), site.people.person_rows());
}

#[test]
fn a_number_that_the_ledger_gave_is_never_given_again() {
    let mut site = Site::new();
    let records = site.people.take_dirty();
    site.people = reloaded(&records);
    site.people.numbers_given(Some(PersonId(6)), Some(OrganisationId(3)), None);
    assert_eq!(site.person(EMAIL, &[]), PersonId(7));
    let organisation = site.people.add_organisation("x", model::Authorisation::PasskeyOnly).unwrap().value;
    assert_eq!(organisation, OrganisationId(4));
    // it never counts back
    site.people.numbers_given(Some(PersonId(2)), None, None);
    assert_eq!(site.person("other@example.org", &[]), PersonId(8));
}

#[test]
fn a_record_that_was_changed_or_is_from_the_future_is_refused() {
    let (mut site, _) = busy();
    let records = site.people.take_dirty();
    let person = records.iter().find(|record| record.key() == "person/0").unwrap().to_bytes();
    let text = String::from_utf8(person.to_vec()).unwrap();
    assert!(text.starts_with(r#"{"version":1,"kind":"person""#), "{}", &text[..40]);
    for (defect, bytes) in [
        ("empty", String::new()),
        ("no JSON", "person".to_owned()),
        ("cut", text[..text.len() - 1].to_owned()),
        ("no version", text.replacen(r#""version":1,"#, "", 1)),
        ("unknown kind", text.replacen(r#""kind":"person""#, r#""kind":"people""#, 1)),
        ("another kind", text.replacen(r#""kind":"person""#, r#""kind":"device""#, 1)),
        ("no email", text.replacen(r#""email":"#, r#""mail":"#, 1)),
        ("hash out of shape", text.replacen(r#""recovery_codes":[""#, r#""recovery_codes":["A"#, 1)),
    ] {
        assert!(matches!(IdentityRecord::from_bytes(bytes.as_bytes()), Err(LoadError::OutOfShape)), "{defect}");
    }
    let future = text.replacen(r#""version":1"#, r#""version":2"#, 1);
    let error = IdentityRecord::from_bytes(future.as_bytes()).unwrap_err();
    assert!(matches!(error, LoadError::Version { found: 2 }));
    assert!(!error.to_string().contains("anna"));
}

#[test]
fn a_site_whose_origin_does_not_fit_its_relying_party_does_not_start() {
    for (rp_id, origins) in [
        ("images.example.org", &[][..]),
        ("images.example.org", &["https://images.example.net"][..]),
        ("images.example.org", &["https://images.example.org", "https://example.org"][..]),
        ("example", &["https://images.example.org"][..]),
        ("images.example.org", &["http://images.example.org"][..]),
        ("192.0.2.7", &["https://192.0.2.7"][..]),
    ] {
        let mut settings = settings();
        settings.rp_id = rp_id.to_owned();
        settings.origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let error = People::new(settings).err();
        assert!(error.is_some(), "{rp_id} {origins:?}");
    }
    let mut settings = settings();
    settings.rp_id = "example.org".to_owned();
    settings.origins = vec!["https://images.example.org".to_owned(), "https://pictures.example.org".to_owned()];
    let made: Result<_, SettingsError> = People::new(settings);
    assert!(made.unwrap().session("", site_start()).is_err());
}

fn site_start() -> model::Instant {
    crate::site::START
}

#[test]
fn a_session_number_is_not_its_token() {
    let (mut site, secrets) = busy();
    let session = site.people.session(&secrets[0], site.now).unwrap().session;
    assert_ne!(session, SessionId([0; 16]));
    assert!(site.people.session(&session.to_string(), site.now).is_err());
}

fn recorded(bodies: &[(model::Instant, EntryBody)]) -> Recorded {
    let mut recorded = Recorded::default();
    for (at, body) in bodies {
        recorded.see(&Entry { version: 1, recorded: *at, actor: Actor::Warden, body: body.clone() });
    }
    recorded
}

#[test]
fn what_the_ledger_says_was_over_does_not_come_back_with_older_records() {
    let (mut site, secrets) = busy();
    let records = site.people.take_dirty();
    let session = site.people.session(&secrets[0], site.now).unwrap().session;
    let person = PersonId(0);
    let until = site.people.enrolment_for(&secrets[1], site.now).unwrap().until;
    let later = site.now.plus_seconds(3600);
    let issued = (site.now, EntryBody::EnrolmentIssued { person, until });
    let set = (site.now, EntryBody::PasswordSet { person });
    let people = |bodies: &[_]| {
        let mut people = reloaded(&records);
        people.bring_up_to(&recorded(bodies));
        let alive = people.session(&secrets[0], site.now).is_ok();
        let link = people.enrolment_for(&secrets[1], site.now).is_ok();
        let password = people.person_rows()[0].password;
        (alive, link, password)
    };
    assert_eq!(people(&[set.clone(), issued.clone()]), (true, true, true), "the ledger says the same");
    let ended = (later, EntryBody::SessionEnded { person, session });
    assert_eq!(people(&[issued.clone(), ended]), (false, true, true));
    let newer = (later, EntryBody::EnrolmentIssued { person, until: until.plus_seconds(1) });
    assert_eq!(people(&[issued.clone(), newer]), (true, false, true));
    let bound = (later, EntryBody::PasskeyBound { person, label: String::new() });
    assert_eq!(people(&[issued.clone(), bound]), (true, false, true));
    let becomes = |from, to| (later, EntryBody::RoleChanged { person, from, to });
    let other = becomes(Role::Radiologist, Role::Referrer);
    assert_eq!(people(&[set.clone(), issued.clone(), other]), (true, false, true));
    let decider = becomes(Role::Radiologist, Role::Officer);
    assert_eq!(people(&[set.clone(), issued.clone(), decider]), (true, false, false), "whoever decides enrols anew");
    let replaced = (later, EntryBody::PasswordSet { person });
    assert_eq!(people(&[issued, replaced]), (true, false, false));
}

#[test]
fn a_lock_and_a_reset_hold_with_older_records_after_they_were_over_too() {
    let (mut site, _) = busy();
    let records = site.people.take_dirty();
    let person = PersonId(0);
    let (then, later) = (site.now.plus_seconds(3_600), site.now.plus_seconds(7_200));
    let set = (site.now, EntryBody::PasswordSet { person });
    let bound = (later, EntryBody::PasskeyBound { person, label: String::new() });
    let locked = (then, EntryBody::AccountLocked { person, incident: 1 });
    let issued = (then, EntryBody::EnrolmentIssued { person, until: later.plus_seconds(60) });
    let vouched = |until| (then, EntryBody::ResetVouched(ResetVouched { person, until }));
    let row = |records: &[IdentityRecord], bodies: &[_]| {
        let mut people = reloaded(records);
        people.bring_up_to(&recorded(bodies));
        let row = people.person_rows().remove(0);
        (row.password, row.passkeys, row.locked.is_some())
    };
    let before = |bodies: &[_]| row(&records, bodies);
    assert_eq!(before(&[set.clone(), issued.clone(), bound.clone()]), (true, 1, false), "a further passkey");
    assert_eq!(before(&[set.clone(), locked.clone()]), (false, 1, true));
    assert_eq!(before(&[set.clone(), locked.clone(), issued.clone(), bound.clone()]), (false, 0, false));
    let reset = [set.clone(), vouched(then), issued.clone(), bound.clone()];
    assert_eq!(before(&reset), (false, 1, false), "what was lost; the passkey has an entry of its own");
    let word = [set.clone(), vouched(later), issued.clone(), bound.clone()];
    assert_eq!(before(&word), (true, 1, false), "a colleague's word alone replaces nothing");
    let newer = [set.clone(), vouched(then), issued.clone(), issued.clone(), bound.clone()];
    assert_eq!(before(&newer), (true, 1, false), "a later link that replaces nothing was used");

    // records of while it was locked
    let found = site.people.stored_password(person).unwrap().found(GOOD_PASSWORD).unwrap();
    site.people.lock(&found, 1, then).unwrap();
    let while_locked: Vec<_> = site.people.take_dirty().into_iter().filter(|record| !record.is_tombstone()).collect();
    let whole: Vec<_> = records.iter().cloned().chain(while_locked).collect();
    assert_eq!(row(&whole, &[set.clone(), locked.clone()]), (false, 1, true));
    assert_eq!(row(&whole, &[set, locked, issued, bound]), (false, 0, false));
}

#[test]
fn a_link_from_before_a_membership_or_a_right_does_not_come_back_with_older_records() {
    let (mut site, secrets) = busy();
    let records = site.people.take_dirty();
    let (person, organisation) = (PersonId(0), site.strict);
    let until = site.people.enrolment_for(&secrets[1], site.now).unwrap().until;
    let issued = (site.now, EntryBody::EnrolmentIssued { person, until });
    let works = |body: EntryBody| {
        let mut people = reloaded(&records);
        people.bring_up_to(&recorded(&[issued.clone(), (site.now, body)]));
        people.enrolment_for(&secrets[1], site.now).is_ok()
    };
    assert!(!works(EntryBody::MemberJoined { person, organisation }));
    let right = |delegate| EntryBody::DelegateSet(DelegateSet { person, organisation, delegate });
    assert!(!works(right(true)));
    assert!(works(right(false)));
}
