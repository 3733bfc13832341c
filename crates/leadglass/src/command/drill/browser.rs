//! A browser as the pages make one: a key that signs each request, a cookie, and whoever sits there.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use dpop::{Claims, Signer};
use serde_json::{Value, json};

use super::http::{self, Answer};
use crate::time;

/// A browser.
pub struct Browser {
    way: (Ipv4Addr, SocketAddr),
    origin: String,
    name: String,
    signer: Signer,
    /// The cookie's value; empty while nobody is signed in.
    pub cookie: String,
    session: String,
    nonce: String,
}

impl Browser {
    /// Nobody is signed in yet. `name` is what it calls itself.
    pub fn at(from: Ipv4Addr, front: SocketAddr, name: &str) -> Result<Self> {
        let nothing = String::new;
        let mut browser = Self {
            way: (from, front),
            origin: format!("http://localhost:{}", front.port()),
            name: name.to_owned(),
            signer: Signer::generate(),
            cookie: nothing(),
            session: nothing(),
            nonce: nothing(),
        };
        let answer = http::ask(browser.way, "GET", "/api/health", &[], &[])?;
        answer.header("dpop-nonce").unwrap_or_default().clone_into(&mut browser.nonce);
        Ok(browser)
    }

    /// The session's number, in hexadecimal digits.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Sets a password with the token of a link, and a first code: recovery codes, or the refusal.
    pub fn set_password(&mut self, link: &str, password: &str) -> Result<Result<Vec<String>, Answer>> {
        let begun = self.post("/api/enrolment/password/begin", &json!({ "token": link, "password": password }))?;
        if begun.status >= 300 {
            return Ok(Err(begun));
        }
        let begun = begun.json();
        let code = identity::code_at(begun["secret"].as_str().unwrap_or_default(), time::now());
        let code = code.context("the secret for codes is not Base32; play the drill again")?;
        let finish = json!({ "token": link, "ceremony": begun["ceremony"], "code": code });
        let finished = self.post("/api/enrolment/password/finish", &finish)?;
        match serde_json::from_value(finished.json()["recovery_codes"].clone()) {
            Ok(codes) => Ok(Ok(codes)),
            Err(_) => Ok(Err(finished)),
        }
    }

    /// Sets another password with the token of a link that does that alone, confirmed by a further code; whether it was set.
    pub fn choose_another(&mut self, link: &str, password: &str, code: &str) -> Result<bool> {
        let begun = self.post("/api/enrolment/password/begin", &json!({ "token": link, "password": password }))?.json();
        let finish = json!({ "token": link, "ceremony": begun["ceremony"], "code": code });
        Ok(self.post("/api/enrolment/password/finish", &finish)?.status == 200)
    }

    /// Signs in; a cookie that comes is kept.
    pub fn sign_in(&mut self, email: &str, password: &str, code: &str) -> Result<Answer> {
        let body = json!({ "email": email, "password": password, "code": code });
        let answer = self.post("/api/sign-in/password", &body)?;
        if let Some(cookie) = answer.header("set-cookie") {
            let value = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            self.cookie = value.context("the cookie has no value; play the drill again")?.1.to_owned();
            self.session = answer.json()["session"].as_str().unwrap_or_default().to_owned();
        }
        Ok(answer)
    }

    /// Signs in and must be.
    pub fn must_sign_in(&mut self, email: &str, password: &str, code: &str) -> Result<()> {
        let answer = self.sign_in(email, password, code)?;
        if self.cookie.is_empty() {
            bail!("the drill could not be played: nobody was signed in, HTTP {}", answer.status);
        }
        Ok(())
    }

    /// Says with password and code that whoever is signed in is there.
    pub fn touch(&mut self, password: &str, code: &str) -> Result<bool> {
        const HERE: &str = "/api/fresh/still-here";
        let act = protocol::act_of("POST", HERE, "", &json!({}));
        let begun = self.post("/api/fresh", &json!({ "act": act }))?.json();
        let typed = json!({ "password_and_code": { "password": password, "code": code } });
        let fresh = json!({ "ceremony": begun["ceremony"], "shown": typed });
        Ok(self.post(HERE, &json!({ "fresh": fresh }))?.status == 204)
    }

    pub fn get(&mut self, address: &str) -> Result<Answer> {
        self.send("GET", address, &[])
    }

    pub fn post(&mut self, address: &str, body: &Value) -> Result<Answer> {
        self.send("POST", address, body.to_string().as_bytes())
    }

    /// A cookie that was taken elsewhere, used with this browser's own key.
    pub fn take(&mut self, cookie: &str, session: &str) {
        cookie.clone_into(&mut self.cookie);
        session.clone_into(&mut self.session);
    }

    /// The cookie alone, as whoever copied it sends it.
    pub fn get_without_proof(&self, address: &str) -> Result<Answer> {
        let cookie = format!("__Host-leadglass={}", self.cookie);
        http::ask(self.way, "GET", address, &[("Cookie", &cookie), ("X-Leadglass", "1")], &[])
    }

    /// As the pages send it: a proof whose nonce is too old is made anew once.
    fn send(&mut self, method: &str, address: &str, body: &[u8]) -> Result<Answer> {
        let first = self.send_once(method, address, body)?;
        if first.status == 401 && first.header("www-authenticate").is_some_and(|wanted| wanted.contains("nonce")) {
            return self.send_once(method, address, body);
        }
        Ok(first)
    }

    fn send_once(&mut self, method: &str, address: &str, body: &[u8]) -> Result<Answer> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let session = Some(self.session.as_str()).filter(|session| !session.is_empty());
        let at = format!("{}{path}", self.origin);
        let nonce = self.nonce.as_str();
        let jwt = self.signer.sign(&Claims { method, address: &at, nonce, query, body, session, token: None });
        let cookie = format!("__Host-leadglass={}", self.cookie);
        let mut headers = vec![
            ("DPoP", jwt.as_str()),
            ("X-Leadglass", "1"),
            ("Origin", self.origin.as_str()),
            ("User-Agent", self.name.as_str()),
        ];
        if !self.cookie.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        let answer = http::ask(self.way, method, address, &headers, body)?;
        if let Some(nonce) = answer.header("dpop-nonce") {
            nonce.clone_into(&mut self.nonce);
        }
        Ok(answer)
    }
}
