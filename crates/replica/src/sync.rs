//! **sync**: what is new goes into the vault, while the installation serves, and becomes a generation.
//!
//! ```text
//! front's snapshot → volumes up to its lengths → front's small files → warden's snapshot → ledger → manifest → prune
//! ```
//! The generation counts from the moment its manifest has its name; a crash before that leaves the generations that
//! were there, and the next sync writes the same bytes again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use model::Instant;
use store::Snapshot;

use crate::files::{Shelf, files_below, make_folder, remove_folder_if_there, remove_if_there, sync_folder, write_new};
use crate::hooks::{Hooks, Step, Watch};
use crate::manifest::{self, InnerPath, Manifest, SmallFile, VolumeName};
use crate::{GENERATIONS_KEPT, ManifestError, Sources, SyncError, Vault, ledger, volumes};

/// A generation was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Synced {
    /// Its number.
    pub generation: u64,
    /// Volumes and large objects in it.
    pub volumes: u64,
    /// Other files in it.
    pub files: u64,
    /// Bytes in it.
    pub bytes: u64,
}

impl Vault {
    /// Copies what is new of the installation in `dir` and adds a generation. `now` is its date.
    pub fn sync(
        &self,
        dir: &Path,
        sources: &mut dyn Sources,
        now: Instant,
        hooks: &mut dyn Hooks,
    ) -> Result<Synced, SyncError> {
        let lock = self.lock().map_err(SyncError::at(self.path()))?;
        let _lock = lock.ok_or_else(|| SyncError::Busy { vault: self.path().to_owned() })?;
        let newest = match self.newest() {
            Err(ManifestError::Empty) => None,
            newest => Some(newest?),
        };
        let watch = &mut Watch::new(hooks);
        let shelf = Shelf { folder: self.files() };
        let staging = self.staging();
        remove_folder_if_there(&staging).and_then(|()| make_folder(&staging)).map_err(SyncError::at(&staging))?;
        let mut manifest = Manifest::new(newest.as_ref().map_or(1, |newest| newest.generation + 1), now);

        let front = staging.join("front");
        watch.before(Step::FrontSnapshot).map_err(SyncError::at(&front))?;
        sources.front(&front).map_err(|source| SyncError::Source { who: "the front", source })?;
        let snapshot = Snapshot::read(&front).map_err(SyncError::Snapshot)?;
        remove_if_there(&front.join("volumes.list")).map_err(SyncError::at(&front))?;
        self.sync_volumes(dir, &snapshot, newest.as_ref(), &shelf, &mut manifest, watch)?;
        take_in_folder(&front, Path::new("front"), &shelf, &mut manifest, watch)?;
        take_in_rest(dir, &shelf, &mut manifest, watch)?;

        let warden = staging.join("warden");
        watch.before(Step::WardenSnapshot).map_err(SyncError::at(&warden))?;
        sources.warden(&warden).map_err(|source| SyncError::Source { who: "the warden", source })?;
        take_in_folder(&warden, Path::new("warden"), &shelf, &mut manifest, watch)?;

        watch.before(Step::Ledger).map_err(SyncError::at(&dir.join("ledger")))?;
        manifest.files.extend(ledger::take_in(dir, &shelf, newest.as_ref(), watch)?);
        manifest.files.sort_by(|a, b| a.path.cmp(&b.path));

        self.publish(&manifest, watch)?;
        self.prune(&shelf, watch)?;
        let lengths = manifest.volumes.iter().map(|volume| volume.length);
        Ok(Synced {
            generation: manifest.generation,
            volumes: manifest.volumes.len() as u64,
            files: manifest.files.len() as u64,
            bytes: lengths.chain(manifest.files.iter().map(|file| file.length)).sum(),
        })
    }

    /// The manifest that the next generation follows.
    fn newest(&self) -> Result<Manifest, ManifestError> {
        manifest::read(self.generations()?.last().ok_or(ManifestError::Empty)?)
    }

