//! Ends of accounts, delegates, lost authenticators, rules about authenticators, and the census.

use identity::{AccountError, EnrolmentError, NewPerson, RuleError, SignInReason, StaffList, decode};
use model::{Assurance, AuthenticatorRule, EntryBody, OrganisationId, Origin, PersonId, ProfessionalId, Role};

use crate::authenticator::Authenticator;
use crate::maker::Maker;
use crate::site::{BROWSER, DESK, EMAIL, GOOD_PASSWORD, KEY, Site, kinds};

const DAY: i64 = 86_400;

fn bind(
    site: &mut Site,
    person: PersonId,
    authenticator: &mut Authenticator,
) -> Result<Vec<EntryBody>, EnrolmentError> {
    let token = site.link(person);
    bind_by(site, &token, authenticator)
}

fn bind_by(site: &mut Site, token: &str, authenticator: &mut Authenticator) -> Result<Vec<EntryBody>, EnrolmentError> {
    let begun = site.people.begin_passkey_enrolment(token, KEY, site.now, &mut site.random)?;
    let credential = authenticator.create(&begun.options);
    Ok(site.people.finish_passkey_enrolment(token, &begun.ceremony, &credential, "Telefon", site.now)?.entries)
}

fn sign_in(site: &mut Site, authenticator: &mut Authenticator) -> Result<identity::SignedIn, SignInReason> {
    let origin = Origin(DESK.to_owned());
    let begun = site.people.begin_passkey(KEY, &origin, site.now, &mut site.random);
    let credential = authenticator.get(&begun.options);
    let finished =
        site.people.finish_passkey(&begun.ceremony, &credential, &origin, BROWSER, site.now, &mut site.random);
    finished.map(|changed| changed.value).map_err(|error| error.reason)
}

fn with_passkey(
    site: &mut Site,
    number: u8,
    organisations: fn(&Site) -> Vec<OrganisationId>,
) -> (PersonId, Authenticator) {
    let organisations = organisations(site);
    let person = site.person(&format!("p{number}@x.example"), &organisations);
    let mut authenticator = Authenticator::new(number);
    bind(site, person, &mut authenticator).unwrap();
    (person, authenticator)
}

fn rule(change: impl FnOnce(&mut AuthenticatorRule)) -> AuthenticatorRule {
    let mut rule = AuthenticatorRule::default();
    change(&mut rule);
    rule
}

#[test]
fn an_account_ends_by_itself_with_its_sessions_and_memberships_and_opens_again_with_the_same_passkey() {
    let mut site = Site::new();
    let (locum, mut key) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    site.people.set_delegate(locum, site.strict, true).unwrap();
    let until = site.now.plus_seconds(1_200);
    site.people.set_until(locum, Some(until), site.now).unwrap();
    let signed_in = sign_in(&mut site, &mut key).unwrap();
    assert_eq!(signed_in.session.absolute_until, until, "no session outlives the account");
    assert_eq!(signed_in.me.account_until, Some(until));
    site.later(1_199);
    assert!(
        site.people.session(&signed_in.token, site.now).is_ok_and(|_| site.people.lapse(site.now).value.is_empty())
    );
    site.later(1);
    // before anybody swept: the moment itself is enough
    assert!(site.people.look_at_session(&signed_in.token, site.now).is_err());
    assert_eq!(sign_in(&mut site, &mut key).unwrap_err(), SignInReason::Ended);
    assert!(site.people.issue_enrolment(locum, site.now, &mut site.random).is_err());
    let lapsed = site.people.lapse(site.now);
    assert_eq!(lapsed.value, [locum]);
    assert_eq!(kinds(&lapsed.entries), ["account-lapsed", "session-ended", "delegate-set", "member-left"]);
    assert!(site.people.lapse(site.now).value.is_empty(), "once");
    assert_eq!(site.people.person_rows()[0].organisations, Vec::<String>::new());

    assert_eq!(site.people.set_until(locum, Some(site.now), site.now).unwrap_err(), AccountError::Past);
    let again = site.now.plus_seconds(DAY);
    site.people.set_until(locum, Some(again), site.now).unwrap();
    site.people.join(locum, site.strict).unwrap();
    assert!(sign_in(&mut site, &mut key).is_ok());
}

