//! Limits on what comes from outside.

use std::time::Duration;

/// Associations at a time.
pub const ASSOCIATIONS_MAX: usize = 64;
/// Associations at a time from one address.
pub const ASSOCIATIONS_PER_PEER_MAX: usize = 32;
/// Connections at a time that have no association yet: in a TLS handshake, or before a whole A-ASSOCIATE-RQ.
pub const WAITING_MAX: usize = 128;
/// Of them from one address, or from the /64 of an IPv6 address.
pub const WAITING_PER_PEER_MAX: usize = 32;
/// The longest P-DATA-TF PDU that is received, in bytes of its variable field (PS3.8 9.3.5, D.1).
pub const PDU_BYTES_MAX: u32 = 256 * 1024;
/// The longest A-ASSOCIATE-RQ PDU, in bytes of its variable field.
pub const ASSOCIATE_BYTES_MAX: u32 = 256 * 1024;
/// The longest command set, in bytes (PS3.7 6.3).
pub const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// How long a connection may take from its beginning to a whole A-ASSOCIATE-RQ, in seconds (ARTIM, PS3.8 9.1.5).
pub const ASSOCIATE_SECONDS_MAX: u64 = 30;
/// How long a TLS handshake may take, in seconds; it is part of [`ASSOCIATE_SECONDS_MAX`].
pub const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// How long an association may rest between two messages, in seconds.
pub const IDLE_SECONDS_MAX: u64 = 300;
/// How long one PDU may take from its first byte to its last, and the next one within a message to begin, in seconds.
pub const PDU_SECONDS_MAX: u64 = 60;
/// How long a peer may take to take a response, in seconds.
pub const RESPONSE_SECONDS_MAX: u64 = 30;
/// The rest of a refused data set that is read and thrown away before the association is aborted, in bytes.
pub const REFUSED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Associations that are still busy are cut this long after a shutdown began, in seconds.
pub const SHUTDOWN_SECONDS_MAX: u64 = 5;

/// Limits of a server. The default is what the product runs with; tests make it smaller.
#[derive(Clone, Copy, Debug)]
pub struct DimseLimits {
    /// Associations at a time.
    pub associations: usize,
    /// Associations at a time from one address.
    pub associations_per_peer: usize,
    /// Connections at a time that have no association yet.
    pub waiting: usize,
    /// Of them from one address, or from the /64 of an IPv6 address.
    pub waiting_per_peer: usize,
    /// The longest P-DATA-TF PDU, in bytes of its variable field.
    pub pdu_bytes: u32,
    /// The longest A-ASSOCIATE-RQ PDU, in bytes of its variable field.
    pub associate_bytes: u32,
    /// The longest command set, in bytes.
    pub command_bytes: usize,
    /// From the connection to a whole A-ASSOCIATE-RQ.
    pub associate_time: Duration,
    /// From the connection to the end of its TLS handshake.
    pub handshake_time: Duration,
    /// Between two messages.
    pub idle_time: Duration,
    /// From the first byte of a PDU to its last, and to the next one within a message.
    pub pdu_time: Duration,
    /// For a peer to take a response.
    pub response_time: Duration,
    /// The rest of a refused data set that is read and thrown away, in bytes.
    pub refused_bytes: u64,
    /// For busy associations to end at a shutdown.
    pub shutdown_time: Duration,
}

impl Default for DimseLimits {
    fn default() -> Self {
        Self {
            associations: ASSOCIATIONS_MAX,
            associations_per_peer: ASSOCIATIONS_PER_PEER_MAX,
            waiting: WAITING_MAX,
            waiting_per_peer: WAITING_PER_PEER_MAX,
            pdu_bytes: PDU_BYTES_MAX,
            associate_bytes: ASSOCIATE_BYTES_MAX,
            command_bytes: COMMAND_BYTES_MAX,
            associate_time: Duration::from_secs(ASSOCIATE_SECONDS_MAX),
            handshake_time: Duration::from_secs(HANDSHAKE_SECONDS_MAX),
            idle_time: Duration::from_secs(IDLE_SECONDS_MAX),
            pdu_time: Duration::from_secs(PDU_SECONDS_MAX),
            response_time: Duration::from_secs(RESPONSE_SECONDS_MAX),
            refused_bytes: REFUSED_BYTES_MAX,
            shutdown_time: Duration::from_secs(SHUTDOWN_SECONDS_MAX),
        }
    }
}
