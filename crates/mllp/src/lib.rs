//! The port for orders: HL7 v2 in MLLP frames over TCP or TLS. It reads with [`orders`], asks the warden, answers; it decides nothing.
//!
//! A sender is a device of the site that may tell orders. Over TLS its certificate says which; in the clear its address and the name that
//! it gives in MSH-3 do. Nobody else is heard: in the clear a connection from an address that no such device has is closed before a byte of it
//! is read, over TLS one with a certificate that no such device is bound to.

mod connection;
mod server;

pub use server::{MllpLimits, MllpServer, Settings};
