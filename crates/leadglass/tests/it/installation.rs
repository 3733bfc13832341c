//! An installation of the built program in a temporary folder, and what people type.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const PASSPHRASE: &str = "seven quiet lamps in a row";

/// A site with one running `serve`, or none.
pub struct Installation {
    pub folder: TempDir,
    serve: Option<Child>,
    pub ready: Value,
    /// What `init` said.
    pub made: Value,
    /// Whether `serve` gets a process group of its own, as a shell gives it one.
    group: bool,
    /// Variables that programs of this machine see: its TPM, for instance.
    pub environment: Vec<(String, String)>,
}

impl Installation {
    /// Makes a site and starts it.
    pub fn new() -> Self {
        let mut site = Self::stopped();
        site.start();
        site
    }

    /// Makes a site with devices, starts it and stores one image; with the token of a reader of everything.
    pub fn with_image() -> (Self, String) {
        let site = Self::new();
        let token = site.with_devices();
        assert_eq!(store(site.dicom(), vec![phantom::ct_instance(1, 1, 1, 1, 16, 16)]).unwrap(), [0]);
        site.ok(&["settle"]);
        (site, token)
    }

    /// Gives the ledger a second folder; the walls open for it at a start.
    pub fn add_second_folder(&mut self, folder: &str) {
        self.ok(&["ledger", "sink", "add", folder, "--allow-same-filesystem"]);
        self.stop();
        self.start();
    }

    /// Makes a site and starts it in a process group of its own.
    pub fn in_a_group_of_its_own() -> Self {
        let mut site = Self::stopped();
        site.group = true;
        site.start();
        site
    }

