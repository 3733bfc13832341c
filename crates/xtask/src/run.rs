//! Running other programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask lies two levels deep").to_owned()
}

/// The cargo that runs us.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs a program to its end and fails when it does.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<()> {
    run_in(Path::new("."), program, arguments)
}

/// The same in another folder.
pub fn run_in<S: AsRef<OsStr>>(folder: &Path, program: &str, arguments: &[S]) -> Result<()> {
    let shown: Vec<String> = arguments.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect();
    eprintln!("+ {program} {}", shown.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{program} could not be started; is it installed?"))?;
    if !status.success() {
        bail!("{program} {} ended with {status}", shown.join(" "));
    }
    Ok(())
}

/// Whether a program answers `--version`.
pub fn is_there(program: &str, version: &str) -> bool {
    Command::new(program)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program, shows what it prints, and returns its standard output and error with whether it succeeded.
pub fn tee(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(bool, String)> {
    use std::io::{BufRead, BufReader};
    eprintln!("+ {program} {}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} could not be started; is it installed?"))?;
    let error = child.stderr.take().expect("stderr is piped");
    let output = child.stdout.take().expect("stdout is piped");
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(error).lines().map_while(Result::ok) {
            eprintln!("{line}");
            text.push_str(&line);
            text.push('\n');
        }
        text
    });
    let mut text = String::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        println!("{line}");
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str(&errors.join().expect("the reader does not panic"));
    Ok((child.wait()?.success(), text))
}
