//! The warden from outside: its socket, its disk, and records as a front would hand them over.
#![allow(clippy::unwrap_used)]

mod accounts;
mod answering;
mod approving;
#[path = "../../../identity/tests/it/authenticator.rs"]
#[allow(dead_code)]
mod authenticator;
mod browser;
mod bundling;
mod cold;
mod cold_deciding;
mod emergency;
mod erasing;
mod exchange;
mod exposing;
mod failing;
mod filing;
mod gates;
mod holder;
mod leaving;
mod moving;
mod ordering;
mod ordering_cases;
mod proving;
mod raising;
mod reaching;
mod repeating;
mod replacing;
mod restoring;
mod rooting;
mod second_folder;
mod sender;
mod sharing;
mod sharing_limits;
mod sharing_many;
mod shredding;
mod signing_in;
mod signs;
mod site;
mod thief;
mod tokens;
mod touching;
mod waiting;
