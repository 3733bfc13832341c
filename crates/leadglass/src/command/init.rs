//! `leadglass init`.

use std::io::{BufRead, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use model::Role;
use protocol::{PageReply, PageRequest};
use seal::{RecoveryKit, SystemRandom};
use serde_json::json;
use warden::{NewSite, Unseal};
use zeroize::Zeroizing;

use crate::cli::{Format, InitArgs};
use crate::output::say;
use crate::time;

/// The longest passphrase file, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 4096;

/// Makes an installation and says how its first person enrols.
pub fn init(dir: &Path, format: Format, arguments: &InitArgs) -> Result<()> {
    super::approve::rule(&arguments.approval_delay, &arguments.setup)?;
    refuse_what_is_there(dir)?;
    let passphrase = read_passphrase(&arguments.passphrase_file)?;
    let dir = std::path::absolute(dir)?;
    let link = create(&dir, arguments, &passphrase)?;

    let same_filesystem = arguments.passphrase_file != Path::new("-")
        && std::fs::metadata(&arguments.passphrase_file)?.dev() == std::fs::metadata(&dir)?.dev();
    if same_filesystem {
        eprintln!(
            "warning: the passphrase lies on the same filesystem as the archive; whoever carries that disk away can open it. Keep it on another medium."
        );
    }
    let link = format!("{}/enrol#{link}", arguments.origin.trim_end_matches('/'));
    match format {
        Format::Json => say!(
            "{}",
            json!({ "dir": dir, "officer": arguments.officer, "enrolment": link, "passphrase_on_same_filesystem": same_filesystem })
        ),
        Format::Text => {
            say!("The site \"{}\" is in {}.", arguments.site, dir.display());
            say!(
                "{} is its officer and administrator; enrol within 7 days, once `leadglass serve` runs:",
                arguments.officer
            );
            say!("  {link}");
        }
    }
    Ok(())
}

/// Makes everything in a folder beside DIR first, then renames it. A crash leaves no half of a site.
pub fn create(dir: &Path, arguments: &InitArgs, passphrase: &Zeroizing<String>) -> Result<String> {
    refuse_what_is_there(dir)?;
    let parent = dir.parent().context("DIR has no folder above it; choose another with --dir")?;
    std::fs::create_dir_all(parent)?;
    let beside = beside(dir);
    if beside.exists() {
        std::fs::remove_dir_all(&beside)?;
    }
    std::fs::create_dir(&beside)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o700))?;
    let link = match make(&beside, arguments, passphrase) {
        Ok(link) => link,
        Err(error) => {
            std::fs::remove_dir_all(&beside)?;
            return Err(error);
        }
    };
    if dir.exists() {
        std::fs::remove_dir(dir)?;
    }
    std::fs::rename(&beside, dir)?;
    std::fs::File::open(parent)?.sync_all()?;
    Ok(link)
}

fn refuse_what_is_there(dir: &Path) -> Result<()> {
    if dir.exists() && std::fs::read_dir(dir)?.next().is_some() {
        bail!("{} is not empty; choose another folder with --dir, nothing was changed", dir.display());
    }
    Ok(())
}

fn make(dir: &Path, arguments: &InitArgs, passphrase: &Zeroizing<String>) -> Result<String> {
    let kit = RecoveryKit::generate(&mut SystemRandom);
    hand_out(&kit, arguments)?;
    let certificate = portal::development_certificate(&["localhost", "127.0.0.1"])?;
    std::fs::create_dir(dir.join("tls"))?;
    write(&dir.join("tls/cert.pem"), certificate.certificate_pem.as_bytes())?;
    for folder in ["front", "run"] {
        std::fs::create_dir(dir.join(folder))?;
    }
    let new = NewSite { name: &arguments.site, passphrase, kit: &kit, tls_key_pem: &certificate.key_pem };
    let made = warden::init(dir, &new, time::now())?;
    let site = super::pin::site_of(&made, arguments.site.trim())?;
    site.write(&dir.join("front"))?;

    // the first person, added as the owner would add anybody
    let settings = warden::Settings {
        dir: dir.to_owned(),
        unseal: Unseal::Passphrase(passphrase.to_string()),
        origin: arguments.origin.clone(),
        clock: time::now,
    };
    let warden = warden::Warden::start(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ask = |request| runtime.block_on(warden.ask_as_owner(request)).map_err(|refusal| anyhow!(refusal.to_string()));
    crate::disk::holdings(dir)?.into_iter().try_for_each(|request| ask(request).map(drop))?;
    let authorisation = if arguments.password_and_code {
        model::Authorisation::PasswordAndCode
    } else {
        model::Authorisation::PasskeyOnly
    };
    ask(PageRequest::AddOrganisation { name: arguments.site.clone(), authorisation })?;
    let reply = ask(PageRequest::AddPerson {
        email: arguments.officer.clone(),
        name: arguments.officer_name.clone(),
        role: Role::OfficerAdministrator,
        organisation: arguments.site.clone(),
        password_and_code: arguments.password_and_code,
        own_record: None,
    })?;
    let rule = super::approve::rule(&arguments.approval_delay, &arguments.setup)?;
    if rule != model::ApprovalRule::default() {
        ask(PageRequest::Approvals(protocol::ApprovalRequest::Rule { rule }))?;
    }
    match reply {
        PageReply::EnrolmentLink { token, .. } => Ok(token),
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
}

/// Gives the kit out: to a file, or on the terminal with a proof that it was written down.
fn hand_out(kit: &RecoveryKit, arguments: &InitArgs) -> Result<()> {
    let text = kit.to_text();
    if let Some(path) = &arguments.recovery_kit {
        return write_recovery_kit(kit, path);
    }
    eprintln!(
        "Recovery kit: it unseals the archive when the passphrase is lost. Write it on paper and keep it elsewhere."
    );
    eprintln!();
    for line in text.lines() {
        eprintln!("    {line}");
    }
    eprintln!();
    eprintln!("Type it back (spaces, hyphens and case do not matter):");
    let mut typed = Zeroizing::new(String::new());
    let mut input = std::io::stdin().lock();
    for _ in 0..3 {
        typed.clear();
        if input.read_line(&mut typed)? == 0 {
            break;
        }
        match RecoveryKit::parse(&typed) {
            Ok(parsed) if parsed.to_text() == text => return Ok(()),
            Ok(_) => eprintln!("That is another kit. Once more:"),
            Err(error) => eprintln!("{error}. Once more:"),
        }
    }
    bail!("the recovery kit was not typed back; nothing was made, use --recovery-kit FILE to write it to a file")
}

/// Writes a kit into a new file.
pub fn write_recovery_kit(kit: &RecoveryKit, path: &Path) -> Result<()> {
    if path.exists() {
        bail!("{} exists already; name a new file for the recovery kit", path.display());
    }
    let mut file = std::fs::File::create_new(path).with_context(|| {
        format!("the recovery kit cannot be written to {}; check the path and the rights", path.display())
    })?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(kit.to_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(())
}

/// Reads a passphrase: the first line of a file or of standard input.
pub fn read_passphrase(path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        std::io::stdin().lock().read_line(&mut text)?;
    } else {
        let file = std::fs::File::open(path)
            .with_context(|| format!("the file {} cannot be read; check the path and the rights", path.display()))?;
        file.take(PASSPHRASE_BYTES_MAX).read_to_string(&mut text)?;
    }
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        bail!("the passphrase is empty; put it on the first line");
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".being-made");
    dir.with_file_name(name)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
