//! The front's side against workers that work, end, stand still and lie.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, LazyLock, Mutex};
use std::time::Duration;

use codecs::{
    ASKED_BYTES_MAX, FRAME_BYTES_MAX, Job, NoPicture, Reader, RenderError, RenderOptions, Renderer,
    STARTS_PER_MINUTE_MAX, Workers,
};
use dataset::{ImageDescription, Photometric};
use futures::FutureExt;
use futures::future::BoxFuture;
use model::{StudyNumber, Uid};

/// What somebody does with the worker's end of a stream.
type Behaviour = fn(UnixStream);

fn works(mut stream: UnixStream) {
    // an error ends a worker, which is what it is for
    let _ = codecs::work(&mut stream);
}

/// Ends once it has read a little of the frame.
fn ends(mut stream: UnixStream) {
    stream.read_exact(&mut [0; 16]).unwrap();
}

/// Takes the frame and says nothing until the other side is gone.
fn stands_still(mut stream: UnixStream) {
    while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
}

/// Answers with these bytes, whatever is asked, and reads on.
fn says(mut stream: UnixStream, answer: &[u8]) {
    stream.read_exact(&mut [0; 9]).unwrap();
    let _ = stream.write_all(answer);
    stands_still(stream);
}

/// Starts workers that behave one after the other as they are told, and counts them. The last behaviour stays.
#[derive(Clone)]
struct Supply {
    behaviours: Arc<Mutex<Vec<Behaviour>>>,
    started: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    /// The other ends, to close one from outside.
    ends: Arc<Mutex<Vec<UnixStream>>>,
}

impl Supply {
    fn of(behaviours: &[Behaviour]) -> Self {
        let mut behaviours = behaviours.to_vec();
        behaviours.reverse();
        Self {
            behaviours: Arc::new(Mutex::new(behaviours)),
            started: Arc::default(),
            fails: Arc::default(),
            ends: Arc::default(),
        }
    }

    fn workers(&self, count: u8) -> Workers {
        self.workers_within(count, Duration::from_secs(60))
    }

    fn workers_within(&self, count: u8, limit: Duration) -> Workers {
        let supply = self.clone();
        Workers::new(count, limit, move |_| {
            let supply = supply.clone();
            async move { supply.start() }
        })
    }

    fn start(&self) -> std::io::Result<tokio::net::UnixStream> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        }
        self.started.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = UnixStream::pair()?;
        self.ends.lock().unwrap().push(theirs.try_clone()?);
        let mut behaviours = self.behaviours.lock().unwrap();
        let behaviour = if behaviours.len() > 1 { behaviours.pop().unwrap() } else { behaviours[0] };
        std::thread::spawn(move || {
            let end = theirs.try_clone().unwrap();
            behaviour(theirs);
            // as a process that ends closes what it has
            let _ = end.shutdown(std::net::Shutdown::Both);
        });
        ours.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(ours)
    }

    fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }
}

/// A grey ramp of this size.
fn ramp(rows: u16, columns: u16) -> Job {
    let pixels = (0..rows).flat_map(|_| 0..columns).flat_map(|column| (column % 4096).to_le_bytes());
    Job {
        description: ImageDescription {
            rows,
            columns,
            samples: 1,
            photometric: Photometric::Monochrome2,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            rescale_slope: 1.0,
            frames: 1,
            ..ImageDescription::default()
        },
        transfer_syntax: Uid::parse("1.2.840.10008.1.2.1").unwrap(),
        first_bit: 0,
        options: RenderOptions::default(),
        frame: pixels.collect::<Vec<u8>>().into(),
    }
}

const STUDY: StudyNumber = StudyNumber(7);

/// One reader asks for a picture.
fn render(workers: &Workers, study: StudyNumber, job: Job) -> BoxFuture<'static, Result<Vec<u8>, NoPicture>> {
    render_for(Reader(1), workers, study, job)
}

fn render_for(
    reader: Reader,
    workers: &Workers,
    study: StudyNumber,
    job: Job,
) -> BoxFuture<'static, Result<Vec<u8>, NoPicture>> {
    let workers = workers.clone();
    Box::pin(async move {
        let turn = workers.turn(reader, study).await?;
        workers.render(turn, job).await
    })
}

