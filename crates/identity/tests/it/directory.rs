//! Organisations, people and devices.

use dpop::Thumbprint;
use identity::{DirectoryError, NewDevice, NewPerson};
use model::{Authorisation, DeviceMay, EntryBody, OrganisationId, PersonId, Role};
use protocol::{Refusal, TokenBinding};

use crate::site::{EMAIL, Site, kinds};

fn person(email: &str, name: &str, organisations: &[OrganisationId]) -> NewPerson {
    NewPerson {
        email: email.to_owned(),
        name: name.to_owned(),
        role: Role::Referrer,
        organisations: organisations.to_vec(),
        password_and_code: false,
    }
}

fn device(site: &Site, name: &str, ae_title: Option<&str>) -> NewDevice {
    NewDevice {
        name: name.to_owned(),
        organisation: site.relaxed,
        may: vec![DeviceMay::Store],
        ae_title: ae_title.map(str::to_owned),
        from: Vec::new(),
        token: false,
        bound: None,
        token_until: None,
    }
}

#[test]
fn adding_a_person_says_who_and_where_in_the_ledger() {
    let mut site = Site::new();
    let new = person("Anna@Example.org", " Dr. Anna Beispiel ", &[site.strict, site.relaxed, site.strict]);
    let added = site.people.add_person(new, &mut site.random).unwrap();
    let id = added.value;
    let (email, name) = ("anna@example.org".to_owned(), "Dr. Anna Beispiel".to_owned());
    let expected = [
        EntryBody::PersonAdded { person: id, email, name, role: Role::Referrer },
        EntryBody::MemberJoined { person: id, organisation: site.relaxed },
        EntryBody::MemberJoined { person: id, organisation: site.strict },
    ];
    assert_eq!(added.entries, expected);
    let row = &site.people.person_rows()[0];
    assert_eq!(
        (row.organisations.as_slice(), row.passkeys, row.password),
        (&["Praxis Nord".to_owned(), "Lesegruppe".to_owned()][..], 0, false)
    );
    assert_eq!(site.people.organisation_rows(site.now)[0].members, 1);
    assert_eq!(site.people.person_by_address(" ANNA@example.org").unwrap().id(), id);
}

#[test]
fn one_address_is_one_person_however_it_is_written() {
    let mut site = Site::new();
    site.person("anna@example.org", &[]);
    for email in ["anna@example.org", "ANNA@EXAMPLE.ORG", " anna@example.org ", "ａｎｎａ@example.org"] {
        let error = site.people.add_person(person(email, "Anna", &[]), &mut site.random).unwrap_err();
        assert_eq!(error, DirectoryError::EmailTaken, "{email}");
        assert_eq!(Refusal::from(error), Refusal::Exists);
    }
}

#[test]
fn a_person_out_of_shape_is_not_added() {
    let mut site = Site::new();
    let long = format!("{}@example.org", "a".repeat(250));
    for email in [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@.org",
        "anna@org.",
        "an na@example.org",
        "a@b@example.org",
        "anna@example.org\n",
        "<anna@example.org>",
        "anna:x@example.org",
        "a\"b@example.org",
        "\u{0}@example.org",
        &long,
    ] {
        let email = if email == "anna@example.org\n" { "an\nna@example.org" } else { email };
        let error = site.people.add_person(person(email, "Anna", &[]), &mut site.random).unwrap_err();
        assert!(matches!(error, DirectoryError::Field { field: "email", .. }), "{email:?}");
    }
    for name in ["", "   ", "a\nb", "a\u{7}b", &"a".repeat(129)] {
        let error = site.people.add_person(person(EMAIL, name, &[]), &mut site.random).unwrap_err();
        assert!(matches!(error, DirectoryError::Field { field: "name", .. }), "{name:?}");
    }
    let nowhere = person(EMAIL, "Anna", &[OrganisationId(99)]);
    assert_eq!(site.people.add_person(nowhere, &mut site.random).unwrap_err(), DirectoryError::UnknownOrganisation);
    assert!(site.people.person_rows().is_empty());
    site.people.add_person(person(EMAIL, &"ä".repeat(128), &[]), &mut site.random).unwrap();
}

