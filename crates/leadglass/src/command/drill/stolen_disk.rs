//! `leadglass drill stolen-disk`: incident 3. Thieves carry the disks, the backups and the server of two practices away.
//!
//! Two installations with synthetic patients run, are killed in the middle of their work and are stolen in every way; each row of
//! the incident is played and says what was searched and seen. A patient is one whose every detail is recognised
//! (`phantom::canary`): texts in UTF-8, UTF-16, hexadecimal and base64, pixels, and all of it inside compressed streams.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use phantom::canary::{Canary, Search, canary_instance};
use seal::{RecoveryKit, SystemRandom};
use zeroize::Zeroizing;

use super::http;
use super::played::{Played, said, text};
use super::rows::Rows;
use crate::cli::Format;

/// Instances of each site.
const INSTANCES: u32 = 12;

/// One practice: its installation, its vault, what unseals it.
struct Practice {
    site: Played,
    vault: PathBuf,
    passphrase: Zeroizing<String>,
    kit: PathBuf,
    pin: PathBuf,
    open_with: String,
    token: String,
}

const DISKS: &str = "disks and backups with more than 100,000 patients were taken from the servers of two practices";
const CONTENT: &str = "what was on them had to be found out: for police, authority, insurer and patients";
const SITES: &str = "two practices of one company, one after the other";
const AFTER: &str = "the practices stood still and could not even bill";

/// Plays it and prints the rows. `as_it_was` leaves images in the clear on the disk and the pin in the server.
pub fn stolen_disk(format: Format, as_it_was: bool) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("leadglass-drill-").tempdir()?;
    let (images, canaries) = images(folder.path())?;
    let search = Search::new(&canaries);
    let mut rows = Rows::default();
    rows.about(DISKS);
    // the search itself: it finds the patient in what a modality sends
    let (sound, evidence) = searched(&search, &images)?;
    rows.played("the search finds a patient who lies open", !sound, evidence);

    let mut one = Practice::open(&folder.path().join("practice-1"), &images)?;
    let two = Practice::open(&folder.path().join("practice-2"), &images)?;
    if as_it_was {
        copy(&images, &one.site.dir().join("export"))?;
    }
    disk(&mut rows, &search, &one)?;
    backup(&mut rows, &search, &one, folder.path())?;
    server(&mut rows, &mut one, folder.path(), as_it_was)?;
    rows.about(SITES);
    sites(&mut rows, &one, &two, folder.path())?;
    rows.about(AFTER);
    back(&mut rows, &one, folder.path())?;
    rows.about(SITES);
    rows.missing(
        "one installation serves several sites, each with keys of its own",
        "two installations were played, each with keys of its own",
    );
    drop((one, two));
    // the folder goes with everything in it
    folder.close().context("the drill's folder could not be removed; remove it by hand")?;
    rows.print(format, "stolen-disk")
}

/// A disk alone: nothing lies open, and nothing opens it.
fn disk(rows: &mut Rows, search: &Search<'_>, practice: &Practice) -> Result<()> {
    let (clean, evidence) = searched(search, practice.site.dir())?;
    rows.played("a disk alone shows nobody", clean, evidence);
    let mut stolen = Played::at(practice.site.dir().to_owned());
    let guess = stolen.start(&["--passphrase-file", "-"], "a thief guesses seven words of it")?;
    let evidence = guess.as_ref().err().cloned().unwrap_or_else(|| "it started".to_owned());
    rows.played("a disk alone does not open", guess.is_err(), format!("serve with a guess: {evidence}"));
    Ok(())
}

/// A backup alone: nothing lies open in it, and what is restored from it stays shut.
fn backup(rows: &mut Rows, search: &Search<'_>, practice: &Practice, folder: &Path) -> Result<()> {
    let (clean, evidence) = searched(search, &practice.vault)?;
    rows.played("a backup alone shows nobody", clean, evidence);
    let mut restored = Played::at(folder.join("restored-by-the-thief"));
    let vault = text(&practice.vault)?;
    restored.ok(&["vault", "restore", vault], "")?;
    let (clean, evidence) = searched(search, restored.dir())?;
    rows.played("what is restored from a backup shows nobody", clean, evidence);
    let guess = restored.start(&["--passphrase-file", "-"], "a thief guesses seven words of it")?;
    let evidence = guess.as_ref().err().cloned().unwrap_or_else(|| "it started".to_owned());
    rows.played("a backup alone does not open", guess.is_err(), format!("restored, serve with a guess: {evidence}"));
    Ok(())
}

