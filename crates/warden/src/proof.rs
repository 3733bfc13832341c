//! Session proofs: that a request comes from the browser that signed in, asks for this, and was not used before.
//!
//! The warden verifies every proof itself (RFC 9449): signature, address, query and body, the key that the session is
//! bound to, a nonce of the last minutes, and that the message from the front is what the browser signed. A front holds
//! cookies and proofs that went through it; neither lets it ask for anything again.

use std::sync::Mutex;

use dpop::{Nonces, ProofError, Replays, Thumbprint};
use model::{DeviceId, Instant, Origin, PersonId, SessionId};
use protocol::{Asked, Asking, Proof, Refusal, TokenBinding};

use crate::pages::HELD;
use crate::refusals::{About, Refusals};
use crate::state::Warden;

/// What is known of proofs. In memory only: a restart takes no nonce of before.
pub(crate) struct Proofs {
    /// Scheme, host and port of the pages, as a browser writes them.
    origin: String,
    nonces: Nonces,
    /// The clock of nonces and replays: it began with the site's and no setting of that one moves it.
    began: (std::time::Instant, Instant),
    replays: Mutex<Replays<Holder>>,
    pub(crate) refusals: Mutex<Refusals>,
}

/// Whose uses are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Session(SessionId),
    Device(DeviceId),
    /// A browser that signs in.
    Key(Thumbprint),
}

/// The session that a proof must be for.
pub(crate) struct OfSession {
    pub(crate) session: SessionId,
    /// Whose; nobody who is known where a share link is open.
    pub(crate) person: Option<PersonId>,
    pub(crate) key: Option<Thumbprint>,
}

impl Proofs {
    pub(crate) fn new(page_origin: &str, key: &[u8; 32], now: Instant) -> Self {
        Self {
            origin: dpop::origin(page_origin),
            nonces: Nonces::new(key, now),
            began: (std::time::Instant::now(), now),
            replays: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    /// What the front hands out, the newest first.
    pub(crate) fn nonces(&self) -> Vec<String> {
        self.nonces.taken(self.now())
    }

    /// A clock that is set back brings no nonce back whose uses are forgotten.
    fn now(&self) -> Instant {
        let (began, at) = self.began;
        Instant(at.0.saturating_add(i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX)))
    }

    /// The parts that every proof has: signature, address, nonce.
    fn read(&self, proof: &Proof) -> Result<dpop::Proof, ProofError> {
        let read = dpop::Proof::verify(&proof.jwt, &proof.method, &format!("{}{}", self.origin, proof.path))?;
        let fresh = read.nonce().is_some_and(|nonce| self.nonces.takes(nonce, self.now()));
        fresh.then_some(read).ok_or(ProofError::Nonce)
    }

    /// The same, and that the session's browser made it for the query and body that it came with.
    fn read_of(&self, of: &OfSession, proof: &Proof) -> Result<dpop::Proof, ProofError> {
        let read = self.read(proof)?;
        if of.key != Some(read.key()) {
            return Err(ProofError::Key);
        }
        if read.session() != Some(&of.session.to_string()) {
            return Err(ProofError::Holder);
        }
        read.is_about(&proof.query, &proof.body).map(|()| read)
    }

    fn use_up(&self, holder: Holder, read: &dpop::Proof, what: &[u8]) -> Result<(), ProofError> {
        let mut replays = self.replays.lock().expect(HELD);
        replays.take(holder, read.jti(), what, self.now()).map_err(|_| ProofError::Replayed)
    }
}

impl Warden {
    /// Holds a message of a session against its proof.
    pub(crate) async fn prove_session(
        &self,
        of: &OfSession,
        proof: &Proof,
        asking: Asking<'_>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let proved = self.session_proof(of, proof, asking)?;
        let about = About::Session(of.person, of.session);
        self.or_counted(proved, about, origin, now).await
    }

    fn session_proof(
        &self,
        of: &OfSession,
        proof: &Proof,
        asking: Asking<'_>,
    ) -> Result<Result<(), ProofError>, Refusal> {
        let read = match self.proofs.read_of(of, proof) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        if !self.is_asked(proof, asking)? {
            return Ok(Err(ProofError::Request));
        }
        Ok(self.proofs.use_up(Holder::Session(of.session), &read, &digest_of(asking)))
    }

