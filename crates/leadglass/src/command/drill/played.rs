//! An installation that is played with: this program run as its operator runs it, in a folder that goes away.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::ending;

/// The longest output of one command that is kept, in bytes.
const OUTPUT_BYTES_MAX: u64 = 1024 * 1024;
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// One installation.
pub struct Played {
    dir: PathBuf,
    dicom: &'static str,
    serve: Option<Child>,
}

impl Played {
    /// In a folder, which may not be there yet.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir, dicom: "none", serve: None }
    }

    /// The same, which takes images from devices when it is started.
    pub fn with_dicom(dir: PathBuf) -> Self {
        Self { dir, dicom: "127.0.0.1:0", serve: None }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let program =
            std::env::current_exe().context("the program's own file is not known; start it by its full path")?;
        let mut command = Command::new(program);
        command.arg("--dir").arg(&self.dir).args(["--format", "json"]).args(arguments);
        command.env("LEADGLASS_LOG", "error");
        Ok(command)
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<Output> {
        ending::check()?;
        let mut child =
            self.command(arguments)?.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // an error here means that the command did not read its input; how it ends says why
        let _ = child.stdin.take().context("standard input is piped")?.write_all(format!("{input}\n").as_bytes());
        let (stdout, stderr) = (whole(child.stdout.take()), whole(child.stderr.take()));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if let Err(interrupted) = ending::sleep(LOOK) {
                // an error here means that it ended just now
                let _ = child.kill();
                child.wait()?;
                return Err(interrupted);
            }
        };
        let read = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        Ok(Output { status, stdout: read(stdout), stderr: read(stderr) })
    }

    /// Runs a command that must work.
    pub fn ok(&self, arguments: &[&str], input: &str) -> Result<Value> {
        let output = self.run(arguments, input)?;
        if !output.status.success() {
            bail!("the drill could not be played: `{}` failed; {}", arguments.join(" "), said(&output));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    /// Starts `serve`, and returns its line, or what it said instead.
    pub fn start(&mut self, unseal: &[&str], input: &str) -> Result<Result<Value, String>> {
        ending::check()?;
        let serve = ["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", self.dicom];
        let mut command = self.command(&[&serve, unseal].concat())?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let _ = child.stdin.take().context("standard input is piped")?.write_all(format!("{input}\n").as_bytes());
        let error = child.stderr.take().context("standard error is piped")?;
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            // an error here means that it ended
            let _ = error.take(OUTPUT_BYTES_MAX).read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("standard output is piped")?).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(ready) => {
                self.serve = Some(child);
                Ok(Ok(ready))
            }
            Err(_) => {
                child.wait()?;
                Ok(Err(first_sentence(&errors.join().unwrap_or_default())))
            }
        }
    }

    /// Everything at once, as when the plug is pulled.
    pub fn pull_the_plug(&mut self, ready: &Value) -> Result<()> {
        for role in ["serve", "front", "warden"] {
            let pid = ready["pids"][role].as_i64().and_then(|pid| i32::try_from(pid).ok());
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                // an error here means that it ended by itself
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        if let Some(mut serve) = self.serve.take() {
            serve.wait()?;
        }
        Ok(())
    }

    /// In order.
    pub fn stop(&mut self) {
        if let Some(mut serve) = self.serve.take() {
            if let Some(pid) = i32::try_from(serve.id()).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let _ = serve.wait();
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads to the end, on a thread of its own.
fn whole(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // an error here means that it ended
            let _ = stream.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path of the temporary folder is not Unicode; set TMPDIR to another")
}

/// What a command said on standard error, as one sentence.
pub fn said(output: &Output) -> String {
    first_sentence(&String::from_utf8_lossy(&output.stderr))
}

fn first_sentence(errors: &str) -> String {
    for line in errors.lines() {
        if let Ok(value) = serde_json::from_str::<Value>(line)
            && let Some(error) = value["error"].as_str()
        {
            return error.to_owned();
        }
        if let Some(error) = line.strip_prefix("error: ") {
            return error.to_owned();
        }
    }
    errors.lines().next().unwrap_or("nothing was said").to_owned()
}
