//! Waiting for something to be durable, from a thread or from a task.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::StoreError;

/// The group is on disk and its disk cache is flushed. Nothing that happens to the machine's power undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durable {
    /// The outbox record that the group became.
    pub sequence: u64,
}

/// The answer to a submitted group, once there is one. Dropping it does not take the group back.
#[must_use = "nothing may be answered to a sender before the ticket says durable"]
pub struct Ticket<T = Durable> {
    shared: Arc<Shared<T>>,
}

impl<T> Ticket<T> {
    /// Blocks until the answer is there.
    pub fn wait(self) -> Result<T, StoreError> {
        let mut state = self.shared.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                return answer;
            }
            state = self.shared.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A ticket and what answers it.
    pub(crate) fn pair() -> (Self, Answer<T>) {
        let shared =
            Arc::new(Shared { state: Mutex::new(State { answer: None, waker: None }), answered: Condvar::new() });
        (Self { shared: Arc::clone(&shared) }, Answer { shared: Some(shared) })
    }

    /// A ticket that is answered already.
    pub(crate) fn refused(error: StoreError) -> Self {
        let (ticket, answer) = Self::pair();
        answer.give(Err(error));
        ticket
    }
}

impl<T> Future for Ticket<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The other end of a ticket. Dropped without an answer it answers that the store has stopped.
pub(crate) struct Answer<T = Durable> {
    shared: Option<Arc<Shared<T>>>,
}

impl<T> Answer<T> {
    pub(crate) fn give(mut self, answer: Result<T, StoreError>) {
        self.put(answer);
    }

    fn put(&mut self, answer: Result<T, StoreError>) {
        let Some(shared) = self.shared.take() else { return };
        let mut state = shared.lock();
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        shared.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.put(Err(StoreError::Stopped));
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    answered: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State<T> {
    answer: Option<Result<T, StoreError>>,
    waker: Option<Waker>,
}
