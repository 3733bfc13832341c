//! Keys released a second: each is an entry that was synced before the keys left.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use anyhow::{Result, ensure};
use protocol::{Credential, OpenRequest, PageRequest, Scope, WardenClient};

use super::LedgerOptions;
use super::rows::Rows;
use super::site::{self, Process, Sender, study_uid};

/// Studies to open: nobody opens one twice within a lease, which would need no entry.
const STUDIES: u32 = 30_000;
/// How long callers ask before the leases are ended and the disk is looked at again.
const SLICE: Duration = Duration::from_secs(1);
/// Syncs of the disk alone before each slice.
const SYNCS: u64 = 64;
/// At most so many syncs may the slowest of 100 take.
const P99_SYNCS_MAX: f64 = 6.0;
/// So many releases a second at 64 callers.
const RELEASES_MIN: f64 = 4_000.0;
/// What all callers together ask for in a second when they do not ask as fast as they can.
const PACE: f64 = 4_200.0;

/// One way of asking.
struct Way {
    callers: u32,
    /// Releases a second that are asked for; as many as are answered when absent.
    pace: Option<f64>,
}

const WAYS: [Way; 4] = [
    Way { callers: 1, pace: None },
    Way { callers: 16, pace: None },
    Way { callers: 64, pace: None },
    Way { callers: 64, pace: Some(PACE) },
];

/// Measures the built warden through its socket, as a front asks it.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let folder = tempfile::tempdir_in(options.scratch())?;
    site::init(folder.path())?;
    let warden = Process::start(&options.leadglass()?, folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (client, owner) = Process::conversations(folder.path()).await?;
        let reader = site::credential(&site::reader(&owner).await?);
        Sender::new(&client).await?.fill(&client, 0, STUDIES).await?;
        let disk = SyncedFile::create(folder.path())?;
        for way in WAYS {
            let (mut times, mut syncs, mut took) = (Vec::new(), Vec::new(), Duration::ZERO);
            for _ in 0..options.seconds.max(1) {
                disk.sync_often(&mut syncs)?;
                let began = Clock::now();
                times.extend(slice(&client, &reader, &way).await?);
                took += began.elapsed();
                end_leases(&owner).await?;
            }
            disk.sync_often(&mut syncs)?;
            let figures = Figures { times: sorted(times), syncs: sorted(syncs), took };
            show(&way, &figures, rows);
        }
        show_syncs_alone(&sorted(disk.sync_at_pace(options.seconds.max(1))?), rows);
        warden.end()
    })
}

/// What came of one way.
struct Figures {
    /// How long each release took, ascending.
    times: Vec<Duration>,
    /// How long the disk alone took, ascending.
    syncs: Vec<Duration>,
    took: Duration,
}

fn show(way: &Way, figures: &Figures, rows: &mut Rows) {
    let rate = figures.times.len() as f64 / figures.took.as_secs_f64();
    let sync = share(&figures.syncs, 50).as_secs_f64();
    let [p50, p99] = [50, 99].map(|percent| share(&figures.times, percent).as_secs_f64());
    let in_syncs = p99 / sync;
    let measured = format!(
        "{rate:.0}/s, p50 {:.2} ms = {:.1} syncs, p99 {:.2} ms = {in_syncs:.1} syncs",
        p50 * 1e3,
        p50 / sync,
        p99 * 1e3
    );
    let (asked, bar, met) = match (way.callers, way.pace) {
        (_, Some(pace)) => (
            format!("asking for {pace:.0}/s together"),
            format!("{RELEASES_MIN:.0}/s, p99 within {P99_SYNCS_MAX:.0} syncs"),
            Some(rate >= RELEASES_MIN && in_syncs <= P99_SYNCS_MAX),
        ),
        (64, None) => {
            ("as fast as they are answered".to_owned(), format!("{RELEASES_MIN:.0}/s"), Some(rate >= RELEASES_MIN))
        }
        (1, None) => (
            "as fast as it is answered".to_owned(),
            format!("p99 within {P99_SYNCS_MAX:.0} syncs"),
            Some(in_syncs <= P99_SYNCS_MAX),
        ),
        _ => ("as fast as they are answered".to_owned(), "no bar".to_owned(), None),
    };
    let callers = if way.callers == 1 { "1 caller".to_owned() } else { format!("{} callers", way.callers) };
    rows.row(&format!("releases, {callers} {asked}"), &measured, &bar, met);
    rows.note(format!(
        "{callers} {asked}: a sync of 4 KiB into written space took {:.2} ms (median of {} between the seconds of that row; p99 {:.2} ms).",
        sync * 1e3,
        figures.syncs.len(),
        share(&figures.syncs, 99).as_secs_f64() * 1e3
    ));
}

