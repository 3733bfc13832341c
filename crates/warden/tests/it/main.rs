//! The warden from outside: its socket, its disk, and records as a front would hand them over.
#![allow(clippy::unwrap_used)]

mod answering;
mod approving;
mod browser;
mod cold;
mod emergency;
mod exposing;
mod failing;
mod filing;
mod holder;
mod leaving;
mod moving;
mod proving;
mod raising;
mod reaching;
mod repeating;
mod restoring;
mod sender;
mod shredding;
mod signing_in;
mod site;
mod thief;
mod touching;
mod waiting;