/// The whole server, with and without its second pin.
fn server(rows: &mut Rows, practice: &mut Practice, folder: &Path, pin_goes_along: bool) -> Result<()> {
    let unseal = ["--unseal", "second pin", "--unseal-command", practice.open_with.as_str()];
    let at_home = practice.site.start(&unseal, "")?;
    let evidence = match &at_home {
        Ok(_) => "it starts without anybody at hand".to_owned(),
        Err(error) => error.clone(),
    };
    rows.played("a server opens in its house, with its second pin", at_home.is_ok(), evidence);
    practice.site.stop();
    // carried away: DIR and all that stood in the machine; the pin stays where it was
    let carried = folder.join("carried-away");
    copy(practice.site.dir(), &carried)?;
    let left = practice.pin.with_extension("left-in-the-house");
    if !pin_goes_along {
        std::fs::rename(&practice.pin, &left)?;
    }
    let mut stolen = Played::at(carried);
    let opened = stolen.start(&unseal, "")?;
    let evidence = opened.as_ref().err().cloned().unwrap_or_else(|| "it started".to_owned());
    rows.played(
        "a whole server carried away stays shut",
        opened.is_err(),
        format!("without its second pin: {evidence}"),
    );
    if !pin_goes_along {
        std::fs::rename(&left, &practice.pin)?;
    }
    stolen.stop();
    let opened = stolen.start(&unseal, "")?;
    let evidence = "with the second pin carried away too it starts: the pin must stand elsewhere".to_owned();
    rows.played("it was the second pin alone that kept it shut", opened.is_ok(), evidence);
    Ok(())
}

/// One of two sites: its keys open nothing of the other.
fn sites(rows: &mut Rows, one: &Practice, two: &Practice, folder: &Path) -> Result<()> {
    let mut other = Played::at(folder.join("other-site"));
    copy(two.site.dir(), other.dir())?;
    let by_passphrase = other.start(&["--passphrase-file", "-"], &one.passphrase)?;
    let by_kit = other.start(&["--recovery-kit", text(&one.kit)?], "")?;
    let evidence = format!(
        "passphrase: {}; kit: {}",
        by_passphrase.as_ref().err().map_or("it started", String::as_str),
        by_kit.as_ref().err().map_or("it started", String::as_str)
    );
    rows.played(
        "what unseals one site unseals nothing of the other",
        by_passphrase.is_err() && by_kit.is_err(),
        evidence,
    );
    // and the root itself: the envelope of the one in the other's place
    std::fs::copy(one.site.dir().join("warden/root.json"), other.dir().join("warden/root.json"))?;
    let by_root = other.start(&["--passphrase-file", "-"], &one.passphrase)?;
    let evidence = by_root.as_ref().err().cloned().unwrap_or_else(|| "it started".to_owned());
    rows.played(
        "the root of one site opens no record of the other",
        by_root.is_err(),
        format!("root.json swapped: {evidence}"),
    );
    Ok(())
}

