//! Cold studies: what opens them lies with holders elsewhere, and the warden alone opens none.
//!
//! - [`replay`](self): which studies are cold, what was asked for and what is warm, replayed from the ledger.
//! - `holders`: who holds shares, and the rule.
//! - `decide`: what officers and administrators say to a request; `overview`: what pages show.
//! - `exchange`: others hold what is cold already.
//! - `sweep`: what is due goes cold, in batches; then the keys that stay are wrapped again and the old epoch key is destroyed.
//!
//! The ledger says whether a study is cold; the keyring only holds what opens it. A database that is older than the ledger (restored)
//! may still have hot keys of a cold study: they are not released, and the next sweep takes them.

mod decide;
mod exchange;
mod holders;
mod overview;
mod replay;
mod steps;
mod sweep;

use std::fmt::Display;

use model::{Actor, EntryBody};
use protocol::Refusal;

use crate::database::{Changes, DatabaseError};
use crate::pages::HELD;
use crate::state::Warden;

pub(crate) use decide::service_of;
pub(crate) use exchange::Exchange;
pub(crate) use holders::Challenges;
pub(crate) use overview::{Named, Years};
pub(crate) use replay::{Cold, Request, WarmUp};
pub use steps::KeyStep;
pub(crate) use steps::Steps;

impl Warden {
    /// Changes the keyring: one transaction with the entries announced, then the entries. A crash in between: the next start appends
    /// them. `step` names the moment in between, for tests.
    pub(crate) fn change_keys(
        &self,
        entries: Vec<(Actor, EntryBody)>,
        step: Option<KeyStep>,
        change: impl FnOnce(&Changes<'_>) -> Result<(), DatabaseError>,
    ) -> Result<(), Refusal> {
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let changes = database.begin().map_err(failed)?;
        change(&changes).map_err(failed)?;
        self.announce(&changes, &entries).map_err(failed)?;
        changes.commit().map_err(failed)?;
        step.map_or(Ok(()), |step| self.steps.before(step))?;
        self.append_announced(&mut database, entries).map_err(|error| self.cannot_record(&error))
    }
}

/// Logs what failed and says that something did.
pub(crate) fn failed(error: impl Display) -> Refusal {
    tracing::error!(%error, "the keyring could not be changed");
    Refusal::Internal
}
