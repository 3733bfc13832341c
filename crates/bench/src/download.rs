//! `cargo xtask bench download`: a large study is taken along, and how much memory the program takes for it.
//!
//! The study is sent first; then the program is started again, so that the peak of taking it in hides nothing. Somebody signs in and
//! takes another, tiny study along, so that what is made once is made. Then come the peaks of before and after the large one
//! (`VmHWM` of the front and of the warden, which the kernel keeps), and the sum over all processes, looked at every few milliseconds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use dpop::{Claims, Signer};
use serde_json::{Value, json};

use crate::images::{Images, Study};
use crate::leadglass::{self, Leadglass};
use crate::ledger::rows::Rows;
use crate::peer::{self, CALLING_AE, Running, descendants, status_kib};
use crate::sending::Destination;

/// What one process, and all of them together, may take more at their peak, in MiB: far below any study that is large.
const GROWTH_MIB_MAX: f64 = 64.0;
const START_TIME: Duration = Duration::from_secs(120);
/// How often memory is looked at.
const LOOKS: Duration = Duration::from_millis(5);
const EMAIL: &str = "reader@measured.example";
const PASSWORD: &str = "kastanie vortrag 41 regal";
/// The large study, and the tiny one.
const LARGE: Study = Study(0);
const TINY: Study = Study(1);

/// Measures the memory of a download.
#[derive(Debug, Parser)]
#[command(name = "download", after_help = "Example: cargo xtask bench download --instances 4096")]
pub struct DownloadOptions {
    /// Instances of the study, half a MiB each.
    #[arg(long, default_value_t = 2_560, value_name = "N")]
    pub instances: u32,
    /// The leadglass binary; the one beside this program when absent.
    #[arg(long, value_name = "FILE")]
    pub leadglass: Option<PathBuf>,
    /// Where the archive's folder is made; the system's temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Measures, prints, and fails when the bar is missed.
pub fn run(options: &DownloadOptions) -> Result<()> {
    let program = leadglass::program(options.leadglass.as_ref())?;
    let folder = peer::folder("download", options.scratch.as_deref())?;
    let leadglass = Leadglass { program, dir: folder.path().join("data") };
    let passphrase = folder.path().join("passphrase");
    std::fs::File::create_new(&passphrase)?.write_all(b"measured for an hour, then gone\n")?;
    leadglass.init(&passphrase, &folder.path().join("kit"))?;
    let passphrase = passphrase.to_string_lossy().into_owned();
    fill(&leadglass, &passphrase, options.instances)?;

    let mut rows = Rows::begin()?;
    let serving = Serving::start(&leadglass, &passphrase)?;
    let mut reader = Reader::new(&leadglass, serving.http)?;
    reader.take_along(TINY)?;
    let processes = [("front", serving.front), ("warden", serving.warden)];
    let peaks = |(_, pid): &(&str, u32)| status_kib(*pid, "VmHWM:").context("a process has ended; see its messages");
    let before: Vec<u64> = processes.iter().map(peaks).collect::<Result<_>>()?;
    let all_before = sum_kib(serving.serve);
    let (taken, all_peak) = watched(serving.serve, || reader.take_along(LARGE))?;
    let after: Vec<u64> = processes.iter().map(peaks).collect::<Result<_>>()?;

    let (megabytes, seconds) = (taken.bytes as f64 / 1e6, taken.took.as_secs_f64());
    ensure!(taken.bytes > u64::from(options.instances) * 500_000, "the whole study came: {} bytes", taken.bytes);
    let of = format!("a download of {megabytes:.0} MB in {} instances", options.instances);
    rows.row(&format!("{of}, one reader"), &format!("{:.0} MB/s", megabytes / seconds), "-", None);
    let bar = format!("< {GROWTH_MIB_MAX:.0} MiB");
    let mut held = true;
    let grown = processes.iter().zip(before).zip(after).map(|(((name, _), before), after)| (*name, before, after));
    for (name, before, after) in grown.chain([("all processes, resident", all_before, all_peak)]) {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let growth = mib(after.saturating_sub(before));
        held &= growth < GROWTH_MIB_MAX;
        let measured = format!("{growth:.1} MiB (from {:.1} to {:.1})", mib(before), mib(after));
        rows.row(&format!("{name}: growth at the peak"), &measured, &bar, Some(growth < GROWTH_MIB_MAX));
    }
    rows.end();
    ensure!(held, "a bar was missed; see the lines above");
    Ok(())
}

/// Sends both studies and waits until they are recorded.
fn fill(leadglass: &Leadglass, passphrase: &str, instances: u32) -> Result<()> {
    let serving = Serving::start(leadglass, passphrase)?;
    leadglass.ask(&["org", "add", "Readers", "--password-and-code"])?;
    let device = ["device", "add", "bench", "--organisation", "Readers", "--may", "store", "--ae", CALLING_AE];
    leadglass.ask(&device)?;
    let images = Images::make();
    let destination = Destination::new(serving.dicom, "LEADGLASS");
    destination.send(1, 1, |_, number| images.slice(TINY, number + 1))?;
    destination.send(1, instances, |_, number| images.slice(LARGE, number + 1))?;
    leadglass.ask(&["settle"]).map(drop)
}

/// The program while it serves.
struct Serving {
    http: SocketAddr,
    dicom: SocketAddr,
    serve: u32,
    front: u32,
    warden: u32,
    _child: Running,
}

impl Serving {
    fn start(leadglass: &Leadglass, passphrase: &str) -> Result<Self> {
        let mut serve = leadglass.command();
        serve.args(["serve", "--plain-http", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"]);
        serve.args(["--passphrase-file", passphrase]);
        let mut child = Running::start(serve.stdout(Stdio::piped()))?;
        let line = child.first_line(START_TIME).context("leadglass did not start")?;
        let ready: Value =
            serde_json::from_str(&line).context("leadglass printed something else than its ready line")?;
        let pid = |role: &str| ready["pids"][role].as_u64().map(|pid| pid as u32).context("it names its processes");
        let port = ready["http"].as_str().and_then(|origin| origin.rsplit(':').next()?.parse().ok());
        Ok(Self {
            http: ([127, 0, 0, 1], port.context("the address has a port")?).into(),
            dicom: ready["dicom"].as_str().and_then(|dicom| dicom.parse().ok()).context("a DICOM address")?,
            serve: pid("serve")?,
            front: pid("front")?,
            warden: pid("warden")?,
            _child: child,
        })
    }
}

/// Resident memory of `serve` and all that descend from it, in KiB.
fn sum_kib(serve: u32) -> u64 {
    descendants(serve).into_iter().chain([serve]).filter_map(|pid| status_kib(pid, "VmRSS:")).sum()
}

/// Does something, and says the highest sum of memory that was seen meanwhile.
fn watched<T>(serve: u32, act: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(sum_kib(serve));
                std::thread::sleep(LOOKS);
            }
            peak
        });
        let done = act();
        over.store(true, Ordering::Relaxed);
        let peak = looking.join().map_err(|_| anyhow::anyhow!("the look at memory panicked"))?;
        Ok((done?, peak))
    })
}

