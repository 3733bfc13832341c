//! The front's use cases, each flow one file: [`ingest`](Intake), [`handover`](Handover), [`list`](Reader::list),
//! [`open`](Reader::open) and [`download`](OpenStudy::download).
//!
//! ```text
//! modality ──► Intake ──► store ──► Handover ──► warden
//! reader   ◄── Reader ◄── store ◄── keys ◄────── warden
//! ```
//! What comes in is sealed to the site's public key and cannot be opened here. What goes out was released by the
//! warden, after an entry, for the length of a lease.

mod clock;
mod devices;
mod dial;
mod download;
mod handover;
mod ingest;
mod instance_row;
mod list;
mod metadata_chunk;
mod open;
mod pulse;
mod read_error;
mod refused;
mod site;
mod warden_link;

pub use clock::Clock;
pub use devices::{Caller, DEVICES_FILE, DeviceList, DeviceListError, Held, NotAdmitted};
pub use dial::Dial;
pub use download::Download;
pub use handover::{Handover, HandoverError};
pub use ingest::{
    Accepted, BATCH_INSTANCES_MAX, BATCH_METADATA_BYTES_MAX, BATCH_SECONDS_MAX, Batch, IN_MEMORY_BYTES_MAX,
    IN_MEMORY_OBJECT_BYTES_MAX, Identity, IngestError, Intake, IntakeActor, IntakeSettings, Source, Staged,
};
pub use instance_row::{InstanceRow, InstanceRowError};
pub use list::{InstancePage, InstanceQuery, ListedInstance};
pub use metadata_chunk::{ChunkError, ChunkRow, MetadataChunk};
pub use open::{ByteStream, Frame, Instance, MetadataJson, MetadataOf, OpenStudy, Reader, Stored};
pub use read_error::{DamagedBy, ReadError};
pub use site::{SITE_FILE, Site, SiteFileError};
pub use warden_link::{CONNECT_SECONDS_MAX, WardenLink};
