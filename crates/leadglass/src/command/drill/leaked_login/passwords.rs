//! What a password alone is worth: short ones, known ones, and a dump that holds the right ones.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::harvest::Taken;
use super::scene::Scene;
use super::sessions::SignedIn;
use crate::command::drill::played::text;
use crate::command::drill::rows::Rows;
use crate::output::write_new;

/// Stands in a list of leaked passwords, and is long enough for anybody.
const KNOWN: &str = "vortrag kastanie 41 regal";
/// SHA-1 of it, as Pwned Passwords has it.
const KNOWN_SHA1: &str = "5A76EA64BC7A851CE6469BC7E6B118DED0C1FA99";
/// SHA-1 of the first account's password, which leaks while it is in use.
const FIRST_SHA1: &str = "79945A4225FE2B04985F51D5A7795E87A986C857";
/// What its owner chooses then.
const ANOTHER: &str = "fenster ahorn 90 trommel";
/// Lines of the dump that are about others.
const DUMP_LINES: u32 = 20_000;

/// Passwords as long as those of the incident.
pub fn short(rows: &mut Rows, scene: &mut Scene) -> Result<()> {
    rows.about("the three passwords were three to five letters long");
    let mut refused = Vec::new();
    for account in &scene.accounts {
        let mut browser = scene.browser("owner")?;
        let answer = browser.set_password(&account.link, account.short)?;
        let answer = answer.err().map(|answer| (answer.status, answer.json().to_string()));
        refused.push((account.short.len(), answer));
    }
    let held = refused.iter().all(|(_, answer)| matches!(answer, Some((400, said)) if said.contains("too-short")));
    let said: Vec<String> = refused
        .iter()
        .map(|(length, answer)| match answer {
            Some((status, _)) => format!("{length} letters: HTTP {status}"),
            None => format!("{length} letters: taken"),
        })
        .collect();
    rows.played(
        "a password of three to five letters is refused when it is set",
        held,
        format!("{}; the reason given is `too-short`", said.join(", ")),
    );
    Ok(())
}

/// Passwords that a list has: when they are set, and when the list comes later.
pub fn known(rows: &mut Rows, scene: &mut Scene) -> Result<()> {
    rows.about("the passwords stood in old dumps, for over a year, and went on working");
    load(scene, "known", KNOWN_SHA1)?;
    let mut refused = 0;
    for account in &mut scene.accounts {
        let mut browser = crate::command::drill::browser::Browser::at(LOCAL, scene.front, "owner")?;
        let answer = browser.set_password(&account.link, KNOWN)?;
        refused += usize::from(answer.is_err_and(|answer| answer.json().to_string().contains("leaked")));
        match browser.set_password(&account.link, account.password)? {
            Ok(codes) => account.codes = codes,
            Err(answer) => bail!("the drill could not be played: a password was refused, {}", answer.json()),
        }
    }
    let all = scene.accounts.len();
    rows.played(
        "a password that is known from a leak is refused when it is set",
        refused == all,
        format!("{refused} of {all} accounts were refused a long password of a loaded list, with the reason `leaked`"),
    );
    load(scene, "later", FIRST_SHA1)?;
    let mut browser = scene.browser("owner")?;
    let Some(account) = scene.accounts.first_mut() else { bail!("the drill has no account") };
    let code = account.code();
    let answer = browser.sign_in(account.email, account.password, &code)?;
    let (status, said) = (answer.status, answer.json());
    let no_session = browser.cookie.is_empty();
    let link = said["choose_another"].as_str().unwrap_or_default();
    let again = browser.set_password(link, account.password)?.err().map(|answer| answer.status);
    let code = account.code();
    if !browser.choose_another(link, ANOTHER, &code)? {
        bail!("the drill could not be played: no other password could be chosen");
    }
    account.password = ANOTHER;
    rows.played(
        "a password that leaks later opens no session from the next list on",
        no_session && !link.is_empty() && again == Some(400),
        format!(
            "right password and right code after the list was loaded: HTTP {status}, no session, only the choice of another one; the same one again: HTTP {}",
            again.unwrap_or_default()
        ),
    );
    Ok(())
}

