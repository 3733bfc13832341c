//! The portal through its front door: a real server, a real store, a real socket, and a warden of the tests' own.
#![allow(clippy::unwrap_used, missing_docs)]

mod browser;
mod contract;
mod dicom;
mod double;
mod frames;
mod harness;
mod hostile;
mod qido;
mod real;
mod requests;
mod schema;
mod slow;
mod stow;
mod strangers;
mod tls;
mod wado;
