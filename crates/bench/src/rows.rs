//! The rows, in the order in which they are measured.

mod context;
mod fill;
mod query;
mod retrieve;
mod store;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::bar::Bar;
use crate::load::Answered;
use crate::machine::{self, Disk, Machine};
use crate::options::Options;
use context::Context;

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// C-STORE into empty archives.
    Store,
    /// STOW-RS.
    Stow,
    /// Series, metadata, frames, instances, whole studies, pictures.
    Retrieve,
    /// QIDO-RS with many studies in the archives.
    Qido,
    /// C-STORE with many studies in the archives.
    Filled,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instances a second.
    Instances,
    /// Requests a second.
    Requests,
    /// 10^6 bytes a second.
    Megabytes,
    /// Milliseconds.
    Milliseconds,
    /// 2^20 bytes.
    Mib,
}

/// One figure of one round.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// In the row's unit.
    pub value: f64,
    /// Half of all answers took at most so long.
    pub p50: Option<Duration>,
    /// 99 of 100 did.
    pub p99: Option<Duration>,
}

impl Sample {
    /// A figure alone.
    pub fn of(value: f64) -> Self {
        Self { value, p50: None, p99: None }
    }

    /// Requests a second, with their times.
    pub fn rate(answered: &Answered) -> Self {
        Self { value: answered.rate(), p50: Some(answered.share(0.5)), p99: Some(answered.share(0.99)) }
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// What the figures count.
    pub unit: Unit,
    /// What must be reached.
    pub bar: Bar,
    /// Our rounds.
    pub our_samples: Vec<Sample>,
    /// The other side's.
    pub their_samples: Vec<Sample>,
    /// The other side's with HTTP in the clear.
    pub their_clear_samples: Vec<Sample>,
}

impl Row {
    /// Our median.
    pub fn ours(&self) -> Option<Sample> {
        median(&self.our_samples)
    }

    /// The other side's.
    pub fn theirs(&self) -> Option<Sample> {
        median(&self.their_samples)
    }

    /// The other side's with HTTP in the clear.
    pub fn theirs_in_the_clear(&self) -> Option<Sample> {
        median(&self.their_clear_samples)
    }
}

/// Everything that came of a run.
pub struct Measured {
    /// The machine.
    pub machine: Machine,
    /// Load of the last minute at the end.
    pub load_after: f64,
    /// Names and versions.
    pub versions: Vec<(&'static str, String)>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Sentences about this run.
    pub notes: Vec<String>,
}

/// Runs what is wanted.
pub async fn measure(options: &Options) -> Result<Measured> {
    let mut machine = Machine::of_now()?;
    let mut context = Context::start(options).await?;
    let measured = parts(options, &mut context).await;
    context.check()?;
    measured?;
    context.measure_disk().await?;
    machine.disk = Disk::median(&context.disk);
    Ok(Measured {
        machine,
        load_after: machine::load(),
        versions: context.versions(),
        rows: context.rows,
        notes: context.notes,
    })
}

async fn parts(options: &Options, context: &mut Context<'_>) -> Result<()> {
    if options.wants(Part::Store) {
        store::c_store_empty(context).await?;
    }
    if options.wants(Part::Stow) {
        store::stow(context).await?;
    }
    if options.wants(Part::Retrieve) {
        retrieve::retrieve(context).await?;
    }
    if options.wants(Part::Qido) || options.wants(Part::Filled) {
        fill::fill(context).await?;
    }
    if options.wants(Part::Qido) {
        query::qido(context).await?;
    }
    if options.wants(Part::Filled) {
        store::c_store_filled(context).await?;
    }
    context.memory()
}

fn median(samples: &[Sample]) -> Option<Sample> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_round_that_was_measured() {
        let of = |values: &[f64]| {
            let samples: Vec<Sample> = values.iter().copied().map(Sample::of).collect();
            median(&samples).map(|sample| sample.value)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(3.0));
        assert_eq!(of(&[9.0, 1.0, 5.0]), Some(5.0));
        // of two, the worse one
        assert_eq!(of(&[9.0, 1.0]), Some(1.0));
    }
}