#[test]
fn who_decides_about_others_does_not_end_by_themselves() {
    let mut site = Site::new();
    let new = NewPerson {
        email: "officer@x.example".to_owned(),
        name: "Officer".to_owned(),
        role: Role::Officer,
        organisations: vec![site.strict],
        password_and_code: false,
    };
    let officer = site.people.add_person(new, &mut site.random).unwrap().value;
    let until = Some(site.now.plus_seconds(60));
    assert_eq!(site.people.set_until(officer, until, site.now).unwrap_err(), AccountError::Decides);
    assert_eq!(site.people.set_delegate(officer, site.strict, true).unwrap_err(), AccountError::Role);
    // and whoever comes to decide ends no more
    let reader = site.person(EMAIL, &[site.strict]);
    site.people.set_until(reader, until, site.now).unwrap();
    site.people.set_delegate(reader, site.strict, true).unwrap();
    let changed = site.people.set_role(reader, Role::Administrator).unwrap();
    assert_eq!(kinds(&changed.entries), ["delegate-set", "account-ends", "role-changed"]);
    site.later(3_600);
    assert!(site.people.lapse(site.now).value.is_empty());
}

#[test]
fn the_right_to_add_colleagues_ends_with_the_membership() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    assert_eq!(site.people.set_delegate(person, site.relaxed, true).unwrap_err(), AccountError::NoMember);
    assert_eq!(kinds(&site.people.set_delegate(person, site.strict, true).unwrap().entries), ["delegate-set"]);
    assert!(site.people.set_delegate(person, site.strict, true).unwrap().entries.is_empty());
    let left = site.people.leave(person, site.strict).unwrap();
    assert_eq!(kinds(&left.entries), ["delegate-set", "member-left"]);
    assert!(site.people.person_rows()[0].delegate_of.is_empty());
}

#[test]
fn a_reset_ends_sessions_now_and_authenticators_when_the_new_one_is_bound() {
    let mut site = Site::new();
    let (person, mut lost) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    let token = sign_in(&mut site, &mut lost).unwrap().token;
    let link = site.people.issue_reset(person, site.now, &mut site.random).unwrap();
    assert_eq!(kinds(&link.entries), ["reset-vouched", "session-ended", "enrolment-issued"]);
    assert!(site.people.session(&token, site.now).is_err());
    // a mistake costs nobody their way in, and what somebody opened meanwhile ends with the rest
    let meanwhile = sign_in(&mut site, &mut lost).unwrap().token;
    assert!(site.people.enrolment_for(&link.value.token, site.now).unwrap().replaces);
    let mut new = Authenticator::new(2);
    let entries = bind_by(&mut site, &link.value.token, &mut new).unwrap();
    assert_eq!(kinds(&entries), ["passkey-removed", "passkey-bound", "session-ended"]);
    assert!(site.people.session(&meanwhile, site.now).is_err());
    assert_eq!(sign_in(&mut site, &mut lost).unwrap_err(), SignInReason::Passkey);
    assert!(sign_in(&mut site, &mut new).is_ok());
}

#[test]
fn one_colleague_twice_is_not_two_and_a_word_counts_for_an_hour() {
    let mut site = Site::new();
    let (person, _) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    let (one, other) = (PersonId(90), PersonId(91));
    let counts = |_: &identity::People, _| true;
    assert!(!site.people.vouch(person, one, counts, site.now).unwrap().value);
    assert!(!site.people.vouch(person, one, counts, site.now).unwrap().value, "the same person again");
    site.later(3_599);
    assert!(site.people.vouch(person, other, counts, site.now).unwrap().value);
    site.later(1);
    assert!(!site.people.vouch(person, other, counts, site.now).unwrap().value, "too late");
}

