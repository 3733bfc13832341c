//! The front's use cases through their front door, against a warden in the same process that opens with a real key.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_macros, missing_docs, dead_code)]

mod front;
mod handover;
mod ingest;
mod objects;
mod open;
mod pulse;
mod shared;
mod warden;
