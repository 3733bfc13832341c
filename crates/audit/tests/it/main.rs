//! The ledger from outside: through its public face and its files.
#![allow(clippy::unwrap_used)]

mod crash;
mod exposure;
mod golden;
mod ledger;
mod site;
mod verify;
