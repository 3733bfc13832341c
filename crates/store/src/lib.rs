//! The front's durable side: volumes of sealed objects, rows that point into them, and the outbox to the warden.
//!
//! Everything here is opaque: bytes arrive sealed and leave sealed. This crate knows no key, no DICOM and no patient,
//! and never depends on `seal` or `warden`. BLAKE3 is used for the outbox chain and for checksums only.
//!
//! ```text
//! DIR/front/volumes/NNNNNN.vol      append-only; self-describing records; the truth        docs/formats/volume.md
//! DIR/front/outbox/NNNNNN.journal   one record per group; holds the wraps until handover   docs/formats/outbox.md
//! DIR/front/front.db                SQLite; an index that is rebuilt from the volumes      docs/formats/front-db.md
//! ```
//!
//! Trust and loss: who can write these files can make stored images unreadable or hide them, and cannot read or forge
//! one; the vault's copy brings them back. Losing `front.db` costs a scan of the volumes. Losing a journal costs the
//! keys of what the warden had not recorded yet. Losing a volume costs the images in it.

mod commit;
mod direct;
mod error;
mod files;
mod group;
mod inbox;
mod io;
mod journal;
mod keeper;
mod large;
mod memory;
mod outbox;
mod record;
mod recover;
mod rows;
mod snapshot;
mod store;
mod syncer;
mod ticket;
mod volumes;

pub use error::{OpenError, ReadError, SnapshotError, StoreError};
pub use group::{
    ChunkRecord, Counts, Group, NewChunk, NewInstance, OutboxRecord, OutboxState, Place, Placement, RowRecord,
    SealedBytes,
};
pub use io::{Step, StoreFile, StoreIo, files};
pub use large::{LargeObject, LargeWriter};
pub use memory::{MemoryDisk, SECTOR_BYTES};
pub use snapshot::{Snapshot, SnapshotFile};
pub use store::{Options, Recovered, Store};
pub use ticket::{Durable, Ticket};

/// The most instances in one group.
pub const GROUP_INSTANCES_MAX: usize = 4096;
/// The longest outbox record body in bytes; it travels to the warden in one message.
pub const BODY_BYTES_MAX: usize = 15 * 1024 * 1024;
/// The longest sealed metadata or sealed chunk in bytes.
pub const DETAIL_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The longest sealed row in bytes.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;
/// The most instances that one chunk covers.
pub const COVERS_MAX: usize = 1_000_000;
/// Instances above this many bytes are written as they come in, through [`Store::begin_large`].
pub const LARGE_BYTES: u64 = 16 * 1024 * 1024;
