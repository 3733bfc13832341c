//! The codec workers of a front, as its parent has them: started when the front asks for one, ended when it asks for another in the
//! same place or is gone.
//!
//! Each is this program once more, with one stream to the front and nothing else: no folder is named to it, and it gets no variable of
//! the environment but the one that sets how much it says. What the front may ask of its parent is one worker at a time in so many
//! places; a front that was taken over can have them started over and over and no more of them.

use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use codecs::{WORKERS_MAX, WORKERS_MIN};
use serde_json::Value;

use super::supervise::write_walls_down;

/// How long a worker may take until it is ready, in seconds. Who asks for a stream to the warden meanwhile waits as long.
const START_SECONDS_MAX: u64 = 5;
/// The most that a worker may say until it is ready, in bytes.
const READY_BYTES_MAX: u64 = 64 * 1024;
/// How much of a frame waits in the stream to a worker, in bytes, as far as the system allows: so a slice of CT takes few turns.
const STREAM_BYTES: usize = 1 << 20;

/// How many workers a front on this machine gets.
pub fn count() -> u8 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u8::try_from(processors).unwrap_or(WORKERS_MAX).clamp(WORKERS_MIN, WORKERS_MAX)
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

/// What a worker says when it is ready; nothing when it ends before or takes too long. What it says before that goes to the log. Afterwards
/// nobody listens.
fn heard(said: PipeReader) -> Option<Value> {
    let (sender, receiver) = channel();
    let listener = std::thread::Builder::new().spawn(move || {
        for line in BufReader::new(said.take(READY_BYTES_MAX)).lines().map_while(Result::ok) {
            match serde_json::from_str::<Value>(&line) {
                Ok(ready) if ready["ready"] == true => {
                    // an error here means that nobody waits any more
                    let _ = sender.send(ready);
                    return;
                }
                _ => tracing::warn!(said = line, "a codec worker starts"),
            }
        }
    });
    // without a thread to listen nothing comes, and the worker is ended
    listener.ok()?;
    receiver.recv_timeout(Duration::from_secs(START_SECONDS_MAX)).ok()
}
