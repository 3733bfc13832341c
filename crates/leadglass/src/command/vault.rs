//! `leadglass vault`: a second copy on another filesystem, and the way back.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::PageRequest;
use replica::{Generation, Progress, SameFilesystem, SourceError, Sources, Stopped, Vault};
use serde_json::{Value, json};

use crate::cli::{Format, VaultCommand};
use crate::intake_socket::SNAPSHOT;
use crate::output::say;
use crate::owner::{FRONT_SOCKET, Owner};
use crate::time;

/// The most bytes of a key's file that are overwritten; it has 150.
const KEY_BYTES_MAX: usize = 4_096;
/// What a snapshot's folder is called, with the process that asked for it.
const SNAPSHOT_PREFIX: &str = "snapshot-";

/// `leadglass vault`
pub fn vault(dir: &Path, format: Format, command: VaultCommand) -> Result<()> {
    match command {
        VaultCommand::Init { vault, allow_same_filesystem } => {
            let same = if allow_same_filesystem { SameFilesystem::Allow } else { SameFilesystem::Refuse };
            let made = Vault::init(&vault, dir, same, time::now())?;
            answer(format, &json!({ "vault": made.path() }), || {
                format!("A vault is in {}. Copy into it with `leadglass vault sync`.", made.path().display())
            });
        }
        VaultCommand::Sync { vault } => {
            let vault = Vault::open(&vault)?;
            let bar = bar(format);
            let mut hooks = |progress: Progress| show(&bar, progress);
            let synced = match Running::find(dir)? {
                Some(mut running) => {
                    let synced = vault.sync(dir, &mut running, time::now(), &mut hooks)?;
                    running.owner.tell(crate::disk::copy(vault.path())?)?;
                    synced
                }
                None => vault.sync(dir, &mut Stopped::new(dir), time::now(), &mut hooks)?,
            };
            bar.finish_and_clear();
            let value = json!({ "generation": synced.generation, "volumes": synced.volumes, "files": synced.files, "bytes": synced.bytes });
            answer(format, &value, || {
                format!(
                    "Generation {}: {} volumes, {} files, {} bytes.",
                    synced.generation, synced.volumes, synced.files, synced.bytes
                )
            });
        }
        VaultCommand::Verify { vault } => {
            let bar = bar(format);
            let verified = Vault::open(&vault)?.verify(&mut |progress: Progress| show(&bar, progress))?;
            bar.finish_and_clear();
            let damages: Vec<String> = verified.damages.iter().map(ToString::to_string).collect();
            let value = json!({ "generations": verified.generations, "bytes": verified.bytes, "damages": damages });
            answer(format, &value, || match damages.as_slice() {
                [] => format!("Verified: generations {:?}, {} bytes read.", verified.generations, verified.bytes),
                damages => damages.join("\n"),
            });
            if !damages.is_empty() {
                bail!(
                    "{} things in the vault are damaged; make a new vault on a sound disk now, and keep this one",
                    damages.len()
                );
            }
        }
        VaultCommand::Restore { vault } => {
            let bar = bar(format);
            let restored = Vault::open(&vault)?
                .restore(dir, Generation::Newest, &mut |progress: Progress| show(&bar, progress))?;
            bar.finish_and_clear();
            std::fs::create_dir_all(dir.join("run"))?;
            let value = json!({ "generation": restored.generation, "made": time::show(restored.made), "files": restored.files, "bytes": restored.bytes });
            answer(format, &value, || {
                format!(
                    "Restored generation {} of {}: {} files, {} bytes. Start it with `leadglass serve`.",
                    restored.generation,
                    time::show(restored.made),
                    restored.files,
                    restored.bytes
                )
            });
        }
    }
    Ok(())
}

/// A running installation: each side is asked for a snapshot of its own.
struct Running {
    dir: PathBuf,
    owner: Owner,
    /// The warden's snapshot, between being taken and being copied.
    warden: Option<OwnFolder>,
}

impl Running {
    /// The installation in `dir`, when it runs. One half alone is neither running nor stopped.
    fn find(dir: &Path) -> Result<Option<Self>> {
        let front = UnixStream::connect(dir.join(FRONT_SOCKET)).is_ok();
        match (front, Owner::connect(dir)) {
            (true, Ok(owner)) => Ok(Some(Self { dir: std::path::absolute(dir)?, owner, warden: None })),
            (false, Err(_)) => Ok(None),
            _ => bail!(
                "only one of front and warden answers; start both with `leadglass serve`, or stop both, and sync again"
            ),
        }
    }
}

impl Sources for Running {
    /// Both snapshots are taken here, one right after the other: what is handed over between them would be in the warden's alone.
    fn front(&mut self, into: &Path) -> Result<(), SourceError> {
        let front = OwnFolder::new(&self.dir.join("front"))?;
        let warden = OwnFolder::new(&self.dir.join("warden"))?;
        let mut stream = UnixStream::connect(self.dir.join(FRONT_SOCKET))?;
        let path = front.name()?;
        stream.write_all(&[SNAPSHOT])?;
        stream.write_all(&(path.len() as u64).to_be_bytes())?;
        stream.write_all(path.as_bytes())?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        if let Some(error) = answer["error"].as_str() {
            return Err(error.into());
        }
        self.owner.tell(PageRequest::Snapshot { into: warden.name()?.to_owned() })?;
        self.warden = Some(warden);
        Ok(copy(&front.path, into)?)
    }

    fn warden(&mut self, into: &Path) -> Result<(), SourceError> {
        let snapshot = self.warden.take().ok_or("the warden's snapshot was not taken; sync again")?;
        Ok(copy(&snapshot.path, into)?)
    }
}

/// A folder for a snapshot inside the folder of the role that writes it: its walls leave it no other. It goes when this is dropped.
struct OwnFolder {
    path: PathBuf,
}

impl OwnFolder {
    /// A new one in the role's folder. What a sync left that was killed goes.
    fn new(of: &Path) -> std::io::Result<Self> {
        for entry in std::fs::read_dir(of)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let left = name.strip_prefix(SNAPSHOT_PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
            if left {
                remove(&entry.path())?;
            }
        }
        Ok(Self { path: of.join(format!("{SNAPSHOT_PREFIX}{}", std::process::id())) })
    }

    fn name(&self) -> Result<&str, SourceError> {
        self.path.to_str().ok_or_else(|| "the installation's path is not Unicode; move it".into())
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // an error here leaves the folder to the next sync
        let _ = remove(&self.path);
    }
}

/// Removes a snapshot; the copies of epoch keys in it are overwritten first, or a key that is destroyed later would live on in free blocks.
fn remove(snapshot: &Path) -> std::io::Result<()> {
    for key in std::fs::read_dir(snapshot.join("epochs")).into_iter().flatten() {
        let key = key?;
        let mut file = std::fs::OpenOptions::new().write(true).open(key.path())?;
        let bytes = usize::try_from(key.metadata()?.len()).unwrap_or(0).min(KEY_BYTES_MAX);
        file.write_all(&vec![0; bytes])?;
        file.sync_all()?;
    }
    std::fs::remove_dir_all(snapshot)
}

/// Copies a folder of plain files and folders, each file synced.
fn copy(from: &Path, into: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(into)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = into.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to)?;
            std::fs::File::open(&to)?.sync_all()?;
        }
    }
    std::fs::File::open(into)?.sync_all()
}

fn bar(format: Format) -> ProgressBar {
    if format == Format::Json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.expect("the template is right"))
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

fn answer(format: Format, value: &Value, text: impl FnOnce() -> String) {
    match format {
        Format::Json => say!("{value}"),
        Format::Text => say!("{}", text()),
    }
}
