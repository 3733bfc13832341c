//! DICOM over TCP (PS3.7, PS3.8): Verification (C-ECHO) and Storage (C-STORE) as SCP.
//!
//! Every storage SOP class is taken in every transfer syntax as it comes; nothing is transcoded. A device is admitted by
//! AE title, address and, over TLS (PS3.15 B.12), the certificate that it is bound to before its association is accepted, and
//! asked for again at every service. Reading over DIMSE (C-FIND, C-MOVE, C-GET) is not offered: its contexts are refused.
//!
//! One thread serves one association. Data sets stream from the socket through the scanner and the seal, so an object of
//! any size costs the memory of a few buffers. Everything from outside has a limit, in [`DimseLimits`].
//!
//! [`sender`] is a C-STORE SCU, used by `demo`, `bench` and tests.

mod association;
mod command;
mod connection;
mod data_set;
mod devices;
mod limits;
pub mod sender;
mod server;
mod service;
mod status;
mod stream;

pub use devices::Devices;
pub use limits::DimseLimits;
pub use server::{DimseServer, Settings};
pub use status::{StoreStatus, store_status};
