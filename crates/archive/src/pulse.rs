//! The warden's pulse: whether the process at the other end still runs, asked on a connection of its own.
//!
//! The warden answers a beat on the thread that reads its sockets, under no lock, so a report that folds millions of entries does not
//! hold it up. A connection of its own lets a beat pass what a slow line is still carrying. A machine that is merely busy is not taken
//! for a dead warden: time counts only as far as this process gets its own turns on the processor.

use std::future::Future;
use std::time::{Duration, Instant};

use protocol::WardenClient;
use tokio::sync::watch;

use crate::Dial;

/// Between an answer and the next beat, in milliseconds.
const BEAT_MILLISECONDS: u64 = 250;

/// One step of waiting for an answer, in milliseconds.
const STEP_MILLISECONDS: u64 = 100;

/// A warden that left a beat unanswered for so many steps is silent.
const SILENT_STEPS: u32 = 18;

/// The same for the first beat of a connection, which a line to another machine is still being made for.
const FIRST_SILENT_STEPS: u32 = 40;

/// A step that took longer than this was a step in which this process did not get its turn, in milliseconds; it does not count.
const LATE_MILLISECONDS: u64 = 2 * STEP_MILLISECONDS;

/// Steps that do not count are at most this many.
const LATE_STEPS_MAX: u32 = 50;

/// How long one beat may stay open, in seconds; then the connection is made again.
const OPEN_SECONDS_MAX: u64 = 3600;

/// The pulse of one warden. Dropping it stops asking.
pub(crate) struct Pulse {
    silent: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Pulse {
    /// Starts asking on the current runtime.
    pub(crate) fn start(dial: Dial) -> Self {
        let (report, silent) = watch::channel(false);
        Self { silent, task: tokio::spawn(ask(dial, report)) }
    }

    /// Whether the warden is silent now.
    pub(crate) fn is_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// Returns once the warden is silent.
    pub(crate) async fn silence(&self) {
        if self.silent.clone().wait_for(|silent| *silent).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask(dial: Dial, report: watch::Sender<bool>) {
    loop {
        match patiently(dial.stream(), SILENT_STEPS, &report).await {
            Ok(stream) => beat(protocol::converse(stream), &report).await,
            // nobody listens: whoever asks the warden hears it at once
            Err(_) => tell(&report, false),
        }
        tokio::time::sleep(Duration::from_millis(BEAT_MILLISECONDS)).await;
    }
}

/// Asks until the connection ends. What was silent then stays so until an answer comes.
async fn beat(client: WardenClient, report: &watch::Sender<bool>) {
    let mut silent_after = FIRST_SILENT_STEPS;
    loop {
        let mut context = protocol::context::current();
        context.deadline = Instant::now() + Duration::from_secs(OPEN_SECONDS_MAX);
        if patiently(client.pulse(context), silent_after, report).await.is_err() {
            return;
        }
        tell(report, false);
        silent_after = SILENT_STEPS;
        tokio::time::sleep(Duration::from_millis(BEAT_MILLISECONDS)).await;
    }
}

/// Waits for an answer for as long as it takes, and says so when that is more than so many steps.
async fn patiently<T>(answer: impl Future<Output = T>, silent_after: u32, report: &watch::Sender<bool>) -> T {
    tokio::pin!(answer);
    let (mut steps, mut late) = (0, 0);
    loop {
        let began = Instant::now();
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::time::sleep(Duration::from_millis(STEP_MILLISECONDS)) => {}
        }
        if began.elapsed() > Duration::from_millis(LATE_MILLISECONDS) && late < LATE_STEPS_MAX {
            late += 1;
        } else {
            steps += 1;
        }
        if steps == silent_after {
            tell(report, true);
        }
    }
}

fn tell(report: &watch::Sender<bool>, silent: bool) {
    let changed = report.send_if_modified(|was| std::mem::replace(was, silent) != silent);
    match (changed, silent) {
        (true, true) => tracing::warn!("the warden does not answer; reading waits until it does"),
        (true, false) => tracing::info!("the warden answers again, or is gone"),
        _ => {}
    }
}
