//! `leadglass cold holder`: making a holder's key, and the program that answers for orders.
//!
//! The program is a second party: it runs where the warden's administrators have no access, holds its own key, and keeps its own count. It
//! releases one patient at a time, for orders only, and writes a line to its log, synced, before anything leaves. A warden that lies to it
//! gets at most a day's budget of patients and studies a day, and the log says which: a share is bound to no patient, so their count is the bound.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use model::WarmingBasis;
use protocol::{ColdAsk, ColdHandOver, ColdReply, PageReply, PageRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cold::answer;
use super::init::read_passphrase;
use crate::cli::Format;
use crate::holder::{Holder, PublicFile, SiteKey, make};
use crate::output::say;
use crate::owner::Owner;
use crate::{control, time};

/// How often requests are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// How much a holder releases alone in a day.
#[derive(Clone, Copy)]
pub struct DayBudget {
    pub patients: usize,
    pub studies: usize,
}

impl DayBudget {
    fn allows(self, day: &[&Line], studies: u32) -> bool {
        let released: usize = day.iter().map(|line| line.studies as usize).sum();
        day.len() < self.patients && released + studies as usize <= self.studies
    }
}

/// One line of the log.
#[derive(Serialize, Deserialize)]
struct Line {
    at: i64,
    request: u64,
    patient: u32,
    studies: u32,
    /// Whose shares were released.
    #[serde(default)]
    released: Vec<u32>,
}

/// Makes a holder's key.
pub fn new_holder(
    dir: &Path,
    format: Format,
    name: &str,
    out: &Path,
    passphrase_file: Option<&Path>,
    site_key: Option<&Path>,
) -> Result<()> {
    let default = dir.join("ledger/site.vkey");
    let site = SiteKey::read(site_key.unwrap_or(&default))?;
    let passphrase = passphrase_file.map(read_passphrase).transpose()?;
    let (file, public) = make(name, &site, passphrase.as_deref().map(String::as_str))?;
    let mut public_path = out.as_os_str().to_owned();
    public_path.push(".pub");
    for (path, content) in [(out, file.as_str()), (Path::new(&public_path), public.as_str())] {
        let mut written = std::fs::File::create_new(path).with_context(|| {
            format!("{} cannot be written; name a new file in a folder that is there", path.display())
        })?;
        written.write_all(content.as_bytes())?;
        written.write_all(b"\n")?;
        written.sync_all()?;
    }
    let (_, key) = PublicFile::read(Path::new(&public_path))?;
    let id = key.id().to_string();
    let public_path = Path::new(&public_path).display().to_string();
    answer(format, &json!({ "holder": out, "public": public_path, "words": passphrase.is_none(), "id": id }), || {
        let keep = if passphrase.is_some() {
            "Keep it with the holder, away from the archive's machine."
        } else {
            "It holds words: print them, give them to the holder, and remove the file from this machine."
        };
        format!(
            "{} is the holder's own. {keep}\n{public_path} is for `leadglass cold init`.\n\
             Its key id is {id}: read it out to the officer, who compares it before approving.",
            out.display()
        )
    })
}

/// Answers requests of orders until SIGTERM or SIGINT.
pub fn serve_holder(
    dir: &Path,
    socket: &Path,
    share_file: &Path,
    passphrase_file: &Path,
    budget: DayBudget,
    log: &Path,
) -> Result<()> {
    control::log_to_stderr("holder");
    control::keep_to_itself("holder");
    let ending = control::ending();
    let passphrase = read_passphrase(passphrase_file)?;
    let holder = Holder::open(share_file, Some(passphrase.as_str()), &dir.join("ledger/site.vkey"))?;
    drop(passphrase);
    let mut released = lines(log)?;
    let unwritable = || format!("{} cannot be written; check the path and the rights", log.display());
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log).with_context(unwritable)?;
    if std::fs::read(log)?.last().is_some_and(|last| *last != b'\n') {
        // the next line must not join a torn one, which would count neither
        file.write_all(b"\n").with_context(unwritable)?;
    }
    say!(
        "{}",
        json!({ "ready": true, "role": "holder", "pid": std::process::id(), "holder": holder.id().to_string() })
    );
    loop {
        // the warden may be away: that is looked at again
        if let Ok(warden) = Owner::connect_to(socket)
            && let Err(error) = look(&warden, &holder, budget, &mut released, &mut file)
        {
            tracing::warn!(%error, "requests could not be answered; it is tried again");
        }
        if ending.recv_timeout(LOOK_EVERY).is_ok() {
            return Ok(());
        }
    }
}

