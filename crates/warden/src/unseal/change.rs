//! A change of the unseal methods: the entries first, then the file.
//!
//! A crash between the two leaves an entry for a method that is not there, which was never acknowledged, or one that is still there
//! although its removal is recorded: `unseal list` and `doctor` name it, and removing it again is all it takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use model::{EntryBody, Instant, ShareSetAdded, UnsealMethodAdded};
use protocol::{Invalid, Refusal, UnsealChange, UnsealReply};
use seal::{Method, MethodKind, RootEnvelope};

use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;

/// The longest name of a holder, in characters.
const HOLDER_CHARACTERS_MAX: usize = 100;

impl Warden {
    /// Puts a new envelope in place of the one that is there. Whoever made it proves with a signature that they hold the root now.
    pub(super) fn change_unseal(
        &self,
        caller: &Caller,
        change: &UnsealChange,
        now: Instant,
    ) -> Result<UnsealReply, Refusal> {
        if self.secrets.unseal_key.verify(&change.message(), &change.signature).is_err() {
            return Err(Refusal::NotAllowed);
        }
        // held from reading to writing: two changes never cross
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
        let bodies = difference(&old, &new, change)?;
        if bodies.is_empty() {
            return Err(field("the new root.json", "a method more or less"));
        }
        self.append(caller, bodies, now)?;
        replace(&self.dir.join("warden"), change.envelope.as_bytes()).map_err(|error| {
            tracing::error!(%error, "a change of the unseal methods is in the ledger and could not be written");
            Refusal::Internal
        })?;
        let methods = new.methods().map_err(|_| Refusal::Internal)?.len();
        Ok(UnsealReply::Changed { methods: methods as u32 })
    }
}

/// The entries that say what becomes different, or why it must not.
fn difference(old: &RootEnvelope, new: &RootEnvelope, change: &UnsealChange) -> Result<Vec<EntryBody>, Refusal> {
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
    let mut bodies = Vec::new();
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
        bodies.push(EntryBody::UnsealMethodAdded(Box::new(UnsealMethodAdded {
            method: id.to_string(),
            means: method.kind.word().to_owned(),
            label: method.label.clone(),
            keeper: method.kind.keeper().map(|keeper| keeper.word().to_owned()),
            shares,
        })));
    }
    for (id, method) in old.iter().filter(|(id, _)| !new.contains_key(id)) {
        bodies.push(EntryBody::UnsealMethodRemoved { method: id.to_string(), means: method.kind.word().to_owned() });
    }
    Ok(bodies)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= HOLDER_CHARACTERS_MAX && !name.chars().any(char::is_control)
}

fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}

/// Under a temporary name, synced, renamed: a crash leaves the old file or the new one.
fn replace(folder: &Path, json: &[u8]) -> std::io::Result<()> {
    let beside = folder.join("root.json.tmp");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(json)?;
    file.sync_all()?;
    std::fs::rename(&beside, folder.join("root.json"))?;
    std::fs::File::open(folder)?.sync_all()?;
    debug_assert!(std::fs::read(folder.join("root.json")).is_ok_and(|there| there == json));
    Ok(())
}