/// What came of a download.
struct Taken {
    bytes: u64,
    took: Duration,
}

/// Somebody who is signed in, in a browser.
struct Reader {
    front: SocketAddr,
    signer: Signer,
    nonce: String,
    cookie: String,
    session: String,
}

/// The head of an answer, and its body as it comes.
struct Answer {
    status: u16,
    head: String,
    body: TcpStream,
    begun: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn json(mut self) -> Result<Value> {
        self.body.read_to_end(&mut self.begun)?;
        let said = String::from_utf8_lossy(&self.begun);
        ensure!(self.status < 300, "leadglass answered {}: {said}", self.status);
        Ok(if said.is_empty() { Value::Null } else { serde_json::from_str(&said)? })
    }
}

impl Reader {
    fn new(leadglass: &Leadglass, front: SocketAddr) -> Result<Self> {
        let person = ["person", "add", EMAIL, "--name", "Reader", "--role", "radiologist", "--organisation", "Readers"];
        let added = leadglass.ask(&person)?;
        let link = added["enrolment"].as_str().and_then(|link| link.split_once('#')).context("a link to enrol by")?.1;
        leadglass.ask(&["relate", &format!("person:{EMAIL}"), "site", "--until", "1d", "--basis", "a measurement"])?;
        let nothing = String::new;
        let signer = Signer::generate();
        let mut reader = Self { front, signer, nonce: nothing(), cookie: nothing(), session: nothing() };
        reader.send("GET", "/api/health", &Value::Null)?;
        let begin = json!({ "token": link, "password": PASSWORD });
        let begun = reader.send("POST", "/api/enrolment/password/begin", &begin)?.json()?;
        let code = identity::code_at(begun["secret"].as_str().unwrap_or_default(), crate::ledger::site::now());
        let finish = json!({ "token": link, "ceremony": begun["ceremony"], "code": code.context("a code")? });
        let finished = reader.send("POST", "/api/enrolment/password/finish", &finish)?.json()?;
        let code = finished["recovery_codes"][0].as_str().context("recovery codes")?;
        let sign_in = json!({ "email": EMAIL, "password": PASSWORD, "code": code });
        let answer = reader.send("POST", "/api/sign-in/password", &sign_in)?;
        let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()?.split_once('='));
        reader.cookie = cookie.context("nobody was signed in")?.1.to_owned();
        reader.session = answer.json()?["session"].as_str().context("a session")?.to_owned();
        Ok(reader)
    }

    /// Takes a study along, and throws away what comes.
    fn take_along(&mut self, study: Study) -> Result<Taken> {
        let began = Instant::now();
        let mut answer = self.send("POST", &format!("/api/studies/{}/download", study.uid()), &json!({}))?;
        if answer.status != 200 {
            answer.json()?;
            bail!("the study was not given");
        }
        let (mut bytes, mut block) = (answer.begun.len() as u64, vec![0; 1 << 16]);
        loop {
            match answer.body.read(&mut block)? {
                0 => return Ok(Taken { bytes, took: began.elapsed() }),
                read => bytes += read as u64,
            }
        }
    }

    /// One request over HTTP/1.0, so that the body comes as it is.
    fn send(&mut self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let origin = format!("http://localhost:{}", self.front.port());
        let address = format!("{origin}{path}");
        let session = Some(self.session.as_str()).filter(|session| !session.is_empty());
        let (nonce, signed) = (self.nonce.as_str(), body.as_bytes());
        let claims = Claims { method, address: &address, nonce, query: "", body: signed, session, token: None };
        let jwt = self.signer.sign(&claims);
        let mut stream = TcpStream::connect(self.front)?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nOrigin: {origin}\r\nX-Leadglass: 1\r\nDPoP: {jwt}\r\nCookie: __Host-leadglass={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.front.port(),
            self.cookie,
            body.len()
        )?;
        let (mut head, mut block) = (Vec::new(), vec![0; 1 << 16]);
        let end = loop {
            let read = stream.read(&mut block)?;
            ensure!(read > 0, "the answer ended in its head");
            head.extend_from_slice(&block[..read]);
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
        };
        let begun = head.split_off(end + 4);
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an HTTP status")?;
        let answer = Answer { status, head, body: stream, begun };
        if let Some(nonce) = answer.header("dpop-nonce") {
            nonce.clone_into(&mut self.nonce);
        }
        Ok(answer)
    }
}
