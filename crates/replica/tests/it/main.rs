//! The vault through its front door.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_macros)]

mod damage;
mod init;
mod interrupted;
mod round_trip;
mod support;
mod while_serving;
