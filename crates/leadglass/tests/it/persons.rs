//! People with a password and a code, through the front door, as the pages speak.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Answer;
use crate::installation::Installation;

const PASSWORD: &str = "vortrag kastanie 41 regal";

/// A signed-in person.
pub struct Person {
    browser: RefCell<Browser>,
}

impl Person {
    /// Enrols by the link that a command printed, and signs in.
    pub fn enrol(site: &Installation, email: &str, link: &str) -> Self {
        let mut browser = Browser::new(site.http());
        let token = link.split_once('#').unwrap().1;
        let mut post = |path: &str, body: Value| {
            let answer = browser.post(path, &body);
            assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.json());
            answer
        };
        let begun = post("/api/enrolment/password/begin", json!({ "token": token, "password": PASSWORD })).json();
        let code = identity::code_at(begun["secret"].as_str().unwrap(), now()).unwrap();
        let finish = json!({ "token": token, "ceremony": begun["ceremony"], "code": code });
        let codes = post("/api/enrolment/password/finish", finish).json();
        let code = codes["recovery_codes"][0].as_str().unwrap().to_owned();
        let answer = post("/api/sign-in/password", json!({ "email": email, "password": PASSWORD, "code": code }));
        browser.signed_in(&answer);
        Self { browser: RefCell::new(browser) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.browser.borrow_mut().get(path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.browser.borrow_mut().post(path, body)
    }
}

fn now() -> model::Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}
