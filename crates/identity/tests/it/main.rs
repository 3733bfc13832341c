//! Tests of identity through its front door. Refusals outnumber acceptances.

#![allow(clippy::unwrap_used)]
// entries are looked at where a test is about them
#![allow(unused_must_use)]

mod accounts;
mod authenticator;
mod directory;
mod enrolment;
mod histories;
mod leaked;
mod maker;
mod passkeys;
mod password_policy;
mod passwords;
mod records;
mod sessions;
mod site;
mod throttling;
mod touching;
