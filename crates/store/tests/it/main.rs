//! The store through its front door.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_macros)]

mod conformance;
mod crash;
mod damage;
mod limits;
mod outbox;
mod reading;
mod snapshot;
mod support;
