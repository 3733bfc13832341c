//! The warden from outside: its socket, its disk, and records as a front would hand them over.
#![allow(clippy::unwrap_used)]

mod answering;
mod approving;
#[path = "../../../identity/tests/it/authenticator.rs"]
#[allow(dead_code)]
mod authenticator;
mod browser;
mod cold;
mod emergency;
mod exposing;
mod failing;
mod filing;
mod holder;
mod leaving;
mod proving;
mod reaching;
mod repeating;
mod restoring;
mod sender;
mod shredding;
mod signing_in;
mod site;
mod thief;
mod touching;
