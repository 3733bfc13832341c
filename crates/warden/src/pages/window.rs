//! What an auditor is given: the keys of a window's days, and the earlier entries that reach rests on. Two persons and a delay stand in
//! front of it, because whoever holds those keys reads every entry of those days for good.

use model::{Change, EntryBody, EntryNumber, Instant, Window};
use protocol::{PageReply, Refusal, WindowRequest};

use super::HELD;
use super::directory::field;
use crate::approvals::Asked;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    pub(super) fn export_window(
        &self,
        caller: &Caller,
        request: WindowRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        match request {
            WindowRequest::Ask { window } => self.ask_for_window(caller, window, now),
            WindowRequest::Take { proposal, from } => self.take_window(caller, proposal, from, now),
        }
    }

    /// The answer is the proposal, carried out already while the site is set up.
    fn ask_for_window(&self, caller: &Caller, window: Window, now: Instant) -> Result<PageReply, Refusal> {
        if window.to <= window.from || window.to > now {
            return Err(field("--to", "a time after --from and not after now"));
        }
        let days_max = audit::PayloadKeys::DAYS_MAX;
        if audit::Day::touched(window).is_none() {
            return Err(field("--from", &format!("a time at most {days_max} days before --to")));
        }
        let row = match self.ask_for(caller, Change::ExportWindow { window }, now)? {
            Asked::Waits(row) => row,
            Asked::Made(appended) => {
                let proposal = appended.iter().find_map(|(_, entry)| match entry.body {
                    EntryBody::CarriedOut { proposal, .. } => Some(proposal),
                    _ => None,
                });
                Box::new(self.proposal_row(proposal.ok_or(Refusal::Internal)?, caller)?)
            }
        };
        Ok(PageReply::Proposed(row))
    }

    /// The keys leave only after the entry that says so, once; they come with the first piece.
    fn take_window(
        &self,
        caller: &Caller,
        proposal: EntryNumber,
        from: EntryNumber,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let now = self.not_before_recorded(now);
        let mut lines = Vec::new();
        // one at a time, so that nobody else takes them by the same approval
        let turn = self.changing.lock().expect(HELD);
        let (window, untaken) = self.proposals.read().expect(HELD).window(proposal, now).ok_or_else(|| {
            field("--proposal", "the number of a carried out export; `leadglass approve list` shows where it stands")
        })?;
        if from == EntryNumber(0) {
            if !untaken {
                return Err(field("--proposal", "an export that nobody took yet, within 7 days; propose it again"));
            }
            let body = EntryBody::WindowExported { window, proposal: Some(proposal) };
            self.append(caller, vec![body], now)?;
            lines.extend(self.ledger.window(window).iter().map(json));
        }
        drop(turn);
        let (shown, next) = self.ledger.shown(from, window).map_err(|error| {
            tracing::error!(%error, "a window cannot be exported");
            Refusal::Internal
        })?;
        lines.extend(shown.iter().map(json));
        Ok(PageReply::Window { lines, next })
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("text and numbers are JSON")
}
