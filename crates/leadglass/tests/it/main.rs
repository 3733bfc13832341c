//! The built program, through its front doors.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "tests print and write what they like")]

mod accounts;
#[path = "../../../identity/tests/it/authenticator.rs"]
#[allow(dead_code, reason = "shared with the tests of identity")]
mod authenticator;
mod bound;
mod browser;
mod client;
mod clients;
mod cold;
mod commands;
mod contract;
mod corpus;
mod crash;
mod desk;
mod document;
mod drills;
mod fhir;
mod hl7;
mod hostile_front;
mod installation;
mod leak_ranges;
mod leaked_login;
mod ledger_files;
mod matrix;
mod new_root;
mod orders;
mod orders_hostile;
mod outsider;
mod peers;
mod persons;
mod private;
mod reach;
mod readable;
mod refold;
mod relay;
#[path = "../../../portal/tests/it/requests.rs"]
mod requests;
#[path = "../../../portal/tests/it/schema.rs"]
mod schema;
mod sessions;
mod sharing;
mod tang;
mod thief;
mod threats_dumps;
mod threats_format;
mod threats_history;
mod threats_insider;
mod threats_leaks;
mod threats_order;
mod threats_orders;
mod threats_pictures;
mod threats_ransomware;
mod threats_root;
mod threats_thief;
mod threats_walls;
mod threats_workstation;
mod two_machines;
mod unsealing;
mod vault;
mod witnesses;
