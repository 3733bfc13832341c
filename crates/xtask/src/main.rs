//! `cargo xtask`: everything that a person or a machine does with this repository.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "chores speak on standard output and write what can be made again"
)]

mod bench;
mod check;
mod demo;
mod run;
mod test;
mod threats;
mod tidy;
mod tools;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo    build everything and run a demonstration installation on localhost
  test    install what the tests need and run all of them
  check   formatting, lints, documentation, tidy, licences: what runs before the tests
  tidy    layout, sizes and the absences of ARCHITECTURE.md
  web     build the pages
  bench   measure against Orthanc and write docs/benchmarks.md; `bench ledger`: the warden alone, docs/benchmarks-ledger.md; `bench download`: memory
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    std::env::set_current_dir(run::repository())?;
    match command {
        "demo" => demo::demo(rest),
        "test" => test::test(rest),
        "check" => check::check(),
        "tidy" => tidy::tidy(),
        "web" => tools::build_pages(),
        "bench" => bench::bench(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command {other}; run `cargo xtask help`"),
    }
}
