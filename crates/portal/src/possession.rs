//! What a request shows beside its token: a proof of its key (RFC 9449), verified here before a lease serves it and by the
//! warden before anything is released.
//!
//! The front refuses only what was sent twice. Every other proof that does not hold goes to the warden as it is: it
//! decides, and counts it in the ledger.

use std::sync::{Arc, Mutex, PoisonError};

use archive::{Clock, WardenLink};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use dpop::{Replays, Thumbprint};
use protocol::{Proof, Refusal};

use crate::body::read_whole;
use crate::credential;
use crate::errors::Failure;
use crate::json;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The proof of a request, among its extensions.
#[derive(Clone)]
pub(crate) struct Shown(pub(crate) Box<Proof>);

/// The certificate that a client showed when it connected, among a request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientCertificate(pub(crate) Thumbprint);

/// Verifies proofs as the front can: with the nonces that the warden told it last.
#[derive(Clone)]
pub(crate) struct Possession {
    origin: Arc<str>,
    link: WardenLink,
    clock: Clock,
    replays: Arc<Mutex<Replays<Thumbprint>>>,
}

impl Possession {
    pub(crate) fn new(public_origin: &str, link: WardenLink) -> Self {
        Self { origin: dpop::origin(public_origin).into(), link, clock: Clock::system(), replays: Arc::default() }
    }

    /// Puts the proof beside the request. The body of a change is read for it, since the proof names it; an upload is not.
    pub(crate) async fn attach(&self, request: Request) -> Result<Request, Failure> {
        let by_cookie = credential::session(request.headers()).is_some();
        if !by_cookie && !request.headers().contains_key(DPOP) {
            return Ok(request);
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let (mut parts, body) = request.into_parts();
        let upload = !parts.uri.path().starts_with("/api/");
        let (bytes, body) = if reads || upload {
            (Vec::new(), body)
        } else {
            let bytes = read_whole(body, json::bytes_max(parts.uri.path())).await?;
            (bytes.to_vec(), Body::from(bytes))
        };
        let mut proof = Proof {
            jwt: header_value(&parts.headers),
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: bytes,
            key: None,
        };
        proof.key = self.key_of(&proof, credential::token(&parts.headers).as_deref())?;
        parts.extensions.insert(Shown(Box::new(proof)));
        Ok(Request::from_parts(parts, body))
    }

    /// The key, when the proof holds here; an error when it was sent before.
    fn key_of(&self, proof: &Proof, token: Option<&str>) -> Result<Option<Thumbprint>, Failure> {
        let address = format!("{}{}", self.origin, proof.path);
        let Ok(read) = dpop::Proof::verify(&proof.jwt, &proof.method, &address) else { return Ok(None) };
        let about = match token {
            Some(token) => read.is_for_token(token),
            None => read.is_about(&proof.query, &proof.body),
        };
        let fresh = read.nonce().is_some_and(|nonce| self.link.proof_nonces().iter().any(|taken| taken == nonce));
        if about.is_err() || !fresh {
            return Ok(None);
        }
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        match replays.take(read.key(), read.jti(), &[], self.clock.now()) {
            Ok(()) => Ok(Some(read.key())),
            Err(_) => Err(Failure::Refused(Refusal::Proof)),
        }
    }

    /// Hands out the newest nonce (section 8.2).
    pub(crate) fn hand_out(&self, headers: &mut HeaderMap) {
        if let Some(nonce) = self.link.proof_nonces().first()
            && let Ok(nonce) = HeaderValue::from_str(nonce)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
    }
}

/// The one `DPoP` header; what is not one is nobody's proof (section 4.3, check 1).
fn header_value(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(DPOP).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or(".").to_owned(),
        (None, _) => String::new(),
        (Some(_), Some(_)) => ".".to_owned(),
    }
}

/// What tells a client which proof is wanted (RFC 9449 section 7.1).
pub(crate) fn challenge(refusal: &Refusal) -> Option<(HeaderName, HeaderValue)> {
    let value = match refusal {
        Refusal::ProofNonce => "DPoP algs=\"ES256\", error=\"use_dpop_nonce\"",
        Refusal::Proof => "DPoP algs=\"ES256\", error=\"invalid_dpop_proof\"",
        _ => return None,
    };
    Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(value)))
}