    /// That the session's browser asks to be signed out.
    pub(crate) async fn prove_sign_out(
        &self,
        of: &OfSession,
        proof: &Proof,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let proved = self.proofs.read_of(of, proof).and_then(|read| {
            if proof.method != "POST" || proof.path != "/api/sign-out" {
                return Err(ProofError::Request);
            }
            self.proofs.use_up(Holder::Session(of.session), &read, b"sign out")
        });
        self.or_counted(proved, About::Session(of.person, of.session), origin, now).await
    }

    /// Whether the message is what the browser's request asks for. The registry says which study a number is.
    fn is_asked(&self, proof: &Proof, asking: Asking<'_>) -> Result<bool, Refusal> {
        if !proof.path.starts_with("/api/studies/") {
            return Ok(Asked::of(proof, |_| None).asks_for(asking, |_| Vec::new()));
        }
        let registry = self.readable_registry()?;
        let asked = Asked::of(proof, |number| registry.study(model::StudyNumber(number)).map(|row| row.uid));
        Ok(asked.asks_for(asking, |study| {
            let studies = model::Uid::parse(study).map(|uid| registry.studies_by_uid(&uid)).unwrap_or_default();
            let rows = studies.into_iter().filter_map(|study| registry.study(study));
            rows.map(|row| (row.patient.id, row.patient.issuer)).collect()
        }))
    }

    /// Holds a device's token against what it is bound to.
    pub(crate) async fn prove_device(
        &self,
        (device, bound): (DeviceId, TokenBinding),
        token: &str,
        shown: (Option<&Proof>, Option<Thumbprint>),
        asking: Asking<'_>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let proved = match (bound, shown) {
            (TokenBinding::Certificate(bound), (_, Some(certificate))) if bound == certificate => Ok(()),
            (TokenBinding::Certificate(_), (_, certificate)) => {
                Err(certificate.map_or(ProofError::Missing, |_| ProofError::Key))
            }
            (TokenBinding::Dpop(_), (None, _)) => Err(ProofError::Missing),
            (TokenBinding::Dpop(bound), (Some(proof), _)) => {
                let read = self.proofs.read(proof).and_then(|read| {
                    read.is_for_token(token)?;
                    if read.key() != bound {
                        return Err(ProofError::Key);
                    }
                    read.is_about_where_it_says(&proof.query, &proof.body).map(|()| read)
                });
                match read {
                    // method and path are signed by every client, the query by those that say so
                    Ok(_) if !self.is_asked(proof, asking)? => Err(ProofError::Request),
                    Ok(read) => self.proofs.use_up(Holder::Device(device), &read, &digest_of(asking)),
                    Err(error) => Err(error),
                }
            }
        };
        self.or_counted(proved, About::Device(device), origin, now).await
    }

    /// The key that a browser which signs in shows that it holds.
    pub(crate) fn prove_sign_in(&self, proof: &Proof, path: &str) -> Result<Thumbprint, Refusal> {
        let proved = self.proofs.read(proof).and_then(|read| {
            if proof.method != "POST" || proof.path != path {
                return Err(ProofError::Address);
            }
            read.is_about(&proof.query, &proof.body)?;
            self.proofs.use_up(Holder::Key(read.key()), &read, b"sign in")?;
            Ok(read.key())
        });
        proved.map_err(refusal_of)
    }

    async fn or_counted(
        &self,
        proved: Result<(), ProofError>,
        about: About,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Err(error) = proved else { return Ok(()) };
        self.count_refusal(about, error.word(), origin, now).await?;
        Err(refusal_of(error))
    }
}

fn refusal_of(error: ProofError) -> Refusal {
    match error {
        ProofError::Nonce => Refusal::ProofNonce,
        _ => Refusal::Proof,
    }
}

/// What names a message among those that one proof may be used for.
fn digest_of(asking: Asking<'_>) -> Vec<u8> {
    let (kind, bytes) = match asking {
        Asking::List(request) => (0, postcard::to_stdvec(request)),
        Asking::Open(request) => (1, postcard::to_stdvec(request)),
        Asking::Page(request) => (2, postcard::to_stdvec(request)),
        Asking::Order(ask) => (3, postcard::to_stdvec(ask)),
    };
    [&[kind], bytes.expect("messages are postcard").as_slice()].concat()
}
