//! Roles as children: started, watched, started again, ended.
//!
//! A child's standard input is its lifeline: when it closes, because this process ended or was killed, the child ends in order. Over it
//! a child is told its secret, and a walled child asks for what it may have ([`crate::parent`]): a connection, and for the front workers.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use walls::Standing;
use zeroize::Zeroizing;

use super::workers::Workers;
use crate::parent;

/// What a role tells its parent and nobody else, in its ready line.
pub const SECRET: &str = "secret";

/// What the process that starts the roles is called among them.
pub const PARENT: &str = "serve";

/// What the workers of a front are called among them.
pub const WORKERS: &str = "codecs";

/// How long a role may take to its first answer, in seconds.
const START_SECONDS_MAX: u64 = 120;
/// The longest line that a role may answer with, in bytes.
const READY_BYTES_MAX: u64 = 64 * 1024;
/// How long a role may take to end in order, in seconds.
const END_SECONDS_MAX: u64 = 8;
/// The first pause before a role is started again, in milliseconds; it doubles up to [`RESTART_MILLISECONDS_MAX`].
const RESTART_MILLISECONDS_MIN: u64 = 200;
/// The longest pause.
const RESTART_MILLISECONDS_MAX: u64 = 5_000;

/// How a role is started, the first time and again.
#[derive(Clone)]
pub struct Recipe {
    /// The role's name, which is also its command.
    pub name: &'static str,
    /// DIR.
    pub dir: PathBuf,
    /// How much it says; as the environment has it when absent.
    pub log: Option<&'static str>,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What it is told first, and nobody else.
    pub secret: Option<Zeroizing<String>>,
    /// The one socket that it may be connected to.
    pub reaches: Option<PathBuf>,
    /// How many codec workers it may have.
    pub workers: u8,
}

/// What answers a child that may ask for something.
struct Answering {
    thread: JoinHandle<()>,
    /// The child's workers end when this is dropped: after the child, which may still be finishing what it was asked.
    runs: Sender<()>,
}

/// A running child.
pub struct Role {
    recipe: Recipe,
    child: Child,
    lifeline: UnixStream,
    ready: Value,
    told: Option<Zeroizing<String>>,
    workers: Workers,
    answering: Option<Answering>,
    pause: u64,
    started: Instant,
}

impl Role {
    /// Starts it and waits for its line.
    pub fn start(recipe: Recipe) -> Result<Self> {
        let name = recipe.name;
        let (lifeline, stdin) = UnixStream::pair()?;
        // this very program, also when another version was put in its place meanwhile
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("leadglass")
            .arg(name)
            .arg("--until-stdin-closes")
            .arg("--dir")
            .arg(&recipe.dir)
            .args(&recipe.arguments);
        if let (Some(log), None) = (recipe.log, std::env::var_os("LEADGLASS_LOG")) {
            command.env("LEADGLASS_LOG", log);
        }
        command.stdin(Stdio::from(OwnedFd::from(stdin))).stdout(Stdio::piped());
        let mut child = command.spawn().context("a role could not be started")?;
        // this process's copy of the child's end goes, so that the end of the child is heard
        drop(command);
        if let Some(secret) = &recipe.secret {
            let sent = (&lifeline).write_all(secret.as_bytes()).and_then(|()| (&lifeline).write_all(b"\n"));
            if sent.is_err() {
                bail!("the {name} ended at its start; its message stands above");
            }
        }
        let workers = Workers::new(recipe.dir.clone(), recipe.log, recipe.workers);
        let answering =
            recipe.reaches.as_ref().map(|to| answer(lifeline.try_clone()?, to.clone(), workers.clone())).transpose()?;
        let ready = answered(&mut child);
        let Some(mut ready) = ready else {
            // an error here means that it ended by itself
            let _ = child.kill();
            let _ = child.wait();
            bail!("the {name} did not start; its message stands above");
        };
        // written here because no walled role can write it
        write_walls_down(&recipe.dir, name, child.id(), &ready["walls"]);
        let told = match ready.as_object_mut().and_then(|ready| ready.remove(SECRET)) {
            Some(Value::String(told)) => Some(Zeroizing::new(told)),
            _ => None,
        };
        let (pause, started) = (RESTART_MILLISECONDS_MIN, Instant::now());
        Ok(Self { recipe, child, lifeline, ready, told, workers, answering, pause, started })
    }

    /// What it said when it was ready.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// What it told its parent and nobody else.
    pub fn told(&self) -> Option<Zeroizing<String>> {
        self.told.clone()
    }