#[test]
fn only_who_has_all_that_somebody_has_and_an_account_that_works_may_vouch_for_them() {
    let mut site = Site::new();
    let (lost, _) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    let (one, _) = with_passkey(&mut site, 2, |site| vec![site.relaxed, site.strict]);
    let covers = |_, _| true;
    let may = |site: &Site| site.people.may_vouch(one, lost, covers, site.now);
    assert!(may(&site));
    assert!(!site.people.may_vouch(one, lost, |_, _| false, site.now), "a role that does less");
    assert!(!site.people.may_vouch(lost, lost, covers, site.now), "for oneself");
    site.people.set_delegate(lost, site.strict, true).unwrap();
    assert!(!may(&site), "a right that the other has");
    site.people.set_delegate(one, site.strict, true).unwrap();
    assert!(may(&site));
    site.people.leave(one, site.relaxed).unwrap();
    site.people.join(lost, site.relaxed).unwrap();
    assert!(!may(&site), "a membership that the other has");
    site.people.join(one, site.relaxed).unwrap();
    let until = site.now.plus_seconds(60);
    site.people.set_until(one, Some(until), site.now).unwrap();
    assert!(may(&site));
    site.now = until;
    assert!(!may(&site), "the account has ended");
    // a first word that does not count any more is none
    let other = PersonId(91);
    site.people.vouch(lost, one, |_, _| true, site.now).unwrap();
    let second = site.people.vouch(lost, other, |people, by| people.may_vouch(by, lost, covers, until), site.now);
    assert!(!second.unwrap().value);
}

#[test]
fn a_link_after_a_lock_leaves_nothing_of_before() {
    let mut site = Site::new();
    let anna = site.anna();
    let mut before = Authenticator::new(1);
    bind(&mut site, anna.person, &mut before).unwrap();
    let found = site.people.stored_password(anna.person).unwrap().found(GOOD_PASSWORD).unwrap();
    site.people.lock(&found, 1, site.now).unwrap();
    assert_eq!(sign_in(&mut site, &mut before).unwrap_err(), SignInReason::Locked);
    let mut by_password = Site { people: reread(&mut site), ..Site::new() };
    let link = site.link(anna.person);
    assert!(site.people.enrolment_for(&link, site.now).unwrap().replaces);
    let mut new = Authenticator::new(2);
    let entries = bind_by(&mut site, &link, &mut new).unwrap();
    assert_eq!(kinds(&entries), ["passkey-removed", "passkey-bound"]);
    assert_eq!(sign_in(&mut site, &mut before).unwrap_err(), SignInReason::Passkey);
    assert!(sign_in(&mut site, &mut new).is_ok());
    // and the same when a password is set by the link
    by_password.now = site.now;
    by_password.enrol_password(anna.person, GOOD_PASSWORD).unwrap();
    assert_eq!(sign_in(&mut by_password, &mut before).unwrap_err(), SignInReason::Passkey);
}

/// What is written of a site, read again.
fn reread(site: &mut Site) -> identity::People {
    let records = site.people.take_dirty().into_iter().filter(|record| !record.is_tombstone());
    identity::People::load(crate::site::settings(), records).unwrap()
}

#[test]
fn a_link_from_before_a_membership_or_a_right_works_no_more() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let link = site.link(person);
    site.people.join(person, site.strict).unwrap();
    assert!(site.people.enrolment_for(&link, site.now).is_ok(), "nothing changed");
    site.people.join(person, site.relaxed).unwrap();
    assert!(site.people.enrolment_for(&link, site.now).is_err());
    let link = site.link(person);
    site.people.set_delegate(person, site.relaxed, true).unwrap();
    assert!(site.people.enrolment_for(&link, site.now).is_err());
    let link = site.link(person);
    site.people.set_delegate(person, site.relaxed, false).unwrap();
    assert!(site.people.enrolment_for(&link, site.now).is_ok(), "what takes away gives nothing to whoever has a link");
}

