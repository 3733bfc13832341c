//! `cargo xtask demo`.

use anyhow::Result;

use crate::run::{cargo, run};
use crate::tools;

/// Builds everything, then hands over to `leadglass demo`, which takes Ctrl-C itself.
pub fn demo(arguments: &[String]) -> Result<()> {
    tools::build_pages()?;
    run(&cargo(), &["build", "--package", "leadglass", "--locked"])?;
    let mut demo = std::process::Command::new("target/debug/leadglass");
    demo.args(["demo", "--data", "demo"]).args(arguments);
    let status = demo.status()?;
    anyhow::ensure!(status.success(), "the demonstration ended with {status}");
    Ok(())
}
