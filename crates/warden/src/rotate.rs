//! Rotation: a new epoch key, everything that stays wrapped again under it, the older epoch keys destroyed.
//!
//! Durable steps, and what a restart finds after each:
//! 1. the new key's file. Before anything is wrapped under it a crash leaves one epoch more, and the next rotation destroys it.
//! 2. pages of keys, each one transaction. A crash leaves keys under two epochs; both open, and the next rotation goes through all.
//! 3. no key is left under an older epoch (looked at, not assumed); the older files are overwritten and removed; the log is emptied.
//! 4. the entry. A crash before it: the ledger still says that a rotation is owed, so it is done again.

use model::{Actor, EntryBody, KeyId, SiteId, StudyNumber};
use protocol::{Refusal, Rotated};
use seal::{EpochKey, SystemRandom};

use crate::cold::{KeyStep, failed};
use crate::database::DatabaseError;
use crate::epochs::Epochs;
use crate::keyring::{Shelf, Wrapped};
use crate::pages::HELD;
use crate::state::Warden;

/// Keys that are wrapped again in one transaction.
pub(crate) const PAGE_KEYS: usize = 5_000;

/// The wrap of the same keys under another epoch key; nothing when the one that is there does not open, which the log says.
pub(crate) fn wrapped_again(epochs: &Epochs, new: &EpochKey, site: SiteId, row: &Wrapped) -> Option<Vec<u8>> {
    let old = epochs.key(row.epoch).map_err(|error| error.to_string());
    let keys = old.and_then(|old| old.unwrap(site, row.key, &row.wrapped).map_err(|error| error.to_string()));
    match keys {
        Ok(keys) => Some(new.wrap(&keys, site, &mut SystemRandom)),
        Err(error) => {
            tracing::error!(error, key = %row.key, study = %row.study, "a key does not open and is lost; restore it from the vault");
            None
        }
    }
}

impl Warden {
    /// Rotates, whether or not anything is owed.
    pub(crate) fn rotate(&self) -> Result<Rotated, Refusal> {
        let _work = self.key_work.lock().expect(HELD);
        self.rotate_keys()
    }

    /// The same for who works on the keys already.
    pub(crate) fn rotate_keys(&self) -> Result<Rotated, Refusal> {
        self.steps.before(KeyStep::BeginEpoch)?;
        let epoch = {
            let mut database = self.database.lock().expect(HELD);
            self.settle(&mut database)?;
            self.secrets.epochs.write().expect(HELD).begin().map_err(failed)?
        };
        let mut keys = 0;
        for shelf in Shelf::ALL {
            let mut after = None;
            loop {
                self.steps.before(KeyStep::WrapAgain)?;
                let (wrapped, last) = self.wrap_page_again(shelf, after, epoch)?;
                keys += wrapped;
                if last.is_none() {
                    break;
                }
                after = last;
            }
        }
        self.steps.before(KeyStep::DestroyEpochs)?;
        let destroyed = self.destroy_epochs_before(epoch)?;
        self.steps.before(KeyStep::RecordRotation)?;
        let body = EntryBody::KeysRotated { epoch, destroyed: destroyed.clone(), keys };
        self.ledger.append(vec![(Actor::Warden, body)], self.now()).map_err(|error| self.cannot_record(&error))?;
        Ok(Rotated { epoch, destroyed, keys })
    }

    /// Wraps one page again; says how many keys, and the place of the last when there may be more.
    fn wrap_page_again(
        &self,
        shelf: Shelf,
        after: Option<(StudyNumber, KeyId)>,
        epoch: i64,
    ) -> Result<(u64, Option<(StudyNumber, KeyId)>), Refusal> {
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin().map_err(failed)?;
        let page = changes.page(shelf, after, PAGE_KEYS).map_err(failed)?;
        let last = page.last().map(|row| (row.study, row.key)).filter(|_| page.len() == PAGE_KEYS);
        let epochs = self.secrets.epochs.read().expect(HELD);
        let new = epochs.key(epoch).map_err(failed)?;
        let mut wrapped = 0;
        // epochs below zero belong to warmings, which end by themselves
        for row in page.into_iter().filter(|row| row.epoch > 0 && row.epoch < epoch) {
            // a lost one opens no more than before; it must not keep an epoch alive that others were taken away from
            let again = wrapped_again(&epochs, new, self.secrets.site, &row).unwrap_or_else(|| row.wrapped.clone());
            changes.replace(shelf, &Wrapped { epoch, wrapped: again, ..row }).map_err(failed)?;
            wrapped += 1;
        }
        drop(epochs);
        changes.commit().map_err(failed)?;
        Ok((wrapped, last))
    }

    fn destroy_epochs_before(&self, epoch: i64) -> Result<Vec<i64>, Refusal> {
        let database = self.database.lock().expect(HELD);
        let mut epochs = self.secrets.epochs.write().expect(HELD);
        let old: Vec<i64> = epochs.numbers().into_iter().filter(|number| (1..epoch).contains(number)).collect();
        for number in &old {
            if database.uses_epoch(*number).map_err(failed)? {
                return Err(failed("a key is still wrapped under an older epoch, so that epoch is not destroyed"));
            }
        }
        for number in &old {
            epochs.destroy(*number).map_err(failed)?;
        }
        epochs.destroy_copies().map_err(failed)?;
        drop(epochs);
        // a reader in the middle would keep the log
        let _reader = self.reader.lock().expect(HELD);
        database.forget_what_was_deleted().map_err(failed)?;
        Ok(old)
    }

    /// At a start: destroys epoch keys that no key needs, which a crash left behind.
    pub(crate) fn destroy_left_over_epochs(&self) -> Result<(), DatabaseError> {
        let database = self.database.lock().expect(HELD);
        let mut epochs = self.secrets.epochs.write().expect(HELD);
        let newest = epochs.newest()?.0;
        let mut needed = Vec::new();
        for number in epochs.numbers() {
            if number == newest || database.uses_epoch(number)? {
                needed.push(number);
            }
        }
        epochs.destroy_all_but(|number| needed.contains(&number)).map_err(DatabaseError::Epochs)
    }
}
