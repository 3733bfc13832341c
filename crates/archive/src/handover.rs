//! **handover**: what came in goes to the warden, in its order, and the answer comes back to the rows.
//!
//! ```text
//! outbox ──records──► warden: check the chain, record, re-wrap ──verdicts──► rows get their study, wraps are erased
//! ```
//! A crash at any moment sends some records again: the warden answers for what it has recorded without recording twice,
//! and acknowledging twice changes nothing. A chain that does not fit stops the loop until a person has looked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::StudyNumber;
use protocol::{HandoverBody, HandoverRecord, HandoverReply, Invalid, ObjectVerdict, Refusal, Verdict};
use store::{OutboxRecord, Placement, ReadError, Store, StoreError};
use thiserror::Error;
use tokio::sync::{broadcast, watch};

use crate::{Reader, WardenLink};

/// The most records in one call.
const RECORDS_PER_CALL: usize = 512;

/// The most bytes of bodies in one call, but at least one record: on a slow line to a warden elsewhere a question waits behind it.
/// [`protocol::FRAME_BYTES_MAX`] leaves room around the longest record.
const BYTES_PER_CALL: usize = 2 * 1024 * 1024;

/// Waiting after a refusal doubles from this many milliseconds ...
const RETRY_MILLISECONDS_MIN: u64 = 50;

/// ... to this many.
const RETRY_MILLISECONDS_MAX: u64 = 5_000;

/// Verdicts that a slow follower may lag behind by, in calls.
const VERDICTS_KEPT: usize = 256;

/// The loop that hands over. Dropping it stops it.
pub struct Handover {
    state: watch::Receiver<State>,
    verdicts: broadcast::Sender<Arc<[ObjectVerdict]>>,
    store: Store,
    task: tokio::task::JoinHandle<()>,
}

/// Handing over cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// The outbox does not continue what the warden has.
    #[error(
        "the front's outbox and the warden do not fit together ({sequence} does not follow {expected}): one of them was \
         restored from an older copy or changed. Nothing is handed over until `leadglass doctor` says how to go on; \
         images are still being taken in"
    )]
    Chain {
        /// The record that the front would send.
        sequence: u64,
        /// The record that the warden expects.
        expected: u64,
    },
    /// The loop was stopped.
    #[error("handing over was stopped; it goes on when leadglass runs again")]
    Stopped,
}

#[derive(Clone, Debug, Default)]
struct State {
    acknowledged: u64,
    stopped: Option<HandoverError>,
}

/// Why one round did not end in an acknowledgement.
enum Round {
    /// Nothing to do.
    Empty,
    /// Try again later.
    Later(String),
    /// A person has to look.
    Stop(HandoverError),
}