/// The right password and nothing else.
pub fn alone(rows: &mut Rows, scene: &mut Scene) -> Result<()> {
    rows.about("there was no second factor: name and password opened the portal");
    let (mut tries, mut sessions) = (0, 0);
    for account in &scene.accounts {
        for code in ["", "000000"] {
            let mut browser = scene.browser("attacker")?;
            browser.sign_in(account.email, account.password, code)?;
            tries += 1;
            sessions += u32::from(!browser.cookie.is_empty());
        }
    }
    let stranger = scene.browser("attacker")?.get("/dicom-web/studies")?.status;
    rows.played(
        "a right password alone opens no session",
        sessions == 0 && stranger == 401,
        format!("{tries} sign-ins with three right passwords and no or a wrong code: {sessions} sessions; the list without a session: HTTP {stranger}"),
    );
    Ok(())
}

/// A dump as malware writes it, with all three logins in it.
pub fn dump(rows: &mut Rows, scene: &mut Scene, signed_in: &mut SignedIn, taken: &[Taken]) -> Result<()> {
    rows.about("the logins had circulated for over a year before anybody looked; what was reachable was never said");
    let mut lines = String::new();
    for number in 0..DUMP_LINES {
        lines.push_str(&format!("https://shop{number}.example/:somebody{number}@mail.example:pass{number}\n"));
    }
    for account in &scene.accounts {
        lines.push_str(&format!("https://portal.network.example/login:{}:{}\r\n", account.email, account.password));
    }
    let file = scene.folder.join("dump.txt");
    write_new(&file, lines.as_bytes())?;
    let checked = scene.site.ok(&["leaks", "check", text(&file)?], "")?;
    let verified = checked["verified"].as_array().cloned().unwrap_or_default();
    let of = |email: &str| verified.iter().find(|row| row["email"] == email).cloned().unwrap_or(Value::Null);
    let (mut exact, mut said) = (true, Vec::new());
    for (account, taken) in scene.accounts.iter().zip(taken) {
        let row = of(account.email);
        exact &= row["opened"]["patients"] == json!(taken.opened.len()) && row["listed"]["patients"].is_u64();
        let [reachable, listed, opened] = ["reachable", "listed", "opened"].map(|what| row[what]["patients"].clone());
        said.push(format!("incident {}: {reachable} reachable, {listed} listed, {opened} opened", row["incident"]));
    }
    let alive = signed_in.alive()?;
    let mut back = 0;
    for account in &mut scene.accounts {
        let mut browser = crate::command::drill::browser::Browser::at(LOCAL, scene.front, "attacker")?;
        let code = account.code();
        browser.sign_in(account.email, account.password, &code)?;
        back += u32::from(!browser.cookie.is_empty());
    }
    let all = scene.accounts.len();
    rows.played(
        "a dump with the logins locks their accounts, and says what they exposed",
        verified.len() == all && exact && alive == 0 && back == 0,
        format!(
            "{} lines: {} of {all} accounts locked; {}; sessions alive: {alive}, sign-ins with everything right: {back}",
            checked["lines"],
            verified.len(),
            said.join("; ")
        ),
    );
    Ok(())
}

const LOCAL: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;

fn load(scene: &Scene, name: &str, sha1: &str) -> Result<()> {
    let file = scene.folder.join(format!("{name}.txt"));
    write_new(&file, format!("{sha1}:3\n").as_bytes())?;
    let loaded = scene.site.ok(&["leaks", "load", text(&file)?, "--name", name], "")?;
    loaded["hashes"].as_u64().filter(|hashes| *hashes == 1).map(drop).context("the list was not loaded; play it again")
}
