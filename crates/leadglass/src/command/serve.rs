//! `leadglass serve`: starts warden and front as children, restarts whichever ends, ends both with itself.
//!
//! A child's standard input is its lifeline: when it closes, because this process ended or was killed, the child ends in order.
//! The passphrase goes to the warden over it and to nobody else.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::init::read_passphrase;
use crate::cli::{ListenArgs, ServeArgs};
use crate::control;
use crate::output::say;

/// How long a role may take to its first answer, in seconds.
const START_SECONDS_MAX: u64 = 120;
/// How often a start is tried when its port is picked.
const PICKS_MAX: u32 = 4;
/// How long a role may take to end in order, in seconds.
const END_SECONDS_MAX: u64 = 8;
/// The first pause before a role is started again, in milliseconds; it doubles up to [`RESTART_MILLISECONDS_MAX`].
const RESTART_MILLISECONDS_MIN: u64 = 200;
/// The longest pause.
const RESTART_MILLISECONDS_MAX: u64 = 5_000;

/// Runs until SIGTERM or SIGINT.
pub fn serve(dir: &Path, arguments: &ServeArgs) -> Result<()> {
    control::log_to_stderr("serve");
    control::keep_to_itself("serve");
    let ending = control::ending();
    let mut installation = Installation::start(dir, arguments, None)?;
    if let Err(error) = crate::disk::register(dir) {
        tracing::warn!(%error, "which disks this installation lies on is not recorded; exposure of a disk may miss one");
    }
    say!("{}", installation.ready_line());
    installation.watch(&ending);
    installation.end();
    Ok(())
}

/// Both roles as children.
pub struct Installation {
    dir: PathBuf,
    log: Option<&'static str>,
    unseal: (&'static str, Zeroizing<String>),
    listen: ListenArgs,
    origin: String,
    warden: Role,
    front: Role,
}

struct Role {
    name: &'static str,
    child: Child,
    lifeline: Option<ChildStdin>,
    ready: Value,
    pause: u64,
    started: Instant,
}

impl Installation {
    /// Starts both and returns when both answer. `log` is how much they say; as the environment has it when absent.
    pub fn start(dir: &Path, arguments: &ServeArgs, log: Option<&'static str>) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        if !dir.join("warden/root.json").exists() {
            return Err(crate::owner::not_running(&dir));
        }
        let unseal = match (&arguments.passphrase_file, &arguments.recovery_kit) {
            (Some(path), _) => ("--passphrase-file", read_passphrase(path)?),
            (None, Some(path)) => ("--recovery-kit", read_passphrase(path)?),
            (None, None) => bail!("nothing unseals the root; give --passphrase-file or --recovery-kit"),
        };
        let picked = arguments.listen.http.ends_with(":0");
        let mut tries = if picked { PICKS_MAX } else { 1 };
        loop {
            tries -= 1;
            match Self::try_start(&dir, arguments, log, &unseal)? {
                Ok(installation) => return Ok(installation),
                // a picked port is free for a moment only: somebody else may have taken it before the front could
                Err(error) if tries > 0 => tracing::warn!(%error, "the front is started again on another port"),
                Err(error) => return Err(error),
            }
        }
    }

