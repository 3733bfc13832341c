//! For the owner of the machine: state and snapshot; and which disks the installation lies on.

use std::path::Path;
use std::sync::atomic::Ordering;

use model::{Actor, DiskId, DiskPart, EntryBody, Instant};
use protocol::{FrontDisk, Health, PageReply, Refusal};

use super::HELD;
use super::directory::field;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest name of a filesystem, in characters.
const FILESYSTEM_CHARACTERS_MAX: usize = 64;
/// How often a front's word about its disk becomes an entry at the most, in seconds.
const FRONT_DISK_SECONDS: u32 = 60;

impl Warden {
    pub(super) fn health(&self) -> Result<PageReply, Refusal> {
        let (outbox_sequence, _) = self.database.lock().expect(HELD).outbox().map_err(|_| Refusal::Internal)?;
        let registry = self.registry.read().expect(HELD);
        Ok(PageReply::Health(Health {
            entries: self.ledger.size(),
            patients: u64::from(registry.patients()),
            studies: u64::from(registry.studies()),
            outbox_sequence,
            duplicates: self.relations.read().expect(HELD).duplicates(),
            sinks: self
                .ledger
                .sinks()
                .into_iter()
                .map(|sink| protocol::SinkRow {
                    folder: sink.folder.display().to_string(),
                    away: sink.away,
                    behind: sink.behind,
                })
                .collect(),
            withheld: self.not_behind().err().map(|refusal| refusal.to_string()),
        }))
    }

    /// Records which parts of the installation a disk holds. What is known already is not said again, except a copy, which holds
    /// more each time.
    pub(super) fn disk_holds(
        &self,
        caller: &Caller,
        disk: DiskId,
        filesystem: String,
        holds: Vec<DiskPart>,
        instead_of: Option<DiskId>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        named_like_one(&filesystem)?;
        if self.is_news(disk, &filesystem, &holds) && !holds.is_empty() {
            self.append(caller, vec![EntryBody::DiskHolds { disk, filesystem, holds, instead_of }], now)?;
        }
        Ok(PageReply::Done)
    }

    /// Records which disk a front on a machine of its own keeps images on.
    ///
    /// The front's word counts for images alone. It says nothing of a disk that holds more than images, and ends none: a front that
    /// lies can make the report of another disk longer, never that of a vault or of this machine shorter.
    pub(crate) fn front_lies_on(&self, told: FrontDisk, now: Instant) -> Result<(), Refusal> {
        let FrontDisk { disk, filesystem, instead_of } = told;
        named_like_one(&filesystem)?;
        let holds = vec![DiskPart::Images];
        let instead_of = {
            let index = self.index.read().expect(HELD);
            let only_images =
                |disk| index.disk(disk).is_none_or(|known| known.holds.keys().all(|part| *part == DiskPart::Images));
            if !only_images(disk) {
                return Err(Refusal::NotAllowed);
            }
            instead_of.filter(|before| *before != disk && only_images(*before))
        };
        if !self.is_news(disk, &filesystem, &holds) {
            return Ok(());
        }
        let free = Instant(self.front_disk_told.load(Ordering::Relaxed)).plus_seconds(FRONT_DISK_SECONDS.into());
        if now < free {
            return Err(Refusal::Throttled { seconds: FRONT_DISK_SECONDS });
        }
        self.front_disk_told.store(now.0, Ordering::Relaxed);
        let body = EntryBody::DiskHolds { disk, filesystem, holds, instead_of };
        self.ledger.append(vec![(Actor::Warden, body)], now).map_err(|error| self.cannot_record(&error))?;
        Ok(())
    }

    /// Whether the ledger does not say yet that these parts lie on this disk now. A copy holds more each time.
    fn is_news(&self, disk: DiskId, filesystem: &str, holds: &[DiskPart]) -> bool {
        let index = self.index.read().expect(HELD);
        let known = index.disk(disk);
        let grows = |part: &DiskPart| known.and_then(|known| known.holds.get(part)).map(|span| span.to);
        holds.iter().any(|part| *part == DiskPart::Copy || grows(part) != Some(Instant::MAX))
            || known.is_none_or(|known| known.filesystem != filesystem)
    }

    /// Copies what the warden keeps, as one moment saw it, into an empty folder: `root.json`, `warden.db` and the epoch keys.
    /// The ledger is copied after it by the caller; it may be ahead of the database, never behind.
    pub(super) fn snapshot(&self, into: &Path) -> Result<PageReply, Refusal> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "the snapshot could not be written");
            Refusal::Internal
        };
        self.flush_people();
        std::fs::create_dir_all(into).map_err(failed)?;
        std::fs::copy(self.dir.join("warden/root.json"), into.join("root.json")).map_err(failed)?;
        {
            // the epoch keys belong to this very state of the database
            let database = self.database.lock().expect(HELD);
            database.copy_to(&into.join("warden.db")).map_err(|error| {
                tracing::error!(%error, "the snapshot could not be written");
                Refusal::Internal
            })?;
            self.secrets.epochs.read().expect(HELD).copy_to(into).map_err(failed)?;
        }
        let epoch = self.secrets.epochs.read().expect(HELD).newest().map_err(|_| Refusal::Internal)?.0;
        let taken = EntryBody::SnapshotTaken { epoch };
        if let Err(error) = self.ledger.append(vec![(Actor::Owner, taken)], self.now()) {
            // a second copy matters more than its entry; a certificate of destruction counts one copy less
            tracing::warn!(%error, "a copy for a vault was taken and could not be recorded");
        }
        Ok(PageReply::Done)
    }
}

fn named_like_one(filesystem: &str) -> Result<(), Refusal> {
    if filesystem.chars().count() > FILESYSTEM_CHARACTERS_MAX || filesystem.chars().any(char::is_control) {
        return Err(field("filesystem", "a UUID"));
    }
    Ok(())
}
