//! How long many studies take to come under another root.

use std::path::Path;
use std::time::Instant as Clock;

use anyhow::{Context, Result, bail};
use protocol::{NewRootAsked, PageReply, PageRequest, UnsealReply, UnsealRequest};
use seal::{MethodKind, MethodSecret, RootEnvelope, RootSecret, SystemRandom};
use warden::{Channel, NewRoot, NoHooks, Settings, Unseal, Warden};

use super::LedgerOptions;
use super::rows::Rows;
use super::site::{self, Sender, connect};

/// Studies that come under it.
const STUDIES: u32 = 100_000;

/// Fills a site, and does what `leadglass unseal new-root` does.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let studies = STUDIES.min(options.studies);
    let folder = tempfile::tempdir_in(options.scratch())?;
    let dir = folder.path();
    site::init(dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let new = new_root(dir)?;
    let filled = start(dir, &new.before)?;
    fill(dir, filled, &runtime, studies)?;

    let (before, plain_start) = seconds(|| start(dir, &new.before))?;
    match runtime.block_on(before.ask_as_owner(ask(dir, &new)?)) {
        Ok(PageReply::Unseal(UnsealReply::NewRootAllowed)) => {}
        Ok(_) => bail!("a new root of a site that is set up is allowed at once"),
        Err(refusal) => bail!(refusal.to_string()),
    }
    let ((), made) = seconds(|| Ok(before.renew_root(&new, &mut NoHooks)?))?;
    let (after, first_start) = seconds(|| start(dir, &new.root))?;
    drop(after);
    let (_, next_start) = seconds(|| start(dir, &new.root))?;
    let what = format!("{studies} studies under a new root, each key and record looked at again, until it is in force");
    rows.row(&what, &format!("{made:.1} s"), "-", None);
    let what = "the start that puts it in place and overwrites the old database";
    rows.row(what, &format!("{first_start:.1} s (before it {plain_start:.1}, after it {next_start:.1})"), "-", None);
    Ok(())
}

fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let began = Clock::now();
    let made = work()?;
    Ok((made, began.elapsed().as_secs_f64()))
}

fn start(dir: &Path, root: &RootSecret) -> Result<Warden> {
    Ok(Warden::start(Settings {
        dir: dir.to_owned(),
        unseal: Unseal::Root { root: root.clone(), by: "passphrase" },
        origin: "http://localhost:8443".to_owned(),
        clock: site::now,
    })?)
}

fn fill(dir: &Path, warden: Warden, runtime: &tokio::runtime::Runtime, studies: u32) -> Result<()> {
    let warden = std::sync::Arc::new(warden);
    runtime.block_on(async {
        let socket = dir.join("front.sock");
        let workers = tokio::runtime::Handle::current();
        let serving = warden::serve(std::sync::Arc::clone(&warden), protocol::bind(&socket)?, Channel::Front, workers);
        let serving = tokio::spawn(serving);
        let client = connect(&socket).await?;
        Sender::new(&client).await?.fill(&client, 0, studies).await?;
        drop(client);
        serving.abort();
        anyhow::Ok(())
    })?;
    // whoever answered the last request lets go of it
    let mut shared = warden;
    loop {
        match std::sync::Arc::try_unwrap(shared) {
            Ok(last) => {
                drop(last);
                return Ok(());
            }
            Err(still) => shared = still,
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Another root for the passphrase and nothing else.
fn new_root(dir: &Path) -> Result<NewRoot> {
    let old = RootEnvelope::from_json(&std::fs::read(dir.join("warden/root.json"))?)?;
    let before = old.unseal_with_passphrase(site::PASSPHRASE)?;
    let root = RootSecret::generate(&mut SystemRandom);
    let passphrase = MethodSecret::Passphrase(site::PASSPHRASE.to_owned().into());
    let methods = old.methods()?;
    let method = methods.iter().find(|method| method.kind == MethodKind::Passphrase);
    let stay = [(method.context("init seals to a passphrase")?.id, passphrase)];
    let (envelope, stayed) = old.renewed(&before, &root, &stay, &mut SystemRandom)?;
    Ok(NewRoot { before, root, envelope, stayed })
}

fn ask(dir: &Path, new: &NewRoot) -> Result<PageRequest> {
    let json = std::fs::read(dir.join("warden/root.json"))?;
    let methods = RootEnvelope::from_json(&json)?.methods()?;
    let mut removed: Vec<String> = methods.iter().map(|method| method.id.to_string()).collect();
    removed.retain(|id| !new.stayed.iter().any(|(before, _)| before.to_string() == *id));
    let mut asked =
        NewRootAsked { based_on: seal::sha256(&json), removed, leave_only_machines: false, signature: Vec::new() };
    asked.signature = new.before.unseal_signing_key().sign(&asked.message()).to_vec();
    Ok(PageRequest::Unseal(UnsealRequest::NewRoot(Box::new(asked))))
}