#[test]
fn what_an_authenticator_showed_is_held_against_the_rule_of_now() {
    let (maker, other) = (Maker::new(), Maker::new());
    let (a1, a2) = ("a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1", "a2a2a2a2-a2a2-a2a2-a2a2-a2a2a2a2a2a2");
    let asked = |makers: &[&Maker], models: &[&str]| {
        rule(|rule| {
            // written with other line ends it is the same certificate
            rule.makers = makers.iter().map(|maker| maker.pem().replace('\n', "\r\n")).collect();
            rule.models = models.iter().map(|model| (*model).to_owned()).collect();
        })
    };
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let by_maker = rule(|rule| rule.makers = vec![maker.pem()]);
    site.people.set_rule(site.strict, by_maker, None, site.now).unwrap();
    let mut key = Authenticator::new(1);
    maker.puts_into(&mut key, [0xa1; 16]);
    bind(&mut site, person, &mut key).unwrap();
    for (makers, models, fits) in [
        (&[&maker][..], &[][..], true),
        (&[&maker, &other][..], &[a1][..], true),
        (&[&other][..], &[][..], false),
        (&[&maker][..], &[a2][..], false),
        (&[&maker][..], &[a2, a1][..], true),
    ] {
        site.people.set_rule(site.strict, asked(makers, models), None, site.now).unwrap();
        let outcome = sign_in(&mut site, &mut key);
        assert_eq!(outcome.is_ok(), fits, "{} makers, {models:?}: {:?}", makers.len(), outcome.err());
    }
    // a second organisation with a rule of its own
    let by_other = rule(|rule| rule.makers = vec![other.pem()]);
    site.people.set_rule(site.relaxed, by_other, None, site.now).unwrap();
    site.people.join(person, site.relaxed).unwrap();
    assert_eq!(sign_in(&mut site, &mut key).unwrap_err(), SignInReason::Authenticator);
}

#[test]
fn a_passkey_that_can_be_copied_is_refused_where_keys_stay_on_their_device() {
    for rule in [rule(|rule| rule.device_bound = true), rule(|rule| rule.assurance = Some(Assurance::Aal3))] {
        let mut site = Site::new();
        let mut synced = Authenticator::new(1);
        synced.backup = true;
        let person = site.person(EMAIL, &[site.relaxed]);
        bind(&mut site, person, &mut synced).unwrap();
        let token = sign_in(&mut site, &mut synced).unwrap().token;
        let changed = site.people.set_rule(site.relaxed, rule, None, site.now).unwrap();
        assert_eq!(kinds(&changed.entries), ["authenticators-set", "session-ended"], "sessions end at once");
        assert!(site.people.session(&token, site.now).is_err());
        assert_eq!(sign_in(&mut site, &mut synced).unwrap_err(), SignInReason::Authenticator);
        assert_eq!(site.people.organisation_rows(site.now)[0].shut_out, 1);
        let mut further = Authenticator::new(2);
        further.backup = true;
        assert_eq!(bind(&mut site, person, &mut further).unwrap_err(), EnrolmentError::PasskeyCopied);
        let mut key = Authenticator::new(3);
        bind(&mut site, person, &mut key).unwrap();
        assert!(sign_in(&mut site, &mut key).is_ok());
        assert_eq!(site.people.organisation_rows(site.now)[0].shut_out, 0);
    }
}

