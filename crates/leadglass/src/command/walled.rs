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
    folders.extend(sinks.filter(|place| is_second_folder(dir, place)));
    Wall { folders, ..Wall::default() }
}

/// Whether a place is what it says: whoever can write the list of places must not move the wall.
fn is_second_folder(dir: &Path, place: &Path) -> bool {
    let (Ok(place), Ok(dir)) = (place.canonicalize(), dir.canonicalize()) else { return false };
    !dir.starts_with(&place) && !place.starts_with(&dir) && place.join(audit::SINK_MARK).is_file()
}

/// The line on the warden's machine: it reads which fronts are known.
pub fn line_that_listens(dir: &Path) -> Wall {
    Wall { read_only: vec![dir.join("line")], ..Wall::default() }
}

/// The line on the front's machine: it connects to one port and has no file.
pub fn line_that_dials(port: u16) -> Wall {
    Wall { connects_to: vec![port], ..Wall::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_places_that_somebody_wrote_moves_no_wall() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = folder.path().join("site");
        let [inside, above, second, unmarked] =
            [dir.join("front"), folder.path().to_owned(), elsewhere.path().join("second"), elsewhere.path().to_owned()];
        for place in [&inside, &above, &second] {
            std::fs::create_dir_all(place).unwrap();
            audit::mark_sink(place).unwrap();
        }
        let places = [&inside, &above, &second, &unmarked, &PathBuf::from("/"), &PathBuf::from("second")];
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        audit::write_sinks(&dir.join("witnesses"), &places).unwrap();
        let folders = warden(&dir).folders;
        assert_eq!(folders, [dir.join("warden"), dir.join("ledger"), dir.join("witnesses"), second]);
    }
}
