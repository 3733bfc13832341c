//! A ledger, a witness and the courier between them, over HTTP.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "tests write what they like")]

mod courier;
mod https;
mod role;
mod site;
