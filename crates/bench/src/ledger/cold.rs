//! How long many studies take to go cold.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant as Clock;

use anyhow::{Context, Result, bail, ensure};
use model::{HolderKind, Instant};
use protocol::{ColdAsk, ColdReply, HolderChallenge, HolderProof, NewHolder, PageReply, PageRequest};
use seal::{HolderSecret, SystemRandom, holder_set_digest};
use warden::{Channel, Settings, Unseal, Warden};

use super::LedgerOptions;
use super::rows::Rows;
use super::site::{self, Sender, connect};

/// Studies that go cold.
const STUDIES: u32 = 100_000;
/// Who holds shares, and how many are needed.
const HOLDERS: usize = 3;
const THRESHOLD: u8 = 2;
/// It may take so long, in seconds.
const SECONDS_MAX: f64 = 60.0;
/// Longer than the rule lets a study stay warm without a relationship.
const LATER_SECONDS: i64 = 40 * 86_400;

/// How far the clock of this measurement is ahead, in seconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

fn clock() -> Instant {
    site::now().plus_seconds(AHEAD.load(Ordering::SeqCst))
}

/// Fills a site, names holders, lets the time pass, and sweeps.
pub fn measure(options: &LedgerOptions, rows: &mut Rows) -> Result<()> {
    let studies = STUDIES.min(options.studies);
    let folder = tempfile::tempdir_in(options.scratch())?;
    site::init(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let settings = Settings {
            dir: folder.path().to_owned(),
            unseal: Unseal::Passphrase(site::PASSPHRASE.to_owned()),
            origin: "http://localhost:8443".to_owned(),
            clock,
        };
        let warden = std::sync::Arc::new(Warden::start(settings)?);
        let socket = folder.path().join("front.sock");
        let workers = tokio::runtime::Handle::current();
        let serving = warden::serve(std::sync::Arc::clone(&warden), protocol::bind(&socket)?, Channel::Front, workers);
        tokio::spawn(serving);
        let client = connect(&socket).await?;
        Sender::new(&client).await?.fill(&client, 0, studies).await?;
        let secrets: Vec<_> = (0..HOLDERS).map(|_| HolderSecret::generate(&mut SystemRandom)).collect();
        let holder = |(number, secret): (usize, &HolderSecret)| NewHolder {
            name: format!("holder {}", number + 1),
            kind: HolderKind::Sharing,
            public: secret.public().to_bytes(),
        };
        let holders = secrets.iter().enumerate().map(holder).collect();
        ask(&warden, ColdAsk::SetHolders { threshold: THRESHOLD, holders }).await?;
        for secret in &secrets {
            prove(&warden, secret).await?;
        }
        AHEAD.store(LATER_SECONDS, Ordering::SeqCst);
        let began = Clock::now();
        let ColdReply::Swept(swept) = ask(&warden, ColdAsk::Sweep).await? else { bail!("a sweep says what went cold") };
        let took = began.elapsed().as_secs_f64();
        ensure!(swept.studies == u64::from(studies), "all of them went cold: {}", swept.studies);
        rows.row(
            &format!(
                "{studies} studies go cold ({THRESHOLD} of {HOLDERS} holders), rotation of the epoch key included"
            ),
            &format!("{took:.1} s"),
            &format!("{SECONDS_MAX:.0} s"),
            Some(took <= SECONDS_MAX),
        );
        Ok(())
    })
}

/// A holder shows their key: before all have, nothing goes cold.
async fn prove(warden: &Warden, secret: &HolderSecret) -> Result<()> {
    let holder = secret.public().id();
    let ColdReply::Challenge(signed) = ask(warden, ColdAsk::Challenge { holder }).await? else {
        bail!("a holder is given a challenge")
    };
    let asked: HolderChallenge = serde_json::from_str(&signed.challenge)?;
    let sealed = hex::decode(&asked.sealed)?;
    let info = HolderChallenge::info(asked.site, asked.generation, holder);
    let answer = secret.open_message(&info, &sealed).context("a challenge opens")?;
    let answer = hex::encode(&answer);
    let set = hex::encode(holder_set_digest(asked.site, asked.generation, asked.threshold, &asked.to));
    let message = HolderProof::message(asked.site, asked.generation, &set, &answer);
    let signature = hex::encode(secret.sign(&message));
    let proof = HolderProof { generation: asked.generation, holder, answer, signature };
    ask(warden, ColdAsk::Prove(proof)).await.map(drop)
}

async fn ask(warden: &Warden, asked: ColdAsk) -> Result<ColdReply> {
    match warden.ask_as_owner(PageRequest::Cold(asked)).await {
        Ok(PageReply::Cold(reply)) => Ok(reply),
        Ok(_) => bail!("another question was answered"),
        Err(refusal) => bail!(refusal.to_string()),
    }
}