/// What the disk itself does to the slowest when it is asked as often, with nothing else running.
fn show_syncs_alone(syncs: &[Duration], rows: &mut Rows) {
    let [p50, p99, p999] = [500, 990, 999].map(|share| syncs[syncs.len() * share / 1000].as_secs_f64() * 1e3);
    rows.note(format!(
        "Syncs alone, one after the other, {PACE:.0}/s, nothing else running: p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms."
    ));
}

/// Lets every caller open studies of its own for a while; how long each release took.
async fn slice(client: &WardenClient, reader: &Credential, way: &Way) -> Result<Vec<Duration>> {
    let (began, callers) = (Clock::now(), way.callers);
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (client, reader) = (client.clone(), reader.clone());
        let every = way.pace.map(|pace| Duration::from_secs_f64(f64::from(callers) / pace));
        tasks.spawn(async move {
            let mut times = Vec::new();
            // callers that keep to a pace do not all ask at once
            let mut next = began + every.unwrap_or_default() * caller / callers;
            for study in (caller..STUDIES).step_by(callers as usize) {
                if let Some(every) = every {
                    tokio::time::sleep_until(next.into()).await;
                    next += every;
                }
                if began.elapsed() >= SLICE {
                    break;
                }
                let request = OpenRequest { study: study_uid(study), scope: Scope::Images };
                let asked = Clock::now();
                let opened = client.open(site::soon(), reader.clone(), request).await;
                times.push(asked.elapsed());
                if !matches!(opened, Ok(Ok(reply)) if reply.studies.len() == 1) {
                    return None;
                }
            }
            Some(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let Some(done) = done? else { anyhow::bail!("a study did not open") };
        times.extend(done);
    }
    ensure!(!times.is_empty(), "nothing was released");
    Ok(times)
}

/// A relationship that ends ends every lease; another one follows.
async fn end_leases(owner: &WardenClient) -> Result<()> {
    let (who, whom) = ("device:reader".to_owned(), "site".to_owned());
    let until = site::now();
    site::owner(owner, PageRequest::Unrelate { who: who.clone(), whom: whom.clone(), until }).await?;
    let (from, until) = (site::now(), site::now().plus_seconds(86_400));
    let basis = "measurement".to_owned();
    site::owner(owner, PageRequest::Relate { who, whom, tier: model::Tier::Open, from, until, basis }).await?;
    Ok(())
}

/// A file whose space was written before, as that of the ledger's journal is.
struct SyncedFile(File);

impl SyncedFile {
    fn create(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        file.write_all_at(&[0; SYNCS as usize * 4096], 0)?;
        file.sync_all()?;
        Ok(Self(file))
    }

    /// How long it takes to write 4 KiB and to sync them.
    fn sync_often(&self, times: &mut Vec<Duration>) -> Result<()> {
        for n in 0..SYNCS {
            times.push(self.sync(n)?);
        }
        Ok(())
    }

    /// The same as often as releases are asked for, for some seconds.
    fn sync_at_pace(&self, seconds: u64) -> Result<Vec<Duration>> {
        let (began, every) = (Clock::now(), Duration::from_secs_f64(1.0 / PACE));
        let mut times = Vec::new();
        while began.elapsed() < Duration::from_secs(seconds) {
            let next = began + every * times.len() as u32;
            std::thread::sleep(next.saturating_duration_since(Clock::now()));
            times.push(self.sync(times.len() as u64 % SYNCS)?);
        }
        Ok(times)
    }

    fn sync(&self, n: u64) -> Result<Duration> {
        let began = Clock::now();
        self.0.write_all_at(&[n as u8 | 1; 4096], n * 4096)?;
        self.0.sync_data()?;
        Ok(began.elapsed())
    }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

fn share(ascending: &[Duration], percent: usize) -> Duration {
    ascending[(ascending.len() * percent / 100).min(ascending.len() - 1)]
}