/// The way back: the vault, and what people still have.
fn back(rows: &mut Rows, practice: &Practice, folder: &Path) -> Result<()> {
    let mut restored = Played::at(folder.join("new-machine"));
    restored.ok(&["vault", "restore", text(&practice.vault)?], "")?;
    let started = restored.start(&["--recovery-kit", text(&practice.kit)?], "")?;
    if let Err(error) = &started {
        rows.played("the site is restored from its vault", false, error.clone());
        return Ok(());
    }
    // imported once more: each image that came back is recognised as the one that is there
    let images = folder.join("images");
    let report = restored.ok(&["import", text(&images)?], "")?;
    let duplicates = report["duplicates"].as_u64().unwrap_or_default();
    let verified = restored.run(&["ledger", "verify"], "")?;
    let ready = started.unwrap_or_default();
    let study = format!("/dicom-web/studies/{}", phantom::uid(&[77, 1]));
    let opens = status(&ready, &practice.token, &study)?;
    let held = duplicates == u64::from(INSTANCES) && verified.status.success() && opens == 200;
    let ledger = if verified.status.success() { "the ledger verifies".to_owned() } else { said(&verified) };
    rows.played(
        "the site is restored from its vault",
        held,
        format!(
            "recovery kit: {duplicates} of {INSTANCES} images are there again, a reader gets HTTP {opens}, {ledger}"
        ),
    );
    rows.about(CONTENT);
    stolen(rows, practice, &restored, folder)?;
    rows.about(AFTER);
    let rotated = restored.ok(&["rotate"], "")?;
    let (epoch, keys) = (&rotated["epoch"], rotated["keys"].as_u64().unwrap_or_default());
    // what the front holds of a running lease is gone with it: only the warden's keys open from here on
    let opens = again(&mut restored, practice, &study)?;
    let evidence = format!(
        "{keys} keys are wrapped again under epoch {epoch}, the older epoch key is overwritten; a reader gets HTTP {opens}"
    );
    rows.played("the keys of the restored site are rotated", keys > 0 && opens == 200, evidence);
    let shredded = restored.run(&["shred", "patient:/CANARY-PATIENT-ID-77", "--reason", "drill of a theft"], "")?;
    let opens = again(&mut restored, practice, &study)?;
    let evidence = match shredded.status.success() {
        true => {
            format!(
                "after `shred` and a start a reader gets HTTP {opens}; copies that the thief has stay sealed under the root"
            )
        }
        false => said(&shredded),
    };
    rows.played("the keys of a patient are destroyed", shredded.status.success() && opens != 200, evidence);
    Ok(())
}

/// Starts the restored site again and asks for the study.
fn again(restored: &mut Played, practice: &Practice, study: &str) -> Result<u16> {
    restored.stop();
    match restored.start(&["--recovery-kit", text(&practice.kit)?], "")? {
        Ok(ready) => status(&ready, &practice.token, study),
        Err(error) => bail!(
            "the restored site does not start again: {error}; play the drill again, and report this if it stays so"
        ),
    }
}

/// What lay on the stolen disk, as the restored ledger knows it: a report, and a signed one that whoever gets it checks.
fn stolen(rows: &mut Rows, practice: &Practice, restored: &Played, folder: &Path) -> Result<()> {
    let file = std::fs::read(practice.site.dir().join("front/disk.json"))?;
    let disk: serde_json::Value = serde_json::from_slice(&file)?;
    let disk: model::DiskId = serde_json::from_value(disk["disk"].clone())?;
    let disk = format!("disk:{disk}");
    let report = restored.ok(&["exposure", &disk, "--from", "1h"], "")?;
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
    let (patients, studies) = (number(&report["reachable"]["patients"]), number(&report["reachable"]["studies"]));
    let about = &report["about"]["disk"];
    let (keys, opened) = (number(&about["keys"]), number(&report["opened"]["studies"]));
    let named: Vec<&serde_json::Value> = about["sealed_under"].as_array().into_iter().flatten().collect();
    let released = named.iter().filter(|row| row["released"] == true).count();
    let first = named.first().and_then(|row| row["key"].as_str()).unwrap_or("none");
    let evidence = format!(
        "{disk} held {patients} patient, {studies} study, sealed under {keys} keys, the first key:{first}; {released} of them were ever released, {opened} study opened by anybody since"
    );
    let held = (patients, studies, opened) == (1, 1, 1) && keys > 0 && named.len() as u64 == keys;
    rows.played("what lay on the disk, under which keys, and whether one ever left is a report", held, evidence);

    let statement = folder.join("statement.pdf");
    restored.ok(&["exposure", &disk, "--from", "1h", "--output", text(&statement)?], "")?;
    let key = std::fs::read_to_string(restored.dir().join("ledger/site.vkey"))?;
    let elsewhere = Played::at(folder.join("at-the-authority"));
    let check = |path: &Path| elsewhere.run(&["ledger", "verify", "--report", text(path)?, "--key", key.trim()], "");
    let accepted = check(&statement)?;
    let mut bytes = std::fs::read(&statement)?;
    let changed = folder.join("changed.pdf");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::io::Write::write_all(&mut std::fs::File::create_new(&changed)?, &bytes)?;
    let refused = check(&changed)?;
    let evidence = format!(
        "a PDF of {} bytes, checked in another folder with the site's public key alone: {}; the same with one bit changed: {}",
        bytes.len(),
        if accepted.status.success() { "accepted".to_owned() } else { said(&accepted) },
        if refused.status.success() { "accepted".to_owned() } else { said(&refused) }
    );
    let held = accepted.status.success() && !refused.status.success();
    rows.played("there is a signed statement of it that anybody checks", held, evidence);
    Ok(())
}

