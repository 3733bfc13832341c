//! Another root in the place of the one that is there.
//!
//! Whoever was removed from the unseal methods may have a copy of an older `root.json`, which still gives the root of then. So what the
//! archive keeps is moved to a root of its own: every record is sealed again, every key is wrapped again under a new epoch key that is
//! sealed under the new root, what comes in is sealed to a new public key, and entries to a new secret.
//!
//! It is done by one process that serves nobody, under the ledger's lock. Durable steps, and what a start finds after each:
//! 1. `warden/new-root.building`: database, epoch keys and `root.json` of the new root. A crash: the start removes the folder.
//! 2. the folder is called `new-root`. A crash: its `root.json` is not the one in force, and the start removes it ([`finish`]).
//! 3. **`root.json` is replaced**, by one rename: from here on the new root is in force. A crash: the start sees that the folder belongs to
//!    the `root.json` in force and goes on with 4.
//! 4. database and epoch keys of before are taken out of the way, those of the new root put in their place, then those of before are
//!    overwritten and removed. A crash: the start goes on, by the same function.
//! 5. the entries, which the new database announces: the start appends them.
//!
//! What a root keeps of those before it is in [`crate::inherited`].

mod build;
mod finish;
mod hooks;
mod tables;

pub(crate) use finish::{InUse, settle};
pub use hooks::{NoHooks, RootHooks, RootProgress, RootStep};

use std::collections::BTreeMap;

use model::{Change, EntryNumber, Instant, RootRenewed, StudyNumber, UnsealMethodGone, UnsealMethodRenamed};
use protocol::{Invalid, NewRootAsked, PageReply, Refusal, RootRow, UnsealReply};
use seal::{Method, MethodId, RootEnvelope, RootSecret};
use thiserror::Error;

use crate::approvals::Asked;
use crate::database::DatabaseError;
use crate::inherited::ROOTS_MAX;
use crate::pages::HELD;
use crate::state::Warden;
use crate::subject::Caller;
use hooks::Watch;

/// A root that is to take the place of the one that is there.
pub struct NewRoot {
    /// The one that is there.
    pub before: RootSecret,
    /// The root.
    pub root: RootSecret,
    /// Sealed to the methods that stay.
    pub envelope: RootEnvelope,
    /// What each method that stays is called in the envelope that is there, and in the new one.
    pub stayed: Vec<(MethodId, MethodId)>,
}

/// Why there is no new root. Nothing has changed, and a start removes what was written for it.
#[derive(Debug, Error)]
pub enum NewRootError {
    /// It is not allowed, or the warden cannot record.
    #[error("{0}")]
    Refused(Refusal),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Somebody else reads the folder.
    #[error(
        "another process uses DIR/warden, a start or a sync of a vault, and the old root stays; wait until it is done, and give the command again"
    )]
    Busy,
    /// The folder beside the old one cannot be written.
    #[error(
        "the new root's folder could not be written, and the old root stays; there must be room for three times warden.db"
    )]
    Io(#[from] std::io::Error),
    /// Keys of the root that is there do not open: their epoch would be destroyed, and with it the last that could be tried.
    #[error(
        "{lost} of {of} keys in warden.db do not open, the first is of study number {study}, and the old root stays; restore the database from the vault, or shred what these keys belong to"
    )]
    Lost {
        /// How many.
        lost: u64,
        /// Of so many.
        of: u64,
        /// Where the first one is.
        study: StudyNumber,
    },
    /// What was written does not open as it did.
    #[error(
        "what was written for the new root does not open as before ({0}), and the old root stays; see whether the disk is sound, and try again"
    )]
    Check(&'static str),
}

impl Warden {
    /// The root that is there, as the ledger and its own record know it.
    pub(crate) fn root_row(&self) -> RootRow {
        let inherited = self.secrets.inherited();
        let (since, left_open) = self.unseal.lock().expect(HELD).root();
        RootRow { number: inherited.root, since, left_open, former_kept: !inherited.wrapping.is_empty() }
    }

    /// Whether `root.json` has this SHA-256.
    pub(crate) fn root_is(&self, digest: &str) -> bool {
        self.envelope().is_ok_and(|(_, there)| hex::encode(there) == digest)
    }