#[test]
fn one_organisation_has_one_name() {
    let mut site = Site::new();
    for name in ["Praxis Nord", "praxis nord", " PRAXIS NORD "] {
        let error = site.people.add_organisation(name, Authorisation::PasskeyOnly).unwrap_err();
        assert_eq!(error, DirectoryError::OrganisationTaken);
    }
    assert!(site.people.add_organisation("", Authorisation::PasskeyOnly).is_err());
    assert_eq!(site.people.organisation_rows(site.now).len(), 2);
    let found = site.people.organisation_by_name("praxis NORD").unwrap();
    assert_eq!(
        (found.id(), found.name(), found.authorisation()),
        (site.relaxed, "Praxis Nord", Authorisation::PasswordAndCode)
    );
}

#[test]
fn joining_and_leaving_are_entries_once() {
    let mut site = Site::new();
    let anna = site.person(EMAIL, &[]);
    let (relaxed, strict) = (site.relaxed, site.strict);
    assert_eq!(kinds(&site.people.join(anna, strict).unwrap().entries), ["member-joined"]);
    assert!(site.people.join(anna, strict).unwrap().entries.is_empty());
    assert_eq!(kinds(&site.people.join(anna, relaxed).unwrap().entries), ["member-joined"]);
    assert_eq!(site.people.person(anna).unwrap().organisations(), [relaxed, strict]);
    assert_eq!(kinds(&site.people.leave(anna, strict).unwrap().entries), ["member-left"]);
    assert!(site.people.leave(anna, strict).unwrap().entries.is_empty());
    assert_eq!(site.people.join(PersonId(9), strict).unwrap_err(), DirectoryError::UnknownPerson);
    assert_eq!(site.people.leave(PersonId(9), strict).unwrap_err(), DirectoryError::UnknownPerson);
    assert_eq!(site.people.join(anna, OrganisationId(9)).unwrap_err(), DirectoryError::UnknownOrganisation);
}

#[test]
fn a_device_is_found_by_its_token_its_ae_title_and_its_name() {
    let mut site = Site::new();
    let mut new = device(&site, "CT 1", Some(" CT1 "));
    new.token = true;
    new.from = vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned(), "192.0.2.7".to_owned()];
    new.may = vec![DeviceMay::Open, DeviceMay::Store, DeviceMay::Open];
    let added = site.people.add_device(new, site.now, &mut site.random).unwrap();
    assert_eq!(kinds(&added.entries), ["device-added", "device-token-issued"]);
    let token = added.value.token.unwrap();
    assert!(token.starts_with("lgd_") && token.len() == 53, "{token}");
    let found = site.people.device_by_token(&token, site.now).unwrap();
    assert_eq!((found.id(), found.may()), (added.value.device, &[DeviceMay::Store, DeviceMay::Open][..]));
    assert_eq!(site.people.device_by_ae_title("CT1 ").unwrap().id(), added.value.device);
    assert_eq!(site.people.device_by_name("ct 1").unwrap().id(), added.value.device);
    assert!(site.people.device_rows()[0].token);
    // AE titles are compared with regard to case (PS3.8 section 7.1.1.3)
    assert!(site.people.device_by_ae_title("ct1").is_none());
    assert!(site.people.device_by_ae_title("").is_none());
    for wrong in ["", "lgd_", &token[4..], &token[..52], &token.to_uppercase(), &format!("{token}x")] {
        assert!(site.people.device_by_token(wrong, site.now).is_none(), "{wrong}");
    }
}

#[test]
fn a_device_without_a_token_is_found_by_none() {
    let mut site = Site::new();
    let new = device(&site, "MR", None);
    let added = site.people.add_device(new, site.now, &mut site.random).unwrap().value;
    assert!(added.token.is_none());
    assert!(site.people.device_by_token("", site.now).is_none());
    assert!(site.people.device_by_ae_title("").is_none());
    assert!(!site.people.device_rows()[0].token);
}

