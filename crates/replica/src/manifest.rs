//! A generation: what it consists of, as a file whose name holds its own hash.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use model::Instant;
use serde::{Deserialize, Serialize};

use crate::ManifestError;
use crate::digest::Digest;

/// The format that this version writes.
const VERSION: u32 = 1;
/// The first line of sense in it, for whoever opens one by hand.
const FORMAT: &str = "leadglass vault manifest";
/// The longest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// One generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub format: String,
    pub version: u32,
    /// From 1.
    pub generation: u64,
    /// When it was begun.
    pub made: Instant,
    /// Append-only files.
    pub volumes: Vec<Volume>,
    /// Everything else.
    pub files: Vec<SmallFile>,
}

/// One append-only file: its first `length` bytes belong to this generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    /// Path below `DIR/front` and below the vault, as `volumes/000001.vol`.
    pub name: VolumeName,
    pub length: u64,
    /// The list of chunk hashes, 32 bytes for each [`crate::CHUNK_BYTES`], is the small file of this hash.
    pub chunks: Digest,
}

/// One small file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SmallFile {
    /// Path below DIR.
    pub path: InnerPath,
    pub length: u64,
    pub hash: Digest,
}

/// The folders of DIR that a vault holds files of. What lies elsewhere in DIR says what to believe or whom to ask, and a manifest is not
/// signed: it puts nothing there.
const FOLDERS: [&str; 4] = ["front", "ledger", "tls", "warden"];

/// A path that stays below one of the folders that a vault holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct InnerPath(String);

impl InnerPath {
    pub fn new(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let inner = path.components().all(|component| matches!(component, Component::Normal(_)));
        let plain = !text.is_empty() && !text.ends_with('/') && !text.contains("//") && !text.contains("/./");
        let held = text.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
        (inner && plain && held && !text.contains('\0')).then(|| Self(text.to_owned()))
    }

    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl TryFrom<String> for InnerPath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(Path::new(&text)).ok_or("a path in a manifest stays below front, ledger, tls or warden")
    }
}

impl From<InnerPath> for String {
    fn from(path: InnerPath) -> Self {
        path.0
    }
}

/// `volumes/` with a number and `.vol` or `.large`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct VolumeName(String);

impl VolumeName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VolumeName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = text.strip_prefix("volumes/");
        let number = number.and_then(|number| number.strip_suffix(".vol").or_else(|| number.strip_suffix(".large")));
        let plain = number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        if plain { Ok(Self(text)) } else { Err("the name of a volume is volumes/NNNNNN.vol or volumes/NNNNNN.large") }
    }
}

impl From<VolumeName> for String {
    fn from(name: VolumeName) -> Self {
        name.0
    }
}

impl Manifest {
    pub fn new(generation: u64, made: Instant) -> Self {
        let format = FORMAT.to_owned();
        Self { format, version: VERSION, generation, made, volumes: Vec::new(), files: Vec::new() }
    }

    /// Its bytes, and the name of its file.
    pub fn encode(&self) -> (Vec<u8>, String) {
        let bytes = serde_json::to_vec_pretty(self).expect("numbers and texts are JSON");
        let name = format!("{:08}-{}.json", self.generation, Digest::of(&bytes));
        (bytes, name)
    }

    /// Every small file that this generation needs, lists of chunk hashes included.
    pub fn hashes(&self) -> impl Iterator<Item = Digest> + '_ {
        self.files.iter().map(|file| file.hash).chain(self.volumes.iter().map(|volume| volume.chunks))
    }
}

/// A manifest's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub generation: u64,
    pub hash: Digest,
    pub path: PathBuf,
}

/// Every manifest by its name, oldest first. Files of other names are passed over.
pub(crate) fn list(folder: &Path) -> Result<Vec<Listed>, ManifestError> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(folder).map_err(ManifestError::at(folder))? {
        let path = entry.map_err(ManifestError::at(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        if let Some((generation, hash)) = name.and_then(|name| name.split_once('-'))
            && let (Ok(generation), Ok(hash)) = (generation.parse(), hash.parse())
        {
            listed.push(Listed { generation, hash, path });
        }
    }
    listed.sort_by_key(|listed| listed.generation);
    Ok(listed)
}

/// Reads one.
pub(crate) fn read(listed: &Listed) -> Result<Manifest, ManifestError> {
    let damaged = || ManifestError::Damaged { generation: listed.generation };
    let length = match fs::metadata(&listed.path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged()),
        metadata => metadata.map_err(ManifestError::at(&listed.path))?.len(),
    };
    if length > MANIFEST_BYTES_MAX {
        return Err(damaged());
    }
    let bytes = fs::read(&listed.path).map_err(ManifestError::at(&listed.path))?;
    if Digest::of(&bytes) != listed.hash {
        return Err(damaged());
    }
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    if head.version > VERSION {
        return Err(ManifestError::Version { generation: listed.generation, version: head.version });
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    let fits = manifest.generation == listed.generation && manifest.format == FORMAT && manifest.version == VERSION;
    if fits { Ok(manifest) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_refused() {
        for path in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "../a",
            "a/..",
            "a\0b",
            "ledger/../a",
            "ledger/a\0b",
        ] {
            assert!(InnerPath::try_from(path.to_owned()).is_err(), "{path:?}");
        }
        // what says whom to believe comes from no manifest
        for path in ["witnesses/accepted", "witnesses/sinks.json", "line/fronts.json", "run/x", "passphrase"] {
            assert!(InnerPath::try_from(path.to_owned()).is_err(), "{path:?}");
        }
        assert!(InnerPath::try_from("ledger/tile/0/x001/000.p/12".to_owned()).is_ok());
    }

    #[test]
    fn a_name_that_is_no_volume_is_refused() {
        for name in
            ["", "000001.vol", "volumes/.vol", "volumes/a.vol", "volumes/../1.vol", "volumes/1.tmp", "/volumes/1.vol"]
        {
            assert!(VolumeName::try_from(name.to_owned()).is_err(), "{name:?}");
        }
        assert!(VolumeName::try_from("volumes/000007.large".to_owned()).is_ok());
    }

    #[test]
    fn a_hash_out_of_shape_is_refused() {
        let good = Digest::of(b"x").to_string();
        for text in [&good[1..], &good.to_uppercase(), &format!("{good}0"), ""] {
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
        assert_eq!(good.parse(), Ok(Digest::of(b"x")));
    }
}
