//! What may happen very often and says little each time: refusals, and a patient who asks again and again.
//!
//! The first [`EACH_MAX`] in a minute of one subject and one kind are entries of their own. What follows in that minute is
//! counted, and once a second one entry says how many there were. Whoever asked waits for the entry that counts it, as
//! for any other: so no count is lost in a crash, and a flood of refusals slows itself instead of filling the disk.

use std::collections::HashMap;
use std::sync::Mutex;

use model::{
    Actor, AssociationRefused, DeviceId, EntryBody, EntryNumber, Instant, LinkId, NumberSet, Origin, PersonId, What,
};
use protocol::{AE_TITLE_CHARACTERS_MAX, REFUSED_ASSOCIATIONS_MAX, Refusal, RefusedAssociation};
use tokio::sync::oneshot;

use crate::state::Warden;
use crate::subject::Caller;

/// Entries of their own in one minute, for one subject and one kind.
pub(crate) const EACH_MAX: u32 = 60;
/// How long a minute is, in seconds.
const MINUTE: i64 = 60;
/// How often counts are written.
pub(crate) const FLUSH: std::time::Duration = std::time::Duration::from_secs(1);

/// Who, and what happens to them.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    subject: Subject,
    action: String,
    reason: String,
}

/// A person in any session, a device from anywhere.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Subject {
    Person(PersonId),
    Device(DeviceId),
    Link(LinkId),
    Other,
}

/// One subject's minute.
struct Counting {
    began: Instant,
    each: u32,
    /// The newest entry of its own.
    entry: Option<EntryNumber>,
    actor: Actor,
    /// What is counted and in no entry yet.
    times: u64,
    studies: Vec<u32>,
    waiting: Vec<oneshot::Sender<bool>>,
}

/// Everybody's.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<HashMap<Key, Counting>>);

impl Warden {
    /// Records something that may happen very often, by itself or as a count.
    pub(crate) async fn record_limited(&self, caller: &Caller, body: EntryBody, now: Instant) -> Result<(), Refusal> {
        self.record_times(&caller.actor, body, 1, now).await
    }

    /// Records associations that a front refused.
    pub(crate) async fn record_refused(
        &self,
        associations: Vec<RefusedAssociation>,
        now: Instant,
    ) -> Result<(), Refusal> {
        if associations.len() > REFUSED_ASSOCIATIONS_MAX {
            return Err(Refusal::NotAllowed);
        }
        let record = associations.into_iter().map(|row| {
            let RefusedAssociation { calling_ae_title, address, reason, count, since } = row;
            // what a front says of itself is limited here too
            let shown = |character: char| if character.is_control() { '?' } else { character };
            let calling_ae_title = calling_ae_title.chars().take(AE_TITLE_CHARACTERS_MAX).map(shown).collect();
            let reason = reason.word().to_owned();
            let actor = Actor::Stranger { origin: Origin(address.map(|at| at.to_string()).unwrap_or_default()) };
            let body = EntryBody::AssociationRefused(AssociationRefused {
                calling_ae_title,
                reason,
                count,
                since: since.min(now),
            });
            async move { self.record_times(&actor, body, count, now).await }
        });
        futures::future::join_all(record).await.into_iter().collect()
    }

