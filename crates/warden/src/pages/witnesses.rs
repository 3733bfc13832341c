//! Adding and removing witnesses and second folders.

use audit::{Cosigner, WITNESSES_MAX};
use model::{EntryBody, Instant};
use protocol::{PageReply, Refusal};

use super::HELD;
use super::directory::{field, unknown};
use crate::state::Warden;
use crate::subject::Caller;

/// The longest address of a witness, in bytes.
const URL_BYTES_MAX: usize = 300;
/// The longest path of a second folder, in bytes.
const PATH_BYTES_MAX: usize = 1000;

impl Warden {
    /// Records the witness, then tells the courier. A crash between the two: the next start tells it.
    pub(super) fn set_witness(
        &self,
        caller: &Caller,
        url: String,
        vkeys: Vec<String>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let known = self.watched.lock().expect(HELD).witnesses().to_vec();
        let body = if vkeys.is_empty() {
            if !known.iter().any(|witness| witness.url == url) {
                return Err(unknown("witness", "ledger witness list"));
            }
            EntryBody::WitnessRemoved { url }
        } else {
            let web = url.starts_with("http://") || url.starts_with("https://");
            if !web || url.len() > URL_BYTES_MAX || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(field("the address", "http://HOST[:PORT][/PATH] or https://..."));
            }
            if vkeys.len() > 2 || vkeys.iter().any(|vkey| Cosigner::parse(vkey).is_err()) {
                return Err(field("--vkey", "one or two lines as the witness prints them (C2SP vkeys of type 4 or 6)"));
            }
            if known.len() >= WITNESSES_MAX {
                return Err(field("the number of witnesses", &format!("at most {WITNESSES_MAX}")));
            }
            EntryBody::WitnessAdded { url, vkeys }
        };
        self.append(caller, vec![body], now)?;
        self.tell_courier().map_err(|error| {
            tracing::error!(%error, "the list of witnesses cannot be written");
            Refusal::Internal
        })?;
        Ok(PageReply::Done)
    }

    /// Records it and has entries go there: at once where no wall stands around the warden, else from the next start on. The
    /// caller has marked the place. One that is removed is left at the next start.
    pub(super) fn set_sink(&self, caller: &Caller, path: String, on: bool, now: Instant) -> Result<PageReply, Refusal> {
        let known = self.watched.lock().expect(HELD).sinks().to_vec();
        let place = std::path::Path::new(&path);
        if !on {
            if !known.contains(&path) {
                return Err(unknown("second folder", "ledger sink list"));
            }
            self.append(caller, vec![EntryBody::SinkRemoved { path }], now)?;
        } else {
            let usable = place.is_absolute() && !place.starts_with(&self.dir) && path.len() <= PATH_BYTES_MAX;
            if !usable || path.chars().any(char::is_control) {
                return Err(field("the folder", "an absolute path outside of DIR, on another disk"));
            }
            if !known.is_empty() && !known.contains(&path) {
                return Err(field("the number of second folders", "one; remove the other first"));
            }
            if !known.contains(&path) {
                self.append(caller, vec![EntryBody::SinkAdded { path }], now)?;
            }
            self.open_sinks().map_err(|_| Refusal::Internal)?;
        }
        self.tell_courier().map_err(|error| {
            tracing::error!(%error, "the list of second folders cannot be written");
            Refusal::Internal
        })?;
        Ok(PageReply::Done)
    }
}
