//! People with a password and a code, through the front door, as the pages speak.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

    /// The same with a passkey, which signs what is approved.
    pub fn with_passkey(site: &Installation, link: &str) -> Self {
        let mut browser = Browser::new(site.http());
        browser.enrol(link.split_once('#').unwrap().1);
        browser.sign_in();
        Self { browser: RefCell::new(browser) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.browser.borrow_mut().get(path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.browser.borrow_mut().post(path, body)
    }

    /// A touch of the authenticator for one act, as a request carries it.
    pub fn touch(&self, words: &[&str]) -> Value {
        let act = dpop::act_digest(words);
        let mut browser = self.browser.borrow_mut();
        let begun = browser.post("/api/fresh", &json!({ "act": act })).json();
        let nonce = URL_SAFE_NO_PAD.decode(begun["nonce"].as_str().unwrap()).unwrap();
        let challenge = dpop::challenge(&nonce.try_into().unwrap(), browser.signer.thumbprint(), Some(act));
        let mut options = begun["options"].clone();
        options["publicKey"]["challenge"] = URL_SAFE_NO_PAD.encode(challenge).into();
        let credential = browser.authenticator.get(&options.to_string());
        json!({ "ceremony": begun["ceremony"], "shown": { "passkey": { "credential": credential } } })
    }

    /// Approves a proposal as it is shown.
    pub fn approve(&self, row: &Value) -> Answer {
        self.approve_with(row, &row["digest"])
    }

    /// The same, saying that another digest was shown.
    pub fn approve_with(&self, row: &Value, digest: &Value) -> Answer {
        let number = row["proposal"].to_string();
        let fresh = self.touch(&["approve", &number, digest.as_str().unwrap()]);
        self.post(&format!("/api/approvals/{number}/approve"), &json!({ "digest": digest, "fresh": fresh }))
    }
}

fn now() -> model::Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}
