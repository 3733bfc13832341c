//! The front's side of its workers: which one gets a frame, for how long, and when one is replaced.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use model::StudyNumber;
use render::RenderError;
use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::message::{self, ANSWER_HEAD_BYTES, MessageError};
use crate::turns::{Reader, Turn, Turns};
use crate::{Job, NoPicture, Renderer};

/// How long a worker may have one frame, in seconds. The largest frames take about ten on a slow processor.
pub const FRAME_SECONDS_MAX: u64 = 20;

/// The fewest workers. With two or more, one frame that never ends does not hold up all others.
pub const WORKERS_MIN: u8 = 1;

/// The most workers: four for one reader, and one for others.
pub const WORKERS_MAX: u8 = 5;

/// How much of a picture is allocated before any of it has come, in bytes.
const PICTURE_BYTES_FIRST: usize = 1 << 20;

/// What poisons a lock here is a panic while a place is moved in or out, which nothing survives.
const HELD: &str = "no code panics while it holds this lock";

/// The workers of a front. Clones share them.
#[derive(Clone)]
pub struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    start: Box<dyn Fn(u8) -> BoxFuture<'static, io::Result<UnixStream>> + Send + Sync>,
    limit: Duration,
    turns: Turns,
    free: Arc<Semaphore>,
    /// Places without work, the one that waits longest first.
    idle: Mutex<VecDeque<Place>>,
    lost: AtomicU64,
}

/// Where a worker is, or none yet.
struct Place {
    number: u8,
    worker: Option<Worker>,
}

struct Worker {
    stream: UnixStream,
    /// The study of which it has seen frames.
    seen: Option<StudyNumber>,
}

/// A place that is taken. When it is dropped it is idle again; a worker that was not put back is no more.
struct Taken {
    shared: Arc<Shared>,
    place: Place,
    _permit: OwnedSemaphorePermit,
}

impl Workers {
    /// Workers at `count` places. `start` ends the worker that has a place, whatever it does, and starts another one there; the stream
    /// leads to that one. `limit` is how long a worker may have a frame.
    pub fn new<F, Started>(count: u8, limit: Duration, start: F) -> Self
    where
        F: Fn(u8) -> Started + Send + Sync + 'static,
        Started: Future<Output = io::Result<UnixStream>> + Send + 'static,
    {
        let places = (0..count).map(|number| Place { number, worker: None });
        let shared = Shared {
            start: Box::new(move |place| Box::pin(start(place))),
            limit,
            turns: Turns::at(count),
            free: Arc::new(Semaphore::new(count.into())),
            idle: Mutex::new(places.collect()),
            lost: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Starts one, so that it is known early when none can be started. The others start when they are needed.
    pub async fn begin(&self) -> Result<(), NoPicture> {
        let mut taken = self.shared.take(None).await?;
        taken.place.worker = Some(taken.start().await?);
        Ok(())
    }

    /// How many workers were lost so far: ended, or ended because they took too long or gave no answer.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Renderer for Workers {
    fn turn(&self, reader: Reader, study: StudyNumber) -> BoxFuture<'static, Result<Turn, NoPicture>> {
        let turns = self.shared.turns.clone();
        Box::pin(async move { turns.take(reader, study).await })
    }

    fn render(&self, turn: Turn, job: Job) -> BoxFuture<'static, Result<Vec<u8>, NoPicture>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let taken = shared.take(Some(turn.study())).await?;
            // a task of its own: a client who waits no longer leaves no worker half-way through a frame
            tokio::spawn(render(taken, turn, job)).await.unwrap_or(Err(NoPicture::Lost))
        })
    }
}

