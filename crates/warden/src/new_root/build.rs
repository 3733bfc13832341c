//! Steps 1 to 3: everything for the new root beside the old one, then `root.json`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use model::{Actor, EntryBody, RootRenewed};

use super::finish::{BUILDING, NEW_ROOT, clear};
use super::hooks::Watch;
use super::{NewRoot, NewRootError, RootStep};
use crate::announce::PENDING;
use crate::database::{Changes, Database, DatabaseError, RENEWED, Space};
use crate::epochs::{BeginError, Epochs};
use crate::inherited;
use crate::keyring::{Shelf, Wrapped};
use crate::pages::HELD;
use crate::rotate::{PAGE_KEYS, wrapped_again};
use crate::secrets::{NextRoot, Secrets};
use crate::state::Warden;
use crate::unseal::replace;

/// Records that are sealed again. What waits for its approval was made for the old root, and is void.
const SPACES: [Space; 8] = [
    Space::Registry,
    Space::RegistryBundle,
    Space::Identity,
    Space::Secret,
    Space::Holder,
    Space::KeptOrder,
    Space::KeptMessage,
    Space::Link,
];

impl Warden {
    /// Writes the folder and puts its `root.json` in force.
    pub(super) fn build_new_root(
        &self,
        new: &NewRoot,
        renewed: RootRenewed,
        watch: &mut Watch<'_>,
    ) -> Result<(), NewRootError> {
        let warden = self.dir.join("warden");
        let building = warden.join(BUILDING);
        clear(&warden)?;
        fs::create_dir(&building)?;
        let mut old = self.database.lock().expect(HELD);
        old.copy_to(&building.join("warden.db"))?;
        watch.before(RootStep::Seal)?;
        let mut database = Database::open(&building.join("warden.db"))?;
        let counts = old.counts()?;
        watch.expect(2 * counts.keys() + counts.instances);
        self.seal_to_new_root(&old, &mut database, &building, new, renewed, watch)?;
        watch.before(RootStep::Check)?;
        self.check(&mut old, &mut database, &building, new, watch)?;
        // pages that were written anew may hold old records between their new ones
        database.connection.execute_batch("VACUUM").map_err(DatabaseError::from)?;
        database.forget_what_was_deleted()?;
        drop(database);
        // what stood in a log would stay behind
        if fs::metadata(building.join("warden.db-wal")).is_ok_and(|log| log.len() > 0) {
            return Err(NewRootError::Check("database"));
        }
        watch.before(RootStep::Envelope)?;
        let mut envelope = File::create_new(building.join("root.json"))?;
        envelope.write_all(new.envelope.to_json().as_bytes())?;
        envelope.sync_all()?;
        for durable in [building.join("warden.db"), building.clone()] {
            File::open(durable)?.sync_all()?;
        }
        watch.before(RootStep::Name)?;
        fs::rename(&building, warden.join(NEW_ROOT))?;
        File::open(&warden)?.sync_all()?;
        watch.before(RootStep::Replace)?;
        replace(&warden, new.envelope.to_json().as_bytes())?;
        Ok(())
    }

    /// Seals every record and wraps every key again, in one transaction.
    fn seal_to_new_root(
        &self,
        old: &Database,
        database: &mut Database,
        building: &Path,
        new: &NewRoot,
        renewed: RootRenewed,
        watch: &mut Watch<'_>,
    ) -> Result<(), NewRootError> {
        let next = NextRoot::of(&new.root, &self.secrets);
        let epochs = self.secrets.epochs.read().expect(HELD);
        let (new_epochs, epoch) = epochs.renewed(building, &new.root).map_err(|error| match error {
            BeginError::Database(error) => NewRootError::Database(error),
            BeginError::Io(error) => NewRootError::Io(error),
        })?;
        let destroyed: Vec<i64> = epochs.numbers().into_iter().filter(|number| *number > 0).collect();
        let changes = database.begin()?;
        let keys = self.wrap_again(&changes, &epochs, (&new_epochs, epoch), watch)?;
        for space in SPACES {
            next.seal_again(old, space, &changes)?;
        }
        changes.remove_all(Space::Proposed)?;
        changes.remove_instances()?;
        let mut instances = 0;
        old.each_instance(|mut instance| {
            instance.name = next.digest(instance.name);
            instance.content = next.digest(instance.content);
            instances += 1;
            if instances % PAGE_KEYS as u64 == 0 {
                watch.done(PAGE_KEYS as u64);
            }
            changes.put_instance_again(&instance)
        })?;
        watch.done(instances % PAGE_KEYS as u64);
        let inherited = self.secrets.inherited().after(&new.before);
        next.records.put(&changes, Space::Secret, inherited::RECORD, &inherited.to_bytes())?;
        let entries = [
            (Actor::Owner, EntryBody::RootRenewed(Box::new(renewed))),
            (Actor::Warden, EntryBody::KeysRotated { epoch, destroyed, keys }),
        ];
        next.records.put(&changes, Space::Pending, PENDING, &self.announcement(&entries))?;
        changes.set_schema(RENEWED)?;
        changes.commit()?;
        Ok(())
    }

