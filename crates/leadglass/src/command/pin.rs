//! `leadglass warden pin` and `leadglass front pin`: how a front and a warden on two machines get to know each other.
//!
//! 1. On the warden's machine `warden pin` prints an introduction: its pin and the site's public half. Nothing in it is secret.
//! 2. On the front's machine `front pin FILE` takes it, makes the front's own key and prints the front's pin.
//! 3. On the warden's machine `warden pin add PIN --name NAME` lets that front connect.
//!
//! Who swaps what is carried in step 1 or 3 puts a machine of theirs in between; carry it on a way where that would be seen, or compare
//! the pins by telephone.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use archive::{SITE_FILE, Site};
use line::{Key, KnownFront, Pin, Pins};
use protocol::{FrontRequest, PageRequest};
use seal::{Secret32, SitePublicKey, SystemRandom, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::init::read_passphrase;
use super::supervise::replace;
use crate::cli::{Format, FrontCommand, WardenCommand, WardenPinCommand};
use crate::output::say;
use crate::owner::Owner;

/// The folder in DIR for what a line knows.
pub const FOLDER: &str = "line";
/// In it, on the front's machine: the warden's pin.
const WARDEN_FILE: &str = "warden.json";
/// In it, on the front's machine: the front's own key, when it lies nowhere else.
const KEY_FILE: &str = "key";
/// In DIR/warden: the site as it was before its root was replaced last, as a front may still have it.
const FORMER: &str = "former-site";
/// In DIR/warden: the pin of this warden.
pub const OWN_PIN_FILE: &str = "warden/pin";
/// The longest introduction that is read, in bytes.
const INTRODUCTION_BYTES_MAX: u64 = 64 * 1024;

/// What a front must know.
#[derive(Serialize, Deserialize)]
struct Introduction {
    /// The warden's pin.
    pin: Pin,
    /// DIR/front/site.json.
    site: Value,
}

/// `leadglass warden pin`
pub fn of_warden(dir: &Path, format: Format, command: WardenCommand) -> Result<()> {
    let WardenCommand::Pin { command } = command;
    let pins = Pins::in_folder(&folder(dir)?);
    match command {
        None => {
            let introduction = Introduction { pin: own_pin(dir)?, site: site(dir)? };
            say!("{}", serde_json::to_string(&introduction)?);
        }
        Some(WardenPinCommand::Add { pin, name }) => {
            // the entry first: a front never connects without one
            Owner::connect(dir)?
                .tell(PageRequest::Fronts(FrontRequest::Introduce { pin: pin.to_string(), name: name.clone() }))?;
            pins.add(KnownFront { pin, name: name.clone() })?;
            match format {
                Format::Json => say!("{}", json!({ "pin": pin, "name": name })),
                Format::Text => say!("The front \"{name}\" may connect."),
            }
        }
        Some(WardenPinCommand::Remove { pin }) => {
            // what protects comes first: the ledger may be full
            pins.remove(pin)?;
            Owner::connect(dir)?.tell(PageRequest::Fronts(FrontRequest::Forget { pin: pin.to_string() }))?;
            match format {
                Format::Json => say!("{}", json!({ "removed": pin })),
                Format::Text => say!("That front connects no more; what is open ends within seconds."),
            }
        }
        Some(WardenPinCommand::List) => {
            let fronts = pins.read()?;
            match format {
                Format::Json => say!("{}", json!(fronts)),
                Format::Text => fronts.iter().for_each(|front| say!("{}  {}", front.pin, front.name)),
            }
        }
    }
    Ok(())
}

/// `leadglass front pin`
pub fn of_front(dir: &Path, format: Format, command: FrontCommand) -> Result<()> {
    let FrontCommand::Pin { introduction, line_key } = command;
    if let Some(path) = introduction {
        take_introduction(dir, &path)?;
    }
    warden_of(dir)?;
    let path = line_key.clone().unwrap_or(folder(dir)?.join(KEY_FILE));
    if !path.exists() {
        let text = hex(Secret32::generate(&mut SystemRandom).expose());
        let mut file = std::fs::File::create_new(&path)
            .with_context(|| format!("{} cannot be made; check the path and the rights", path.display()))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    let pin = own_key(dir, Some(&path))?.1.pin()?;
    match format {
        Format::Json => say!("{}", json!({ "pin": pin })),
        Format::Text => say!("{pin}"),
    }
    if line_key.is_none() {
        eprintln!(
            "warning: the front's key for the line lies in DIR/{FOLDER}/{KEY_FILE} in the clear; whoever carries that disk away can pose as this front until its pin is removed. Keep it elsewhere with --line-key."
        );
    }
    Ok(())
}

/// The warden's pin, as this front knows it.
pub fn warden_of(dir: &Path) -> Result<Pin> {
    let text = std::fs::read(dir.join(FOLDER).join(WARDEN_FILE))
        .context("this front does not know its warden; take its introduction with `leadglass front pin FILE`")?;
    let known: Value = serde_json::from_slice(&text)?;
    Ok(known["pin"].as_str().unwrap_or_default().parse()?)
}

/// The front's own key, as text for the line and as a key.
pub fn own_key(dir: &Path, path: Option<&Path>) -> Result<(Zeroizing<String>, Key)> {
    let kept = dir.join(FOLDER).join(KEY_FILE);
    let path = path.unwrap_or(&kept);
    let text = read_passphrase(path)
        .context("the front's key for the line cannot be read; `leadglass front pin` makes one")?;
    let key = Key::from_text(&text)?;
    Ok((text, key))
}

/// The key's secret as text.
pub fn hex(seed: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in seed {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits are a digit"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits are a digit"));
    }
    text
}