async fn render(mut taken: Taken, turn: Turn, job: Job) -> Result<Vec<u8>, NoPicture> {
    let question = message::question(&job).map_err(|_| RenderError::TooLarge)?;
    let mut worker = taken.worker_for(&turn).await?;
    worker.seen = Some(turn.study());
    match tokio::time::timeout(taken.shared.limit, exchange(&mut worker.stream, question, &job)).await {
        Ok(Ok(answer)) => {
            taken.place.worker = Some(worker);
            Ok(answer?)
        }
        Ok(Err(error)) => {
            drop(worker);
            taken.lost(&format!("it gave no answer ({})", error.kind()), &turn).await;
            Err(NoPicture::Lost)
        }
        Err(_) => {
            drop(worker);
            taken.lost("it took too long", &turn).await;
            Err(NoPicture::TooSlow)
        }
    }
}

/// One question and its answer. After an error the stream is good for nothing.
async fn exchange(stream: &mut UnixStream, question: Vec<u8>, job: &Job) -> io::Result<Result<Vec<u8>, RenderError>> {
    let invalid = |error: MessageError| io::Error::new(io::ErrorKind::InvalidData, error);
    stream.write_all_buf(&mut Bytes::from(question).chain(job.frame.clone())).await?;
    let mut head = [0; ANSWER_HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let length = match message::answer(head, job).map_err(invalid)? {
        Ok(length) => length,
        Err(error) => return Ok(Err(error)),
    };
    let mut picture = Vec::with_capacity(length.min(PICTURE_BYTES_FIRST));
    let read = stream.take(length as u64).read_to_end(&mut picture).await?;
    if read < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Ok(picture)) }
}

impl Shared {
    /// Waits for a place: one whose worker has seen this study, then one whose worker has seen none, then one without a worker, then the
    /// one that waits longest.
    async fn take(self: &Arc<Self>, study: Option<StudyNumber>) -> Result<Taken, NoPicture> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| NoPicture::NoWorker)?;
        let rank = |place: &Place| match &place.worker {
            Some(worker) if worker.seen.is_some() && worker.seen == study => 0,
            Some(worker) if worker.seen.is_none() => 1,
            None => 2,
            Some(_) => 3,
        };
        let mut idle = self.idle.lock().expect(HELD);
        let best = (0..idle.len()).min_by_key(|at| rank(&idle[*at]));
        let place = best.and_then(|at| idle.remove(at)).expect("there is an idle place for each permit");
        drop(idle);
        Ok(Taken { shared: Arc::clone(self), place, _permit: permit })
    }
}

impl Taken {
    /// A worker that is there and has seen no other study.
    async fn worker_for(&mut self, turn: &Turn) -> Result<Worker, NoPicture> {
        if let Some(worker) = self.place.worker.take()
            && worker.seen.is_none_or(|seen| seen == turn.study())
        {
            if worker.waits() {
                return Ok(worker);
            }
            // no frame's fault: it had none
            self.count("it ended between two frames");
        }
        turn.charge();
        self.start().await
    }

    async fn start(&self) -> Result<Worker, NoPicture> {
        match (self.shared.start)(self.place.number).await {
            Ok(stream) => Ok(Worker { stream, seen: None }),
            Err(error) => {
                tracing::error!(place = self.place.number, %error, "no codec worker can be started; frames are not rendered");
                Err(NoPicture::NoWorker)
            }
        }
    }

    /// Counts the worker that had the frame and starts another one at once: what does not end by itself is ended by that.
    async fn lost(&mut self, why: &str, turn: &Turn) {
        self.count(why);
        turn.charge();
        // what failed is tried again with the next frame
        self.place.worker = self.start().await.ok();
    }

    fn count(&self, why: &str) {
        let lost = self.shared.lost.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(place = self.place.number, lost, why, "a codec worker is lost and replaced");
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let place = Place { number: self.place.number, worker: self.place.worker.take() };
        self.shared.idle.lock().expect(HELD).push_back(place);
    }
}

impl Worker {
    /// Whether it is there and says nothing unasked.
    fn waits(&self) -> bool {
        let looked = rustix::net::recv(&self.stream, &mut [0u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looked.is_err_and(|error| error == rustix::io::Errno::WOULDBLOCK)
    }
}
