//! What an auditor is given: the keys of a window's days, and the earlier entries that reach rests on.

use model::{EntryBody, EntryNumber, Instant, Window};
use protocol::{PageReply, Refusal};

use super::directory::field;
use crate::state::Warden;
use crate::subject::Caller;

impl Warden {
    /// The keys leave only after the entry that says so; they come with the first piece.
    pub(super) fn export_window(
        &self,
        caller: &Caller,
        window: Window,
        from: EntryNumber,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if window.to <= window.from || window.to > now {
            return Err(field("--to", "a time after --from and not after now"));
        }
        let days_max = audit::PayloadKeys::DAYS_MAX;
        if audit::Day::touched(window).is_none() {
            return Err(field("--from", &format!("a time at most {days_max} days before --to")));
        }
        let mut lines = Vec::new();
        if from == EntryNumber(0) {
            self.append(caller, vec![EntryBody::WindowExported { window }], now)?;
            lines.extend(self.ledger.window(window).iter().map(json));
        }
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
