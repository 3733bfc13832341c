//! **open**: a study for a credential.
//!
//! ```text
//! credential ──► lease of this (token, key, study) still running? ──yes──► the opened study, no call
//!                        │ no
//!                        ▼
//!                warden: decide, record, release keys ──► rows opened in memory ──► kept until the lease ends
//! ```
//! Concurrent requests for the same study by the same credential share one call. A lease that ended is never used: its
//! keys are wiped and the warden is asked again. Within a lease nothing is asked, so a relationship that ends elsewhere
//! ends here at most five minutes later; what ends through this front ends at once.

mod frame;
mod lease;
mod metadata;
mod sealed;
mod stored;
mod study;

use std::sync::{Arc, Weak};

use model::{StudyNumber, Uid};
use protocol::{Credential, OpenRequest, ReleasedStudy, Scope, StudyRow};
use store::Store;

pub use frame::Frame;
pub use metadata::{MetadataJson, MetadataOf};
pub use stored::{ByteStream, Stored};
pub use study::{Instance, OpenStudy};

use crate::{InstanceRow, ReadError, clock::Clock, warden_link::WardenLink};
use lease::{LeaseKey, Leases};

/// How long before its end a lease is taken as ended, in seconds: a request that begins now must be able to finish.
const LEASE_MARGIN_SECONDS: i64 = 1;

/// Reads what the warden releases. Clones share it.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) link: WardenLink,
    pub(crate) clock: Clock,
    leases: Leases,
}

impl Reader {
    /// Reads from `store` what the warden behind `link` releases. Leases are looked after by a task on the current
    /// runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(store: Store, link: WardenLink, clock: Clock) -> Self {
        let inner = Arc::new(Inner { store, link, clock, leases: Leases::default() });
        tokio::spawn(forget_ended(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// The warden.
    #[must_use]
    pub fn link(&self) -> &WardenLink {
        &self.inner.link
    }

    /// Opens a study. [`Scope::Listing`] releases what lists instances and their metadata, never a pixel.
    pub async fn open(&self, credential: &Credential, study: &Uid, scope: Scope) -> Result<Arc<OpenStudy>, ReadError> {
        let Some(key) = LeaseKey::of(credential, study) else {
            return self.ask_to_open(credential, study, scope).await;
        };
        let slot = self.inner.leases.slot(key);
        if let Some(open) = slot.running(scope, self.now(), self.inner.link.leases_ended()) {
            return Ok(open);
        }
        let _one_at_a_time = slot.asking().await;
        if let Some(open) = slot.running(scope, self.now(), self.inner.link.leases_ended()) {
            return Ok(open);
        }
        let asking = self.inner.leases.ask(&slot);
        let open = self.ask_to_open(credential, study, scope).await?;
        asking.keep(&open);
        Ok(open)
    }

    /// Opens a study to take it along: never from a lease, and nothing is kept.
    pub async fn open_to_download(&self, credential: &Credential, study: &Uid) -> Result<Arc<OpenStudy>, ReadError> {
        self.ask_to_open(credential, study, Scope::Download).await
    }

    async fn ask_to_open(
        &self,
        credential: &Credential,
        study: &Uid,
        scope: Scope,
    ) -> Result<Arc<OpenStudy>, ReadError> {
        let leases_ended = self.inner.link.leases_ended();
        let request = OpenRequest { study: study.clone(), scope };
        let reply = self.inner.link.open(credential, &request).await?;
        let (reader, credential, study) = (self.clone(), credential.clone(), study.clone());
        let open = blocking(move || OpenStudy::build(&reader, credential, study, scope, leases_ended, reply)).await?;
        Ok(Arc::new(open))
    }

    /// Forgets what was released to a credential: what a sign-out does.
    pub fn forget(&self, credential: &Credential) {
        self.inner.leases.forget_credential(credential);
    }

    /// Forgets everything that was released.
    pub fn forget_all(&self) {
        self.inner.leases.forget_all();
    }

    /// How many studies are open now.
    #[must_use]
    pub fn open_studies(&self) -> usize {
        self.inner.leases.count()
    }

    /// Instances were filed under these studies: whoever opens them next sees them.
    pub(crate) fn studies_changed(&self, studies: &[StudyNumber]) {
        self.inner.leases.forget_studies(studies);
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    fn now(&self) -> model::Instant {
        self.inner.clock.now().plus_seconds(LEASE_MARGIN_SECONDS)
    }
}

/// Runs what reads from the disk where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(ReadError::Stopping))
}

/// Wipes leases as they end.
async fn forget_ended(inner: Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        inner.leases.forget_ended(inner.clock.now());
        drop(inner);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

/// The rows of a study whose listing keys came with a list.
pub(crate) struct OpenedListing {
    pub(crate) study: Arc<StudyRow>,
    pub(crate) rows: Vec<InstanceRow>,
}

/// Opens the rows of studies whose listing keys came with a list. Blocks on the disk.
pub(crate) fn open_listing(reader: &Reader, listings: Vec<ReleasedStudy>) -> Result<Vec<OpenedListing>, ReadError> {
    let inner = reader.inner();
    let mut opened = Vec::with_capacity(listings.len());
    for listing in listings {
        let part = study::Part::of(listing);
        let rows = inner.store.rows_of_study(part.row.number)?;
        let rows = part.open_rows(0, inner.link.site().id, rows).filter(|(conflict, _)| !conflict);
        let rows = rows.map(|(_, instance)| instance.row).collect();
        opened.push(OpenedListing { study: Arc::new(part.row), rows });
    }
    Ok(opened)
}
