//! Reports as people and authorities get them.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "tests print and write what they like")]

mod drawing;
mod notices;
mod samples;
mod signed;
