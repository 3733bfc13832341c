//! Steps 1 to 3: everything for the new root beside the old one, then `root.json`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use model::{Actor, EntryBody, RootRenewed};

use super::finish::{BUILDING, NEW_ROOT, clear};
use super::{NewRoot, NewRootError, RootStep, Until};
use crate::announce::PENDING;
use crate::database::{Database, DatabaseError, RENEWED, Space};
use crate::epochs::BeginError;
use crate::inherited;
use crate::keyring::{Shelf, Wrapped};
use crate::pages::HELD;
use crate::rotate::{PAGE_KEYS, wrapped_again};
use crate::secrets::{NextRoot, Secrets};
use crate::state::Warden;
use crate::unseal::replace;

/// Records that are sealed again. What waits for its approval was made for the old root, and is void.
const SPACES: [Space; 6] =
    [Space::Registry, Space::RegistryBundle, Space::Identity, Space::Secret, Space::Holder, Space::Link];

impl Warden {
    /// Writes the folder and puts its `root.json` in force.
    pub(super) fn build_new_root(
        &self,
        new: &NewRoot,
        renewed: RootRenewed,
        until: &Until,
    ) -> Result<(), NewRootError> {
        let warden = self.dir.join("warden");
        let building = warden.join(BUILDING);
        clear(&warden)?;
        fs::create_dir(&building)?;
        let old = self.database.lock().expect(HELD);
        old.copy_to(&building.join("warden.db"))?;
        until.before(RootStep::Seal)?;
        let mut database = Database::open(&building.join("warden.db"))?;
        self.seal_to_new_root(&old, &mut database, &building, new, renewed)?;
        self.check(&old, &mut database, &building, new)?;
        // pages that were written anew may hold old records between their new ones
        database.connection.execute_batch("VACUUM").map_err(DatabaseError::from)?;
        database.forget_what_was_deleted()?;
        drop(database);
        // what stood in a log would stay behind
        if fs::metadata(building.join("warden.db-wal")).is_ok_and(|log| log.len() > 0) {
            return Err(NewRootError::Check("database"));
        }
        until.before(RootStep::Envelope)?;
        let mut envelope = File::create_new(building.join("root.json"))?;
        envelope.write_all(new.envelope.to_json().as_bytes())?;
        envelope.sync_all()?;
        for durable in [building.join("warden.db"), building.clone()] {
            File::open(durable)?.sync_all()?;
        }
        until.before(RootStep::Name)?;
        fs::rename(&building, warden.join(NEW_ROOT))?;
        File::open(&warden)?.sync_all()?;
        until.before(RootStep::Replace)?;
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
    ) -> Result<(), NewRootError> {
        let next = NextRoot::of(&new.root, &self.secrets);
        let epochs = self.secrets.epochs.read().expect(HELD);
        let (new_epochs, epoch) = epochs.renewed(building, &new.root).map_err(|error| match error {
            BeginError::Database(error) => NewRootError::Database(error),
            BeginError::Io(error) => NewRootError::Io(error),
        })?;
        let destroyed: Vec<i64> = epochs.numbers().into_iter().filter(|number| *number > 0).collect();
        let changes = database.begin()?;
        let mut keys = 0;
        for shelf in Shelf::ALL {
            let mut after = None;
            loop {
                let page = changes.page(shelf, after, PAGE_KEYS)?;
                let Some(last) = page.last().map(|row| (row.study, row.key)) else { break };
                after = Some(last);
                // those of warmings end by themselves, and their keys came along
                for row in page.into_iter().filter(|row| row.epoch > 0) {
                    let wrapped = wrapped_again(&epochs, new_epochs.key(epoch)?, self.secrets.site, &row);
                    changes.replace(shelf, &Wrapped { epoch, wrapped, ..row })?;
                    keys += 1;
                }
            }
        }
        for space in SPACES {
            next.seal_again(old, space, &changes)?;
        }
        changes.remove_all(Space::Proposed)?;
        changes.remove_instances()?;
        old.each_instance(|mut instance| {
            instance.name = next.digest(instance.name);
            instance.content = next.digest(instance.content);
            changes.put_instance_again(&instance)
        })?;
        let inherited = self.secrets.inherited().after(&new.before);
        next.put(&changes, Space::Secret, inherited::RECORD, &inherited.to_bytes())?;
        let entries = [
            (Actor::Owner, EntryBody::RootRenewed(Box::new(renewed))),
            (Actor::Warden, EntryBody::KeysRotated { epoch, destroyed, keys }),
        ];
        next.put(&changes, Space::Pending, PENDING, &self.announcement(&entries))?;
        changes.set_schema(RENEWED)?;
        changes.commit()?;
        Ok(())
    }

    /// That all of it opens with the new root as the next start will open it.
    fn check(
        &self,
        old: &Database,
        database: &mut Database,
        building: &Path,
        new: &NewRoot,
    ) -> Result<(), NewRootError> {
        let secrets = Secrets::derive(&new.root, self.site(), building, database)?;
        for space in SPACES {
            let (mut before, mut now) = (0u64, 0u64);
            old.each_record(space, |_, _| {
                before += 1;
                Ok(())
            })?;
            secrets.each_record(database, space, |key, _| {
                now += u64::from(key != inherited::RECORD);
                Ok(())
            })?;
            let inherited = old.has_record(space, inherited::RECORD)?;
            if now != before - u64::from(inherited) {
                return Err(NewRootError::Check("record"));
            }
        }
        if old.counts()? != database.counts()? {
            return Err(NewRootError::Check("keyring"));
        }
        let changes = database.begin_reading()?;
        let epochs = secrets.epochs.read().expect(HELD);
        for shelf in Shelf::ALL {
            let first = changes.page(shelf, None, 1)?;
            let opens = |row: &Wrapped| {
                epochs.key(row.epoch).is_ok_and(|key| key.unwrap(self.site(), row.key, &row.wrapped).is_ok())
            };
            if !first.iter().all(opens) {
                return Err(NewRootError::Check("keyring"));
            }
        }
        Ok(())
    }
}
