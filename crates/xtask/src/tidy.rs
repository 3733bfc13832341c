//! The layout, the sizes and the absences that ARCHITECTURE.md names. A broken one fails the build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::cargo;

/// Past this many lines a file needs a reason in [`LONG_FILES`].
const FILE_LINES_MAX: usize = 1_000;

/// Long files with their reasons.
const LONG_FILES: [(&str, &str); 0] = [];

/// (crate, what it must never reach, why).
const ABSENT_DEPENDENCIES: [(&str, &[&str], &str); 15] = [
    ("orders", &["archive", "store", "seal", "audit", "warden"], "who reads messages decides nothing and holds no key"),
    ("witness", &["warden", "protocol", "store"], "who watches holds no key of the site"),
    ("store", &["seal", "warden", "protocol"], "who owns the volumes holds no key"),
    ("replica", &["seal", "warden", "protocol"], "who copies holds no key"),
    (
        "warden",
        &[
            "store",
            "portal",
            "archive",
            "dimse",
            "dataset",
            "render",
            "replica",
            "axum",
            "hyper",
            "dicom-core",
            "dicom-ul",
            "rustls",
            "line",
            "dumps",
            "zip",
            "ruzstd",
            "orders",
            "mllp",
        ],
        "who holds the keys parses nothing from outside",
    ),
    ("codecs", &["seal", "store", "archive", "warden", "walls", "hyper"], "who decodes has nothing but the frame"),
    ("walls", &["protocol", "seal", "store", "tokio"], "a wall knows nothing of what it is around"),
    ("line", &["protocol", "seal", "store", "warden", "archive"], "who carries bytes does not know what they are"),
    (
        "leaks",
        &["tokio", "protocol", "seal", "zip", "flate2"],
        "a list holds no person and is not unpacked where it is asked",
    ),
    (
        "dumps",
        &["tokio", "protocol", "identity", "seal", "warden", "walls"],
        "who reads a dump knows neither the people nor the keys",
    ),
    ("model", &["tokio", "rusqlite"], "nouns do no input or output"),
    ("policy", &["tokio", "rusqlite", "seal", "audit"], "decisions are pure"),
    ("budget", &["tokio", "rusqlite", "seal", "audit", "registry"], "volume is judged from numbers alone"),
    ("seal", &["tokio", "rusqlite"], "the format is pure"),
    ("dataset", &["axum", "rusqlite", "seal", "store"], "the scanner is pure"),
];

/// Crates whose sources do no input or output and read no clock.
const PURE: [&str; 6] = ["model", "policy", "budget", "seal", "dataset", "orders"];

/// What a pure source never says.
const IMPURE: [&str; 8] =
    ["std::fs", "std::net", "std::env", "std::process", "SystemTime::now", "Instant::now", "std::thread", "File::open"];

/// Who alone may make a proof value: (the type, the crate).
const PROOFS: [(&str, &str); 3] = [("Grant", "policy"), ("Receipt", "audit"), ("Release", "warden")];

/// What is said by one crate's sources alone: (the word, that crate and the one that has it, why).
const SAID_BY: [(&str, [&str; 2], &str); 1] =
    [("render_frame", ["codecs", "render"], "frames are decoded by codec workers and nowhere else")];

/// Runs every rule and names each breach.
pub fn tidy() -> Result<()> {
    let mut breaches = Vec::new();
    let metadata = metadata()?;
    layout(&metadata, &mut breaches)?;
    absences(&metadata, &mut breaches)?;
    sources(&mut breaches)?;
    if breaches.is_empty() {
        return Ok(());
    }
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    bail!("{} rules of ARCHITECTURE.md are broken; each line above says which", breaches.len());
}