/// What a reader with a token is answered.
fn status(ready: &serde_json::Value, token: &str, path: &str) -> Result<u16> {
    let way = (std::net::Ipv4Addr::LOCALHOST, http::front(ready)?);
    Ok(http::ask(way, "GET", path, &[("Authorization", &format!("Bearer {token}"))], &[])?.status)
}

impl Practice {
    /// Makes a practice, takes images in, copies them to a vault, and pulls the plug while more come in.
    fn open(folder: &Path, images: &Path) -> Result<Self> {
        std::fs::create_dir(folder)?;
        let passphrase = Zeroizing::new(RecoveryKit::generate(&mut SystemRandom).to_text().replace('\n', " "));
        let program =
            std::env::current_exe().context("the program's own file is not known; start it by its full path")?;
        let pin = folder.join("second-pin");
        let mut practice = Self {
            site: Played::at(folder.join("data")),
            vault: folder.join("vault"),
            kit: folder.join("kit"),
            open_with: format!("{} drill pin open {}", text(&program)?, text(&pin)?),
            pin,
            passphrase,
            token: String::new(),
        };
        let site = &mut practice.site;
        let kit = text(&practice.kit)?;
        site.ok(
            &["init", "--site", "Practice", "--passphrase-file", "-", "--recovery-kit", kit],
            &practice.passphrase,
        )?;
        let seal = [text(&program)?, "drill", "pin", "seal", text(&practice.pin)?];
        let add =
            ["unseal", "add", "command", "--label", "second pin", "--kind", "tang", "--open-with", &practice.open_with];
        site.ok(&[&add[..], &["--passphrase-file", "-", "--"], &seal[..]].concat(), &practice.passphrase)?;
        let ready = site.start(&["--passphrase-file", "-"], &practice.passphrase)?;
        let ready = ready.map_err(|error| anyhow::anyhow!("the drill could not be played: {error}"))?;
        site.ok(&["import", text(images)?], "")?;
        site.ok(&["settle"], "")?;
        site.ok(&["org", "add", "Referrers"], "")?;
        let patient = ["relate", "org:Referrers", "patient:/CANARY-PATIENT-ID-77", "--until", "8h", "--basis", "order"];
        site.ok(&patient, "")?;
        let reader = ["device", "add", "reader", "--organisation", "Referrers", "--may", "list,open", "--token"];
        site.ok(&reader, "")?["token"].as_str().unwrap_or_default().clone_into(&mut practice.token);
        site.ok(&["relate", "device:reader", "site", "--until", "8h", "--basis", "reading"], "")?;
        let vault = text(&practice.vault)?;
        site.ok(&["vault", "init", vault, "--allow-same-filesystem"], "")?;
        site.ok(&["vault", "sync", vault], "")?;
        site.pull_the_plug(&ready)?;
        Ok(practice)
    }
}

/// Images of one patient in a folder, and what must be nowhere else.
fn images(folder: &Path) -> Result<(PathBuf, Vec<Canary>)> {
    let images = folder.join("images");
    std::fs::create_dir(&images)?;
    let mut canaries = Vec::new();
    for number in 1..=INSTANCES {
        let (file, more) = canary_instance(number);
        std::io::Write::write_all(&mut std::fs::File::create_new(images.join(format!("{number}.dcm")))?, &file)?;
        canaries.extend(more);
    }
    Ok((images, canaries))
}

/// Looks through everything in a folder, names of files too: whether nothing was found, and the evidence.
fn searched(search: &Search<'_>, folder: &Path) -> Result<(bool, String)> {
    let (mut files, mut bytes, mut found) = (0u64, 0u64, Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let kind = std::fs::symlink_metadata(&path)?.file_type();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(search.look(name.as_bytes()));
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let content = std::fs::read(&path)?;
                files += 1;
                bytes += content.len() as u64;
                found.extend(search.look(&content).into_iter().map(|hit| format!("{name}: {hit}")));
            }
        }
    }
    let first = found.first().map(|hit| format!(", the first: {hit}")).unwrap_or_default();
    let evidence = format!(
        "{files} files, {bytes} bytes searched for {} patterns, {} found{first}",
        search.patterns(),
        found.len()
    );
    Ok((found.is_empty(), evidence))
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        let kind = std::fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            copy(&path, &target)?;
        } else if kind.is_file() {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
