//! Orders as other systems tell them: HL7 v2 in MLLP frames, and FHIR R4, read into the few facts that the warden decides on.
//!
//! Pure: bytes in, a [`protocol::OrderMessage`] or a [`protocol::OrderProblem`] out, and the acknowledgement as bytes. The port is the
//! front's, the decision the warden's. `docs/orders.md` says which segments and fields are read. There is no HL7 library underneath: those
//! that exist for Rust are experiments, port another language's object tree, or bring a licence that does not fit; and what has to be read
//! here are separators and eleven kinds of segment.

mod acknowledgement;
mod encoding;
mod facts;
mod fhir;
mod fields;
mod header;
mod limits;
mod message;
mod mllp;
mod read;
mod time;

pub use acknowledgement::{Answer, acknowledge};
pub use encoding::Encoding;
pub use fhir::{RESOURCE_BYTES_MAX, read_resource};
pub use header::Header;
pub use limits::*;
pub use mllp::{Deframer, MllpError, frame};
pub use read::{Read, Unread, read};
pub use time::instant_of;