    /// Records something that happened so many times.
    async fn record_times(&self, actor: &Actor, body: EntryBody, times: u64, now: Instant) -> Result<(), Refusal> {
        let key = key_of(actor, &body);
        let waits = {
            let mut repeats = self.repeats.0.lock().expect("no holder panics");
            let counting = repeats.entry(key.clone()).or_insert_with(|| Counting::new(now, actor.clone()));
            if now >= counting.began.plus_seconds(MINUTE) && counting.times == 0 {
                *counting = Counting::new(now, actor.clone());
            }
            if counting.each < EACH_MAX {
                counting.each += 1;
                None
            } else {
                let (sender, receiver) = oneshot::channel();
                counting.times = counting.times.saturating_add(times);
                if let EntryBody::Refused { what: Some(What::Study(study)), .. } = &body {
                    counting.studies.push(study.0);
                }
                counting.actor = actor.clone();
                counting.waiting.push(sender);
                Some(receiver)
            }
        };
        if let Some(receiver) = waits {
            return if receiver.await == Ok(true) { Ok(()) } else { Err(Refusal::CannotRecord) };
        }
        let appended = self.ledger.append_later(vec![(actor.clone(), body)], now).await;
        let mut repeats = self.repeats.0.lock().expect("no holder panics");
        let counting = repeats.get_mut(&key);
        match appended {
            Ok(appended) => {
                if let Some(counting) = counting {
                    counting.entry = appended.last().map(|(number, _)| *number);
                }
                Ok(())
            }
            Err(error) => {
                // nothing that a count could point at: whoever waits is told the same
                if let Some(counting) = counting.filter(|counting| counting.entry.is_none()) {
                    (counting.each, counting.times) = (0, 0);
                    counting.studies.clear();
                    for sender in counting.waiting.drain(..) {
                        let _ = sender.send(false);
                    }
                }
                Err(self.cannot_record(&error))
            }
        }
    }

    /// Writes what was counted and answers who waits for it.
    pub(crate) async fn flush_repeats(&self) {
        let now = self.now();
        let mut waiting = Vec::new();
        let mut entries = Vec::new();
        {
            let mut repeats = self.repeats.0.lock().expect("no holder panics");
            repeats.retain(|_, counting| counting.times > 0 || now < counting.began.plus_seconds(MINUTE));
            for counting in repeats.values_mut() {
                let Some(entry) = counting.entry.filter(|_| counting.times > 0) else { continue };
                let studies: NumberSet = std::mem::take(&mut counting.studies).into_iter().collect();
                let times = std::mem::take(&mut counting.times);
                waiting.push(std::mem::take(&mut counting.waiting));
                entries.push((counting.actor.clone(), EntryBody::Repeated { entry, times, studies }));
            }
        }
        for part in entries.chunks(audit::APPEND_ENTRIES_MAX) {
            let of_part = waiting.drain(..part.len());
            if self.ledger.append_later(part.to_vec(), now).await.is_ok() {
                of_part.flatten().for_each(|sender| tell(sender, true));
                continue;
            }
            // one that cannot be recorded takes no other with it
            for (one, waiting) in part.iter().zip(of_part) {
                let recorded = self.ledger.append_later(vec![one.clone()], now).await;
                if let Err(error) = &recorded {
                    self.cannot_record(error);
                }
                waiting.into_iter().for_each(|sender| tell(sender, recorded.is_ok()));
            }
        }
    }
}

/// Who went away meanwhile does not hear it.
fn tell(waiting: oneshot::Sender<bool>, recorded: bool) {
    let _ = waiting.send(recorded);
}

impl Counting {
    fn new(began: Instant, actor: Actor) -> Self {
        Self { began, each: 0, entry: None, actor, times: 0, studies: Vec::new(), waiting: Vec::new() }
    }
}

fn key_of(actor: &Actor, body: &EntryBody) -> Key {
    let subject = match actor {
        Actor::Person { person, .. } => Subject::Person(*person),
        Actor::Device { device, .. } => Subject::Device(*device),
        Actor::Link { link, .. } => Subject::Link(*link),
        Actor::Owner | Actor::Stranger { .. } | Actor::Warden => Subject::Other,
    };
    let (action, reason) = match body {
        EntryBody::Refused { action, reason, .. } => (action.clone(), reason.clone()),
        EntryBody::AssociationRefused(AssociationRefused { reason, .. }) => ("associate".to_owned(), reason.clone()),
        _ => ("accesses-read".to_owned(), String::new()),
    };
    Key { subject, action, reason }
}
