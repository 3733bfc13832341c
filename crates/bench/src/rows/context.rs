//! Both archives, what was measured so far, and how a row is measured in turns.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Row, Sample, Unit};
use crate::bar::Bar;
use crate::images::{Images, Study};
use crate::load::{Ask, JSON};
use crate::machine::Disk;
use crate::options::Options;
use crate::peer::{Peer, Target};
use crate::{leadglass, orthanc};

/// What was acknowledged must be listed after so long.
const LISTED_TIME: Duration = Duration::from_secs(180);

/// A run under way.
pub struct Context<'a> {
    /// The command line.
    pub options: &'a Options,
    /// What is sent.
    pub images: Images,
    /// leadglass.
    pub ours: Peer,
    /// Orthanc, if it takes part.
    pub theirs: Option<Peer>,
    /// What was measured.
    pub rows: Vec<Row>,
    /// Sentences about this run.
    pub notes: Vec<String>,
    /// The disk, at several moments of the run.
    pub disk: Vec<Disk>,
    scratch: tempfile::TempDir,
    studies: u32,
}

impl<'a> Context<'a> {
    /// Starts both archives.
    pub async fn start(options: &'a Options) -> Result<Self> {
        let theirs = if options.alone { None } else { Some(orthanc::start(options).await?) };
        Ok(Self {
            options,
            images: Images::make(),
            ours: leadglass::start(options)?,
            theirs,
            rows: Vec::new(),
            notes: Vec::new(),
            disk: Vec::new(),
            scratch: crate::peer::folder("disk", options.scratch.as_deref())?,
            studies: 0,
        })
    }

    /// Names and versions.
    pub fn versions(&self) -> Vec<(&'static str, String)> {
        self.peers().map(|peer| (peer.name, peer.version.clone())).collect()
    }

    /// Fails when one of them has ended.
    pub fn check(&mut self) -> Result<()> {
        self.ours.check()?;
        self.theirs.as_mut().map_or(Ok(()), Peer::check)
    }

    /// Both.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        std::iter::once(&self.ours).chain(&self.theirs)
    }

    /// The number of a study that nobody has yet, the first of `count`.
    pub fn new_studies(&mut self, count: u32) -> u32 {
        self.studies += count;
        self.studies - count
    }

    /// Measures the disk as it is now.
    pub async fn measure_disk(&mut self) -> Result<()> {
        let folder = self.scratch.path().to_owned();
        self.disk.push(tokio::task::spawn_blocking(move || Disk::measure(&folder)).await??);
        Ok(())
    }

    /// Measures a row of HTTP: ours, theirs, theirs in the clear, ours, ...
    pub async fn row<M>(&mut self, name: &str, unit: Unit, bar: Bar, rounds: usize, measure: M) -> Result<()>
    where
        M: AsyncFn(&Target, usize) -> Result<Sample>,
    {
        let clear = self.theirs.as_ref().and_then(Peer::target_in_the_clear);
        self.row_of(name, unit, bar, rounds, (clear, false), measure).await
    }

    /// Measures a row of C-STORE, and the disk in the same turns.
    pub async fn row_with_disk<M>(&mut self, name: &str, unit: Unit, bar: Bar, rounds: usize, measure: M) -> Result<()>
    where
        M: AsyncFn(&Target, usize) -> Result<Sample>,
    {
        self.row_of(name, unit, bar, rounds, (None, true), measure).await
    }

    /// Measures a row of HTTP that an archive answers only once: not in the clear.
    pub async fn row_once<M>(&mut self, name: &str, unit: Unit, bar: Bar, rounds: usize, measure: M) -> Result<()>
    where
        M: AsyncFn(&Target, usize) -> Result<Sample>,
    {
        self.row_of(name, unit, bar, rounds, (None, false), measure).await
    }

    async fn row_of<M>(
        &mut self,
        name: &str,
        unit: Unit,
        bar: Bar,
        rounds: usize,
        (clear, with_disk): (Option<Target>, bool),
        measure: M,
    ) -> Result<()>
    where
        M: AsyncFn(&Target, usize) -> Result<Sample>,
    {
        let targets = [Some(self.ours.target()), self.theirs.as_ref().map(Peer::target), clear];
        let mut samples = [const { Vec::new() }; 3];
        for round in 0..rounds {
            // who begins changes: what one leaves behind, the next one finds
            for turn in 0..targets.len() {
                let at = (turn + round) % targets.len();
                if let Some(target) = &targets[at] {
                    samples[at].push(measure(target, round).await.with_context(|| format!("{}: {name}", target.name))?);
                }
            }
            if with_disk {
                self.measure_disk().await?;
            }
        }
        let [our_samples, their_samples, their_clear_samples] = samples;
        self.take(Row { name: name.to_owned(), unit, bar, our_samples, their_samples, their_clear_samples });
        Ok(())
    }

    /// Keeps a row and shows that it is done.
    pub fn take(&mut self, row: Row) {
        let all = |samples: &[Sample]| {
            samples.iter().map(|sample| format!("{:.1}", sample.value)).collect::<Vec<_>>().join(" ")
        };
        let (ours, theirs, clear) = (all(&row.our_samples), all(&row.their_samples), all(&row.their_clear_samples));
        eprintln!("{}: ours {ours}; theirs {theirs}; in the clear {clear}", row.name);
        self.rows.push(row);
    }

    /// Memory after everything that was done.
    pub fn memory(&mut self) -> Result<()> {
        let ours = self.ours.resident_mib()?;
        let theirs = self.theirs.as_ref().map(Peer::resident_mib).transpose()?;
        self.take(Row {
            name: "resident memory after that".to_owned(),
            unit: Unit::Mib,
            bar: Bar::Smaller(0.5),
            our_samples: vec![Sample::of(ours)],
            their_samples: theirs.map(Sample::of).into_iter().collect(),
            their_clear_samples: Vec::new(),
        });
        Ok(())
    }
}

/// Sends studies of `each` slices by C-STORE, one on each association, and waits until they are listed, so that what an
/// archive does behind its answers is done before the other one is measured. Instances a second.
pub async fn send_studies(target: &Target, images: &Images, first: u32, associations: u32, each: u32) -> Result<f64> {
    let (destination, images) = (target.destination.clone(), images.clone());
    let rate = tokio::task::spawn_blocking(move || {
        destination.send(associations, each, |association, number| images.slice(Study(first + association), number + 1))
    })
    .await??;
    for association in 0..associations {
        listed(target, Study(first + association), each).await?;
    }
    Ok(rate)
}

/// Waits until a study is listed with so many instances. How long that took.
pub async fn listed(target: &Target, study: Study, instances: u32) -> Result<Duration> {
    let path = format!("/studies?StudyInstanceUID={}&includefield=00201208", study.uid());
    let began = Instant::now();
    while began.elapsed() < LISTED_TIME {
        let body = target.web.once(&Ask::get(path.clone(), JSON)).await?;
        let rows: serde_json::Value = serde_json::from_slice(if body.is_empty() { b"[]" } else { &body })?;
        let there = &rows[0]["00201208"]["Value"][0];
        let there = there.as_u64().or_else(|| there.as_str()?.parse().ok());
        if there == Some(u64::from(instances)) {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("{} acknowledged a study and did not list it within {} s", target.name, LISTED_TIME.as_secs())
}