#[test]
fn only_an_authenticator_that_shows_its_maker_is_bound_where_that_is_asked() {
    let (maker, stranger) = (Maker::new(), Maker::new());
    let model = "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1";
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.strict]);
    let mut before = Authenticator::new(1);
    bind(&mut site, person, &mut before).unwrap();
    let asked = |models: &[&str]| {
        rule(|rule| {
            rule.makers = vec![maker.pem()];
            rule.models = models.iter().map(|model| (*model).to_owned()).collect();
        })
    };
    site.people.set_rule(site.strict, asked(&[model]), None, site.now).unwrap();
    assert_eq!(sign_in(&mut site, &mut before).unwrap_err(), SignInReason::Authenticator, "nobody knows who made it");

    let token = site.link(person);
    let begun = site.people.begin_passkey_enrolment(&token, KEY, site.now, &mut site.random).unwrap();
    let options: serde_json::Value = serde_json::from_str(&begun.options).unwrap();
    assert_eq!(options["publicKey"]["attestation"], "direct");
    let made = |number: u8, by: &Maker, aaguid: u8| {
        let mut key = Authenticator::new(number);
        by.puts_into(&mut key, [aaguid; 16]);
        key
    };
    for mut refused in [Authenticator::new(2), made(3, &stranger, 0xa1), made(4, &maker, 0xa2)] {
        assert_eq!(bind(&mut site, person, &mut refused).unwrap_err(), EnrolmentError::PasskeyNotAttested);
    }
    let mut damaged = made(5, &maker, 0xa1);
    damaged.damage_attestation = true;
    assert!(bind(&mut site, person, &mut damaged).is_err());
    let mut key = made(6, &maker, 0xa1);
    bind(&mut site, person, &mut key).unwrap();
    assert!(sign_in(&mut site, &mut key).is_ok());
    // any model of the maker
    site.people.set_rule(site.strict, asked(&[]), None, site.now).unwrap();
    bind(&mut site, person, &mut made(7, &maker, 0xa2)).unwrap();
}

#[test]
fn a_password_has_a_last_day_after_which_it_signs_nobody_in() {
    let mut site = Site::new();
    let anna = site.anna();
    let until = site.now.plus_seconds(10 * DAY);
    let sunset = rule(|rule| rule.password_until = Some(until));
    site.people.set_rule(site.relaxed, sunset, None, site.now).unwrap();
    let code = site.code(&anna);
    let signed_in = site.sign_in(EMAIL, GOOD_PASSWORD, &code).unwrap();
    assert_eq!(signed_in.value.me.password_until, Some(until), "the person is told");
    site.later(10 * DAY);
    let code = site.code(&anna);
    assert_eq!(site.refused(EMAIL, GOOD_PASSWORD, &code), SignInReason::NotAllowed);
    let link = site.link(anna.person);
    assert!(!site.people.enrolment_for(&link, site.now).unwrap().password_allowed);
}

#[test]
fn whatever_took_passwords_without_end_is_given_one() {
    let mut site = Site::new();
    let person = site.person(EMAIL, &[site.relaxed]);
    let entries = site.people.give_sunsets(site.now);
    assert_eq!(kinds(&entries), ["authenticators-set"]);
    assert!(site.people.give_sunsets(site.now).is_empty(), "once");
    let row = &site.people.organisation_rows(site.now)[0];
    assert_eq!(row.rule.password_until, Some(site.now.plus_seconds(identity::PASSWORD_SUNSET_SECONDS)));
    let link = site.link(person);
    assert!(site.people.enrolment_for(&link, site.now).unwrap().password_allowed);
}

#[test]
fn a_rule_that_says_two_things_is_refused() {
    let site = Site::new();
    let fits = |rule: AuthenticatorRule| site.people.rule_fits(&rule, site.now).unwrap_err();
    let soon = Some(site.now.plus_seconds(DAY));
    assert_eq!(fits(rule(|rule| rule.password_until = Some(site.now.plus_seconds(400 * DAY)))), RuleError::Password);
    assert_eq!(fits(rule(|rule| (rule.password_until, rule.device_bound) = (soon, true))), RuleError::Password);
    let aal3 = rule(|rule| (rule.password_until, rule.assurance) = (soon, Some(Assurance::Aal3)));
    assert_eq!(fits(aal3), RuleError::Password);
    assert_eq!(fits(rule(|rule| rule.makers = vec!["no certificate".to_owned()])), RuleError::Maker);
    assert_eq!(
        fits(rule(|rule| rule.models = vec!["a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1".to_owned()])),
        RuleError::Model
    );
    let named =
        |rule: &mut AuthenticatorRule| (rule.makers, rule.models) = (vec![Maker::new().pem()], vec!["x".to_owned()]);
    assert_eq!(fits(rule(named)), RuleError::Model);
}

