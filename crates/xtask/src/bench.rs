//! `cargo xtask bench`: builds with release settings and hands over to the bench program.

use anyhow::Result;

use crate::run::{cargo, run};
use crate::tools;

/// Builds what is measured and what measures it, and runs it.
pub fn bench(arguments: &[String]) -> Result<()> {
    tools::build_pages()?;
    run(&cargo(), &["build", "--release", "--locked", "--package", "leadglass", "--package", "bench"])?;
    let mut command = std::process::Command::new("target/release/bench");
    command.args(arguments);
    let status = command.status()?;
    anyhow::ensure!(status.success(), "the measurement ended with {status}");
    Ok(())
}