/// Where a worker that speaks unasked waits until it has been heard of.
static SPOKEN: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

#[tokio::test]
async fn a_worker_makes_the_same_picture_as_the_decoders_in_this_process() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(2);
    workers.begin().await.unwrap();
    // from a few bytes to more than any socket buffers at once
    for (rows, columns) in [(1, 1), (64, 64), (512, 512), (2048, 3000)] {
        let job = ramp(rows, columns);
        let here = render::render_frame(&job.description, &job.transfer_syntax, &job.frame, 0, job.options).unwrap();
        assert_eq!(render(&workers, STUDY, job).await.unwrap(), here, "{rows} by {columns}");
    }
    assert_eq!((supply.started(), workers.lost()), (1, 0), "one after the other needs one worker");
}

#[tokio::test]
async fn what_cannot_be_rendered_is_refused_and_the_worker_stays() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(2);
    let refused = async |change: fn(&mut Job)| {
        let mut job = ramp(64, 64);
        change(&mut job);
        render(&workers, STUDY, job).await
    };
    let cut = refused(|job| job.frame = job.frame.slice(..100)).await;
    assert_eq!(cut, Err(NoPicture::Render(RenderError::Damaged)));
    let unknown = refused(|job| job.transfer_syntax = Uid::parse("1.2.840.10008.1.2.4.110").unwrap()).await;
    assert_eq!(unknown, Err(NoPicture::Render(RenderError::NotDecodable)));
    let huge = refused(|job| (job.description.rows, job.description.columns) = (u16::MAX, u16::MAX)).await;
    assert_eq!(huge, Err(NoPicture::Render(RenderError::TooLarge)));
    let past = refused(|job| job.frame = vec![0; FRAME_BYTES_MAX + 1].into()).await;
    assert_eq!(past, Err(NoPicture::Render(RenderError::TooLarge)));
    assert!(render(&workers, STUDY, ramp(64, 64)).await.is_ok());
    assert_eq!((supply.started(), workers.lost()), (1, 0));
}

#[tokio::test]
async fn a_worker_that_ends_with_a_frame_costs_that_frame_and_is_replaced() {
    let supply = Supply::of(&[ends, works]);
    let workers = supply.workers(2);
    assert_eq!(render(&workers, STUDY, ramp(512, 512)).await, Err(NoPicture::Lost));
    assert_eq!((supply.started(), workers.lost()), (2, 1), "replaced at once");
    assert!(render(&workers, STUDY, ramp(512, 512)).await.is_ok());
    assert_eq!((supply.started(), workers.lost()), (2, 1));
}

#[tokio::test]
async fn a_worker_that_stands_still_costs_that_frame_and_the_others_go_on() {
    let supply = Supply::of(&[stands_still, works]);
    let workers = supply.workers_within(2, Duration::from_secs(3));
    let still = tokio::spawn(render(&workers, STUDY, ramp(512, 512)));
    // it is taken before the others come
    while supply.started() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert!(render_for(Reader(2), &workers, StudyNumber(8), ramp(64, 64)).await.is_ok());
    }
    assert_eq!(still.await.unwrap(), Err(NoPicture::TooSlow));
    assert_eq!(workers.lost(), 1);
    assert!(render(&workers, STUDY, ramp(64, 64)).await.is_ok());
}

/// Renders frames that fit one read, and takes any other one and says nothing.
fn works_but_for_large_frames(mut stream: UnixStream) {
    let mut head = [0; 9];
    while let Ok(()) = stream.read_exact(&mut head) {
        let length = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap()) as usize;
        let mut rest = vec![0; length(1) + length(5)];
        if rest.len() > 64 * 1024 || stream.read_exact(&mut rest).is_err() {
            return stands_still(stream);
        }
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let working = std::thread::spawn(move || codecs::work(&mut theirs));
        ours.write_all(&[&head[..], &rest].concat()).unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).unwrap();
        working.join().unwrap().unwrap();
        stream.write_all(&answer).unwrap();
    }
}

