//! Incident 1, rows that no other file shows: `docs/incidents.md` has the whole table. The rows together are played by the drill.

use phantom::{ct_instance, uid};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::ask;
use crate::installation::{Installation, store};

const PASSWORD: &str = "vortrag kastanie 41 regal";
const EMAIL: &str = "desk@clinic.example";
const PATIENTS: u32 = 12;

/// A site with a clinic and a person of it, by the token of the link.
fn site() -> (Installation, String) {
    let site = Installation::new();
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    let add = ["person", "add", EMAIL, "--name", "Desk", "--role", "referrer", "--organisation", "Clinic"];
    let link = site.ok(&[&add[..], &["--password-and-code"]].concat())["enrolment"].as_str().unwrap().to_owned();
    (site, link.split_once('#').unwrap().1.to_owned())
}

fn begin(browser: &mut Browser, link: &str, password: &str) -> (u16, Value) {
    let answer = browser.post("/api/enrolment/password/begin", &json!({ "token": link, "password": password }));
    (answer.status, answer.json())
}

/// Sets the password; recovery codes.
fn enrol(site: &Installation, link: &str) -> Vec<String> {
    let mut browser = Browser::new(site.http());
    let (_, begun) = begin(&mut browser, link, PASSWORD);
    let code = identity::code_at(begun["secret"].as_str().unwrap(), now()).unwrap();
    let finish = json!({ "token": link, "ceremony": begun["ceremony"], "code": code });
    let finished = browser.post("/api/enrolment/password/finish", &finish).json();
    serde_json::from_value(finished["recovery_codes"].clone()).unwrap()
}

/// A device on which somebody signs in, or the status of the refusal.
fn sign_in(site: &Installation, password: &str, code: &str) -> Result<Browser, u16> {
    let mut browser = Browser::new(site.http());
    let body = json!({ "email": EMAIL, "password": password, "code": code });
    let answer = browser.post("/api/sign-in/password", &body);
    if answer.header("set-cookie").is_none() {
        return Err(answer.status);
    }
    browser.signed_in(&answer);
    Ok(browser)
}

fn now() -> model::Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}

#[test]
fn a_password_of_three_to_five_letters_is_refused_when_it_is_set_and_the_reason_is_said() {
    let (site, link) = site();
    let mut browser = Browser::new(site.http());
    for password in ["mri", "anna", "abc12"] {
        let (status, said) = begin(&mut browser, &link, password);
        assert_eq!(status, 400, "{password}: {said}");
        assert!(said.to_string().contains("too-short"), "{password}: {said}");
        let estimate = json!({ "token": link, "password": password });
        let estimate = browser.post("/api/enrolment/password/estimate", &estimate).json();
        assert_eq!(estimate["accepted"], false, "{estimate}");
    }
    // the link serves on, for a password that is one
    assert!(begin(&mut browser, &link, PASSWORD).0 < 300);
}

#[test]
fn a_right_password_without_its_second_factor_opens_no_session() {
    let (site, link) = site();
    let mut codes = enrol(&site, &link);
    for code in ["", "000000", "ABCD-EFGH-IJKL-MNOP"] {
        let refused = sign_in(&site, PASSWORD, code).err();
        assert!(refused.is_some_and(|status| status >= 400), "{code:?}: {refused:?}");
    }
    assert!(site.ok(&["person", "list"]).as_array().unwrap().iter().all(|row| row["last_sign_in"].is_null()));
    // a code is good once
    let code = codes.pop().unwrap();
    assert!(sign_in(&site, PASSWORD, &code).is_ok());
    assert!(sign_in(&site, PASSWORD, &code).is_err());
}

#[test]
fn a_session_cookie_that_malware_took_opens_nothing_without_its_browser_s_key_and_is_entered() {
    let (site, link) = site();
    let mut codes = enrol(&site, &link);
    let mut owner = sign_in(&site, PASSWORD, &codes.pop().unwrap()).unwrap();
    let cookie = format!("__Host-leadglass={}", owner.token);
    let alone = ask(site.http(), "GET", "/dicom-web/studies", &[("Cookie", &cookie), ("X-Leadglass", "1")], &[]);
    assert_eq!(alone.status, 401, "the cookie alone");
    // with a key of the thief's own
    let mut thief = Browser::new(site.http());
    (thief.token, thief.session) = (owner.token.clone(), owner.session.clone());
    assert_eq!(thief.get("/dicom-web/studies").status, 401);
    // with a request of the owner's own, sent once more
    assert_eq!(owner.get("/api/session").status, 200);
    let sent = owner.sent.last().unwrap().clone();
    let headers = [("Cookie", cookie.as_str()), ("DPoP", &sent.jwt), ("X-Leadglass", "1")];
    assert_eq!(ask(site.http(), &sent.method, &sent.path, &headers, &[]).status, 401);
    assert_eq!(owner.get("/api/session").status, 200, "the owner works on");
    let refused = site.entries_of("proof-refused");
    let reasons: Vec<&str> = refused.iter().filter_map(|entry| entry["reason"].as_str()).collect();
    assert!(reasons.contains(&"missing") && reasons.contains(&"key"), "{reasons:?}");
}

#[test]
fn one_login_on_two_devices_is_two_sessions_of_one_person_and_one_budget() {
    let (site, link) = site();
    site.with_devices();
    let files = (1..=PATIENTS).map(|patient| ct_instance(patient, patient, 1, 1, 16, 16)).collect();
    assert!(store(site.dicom(), files).unwrap().iter().all(|status| *status == 0));
    site.ok(&["settle"]);
    let who = format!("person:{EMAIL}");
    site.ok(&["relate", &who, "site", "--until", "90d", "--basis", "a reach as the incident had it"]);
    // slows past 4, asks past 6, stops past 8
    site.ok(&["budget", "set", &who, "--opened-due", "8"]);
    let mut codes = enrol(&site, &link);
    let mut devices = [(); 2].map(|()| sign_in(&site, PASSWORD, &codes.pop().unwrap()).unwrap());
    assert_ne!(devices[0].session, devices[1].session);
    let sessions = devices[0].get("/api/sessions").json();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "both are seen: {sessions}");

    // by turns: what one read counts for the other
    let mut opened = 0;
    for patient in 1..=PATIENTS {
        let address = format!("/dicom-web/studies/{}", uid(&[9, patient, patient]));
        opened += u32::from(devices[patient as usize % 2].get(&address).status == 200);
    }
    assert_eq!(opened, 6, "then a touch is wanted, on either");
    let exposure = site.ok(&["exposure", &who, "--from", "1h"]);
    assert_eq!(exposure["opened"]["patients"], opened, "the report is of the person, over both");
    let signed_in: Vec<Value> = site.entries_of("signed-in");
    let of = |session: &str| signed_in.iter().find(|entry| entry["session"] == session).unwrap()["person"].clone();
    assert_eq!(of(&devices[0].session), of(&devices[1].session));
}