    /// Asks whether another root may take the place of this one: at once while the site is set up, else two persons say so.
    pub(crate) fn ask_new_root(
        &self,
        caller: &Caller,
        asked: &NewRootAsked,
        now: Instant,
    ) -> Result<PageReply, Refusal> {
        if self.secrets.unseal_key.verify(&asked.message(), &asked.signature).is_err() {
            return Err(Refusal::NotAllowed);
        }
        let (envelope, there) = self.envelope()?;
        if there != asked.based_on {
            return Err(field("root.json", "the file as it was when the change began; begin again"));
        }
        if self.secrets.inherited().root >= ROOTS_MAX {
            return Err(field("the new root", "one of at most 100 of a site"));
        }
        let methods = envelope.methods().map_err(|_| Refusal::Internal)?;
        let removed = gone(&methods, &asked.removed)?;
        let stay = || methods.iter().filter(|method| !asked.removed.contains(&method.id.to_string()));
        if stay().next().is_none() {
            return Err(field("the methods that stay", "at least one; without any the archive would be lost"));
        }
        let needs_one_machine = |method: &Method| method.kind.needs_one_machine();
        if stay().all(needs_one_machine) && !methods.iter().all(needs_one_machine) && !asked.leave_only_machines {
            return Err(field(
                "the methods that stay",
                "one that people keep: with machines alone a broken one can lose the archive; use --leave-only-machines if that is meant, it",
            ));
        }
        let based_on = hex::encode(there);
        if self.new_root_allowed(&based_on, &asked.removed, now).is_some() {
            return Ok(PageReply::Unseal(UnsealReply::NewRootAllowed));
        }
        match self.ask_for(caller, Change::NewRoot { removed, based_on }, now)? {
            Asked::Waits(row) => Ok(PageReply::Proposed(row)),
            Asked::Made(_) => Ok(PageReply::Unseal(UnsealReply::NewRootAllowed)),
        }
    }

    fn new_root_allowed(&self, based_on: &str, removed: &[String], now: Instant) -> Option<EntryNumber> {
        let now = self.not_before_recorded(now);
        self.proposals.read().expect(HELD).new_root(based_on, removed, now)
    }

    /// Puts another root in place of this one, when that was allowed. The warden ends: the next one starts with the new root.
    pub fn renew_root(self, new: &NewRoot, hooks: &mut impl RootHooks) -> Result<(), NewRootError> {
        let mut watch = Watch::new(hooks);
        let entry = self.renewal(new).map_err(NewRootError::Refused)?;
        // nobody starts here meanwhile: who had would go on with a database that is taken away
        self.in_use.alone()?;
        self.flush_people();
        let _keys = self.key_work.lock().expect(HELD);
        self.settle(&mut self.database.lock().expect(HELD)).map_err(NewRootError::Refused)?;
        self.not_behind().map_err(NewRootError::Refused)?;
        watch.before(RootStep::Copy)?;
        self.build_new_root(new, entry, &mut watch)
    }

    /// The entry, when it was allowed and the new envelope is what was allowed.
    fn renewal(&self, new: &NewRoot) -> Result<RootRenewed, Refusal> {
        let (old, there) = self.envelope()?;
        let (old, new_methods) = (by_id(&old)?, by_id(&new.envelope)?);
        let stayed: BTreeMap<MethodId, MethodId> = new.stayed.iter().copied().collect();
        let same = |(before, now): (&MethodId, &MethodId)| match (old.get(before), new_methods.get(now)) {
            (Some(before), Some(now)) => before.kind == now.kind && before.label == now.label,
            _ => false,
        };
        let is_of_site = |root: &RootSecret| root.unseal_signing_key().verifying_key() == self.secrets.unseal_key;
        if !is_of_site(&new.before) || is_of_site(&new.root) {
            return Err(field("the roots", "the one that is there and another one"));
        }
        if new.envelope.site().ok() != Some(self.site())
            || new_methods.len() != stayed.len()
            || !stayed.iter().all(same)
        {
            return Err(field("the new root.json", "the methods that stay, as they were"));
        }
        let removed: Vec<String> = old.keys().filter(|id| !stayed.contains_key(*id)).map(ToString::to_string).collect();
        let methods: Vec<Method> = old.into_values().collect();
        let allowed = self.new_root_allowed(&hex::encode(there), &removed, self.now());
        Ok(RootRenewed {
            proposal: allowed.ok_or(Refusal::NotAllowed)?,
            root: self.secrets.inherited().root + 1,
            stayed: stayed
                .iter()
                .map(|(before, now)| UnsealMethodRenamed { before: before.to_string(), method: now.to_string() })
                .collect(),
            removed: gone(&methods, &removed)?,
        })
    }
}

fn by_id(envelope: &RootEnvelope) -> Result<BTreeMap<MethodId, Method>, Refusal> {
    let methods = envelope.methods().map_err(|_| Refusal::Internal)?;
    Ok(methods.into_iter().map(|method| (method.id, method)).collect())
}

/// What is recorded of methods that go, in the order of their ids.
fn gone(methods: &[Method], ids: &[String]) -> Result<Vec<UnsealMethodGone>, Refusal> {
    if !ids.is_sorted_by(|one, next| one < next) {
        return Err(field("the methods that go", "each once, ascending"));
    }
    ids.iter()
        .map(|id| {
            let method = methods.iter().find(|method| method.id.to_string() == *id).ok_or(Refusal::NotFound)?;
            Ok(UnsealMethodGone {
                method: id.clone(),
                means: method.kind.word().to_owned(),
                label: method.label.clone(),
            })
        })
        .collect()
}

fn field(field: &str, expected: &str) -> Refusal {
    Refusal::Invalid(Invalid::Field { field: field.to_owned(), expected: expected.to_owned() })
}
