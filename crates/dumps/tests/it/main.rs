//! Known logins in every shape of dump, and in bytes that are none.
#![allow(clippy::unwrap_used, missing_docs)]

mod packings;
mod shapes;
mod told;

use dumps::{Found, Match, Scanner, Wanted, folded};
use leaks::{LoginDigests, LoginKey};

pub fn wanted(addresses: &[&str]) -> Wanted {
    let key = LoginKey::new([7; 32]);
    let name = |address: &str| folded(address).rsplit_once('@').unwrap().0.to_owned();
    let addresses_of: LoginDigests = addresses.iter().map(|address| key.digest(&folded(address))).collect();
    let names = addresses.iter().map(|address| key.digest(&name(address))).collect();
    Wanted { key, addresses: addresses_of, names }
}

pub const PEOPLE: [&str; 3] = ["Anna.Beispiel@klinik.example", "jörg@praxis.example", "rsmith@x.example"];

pub fn found(text: &[u8]) -> Found {
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    scanner.text(text, |_| Ok(())).unwrap();
    scanner.into_found()
}

/// Whether a text gives a login with a password among its readings.
#[track_caller]
pub fn check(text: &str, by: Match, login: &str, password: &str) {
    let found = found(text.as_bytes());
    let Some(login) = found.get(by, login) else { panic!("{login} is not in {found:?}, from {text:?}") };
    let passwords: Vec<&str> = login.passwords.iter().map(|password| password.as_str()).collect();
    assert!(passwords.contains(&password), "{passwords:?} of {text:?}");
    // each reading costs a slow hash
    assert!(passwords.len() <= 4, "{passwords:?} of {text:?}");
}
