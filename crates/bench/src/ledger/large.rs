//! An installation with very many studies: how long it takes to its first answer, and how much memory its warden has then.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant as Clock};

use anyhow::{Context, Result, bail, ensure};
use model::{Instant, Window};
use protocol::{PageReply, PageRequest};
use serde_json::Value;

use super::LedgerOptions;
use super::rows::Rows;
use super::site::{self, Process, Sender, memory_mib};
use crate::leadglass::Leadglass;
use crate::load::{Ask, JSON, Server, Until};
use crate::peer::Running;

/// Memory may be so much, in MB.
const MEMORY_MB_MAX: f64 = 600.0;
/// The start may take so long, in seconds.
const START_SECONDS_MAX: f64 = 10.0;
/// A report of somebody who reaches every patient may take so long, in seconds.
const REPORT_SECONDS_MAX: f64 = 5.0;
/// Starts, of which the median is shown.
const STARTS: usize = 3;
/// Queries that are answered before the memory is looked at again.
const QUERIES: usize = 2_000;
/// What waits longer has failed.
const START_TIME: Duration = Duration::from_secs(300);

/// Fills a site through the warden's socket, then starts the built program on it and asks.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let scratch = tempfile::tempdir_in(options.scratch())?;
    let folder = options.keep.clone().unwrap_or_else(|| scratch.path().to_owned());
    let site = Site::new(options.leadglass()?, &folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        if !site.token.exists() {
            site.fill(options.studies, rows).await?;
        }
        let token = std::fs::read_to_string(&site.token)?;
        let mut starts = Vec::new();
        let mut running = None;
        for _ in 0..STARTS {
            drop(running.take());
            let started = site.start(&token, options.studies).await?;
            starts.push((started.answered, started.ready));
            running = Some(started);
        }
        let running = running.context("it was started")?;
        let (_, owner) = Process::conversations(&site.leadglass.dir).await?;
        let PageReply::Health(health) = site::owner(&owner, PageRequest::Health).await? else {
            bail!("the warden says how it is")
        };
        ensure!(health.studies >= u64::from(options.studies), "the studies are there: {}", health.studies);
        let of = format!("{} studies, {} entries", health.studies, health.entries);
        starts.sort_by(|one, two| one.0.total_cmp(&two.0));
        let (answered, ready) = starts[starts.len() / 2];
        let slowest = starts.last().map_or(answered, |(slowest, _)| *slowest);
        rows.row(
            &format!("start: `leadglass serve` from the passphrase to the first answered query, {of}"),
            &format!("{answered:.1} s (says that it is ready after {ready:.1} s; slowest of {STARTS}: {slowest:.1} s)"),
            &format!("{START_SECONDS_MAX:.0} s"),
            Some(slowest <= START_SECONDS_MAX),
        );
        let at_first = memory_mib(running.warden, "VmRSS")?;
        let most = memory_mib(running.warden, "VmHWM")?;
        let studies = options.studies as usize;
        let queries = move |number: usize| match number % 2 {
            0 => Ask::get(format!("/studies?PatientID=P{:08}", number * 7919 % studies), JSON),
            _ => Ask::get(format!("/studies?PatientName=Adler-{}*&limit=20", number * 31 % (studies / 100 + 1)), JSON),
        };
        running.web.load(4, Until::Count(QUERIES), queries).await?;
        let after = memory_mib(running.warden, "VmRSS")?;
        rows.row(
            &format!("resident memory of the warden, {of}, after {QUERIES} queries"),
            &format!("{after} MiB = {:.0} MB", megabytes(after)),
            &format!("{MEMORY_MB_MAX:.0} MB"),
            Some(megabytes(after) <= MEMORY_MB_MAX),
        );
        rows.note(format!("The warden had {at_first} MiB after its first answer, and {most} MiB at most until then."));
        let window = Window { from: Instant(0), to: site::now() };
        let began = Clock::now();
        let about = PageRequest::Exposure { who: "device:reader".to_owned(), window };
        let PageReply::Exposure(report) = site::owner(&owner, about).await? else { bail!("a report is a report") };
        let took = began.elapsed().as_secs_f64();
        ensure!(report.reachable.studies == health.studies, "all of it is in reach: {}", report.reachable.studies);
        rows.row(
            &format!("the officer's page of exposure for a reader of the whole site, {of}"),
            &format!("{took:.2} s"),
            &format!("{REPORT_SECONDS_MAX:.0} s"),
            Some(took <= REPORT_SECONDS_MAX),
        );
        let after = memory_mib(running.warden, "VmRSS")?;
        rows.note(format!(
            "The warden had {after} MiB = {:.0} MB after that page; no bar holds there.",
            megabytes(after)
        ));
        Ok(())
    })
}

