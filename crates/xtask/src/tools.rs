//! What the build and the tests need besides Rust: Node.js packages, Debian packages, Python packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{is_there, run, run_in};

/// Debian packages that the tests use as real peers: (package, a program of it, its version flag).
const DEBIAN: [(&str, &str, &str); 10] = [
    ("dcmtk", "storescu", "--version"),
    ("chromium", "chromium", "--version"),
    ("python3-venv", "python3", "--version"),
    ("iproute2", "ip", "-V"),
    // what unseals: age identities; a key server, a software TPM and what seals to both
    ("age", "age", "--version"),
    ("tang", "/usr/libexec/tangd", "/"),
    ("clevis", "clevis-encrypt-tang", "--summary"),
    ("clevis-tpm2", "clevis-encrypt-tpm2", "--summary"),
    ("swtpm", "swtpm", "--version"),
    ("tpm2-tools", "tpm2", "--version"),
];

/// Python packages that the tests use as real clients.
const PYTHON: [&str; 9] = [
    "pydicom==3.0.1",
    "pynetdicom==3.0.4",
    "dicomweb-client==0.60.1",
    "numpy<3",
    "hl7apy==1.3.5",
    "hl7==0.4.5",
    "pyzipper==0.3.6",
    // sends what the contract for machines allows and what it does not; the other makes the proofs of a browser
    "schemathesis==4.32.5",
    "cryptography==50.0.2",
];
/// A witness and clients of transparency logs that others wrote. They ask for a newer Python than Debian has and run with 3.11.
const PYTHON_TLOG: [&str; 3] = ["aics-witness==0.1.0", "aics-tlog==0.2.1", "tlog-scales==0.0.3"];

/// Builds web/dist when a source is newer than it.
pub fn build_pages() -> Result<()> {
    let web = Path::new("web");
    if !is_there("npm", "--version") {
        bail!("npm is not here; install Node.js 20 or later (Debian: apt-get install nodejs npm)");
    }
    let lock = web.join("package-lock.json");
    let installed = web.join("node_modules/.package-lock.json");
    if newest(&lock)? > newest(&installed).unwrap_or(std::time::SystemTime::UNIX_EPOCH) {
        run_in(web, "npm", &["ci", "--no-audit", "--no-fund"])?;
    }
    let mut sources = std::time::SystemTime::UNIX_EPOCH;
    for source in
        ["src", "public", "index.html", "vite.config.ts", "package.json", "package-lock.json", "tsconfig.json"]
    {
        let source = web.join(source);
        if source.exists() {
            sources = sources.max(newest(&source)?);
        }
    }
    let built = web.join("dist/index.html");
    if !built.exists() || sources > std::fs::metadata(&built)?.modified()? {
        run_in(web, "npm", &["run", "build"])?;
    }
    Ok(())
}

/// The time of the youngest file in a folder, or of a file.
fn newest(path: &Path) -> Result<std::time::SystemTime> {
    let metadata = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut youngest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            youngest = youngest.max(newest(&entry?.path())?);
        }
    }
    Ok(youngest)
}

/// Installs Debian packages that are missing, when we may; otherwise names them.
pub fn debian(extra: &[(&str, &str, &str)]) -> Result<()> {
    let missing: Vec<&str> = DEBIAN
        .iter()
        .chain(extra)
        .filter(|(_, program, version)| !is_there(program, version))
        .map(|(package, ..)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    if !root || !is_there("apt-get", "--version") {
        bail!("the tests need these Debian packages: apt-get install {}", missing.join(" "));
    }
    run("apt-get", &["update", "-q"])?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(&missing);
    eprintln!("+ apt-get {}", arguments.join(" "));
    let status = Command::new("apt-get")
        .args(&arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("apt-get could not install {}; install them by hand and run the tests again", missing.join(" "));
    }
    Ok(())
}

/// A Python with the packages of the real clients, in target/python.
pub fn python() -> Result<PathBuf> {
    let folder = std::path::absolute("target/python")?;
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    let wanted = [PYTHON.join("\n"), PYTHON_TLOG.join("\n")].join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    let mut arguments = vec!["-m", "pip", "install", "-q", "--disable-pip-version-check"];
    arguments.extend(PYTHON);
    run(&python.to_string_lossy(), &arguments)?;
    let mut arguments = vec!["-m", "pip", "install", "-q", "--disable-pip-version-check", "--ignore-requires-python"];
    arguments.extend(PYTHON_TLOG);
    run(&python.to_string_lossy(), &arguments)?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}
