//! `leadglass session`: who is signed in, and ending it.

use serde_json::json;

use crate::installation::Installation;
use crate::persons::Person;

fn enrolled(site: &Installation, email: &str) -> Person {
    let add = ["person", "add", email, "--name", "Ruth Referrer", "--role", "referrer", "--organisation", "Practice"];
    let added = site.ok(&[&add[..], &["--password-and-code"]].concat());
    Person::enrol(site, email, added["enrolment"].as_str().unwrap())
}

#[test]
fn the_owner_sees_who_is_signed_in_and_ends_one_session_with_a_command() {
    let site = Installation::new();
    site.ok(&["org", "add", "Practice"]);
    assert_eq!(site.ok(&["session", "list"]), json!([]));
    let (ruth, other) = (enrolled(&site, "ruth@practice.example"), enrolled(&site, "other@practice.example"));

    let all = site.ok(&["session", "list"]);
    let open: Vec<_> = all.as_array().unwrap().iter().map(|row| row["session"]["session"].clone()).collect();
    assert_eq!(open, [json!(other.session()), json!(ruth.session())], "the newest first");
    let hers = site.ok(&["session", "list", "--person", "Ruth@practice.example"]);
    let row = &hers[0];
    assert_eq!(hers.as_array().unwrap().len(), 1, "{hers}");
    assert_eq!((&row["email"], &row["name"]), (&json!("ruth@practice.example"), &json!("Ruth Referrer")));
    assert_eq!(
        (&row["session"]["method"], &row["session"]["session"]),
        (&json!("password-and-recovery-code"), &open[1])
    );
    let text = site.run(&["session", "list", "--person", "ruth@practice.example"]);
    let text = String::from_utf8(text.stdout).unwrap();
    let session = ruth.session();
    assert!(text.starts_with(&format!("{session}\truth@practice.example\tRuth Referrer\n")), "{text}");
    assert!(text.contains("from 127.0.0.1") && text.contains("\tpassword and recovery code\t"), "{text}");

    assert_eq!(ruth.get("/api/session").status, 200);
    assert_eq!(site.ok(&["session", "end", &session]), json!({ "ended": session }));
    assert_eq!(ruth.get("/api/session").status, 401);
    assert_eq!(ruth.get("/dicom-web/studies").status, 401);
    assert_eq!(other.get("/api/session").status, 200, "nobody else's");
    let ended = site.entries_of("session-ended");
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!((&ended[0]["actor"], &ended[0]["session"]), (&json!("owner"), &json!(session)));
    assert_eq!(ended[0]["person"], row["session"]["person"]);
    assert_eq!(site.ok(&["session", "list", "--person", "ruth@practice.example"]), json!([]));
}

#[test]
fn a_session_that_is_not_open_and_a_person_who_is_not_there_are_said_with_what_to_do() {
    let site = Installation::new();
    site.ok(&["org", "add", "Practice"]);
    let ruth = enrolled(&site, "ruth@practice.example");
    let session = ruth.session();
    site.ok(&["session", "end", &session]);
    for gone in [session.as_str(), "0123456789abcdef0123456789abcdef"] {
        let said = site.refused(1, &["session", "end", gone]);
        assert!(said.contains("error: there is no open session of that name"), "{said}");
        assert!(said.contains("hint: list them with `leadglass session list`"), "{said}");
    }
    let said = site.refused(1, &["session", "list", "--person", "nobody@practice.example"]);
    assert!(said.contains("error: nobody here has the address nobody@practice.example"), "{said}");
    assert!(said.contains("hint: `leadglass person list`"), "{said}");
    assert_eq!(site.entries_of("session-ended").len(), 1, "what is refused ends nothing");
}