    /// Wraps every key of the site's epochs again; says how many.
    fn wrap_again(
        &self,
        changes: &Changes<'_>,
        old: &Epochs,
        (new, epoch): (&Epochs, i64),
        watch: &mut Watch<'_>,
    ) -> Result<u64, NewRootError> {
        let (mut keys, mut lost, mut first_lost) = (0, 0, None);
        for shelf in Shelf::ALL {
            let mut after = None;
            loop {
                let page = changes.page(shelf, after, PAGE_KEYS)?;
                let Some(last) = page.last().map(|row| (row.study, row.key)) else { break };
                after = Some(last);
                let rows = page.len() as u64;
                // those of warmings end by themselves, and their keys came along
                for row in page.into_iter().filter(|row| row.epoch > 0) {
                    keys += 1;
                    match wrapped_again(old, new.key(epoch)?, self.secrets.site, &row) {
                        Some(wrapped) => changes.replace(shelf, &Wrapped { epoch, wrapped, ..row })?,
                        None => {
                            lost += 1;
                            first_lost.get_or_insert(row.study);
                        }
                    }
                }
                watch.done(rows);
            }
        }
        match first_lost {
            Some(study) => Err(NewRootError::Lost { lost, of: keys, study }),
            None => Ok(keys),
        }
    }

    /// That all of it opens with the new root, as the next start will open it, and says the same: what does not is lost when the old
    /// epoch keys go. Instances are counted only: their rows hold digests and numbers, which the one transaction wrote or did not.
    /// Boxes of what is cold and the names of retired keys came with the copy and know no root.
    fn check(
        &self,
        old: &mut Database,
        database: &mut Database,
        building: &Path,
        new: &NewRoot,
        watch: &mut Watch<'_>,
    ) -> Result<(), NewRootError> {
        let secrets = Secrets::derive(&new.root, self.site(), building, database)?;
        for space in SPACES {
            if secrets.digest_of_records(database, space)? != self.secrets.digest_of_records(old, space)? {
                return Err(NewRootError::Check("a record"));
            }
        }
        let kept = self.secrets.inherited().after(&new.before);
        if *secrets.inherited().to_bytes() != *kept.to_bytes() {
            return Err(NewRootError::Check("the record of earlier roots"));
        }
        if secrets.records(database, Space::Pending)?.len() != 1 {
            return Err(NewRootError::Check("the announced entries"));
        }
        if old.counts()? != database.counts()? {
            return Err(NewRootError::Check("the number of keys or instances"));
        }
        self.check_keys(old, database, &secrets, watch)
    }

    /// Every key of both databases, side by side.
    fn check_keys(
        &self,
        old: &mut Database,
        database: &mut Database,
        secrets: &Secrets,
        watch: &mut Watch<'_>,
    ) -> Result<(), NewRootError> {
        let (old, new) = (old.begin_reading()?, database.begin_reading()?);
        let (old_epochs, new_epochs) = (self.secrets.epochs.read().expect(HELD), secrets.epochs.read().expect(HELD));
        let opened = |epochs: &Epochs, row: &Wrapped| {
            epochs.key(row.epoch).ok().and_then(|key| key.unwrap(self.site(), row.key, &row.wrapped).ok())
        };
        let is_kept = |(before, now): (&Wrapped, &Wrapped)| {
            let keys = opened(&old_epochs, before);
            // one of a warming may be damaged: it ends by itself
            (before.study, before.key) == (now.study, now.key)
                && keys == opened(&new_epochs, now)
                && (keys.is_some() || before.epoch < 0)
        };
        for shelf in Shelf::ALL {
            let mut after = None;
            loop {
                let (before, now) = (old.page(shelf, after, PAGE_KEYS)?, new.page(shelf, after, PAGE_KEYS)?);
                if before.len() != now.len() || !before.iter().zip(&now).all(is_kept) {
                    return Err(NewRootError::Check("a key"));
                }
                let Some(last) = before.last() else { break };
                after = Some((last.study, last.key));
                watch.done(before.len() as u64);
            }
        }
        Ok(())
    }
}
