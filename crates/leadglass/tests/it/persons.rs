//! People with a password and a code, through the front door, as the pages speak.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::client::{Answer, ask};
use crate::installation::Installation;

const PASSWORD: &str = "vortrag kastanie 41 regal";

/// A signed-in person.
pub struct Person {
    address: SocketAddr,
    cookie: String,
}

impl Person {
    /// Enrols by the link that a command printed, and signs in.
    pub fn enrol(site: &Installation, email: &str, link: &str) -> Self {
        let address = site.http();
        let token = link.split_once('#').unwrap().1;
        let post = |path: &str, body: Value| {
            let answer = send(address, "POST", path, None, &body);
            assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.json());
            answer
        };
        let begun = post("/api/enrolment/password/begin", json!({ "token": token, "password": PASSWORD })).json();
        let code = identity::code_at(begun["secret"].as_str().unwrap(), now()).unwrap();
        let finish = json!({ "token": token, "ceremony": begun["ceremony"], "code": code });
        let codes = post("/api/enrolment/password/finish", finish).json();
        let code = codes["recovery_codes"][0].as_str().unwrap().to_owned();
        let answer = post("/api/sign-in/password", json!({ "email": email, "password": PASSWORD, "code": code }));
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { address, cookie }
    }

    pub fn get(&self, path: &str) -> Answer {
        send(self.address, "GET", path, Some(&self.cookie), &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.address, "POST", path, Some(&self.cookie), body)
    }
}

fn send(address: SocketAddr, method: &str, path: &str, cookie: Option<&str>, body: &Value) -> Answer {
    let origin = format!("http://localhost:{}", address.port());
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("X-Leadglass", "1"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", &origin),
    ];
    headers.extend(cookie.map(|cookie| ("Cookie", cookie)));
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    ask(address, method, path, &headers, &body)
}

fn now() -> model::Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    model::Instant(i64::try_from(since.as_micros()).unwrap())
}
