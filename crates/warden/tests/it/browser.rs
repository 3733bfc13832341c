//! Browsers of the tests: a key for each session, and the proofs that it signs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use dpop::{Claims, Signer};
use model::{Origin, SessionId};
use protocol::{Asking, Credential, Level, PageRequest, Proof, Scope, asked_by_page};

pub const ORIGIN: &str = "http://localhost:8443";

/// A browser in which somebody is signed in.
pub struct Browser {
    pub signer: Arc<Signer>,
    pub session: SessionId,
}

/// By the session's token, so that a credential works in a warden that was started again.
static BROWSERS: LazyLock<Mutex<HashMap<String, Arc<Browser>>>> = LazyLock::new(Mutex::default);

/// Keeps a browser in which somebody signed in, and gives the session with a proof that serves nothing.
pub fn keep(token: &str, signer: impl Into<Arc<Signer>>, session: SessionId) -> Credential {
    let browser = Browser { signer: signer.into(), session };
    let proof = Box::new(browser.proof(&Sent::new("GET", "/api/nothing", b""), ""));
    BROWSERS.lock().unwrap().insert(token.to_owned(), Arc::new(browser));
    Credential::Session { token: token.to_owned(), origin: Origin("10.0.0.7".into()), proof }
}

pub fn of(token: &str) -> Option<Arc<Browser>> {
    BROWSERS.lock().unwrap().get(token).cloned()
}

/// One request as a browser sends it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn new(method: &str, address: &str, body: &[u8]) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Self { method: method.into(), path: path.into(), query: query.into(), body: body.into() }
    }

    /// The request that asks for this.
    pub fn asking(asking: Asking<'_>) -> Self {
        match asking {
            Asking::List(request) => {
                let level = match request.level {
                    Level::Patient => "patients",
                    Level::Study => "studies",
                    Level::Series => "series",
                    Level::Instance => "instances",
                };
                let matches = request.matches.iter().map(|own| format!("&{:08X}={}", own.tag, own.value));
                let (offset, limit) = (request.offset, request.limit);
                let address =
                    format!("/dicom-web/{level}?offset={offset}&limit={limit}{}", matches.collect::<String>());
                Self::new("GET", &address, b"")
            }
            Asking::Open(request) if request.scope == Scope::Download => {
                Self::new("POST", &format!("/api/studies/{}/download", request.study), b"{}")
            }
            Asking::Open(request) => {
                let listing = if request.scope == Scope::Listing { "/metadata" } else { "" };
                Self::new("GET", &format!("/dicom-web/studies/{}{listing}", request.study), b"")
            }
            Asking::Page(request) => Self::page(request),
            Asking::Order(_) => panic!("no browser tells orders"),
        }
    }

    fn page(request: &PageRequest) -> Self {
        let (method, path) = asked_by_page(request).unwrap_or(("GET", "/api/nothing".to_owned()));
        let value = serde_json::to_value(request).unwrap();
        let fields = value.as_object().and_then(|variant| variant.values().next()).cloned();
        match fields {
            Some(fields) if method == "POST" => Self::new(method, &path, fields.to_string().as_bytes()),
            Some(fields) => {
                let mut query = Vec::new();
                pairs(&fields, &mut query);
                Self::new(method, &format!("{path}?{}", query.join("&")), b"")
            }
            None => Self::new(method, &path, b""),
        }
    }
}

fn pairs(fields: &serde_json::Value, into: &mut Vec<String>) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Object(_) => pairs(value, into),
            serde_json::Value::String(text) => into.push(format!("{name}={text}")),
            other => into.push(format!("{name}={other}")),
        }
    }
}

impl Browser {
    pub fn proof(&self, sent: &Sent, nonce: &str) -> Proof {
        sign(&self.signer, Some(&self.session.to_string()), sent, nonce)
    }
}

pub fn sign(signer: &Signer, session: Option<&str>, sent: &Sent, nonce: &str) -> Proof {
    let Sent { method, path, query, body } = sent.clone();
    let address = format!("{ORIGIN}{path}");
    let claims = Claims { method: &method, address: &address, nonce, query: &query, body: &body, session, token: None };
    Proof { jwt: signer.sign(&claims), method, path, query, body, key: Some(signer.thumbprint()) }
}

/// What a front sends that has no proof to send.
pub fn unsigned() -> Proof {
    let empty = String::new;
    Proof {
        jwt: empty(),
        method: "GET".into(),
        path: "/api/session".into(),
        query: empty(),
        body: Vec::new(),
        key: None,
    }
}

/// The credential with a proof for what is asked, where its token is of a session of these tests.
pub fn signed(credential: &Credential, asking: Asking<'_>, nonce: &str) -> Credential {
    signed_as(credential, &Sent::asking(asking), nonce)
}

/// The same for a request as it is.
pub fn signed_as(credential: &Credential, sent: &Sent, nonce: &str) -> Credential {
    let Credential::Session { token, origin, .. } = credential else { return credential.clone() };
    let Some(browser) = of(token) else { return credential.clone() };
    let proof = Box::new(browser.proof(sent, nonce));
    Credential::Session { token: token.clone(), origin: origin.clone(), proof }
}
