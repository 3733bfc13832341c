//! The built program, through its front doors.
#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod clients;
mod commands;
mod corpus;
mod crash;
mod installation;
mod reach;
mod thief;
mod vault;