    /// Starts it again when it ended.
    fn look_after(&mut self) {
        let Ok(Some(status)) = self.child.try_wait() else { return };
        // its workers hold frames that nobody asks for any more
        self.workers.end();
        let name = self.recipe.name;
        // a role that ran for a while starts again at once; one that falls over and over waits longer and longer
        let pause =
            if self.started.elapsed() > Duration::from_secs(30) { RESTART_MILLISECONDS_MIN } else { self.pause };
        if status.success() {
            tracing::info!(role = name, "a role asks to be started again");
        } else {
            tracing::error!(role = name, %status, pause_milliseconds = pause, "a role ended and is started again");
        }
        std::thread::sleep(Duration::from_millis(pause));
        let longer = (pause * 2).min(RESTART_MILLISECONDS_MAX);
        match Self::start(self.recipe.clone()) {
            Ok(role) => *self = Self { pause: longer, ..role },
            Err(error) => {
                tracing::error!(role = name, %error, "a role does not start; it is tried again");
                self.pause = longer;
            }
        }
    }

    /// Asks it to end, and ends it when it does not; then its workers.
    pub fn end(&mut self) {
        self.end_child();
        if let Some(Answering { thread, runs }) = self.answering.take() {
            drop(runs);
            // an error here means that the thread panicked, which its own message says
            let _ = thread.join();
        }
    }

    fn end_child(&mut self) {
        // an error here means that it is gone
        let _ = self.lifeline.shutdown(std::net::Shutdown::Both);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(END_SECONDS_MAX) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(role = self.recipe.name, "a role did not end in time and is ended");
        // an error here means that it ended just now
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The roles of one installation on this machine, in the order of their start.
#[derive(Default)]
pub struct Roles {
    roles: Vec<Role>,
    around: Option<Standing>,
}

impl Roles {
    /// Starts one more.
    pub fn start(&mut self, recipe: Recipe) -> Result<&mut Role> {
        self.roles.push(Role::start(recipe)?);
        Ok(self.roles.last_mut().expect("one was pushed"))
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.recipe.name == name)
    }

    /// Starts again what ended.
    pub fn look_after(&mut self) {
        self.roles.iter_mut().for_each(Role::look_after);
    }

    /// Ends all, the last first, so that nobody asks one that is gone.
    pub fn end(&mut self) {
        while let Some(mut role) = self.roles.pop() {
            role.end();
        }
    }

    /// The walls of every role, as each said when it was ready, and of this process.
    pub fn walls(&self) -> Value {
        let walls = self.roles.iter().map(|role| (role.recipe.name.to_owned(), role.ready["walls"].clone()));
        let workers = self.roles.iter().filter_map(|role| Some((WORKERS.to_owned(), role.workers.walls()?)));
        let own = self.around.iter().map(|standing| (PARENT.to_owned(), serde_json::json!(standing)));
        Value::Object(walls.chain(workers).chain(own).collect::<Map<_, _>>())
    }

    /// Notes which walls stand around this process, in which every role is started.
    pub fn stand_in(&mut self, dir: &Path, standing: Standing) {
        write_walls_down(dir, PARENT, std::process::id(), &serde_json::json!(standing));
        self.around = Some(standing);
    }

    /// The process of every role, and those of the workers, which come and go.
    pub fn pids(&self) -> Map<String, Value> {
        let mut pids: Map<_, _> =
            self.roles.iter().map(|role| (role.recipe.name.to_owned(), role.child.id().into())).collect();
        let workers: Vec<u32> = self.roles.iter().flat_map(|role| role.workers.pids()).collect();
        if !workers.is_empty() {
            pids.insert(WORKERS.to_owned(), workers.into());
        }
        pids.insert(PARENT.to_owned(), std::process::id().into());
        pids
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        self.end();
    }
}

/// The line of a child that is ready; nothing when it ended or takes too long.
fn answered(child: &mut Child) -> Option<Value> {
    let output = child.stdout.take()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output.take(READY_BYTES_MAX)).read_line(&mut line);
        // an error here means that nobody waits any more
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(Duration::from_secs(START_SECONDS_MAX)).ok()?.ok()?;
    serde_json::from_str(&line).ok()
}

/// Answers a child until it is gone, on a thread of its own.
fn answer(line: UnixStream, to: PathBuf, workers: Workers) -> std::io::Result<Answering> {
    let (runs, gone) = channel();
    let thread = std::thread::Builder::new().spawn(move || {
        parent::answer(&line, &to, |place| workers.start(place));
        // an error here is what is waited for: the other side was dropped
        let _ = gone.recv();
        workers.end();
    })?;
    Ok(Answering { thread, runs })
}

/// Writes down for `doctor` which walls a process said that stand around it.
pub fn write_walls_down(dir: &Path, role: &str, pid: u32, walls: &Value) {
    let line = serde_json::json!({ "pid": pid, "walls": walls }).to_string();
    if let Err(error) = replace(&walls_file(dir, role), line.as_bytes()) {
        tracing::warn!(%error, "which walls stand could not be written down for `doctor`");
    }
}

/// Which walls stand around a role, for `doctor`: where it is written down.
pub fn walls_file(dir: &Path, role: &str) -> PathBuf {
    dir.join("run").join(format!("{role}.walls"))
}

/// Puts `bytes` in place of `path`.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    std::fs::File::create(&beside)?.write_all(bytes)?;
    std::fs::rename(&beside, path)
}
