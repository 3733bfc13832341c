//! Bytes from anybody as a dump of stolen logins, plain and packed: read to the end, and nobody is kept who does not stand in them.

#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use dumps::{Input, Scanner, Wanted, unpacked};
use leaks::{LoginDigests, LoginKey};
use libfuzzer_sys::fuzz_target;

static WANTED: LazyLock<Wanted> = LazyLock::new(|| {
    let key = LoginKey::new([7; 32]);
    let addresses: LoginDigests =
        ["a@b.c", "jörg@praxis.example"].map(|address| key.digest(address)).into_iter().collect();
    let names = ["a", "jörg"].map(|name| key.digest(name)).into_iter().collect();
    Wanted { key, addresses, names }
});

fuzz_target!(|input: &[u8]| {
    let mut scanner = Scanner::new(WANTED.clone());
    let _ = unpacked(Input::stream(Box::new(Cursor::new(input.to_vec()))), &mut |text| scanner.text(text, |_| Ok(())));
    for ((_, login), what) in scanner.into_found().into_sorted() {
        assert!(["a@b.c", "jörg@praxis.example", "a", "jörg"].contains(&login.as_str()));
        assert!(what.lines > 0 && what.passwords.len() <= dumps::PASSWORDS_PER_LOGIN_MAX);
    }
});
