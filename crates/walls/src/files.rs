//! The wall around files, made of Landlock.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags,
};
use thiserror::Error;

use crate::{State, Wall};

/// What a role does in its own folders. No program, device, socket, pipe or link is made there or started from there.
const OWN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | Refer
});

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
    let open = |path: &PathBuf| PathFd::new(path).map_err(|source| FilesError::Path { path: path.clone(), source });
    let own = wall.folders.iter().map(|path| Ok((open(path)?, OWN)));
    let shown = wall.read_only.iter().map(|path| {
        let rights = if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        Ok((open(path)?, rights))
    });
    let left_open = own.chain(shown).collect::<Result<Vec<_>, FilesError>>()?;
    // a container may forbid what its kernel has: that is a missing wall, too
    Ok(restrict(left_open, &wall.connects_to).unwrap_or_else(|error| {
        tracing::warn!(%error, "the kernel refuses a Landlock wall");
        State::Absent
    }))
}

fn restrict(left_open: Vec<(PathFd, BitFlags<AccessFs>)>, ports: &[u16]) -> Result<State, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    for (path, rights) in left_open {
        ruleset = ruleset.add_rule(PathBeneath::new(path, rights))?;
    }
    for port in ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => State::Stands,
        RulesetStatus::PartiallyEnforced => State::Partly,
        RulesetStatus::NotEnforced => State::Absent,
    })
}