#[test]
fn a_device_out_of_shape_or_taken_is_not_added() {
    let mut site = Site::new();
    let new = device(&site, "CT 1", Some("CT1"));
    site.people.add_device(new, site.now, &mut site.random).unwrap();
    let mut refused = |set: &dyn Fn(&mut NewDevice)| {
        let mut new = device(&site, "CT 2", Some("CT2"));
        set(&mut new);
        site.people.add_device(new, site.now, &mut site.random).unwrap_err()
    };
    assert_eq!(refused(&|new| new.name = "ct 1".to_owned()), DirectoryError::DeviceTaken);
    assert_eq!(refused(&|new| new.ae_title = Some("CT1".to_owned())), DirectoryError::DeviceTaken);
    assert_eq!(refused(&|new| new.organisation = OrganisationId(9)), DirectoryError::UnknownOrganisation);
    for ae_title in ["", "  ", "SEVENTEEN_LETTERS", "A\\B", "A\tB", "CTÄ"] {
        let error = refused(&|new| new.ae_title = Some(ae_title.to_owned()));
        assert!(matches!(error, DirectoryError::Field { field: "ae_title", .. }), "{ae_title:?}");
    }
    for from in
        ["", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/+8", "10.0.0.0/", "2001:db8::/129", "nonsense", "host.example"]
    {
        let error = refused(&|new| new.from = vec![from.to_owned()]);
        assert!(matches!(error, DirectoryError::Field { field: "from", .. }), "{from:?}");
    }
    assert!(matches!(
        refused(&|new| new.from = vec!["::/0".to_owned(); 33]),
        DirectoryError::Field { field: "from", .. }
    ));
    assert!(matches!(refused(&|new| new.may.clear()), DirectoryError::Field { field: "may", .. }));
    assert!(matches!(refused(&|new| new.name = String::new()), DirectoryError::Field { field: "name", .. }));
    // a key signs no association, and where there is neither token nor AE title there is nothing to bind
    for (ae_title, bound) in [(Some("CT2"), TokenBinding::Dpop(KEY)), (None, TokenBinding::Certificate(KEY))] {
        let error = refused(&|new| {
            new.ae_title = ae_title.map(str::to_owned);
            new.bound = Some(bound);
        });
        assert!(matches!(error, DirectoryError::Field { field: "token", .. }), "{bound:?}");
    }
    assert_eq!(site.people.device_rows().len(), 1);
}

const KEY: Thumbprint = Thumbprint([7; 32]);

#[test]
fn an_ae_title_is_bound_to_a_certificate_without_a_token_and_when_its_token_is_gone() {
    let mut site = Site::new();
    let bound = Some(TokenBinding::Certificate(KEY));
    for (name, token) in [("CT1", false), ("CT2", true)] {
        let new = NewDevice { token, bound, ..device(&site, name, Some(name)) };
        let added = site.people.add_device(new, site.now, &mut site.random).unwrap().value.device;
        site.people.remove_device_token(added).unwrap();
    }
    for entry in site.people.device_entries() {
        assert_eq!((entry.token_sha256, entry.bound), (None, bound), "{}", entry.name);
    }
}

#[test]
fn a_professional_identifier_of_an_account_that_ended_is_not_given_again_and_one_of_two_names_nobody() {
    let mut site = Site::new();
    let (one, other) = (site.person("one@x.example", &[site.strict]), site.person("two@x.example", &[site.strict]));
    site.people.set_professional_id(one, "KV", "1", true).unwrap();
    assert_eq!(site.people.person_by_professional_id("KV", "1").map(|person| person.id()), Some(one));
    let until = site.now.plus_seconds(60);
    site.people.set_until(one, Some(until), site.now).unwrap();
    site.now = until;
    assert_eq!(site.people.lapse(site.now).value, [one]);
    assert!(site.people.person_by_professional_id("KV", "1").is_none());
    let taken = site.people.set_professional_id(other, "KV", "1", true);
    assert_eq!(taken.unwrap_err(), DirectoryError::ProfessionalIdTaken, "it may be opened again");
    // an earlier version gave it all the same
    let two = site.people.take_dirty().into_iter().map(|record| {
        let text = String::from_utf8(record.to_bytes().to_vec()).unwrap();
        let text = match record.key().as_str() {
            "person/1" => {
                text.replace(r#""known_origins":[]"#, r#""known_origins":[],"professional_ids":[["KV","1"]]"#)
            }
            _ => text,
        };
        identity::IdentityRecord::from_bytes(text.as_bytes()).unwrap()
    });
    let mut people = identity::People::load(crate::site::settings(), two.collect::<Vec<_>>()).unwrap();
    assert!(people.person_by_professional_id("KV", "1").is_none());
    people.set_until(one, None, site.now).unwrap();
    assert!(people.person_by_professional_id("KV", "1").is_none(), "two have it");
    let taken_away = people.set_professional_id(one, "KV", "1", false);
    assert!(taken_away.is_ok());
    assert_eq!(people.person_by_professional_id("KV", "1").map(|person| person.id()), Some(other));
}