fn metadata() -> Result<Value> {
    let output = Command::new(cargo()).args(["metadata", "--format-version", "1", "--locked"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn layout(metadata: &Value, breaches: &mut Vec<String>) -> Result<()> {
    let members: BTreeSet<&str> =
        packages(metadata).filter(|package| package["source"].is_null()).filter_map(|p| p["name"].as_str()).collect();
    for folder in std::fs::read_dir("crates")? {
        let name = folder?.file_name().to_string_lossy().into_owned();
        if !members.contains(name.as_str()) {
            breaches.push(format!("crates/{name}: a folder is named like its crate"));
        }
    }
    for file in
        ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "deny.toml"]
    {
        if !Path::new(file).is_file() {
            breaches.push(format!("{file} is missing"));
        }
    }
    Ok(())
}

/// Everything a package reaches through normal dependencies.
fn reached(metadata: &Value, name: &str) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> =
        packages(metadata).filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?))).collect();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().into_iter().flatten() {
        let Some(id) = node["id"].as_str() else { continue };
        for dependency in node["deps"].as_array().into_iter().flatten() {
            let normal = dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null());
            if let (true, Some(package)) = (normal, dependency["pkg"].as_str()) {
                edges.entry(id).or_default().push(package);
            }
        }
    }
    let mut waiting: Vec<&str> = names.iter().filter(|(_, n)| **n == name).map(|(id, _)| *id).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        for next in edges.get(id).into_iter().flatten() {
            if seen.insert(names[next].to_owned()) {
                waiting.push(next);
            }
        }
    }
    seen
}

fn absences(metadata: &Value, breaches: &mut Vec<String>) -> Result<()> {
    for (name, forbidden, reason) in ABSENT_DEPENDENCIES {
        let reached = reached(metadata, name);
        if reached.is_empty() {
            breaches.push(format!("{name}: has no dependencies at all; is the rule still about the right crate?"));
        }
        for other in forbidden {
            if reached.contains(*other) {
                breaches.push(format!("{name} reaches {other}: {reason}"));
            }
        }
    }
    Ok(())
}

fn sources(breaches: &mut Vec<String>) -> Result<()> {
    let mut files = Vec::new();
    for folder in ["crates", "web/src", "web/e2e"] {
        if Path::new(folder).exists() {
            collect(Path::new(folder), &mut files)?;
        }
    }
    crate::threats::threats(&files, breaches)?;
    for file in files {
        let name = file.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).with_context(|| format!("{name} is not text"))?;
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && !LONG_FILES.iter().any(|(long, _)| *long == name) {
            breaches.push(format!("{name}: {lines} lines; past {FILE_LINES_MAX} a file needs a reason"));
        }
        let crate_name = name.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if crate_name == "xtask" {
            continue;
        }
        let product = name.contains("/src/");
        let body = text.split("#[cfg(test)]").next().unwrap_or_default();
        if product && PURE.contains(&crate_name) {
            for word in IMPURE {
                if body.contains(word) {
                    breaches.push(format!("{name}: says {word}; {crate_name} does no input or output"));
                }
            }
        }
        for (proof, owner) in PROOFS {
            if crate_name != owner && product && body.contains(&format!("struct {proof} ")) {
                breaches.push(format!("{name}: only {owner} has a {proof}"));
            }
        }
        for (word, sayers, reason) in SAID_BY {
            if product && !sayers.contains(&crate_name) && body.contains(word) {
                breaches.push(format!("{name}: says {word}; {reason}"));
            }
        }
        if body.contains("#[ignore") {
            breaches.push(format!("{name}: an ignored test is no test"));
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| ["rs", "ts", "svelte", "tsx", "mjs", "css"].iter().any(|x| e == *x))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// Where cargo-deny is not installed: every package names a licence that deny.toml allows, and comes from the registry.
pub fn licences() -> Result<()> {
    let deny = std::fs::read_to_string("deny.toml")?;
    let allowed: BTreeSet<&str> = deny
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list.split('"').skip(1).step_by(2).collect())
        .context("deny.toml has no list `allow = [...]`")?;
    let metadata = metadata()?;
    let mut breaches = 0;
    for package in packages(&metadata) {
        let (name, source) = (package["name"].as_str().unwrap_or_default(), package["source"].as_str());
        if source.is_some_and(|source| !source.starts_with("registry+")) {
            eprintln!("deny: {name} does not come from the registry");
            breaches += 1;
        }
        let licence = package["license"].as_str().unwrap_or_default();
        if !expression_holds(licence, &allowed) {
            eprintln!("deny: {name} has the licence '{licence}', which deny.toml does not allow");
            breaches += 1;
        }
    }
    if breaches > 0 {
        bail!("{breaches} dependencies are not allowed by deny.toml");
    }
    Ok(())
}

/// A licence expression without nesting: `A OR B` needs one, `A AND B` needs all.
fn expression_holds(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" OR ").any(|choice| {
        choice.split(" AND ").all(|licence| allowed.contains(licence.split(" WITH ").next().unwrap_or_default().trim()))
    }) || (expression.contains(" AND ")
        && expression.split(" AND ").all(|group| group.split(" OR ").any(|licence| allowed.contains(licence.trim()))))
}
