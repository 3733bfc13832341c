//! Sessions: stolen ones, and one login on several devices.

use std::net::Ipv4Addr;

use anyhow::Result;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::command::drill::browser::Browser;
use crate::command::drill::rows::Rows;

/// Where the second device of the shared login is, and where the thief of a cookie is.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// What the evidence of a finding is called that says that a login is shared.
const SIGN_OF_SHARING: &str = "parallel-sessions";

/// The fact of the incident.
const SHARED: &str = "the logins were apparently shared by several people, and nothing told them apart";

/// The attacker's browsers, with everything that the owners have.
pub struct SignedIn {
    /// One of each account, in their order.
    pub first: Vec<Browser>,
    /// A second device on the radiologist's account.
    pub second: Browser,
}

impl SignedIn {
    /// How many of the sessions still live.
    pub fn alive(&mut self) -> Result<u32> {
        let mut alive = 0;
        for browser in self.first.iter_mut().chain([&mut self.second]) {
            alive += u32::from(browser.get("/api/session")?.status == 200);
        }
        Ok(alive)
    }
}

/// Signs in everywhere with passwords and codes.
pub fn sign_in(scene: &mut Scene) -> Result<SignedIn> {
    let mut first = Vec::new();
    for number in 0..scene.accounts.len() {
        first.push(signed_in(scene, number, Ipv4Addr::LOCALHOST)?);
    }
    let second = signed_in(scene, scene.accounts.len() - 1, ELSEWHERE)?;
    Ok(SignedIn { first, second })
}

fn signed_in(scene: &mut Scene, number: usize, from: Ipv4Addr) -> Result<Browser> {
    let mut browser = scene.browser_from(from, &format!("device at {from}"))?;
    let account = &mut scene.accounts[number];
    let code = account.code();
    browser.must_sign_in(account.email, account.password, &code)?;
    Ok(browser)
}

/// The cookie alone, and the cookie with a key of the thief's own.
pub fn stolen(rows: &mut Rows, scene: &Scene, signed_in: &SignedIn) -> Result<()> {
    rows.about("some of the logins were taken by malware in referrers' browsers");
    let before = entries_of(scene, "proof-refused")?;
    let (mut tries, mut answered) = (0, Vec::new());
    for victim in &signed_in.first {
        let mut thief = scene.browser_from(ELSEWHERE, "thief")?;
        thief.take(&victim.cookie, victim.session());
        answered.push(thief.get_without_proof("/dicom-web/studies")?.status);
        answered.push(thief.get("/dicom-web/studies")?.status);
        tries += 2;
    }
    let entered = entries_of(scene, "proof-refused")?.saturating_sub(before);
    rows.played(
        "a session cookie opens nothing away from its browser's key, and each try is an entry",
        answered.iter().all(|status| *status == 401) && entered > 0,
        format!("{tries} requests with three live cookies, without the key and with another one: HTTP {answered:?}; {entered} entries `proof-refused`"),
    );
    Ok(())
}

/// One login on two devices at once.
pub fn shared(rows: &mut Rows, scene: &Scene, signed_in: &SignedIn) -> Result<()> {
    rows.about(SHARED);
    let sessions: Vec<&str> =
        signed_in.first.last().into_iter().chain([&signed_in.second]).map(Browser::session).collect();
    let entries = entries(scene, "signed-in")?;
    let whose =
        |session: &str| entries.iter().find(|entry| entry["session"] == session).cloned().unwrap_or(Value::Null);
    let told: Vec<Value> = sessions.iter().map(|session| whose(session)).collect();
    let own = told.iter().all(|entry| entry["person"].is_u64() && entry["person"] == told[0]["person"]);
    rows.played(
        "an account is one person, and each device signs in by itself",
        own && sessions[0] != sessions[1],
        format!("{} sessions of one account, each after its own password and code, each in the ledger by person, session and address", sessions.len()),
    );
    Ok(())
}

/// After two devices worked in turns: whether the officer reads of it.
pub fn sign(rows: &mut Rows, scene: &Scene) -> Result<()> {
    rows.about(SHARED);
    let findings = scene.site.ok(&["findings", "list"], "")?;
    let found =
        findings.as_array().into_iter().flatten().find(|row| row["finding"]["evidence"].get(SIGN_OF_SHARING).is_some());
    let sentence = found.and_then(|row| row["sentence"].as_str()).unwrap_or("no such finding").to_owned();
    rows.played("a login on two devices at once is a finding", found.is_some(), sentence);
    Ok(())
}

/// How many entries of this kind there are.
fn entries_of(scene: &Scene, kind: &str) -> Result<usize> {
    Ok(entries(scene, kind)?.len())
}

/// The newest entries of a kind.
fn entries(scene: &Scene, kind: &str) -> Result<Vec<Value>> {
    let all = scene.newest_entries()?;
    Ok(all.into_iter().filter(|entry| entry["kind"] == json!(kind)).collect())
}
