//! Adding and removing witnesses and second folders: two persons and a delay stand in front of each, because whoever takes both away
//! can rewrite history unseen.

use audit::{Appended, Cosigner, WITNESSES_MAX};
use model::{Actor, Change, EntryBody, Instant};
use protocol::{PageReply, Refusal};

use super::HELD;
use super::directory::{field, unknown};
use crate::approvals::Proposal;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest address of a witness, in bytes.
const URL_BYTES_MAX: usize = 300;
/// The longest path of a second folder, in bytes.
const PATH_BYTES_MAX: usize = 1000;

impl Warden {
    /// Asks for a witness more, or for one less when no vkeys are given.
    pub(super) fn set_witness(
        &self,
        caller: &Caller,
        url: String,
        vkeys: Vec<String>,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let change = if vkeys.is_empty() {
            if !self.watched.lock().expect(HELD).witnesses().iter().any(|witness| witness.url == url) {
                return Err(unknown("witness", "ledger witness list"));
            }
            Change::RemoveWitness { url }
        } else {
            let web = url.starts_with("http://") || url.starts_with("https://");
            if !web || url.len() > URL_BYTES_MAX || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(field("the address", "http://HOST[:PORT][/PATH] or https://..."));
            }
            if vkeys.len() > 2 || vkeys.iter().any(|vkey| Cosigner::parse(vkey).is_err()) {
                return Err(field("--vkey", "one or two lines as the witness prints them (C2SP vkeys of type 4 or 6)"));
            }
            self.has_room_for_a_witness()?;
            Change::AddWitness { url, vkeys }
        };
        Ok(self.ask_for(caller, change, now)?.reply())
    }

    fn has_room_for_a_witness(&self) -> Result<(), Refusal> {
        if self.watched.lock().expect(HELD).witnesses().len() >= WITNESSES_MAX {
            return Err(field("the number of witnesses", &format!("at most {WITNESSES_MAX}")));
        }
        Ok(())
    }

    /// Asks for a second folder, or for none. The caller has marked the place. What is there already is opened once more, by nobody's leave.
    pub(super) fn set_sink(&self, caller: &Caller, path: String, on: bool, now: Instant) -> Result<PageReply, Refusal> {
        let known = self.watched.lock().expect(HELD).sinks().to_vec();
        if !on {
            if !known.contains(&path) {
                return Err(unknown("second folder", "ledger sink list"));
            }
            return Ok(self.ask_for(caller, Change::RemoveSink { path }, now)?.reply());
        }
        let place = std::path::Path::new(&path);
        let usable = place.is_absolute() && !place.starts_with(&self.dir) && path.len() <= PATH_BYTES_MAX;
        if !usable || path.chars().any(char::is_control) {
            return Err(field("the folder", "an absolute path outside of DIR, on another disk"));
        }
        if known.contains(&path) {
            self.open_sinks().map_err(|_| Refusal::Internal)?;
            return Ok(PageReply::Done);
        }
        if !known.is_empty() {
            return Err(field("the number of second folders", "one; remove the other first"));
        }
        Ok(self.ask_for(caller, Change::AddSink { path }, now)?.reply())
    }

    /// Records what an approved change of witnesses or second folders makes of them, then tells the courier. A crash between the two:
    /// the next start tells it. A second folder gets entries at once where no wall stands around the warden, else from the
    /// next start on; one that is removed is left at the next start.
    pub(crate) fn watch_as(
        &self,
        proposal: &Proposal,
        change: Change,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        let (urls, sinks): (Vec<String>, Vec<String>) = {
            let watched = self.watched.lock().expect(HELD);
            (watched.witnesses().iter().map(|witness| witness.url.clone()).collect(), watched.sinks().to_vec())
        };
        let body = match change {
            Change::AddWitness { url, vkeys } => {
                self.has_room_for_a_witness()?;
                EntryBody::WitnessAdded { url, vkeys }
            }
            Change::RemoveWitness { url } if urls.contains(&url) => EntryBody::WitnessRemoved { url },
            Change::AddSink { path } if sinks.is_empty() => EntryBody::SinkAdded { path },
            Change::RemoveSink { path } if sinks.contains(&path) => EntryBody::SinkRemoved { path },
            _ => return Err(Refusal::NotFound),
        };
        let added = matches!(body, EntryBody::SinkAdded { .. });
        let appended = self.with_entries(proposal, vec![body], actor, now)?;
        // carried out is carried out: what fails here the next start does
        if let Err(error) = self.tell_courier() {
            tracing::error!(%error, "the list of witnesses and second folders cannot be written; the next start writes it");
        }
        if added && let Err(error) = self.open_sinks() {
            tracing::error!(%error, "the new second folder cannot be opened; the next start tries it again");
        }
        Ok(appended)
    }
}
