//! The codec workers of a front, as its parent has them: started when the front asks for one, ended when it asks for another in the
//! same place or is gone.
//!
//! Each is this program once more, with one stream to the front and nothing else: no folder is named to it, and it gets no variable of
//! the environment but the one that sets how much it says. What the front may ask of its parent is one worker at a time in so many
//! places; a front that was taken over can have them started over and over and no more of them.

use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use codecs::{WORKERS_MAX, WORKERS_MIN};
use rustix::fs::OFlags;
use serde_json::Value;

use super::supervise::write_walls_down;
use super::{memory, walled};

/// How long a worker may take until it is ready, in seconds. Who asks for a stream to the warden meanwhile waits as long.
const START_SECONDS_MAX: u64 = 5;
/// The most that a worker may say until it is ready, in bytes.
const READY_BYTES_MAX: usize = 64 * 1024;
/// How often one that starts is listened to, in milliseconds.
const LISTEN_MILLISECONDS: u64 = 1;
/// How much of a frame waits in the stream to a worker, in bytes, as far as the system allows: so a slice of CT takes few turns.
const STREAM_BYTES: usize = 1 << 20;

/// How many workers a front on this machine gets: one more than there are processors, so that one reader keeps all of them busy and
/// leaves a worker to others, and no more than there is memory for. Asked before the walls stand.
pub fn count() -> u8 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (wanted, available) = (count_for(processors, None), memory::available());
    let count = count_for(processors, available);
    if count < wanted {
        let mebibytes = available.unwrap_or_default() >> 20;
        tracing::warn!(
            workers = count,
            mebibytes,
            "there is memory for fewer codec workers than for this machine's processors; pictures take longer. Give it 1 GiB for each"
        );
    }
    count
}

/// The same for so many processors and bytes of memory.
fn count_for(processors: usize, available: Option<u64>) -> u8 {
    let by_memory = available
        .map_or(WORKERS_MAX, |bytes| u8::try_from(bytes / walled::CODECS_ADDRESS_SPACE_BYTES).unwrap_or(WORKERS_MAX));
    u8::try_from(processors + 1).unwrap_or(WORKERS_MAX).min(by_memory).clamp(WORKERS_MIN, WORKERS_MAX)
}

/// The name of a place in DIR/run.
pub fn name(place: u8) -> String {
    format!("codecs-{}", u32::from(place) + 1)
}

/// The workers of one front. Clones share them.
#[derive(Clone)]
pub struct Workers {
    held: Arc<Mutex<Held>>,
}

struct Held {
    dir: PathBuf,
    log: Option<&'static str>,
    places: Vec<Option<Child>>,
    walls: Option<Value>,
}

impl Workers {
    /// None is started yet.
    pub fn new(dir: PathBuf, log: Option<&'static str>, count: u8) -> Self {
        let places = (0..count).map(|_| None).collect();
        Self { held: Arc::new(Mutex::new(Held { dir, log, places, walls: None })) }
    }

    /// Ends the worker that has the place, whatever it does, and starts another one there. The stream that leads to it is the front's.
    pub fn start(&self, place: u8) -> io::Result<OwnedFd> {
        let mut held = self.held();
        let before = held.places.get_mut(usize::from(place)).ok_or(io::ErrorKind::InvalidInput)?;
        end(before.take());
        let (ours, theirs) = UnixStream::pair()?;
        // an error here means a stream as large as the system makes it
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&ours, STREAM_BYTES);
        let (said, saying) = io::pipe()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("leadglass").arg("codecs").env_clear();
        let log = std::env::var_os("LEADGLASS_LOG").or_else(|| held.log.map(Into::into));
        command.envs(log.map(|log| ("LEADGLASS_LOG", log)));
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(saying.try_clone()?).stderr(saying);
        let child = command.spawn()?;
        // this process's copies of what the child has go, so that its end is heard
        drop(command);
        let Some(ready) = heard(said) else {
            end(Some(child));
            return Err(io::Error::other("a codec worker did not become ready"));
        };
        write_walls_down(&held.dir, &name(place), child.id(), &ready["walls"]);
        held.walls.get_or_insert(ready["walls"].clone());
        held.places[usize::from(place)] = Some(child);
        Ok(ours.into())
    }

    /// The walls that stand around them; nothing when none was started.
    pub fn walls(&self) -> Option<Value> {
        self.held().walls.clone()
    }

    /// The processes of those that run.
    pub fn pids(&self) -> Vec<u32> {
        let mut held = self.held();
        let running = held.places.iter_mut().flatten().filter_map(|child| match child.try_wait() {
            Ok(None) => Some(child.id()),
            _ => None,
        });
        running.collect()
    }

    /// Ends all.
    pub fn end(&self) {
        self.held().places.iter_mut().for_each(|place| end(place.take()));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no code panics while it holds this lock")
    }
}

