//! A change of the unseal methods: proposed, and when two persons agreed and the delay is over, the entries and then the file.
//!
//! The new `root.json` opens with the new method as soon as it is there, so until then it waits in the database, sealed under the root: the
//! ledger holds its SHA-256 and what becomes different. Durable steps, and what a restart finds after each:
//! 1. the file, sealed. A crash before the proposal's entry: nobody proposed it, the start forgets it.
//! 2. the proposal, the approvals. A restart finds them where they stood.
//! 3. the entries of the effect. A crash before the file is in place: the start puts it there, by the same function.
//! 4. the file in place. A crash before it is forgotten in the database: the start forgets it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use audit::Appended;
use model::{Actor, Change, EntryBody, Instant, ShareSetAdded, UnsealMethodAdded, UnsealMethodGone};
use protocol::{Invalid, PageReply, Refusal, UnsealChange, UnsealReply};
use seal::{Method, MethodKind, RootEnvelope};

use crate::approvals::{Asked, Proposal};
use crate::database::{DatabaseError, Space};
use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest name of a holder, in characters.
const HOLDER_CHARACTERS_MAX: usize = 100;

/// SHA-256 of an envelope that waits, and the envelope as JSON.
type ProposedEnvelope = (Vec<u8>, Vec<u8>);

impl Warden {
    /// Asks for a new envelope in place of the one that is there. Whoever made it proves with a signature that they hold the root now.
    pub(super) fn change_unseal(
        &self,
        caller: &Caller,
        change: &UnsealChange,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if self.secrets.unseal_key.verify(&change.message(), &change.signature).is_err() {
            return Err(Refusal::NotAllowed);
        }
        // held until the proposal is there: what waits without one is forgotten
        let _one_at_a_time = self.changing_unseal.lock().expect(HELD);
        let (old, there) = self.envelope()?;
        if there != change.based_on {
            return Err(field("root.json", "the file as it was when the change began; begin again"));
        }
        let new = RootEnvelope::from_json(change.envelope.as_bytes())
            .map_err(|_| field("the new root.json", "an envelope of this version"))?;
        if new.site() != old.site() {
            return Err(field("the new root.json", "an envelope of this site"));
        }
        let (added, removed) = difference(&old, &new, change)?;
        if added.is_empty() && removed.is_empty() {
            return Err(field("the new root.json", "a method more or less"));
        }
        let digest = seal::sha256(change.envelope.as_bytes());
        self.keep_proposed(&digest, Some(change.envelope.as_bytes()))?;
        let (envelope, based_on) = (hex::encode(digest), hex::encode(there));
        match self.ask_for(caller, Change::Unseal { added, removed, envelope, based_on }, now) {
            Ok(Asked::Waits(row)) => Ok(PageReply::Proposed(row)),
            Ok(Asked::Made(_)) => {
                let methods = new.methods().map_err(|_| Refusal::Internal)?.len();
                Ok(PageReply::Unseal(UnsealReply::Changed { methods: methods as u32 }))
            }
            Err(refusal) => {
                self.keep_proposed(&digest, None)?;
                Err(refusal)
            }
        }
    }

    /// Records an approved change and puts its envelope in place.
    pub(crate) fn change_unseal_as(
        &self,
        proposal: &Proposal,
        bodies: Vec<EntryBody>,
        envelope: &str,
        based_on: &str,
        actor: &Actor,
        now: Instant,
    ) -> Result<Appended, Refusal> {
        // an older database may not have it; another change may have come first
        let waiting = self.proposed_envelopes()?.into_iter().find(|(digest, _)| hex::encode(digest) == envelope);
        let (digest, json) = waiting.ok_or(Refusal::NotFound)?;
        if hex::encode(self.envelope()?.1) != based_on {
            return Err(Refusal::NotFound);
        }
        let appended = self.with_entries(proposal, bodies, actor, now)?;
        self.put_in_place(&digest, &json);
        Ok(appended)
    }

    /// What waits and whose proposal has ended: put in place when it was carried out, else forgotten. The caller holds `changing`.
    pub(crate) fn settle_unseal(&self) {
        // somebody is about to propose
        let Ok(_one_at_a_time) = self.changing_unseal.try_lock() else { return };
        let Ok(waiting) = self.proposed_envelopes() else { return };
        for (digest, json) in waiting {
            let proposal = self.proposals.read().expect(HELD).of_envelope(&hex::encode(&digest)).cloned();
            match proposal {
                Some(proposal) if proposal.is_open() => {}
                Some(Proposal { change: Change::Unseal { based_on, .. }, state, .. })
                    if state.is_carried_out()
                        && self.envelope().is_ok_and(|(_, there)| hex::encode(there) == based_on) =>
                {
                    self.put_in_place(&digest, &json);
                }
                _ => drop(self.keep_proposed(&digest, None)),
            }
        }
    }

