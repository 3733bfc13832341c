//! Where the lines of a list come from: one file, or a folder with a file for each range.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many ranges a folder has: every five digits.
const RANGES: u32 = 1 << 20;

/// One file of lines.
pub struct Part {
    /// Digits that stand before each line.
    pub prefix: String,
    /// The lines.
    pub text: Box<dyn Read>,
}

/// A list that can be read again from any place.
pub trait Source {
    /// Tells this list from others and from itself after a change; of an interrupted load only the same one goes on.
    fn identity(&self) -> io::Result<String>;

    /// How many parts it has.
    fn parts(&self) -> u32;

    /// A part from a place on, in bytes of its text; `None` where it is missing.
    fn open(&mut self, part: u32, from: u64) -> io::Result<Option<Part>>;

    /// All of its text in bytes, where that is known.
    fn bytes(&self) -> Option<u64>;
}

/// A file as it is.
pub struct PlainFile {
    path: PathBuf,
    bytes: u64,
}

impl PlainFile {
    /// A file that is there.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), bytes: std::fs::metadata(path)?.len() })
    }
}

impl Source for PlainFile {
    fn identity(&self) -> io::Result<String> {
        identity("file", &self.path)
    }

    fn parts(&self) -> u32 {
        1
    }

    fn open(&mut self, _: u32, from: u64) -> io::Result<Option<Part>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Some(Part { prefix: String::new(), text: Box::new(file) }))
    }

    fn bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }
}

/// A folder with a file for each five digits, `00000` to `FFFFF`, with or without `.txt`.
pub struct Folder {
    path: PathBuf,
    /// How the file of each range is named, if there is one.
    names: Vec<Option<Style>>,
}

#[derive(Clone, Copy)]
struct Style {
    lower_case: bool,
    ending: bool,
}

impl Folder {
    /// Looks at the names in a folder.
    pub fn new(path: &Path) -> io::Result<Self> {
        let mut names = vec![None; RANGES as usize];
        for entry in std::fs::read_dir(path)? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            let (digits, ending) = name.strip_suffix(".txt").map_or((name.as_str(), false), |digits| (digits, true));
            if digits.len() != 5 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                continue;
            }
            let range = u32::from_str_radix(digits, 16).expect("five hexadecimal digits");
            let lower_case = digits.bytes().any(|digit| digit.is_ascii_lowercase());
            names[range as usize] = Some(Style { lower_case, ending });
        }
        Ok(Self { path: path.to_owned(), names })
    }
}

impl Source for Folder {
    fn identity(&self) -> io::Result<String> {
        identity("folder", &self.path)
    }

    fn parts(&self) -> u32 {
        RANGES
    }

    fn open(&mut self, part: u32, from: u64) -> io::Result<Option<Part>> {
        let Some(Style { lower_case, ending }) = self.names.get(part as usize).copied().flatten() else {
            return Ok(None);
        };
        let prefix = format!("{part:05X}");
        let name = if lower_case { prefix.to_lowercase() } else { prefix.clone() };
        let mut file = File::open(self.path.join(if ending { format!("{name}.txt") } else { name }))?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Some(Part { prefix, text: Box::new(file) }))
    }

    fn bytes(&self) -> Option<u64> {
        None
    }
}

/// What tells a file or folder from others: its place, its length and when it was written.
pub fn identity(kind: &str, path: &Path) -> io::Result<String> {
    let place = path.canonicalize()?;
    let metadata = std::fs::metadata(&place)?;
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Ok(format!("{kind} {} {} {seconds}.{nanoseconds:09}", place.display(), metadata.len()))
}
