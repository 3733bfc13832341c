//! `cargo xtask test`: the README's own test command.

use std::path::Path;

use anyhow::{Result, bail};

use crate::run::{cargo, is_there, tee};
use crate::tools;

/// How a test begins the line by which it says that it did not run.
const NOT_RUN: &str = "NOT RUN:";

#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
}

impl Totals {
    /// Everything that tests need is installed by now: one that leaves itself out has failed.
    fn count_left_out(&mut self, output: &str) {
        let left_out = output.lines().filter(|line| line.trim_start().starts_with(NOT_RUN)).count() as u64;
        self.passed = self.passed.saturating_sub(left_out);
        self.failed += left_out;
    }
}

/// Installs what is missing, runs everything, prints the totals last.
pub fn test(arguments: &[String]) -> Result<()> {
    tools::debian(&[])?;
    let python = tools::python()?;
    tools::build_pages()?;
    let mut totals = Totals::default();
    rust(&mut totals, &python.to_string_lossy(), arguments)?;
    if arguments.is_empty() {
        let python = python.to_string_lossy();
        node(&mut totals, "pages", &python, &["run", "test"])?;
        node(&mut totals, "browser", &python, &["run", "browse"])?;
        node(&mut totals, "end-to-end", &python, &["run", "e2e"])?;
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if totals.failed > 0 {
        bail!("{} tests failed; their names stand above", totals.failed);
    }
    Ok(())
}

fn rust(totals: &mut Totals, python: &str, arguments: &[String]) -> Result<()> {
    let cargo = cargo();
    let environment = [("LEADGLASS_TEST_PYTHON", python)];
    let nextest = is_there("cargo-nextest", "--version");
    let mut command = if nextest {
        vec!["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]
    } else {
        vec!["test", "--workspace", "--locked", "--no-fail-fast"]
    };
    command.extend(arguments.iter().map(String::as_str));
    let (succeeded, output) = tee(Path::new("."), &cargo, &command, &environment)?;
    let before = totals.failed;
    for line in output.lines() {
        // nextest: `Summary [ 1.0s] 12 tests run: 12 passed (1 slow), 0 skipped`; libtest: `test result: ok. 12 passed; 0 failed; ...`
        if line.contains("tests run:") || line.contains("test run:") || line.starts_with("test result:") {
            totals.passed += number_before(line, " passed");
            totals.failed += number_before(line, " failed");
        }
    }
    if !succeeded && totals.failed == before {
        totals.failed += 1;
    }
    totals.count_left_out(&output);
    Ok(())
}

fn node(totals: &mut Totals, name: &str, python: &str, command: &[&str]) -> Result<()> {
    let (succeeded, output) = tee(Path::new("web"), "npm", command, &[("LEADGLASS_TEST_PYTHON", python)])?;
    let before = (totals.passed, totals.failed);
    for line in output.lines() {
        // node's test runner: `# pass 12` and `# fail 0`, or `ℹ pass 12`
        let mut words = line.split_whitespace().rev();
        if let (Some(count), Some(word)) = (words.next().and_then(|count| count.parse::<u64>().ok()), words.next()) {
            match word {
                "pass" => totals.passed += count,
                "fail" => totals.failed += count,
                _ => {}
            }
        }
    }
    if (totals.passed, totals.failed) == before {
        bail!("the {name} tests ran no test; see above");
    }
    if !succeeded && totals.failed == before.1 {
        totals.failed += 1;
    }
    totals.count_left_out(&output);
    Ok(())
}

fn number_before(line: &str, word: &str) -> u64 {
    line.split(word)
        .next()
        .filter(|before| before.len() < line.len())
        .and_then(|before| before.rsplit(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