    fn put_in_place(&self, digest: &[u8], json: &[u8]) {
        match replace(&self.dir.join("warden"), json) {
            Ok(()) => drop(self.keep_proposed(digest, None)),
            Err(error) => tracing::error!(
                %error,
                "a change of the unseal methods is in the ledger and could not be written; it is tried again"
            ),
        }
    }

    /// Seals an envelope that waits, or forgets it.
    fn keep_proposed(&self, digest: &[u8], json: Option<&[u8]>) -> Result<(), Refusal> {
        let mut database = self.database.lock().expect(HELD);
        let changes = database.begin().map_err(failed)?;
        match json {
            Some(json) => self.secrets.put(&changes, Space::Proposed, digest, json),
            None => changes.remove(Space::Proposed, digest),
        }
        .map_err(failed)?;
        changes.commit().map_err(failed)
    }

    fn proposed_envelopes(&self) -> Result<Vec<ProposedEnvelope>, Refusal> {
        self.secrets.records(&self.reader.lock().expect(HELD), Space::Proposed).map_err(failed)
    }
}

fn failed(error: DatabaseError) -> Refusal {
    tracing::error!(%error, "an envelope that waits for its approval cannot be read or kept");
    Refusal::Internal
}

/// The entries of a change.
pub(crate) fn bodies(added: Vec<UnsealMethodAdded>, removed: Vec<UnsealMethodGone>) -> Vec<EntryBody> {
    let added = added.into_iter().map(|method| EntryBody::UnsealMethodAdded(Box::new(method)));
    let removed = removed
        .into_iter()
        .map(|UnsealMethodGone { method, means, .. }| EntryBody::UnsealMethodRemoved { method, means });
    added.chain(removed).collect()
}

/// What becomes different, or why it must not.
fn difference(
    old: &RootEnvelope,
    new: &RootEnvelope,
    change: &UnsealChange,
) -> Result<(Vec<UnsealMethodAdded>, Vec<UnsealMethodGone>), Refusal> {
    let by_id = |envelope: &RootEnvelope| -> Result<BTreeMap<_, Method>, Refusal> {
        let methods = envelope.methods().map_err(|_| Refusal::Internal)?;
        Ok(methods.into_iter().map(|method| (method.id, method)).collect())
    };
    let (old, new) = (by_id(old)?, by_id(new)?);
    let only_machines = |methods: &BTreeMap<_, Method>| methods.values().all(|method| method.kind.needs_one_machine());
    if only_machines(&new) && !only_machines(&old) && !change.leave_only_machines {
        return Err(field(
            "the new root.json",
            "a method that people keep: with machines alone a broken one can lose the archive; use --leave-only-machines if that is meant, it",
        ));
    }
    let mut added = Vec::new();
    for (id, method) in new.iter().filter(|(id, _)| !old.contains_key(id)) {
        let shares = match &method.kind {
            MethodKind::Shares(set) => {
                let holders: Vec<String> = change.holders.iter().map(|name| name.trim().to_owned()).collect();
                if holders.len() != set.keys.len() || !holders.iter().all(|name| is_name(name)) {
                    return Err(field("the holders", "a name for each share, of at most 100 characters"));
                }
                let keys = set.keys.iter().map(|key| hex::encode(key.to_bytes())).collect();
                Some(ShareSetAdded { set: set.set.to_string(), threshold: set.threshold, holders, keys })
            }
            _ => None,
        };
        added.push(UnsealMethodAdded {
            method: id.to_string(),
            means: method.kind.word().to_owned(),
            label: method.label.clone(),
            keeper: method.kind.keeper().map(|keeper| keeper.word().to_owned()),
            shares,
        });
    }
    let gone = |(id, method): (_, &Method)| UnsealMethodGone {
        method: ToString::to_string(id),
        means: method.kind.word().to_owned(),
        label: method.label.clone(),
    };
    let removed = old.iter().filter(|(id, _)| !new.contains_key(id)).map(gone).collect();
    Ok((added, removed))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= HOLDER_CHARACTERS_MAX && !name.chars().any(char::is_control)
}

fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}

/// Under a temporary name, synced, renamed: a crash leaves the old file or the new one.
pub(crate) fn replace(folder: &Path, json: &[u8]) -> std::io::Result<()> {
    let beside = folder.join("root.json.tmp");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(json)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join("root.json"))?;
    std::fs::File::open(folder)?.sync_all()?;
    debug_assert!(std::fs::read(folder.join("root.json")).is_ok_and(|there| there == json));
    Ok(())
}
