//! Associations that a front refused, as it reports them to the warden.

use std::net::IpAddr;

use model::Instant;
use serde::{Deserialize, Serialize};

/// The most rows in one report.
pub const REFUSED_ASSOCIATIONS_MAX: usize = 256;
/// The longest AE title, in characters (PS3.5 6.2, AE).
pub const AE_TITLE_CHARACTERS_MAX: usize = 16;

/// Refused associations of one name, from one address, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAssociation {
    /// What the caller called itself; empty for a count of many names, and for handshakes.
    pub calling_ae_title: String,
    /// From where: for handshakes an IPv4 address or the /64 of an IPv6 address; absent for a count of many addresses.
    pub address: Option<IpAddr>,
    /// Why.
    pub reason: AssociationRefusal,
    /// How many.
    pub count: u64,
    /// Since when.
    pub since: Instant,
}

/// Why an association was refused (PS3.8 9.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssociationRefusal {
    /// No device has this AE title.
    Unknown,
    /// A device has it, and not at this address.
    Address,
    /// The device may not do what it proposed.
    Service,
    /// It called another AE title than this archive's.
    CalledAeTitle,
    /// It speaks another protocol version or application context.
    Protocol,
    /// There were too many associations.
    Room,
    /// The device is bound to a certificate and called without it, or is bound to none and called the TLS port.
    Certificate,
    /// It did not come as far as an association: its TLS handshake failed, for want of TLS, of a certificate, or of that certificate's key.
    Handshake,
}

impl AssociationRefusal {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Address,
        Self::Service,
        Self::CalledAeTitle,
        Self::Protocol,
        Self::Room,
        Self::Certificate,
        Self::Handshake,
    ];

    /// The fixed word in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Address => "address",
            Self::Service => "service",
            Self::CalledAeTitle => "called-ae-title",
            Self::Protocol => "protocol",
            Self::Room => "room",
            Self::Certificate => "certificate",
            Self::Handshake => "handshake",
        }
    }
}
