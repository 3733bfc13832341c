//! `cargo xtask bench`: leadglass against Orthanc, on one machine, in one run, in turns.
//!
//! Both archives are started by this program with empty folders of their own, fed with the same synthetic images by the
//! same sender, and asked by the same HTTP client over TLS. Each row of the table is measured in turns (ours, theirs,
//! ours, theirs, ...) and its median is shown; what a row must reach stands beside it. Everything is on the loopback
//! interface. The archives end with the program, and their folders go with them.
//!
//! - `options` is the command line, `machine` what the machine itself can do.
//! - `peer` is an archive that runs; `leadglass` and `orthanc` start one.
//! - `images` makes what is sent, `sending` sends it by C-STORE, `load` asks by HTTP.
//! - `rows` holds the rows in the order in which they are measured; `bar` is what they must reach.
//! - `ledger` is `cargo xtask bench ledger`: what the warden alone does, without a peer.
//! - `download` is `cargo xtask bench download`: memory while a large study is taken along.
//! - `leaks` is `cargo xtask bench leaks`: lists of leaked passwords and dumps of stolen logins.
//! - `report` prints the table and writes `docs/benchmarks.md`.

mod bar;
mod download;
mod images;
mod leadglass;
mod leaks;
mod ledger;
mod load;
mod machine;
mod options;
mod orthanc;
mod peer;
mod report;
mod rows;
mod sending;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let outcome = match arguments.nth(1).as_deref() {
        Some("ledger") => ledger::run(&ledger::LedgerOptions::parse_from(std::env::args().skip(1))),
        Some("download") => download::run(&download::DownloadOptions::parse_from(std::env::args().skip(1))),
        Some("leaks") => leaks::run(&leaks::LeakOptions::parse_from(std::env::args().skip(1))),
        _ => run(&Options::parse()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let measured = runtime.block_on(async {
        tokio::select! {
            measured = rows::measure(options) => measured,
            // the archives are children and end when their owner is dropped
            ended = interrupted() => ended.and_then(|()| anyhow::bail!("interrupted; nothing was written")),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    let measured = measured?;
    report::print(&measured);
    if let Some(path) = options.written_to() {
        report::write(&measured, &path)?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}

/// Returns at SIGINT or SIGTERM.
async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