fn megabytes(mebibytes: u64) -> f64 {
    mebibytes as f64 * 1024.0 * 1024.0 / 1e6
}

/// An installation and what is known of it.
struct Site {
    leadglass: Leadglass,
    passphrase: PathBuf,
    kit: PathBuf,
    /// The token of a reader; it is there once the site is filled.
    token: PathBuf,
}

/// An installation that answers.
struct Started {
    /// Seconds until it said that it is ready.
    ready: f64,
    /// Seconds until a query was answered.
    answered: f64,
    web: Server,
    warden: u32,
    _child: Running,
}

impl Site {
    fn new(program: PathBuf, folder: &Path) -> Self {
        let leadglass = Leadglass { program, dir: folder.join("data") };
        let [passphrase, kit, token] = ["passphrase", "kit", "token"].map(|name| folder.join(name));
        Self { leadglass, passphrase, kit, token }
    }

    async fn fill(&self, studies: u32, rows: &mut Rows) -> Result<()> {
        if let Some(folder) = self.token.parent() {
            std::fs::create_dir_all(folder)?;
        }
        crate::orthanc::create(&self.passphrase, format!("{}\n", site::PASSPHRASE).as_bytes())?;
        self.leadglass.init(&self.passphrase, &self.kit)?;
        let warden = Process::start(&self.leadglass.program, &self.leadglass.dir)?;
        let began = Clock::now();
        let (client, owner) = Process::conversations(&self.leadglass.dir).await?;
        let token = site::reader(&owner).await?;
        Sender::new(&client).await?.fill(&client, 0, studies).await?;
        rows.note(format!(
            "{studies} studies were handed over in {:.0} s; the warden that took them had {} MiB then.",
            began.elapsed().as_secs_f64(),
            memory_mib(warden.pid(), "VmRSS")?
        ));
        warden.end()?;
        crate::orthanc::create(&self.token, token.as_bytes())?;
        Ok(())
    }

    /// Starts it and asks for the last study.
    async fn start(&self, token: &str, studies: u32) -> Result<Started> {
        let mut serve = self.leadglass.command();
        serve.args(["serve", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0", "--passphrase-file"]);
        serve.arg(&self.passphrase).stdout(Stdio::piped());
        let began = Clock::now();
        let mut child = Running::start(&mut serve)?;
        let line = child.first_line(START_TIME).context("leadglass did not start")?;
        let ready = began.elapsed().as_secs_f64();
        let line: Value = serde_json::from_str(&line).context("leadglass printed no ready line")?;
        let port = line["http"].as_str().and_then(|origin| origin.rsplit(':').next()?.parse().ok());
        let port = port.context("leadglass names its address")?;
        let certificate = std::fs::read(self.leadglass.dir.join("tls/cert.pem"))?;
        let web = Server::new(([127, 0, 0, 1], port).into(), "/dicom-web", &certificate, Some(token))?;
        let last = format!("P{:08}", studies - 1);
        let body = web.once(&Ask::get(format!("/studies?PatientID={last}"), JSON)).await?;
        let answered = began.elapsed().as_secs_f64();
        let found: Value = serde_json::from_slice(&body).context("the answer is JSON")?;
        ensure!(found.as_array().is_some_and(|studies| studies.len() == 1), "the last study is listed: {found}");
        let warden = line["pids"]["warden"].as_u64().context("leadglass names its processes")? as u32;
        Ok(Started { ready, answered, web, warden, _child: child })
    }
}