    /// A folder without a site.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            serve: None,
            ready: Value::Null,
            made: Value::Null,
            group: false,
            environment: Vec::new(),
        }
    }

    /// Makes a site.
    pub fn stopped() -> Self {
        Self::stopped_with(&[])
    }

    /// Makes a site with more arguments of `init`.
    pub fn stopped_with(more: &[&str]) -> Self {
        let mut site = Self::empty();
        let kit = site.path("kit");
        let arguments = [
            "init",
            "--site",
            "Test site",
            "--passphrase-file",
            "-",
            "--recovery-kit",
            &kit,
            "--password-and-code",
            "--format",
            "json",
        ];
        let output = site.run_with_input(&[&arguments[..], more].concat(), PASSPHRASE);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        site.made = serde_json::from_slice(&output.stdout).unwrap();
        site
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn start(&mut self) {
        self.start_with(&["--passphrase-file", "-"], PASSPHRASE);
    }

    /// Starts `serve` over TLS, with the certificate that it makes for itself.
    pub fn start_tls(&mut self) {
        self.start_serving(&["serve"], &["--passphrase-file", "-"], PASSPHRASE);
    }

    /// Makes a site and starts it with a port for DICOM over TLS as well.
    pub fn with_dicom_tls() -> Self {
        let mut site = Self::stopped();
        site.start_with(&["--passphrase-file", "-", "--dicom-tls", "127.0.0.1:0"], PASSPHRASE);
        site
    }

    /// Starts `serve` and waits for its line.
    pub fn start_with(&mut self, arguments: &[&str], input: &str) {
        self.start_serving(&["serve", "--plain-http"], arguments, input);
    }

    fn start_serving(&mut self, serve: &[&str], arguments: &[&str], input: &str) {
        assert!(self.serve.is_none());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command(serve);
        if self.group {
            command.process_group(0);
        }
        let mut child = command
            .args(["--http", "127.0.0.1:0"])
            .args((!arguments.contains(&"--dicom")).then_some(["--dicom", "127.0.0.1:0"]).into_iter().flatten())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("serve did not start: {}", self.log()));
        self.serve = Some(child);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The process of a role as it is now: `serve` may have started it again.
    pub fn pid(&self, role: &str) -> Option<u32> {
        let serve = self.ready["pids"]["serve"].as_u64().unwrap();
        if role == "serve" {
            return u32::try_from(serve).ok();
        }
        let children = std::fs::read_to_string(format!("/proc/{serve}/task/{serve}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(role.as_bytes())
        })
    }

    /// The codec workers that run now. A thread of `serve` starts them, so they are not among the children of its first one.
    pub fn workers(&self) -> Vec<u32> {
        let serve = self.pid("serve").unwrap();
        let threads = std::fs::read_dir(format!("/proc/{serve}/task")).unwrap();
        let children: Vec<String> = threads
            .filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).ok())
            .collect();
        let pids = children.iter().flat_map(|line| line.split_whitespace()).filter_map(|pid| pid.parse().ok());
        let mut workers: Vec<u32> = pids
            .filter(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                line.split(|byte| *byte == 0).nth(1) == Some(b"codecs")
            })
            .collect();
        workers.sort_unstable();
        workers
    }

    /// kill -9 of everything at once.
    pub fn kill(&mut self) {
        let pids: Vec<u32> = ["serve", "front", "warden"].iter().filter_map(|role| self.pid(role)).collect();
        for pid in pids {
            kill(pid, "KILL");
        }
        let mut child = self.serve.take().unwrap();
        child.wait().unwrap();
        // the roles may have been started again since the ready line; their lifeline is cut with `serve`
        wait_until("the roles ended with their parent", || {
            std::os::unix::net::UnixStream::connect(self.dir().join("run/owner.sock")).is_err()
                && std::os::unix::net::UnixStream::connect(self.dir().join("run/front.sock")).is_err()
        });
    }

    /// SIGTERM; must end within 10 s.
    pub fn stop(&mut self) {
        let mut child = self.serve.take().unwrap();
        kill(child.id(), "TERM");
        let began = std::time::Instant::now();
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(began.elapsed().as_secs() < 10, "SIGTERM took {:?}", began.elapsed());
    }

    /// Sends a signal to every process of the group of `serve`.
    pub fn signal_group(&self, signal: &str) {
        assert!(self.group);
        let group = format!("-{}", self.pid("serve").unwrap());
        assert!(Command::new("kill").args([&format!("-{signal}"), "--", &group]).status().unwrap().success());
    }

    /// Waits until `serve` has ended.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.serve.take().unwrap().wait().unwrap()
    }

    pub fn http(&self) -> SocketAddr {
        let origin = self.ready["http"].as_str().unwrap();
        format!("127.0.0.1:{}", origin.rsplit_once(':').unwrap().1).parse().unwrap()
    }

    pub fn dicom(&self) -> SocketAddr {
        self.ready["dicom"].as_str().unwrap().parse().unwrap()
    }

    pub fn dicom_tls(&self) -> SocketAddr {
        self.ready["dicom_tls"].as_str().unwrap().parse().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadglass"));
        command.arg("--dir").arg(self.dir()).args(arguments).env("LEADGLASS_LOG", "info,tarpc=warn");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // a program that does not read its input may be gone already
        let _ = child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must work; its JSON.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).args(["--format", "json"]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Runs a command that must fail with this exit code; its standard error.
    #[track_caller]
    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        error
    }

    /// The entries of the ledger, as its command shows them.
    pub fn entries(&self) -> Vec<Value> {
        let output = self.run(&["ledger", "entries", "--limit", "1000", "--format", "json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone()).collect()
    }

    /// The entries of one kind.
    pub fn entries_of(&self, kind: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// A certificate and its key as files, named in the order in which DCMTK takes them.
    pub fn certificate(&self, name: &str) -> [String; 2] {
        let made = portal::development_certificate(&["modality.example"]).unwrap();
        let [key, certificate] = ["key", "pem"].map(|end| self.path(&format!("{name}.{end}")));
        std::fs::write(&key, made.key_pem).unwrap();
        std::fs::write(&certificate, made.certificate_pem).unwrap();
        [key, certificate]
    }

    /// A modality on this machine that is bound to a certificate: its key and the certificate.
    pub fn with_bound_device(&self, ae: &str) -> [String; 2] {
        let [key, certificate] = self.certificate(ae);
        let add = ["device", "add", ae, "--organisation", "Machines", "--ae", ae, "--from", "127.0.0.1"];
        self.ok(&[&add[..], &["--bind-certificate", &certificate]].concat());
        [key, certificate]
    }

    /// A modality that may store, and a machine reader with a token that reaches the site.
    pub fn with_devices(&self) -> String {
        self.ok(&["org", "add", "Machines"]);
        self.ok(&[
            "device",
            "add",
            "CT1",
            "--organisation",
            "Machines",
            "--may",
            "store",
            "--ae",
            "CT1",
            "--from",
            "127.0.0.1",
        ]);
        self.with_reader("reader")
    }

    /// A machine reader of this name with a token that reaches the site.
    pub fn with_reader(&self, name: &str) -> String {
        let added =
            self.ok(&["device", "add", name, "--organisation", "Machines", "--may", "store,list,open", "--token"]);
        self.ok(&["relate", &format!("device:{name}"), "site", "--until", "90d", "--basis", "machine reader"]);
        added["token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if let Some(mut child) = self.serve.take() {
            kill(child.id(), "TERM");
            let _ = child.wait();
        }
    }
}

/// Whether a process has given back all that it had, its streams too.
pub fn has_ended(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.map_or(true, |status| status.lines().any(|line| line.starts_with("State:\tZ")))
}

/// Sends a signal to a process that we started.
pub fn kill(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Waits for something that takes a moment; fails after a minute.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}

/// Sends Part 10 files by C-STORE over one association; the status of each.
pub fn store(address: SocketAddr, files: Vec<Vec<u8>>) -> Result<Vec<u16>, dimse::sender::SendError> {
    let objects: Vec<_> = files.into_iter().map(|file| dimse::sender::Outgoing::from_part10(file).unwrap()).collect();
    let kinds: Vec<_> = objects.iter().map(dimse::sender::Outgoing::kind).collect();
    let mut sender = dimse::sender::Sender::connect(address, "CT1", "LEADGLASS", kinds)?;
    let statuses = objects.iter().map(|object| sender.store(object)).collect();
    sender.release()?;
    statuses
}
