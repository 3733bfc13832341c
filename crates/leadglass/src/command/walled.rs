//! What each role still reaches inside its walls: one list for the roles and for the test that tries them.

use std::path::{Path, PathBuf};

use walls::Wall;

/// The front: its own folder.
pub fn front(dir: &Path) -> Wall {
    Wall { folders: vec![dir.join("front")], ..Wall::default() }
}

/// The warden: its own folder, the ledger, what its witnesses have seen, and the ledger's second folder where it is mounted.
pub fn warden(dir: &Path) -> Wall {
    let witnesses = dir.join("witnesses");
    let sinks = audit::read_sinks(&witnesses).unwrap_or_default().into_iter().map(PathBuf::from);
    let mut folders = vec![dir.join("warden"), dir.join("ledger"), witnesses];
    folders.extend(sinks.filter(|place| place.is_dir()));
    Wall { folders, ..Wall::default() }
}

/// The line on the warden's machine: it reads which fronts are known.
pub fn line_that_listens(dir: &Path) -> Wall {
    Wall { read_only: vec![dir.join("line")], ..Wall::default() }
}

/// The line on the front's machine: it connects to one port and has no file.
pub fn line_that_dials(port: u16) -> Wall {
    Wall { connects_to: vec![port], ..Wall::default() }
}