#[test]
fn sessions_live_as_long_as_the_level_says_and_the_strictest_organisation_counts() {
    // (level of one organisation, of the other, idle, at the most), in seconds; SP 800-63B-4 sections 2.2.3 and 2.3.3
    let (hour, site_idle, site_longest) = (3_600, identity::SESSION_IDLE_SECONDS, identity::SESSION_ABSOLUTE_SECONDS);
    let cases = [
        (None, None, site_idle, site_longest),
        (Some(Assurance::Aal2), Some(Assurance::Aal2), hour, 24 * hour),
        (Some(Assurance::Aal2), None, site_idle, site_longest),
        (Some(Assurance::Aal3), Some(Assurance::Aal2), 15 * 60, 12 * hour),
    ];
    for (one, other, idle, longest) in cases {
        let mut site = Site::new();
        let (_, mut key) = with_passkey(&mut site, 1, |site| vec![site.relaxed, site.strict]);
        for (organisation, level) in [(site.relaxed, one), (site.strict, other)] {
            site.people.set_rule(organisation, rule(|rule| rule.assurance = level), None, site.now).unwrap();
        }
        let signed_in = sign_in(&mut site, &mut key).unwrap();
        let since = signed_in.session.since;
        assert_eq!(signed_in.session.idle_until, since.plus_seconds(idle), "{one:?} {other:?}");
        assert_eq!(signed_in.session.absolute_until, since.plus_seconds(longest), "{one:?} {other:?}");
        // used all the time, it ends all the same
        while site.now.plus_seconds(idle - 1) < since.plus_seconds(longest) {
            site.later(idle - 1);
            site.people.session(&signed_in.token, site.now).unwrap();
        }
        site.now = since.plus_seconds(longest);
        assert!(site.people.session(&signed_in.token, site.now).is_err());
        let idling = sign_in(&mut site, &mut key).unwrap();
        site.later(idle - 1);
        assert!(site.people.look_at_session(&idling.token, site.now).is_ok());
        site.later(1);
        assert!(site.people.session(&idling.token, site.now).is_err());
    }
}

#[test]
fn who_fits_a_staff_list_by_what_a_delegate_stated_alone_does_not_fit_it() {
    let mut site = Site::new();
    let (person, mut key) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    sign_in(&mut site, &mut key).unwrap();
    site.people.state_professional_id(person, Some("KV/123".parse().unwrap())).unwrap();
    let list = StaffList::parse("professional id\nKV/123\n").unwrap();
    let report = site.people.census(&list, 90, site.now);
    assert_eq!((report.fitting, report.unclear.len(), report.without_person.len()), (0, 1, 0));
    site.people.set_professional_id(person, "KV", "123", true).unwrap();
    let report = site.people.census(&list, 90, site.now);
    assert_eq!((report.fitting, report.unclear.len()), (1, 0), "an administrator gave it");
}