/// Answers what waits.
fn look(
    warden: &Owner,
    holder: &Holder,
    budget: DayBudget,
    released: &mut Vec<Line>,
    file: &mut std::fs::File,
) -> Result<()> {
    let ColdReply::Requests(rows) = ask(warden, ColdAsk::Requests)? else {
        bail!("the warden answered something else; run the same version")
    };
    for row in rows.iter().filter(|row| row.basis == WarmingBasis::Order) {
        let now = time::now();
        let asked = ColdAsk::Request { request: row.request, holder: holder.id() };
        // one order that this holder has no share of keeps no other waiting
        let signed = match ask(warden, asked) {
            Ok(ColdReply::Request(signed)) => signed,
            Ok(_) => bail!("the warden answered something else; run the same version"),
            Err(error) => {
                tracing::debug!(%error, request = %row.request, "an order is for other holders");
                continue;
            }
        };
        // only what the site signed counts, not what the list said
        let request = holder.read(&signed)?;
        let studies: BTreeSet<u32> = request.shares.iter().map(|share| share.study.0).collect();
        // a request may stay open for studies that come to this holder later
        let answered = |line: &Line| {
            line.request == request.request.0
                && (line.released.is_empty() || studies.iter().all(|study| line.released.contains(study)))
        };
        if request.basis != WarmingBasis::Order || request.until <= now || released.iter().any(answered) {
            continue;
        }
        let day: Vec<&Line> =
            released.iter().rev().take_while(|line| now.plus_seconds(-DAY_SECONDS).0 < line.at).collect();
        if !budget.allows(&day, request.studies) {
            tracing::warn!(request = %row.request, "the day's budget is used up; an order waits");
            return Ok(());
        }
        let line = Line {
            at: now.0,
            request: request.request.0,
            patient: request.patient.0,
            studies: request.studies,
            released: studies.into_iter().collect(),
        };
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
        file.sync_all()?;
        released.push(line);
        let approval = holder.approve(&request)?;
        let warmed = match ask(warden, ColdAsk::Approve(approval)) {
            Ok(ColdReply::Approved { warmed, .. }) => warmed,
            Ok(_) => bail!("the warden answered something else; run the same version"),
            Err(error) => {
                tracing::warn!(%error, request = %request.request, "the warden did not take the shares of an order");
                continue;
            }
        };
        tracing::info!(request = %request.request, warmed, "the priors of an order are warm");
    }
    Ok(())
}

/// Where a holder's requests go.
fn warden_at(dir: &Path, socket: Option<&Path>) -> Result<Owner> {
    Ok(match socket {
        None => Owner::connect(dir)?,
        Some(socket) => Owner::connect_to(socket).map_err(|error| {
            let away = || anyhow!("nobody answers at {}; see whether the line to the warden is up", socket.display());
            error.unwrap_or_else(away)
        })?,
    })
}

/// Shows that this holder has the key that the site was given.
pub fn prove(dir: &Path, format: Format, socket: Option<&Path>, holder: &Holder) -> Result<()> {
    let warden = warden_at(dir, socket)?;
    let ColdReply::Challenge(signed) = ask(&warden, ColdAsk::Challenge { holder: holder.id() })? else {
        bail!("the warden answered something else; run the same version")
    };
    ask(&warden, ColdAsk::Prove(holder.prove(&signed)?))?;
    answer(format, &json!({ "proved": holder.id().to_string() }), || {
        format!("This holder has the key that the site was given. Its key id is {}.", holder.id())
    })
}