    fn sync_volumes(
        &self,
        dir: &Path,
        snapshot: &Snapshot,
        newest: Option<&Manifest>,
        shelf: &Shelf,
        manifest: &mut Manifest,
        watch: &mut Watch<'_>,
    ) -> Result<(), SyncError> {
        let before: BTreeMap<_, _> =
            newest.into_iter().flat_map(|newest| &newest.volumes).map(|volume| (volume.name.clone(), volume)).collect();
        let known = |name: &VolumeName| before.get(name).map_or(0, |volume| volume.length);
        let mut files = Vec::new();
        for file in &snapshot.files {
            let name = VolumeName::try_from(file.name.clone()).expect("a snapshot names volumes only");
            watch.expect(file.length.saturating_sub(known(&name)));
            files.push((name, file.length));
        }
        let names: BTreeSet<_> = files.iter().map(|(name, _)| name).collect();
        if let Some(name) = before.keys().find(|name| !names.contains(name)) {
            // a volume went away at the source: its copy stays, and so does the question
            return Err(SyncError::Shorter { name: name.as_str().to_owned() });
        }
        for (name, length) in files {
            let source = dir.join("front").join(name.as_str());
            let before = before.get(&name).copied();
            manifest.volumes.push(volumes::append(self, shelf, &source, name, length, before, watch)?);
        }
        Ok(())
    }

    /// The moment from which on the generation counts.
    fn publish(&self, manifest: &Manifest, watch: &mut Watch<'_>) -> Result<(), SyncError> {
        let folder = self.manifests();
        let (bytes, name) = manifest.encode();
        let unnamed = folder.join("manifest.tmp");
        let publish = |watch: &mut Watch<'_>| -> io::Result<()> {
            watch.before(Step::ManifestWrite)?;
            sync_folder(&self.files())?;
            remove_if_there(&unnamed)?;
            write_new(&unnamed, &bytes)?;
            watch.before(Step::ManifestRename)?;
            fs::rename(&unnamed, folder.join(&name))?;
            sync_folder(&folder)
        };
        publish(watch).map_err(SyncError::at(&folder))
    }

    /// Removes manifests behind the window, and small files that no manifest needs any more. Manifests go first: a
    /// crash in between leaves files that nobody names, for the next sync to remove.
    fn prune(&self, shelf: &Shelf, watch: &mut Watch<'_>) -> Result<(), SyncError> {
        watch.before(Step::Prune).map_err(SyncError::at(self.path()))?;
        let listed = self.generations()?;
        let (old, kept) = listed.split_at(listed.len().saturating_sub(GENERATIONS_KEPT));
        for old in old {
            remove_if_there(&old.path).map_err(SyncError::at(&old.path))?;
        }
        sync_folder(&self.manifests()).map_err(SyncError::at(&self.manifests()))?;
        let mut needed = BTreeSet::new();
        for kept in kept {
            match manifest::read(kept) {
                Ok(manifest) => needed.extend(manifest.hashes()),
                // a damaged one may need any file: nothing goes until somebody has looked
                Err(ManifestError::Damaged { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        shelf.keep_only(&needed).map_err(SyncError::at(&shelf.folder))?;
        remove_folder_if_there(&self.staging()).map_err(SyncError::at(&self.staging()))
    }
}

/// Takes in every file of a snapshot.
fn take_in_folder(
    folder: &Path,
    below: &Path,
    shelf: &Shelf,
    manifest: &mut Manifest,
    watch: &mut Watch<'_>,
) -> Result<(), SyncError> {
    for path in files_below(folder).map_err(SyncError::at(folder))? {
        take_in(&folder.join(&path), &below.join(&path), shelf, manifest, watch)?;
    }
    Ok(())
}

/// Takes in the front's settings, the device list and the certificate. Named one by one, because what else lies in DIR
/// may be somebody's passphrase file, and a vault must not hold one.
fn take_in_rest(dir: &Path, shelf: &Shelf, manifest: &mut Manifest, watch: &mut Watch<'_>) -> Result<(), SyncError> {
    let front = dir.join("front");
    for path in files_below(&front).map_err(SyncError::at(&front))? {
        let settings = path.extension().is_some_and(|extension| extension == "json");
        if settings && path.components().count() == 1 {
            take_in(&front.join(&path), &Path::new("front").join(&path), shelf, manifest, watch)?;
        }
    }
    take_in(&dir.join("tls/cert.pem"), Path::new("tls/cert.pem"), shelf, manifest, watch)
}

fn take_in(
    source: &Path,
    path: &Path,
    shelf: &Shelf,
    manifest: &mut Manifest,
    watch: &mut Watch<'_>,
) -> Result<(), SyncError> {
    let Some(path) = InnerPath::new(path) else {
        return Err(SyncError::at(source)(io::ErrorKind::InvalidFilename.into()));
    };
    match shelf.take_in(source, watch) {
        Ok((hash, length)) => manifest.files.push(SmallFile { path, length, hash }),
        // it was replaced or removed while this ran: the next generation has what came instead
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(SyncError::at(source)(error)),
    }
    Ok(())
}
