//! An answer that comes from the sequencer's thread: await it on any runtime, or block for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use model::{Entry, EntryNumber};
use policy::Grant;

use crate::AppendError;

/// What became of one append: the entries as they were recorded, with the time and the numbers filled in.
pub type Appended = Vec<(EntryNumber, Entry)>;

type Answer = Result<Appended, AppendError>;

#[derive(Default)]
struct Slot {
    state: Mutex<SlotState>,
    ready: Condvar,
}

#[derive(Default)]
struct SlotState {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sequencer's end.
pub(crate) struct Promise(Option<Arc<Slot>>);

/// The two ends of one answer.
pub(crate) fn pending() -> (Promise, Pending) {
    let slot = Arc::new(Slot::default());
    (Promise(Some(Arc::clone(&slot))), Pending(slot))
}

impl Promise {
    pub fn answer(mut self, answer: Answer) {
        self.settle(answer);
    }

    fn settle(&mut self, answer: Answer) {
        let Some(slot) = self.0.take() else { return };
        let mut state = slot.lock();
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        slot.ready.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Promise {
    /// A promise that is dropped unanswered belongs to a ledger that is closing.
    fn drop(&mut self) {
        self.settle(Err(AppendError::Closed));
    }
}

/// An append that waits for its sync. Dropping it does not take the append back.
#[must_use = "nothing is known to be durable before this is answered"]
pub struct Pending(Arc<Slot>);

impl Pending {
    /// Blocks until the entries are durable.
    pub fn wait(self) -> Result<Appended, AppendError> {
        let mut state = self.0.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                return answer;
            }
            state = self.0.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Pending {
    type Output = Result<Appended, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Proof that a grant was used and that the entry that says so is durable. The warden turns it into keys or rows.
///
/// Only a ledger makes one, from a [`Grant`] that only `policy` makes; it cannot be copied.
#[derive(Debug)]
pub struct Receipt {
    grant: Grant,
    number: EntryNumber,
    entry: Entry,
}

impl Receipt {
    /// What was granted.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The entry's number.
    #[must_use]
    pub fn number(&self) -> EntryNumber {
        self.number
    }

    /// The entry, as recorded.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// A [`Receipt`] that waits for its sync. Dropping it does not take the entry back; the grant is gone.
#[must_use = "there is no receipt before this is answered"]
pub struct PendingReceipt {
    grant: Option<Grant>,
    pending: Pending,
}

impl PendingReceipt {
    pub(crate) fn new(grant: Grant, pending: Pending) -> Self {
        Self { grant: Some(grant), pending }
    }

    /// Blocks until the entry is durable.
    pub fn wait(self) -> Result<Receipt, AppendError> {
        receipt(self.grant, self.pending.wait())
    }
}

impl Future for PendingReceipt {
    type Output = Result<Receipt, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.pending).poll(context) {
            Poll::Ready(answer) => Poll::Ready(receipt(self.grant.take(), answer)),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn receipt(grant: Option<Grant>, answer: Answer) -> Result<Receipt, AppendError> {
    let (number, entry) = answer?.pop().expect("one entry was appended");
    Ok(Receipt { grant: grant.expect("a future is not polled again once it is ready"), number, entry })
}
