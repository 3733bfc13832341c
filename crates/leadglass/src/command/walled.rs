//! What each role still reaches inside its walls: one list for the roles and for the test that tries them.

use std::path::Path;

use walls::Wall;

/// The front: its own folder.
pub fn front(dir: &Path) -> Wall {
    Wall { folders: vec![dir.join("front")], ..Wall::default() }
}

/// The warden: its own folder and the ledger.
pub fn warden(dir: &Path) -> Wall {
    Wall { folders: vec![dir.join("warden"), dir.join("ledger")], ..Wall::default() }
}

/// The line on the warden's machine: it reads which fronts are known.
pub fn line_that_listens(dir: &Path) -> Wall {
    Wall { read_only: vec![dir.join("line")], ..Wall::default() }
}

/// The line on the front's machine: it connects to one port and has no file.
pub fn line_that_dials(port: u16) -> Wall {
    Wall { connects_to: vec![port], ..Wall::default() }
}
