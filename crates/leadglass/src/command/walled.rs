//! What each role still reaches inside its walls: one list for the roles and for the test that tries them.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use walls::{OuterWall, Wall, WorkerWall};

use crate::cli::ListenArgs;
use crate::unseal::Method;

/// All the memory that a codec worker gets, its program included, in bytes. 8,192 by 8,192 grey samples of 16 bits fit.
pub const CODECS_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

/// All the memory that whoever reads a dump gets, its program included, in bytes. Logins and passwords that are kept, and the directory
/// of a zip with 100,000 members, fit.
pub const DUMP_ADDRESS_SPACE_BYTES: u64 = 1 << 30;

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

/// The courier: it reads the ledger and the list of witnesses, keeps what they answer, and connects to their ports.
pub fn courier(dir: &Path, ports: Vec<u16>) -> Wall {
    let witnesses = dir.join("witnesses");
    Wall {
        folders: vec![witnesses.join(audit::TOLD)],
        read_only: vec![dir.join("ledger"), witnesses],
        connects_to: ports,
        ..Wall::default()
    }
}

/// Whoever asks for ranges of leaked passwords: no file, and one port.
pub fn ranges(ports: Vec<u16>) -> Wall {
    Wall { connects_to: ports, ..Wall::default() }
}

/// A codec worker: its stream to the front.
pub fn codecs(front: &impl AsRawFd) -> WorkerWall {
    WorkerWall { stream: front.as_raw_fd(), file: None, address_space_bytes: CODECS_ADDRESS_SPACE_BYTES }
}

/// Whoever reads a dump: the dump, and its stream to the one that asked.
pub fn dump(dump: &impl AsRawFd, asker: &impl AsRawFd) -> WorkerWall {
    let file = Some(dump.as_raw_fd());
    WorkerWall { stream: asker.as_raw_fd(), file, address_space_bytes: DUMP_ADDRESS_SPACE_BYTES }
}

/// A parent of roles: DIR, the ledger's second folder, what its children read while they start, and its own program. Only where a
/// program of the site's unseals, any program and any file: nobody here knows what it needs.
pub fn parent(dir: &Path, unseal: Option<&Method>, listen: Option<&ListenArgs>, ports: Vec<u16>) -> OuterWall {
    let sinks = audit::read_sinks(&dir.join("witnesses")).unwrap_or_default().into_iter().map(PathBuf::from);
    let sinks = sinks.filter(|place| is_second_folder(dir, place));
    let folders = std::iter::once(dir.to_owned()).chain(sinks).collect();
    // how much of the machine is ours, and which disks there are; no process of others
    let machine = ["/sys/fs/cgroup", "/dev/disk"].map(PathBuf::from).into_iter().filter(|path| path.is_dir());
    let read_only = walls::libraries_and_names().into_iter().chain(machine).chain(certificates(listen)).collect();
    let programs = (!unseal.is_some_and(Method::is_a_program)).then(walls::this_program);
    OuterWall { folders, read_only, programs, listens_at: ports }
}

/// The folders of certificate and key, links followed: who renews one puts another file in its place.
fn certificates(listen: Option<&ListenArgs>) -> Vec<PathBuf> {
    let named = listen.into_iter().flat_map(|listen| [&listen.tls_cert, &listen.tls_key]).flatten();
    let places = named.flat_map(|path| [std::path::absolute(path), path.canonicalize()]);
    let folders = places.filter_map(|path| Some(path.ok()?.parent()?.to_owned()));
    folders.filter(|folder| folder.is_dir()).collect()
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
