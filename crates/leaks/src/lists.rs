//! The lists of a folder, opened anew whenever one was loaded or removed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{Filter, FilterError};

/// How the file of a list ends.
pub const ENDING: &str = "leaks";
/// The longest name of a list, in characters.
const NAME_CHARACTERS_MAX: usize = 32;
/// The most lists that are asked: each is another look at the disk for each password.
const LISTS_MAX: usize = 8;

/// A file of the folder as it was when it was opened: its name, its inode, its length and when it was written.
type Seen = (String, u64, u64, i64, i64);

/// One list and its name.
#[derive(Debug)]
pub struct Named {
    /// Its file's name, without the ending.
    pub name: String,
    /// The list, or why it cannot be used.
    pub filter: Result<Filter, FilterError>,
}

/// Every list of a folder.
#[derive(Debug)]
pub struct Lists {
    folder: PathBuf,
    seen: Vec<Seen>,
    lists: Vec<Named>,
}

impl Lists {
    /// The lists of a folder, which need not be there.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let mut lists = Self { folder: folder.to_owned(), seen: Vec::new(), lists: Vec::new() };
        lists.renew();
        lists
    }

    /// Opens them again when the folder has changed since. Says whether it has.
    pub fn renew(&mut self) -> bool {
        let seen = seen(&self.folder);
        if seen == self.seen {
            return false;
        }
        let open = |seen: &Seen| Named { name: seen.0.clone(), filter: Filter::open(&path(&self.folder, &seen.0)) };
        self.lists = seen.iter().map(open).collect();
        self.seen = seen;
        true
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> &[Named] {
        &self.lists
    }

    /// Whether a list has this password; with what could not be read.
    pub fn knows(&self, password: &str, mut failed: impl FnMut(&str, &FilterError)) -> bool {
        let mut known = false;
        // every list is asked, so that the time does not tell which one has it
        for Named { name, filter } in &self.lists {
            let Ok(filter) = filter else { continue };
            match filter.contains_password(password) {
                Ok(found) => known |= found,
                Err(error) => failed(name, &error),
            }
        }
        known
    }
}

/// Whether a list may have this name: it becomes a file's.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let character = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.chars().all(character)
}

/// The file of a list.
#[must_use]
pub fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{ENDING}"))
}

fn seen(folder: &Path) -> Vec<Seen> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let look = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(ENDING)?.strip_suffix('.')?.to_owned();
        let file = entry.metadata().ok().filter(|file| file.is_file() && is_name(&name))?;
        Some((name, file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
    };
    let mut seen: Vec<Seen> = entries.filter_map(look).collect();
    seen.sort_unstable();
    seen.truncate(LISTS_MAX);
    seen
}
