//! The wall around files, made of Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags,
};
use thiserror::Error;

use crate::{OuterWall, State, Wall};

/// What a role does in its own folders. No program, device, socket, pipe or link is made there or started from there.
const OWN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | Refer
});

/// What a parent and its children do in theirs: sockets are made there as well.
const SHARED: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSock | Refer
});

/// A program that may be started.
const PROGRAM: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ Execute | ReadFile });

/// What this version asks for; an older kernel gives what it has.
const WANTED: ABI = ABI::V6;

/// The wall around files could not be raised.
#[derive(Debug, Error)]
pub enum FilesError {
    /// A folder that it would keep open is not there.
    #[error("{} cannot be opened, so no wall can leave it out; check the path and the rights", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: landlock::PathFdError,
    },
}

pub(crate) fn raise(wall: &Wall) -> Result<State, FilesError> {
    let own = wall.folders.iter().map(|path| Ok((opened(path)?, OWN)));
    let left_open = own.chain(shown(&wall.read_only)).collect::<Result<Vec<_>, FilesError>>()?;
    let ports = wall.connects_to.iter().map(|port| NetPort::new(*port, AccessNet::ConnectTcp)).collect();
    let mut scopes = Scope::from_all(WANTED);
    if wall.children_end_with_it {
        scopes.remove(Scope::Signal);
    }
    Ok(said(restrict(left_open, AccessNet::from_all(WANTED), ports, scopes)))
}

pub(crate) fn raise_around(wall: &OuterWall) -> Result<State, FilesError> {
    let ports = wall.listens_at.iter().map(|port| NetPort::new(*port, AccessNet::BindTcp)).collect();
    let left_open = match &wall.programs {
        None => vec![(opened(Path::new("/"))?, AccessFs::from_all(WANTED))],
        Some(programs) => {
            let own = wall.folders.iter().map(|path| Ok((opened(path)?, SHARED)));
            let programs = programs.iter().map(|path| Ok((opened(path)?, PROGRAM)));
            own.chain(programs).chain(shown(&wall.read_only)).collect::<Result<Vec<_>, FilesError>>()?
        }
    };
    let state = said(restrict(left_open, AccessNet::BindTcp.into(), ports, Scope::from_all(WANTED)));
    Ok(if wall.programs.is_none() && state == State::Stands { State::Partly } else { state })
}

fn opened(path: &Path) -> Result<PathFd, FilesError> {
    PathFd::new(path).map_err(|source| FilesError::Path { path: path.to_owned(), source })
}

fn shown(paths: &[PathBuf]) -> impl Iterator<Item = Result<(PathFd, BitFlags<AccessFs>), FilesError>> {
    paths.iter().map(|path| {
        let rights = if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        Ok((opened(path)?, rights))
    })
}

/// A container may forbid what its kernel has: that is a missing wall, too.
fn said(restricted: Result<State, RulesetError>) -> State {
    restricted.unwrap_or_else(|error| {
        tracing::warn!(%error, "the kernel refuses a Landlock wall");
        State::Absent
    })
}

fn restrict(
    left_open: Vec<(PathFd, BitFlags<AccessFs>)>,
    ports_for: BitFlags<AccessNet>,
    ports: Vec<NetPort>,
    scopes: BitFlags<Scope>,
) -> Result<State, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(ports_for)?
        .scope(scopes)?
        .create()?;
    for (path, rights) in left_open {
        ruleset = ruleset.add_rule(PathBeneath::new(path, rights))?;
    }
    for port in ports {
        ruleset = ruleset.add_rule(port)?;
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => State::Stands,
        RulesetStatus::PartiallyEnforced => State::Partly,
        RulesetStatus::NotEnforced => State::Absent,
    })
}