/// Lets nothing go before the holder has said to whom: by the digest of the set, or with a yes at the terminal.
fn agreed(to: Option<&str>, set: &str) -> Result<()> {
    match to {
        Some(to) if to == set => Ok(()),
        Some(_) => {
            bail!("the holders are others than --to says ({set}); hand nothing over, and ask the officer who they are")
        }
        None if std::io::stdin().is_terminal() => {
            eprint!("Set {set}. Hand everything over to them? Type yes: ");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            if line.trim() == "yes" { Ok(()) } else { bail!("nothing was handed over; begin again once you are sure") }
        }
        None => bail!("nothing says to whom; compare the set with the officer's page and give it with --to {set}"),
    }
}

/// Hands over every share that is closed to holders of before, page by page.
pub fn hand_over(dir: &Path, format: Format, socket: Option<&Path>, to: Option<&str>, holder: &Holder) -> Result<()> {
    let warden = warden_at(dir, socket)?;
    let (mut after, mut first) = (None, None);
    let (mut handed, mut reclosed, mut waiting, mut behind, mut damaged) = (0, 0, 0, 0, 0);
    loop {
        let asked = ColdAsk::HandOver { holder: holder.id(), after };
        let ColdReply::HandOver(signed) = ask(&warden, asked)? else {
            bail!("the warden answered something else; run the same version")
        };
        let page = holder.read_hand_over(&signed)?;
        let decided = (page.exchange, page.generation, page.threshold, page.to.clone());
        match &first {
            None => {
                if format == Format::Text || to.is_none() {
                    show_hand_over(&page);
                }
                agreed(to, &holder.set_of(&page))?;
                first = Some(decided);
            }
            // one look serves for one exchange
            Some(first) if *first == decided => {}
            Some(_) => bail!("other holders were named in the meantime; begin once more, and look at who they are"),
        }
        if !page.shares.is_empty() {
            let (shares, unopened) = holder.hand_over(&page)?;
            let ColdReply::HandedOver(page_done) = ask(&warden, ColdAsk::HandedOver(shares))? else {
                bail!("the warden answered something else; run the same version")
            };
            handed += page.shares.len() - unopened;
            damaged += unopened as u64 + page_done.damaged;
            reclosed += page_done.reclosed;
            waiting += page_done.waiting;
            behind = page_done.behind;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let value = json!({ "handed_over": handed, "reclosed": reclosed, "waiting": waiting, "damaged": damaged, "behind": behind });
    if damaged > 0 {
        tracing::warn!(damaged, "boxes are damaged");
        eprintln!(
            "{damaged} boxes are damaged and stay with their holders; restore warden.db from the vault, then hand over again."
        );
    }
    answer(format, &value, || match (handed, behind) {
        (0, _) => "This holder has no share of what holders of an earlier set still have.".to_owned(),
        (_, 0) => format!(
            "{handed} shares are handed over. Nothing is left with holders of an earlier set. Keep this file until every vault was synced \
             after this, and as long as an older generation may be restored ({} syncs).",
            warden::VAULT_WINDOW_SNAPSHOTS
        ),
        _ => format!(
            "{handed} shares are handed over; {waiting} of them wait for further holders, for four hours at most. {behind} cold studies are \
             still with holders of an earlier set."
        ),
    })
}

/// Tells a holder on standard error who is to hold it from then on.
fn show_hand_over(page: &ColdHandOver) {
    eprintln!("Exchange {}: {} of these holders are needed from then on:", page.exchange, page.threshold);
    for holder in &page.to {
        eprintln!("  {}\t{:?}\t{}", holder.key, holder.kind, holder.name);
    }
}

fn ask(warden: &Owner, asked: ColdAsk) -> Result<ColdReply> {
    match warden.ask(PageRequest::Cold(asked))? {
        PageReply::Cold(reply) => Ok(reply),
        _ => bail!("the warden answered something else; run the same version"),
    }
}

/// What was released before: the budget outlives a restart.
fn lines(log: &Path) -> Result<Vec<Line>> {
    let text = match std::fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read; check the rights", log.display())),
    };
    // a torn last line belongs to a release that did not happen
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