#[test]
fn a_census_finds_whom_nobody_employs_whom_nobody_added_and_what_does_not_fit() {
    let mut site = Site::new();
    let mut add = |email: &str, name: &str, role: Role, organisation| {
        let new = NewPerson {
            email: email.to_owned(),
            name: name.to_owned(),
            role,
            organisations: vec![organisation],
            password_and_code: false,
        };
        site.people.add_person(new, &mut site.random).unwrap().value
    };
    let (north, group) = (site.relaxed, site.strict);
    let anna = add("anna@x.example", "Dr. Anna Beispiel", Role::Radiologist, group);
    let ben = add("ben@x.example", "Ben Muster", Role::Referrer, north);
    add("gone@x.example", "Gerd Gegangen", Role::Technologist, north);
    add("left@x.example", "Lea Fort", Role::Technologist, north);
    add("patient@x.example", "Paul Patient", Role::Patient, north);
    let id: ProfessionalId = "KV/123".parse().unwrap();
    site.people.state_professional_id(ben, Some(id)).unwrap();
    let mut key = Authenticator::new(1);
    bind(&mut site, anna, &mut key).unwrap();
    sign_in(&mut site, &mut key).unwrap();

    let list = "Name;E-Mail;Berufskennung;Rolle;Organisation;Ende\r\n\
        Dr. Anna Beispiel;ANNA@x.example;;Radiologin;Lesegruppe;\r\n\
        \"Muster; Ben\";ben.muster@home.example;kv/123;MTRA;Praxis Süd;31.12.2026\r\n\
        Lea Fort;left@x.example;;MTR;Praxis Nord;31.12.2025\r\n\
        Neu Neumann;neu@x.example;;Zauberer;Praxis Nord;irgendwann\r\n\
        Dr. Anna Beispiel;anna@x.example;;;;\r\n";
    let list = StaffList::parse(&decode(&[&[0xef, 0xbb, 0xbf], list.as_bytes()].concat())).unwrap();
    let report = site.people.census(&list, 90, site.now);
    let emails =
        |accounts: &[protocol::CensusAccount]| accounts.iter().map(|one| one.email.clone()).collect::<Vec<_>>();
    assert_eq!((report.accounts, report.people, report.fitting), (4, 5, 1));
    assert_eq!(emails(&report.without_person), ["gone@x.example", "left@x.example"]);
    assert_eq!(report.without_account.iter().map(|line| line.line).collect::<Vec<_>>(), [5]);
    assert_eq!(emails(&report.unused), ["ben@x.example", "gone@x.example", "left@x.example"]);
    let of = |list: &[protocol::CensusDifference]| {
        list.iter().map(|one| (one.account.email.clone(), one.listed.clone())).collect::<Vec<_>>()
    };
    let ben = |listed: &str| vec![("ben@x.example".to_owned(), listed.to_owned())];
    assert_eq!(of(&report.roles), ben("technologist"));
    assert_eq!(of(&report.organisations), ben("Praxis Süd"));
    assert_eq!(of(&report.ends), ben("2026-12-31"));
    let unclear: Vec<_> = report.unclear.iter().map(|(line, what)| (line.line, what.as_str())).collect();
    assert_eq!(
        unclear,
        [
            (3, "found by an identifier that a delegate stated: ben@x.example"),
            (5, "unknown role: Zauberer"),
            (5, "no date: irgendwann"),
            (6, "an earlier line is about the same account")
        ]
    );
    site.later(90 * DAY);
    assert!(emails(&site.people.census(&list, 90, site.now).unused).contains(&"anna@x.example".to_owned()));
}

#[test]
fn a_record_of_an_earlier_version_is_read_as_one_without_rights_ends_and_rules() {
    let mut site = Site::new();
    let (_, mut key) = with_passkey(&mut site, 1, |site| vec![site.strict]);
    let records: Vec<_> = site
        .people
        .take_dirty()
        .iter()
        .map(|record| {
            let mut json: serde_json::Value = serde_json::from_slice(&record.to_bytes()).unwrap();
            let fields = json.as_object_mut().unwrap();
            ["rule", "replaces", "rejoined"].iter().for_each(|field| drop(fields.remove(*field)));
            for bound in fields.get_mut("passkeys").and_then(|list| list.as_array_mut()).into_iter().flatten() {
                // that of a past rule says nothing about the one of now
                bound["attested"] = serde_json::Value::Bool(true);
            }
            identity::IdentityRecord::from_bytes(json.to_string().as_bytes()).unwrap()
        })
        .collect();
    site.people = identity::People::load(crate::site::settings(), records).unwrap();
    assert!(sign_in(&mut site, &mut key).is_ok());
    assert_eq!(site.people.rule(site.strict), Some(&AuthenticatorRule::default()));
    let by_maker = rule(|rule| rule.makers = vec![Maker::new().pem()]);
    site.people.set_rule(site.strict, by_maker, None, site.now).unwrap();
    assert_eq!(sign_in(&mut site, &mut key).unwrap_err(), SignInReason::Authenticator);
}
