//! What checking one proof costs (RFC 9449), apart from everything else that a request does: the warden does this once for
//! each message of a session, and the front once for each request.

use std::time::{Duration, Instant as Clock};

use anyhow::{Context, Result, ensure};
use dpop::{Claims, Nonces, Proof, Replays, Signer, USES_PER_HOLDER_MAX};
use model::SessionId;

use super::rows::Rows;
use super::site;

/// People who are signed in.
const SESSIONS: usize = 50;
/// Proofs of each, which is far from what is remembered at most.
const PROOFS: usize = 1_000;
const _: () = assert!(PROOFS < USES_PER_HOLDER_MAX);

const ORIGIN: &str = "https://images.example.org";
const PATH: &str = "/api/studies";
const QUERY: &str = "words=muster&limit=50";

struct Made {
    jwt: String,
    session: SessionId,
    key: dpop::Thumbprint,
}

/// One thread, one proof after the other, each another one.
pub fn measure(rows: &mut Rows) -> Result<()> {
    let now = site::now();
    let nonces = Nonces::new(&[7; 32], now);
    let nonce = nonces.taken(now).into_iter().next().context("there is a nonce at every time")?;
    let address = format!("{ORIGIN}{PATH}");
    let mut made = Vec::with_capacity(SESSIONS * PROOFS);
    for number in 0..SESSIONS {
        let (signer, session) = (Signer::generate(), SessionId([number as u8; 16]));
        let name = session.to_string();
        let claims = Claims {
            method: "GET",
            address: &address,
            nonce: &nonce,
            query: QUERY,
            body: b"",
            session: Some(&name),
            token: None,
        };
        made.extend((0..PROOFS).map(|_| Made { jwt: signer.sign(&claims), session, key: signer.thumbprint() }));
    }

    let mut times = Times { verified: Vec::new(), remembered: Vec::new(), whole: Vec::new() };
    let mut replays = Replays::default();
    for Made { jwt, session, key } in &made {
        let began = Clock::now();
        let read = Proof::verify(jwt, "GET", &address)?;
        let holds = read.nonce().is_some_and(|nonce| nonces.takes(nonce, now))
            && read.key() == *key
            && read.session() == Some(&session.to_string());
        read.is_about(QUERY, b"")?;
        let verified = began.elapsed();
        let fresh = replays.take(*session, read.jti(), b"list", now).is_ok();
        let whole = began.elapsed();
        ensure!(holds && fresh, "a good proof was refused");
        times.verified.push(verified);
        times.remembered.push(whole - verified);
        times.whole.push(whole);
    }
    // and what it is for: the second time each is refused
    let again = made.iter().filter(|one| {
        let jti = Proof::verify(&one.jwt, "GET", &address).map(|read| read.jti().to_owned());
        jti.is_ok_and(|jti| replays.take(one.session, &jti, b"list", now).is_ok())
    });
    ensure!(again.count() == 0, "a proof was taken twice");

    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let mean = |times: &[Duration]| micros(times.iter().sum::<Duration>()) / times.len() as f64;
    times.whole.sort_unstable();
    let place = |of: usize| micros(times.whole[times.whole.len() * of / 100]);
    let each = mean(&times.whole);
    let measured = format!(
        "{each:.0} µs each = {:.0}/s (p50 {:.0} µs, p99 {:.0} µs; verifying {:.1} µs, replay memory {:.2} µs)",
        1e6 / each,
        place(50),
        place(99),
        mean(&times.verified),
        mean(&times.remembered),
    );
    rows.row("checking a proof, one core", &measured, "none: measured apart", None);
    rows.note(format!(
        "Proofs: {} of {SESSIONS} sessions, ES256, with query, nonce and session; releases above are asked for by a device whose token is bound to nothing.",
        made.len()
    ));
    Ok(())
}

struct Times {
    /// Signature, address, query and body, nonce, key and session.
    verified: Vec<Duration>,
    /// That it was not used before.
    remembered: Vec<Duration>,
    whole: Vec<Duration>,
}
