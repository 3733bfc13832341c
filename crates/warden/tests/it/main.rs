//! The warden from outside: its socket, its disk, and records as a front would hand them over.
#![allow(clippy::unwrap_used)]

mod answering;
mod approving;
mod emergency;
mod exposing;
mod failing;
mod filing;
mod leaving;
mod reaching;
mod restoring;
mod sender;
mod signing_in;
mod site;
