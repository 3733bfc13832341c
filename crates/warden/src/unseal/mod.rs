//! What the warden knows of its unseal methods: the envelope's public part and what the ledger says of each.
//!
//! The root is unsealed once, at the start, and forgotten. Changing methods needs it unsealed again by whoever changes them; a
//! signature shows that.

mod change;
mod drill;

pub(crate) use change::{bodies, replace};

use std::collections::BTreeMap;

use model::{Entry, EntryBody, Instant, ShareSetAdded};
use protocol::{PageReply, Refusal, UnsealMethodRow, UnsealReply, UnsealRequest};
use seal::{MethodKind, RootEnvelope};

use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// Unseal methods, replayed from the ledger.
#[derive(Default)]
pub(crate) struct UnsealMethods {
    known: BTreeMap<String, Known>,
    /// What the shares of a drill that began have to sign.
    challenge: Option<[u8; 32]>,
    /// Since when there is this root, and when a method was removed last since then.
    root: (Option<Instant>, Option<Instant>),
}

#[derive(Clone, Default)]
struct Known {
    added: Option<Instant>,
    removed: bool,
    shares: Option<ShareSetAdded>,
    drilled: Option<(Instant, Vec<u8>)>,
}

impl UnsealMethods {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            EntryBody::UnsealMethodAdded(added) => {
                let known = Known { added: Some(entry.recorded), shares: added.shares.clone(), ..Known::default() };
                self.known.insert(added.method.clone(), known);
            }
            EntryBody::UnsealMethodRemoved { method, .. } => {
                self.known.entry(method.clone()).or_default().removed = true;
                self.root.1 = Some(entry.recorded);
            }
            EntryBody::Initialised { .. } => self.root = (Some(entry.recorded), None),
            EntryBody::RootRenewed(renewed) => {
                self.root = (Some(entry.recorded), None);
                for stayed in &renewed.stayed {
                    let known = self.known.get(&stayed.before).cloned().unwrap_or_default();
                    self.known.insert(stayed.method.clone(), known);
                }
                // whatever was sealed to the root before: in force again, the file is an older one
                let gone = renewed.removed.iter().map(|gone| &gone.method);
                for before in gone.chain(renewed.stayed.iter().map(|stayed| &stayed.before)) {
                    self.known.entry(before.clone()).or_default().removed = true;
                }
            }
            EntryBody::EscrowDrilled(drill) => {
                let drilled = (entry.recorded, drill.proven.clone());
                self.known.entry(drill.method.clone()).or_default().drilled = Some(drilled);
            }
            _ => {}
        }
    }
}

impl UnsealMethods {
    /// Since when there is this root, and when a method was removed last since then.
    pub(crate) fn root(&self) -> (Option<Instant>, Option<Instant>) {
        self.root
    }
}

impl Warden {
    /// Answers the owner. Changes wait for two persons.
    pub(crate) fn ask_unseal(
        &self,
        caller: &Caller,
        request: UnsealRequest,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        let reply = match request {
            UnsealRequest::Methods => UnsealReply::Methods(self.unseal_methods()?),
            UnsealRequest::Change(change) => return self.change_unseal(caller, &change, now),
            UnsealRequest::NewRoot(asked) => return self.ask_new_root(caller, &asked, now),
            UnsealRequest::Root => UnsealReply::Root(self.root_row()),
            UnsealRequest::DrillChallenge => UnsealReply::DrillChallenge(self.drill_challenge()),
            UnsealRequest::Drill { challenge, signatures } => self.drill(caller, challenge, &signatures, now)?,
        };
        Ok(PageReply::Unseal(reply))
    }

    fn unseal_methods(&self) -> Result<Vec<UnsealMethodRow>, Refusal> {
        let (envelope, _) = self.envelope()?;
        let methods = envelope.methods().map_err(|_| Refusal::Internal)?;
        let ledger = self.unseal.lock().expect(HELD);
        Ok(methods
            .into_iter()
            .map(|method| {
                let known = ledger.known.get(&method.id.to_string()).cloned().unwrap_or_default();
                let set = match &method.kind {
                    MethodKind::Shares(set) => Some(set),
                    _ => None,
                };
                UnsealMethodRow {
                    id: method.id.to_string(),
                    means: method.kind.word().to_owned(),
                    label: method.label,
                    keeper: method.kind.keeper().map(|keeper| keeper.word().to_owned()),
                    set: set.map(|set| set.set.to_string()),
                    threshold: set.map(|set| set.threshold),
                    holders: known.shares.map(|shares| shares.holders).unwrap_or_default(),
                    added: known.added,
                    drilled: known.drilled,
                    removed_in_ledger: known.removed,
                }
            })
            .collect())
    }

    /// The envelope as it is on disk, and the digest of the file.
    pub(crate) fn envelope(&self) -> Result<(RootEnvelope, [u8; 32]), Refusal> {
        let json = std::fs::read(self.dir.join("warden/root.json")).map_err(|error| {
            tracing::error!(%error, "root.json cannot be read");
            Refusal::Internal
        })?;
        let envelope = RootEnvelope::from_json(&json).map_err(|error| {
            tracing::error!(%error, "root.json cannot be used");
            Refusal::Internal
        })?;
        Ok((envelope, seal::sha256(&json)))
    }
}
