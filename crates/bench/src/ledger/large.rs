//! A warden with very many studies: how long it takes to its first answer, and how much memory it has then.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant as Clock;

use anyhow::{Context, Result, bail, ensure};
use protocol::{Level, ListRequest, Order, PageReply, PageRequest};

use super::LedgerOptions;
use super::exposure::resident_mib;
use super::rows::Rows;
use super::site::{self, Sender, connect};

/// Memory may be so much, in MiB.
const MEMORY_MIB_MAX: u64 = 600;
/// The start may take so long, in seconds.
const START_SECONDS_MAX: f64 = 10.0;

/// Fills a site through the socket, then starts the warden anew and asks.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let scratch = tempfile::tempdir_in(options.scratch())?;
    let dir = options.keep.clone().unwrap_or_else(|| scratch.path().join("site"));
    let program = options.leadglass()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        if !dir.join("filled").exists() {
            std::fs::create_dir_all(&dir)?;
            let made = site::init(&dir)?;
            let mut warden = Process::start(&program, &dir)?;
            let began = Clock::now();
            let client = connect(&dir.join("run/warden.sock")).await?;
            let owner = connect(&dir.join("run/owner.sock")).await?;
            site::reader(&owner).await?;
            Sender::new(&made)?.fill(&client, 0, options.studies).await?;
            rows.note(format!(
                "{} studies were handed over in {:.0} s; the warden had {} MiB then.",
                options.studies,
                began.elapsed().as_secs_f64(),
                resident_mib(&warden.child.id().to_string())
            ));
            warden.end()?;
            std::fs::File::create(dir.join("filled"))?;
        }
        let began = Clock::now();
        let mut warden = Process::start(&program, &dir)?;
        let ready = began.elapsed().as_secs_f64();
        let owner = connect(&dir.join("run/owner.sock")).await?;
        let PageReply::Health(health) = site::owner(&owner, PageRequest::Health).await? else {
            bail!("the warden says how it is")
        };
        let client = connect(&dir.join("run/warden.sock")).await?;
        let request = ListRequest {
            level: Level::Study,
            matches: Vec::new(),
            words: String::new(),
            order: Order::NewestFirst,
            offset: 0,
            limit: 1,
        };
        // a stranger is refused, but only by a warden that has read everything
        let _ = client
            .list(site::soon(), protocol::Credential::Stranger { origin: model::Origin::default() }, request)
            .await?;
        let answered = began.elapsed().as_secs_f64();
        ensure!(health.studies >= u64::from(options.studies), "the studies are there: {}", health.studies);
        let memory = resident_mib(&warden.child.id().to_string());
        let of = format!("{} studies, {} entries", health.studies, health.entries);
        rows.row(
            &format!("start: from the passphrase to the first answer, {of}"),
            &format!("{answered:.1} s (ready after {ready:.1} s)"),
            &format!("{START_SECONDS_MAX} s"),
            Some(answered <= START_SECONDS_MAX),
        );
        rows.row(
            &format!("resident memory of the warden, {of}"),
            &format!("{memory} MiB"),
            &format!("{MEMORY_MIB_MAX} MiB"),
            Some(memory <= MEMORY_MIB_MAX),
        );
        warden.end()
    })
}

/// A running `leadglass warden`.
struct Process {
    child: Child,
}

impl Process {
    fn start(program: &Path, dir: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["warden", "--until-stdin-closes", "--passphrase-file", "-", "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let input = child.stdin.as_mut().context("it has a standard input")?;
        input.write_all(format!("{}\n", site::PASSPHRASE).as_bytes())?;
        let output = child.stdout.take().context("it has a standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line.contains("\"ready\":true"), "the warden did not start");
        Ok(Self { child })
    }

    fn end(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it ended already, or the measurement failed
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