impl Handover {
    /// Starts handing over on the current runtime. `reader` forgets studies that instances were filed under.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(store: Store, link: WardenLink, reader: Option<Reader>) -> Self {
        let (report, state) = watch::channel(State { acknowledged: store.outbox().acknowledged, stopped: None });
        let (verdicts, _) = broadcast::channel(VERDICTS_KEPT);
        let run = Run { store: store.clone(), link, reader, report, verdicts: verdicts.clone() };
        Self { state, verdicts, store, task: tokio::spawn(run.forever()) }
    }

    /// Waits until everything that is durable at this moment is handed over.
    pub async fn handover_idle(&self) -> Result<(), HandoverError> {
        let last = self.store.outbox().last;
        let mut state = self.state.clone();
        let state = state
            .wait_for(|state| state.acknowledged >= last || state.stopped.is_some())
            .await
            .map_err(|_| HandoverError::Stopped)?;
        match &state.stopped {
            Some(error) if state.acknowledged < last => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// What becomes of objects from now on, as the warden's answers come.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Arc<[ObjectVerdict]>> {
        self.verdicts.subscribe()
    }

    /// Why handing over stopped, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<HandoverError> {
        self.state.borrow().stopped.clone()
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Run {
    store: Store,
    link: WardenLink,
    reader: Option<Reader>,
    report: watch::Sender<State>,
    verdicts: broadcast::Sender<Arc<[ObjectVerdict]>>,
}

impl Run {
    async fn forever(self) {
        let mut wait = RETRY_MILLISECONDS_MIN;
        // whether front and warden still belong together is looked at before anything is sent, and whenever the warden
        // may have been another one
        let mut fits = false;
        loop {
            let round = match fits {
                true => self.round().await,
                false => self.compare().await.map(|()| fits = true),
            };
            match round {
                Ok(()) => wait = RETRY_MILLISECONDS_MIN,
                Err(Round::Empty) => {
                    wait = RETRY_MILLISECONDS_MIN;
                    self.store.pending_after(self.store.outbox().acknowledged).await;
                }
                Err(Round::Later(reason)) => {
                    tracing::warn!(reason, wait, "handing over waits");
                    fits = false;
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    wait = (wait * 2).min(RETRY_MILLISECONDS_MAX);
                }
                Err(Round::Stop(error)) => {
                    match error {
                        HandoverError::Stopped => tracing::debug!("the store is closed; handing over ends"),
                        _ => tracing::error!(%error, "handing over stopped"),
                    }
                    self.report.send_modify(|state| state.stopped = Some(error));
                    return;
                }
            }
        }
    }

    /// Compares where the outbox stands here and at the warden: one of them may have been restored from an older copy.
    async fn compare(&self) -> Result<(), Round> {
        let here = self.store.outbox();
        let hello = self.link.hello().await.map_err(|refusal| Round::Later(refusal.to_string()))?;
        let there = hello.next_outbox_sequence.saturating_sub(1);
        let stop = || Err(Round::Stop(HandoverError::Chain { sequence: here.acknowledged + 1, expected: there }));
        if there < here.acknowledged {
            // the warden is older: what it acknowledged and lost can only come from its second copy
            return stop();
        }
        if there > here.last {
            // a copy of the front may hold records that were handed over while it was made
            self.catch_up(there).await?;
            let here = self.store.outbox();
            if here.acknowledged < here.last {
                return stop();
            }
            // the front is older and nothing waits: it goes on where the warden is, so that no number is used twice
            tracing::warn!(here = here.last, there, "this front was restored from an older copy; the outbox goes on");
            let (store, chain) = (self.store.clone(), hello.outbox_chain);
            off_runtime(move || store.continue_after(there, chain)).await?;
            // whoever waits for what was taken in waits for nothing more
            self.report.send_modify(|state| state.acknowledged = there);
            return Ok(());
        }
        if there == here.acknowledged && there < here.last {
            // the warden itself checks that the next record follows
            return Ok(());
        }
        let chain = if there == here.last { here.chain } else { self.chain_of(there).await? };
        if chain == hello.outbox_chain { Ok(()) } else { stop() }
    }

    /// Has the warden say again what became of records that it took before. Every object in them must be known to it: others under the
    /// same numbers would be lost.
    async fn catch_up(&self, there: u64) -> Result<(), Round> {
        loop {
            let (store, after) = (self.store.clone(), self.store.outbox().acknowledged);
            let records = off_runtime(move || store.pending(after, RECORDS_PER_CALL, BYTES_PER_CALL)).await?;
            let Some(last) = records.last().map(|record| record.sequence) else { return Ok(()) };
            let objects = records.iter().map(|record| postcard::from_bytes::<HandoverBody>(&record.body));
            let objects: Result<Vec<_>, _> = objects.map(|body| body.map(|body| body.objects.len())).collect();
            let stop = || Err(Round::Stop(HandoverError::Chain { sequence: after + 1, expected: there }));
            let (true, Ok(objects)) = (last <= there, objects) else { return stop() };
            let records = records.into_iter().map(handover_record).collect();
            let reply = self.link.handover(records).await.map_err(|refusal| Round::Later(refusal.to_string()))?;
            let known = reply.verdicts.iter().filter(|object| object.verdict != Verdict::Unreadable).count();
            if known != objects.iter().sum::<usize>() {
                return stop();
            }
            self.settle(HandoverReply { acknowledged: last, verdicts: reply.verdicts }).await?;
        }
    }

    /// The chain value of a record that waits.
    async fn chain_of(&self, sequence: u64) -> Result<[u8; 32], Round> {
        let store = self.store.clone();
        let records = off_runtime(move || store.pending(sequence - 1, 1, 0)).await?;
        records.first().map(|record| record.chain).ok_or_else(|| Round::Later("the outbox moved on".into()))
    }

    /// Hands over what fits one call.
    async fn round(&self) -> Result<(), Round> {
        let after = self.store.outbox().acknowledged;
        let store = self.store.clone();
        let records = off_runtime(move || store.pending(after, RECORDS_PER_CALL, BYTES_PER_CALL)).await?;
        let Some(last) = records.last().map(|record| record.sequence) else { return Err(Round::Empty) };
        let first = records[0].sequence;

        let records = records.into_iter().map(handover_record).collect();
        let reply = match self.link.handover(records).await {
            Ok(reply) => reply,
            Err(Refusal::Invalid(Invalid::Chain { expected, .. })) => {
                return Err(Round::Stop(HandoverError::Chain { sequence: first, expected }));
            }
            Err(refusal) => return Err(Round::Later(refusal.to_string())),
        };
        if reply.acknowledged < first {
            return Err(Round::Later("the warden acknowledged nothing".into()));
        }
        if reply.acknowledged > last {
            return Err(Round::Stop(HandoverError::Chain { sequence: last + 1, expected: reply.acknowledged + 1 }));
        }
        self.settle(reply).await
    }

    /// Takes the answer. A crash before the store is done sends these records again.
    async fn settle(&self, reply: HandoverReply) -> Result<(), Round> {
        let placements: Vec<_> =
            reply.verdicts.iter().map(|verdict| (verdict.object, placement(&verdict.verdict))).collect();
        let studies: BTreeSet<StudyNumber> = placements
            .iter()
            .filter_map(|(_, placement)| match placement {
                Placement::Study(study) | Placement::Conflict(study) => Some(*study),
                Placement::Duplicate | Placement::Unreadable => None,
            })
            .collect();
        let (store, acknowledged) = (self.store.clone(), reply.acknowledged);
        off_runtime(move || store.acknowledge(acknowledged, &placements)).await?;
        if let Some(reader) = &self.reader {
            reader.studies_changed(&studies.into_iter().collect::<Vec<_>>());
        }
        // nobody may be following
        let _ = self.verdicts.send(reply.verdicts.into());
        self.report.send_modify(|state| state.acknowledged = acknowledged);
        Ok(())
    }
}

fn handover_record(record: OutboxRecord) -> HandoverRecord {
    HandoverRecord { sequence: record.sequence, chain: record.chain, body: record.body }
}

fn placement(verdict: &Verdict) -> Placement {
    match verdict {
        Verdict::Accepted { study } => Placement::Study(*study),
        Verdict::Duplicate => Placement::Duplicate,
        Verdict::Conflict { study } => Placement::Conflict(*study),
        Verdict::Unreadable => Placement::Unreadable,
    }
}

/// Runs what blocks on the disk; its errors are tried again, since taking in may go on regardless.
async fn off_runtime<T: Send + 'static, E: Into<StoreTrouble> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Round> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(match error.into() {
            StoreTrouble(_, true) => Round::Stop(HandoverError::Stopped),
            StoreTrouble(reason, false) => Round::Later(reason),
        }),
        Err(_) => Err(Round::Stop(HandoverError::Stopped)),
    }
}

/// What the store said, and whether it is closed.
struct StoreTrouble(String, bool);

impl From<ReadError> for StoreTrouble {
    fn from(error: ReadError) -> Self {
        Self(error.to_string(), false)
    }
}

impl From<StoreError> for StoreTrouble {
    fn from(error: StoreError) -> Self {
        let closed = matches!(error, StoreError::Stopped);
        Self(error.to_string(), closed)
    }
}