fn end(child: Option<Child>) {
    let Some(mut child) = child else { return };
    // an error here means that it ended by itself
    let _ = child.kill();
    let _ = child.wait();
}

/// What a worker says when it is ready; nothing when it ends before, takes too long or says too much. What it says before that goes to the
/// log. Afterwards nobody listens.
fn heard(mut said: PipeReader) -> Option<Value> {
    // no thread is needed to listen, so none can be missing
    rustix::fs::fcntl_setfl(&said, OFlags::NONBLOCK).ok()?;
    let by = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while Instant::now() < by && text.len() < READY_BYTES_MAX {
        match said.read(&mut part) {
            Ok(0) => return None,
            Ok(count) => text.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(LISTEN_MILLISECONDS));
                continue;
            }
            Err(_) => return None,
        }
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match serde_json::from_slice::<Value>(&line) {
                Ok(ready) if ready["ready"] == true => return Some(ready),
                _ => tracing::warn!(said = %String::from_utf8_lossy(&line).trim_end(), "a codec worker starts"),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn there_are_as_many_workers_as_processors_and_memory_are_for() {
        let gib = |count: u64| Some(count << 30);
        for (processors, available, expected) in [
            (1, None, 2),
            (2, None, 3),
            (4, None, 5),
            (64, None, 5),
            (64, gib(64), 5),
            (4, gib(3), 3),
            (4, gib(1), 1),
            // two need 2 GiB whole
            (4, gib(2).map(|bytes| bytes - 1), 1),
            (4, gib(0), 1),
            (usize::MAX - 1, Some(u64::MAX), 5),
        ] {
            assert_eq!(count_for(processors, available), expected, "{processors} processors, {available:?} bytes");
        }
    }

    /// What is heard of a worker that says this, piece by piece, and then stays or ends.
    fn of(pieces: &[&str], stays: bool) -> Option<Value> {
        let (said, mut saying) = io::pipe().unwrap();
        std::thread::scope(|scope| {
            let hears = scope.spawn(|| heard(said));
            for piece in pieces {
                saying.write_all(piece.as_bytes()).unwrap();
                std::thread::yield_now();
            }
            if !stays {
                drop(saying);
            }
            hears.join().unwrap()
        })
    }

    #[test]
    fn a_worker_is_ready_when_it_says_so_and_not_before() {
        let ready = ["{\"ready\":true,", "\"walls\":7}\n"];
        assert_eq!(of(&ready, true).unwrap()["walls"], 7);
        assert_eq!(of(&["a line\n{\"ready\":false}\n\n", ready[0], ready[1]], true).unwrap()["walls"], 7);
        for not_ready in [&["{\"ready\":false}\n"][..], &ready[..1], &["\n"], &[]] {
            assert_eq!(of(not_ready, false), None, "{not_ready:?}");
        }
        // more than it may say, with no end of a line
        let long = "x".repeat(READY_BYTES_MAX / 2);
        assert_eq!(of(&[&long, &long], true), None);
    }
}
