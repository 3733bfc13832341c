//! The ledger from outside: through its public face and its files.
#![allow(clippy::unwrap_used)]

mod exposure;
mod ledger;
mod site;
mod verify;
