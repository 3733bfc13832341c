//! Bytes from anybody as what the process that reads a dump tells of it: only who is here is heard, and no more than is kept.

#![no_main]

use std::sync::LazyLock;

use dumps::{Wanted, hear};
use leaks::{LoginDigests, LoginKey};
use libfuzzer_sys::fuzz_target;

static WANTED: LazyLock<Wanted> = LazyLock::new(|| {
    let key = LoginKey::new([7; 32]);
    let addresses: LoginDigests = ["a@b.c"].map(|address| key.digest(address)).into_iter().collect();
    let names = ["a"].map(|name| key.digest(name)).into_iter().collect();
    Wanted { key, addresses, names }
});

fuzz_target!(|input: &[u8]| {
    let told = hear(input, &WANTED, |_| {});
    for ((_, login), what) in told.found.into_sorted() {
        assert!(["a@b.c", "a"].contains(&login.as_str()));
        assert!(what.passwords.len() <= dumps::PASSWORDS_PER_LOGIN_MAX);
    }
    assert!(told.tokens.iter().all(|token| token.len() == 53));
});
