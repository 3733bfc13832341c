//! Messages as others write them, read; and everything that is none, refused.
#![allow(clippy::unwrap_used, missing_docs)]

mod fhir;
mod hostile;
mod reading;
