//! What must hold before the tests run.

use anyhow::Result;

use crate::run::{cargo, is_there, run};
use crate::{tidy, tools};

/// Formatting, lints, documentation, tidy and licences.
pub fn check() -> Result<()> {
    let cargo = cargo();
    tools::build_pages()?;
    run(&cargo, &["fmt", "--all", "--check"])?;
    tidy::tidy()?;
    run(&cargo, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    // documentation lints: broken links and the like
    let mut document = std::process::Command::new(&cargo);
    document.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet"]);
    document.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    anyhow::ensure!(document.status()?.success(), "the documentation has warnings; see above");
    if is_there("cargo-deny", "--version") {
        run(&cargo, &["deny", "--offline", "check", "bans", "licenses", "sources"])?;
    } else {
        tidy::licences()?;
    }
    Ok(())
}
