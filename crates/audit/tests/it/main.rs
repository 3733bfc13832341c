//! The ledger from outside: through its public face and its files.
#![allow(clippy::unwrap_used)]
// tests damage files on purpose, and need no durability for it
#![allow(clippy::disallowed_methods)]

mod crash;
mod erasure;
mod exposure;
mod golden;
mod ledger;
mod refold;
mod sinks;
mod site;
mod verify;
