//! A person's browser: a key that signs each request, an authenticator, and a cookie.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dpop::{Claims, Signer, Thumbprint};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::client::{Answer, ask};

/// One request as it left the browser.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: String,
    pub jwt: String,
}

pub struct Browser {
    front: SocketAddr,
    pub origin: String,
    pub signer: Signer,
    pub authenticator: Authenticator,
    /// The cookie's value.
    pub token: String,
    /// 32 hexadecimal digits.
    pub session: String,
    nonce: String,
    /// Everything that was sent in the session.
    pub sent: Vec<Sent>,
}

impl Browser {
    /// Nobody is signed in yet.
    pub fn new(front: SocketAddr) -> Self {
        let origin = format!("http://localhost:{}", front.port());
        let mut authenticator = Authenticator::new(0);
        authenticator.credential_id = Signer::generate().thumbprint().0.to_vec();
        authenticator.origin.clone_from(&origin);
        authenticator.rp_id = "localhost".to_owned();
        let nothing = String::new;
        let signer = Signer::generate();
        let mut browser = Self {
            front,
            origin,
            signer,
            authenticator,
            token: nothing(),
            session: nothing(),
            nonce: nothing(),
            sent: vec![],
        };
        browser.renew_nonce();
        browser
    }

    /// Binds a passkey with the token of an enrolment link.
    pub fn enrol(&mut self, link: &str) {
        let key = self.signer.thumbprint();
        let begun = self.post("/api/enrolment/passkey/begin", &json!({ "token": link, "key": key })).json();
        let options = self.with_own_challenge(&begun);
        let credential: Value = serde_json::from_str(&self.authenticator.create(&options)).unwrap();
        let body = json!({ "token": link, "ceremony": begun["ceremony"], "credential": credential, "label": "test" });
        let finished = self.post("/api/enrolment/passkey/finish", &body);
        assert_eq!(finished.status, 200, "{}", String::from_utf8_lossy(&finished.body));
    }

    /// Signs in with the passkey.
    pub fn sign_in(&mut self) {
        let begun = self.post("/api/sign-in/passkey/begin", &json!({ "key": self.signer.thumbprint() })).json();
        let options = self.with_own_challenge(&begun);
        let credential: Value = serde_json::from_str(&self.authenticator.get(&options)).unwrap();
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let answer = self.post("/api/sign-in/passkey/finish", &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        self.signed_in(&answer);
    }

    /// Takes the cookie and the session of an answer that signs in.
    pub fn signed_in(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap();
        self.token = cookie.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
        self.session = answer.json()["session"].as_str().unwrap().to_owned();
    }

    /// What an honest page does: it computes the challenge from the nonce and its own key.
    pub fn with_own_challenge(&self, begun: &Value) -> String {
        let nonce = URL_SAFE_NO_PAD.decode(begun["nonce"].as_str().unwrap()).unwrap();
        let challenge = dpop::challenge(&nonce.try_into().unwrap(), self.signer.thumbprint(), None);
        let mut options = begun["options"].clone();
        options["publicKey"]["challenge"] = URL_SAFE_NO_PAD.encode(challenge).into();
        options.to_string()
    }

    pub fn get(&mut self, address: &str) -> Answer {
        self.send("GET", address, &[])
    }

    pub fn post(&mut self, address: &str, body: &Value) -> Answer {
        self.send("POST", address, body.to_string().as_bytes())
    }

    /// What this browser signs for a request.
    pub fn sign(&self, method: &str, path: &str, query: &str, body: &[u8], nonce: &str) -> String {
        let address = format!("{}{path}", self.origin);
        let session = Some(self.session.as_str()).filter(|session| !session.is_empty());
        self.signer.sign(&Claims { method, address: &address, nonce, query, body, session, token: None })
    }

    /// A request as the pages send it. A proof whose nonce is too old is made anew once.
    pub fn send(&mut self, method: &str, address: &str, body: &[u8]) -> Answer {
        self.send_as(method, address, "application/json", body)
    }

    /// The same with a body of another kind.
    pub fn send_as(&mut self, method: &str, address: &str, content_type: &str, body: &[u8]) -> Answer {
        let first = self.send_once(method, address, content_type, body);
        if first.status == 401 && first.header("www-authenticate").is_some_and(|wanted| wanted.contains("nonce")) {
            return self.send_once(method, address, content_type, body);
        }
        first
    }

    fn send_once(&mut self, method: &str, address: &str, content_type: &str, body: &[u8]) -> Answer {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        // the proof of an upload does not name its body
        let signed = if path.starts_with("/api/") { body } else { &[] };
        let jwt = self.sign(method, path, query, signed, &self.nonce);
        let cookie = format!("__Host-leadglass={}", self.token);
        let origin = self.origin.clone();
        let mut headers = vec![("DPoP", jwt.as_str()), ("X-Leadglass", "1"), ("Origin", origin.as_str())];
        if !self.token.is_empty() {
            headers.push(("Cookie", cookie.as_str()));
        }
        if !body.is_empty() {
            headers.push(("Content-Type", content_type));
        }
        let answer = ask(self.front, method, address, &headers, body);
        if let Some(nonce) = answer.header("dpop-nonce") {
            nonce.clone_into(&mut self.nonce);
        }
        if !self.token.is_empty() {
            let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
            self.sent.push(Sent { method, path, query, jwt });
        }
        answer
    }

    /// What the authenticator shows when it is touched for one act, as a request carries it.
    pub fn touch(&mut self, path: &str, body: &Value) -> Value {
        let act = protocol::act_of("POST", path, "", body);
        let begun = self.post("/api/fresh", &json!({ "act": act })).json();
        self.touched(act, &begun)
    }

    /// The same for a ceremony that has begun.
    pub fn touched(&mut self, act: Thumbprint, begun: &Value) -> Value {
        let nonce = URL_SAFE_NO_PAD.decode(begun["nonce"].as_str().unwrap()).unwrap();
        let challenge = dpop::challenge(&nonce.try_into().unwrap(), self.signer.thumbprint(), Some(act));
        let mut options = begun["options"].clone();
        options["publicKey"]["challenge"] = URL_SAFE_NO_PAD.encode(challenge).into();
        let credential = self.authenticator.get(&options.to_string());
        json!({ "ceremony": begun["ceremony"], "shown": { "passkey": { "credential": credential } } })
    }

    pub fn renew_nonce(&mut self) {
        let answer = ask(self.front, "GET", "/api/health", &[], &[]);
        self.nonce = answer.header("dpop-nonce").unwrap_or_default().to_owned();
    }

    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}
