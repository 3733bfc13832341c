//! Where things lie in a ledger's folder (C2SP tlog-tiles).
//!
//! Tiles and bundles hold up to 256 hashes or entries. A partial one carries its width in its name, so a file never
//! changes once it is written.

use std::path::{Path, PathBuf};

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const TILE_WIDTH: u64 = 256;

/// The signed note over what the tiles hold.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The public key that checks it.
pub(crate) const VKEY: &str = "site.vkey";
/// Held by the process that writes.
pub(crate) const LOCK: &str = "lock";
/// Folder of the journal.
pub(crate) const JOURNAL: &str = "journal";
/// Folder of tiles and entry bundles.
pub(crate) const TILE: &str = "tile";
/// Folder of sealed payloads.
pub(crate) const PAYLOAD: &str = "payload";
/// The ending of a file that is not complete yet; nothing reads it.
pub(crate) const UNFINISHED: &str = "tmp";

/// One kind of bundled file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Bundle {
    /// Hashes of level `.0`.
    Tile(u32),
    /// Leaves.
    Entries,
    /// Sealed payloads.
    Payload,
}

/// One file of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub bundle: Bundle,
    pub index: u64,
    /// 1 to 256.
    pub width: u64,
}

impl Place {
    /// The file's path inside the ledger's folder.
    pub fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(match self.bundle {
            Bundle::Tile(level) => format!("{TILE}/{level}"),
            Bundle::Entries => format!("{TILE}/entries"),
            Bundle::Payload => PAYLOAD.to_owned(),
        });
        let mut digits = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            digits = format!("x{:03}/{digits}", rest % 1000);
            rest /= 1000;
        }
        path.push(digits);
        if self.width < TILE_WIDTH {
            path.as_mut_os_string().push(format!(".p/{}", self.width));
        }
        path
    }

    /// Reads a path inside the ledger's folder; `None` when no ledger writes such a file.
    pub fn parse(path: &Path) -> Option<Self> {
        let mut parts = path.iter().map(|part| part.to_str());
        let bundle = match parts.next()?? {
            TILE => match parts.next()?? {
                "entries" => Bundle::Entries,
                level => Bundle::Tile(level.parse().ok()?),
            },
            PAYLOAD => Bundle::Payload,
            _ => return None,
        };
        let mut index: u64 = 0;
        let mut width = TILE_WIDTH;
        for part in parts {
            let part = part?;
            let digits = part.strip_prefix('x').unwrap_or(part);
            if let Some(digits) = digits.strip_suffix(".p") {
                index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
                width = 0;
            } else if width == 0 {
                width = part.parse().ok()?;
            } else {
                index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
            }
        }
        let place = Self { bundle, index, width };
        // writing it again refuses leading zeros, signs, missing parts and widths out of range
        (place.width >= 1 && place.width <= TILE_WIDTH && place.path() == path).then_some(place)
    }

    /// How many entries the tree must hold for this file to exist.
    pub fn needs(&self) -> Option<u64> {
        let span = match self.bundle {
            Bundle::Tile(level) => TILE_WIDTH.checked_pow(level)?,
            Bundle::Entries | Bundle::Payload => 1,
        };
        self.index.checked_mul(TILE_WIDTH)?.checked_add(self.width)?.checked_mul(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bundle: Bundle, index: u64, width: u64, expected: &str) {
        let place = Place { bundle, index, width };
        assert_eq!(place.path(), Path::new(expected));
        assert_eq!(Place::parse(Path::new(expected)), Some(place));
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        check(Bundle::Tile(0), 0, 256, "tile/0/000");
        check(Bundle::Tile(3), 1_234_067, 256, "tile/3/x001/x234/067");
        check(Bundle::Tile(0), 1_234_067, 8, "tile/0/x001/x234/067.p/8");
        check(Bundle::Entries, 999, 255, "tile/entries/999.p/255");
        check(Bundle::Payload, 1000, 1, "payload/x001/000.p/1");
    }

    #[test]
    fn no_other_path_is_taken() {
        for path in [
            "tile",
            "tile/0",
            "tile/00/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/000.p",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/7/7",
            "tile/0/x001",
            "tile/0/x000/000",
            "tile/-1/000",
            "tile/entry/000",
            "payload/1",
            "payload/+01",
            "payload/000.tmp",
            "other/000",
            "tile/0/001/000",
            "payload/x999/x999/x999/x999/x999/x999/x999/x999/000",
        ] {
            assert_eq!(Place::parse(Path::new(path)), None, "{path}");
        }
    }
}
