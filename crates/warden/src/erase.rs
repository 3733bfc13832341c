//! Erasing the words of an entry: two persons and a delay, then one append, then the payload goes from every folder.
//!
//! Durable steps, and what a restart finds after each:
//! 1. the erasure's entry with what is left of the erased one, and the entry that closes the proposal: one append. A crash before
//!    it leaves a proposal that is due.
//! 2. the payload out of each folder, by the ledger's publishers. A crash before it: the replay of the start finds the entry and
//!    the payload, and the same function takes it out.

use audit::{Appended, EraseError};
use model::{Actor, Change, EntryBody, EntryNumber, Instant};
use protocol::{Invalid, PageReply, REASON_CHARACTERS_MAX, Refusal};

use crate::approvals::fold::Proposal;
use crate::pages::{HELD, field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// Asks for the words of an entry to be erased.
    pub(crate) fn propose_erasure(
        &self,
        caller: &Caller,
        entry: EntryNumber,
        reason: &str,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX || reason.chars().any(char::is_control) {
            return Err(field("reason", "why, in 1 to 200 characters that name nobody"));
        }
        self.erasure_of(entry)?;
        let change = Change::EraseEntry { entry, reason: reason.to_owned() };
        Ok(self.ask_for(caller, change, now)?.reply())
    }

    /// Erases. The caller holds `changing`.
    pub(crate) fn erase_as(
        &self,
        proposal: &Proposal,
        entry: EntryNumber,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        let erased = self.erasure_of(entry)?;
        let appended = self.with_entries(proposal, vec![erased], actor, now)?;
        tracing::warn!(%entry, "the words of an entry were erased");
        Ok(appended)
    }

    fn erasure_of(&self, entry: EntryNumber) -> Result<EntryBody, Refusal> {
        // an approval signs the exact change, so its words stay until it is decided
        if self.proposals.read().expect(HELD).get(entry).is_some_and(Proposal::is_open) {
            return Err(field("the entry", "a proposal that is decided; withdraw or refuse it first"));
        }
        self.ledger.erasure(entry).map_err(|error| match error {
            EraseError::Absent(_) => unknown("entry", "ledger entries"),
            EraseError::Erased(_) => Refusal::Exists,
            EraseError::Kept { kept, .. } => Refusal::Invalid(Invalid::Kept(kept.to_string())),
            EraseError::Read(error) => {
                tracing::error!(%error, "an entry cannot be read");
                Refusal::Internal
            }
        })
    }
}
