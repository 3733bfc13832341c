//! An archive that runs: where it listens, who its processes are, and its end.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::Server;
use crate::sending::{Destination, OverTls};

/// How long an archive may take to end in order.
const END_TIME: Duration = Duration::from_secs(20);

/// The AE title that sends.
pub const CALLING_AE: &str = "BENCH";

/// An archive.
pub struct Peer {
    /// Its name in the table.
    pub name: &'static str,
    /// What it says of itself.
    pub version: String,
    /// Where it takes C-STORE.
    pub dicom: SocketAddr,
    /// The AE title that it is called by.
    pub called_ae: &'static str,
    /// Where it speaks DICOMweb, over TLS.
    pub web: Server,
    /// Where it speaks it in the clear.
    pub clear: Option<Server>,
    /// Where it takes C-STORE over TLS.
    pub over_tls: Option<OverTls>,
    /// Its first process, which started the others.
    pub pid: u32,
    /// How many one-instance studies it holds.
    pub filled: u32,
    child: Running,
    _folder: tempfile::TempDir,
}

impl Peer {
    /// Takes over a running archive and its folder.
    pub fn new(
        (name, version): (&'static str, String),
        (dicom, called_ae): (SocketAddr, &'static str),
        web: Server,
        pid: u32,
        child: Running,
        folder: tempfile::TempDir,
    ) -> Self {
        Self {
            name,
            version,
            dicom,
            called_ae,
            web,
            clear: None,
            over_tls: None,
            pid,
            filled: 0,
            child,
            _folder: folder,
        }
    }

    /// What a row needs to know of it.
    pub fn target(&self) -> Target {
        let destination = Destination::new(self.dicom, self.called_ae);
        Target { name: self.name, web: self.web.clone(), destination, filled: self.filled }
    }

    /// The same with HTTP in the clear.
    pub fn target_in_the_clear(&self) -> Option<Target> {
        self.clear.clone().map(|web| Target { web, ..self.target() })
    }

    /// The same with C-STORE over TLS.
    pub fn target_over_tls(&self) -> Option<Target> {
        let target = self.target();
        let destination = target.destination.clone().over(self.over_tls.clone()?);
        Some(Target { destination, ..target })
    }

    /// Memory that its processes hold now, in MiB: the first one and all that descend from it, some of which come and go.
    pub fn resident_mib(&self) -> Result<f64> {
        let resident_kib = |pid| status_kib(pid, "VmRSS:");
        let first = resident_kib(self.pid)
            .with_context(|| format!("{} ended during the measurement; see its messages", self.name))?;
        let others = descendants(self.pid).into_iter().filter_map(resident_kib);
        Ok((first + others.sum::<u64>()) as f64 / 1024.0)
    }

    /// Fails when it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}; see its messages above", self.name),
        }
    }
}

/// A figure of a process's status in KiB; nothing when the process is gone.
pub fn status_kib(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().split(' ').next()?.parse().ok()
}

/// Processes that it started, and those that they did.
pub fn descendants(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let children: Vec<u32> = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    children.iter().flat_map(|child| [vec![*child], descendants(*child)].concat()).collect()
}

/// What is measured: an archive by the addresses that it has.
#[derive(Clone)]
pub struct Target {
    /// Its name in the table.
    pub name: &'static str,
    /// Where it speaks DICOMweb.
    pub web: Server,
    /// Where it takes C-STORE.
    pub destination: Destination,
    /// How many one-instance studies it holds.
    pub filled: u32,
}

/// A child that ends with its owner.
pub struct Running(Child);

impl Running {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self(child))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The first line that it prints.
    pub fn first_line(&mut self, time: Duration) -> Result<String> {
        let output: ChildStdout = self.0.stdout.take().context("standard output was asked for")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines();
            // an error here means that nobody waits any more
            let _ = sender.send(lines.next().and_then(Result::ok));
            // read on, so that the child never waits for its own output
            lines.for_each(drop);
        });
        match receiver.recv_timeout(time) {
            Ok(Some(line)) => Ok(line),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => bail!("it ended at its start; its message stands above"),
            Err(RecvTimeoutError::Timeout) => bail!("it did not start within {} s", time.as_secs()),
        }
    }

    /// Waits until something listens at `address`, or fails when the child ends.
    pub fn listening(&mut self, address: SocketAddr, time: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < time {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.0.try_wait()? {
                bail!("it ended at its start with {status}; its message stands above");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("it did not listen within {} s", time.as_secs())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM by the system's own program, so that it can end in order
        let asked = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < END_TIME {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // errors here mean that it has ended
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address on the loopback interface with a port that is free now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A temporary folder.
pub fn folder(name: &str, scratch: Option<&Path>) -> Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    let prefix = format!("leadglass-bench-{name}-");
    let builder = builder.prefix(&prefix);
    Ok(match scratch {
        Some(scratch) => builder.tempdir_in(scratch)?,
        None => builder.tempdir()?,
    })
}