    /// Fails when the warden does not start; answers with the front's failure when only that does not, and nothing runs any more.
    fn try_start(
        dir: &Path,
        arguments: &ServeArgs,
        log: Option<&'static str>,
        unseal: &(&'static str, Zeroizing<String>),
    ) -> Result<Result<Self>> {
        let mut listen = arguments.listen.clone();
        // the origin is part of every passkey, so a port that is picked is picked before the warden starts
        listen.http = settled(&listen.http)?;
        let scheme = if listen.plain_http { "http" } else { "https" };
        let origin = match (&listen.origin, listen.http.rsplit_once(':')) {
            (Some(origin), _) => origin.clone(),
            (None, Some((_, port))) => format!("{scheme}://localhost:{port}"),
            (None, None) => format!("{scheme}://localhost"),
        };
        listen.origin = Some(origin.clone());
        let mut warden = start_warden(dir, log, unseal, &origin)?;
        let front = match start_front(dir, log, &listen) {
            Ok(front) => front,
            Err(error) => {
                warden.end();
                return Ok(Err(error));
            }
        };
        if let Some(dicom) = front.ready["dicom"].as_str() {
            // a picked port stays when the front is started again
            dicom.clone_into(&mut listen.dicom);
        }
        Ok(Ok(Self { dir: dir.to_owned(), log, unseal: unseal.clone(), listen, origin, warden, front }))
    }

    /// The line that says that it answers.
    pub fn ready_line(&self) -> Value {
        json!({
            "ready": true,
            "http": self.http(),
            "dicom": self.front.ready["dicom"],
            "pids": { "serve": std::process::id(), "warden": self.warden.child.id(), "front": self.front.child.id() },
        })
    }

    /// The origin of the pages, or nothing when there is no HTTP.
    pub fn http(&self) -> Option<&str> {
        (self.listen.http != "none").then_some(self.origin.as_str())
    }

    /// The DICOM address.
    pub fn dicom(&self) -> Option<&str> {
        self.front.ready["dicom"].as_str()
    }

    /// Restarts what ends, until told to stop.
    pub fn watch(&mut self, stop: &Receiver<()>) {
        loop {
            match stop.recv_timeout(Duration::from_millis(100)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_after();
        }
    }

    /// Starts a role again when it ended.
    pub fn look_after(&mut self) {
        let Self { dir, log, unseal, origin, listen, warden, front } = self;
        warden.look_after(|| start_warden(dir, *log, unseal, origin));
        front.look_after(|| start_front(dir, *log, listen));
    }

    /// Ends both in order: the front first, so that nobody asks a warden that is gone.
    pub fn end(&mut self) {
        self.front.end();
        self.warden.end();
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.end();
    }
}

impl Role {
    fn look_after(&mut self, again: impl FnOnce() -> Result<Self>) {
        let Ok(Some(status)) = self.child.try_wait() else { return };
        // a role that ran for a while starts again at once; one that falls over and over waits longer and longer
        let pause =
            if self.started.elapsed() > Duration::from_secs(30) { RESTART_MILLISECONDS_MIN } else { self.pause };
        tracing::error!(role = self.name, %status, pause_milliseconds = pause, "a role ended and is started again");
        std::thread::sleep(Duration::from_millis(pause));
        let longer = (pause * 2).min(RESTART_MILLISECONDS_MAX);
        match again() {
            Ok(role) => *self = Self { pause: longer, ..role },
            Err(error) => {
                tracing::error!(role = self.name, %error, "a role does not start; it is tried again");
                self.pause = longer;
            }
        }
    }

    fn end(&mut self) {
        // closing the lifeline asks the child to end
        drop(self.lifeline.take());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(END_SECONDS_MAX) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        tracing::warn!(role = self.name, "a role did not end in time and is ended");
        // an error here means that it ended just now
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_warden(
    dir: &Path,
    log: Option<&str>,
    unseal: &(&'static str, Zeroizing<String>),
    origin: &str,
) -> Result<Role> {
    let mut command = role_command(dir, log, "warden")?;
    command.args([unseal.0, "-", "--origin", origin]);
    start("warden", command, Some(&unseal.1))
}

fn start_front(dir: &Path, log: Option<&str>, listen: &ListenArgs) -> Result<Role> {
    let mut command = role_command(dir, log, "front")?;
    command.args(["--http", &listen.http, "--dicom", &listen.dicom]);
    if let Some(ae) = &listen.ae {
        command.args(["--ae", ae]);
    }
    if let Some(origin) = &listen.origin {
        command.args(["--origin", origin]);
    }
    if let (Some(certificate), Some(key)) = (&listen.tls_cert, &listen.tls_key) {
        command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
    }
    if listen.plain_http {
        command.arg("--plain-http");
    }
    start("front", command, None)
}

fn role_command(dir: &Path, log: Option<&str>, role: &str) -> Result<Command> {
    let program = std::env::current_exe().context("the program's own file is not known; start it by its full path")?;
    let mut command = Command::new(program);
    command.arg(role).arg("--until-stdin-closes").arg("--dir").arg(dir);
    if let (Some(log), None) = (log, std::env::var_os("LEADGLASS_LOG")) {
        command.env("LEADGLASS_LOG", log);
    }
    Ok(command)
}

/// Starts a role and waits for its line.
fn start(name: &'static str, mut command: Command, first_line: Option<&str>) -> Result<Role> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("a role could not be started")?;
    let mut lifeline = child.stdin.take().context("a child has a standard input")?;
    if let Some(line) = first_line {
        let sent = lifeline.write_all(line.as_bytes()).and_then(|()| lifeline.write_all(b"\n"));
        if sent.is_err() {
            bail!("the {name} ended at its start; its message stands above");
        }
    }
    let output = child.stdout.take().context("a child has a standard output")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        // an error here means that nobody waits any more
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(Duration::from_secs(START_SECONDS_MAX));
    let ready = line.ok().and_then(Result::ok).and_then(|line| serde_json::from_str::<Value>(&line).ok());
    let Some(ready) = ready else {
        // an error here means that it ended by itself
        let _ = child.kill();
        let _ = child.wait();
        bail!("the {name} did not start; its message stands above");
    };
    Ok(Role { name, child, lifeline: Some(lifeline), ready, pause: RESTART_MILLISECONDS_MIN, started: Instant::now() })
}

/// An address with its port picked when it is 0.
fn settled(address: &str) -> Result<String> {
    if address == "none" {
        return Ok(address.to_owned());
    }
    let parsed: SocketAddr =
        address.parse().map_err(|_| anyhow::anyhow!("{address} is no address; give it as 127.0.0.1:8443, or none"))?;
    if parsed.port() != 0 {
        return Ok(address.to_owned());
    }
    let picked = TcpListener::bind(parsed).context("no port is free on this address")?.local_addr()?;
    Ok(picked.to_string())
}
