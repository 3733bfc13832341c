//! The last of the three proof values: keys leave only as a [`Release`], and a release is made only from a receipt.

use audit::Receipt;
use model::Instant;
use policy::{Service, Target};
use protocol::{ReleasedKey, ReleasedStudy, StudyRow};
use seal::BatchKeys;

/// What leaves the warden for one study. Made only here, from the receipt of a durable entry.
#[derive(Debug)]
pub struct Release(ReleasedStudy);

impl Release {
    /// Uses up the receipt. The receipt must be about this very study; anything else is a mistake of ours, and nothing leaves.
    pub(crate) fn new(receipt: Receipt, row: StudyRow, moved: bool, keys: Vec<BatchKeys>) -> Option<Self> {
        let with_pixels = match receipt.grant().service() {
            Service::Open | Service::Download => true,
            Service::OpenListing => false,
            _ => return None,
        };
        let Target::Study { study, .. } = receipt.grant().target() else { return None };
        if *study != row.number {
            return None;
        }
        Some(Self::within(row, moved, keys, with_pixels, receipt.grant().lease_until()))
    }

    /// The same once more inside a lease that an earlier receipt opened.
    pub(crate) fn again(lease: &Lease, row: StudyRow, moved: bool, keys: Vec<BatchKeys>) -> Self {
        Self::within(row, moved, keys, lease.with_pixels, lease.until)
    }

    fn within(row: StudyRow, moved: bool, keys: Vec<BatchKeys>, with_pixels: bool, lease_until: Instant) -> Self {
        let keys = keys
            .iter()
            .map(|keys| ReleasedKey {
                key: keys.key,
                data_key: with_pixels.then(|| *keys.data.expose()),
                listing_key: *keys.listing.expose(),
            })
            .collect();
        Self(ReleasedStudy { row, moved, keys, lease_until })
    }

    /// Gives it to the front.
    pub(crate) fn into_study(self) -> ReleasedStudy {
        self.0
    }
}

/// What an entry allowed for a while. Made only from a receipt, like the release.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) until: Instant,
    pub(crate) with_pixels: bool,
}

impl Lease {
    /// The lease that a receipt opens.
    pub(crate) fn of(receipt: &Receipt) -> Self {
        Self { until: receipt.grant().lease_until(), with_pixels: receipt.grant().service() == Service::Open }
    }
}