/// Writes down this warden's pin and the site's public half, where no front can write. Called by the warden when it has its root.
pub fn keep_own(dir: &Path, warden: &warden::Warden) -> Result<()> {
    let (made, name) = warden.public_half();
    let site = site_of(&made, name)?;
    let trusted = dir.join("warden");
    match Site::read(&trusted) {
        Ok(kept) if kept == site => {}
        Ok(kept) if has_new_root(&kept, &site) => {
            // the copy first: after a crash in between both are the same, and the next start writes them again
            std::fs::create_dir_all(trusted.join(FORMER))?;
            kept.write(&trusted.join(FORMER))?;
            site.write(&trusted)?;
        }
        _ => site.write(&trusted)?,
    }
    let pin = Key::from_seed(warden.line_seed())?.pin()?.to_string();
    let path = dir.join(OWN_PIN_FILE);
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == pin) {
        return Ok(());
    }
    Ok(replace(&path, pin.as_bytes())?)
}

fn own_pin(dir: &Path) -> Result<Pin> {
    let text = std::fs::read_to_string(dir.join(OWN_PIN_FILE))
        .context("this warden has no pin yet; start it once, which makes one from its root")?;
    Ok(text.parse()?)
}

/// What a front knows of its site.
pub fn site_of(made: &warden::MadeSite, name: &str) -> Result<Site> {
    Ok(Site {
        id: made.site,
        name: name.to_owned(),
        public_key: SitePublicKey::from_bytes(&made.public_key)?,
        verifying_key: VerifyingKey::from_bytes(made.verifying_key),
    })
}

/// Whether `later` is the same site with another root: nothing but the key that fronts seal to is another.
fn has_new_root(before: &Site, later: &Site) -> bool {
    before != later && *before == Site { public_key: before.public_key.clone(), ..later.clone() }
}

/// That `DIR/front/site.json` is what the warden or its introduction says. A front that was taken over can write in its folder: its next
/// start would seal to a key of somebody else. Called before the walls stand.
pub fn check_site(dir: &Path) -> Result<()> {
    let known = match Site::read(&dir.join("warden")) {
        Err(archive::SiteFileError::Missing) => introduced(dir)?,
        known => Some(known?),
    };
    let found = Site::read(&dir.join("front"))?;
    if let Some(known) = &known
        && has_new_root(&found, known)
        && Site::read(&dir.join("warden").join(FORMER)).is_ok_and(|former| former == found)
    {
        // the root was replaced since this front started last
        return Ok(known.write(&dir.join("front"))?);
    }
    if known.is_some_and(|known| known != found) {
        bail!(
            "front/site.json was changed: it names other keys than the warden has, and images would be sealed to somebody else; \
             see what happened, then put back the one of warden/site.json, of the vault or of the introduction"
        );
    }
    Ok(())
}

/// The site of the warden's introduction; none where there was no introduction, or one from before it was kept.
fn introduced(dir: &Path) -> Result<Option<Site>> {
    let Ok(text) = std::fs::read(dir.join(FOLDER).join(WARDEN_FILE)) else { return Ok(None) };
    let known: Value = serde_json::from_slice(&text)?;
    if known["site"].is_null() {
        return Ok(None);
    }
    read_beside(dir, &serde_json::to_vec_pretty(&known["site"])?).map(Some)
}

/// Reads a site from bytes, as its file would be read.
fn read_beside(dir: &Path, site: &[u8]) -> Result<Site> {
    let beside = tempfile::tempdir_in(dir)?;
    std::fs::File::create(beside.path().join(SITE_FILE))?.write_all(site)?;
    Ok(Site::read(beside.path())?)
}

fn site(dir: &Path) -> Result<Value> {
    let trusted = dir.join("warden");
    Site::read(&trusted).context("this warden has not written its public half yet; start it once")?;
    Ok(serde_json::from_slice(&std::fs::read(trusted.join(SITE_FILE))?)?)
}

fn take_introduction(dir: &Path, path: &Path) -> Result<()> {
    let read = std::fs::metadata(path).and_then(|metadata| match metadata.len() {
        0..=INTRODUCTION_BYTES_MAX => std::fs::read(path),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    });
    let text = read.with_context(|| format!("the introduction {} cannot be read; check the path", path.display()))?;
    let introduction: Introduction = serde_json::from_slice(&text)
        .context("that is no introduction; it is what `leadglass warden pin` prints on the warden's machine")?;
    let front = dir.join("front");
    std::fs::create_dir_all(&front)?;
    let site = serde_json::to_vec_pretty(&introduction.site)?;
    match Site::read(&front) {
        Ok(known) => {
            let introduced = read_beside(&front, &site)?;
            if has_new_root(&known, &introduced) {
                // what waits in the outbox is sealed to the key of before, which the warden keeps until it has it
                introduced.write(&front)?;
                eprintln!("The site has a new root. Start this front again, so that it seals to it.");
            } else if introduced != known {
                bail!("this folder belongs to another site; make the front in an empty one with --dir");
            }
        }
        Err(archive::SiteFileError::Missing) => {
            replace(&front.join(SITE_FILE), &site)?;
            Site::read(&front).context("that is no introduction; take a new one with `leadglass warden pin`")?;
        }
        Err(error) => return Err(error.into()),
    }
    let known = json!({ "pin": introduction.pin, "site": introduction.site }).to_string();
    Ok(replace(&folder(dir)?.join(WARDEN_FILE), known.as_bytes())?)
}

fn folder(dir: &Path) -> Result<PathBuf> {
    let folder = dir.join(FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} cannot be made; check the path and the rights", folder.display()))?;
    Ok(folder)
}
