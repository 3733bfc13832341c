//! The warden: the process that decides, remembers and releases.
//!
//! It alone opens `DIR/warden` and `DIR/ledger`. It parses nothing that comes from outside: data sets stay in the front, which
//! speaks to it in the messages of [`protocol`]. The flows are one file each: [`handover`](self), [`list`](self), [`open`](self).
//! A list of names and a key leave only after their entry is durable, by the three proof values: `policy::Grant` →
//! `audit::Receipt` → [`Release`].

mod accounts;
mod announce;
mod approvals;
mod break_glass;
mod budgets;
mod bundles;
mod cases;
mod cold;
mod database;
mod epochs;
mod erase;
mod fresh;
mod handover;
mod honey;
mod inherited;
mod init;
mod keyring;
mod leaked;
mod leases;
mod list;
mod moves;
mod new_root;
mod open;
mod orders;
mod pages;
mod people;
mod places;
mod proof;
mod ranges;
mod refusals;
mod relations;
mod release;
mod removals;
mod repeats;
mod rotate;
mod secrets;
mod service;
mod sharing;
mod shred;
mod sign_in;
mod state;
mod subject;
mod unseal;
mod warm;
mod watched;

pub use cold::KeyStep;
pub use database::{Database, DatabaseError};
pub use init::{InitError, MadeSite, NewSite, PASSPHRASE_CHARACTERS_MIN, init};
pub use leaked::LEAK_LISTS;
pub use new_root::{NewRoot, NewRootError, NoHooks, RootHooks, RootProgress, RootStep};
pub use places::{PLACES, read_places};
pub use release::Release;
pub use service::{HANDOVER_RECORDS_MAX, keep_house, serve};
pub use shred::VAULT_WINDOW_SNAPSHOTS;
pub use state::{Channel, Settings, StartError, Unseal, Warden};
