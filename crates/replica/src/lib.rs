//! The vault: a second copy of an installation in a folder on another filesystem, and the way back.
//!
//! Content is opaque here: everything that is copied was sealed before. This crate holds no key and never depends on
//! `seal` or `warden`. `docs/formats/vault.md` describes the layout, `docs/vault.md` is for operators.
//!
//! ```text
//! sync:     front's snapshot → volumes up to its lengths → small files → warden's snapshot → ledger → manifest
//! restore:  newest manifest → everything it names into DIR/.restore, hashes checked on the way → moved into place
//! ```
//! The order of a sync is what makes every restore consistent: what the front's copy has handed over, the warden's
//! copy has recorded, and what the warden's copy refers to, the ledger's copy holds. The later ones may be ahead.

mod digest;
mod erasure;
mod error;
mod files;
mod hooks;
mod ledger;
mod manifest;
mod restore;
mod sources;
mod sync;
mod vault;
mod verify;
mod volumes;

pub use error::{InitError, ManifestError, OpenVaultError, RestoreError, SyncError, VerifyError};
pub use hooks::{Hooks, NoHooks, Progress, Step};
pub use restore::{Generation, Restored};
pub use sources::{SourceError, Sources, Stopped};
pub use sync::Synced;
pub use vault::{SameFilesystem, Vault};
pub use verify::{Damage, Verified};

/// Bytes of a volume that one hash covers.
pub const CHUNK_BYTES: u64 = 4 * 1024 * 1024;
/// Generations whose small files stay in a vault, the newest included.
pub const GENERATIONS_KEPT: usize = 8;
