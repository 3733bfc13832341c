//! The line between a front and a warden on two machines: TLS 1.3 in which each side knows the other's public key, and nobody else's.
//!
//! ```text
//! front ──run/warden.sock──► [line: dial] ═══TCP, TLS═══► [line: listen] ──run/warden.sock──► warden
//! ```
//! On the front's machine the line looks like the warden's socket; on the warden's it looks like a front. It is a process of its own on
//! both sides, so that neither the warden nor who parses images speaks TLS, holds the line's key or has a network socket. The owner's
//! socket has no way over it: the warden's side is connected by its parent, to the front's socket alone.
//!
//! Trust: who holds a front's key may say to the warden what that front may say, until its pin is removed. That is no key of the
//! archive: nobody reads without a session or a token, and every reading is an entry. Losing a key costs a new introduction.

mod dial;
mod key;
mod listen;
mod pins;
mod relay;
mod tls;

pub use dial::dial;
pub use key::{Key, KeyError, Pin, PinError};
pub use listen::{CONNECTIONS_OF_ONE_MAX, listen};
pub use pins::{FRONTS_MAX, KnownFront, Pins, PinsError};
