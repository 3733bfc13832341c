//! People with a password and a code, through the front door, as the pages speak.

use std::cell::{Ref, RefCell};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Answer;
use crate::installation::Installation;

pub const PASSWORD: &str = "vortrag kastanie 41 regal";

/// A signed-in person.
pub struct Person {
    browser: RefCell<Browser>,
    /// Recovery codes that are left; nobody with a passkey has any.
    codes: RefCell<Vec<String>>,
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
        let mut codes: Vec<String> = serde_json::from_value(codes["recovery_codes"].clone()).unwrap();
        let code = codes.pop().unwrap();
        let answer = post("/api/sign-in/password", json!({ "email": email, "password": PASSWORD, "code": code }));
        browser.signed_in(&answer);
        Self { browser: RefCell::new(browser), codes: RefCell::new(codes) }
    }

    /// The same with a passkey, which signs what is approved.
    pub fn with_passkey(site: &Installation, link: &str) -> Self {
        let mut browser = Browser::new(site.http());
        browser.enrol(link.split_once('#').unwrap().1);
        browser.sign_in();
        Self { browser: RefCell::new(browser), codes: RefCell::default() }
    }

    /// A recovery code that was not used.
    pub fn recovery_code(&self) -> String {
        self.codes.borrow_mut().pop().expect("there are some left")
    }

    /// 32 hexadecimal digits.
    pub fn session(&self) -> String {
        self.browser.borrow().session.clone()
    }

    /// The browser as it stands.
    pub fn browser(&self) -> Ref<'_, Browser> {
        self.browser.borrow()
    }

    /// Signs in again with the passkey, as after a session that ended.
    pub fn sign_in_again(&self) {
        let mut browser = self.browser.borrow_mut();
        browser.token.clear();
        browser.session.clear();
        browser.sign_in();
    }

    pub fn get(&self, path: &str) -> Answer {
        self.browser.borrow_mut().get(path)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.browser.borrow_mut().send("DELETE", path, &[])
    }

    /// As a page does: where a touch is wanted, the person gives it.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let answer = self.post_bare(path, body);
        if answer.status == 403 && answer.json()["fresh"] == "act" {
            return self.post_with(path, body, &self.touch(path, body));
        }
        answer
    }

    /// A body that is no JSON.
    pub fn upload(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.browser.borrow_mut().send_as("POST", path, content_type, body)
    }

    /// Without a touch.
    pub fn post_bare(&self, path: &str, body: &Value) -> Answer {
        self.browser.borrow_mut().post(path, body)
    }

    /// With this touch.
    pub fn post_with(&self, path: &str, body: &Value, fresh: &Value) -> Answer {
        let mut body = body.clone();
        body["fresh"] = fresh.clone();
        self.post_bare(path, &body)
    }

    /// A touch for one act, as a request carries it: of the authenticator, or the password with a code.
    pub fn touch(&self, path: &str, body: &Value) -> Value {
        let act = protocol::act_of("POST", path, "", body);
        let mut browser = self.browser.borrow_mut();
        let begun = browser.post("/api/fresh", &json!({ "act": act })).json();
        if let Some(code) = self.codes.borrow_mut().pop() {
            let typed = json!({ "password": PASSWORD, "code": code });
            return json!({ "ceremony": begun["ceremony"], "shown": { "password_and_code": typed } });
        }
        browser.touched(act, &begun)
    }

    /// Approves a proposal as it is shown.
    pub fn approve(&self, row: &Value) -> Answer {
        self.approve_with(row, &row["digest"])
    }

    /// The same, saying that another digest was shown.
    pub fn approve_with(&self, row: &Value, digest: &Value) -> Answer {
        self.post(&format!("/api/approvals/{}/approve", row["proposal"]), &json!({ "digest": digest }))
    }
}

fn now() -> model::Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}
