//! Both ends of C2SP tlog-witness: the witness, and the courier that takes a ledger's checkpoints to witnesses.
//!
//! - [`Witness`] keeps the latest checkpoint of each log that it knows and cosigns what continues it. It never cosigns
//!   two histories of one log and never a smaller tree after a larger one.
//! - [`serve()`] answers for it over HTTP.
//! - [`serve_tiles()`] answers for a ledger's hashes: checkpoint and tiles (C2SP tlog-tiles).
//! - [`Courier`] reads a ledger's folder, asks the witnesses for cosignatures, keeps them, and keeps what shows that a
//!   witness has seen more than the folder holds: then the ledger was rolled back.
//!
//! Neither end holds a key of the site. `docs/ledger.md` says how both are run.

mod answer;
mod client;
mod courier;
mod files;
mod logs;
mod ranges;
mod serve;
mod tiles;

pub use answer::Answer;
pub use client::{ClientError, Roots};
pub use courier::{Courier, CourierError, Report, Status, Told};
pub use logs::{InitError, Log, OpenError, Witness, WitnessError};
pub use ranges::{RANGE_DIGITS, RangeError, Ranges};
pub use serve::{BODY_BYTES_MAX, CONNECTIONS_MAX, serve};
pub use tiles::serve_tiles;
