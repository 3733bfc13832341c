//! Keys released a second: each is an entry that was synced before the keys left.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use anyhow::{Result, ensure};
use protocol::{OpenRequest, Scope};
use warden::{Channel, Settings, Unseal, Warden};

use super::LedgerOptions;
use super::rows::Rows;
use super::site::{self, Sender, connect, study_uid};

/// Studies to open: nobody opens one twice within a lease.
const STUDIES: u32 = 4_000;
/// Callers at a time.
const CALLERS: [u32; 3] = [1, 16, 64];
/// At most so many fsyncs may the slowest of 100 take.
const P99_SYNCS_MAX: f64 = 6.0;
/// So many releases a second at 64 callers.
const RELEASES_MIN: f64 = 4_000.0;

/// Measures through a socket, as fronts do it. A lease would save the entry, so each caller is another device.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let folder = tempfile::tempdir_in(options.scratch())?;
    let made = site::init(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let settings = Settings {
            dir: folder.path().to_owned(),
            unseal: Unseal::Passphrase(site::PASSPHRASE.to_owned()),
            origin: "http://localhost:8443".to_owned(),
            clock: site::now,
        };
        let warden = Arc::new(Warden::start(settings)?);
        let workers = tokio::runtime::Handle::current();
        let (front, own) = (folder.path().join("front.sock"), folder.path().join("owner.sock"));
        for (socket, channel) in [(&front, Channel::Front), (&own, Channel::Owner)] {
            tokio::spawn(warden::serve(Arc::clone(&warden), protocol::bind(socket)?, channel, workers.clone()));
        }
        let (client, owner) = (connect(&front).await?, connect(&own).await?);
        let reader = site::reader(&owner).await?;
        Sender::new(&made)?.fill(&client, 0, STUDIES).await?;
        for callers in CALLERS {
            let sync = sync_time(folder.path())?;
            // leases last five minutes; ending one ends all, so every round begins without any
            let figures = round(&client, &owner, &reader, callers, Duration::from_secs(options.seconds)).await?;
            let syncs = figures.p99.as_secs_f64() / sync.as_secs_f64();
            let measured = format!(
                "{:.0}/s (p50 {:.2} ms = {:.1} fsyncs, p99 {:.2} ms = {syncs:.1} fsyncs)",
                figures.rate,
                figures.p50.as_secs_f64() * 1e3,
                figures.p50.as_secs_f64() / sync.as_secs_f64(),
                figures.p99.as_secs_f64() * 1e3,
            );
            let (bar, met) = if callers == 64 {
                (
                    format!("{RELEASES_MIN}/s, p99 within {P99_SYNCS_MAX} fsyncs"),
                    Some(figures.rate >= RELEASES_MIN && syncs <= P99_SYNCS_MAX),
                )
            } else {
                (format!("p99 within {P99_SYNCS_MAX} fsyncs"), Some(syncs <= P99_SYNCS_MAX))
            };
            rows.row(&format!("releases with fsync, {callers} callers"), &measured, &bar, met);
            rows.note(format!(
                "At {callers} callers one fsync of a record took {:.2} ms (median, right before).",
                sync.as_secs_f64() * 1e3
            ));
        }
        Ok(())
    })
}

struct Figures {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

async fn round(
    client: &protocol::WardenClient,
    owner: &protocol::WardenClient,
    reader: &protocol::Credential,
    callers: u32,
    time: Duration,
) -> Result<Figures> {
    let end = Clock::now() + time;
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (client, reader) = (client.clone(), reader.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            let mut study = caller;
            while Clock::now() < end && study < STUDIES {
                let request = OpenRequest { study: study_uid(study), scope: Scope::Images };
                let began = Clock::now();
                let opened = client.open(site::soon(), reader.clone(), request).await;
                times.push(began.elapsed());
                if !matches!(opened, Ok(Ok(reply)) if reply.studies.len() == 1) {
                    return None;
                }
                study += callers;
            }
            Some(times)
        });
    }
    let began = Clock::now();
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let Some(done) = done? else { anyhow::bail!("a study did not open") };
        times.extend(done);
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable();
    ensure!(!times.is_empty(), "nothing was released");
    // a relationship that ends ends every lease
    let (who, whom) = ("device:reader".to_owned(), "site".to_owned());
    let until = site::now();
    let _ = site::owner(owner, protocol::PageRequest::Unrelate { who: who.clone(), whom: whom.clone(), until }).await?;
    let (from, until) = (site::now(), site::now().plus_seconds(86_400));
    let request = protocol::PageRequest::Relate {
        who,
        whom,
        tier: model::Tier::Open,
        from,
        until,
        basis: "measurement".to_owned(),
    };
    site::owner(owner, request).await?;
    let share = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    Ok(Figures { rate, p50: share(50), p99: share(99) })
}

/// The median time of one sync of a record of this size into space that was written before, which is what the ledger does.
fn sync_time(folder: &Path) -> Result<Duration> {
    let path = folder.join("syncs");
    let file = File::options().write(true).create(true).truncate(true).open(&path)?;
    file.write_all_at(&vec![0; 1024 * 4096], 0)?;
    file.sync_all()?;
    let mut times = Vec::new();
    for n in 0..512u64 {
        let began = Clock::now();
        file.write_all_at(&[n as u8 | 1; 4096], n * 4096)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    std::fs::remove_file(path)?;
    Ok(times[times.len() / 2])
}