#[tokio::test]
async fn slow_frames_of_one_study_and_of_one_reader_leave_a_worker_to_others() {
    let limit = Duration::from_secs(600);
    let (small, slow) = (|| ramp(64, 64), || ramp(512, 512));
    for (what, asks) in [
        ("many readers of one study", (|n| (Reader(10 + n), STUDY)) as fn(u64) -> (Reader, StudyNumber)),
        ("one reader of many studies", |n| (Reader(10), StudyNumber(100 + n as u32))),
    ] {
        let supply = Supply::of(&[works_but_for_large_frames]);
        let workers = supply.workers_within(3, limit);
        let asked = |n| {
            let (reader, study) = asks(n);
            tokio::spawn(render_for(reader, &workers, study, slow()))
        };
        let waiting: Vec<_> = (0..12).map(asked).collect();
        while supply.started() < 2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            let other = render_for(Reader(2), &workers, StudyNumber(8), small());
            let other = tokio::time::timeout(Duration::from_secs(20), other).await;
            assert!(other.expect(what).is_ok(), "{what}");
        }
        assert_eq!(supply.started(), 3, "{what}: two for the slow frames, one for others");
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

#[tokio::test]
async fn who_switches_between_studies_without_end_is_told_to_wait_and_others_are_not() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(1);
    let mut refused = None;
    for number in 0..10 * STARTS_PER_MINUTE_MAX {
        match render(&workers, StudyNumber(number), ramp(8, 8)).await {
            Ok(_) => {}
            Err(why) => {
                refused = Some(why);
                break;
            }
        }
    }
    assert!(matches!(refused, Some(NoPicture::TooManyStarts { seconds: 1 })), "{refused:?}");
    assert!(supply.started() as u32 >= STARTS_PER_MINUTE_MAX);
    let sentence = refused.unwrap().to_string();
    assert!(sentence.contains("too many studies") && sentence.contains("1 seconds"), "{sentence}");
    assert!(render_for(Reader(2), &workers, STUDY, ramp(8, 8)).await.is_ok());
}

#[tokio::test]
async fn whose_frames_end_their_workers_pays_for_the_starts() {
    let supply = Supply::of(&[ends]);
    let workers = supply.workers(1);
    let mut lost = 0;
    let refused = loop {
        match render(&workers, STUDY, ramp(512, 512)).await {
            Err(NoPicture::Lost) => lost += 1,
            other => break other,
        }
        assert!(lost < 10 * STARTS_PER_MINUTE_MAX);
    };
    assert!(matches!(refused, Err(NoPicture::TooManyStarts { .. })), "{refused:?}");
    assert!(lost + 1 >= STARTS_PER_MINUTE_MAX);
}

#[tokio::test]
async fn answers_out_of_shape_cost_the_frame_and_the_worker() {
    let behaviours: [Behaviour; 5] = [
        // another version; a kind that is not there; more than a picture of this size can have
        |stream| says(stream, &[2, 0, 1, 0, 0, 0, 0]),
        |stream| says(stream, &[1, 9, 0, 0, 0, 0]),
        |stream| says(stream, &[1, 0, 0xFF, 0xFF, 0xFF, 0xFF]),
        // a refusal with a picture; a picture that breaks off
        |stream| says(stream, &[1, 1, 1, 0, 0, 0, 0]),
        |mut stream| {
            stream.read_exact(&mut [0; 9]).unwrap();
            let _ = stream.write_all(&[1, 0, 100, 0, 0, 0, 1, 2, 3]);
        },
    ];
    for (number, behaviour) in behaviours.into_iter().enumerate() {
        let supply = Supply::of(&[behaviour, works]);
        let workers = supply.workers(1);
        assert_eq!(render(&workers, STUDY, ramp(8, 8)).await, Err(NoPicture::Lost), "{number}");
        assert!(render(&workers, STUDY, ramp(8, 8)).await.is_ok(), "{number}");
        assert_eq!(workers.lost(), 1, "{number}");
    }
}

