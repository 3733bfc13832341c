//! Verification and Storage over real sockets: DCMTK as a real client, and peers that do what no client should.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::disallowed_macros, missing_docs, dead_code)]

mod dcmtk;
mod hostile;
mod memory;
#[path = "../../../archive/tests/it/objects.rs"]
mod objects;
mod peer;
mod server;
mod stores;
mod tls;
#[path = "../../../archive/tests/it/warden.rs"]
mod warden;
