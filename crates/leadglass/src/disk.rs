//! Which disk a folder lies on: `disk.json` in it holds an id, and the UUID of the filesystem that it was made on.
//!
//! Trust: who controls the file can make a disk pass for another in reports to come; entries that were made stay. Losing it costs
//! nothing: the next start makes a new id, and the ledger knows since when.
//! A folder that was copied to another filesystem brings its file along, so the UUID is compared, where the machine tells one.
//!
//! The owner's commands tell the ledger of the warden's machine. A front on a machine of its own tells the warden of its disk itself.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use model::{DiskId, DiskPart};
use protocol::{FrontDisk, PageRequest};
use seal::{CryptoRng, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::owner::Owner;

/// The file's name in each folder.
const FILE: &str = "disk.json";
/// What a front's folder holds once it has opened its store there.
const STORE_FILE: &str = "front.db";
/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4096;
/// Where Linux names filesystems by UUID.
const BY_UUID: &str = "/dev/disk/by-uuid";

#[derive(Serialize, Deserialize)]
struct IdFile {
    disk: DiskId,
    filesystem: String,
    /// The disk that the folder lay on before, so that a start which could not tell the ledger leaves it to the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instead_of: Option<DiskId>,
}

/// The disk that a folder lies on.
pub struct Seen {
    disk: DiskId,
    filesystem: String,
    instead_of: Option<DiskId>,
}

/// What the ledger is told about the folders of an installation. Makes the ids that are missing. Images lie where a front has
/// opened its store; the folder that `init` makes for it stays empty where the front has a machine of its own.
pub fn holdings(dir: &Path) -> Result<Vec<PageRequest>> {
    let (front, warden, ledger) = (dir.join("front"), dir.join("warden"), dir.join("ledger"));
    let device = |folder: &Path| std::fs::metadata(folder).map(|metadata| metadata.dev()).ok();
    let mut requests = Vec::new();
    let images = front.join(STORE_FILE).exists().then(|| identify(&front, None)).transpose()?;
    let shared = images.as_ref().filter(|_| device(&front) == device(&warden)).map(|seen| seen.disk);
    let keyring = warden.exists().then(|| identify(&warden, shared)).transpose()?;
    let beside = device(&ledger);
    let mut parts = |seen: Option<Seen>, folder: &Path, part: DiskPart| {
        if let Some(seen) = seen {
            let mut holds = vec![part];
            if beside.is_some() && beside == device(folder) {
                holds.push(DiskPart::Ledger);
            }
            requests.push(seen.holds(holds));
        }
    };
    parts(images, &front, DiskPart::Images);
    parts(keyring, &warden, DiskPart::Keyring);
    Ok(requests)
}

/// Tells the ledger of a running installation. What it knows already is not said again.
pub fn register(dir: &Path) -> Result<()> {
    let owner = Owner::connect(dir)?;
    holdings(dir)?.into_iter().try_for_each(|request| owner.tell(request))
}

/// The disk of a front on a machine of its own.
pub fn of_front(dir: &Path) -> Result<FrontDisk> {
    let Seen { disk, filesystem, instead_of } = identify(&dir.join("front"), None)?;
    Ok(FrontDisk { disk, filesystem, instead_of })
}

/// The disk of a vault, as a copy of everything up to now.
pub fn copy(vault: &Path) -> Result<PageRequest> {
    Ok(identify(vault, None)?.holds(vec![DiskPart::Copy]))
}

impl Seen {
    fn holds(&self, holds: Vec<DiskPart>) -> PageRequest {
        PageRequest::DiskHolds {
            disk: self.disk,
            filesystem: self.filesystem.clone(),
            holds,
            instead_of: self.instead_of,
        }
    }
}

fn identify(folder: &Path, shared: Option<DiskId>) -> Result<Seen> {
    let filesystem = filesystem_uuid(folder);
    let known = read(&folder.join(FILE))?;
    if let Some(known) = &known
        && (known.filesystem.is_empty() || filesystem.is_empty() || known.filesystem == filesystem)
    {
        return Ok(Seen { disk: known.disk, filesystem: known.filesystem.clone(), instead_of: known.instead_of });
    }
    let disk = shared.unwrap_or_else(|| new_disk(&mut SystemRandom));
    let instead_of = known.map(|known| known.disk).filter(|before| *before != disk);
    let file = IdFile { disk, filesystem: filesystem.clone(), instead_of };
    replace(folder, &serde_json::to_vec(&file)?).with_context(|| {
        format!("{} cannot be written; check the rights and the space", folder.join(FILE).display())
    })?;
    Ok(Seen { disk, filesystem, instead_of })
}

fn new_disk(rng: &mut impl CryptoRng) -> DiskId {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    DiskId(id)
}

fn read(path: &Path) -> Result<Option<IdFile>> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if length > FILE_BYTES_MAX {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&std::fs::read(path)?).ok())
}

fn replace(folder: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = folder.join("disk.json.tmp");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // crash here: the next start writes it again
    std::fs::rename(&beside, folder.join(FILE))?;
    std::fs::File::open(folder)?.sync_all()
}

/// The UUID of a folder's filesystem; empty where the machine does not tell it (containers, network filesystems).
fn filesystem_uuid(folder: &Path) -> String {
    let Ok(device) = std::fs::metadata(folder).map(|metadata| metadata.dev()) else { return String::new() };
    let entries = std::fs::read_dir(BY_UUID).into_iter().flatten().flatten();
    let found = entries
        .filter(|entry| std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.rdev() == device))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .min();
    found.unwrap_or_default()
}
