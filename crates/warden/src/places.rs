//! A file of addresses and where they are: `DIR/warden/places.csv`, which `leadglass network places` puts there.
//!
//! Who controls it can hide an impossible journey, or make one up; losing it costs the journeys between places that no network of the site
//! names. It is read inside the warden's walls.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use budget::{Places, PlacesError};

/// Where it lies in DIR.
pub const PLACES: &str = "warden/places.csv";

/// Reads a file of places: for the command that puts it in place.
pub fn read_places(path: &Path) -> Result<Places, PlacesError> {
    Places::read(std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?))
}

/// The file as it was read last.
#[derive(Default)]
pub(crate) struct KnownPlaces {
    path: PathBuf,
    read: Option<(u64, SystemTime)>,
}

impl KnownPlaces {
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join(PLACES), read: None }
    }

    /// What it says, when it is another than before: nothing when there is none, or none that can be read.
    pub(crate) fn renewed(&mut self) -> Option<Option<Arc<Places>>> {
        let found = std::fs::metadata(&self.path).ok();
        let now = found.and_then(|found| Some((found.len(), found.modified().ok()?)));
        if now == self.read {
            return None;
        }
        self.read = now;
        if now.is_none() {
            return Some(None);
        }
        match read_places(&self.path) {
            Ok(places) => Some(Some(Arc::new(places))),
            Err(error) => {
                tracing::error!(%error, "the file of places is not used");
                Some(None)
            }
        }
    }
}
