//! The warden: the process that decides, remembers and releases.
//!
//! It alone opens `DIR/warden` and `DIR/ledger`. It parses nothing that comes from outside: data sets stay in the front, which
//! speaks to it in the messages of [`protocol`]. The flows are one file each: [`handover`](self), [`list`](self), [`open`](self).
//! A list of names and a key leave only after their entry is durable, by the three proof values: `policy::Grant` →
//! `audit::Receipt` → [`Release`].

mod announce;
mod approvals;
mod break_glass;
mod cases;
mod database;
mod handover;
mod init;
mod leases;
mod list;
mod open;
mod pages;
mod people;
mod relations;
mod release;
mod removals;
mod secrets;
mod service;
mod sign_in;
mod state;
mod subject;

pub use database::{Database, DatabaseError};
pub use init::{InitError, MadeSite, NewSite, PASSPHRASE_CHARACTERS_MIN, init};
pub use release::Release;
pub use service::{HANDOVER_RECORDS_MAX, keep_house, serve};
pub use state::{Channel, Settings, StartError, Unseal, Warden};