#[tokio::test]
async fn a_worker_that_speaks_unasked_gets_no_frame() {
    let supply = Supply::of(&[
        |mut stream: UnixStream| {
            stream.write_all(&[1, 0, 3, 0, 0, 0, 1, 2, 3]).unwrap();
            // said before anything is asked
            SPOKEN.wait();
            stands_still(stream);
        },
        works,
    ]);
    let workers = supply.workers(1);
    workers.begin().await.unwrap();
    tokio::task::spawn_blocking(|| SPOKEN.wait()).await.unwrap();
    let picture = render(&workers, STUDY, ramp(64, 64)).await.unwrap();
    assert_ne!(picture, [1, 2, 3], "what it made up is nobody's picture");
    assert_eq!((supply.started(), workers.lost()), (2, 1));
}

#[tokio::test]
async fn one_worker_sees_frames_of_one_study() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(2);
    let (one, two, three) = (StudyNumber(1), StudyNumber(2), StudyNumber(3));
    for (study, started) in [(one, 1), (one, 1), (two, 2), (one, 2), (two, 2), (three, 3), (two, 3), (one, 4)] {
        assert!(render(&workers, study, ramp(8, 8)).await.is_ok());
        assert_eq!(supply.started(), started, "study {}", study.0);
    }
    assert_eq!(workers.lost(), 0);
}

#[tokio::test]
async fn a_worker_that_ended_while_it_waited_costs_no_frame() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(1);
    for round in 1..4 {
        assert!(render(&workers, STUDY, ramp(8, 8)).await.is_ok());
        supply.ends.lock().unwrap().last().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
        assert!(render(&workers, STUDY, ramp(8, 8)).await.is_ok());
        assert_eq!((supply.started(), workers.lost()), (round + 1, round as u64));
    }
}

#[tokio::test]
async fn without_a_worker_nothing_is_rendered_and_it_is_tried_again() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(2);
    supply.fails.store(true, Ordering::SeqCst);
    assert_eq!(workers.begin().await, Err(NoPicture::NoWorker));
    for _ in 0..5 {
        assert_eq!(render(&workers, STUDY, ramp(8, 8)).await, Err(NoPicture::NoWorker));
    }
    supply.fails.store(false, Ordering::SeqCst);
    assert!(render(&workers, STUDY, ramp(8, 8)).await.is_ok());
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_worker_half_way() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(1);
    for _ in 0..20 {
        // asked, and not waited for
        assert_eq!(render(&workers, STUDY, ramp(512, 512)).now_or_never(), None);
        assert!(render(&workers, STUDY, ramp(64, 64)).await.is_ok());
    }
    assert_eq!((supply.started(), workers.lost()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_frames_than_workers_are_all_answered() {
    let supply = Supply::of(&[works]);
    let workers = supply.workers(3);
    let asked: Vec<_> =
        (0..60).map(|number| tokio::spawn(render(&workers, StudyNumber(number % 5), ramp(128, 128)))).collect();
    for rendered in asked {
        assert!(rendered.await.unwrap().is_ok());
    }
    assert_eq!(workers.lost(), 0);
}

/// What a worker does with these bytes.
#[track_caller]
fn refused(question: &[u8]) {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let working = std::thread::spawn(move || codecs::work(&mut theirs));
    ours.write_all(question).unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).unwrap();
    assert!(working.join().unwrap().is_err() && answer.is_empty(), "{question:?}");
}

#[test]
fn a_worker_ends_at_the_first_thing_that_is_no_question() {
    let head = |version: u8, asked: usize, frame: usize| {
        [&[version][..], &(asked as u32).to_le_bytes(), &(frame as u32).to_le_bytes()].concat()
    };
    refused(&head(2, 0, 0));
    refused(&head(1, ASKED_BYTES_MAX + 1, 0));
    refused(&head(1, 0, FRAME_BYTES_MAX + 1));
    // nothing is asked; what is asked breaks off; the frame does; the head does
    refused(&head(1, 0, 0));
    refused(&[&head(1, 40, 0)[..], &[1; 20]].concat());
    refused(&[&head(1, 3, 10)[..], &[0; 3]].concat());
    refused(&head(1, 0, 0)[..5]);
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    drop(ours);
    assert!(codecs::work(&mut theirs).is_ok(), "a front that is gone is the end");
}
