//! `leadglass cold`, `shred`, `rotate`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use model::{ColdRule, EntryNumber, HolderKind, Instant, Priors};
use protocol::{
    AskForCold, ColdApproval, ColdAsk, ColdReply, ColdRequest, ColdState, NewHolder, PageReply, PageRequest,
    ShredCertificate, SignedColdRequest,
};
use serde_json::{Value, json};

use super::approve::told;
use super::holder::{DayBudget, hand_over, new_holder, prove, serve_holder};
use super::init::read_passphrase;
use super::manage::when;
use crate::cli::{ColdCommand, Format, HolderCommand, ShredArgs};
use crate::control;
use crate::holder::{Holder, PublicFile, read};
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// What comes after naming holders.
const PROVE: &str =
    "Next, each of them runs once: leadglass cold holder prove --share-file FILE.holder --passphrase-file -";

/// `leadglass cold`
pub fn cold(dir: &Path, format: Format, command: ColdCommand) -> Result<()> {
    match command {
        ColdCommand::Holder(HolderCommand::New { name, out, passphrase_file, site_key }) => {
            new_holder(dir, format, &name, &out, passphrase_file.as_deref(), site_key.as_deref())
        }
        ColdCommand::Holder(HolderCommand::Serve {
            socket,
            share_file,
            passphrase_file,
            per_day,
            studies_per_day,
            log,
        }) => {
            let budget = DayBudget { patients: per_day, studies: studies_per_day };
            serve_holder(dir, &socket, &share_file, &passphrase_file, budget, &log)
        }
        ColdCommand::Holder(HolderCommand::Replace { threshold, holders, emergency, service }) => {
            let holders = named(holders, emergency, service)?;
            let count = holders.len();
            let Some(reply) = named_holders(dir, format, ColdAsk::ReplaceHolders { threshold, holders })? else {
                return Ok(());
            };
            let ColdReply::HoldersSet { generation } = reply else { return other() };
            let ColdReply::State(state) = ask(dir, ColdAsk::State)? else { return other() };
            let value = json!({ "generation": generation, "holders": count, "behind": state.behind });
            answer(format, &value, || {
                format!(
                    "{count} holders are named; {threshold} of those with shares are needed. {PROVE} Until all have, nothing goes cold and \
                     nothing is handed over. {} cold studies stay with their holders until enough of those have run: \
                     leadglass cold holder hand-over --share-file ...",
                    state.behind
                )
            })
        }
        ColdCommand::Holder(HolderCommand::HandOver { socket, share_file, passphrase_file, site_key, to }) => {
            let holder = opened(dir, &share_file, passphrase_file.as_deref(), site_key)?;
            hand_over(dir, format, socket.as_deref(), to.as_deref(), &holder)
        }
        ColdCommand::Holder(HolderCommand::Prove { socket, share_file, passphrase_file, site_key }) => {
            let holder = opened(dir, &share_file, passphrase_file.as_deref(), site_key)?;
            prove(dir, format, socket.as_deref(), &holder)
        }
        ColdCommand::Init { threshold, holders, emergency, service } => {
            let holders = named(holders, emergency, service)?;
            let count = holders.len();
            let Some(reply) = named_holders(dir, format, ColdAsk::SetHolders { threshold, holders })? else {
                return Ok(());
            };
            let ColdReply::HoldersSet { generation } = reply else { return other() };
            answer(format, &json!({ "generation": generation, "holders": count }), || {
                format!(
                    "{count} holders are named; {threshold} of those with shares are needed. {PROVE} Studies go cold once all have."
                )
            })
        }
        ColdCommand::State => state(dir, format),
        ColdCommand::Rule { after, priors, service_per_day, emergency_per_day } => {
            let now = Instant(0);
            let after_seconds = when("--after", &after, Direction::Ahead, now)?.0 / model::SECOND;
            let rule = ColdRule { after_seconds, priors: priors_of(&priors)?, service_per_day, emergency_per_day };
            let Some(_) = decided(dir, format, ColdAsk::SetRule(rule))? else { return Ok(()) };
            answer(format, &json!({ "rule": rule }), || "The rule holds from the next sweep on.".to_owned())
        }
        ColdCommand::Sweep => {
            let ColdReply::Swept(swept) = ask(dir, ColdAsk::Sweep)? else { return other() };
            answer(format, &json!(swept), || {
                format!(
                    "{} studies went cold, {} warmed ones ended, {} requests for priors were made, {} keys were wrapped again.",
                    swept.studies, swept.ended, swept.asked, swept.rotated
                )
            })
        }
        ColdCommand::Ask { whom, reason, until, emergency } => {
            let until = when("--until", &until, Direction::Ahead, time::now())?;
            let asked = AskForCold { whom, reason, until, emergency };
            let ColdReply::Asked { request, studies } = ask(dir, ColdAsk::Ask(asked))? else { return other() };
            answer(format, &json!({ "request": request, "studies": studies }), || {
                format!(
                    "Request {request} for {studies} cold studies waits for the holders: leadglass cold approve {request} --share-file ..."
                )
            })
        }
        ColdCommand::Requests => requests(dir, format),
        ColdCommand::Show { request, holder, out } => {
            let (_, key) = PublicFile::read(&holder)?;
            let reply = ask(dir, ColdAsk::Request { request: EntryNumber(request), holder: key.id() })?;
            let ColdReply::Request(signed) = reply else { return other() };
            write_new(&out, serde_json::to_string_pretty(&signed)?.as_bytes())?;
            answer(format, &json!({ "written": out }), || format!("Request {request} is in {}.", out.display()))
        }
        ColdCommand::Approve { request, request_file, share_file, passphrase_file, site_key, out } => {
            let holder = opened(dir, &share_file, passphrase_file.as_deref(), site_key)?;
            match (request, request_file, out) {
                (Some(request), _, _) => {
                    let asked = ColdAsk::Request { request: EntryNumber(request), holder: holder.id() };
                    let ColdReply::Request(signed) = ask(dir, asked)? else { return other() };
                    let request = holder.read(&signed)?;
                    show(format, &request);
                    bring(dir, format, holder.approve(&request)?)
                }
                (None, Some(file), Some(out)) => {
                    let signed: SignedColdRequest = serde_json::from_str(&read(&file)?).with_context(|| {
                        format!("{} is no request; `leadglass cold show` writes it", file.display())
                    })?;
                    let request = holder.read(&signed)?;
                    show(format, &request);
                    write_new(&out, serde_json::to_string(&holder.approve(&request)?)?.as_bytes())?;
                    answer(format, &json!({ "written": out }), || {
                        format!("The approval is in {}; bring it with `leadglass cold submit`.", out.display())
                    })
                }
                _ => bail!("nothing says which request; give its number, or --request-file and --out"),
            }
        }
        ColdCommand::Submit { file } => {
            let approval: ColdApproval = serde_json::from_str(&read(&file)?)
                .with_context(|| format!("{} is no approval; `leadglass cold approve` writes it", file.display()))?;
            bring(dir, format, approval)
        }
        ColdCommand::Withdraw { request } => {
            ask(dir, ColdAsk::Withdraw { request: EntryNumber(request) })?;
            answer(format, &json!({ "withdrawn": request }), || format!("Request {request} is taken back."))
        }
    }
}

/// Opens a holder's file, in a process that keeps it to itself.
fn opened(dir: &Path, file: &Path, passphrase_file: Option<&Path>, site_key: Option<PathBuf>) -> Result<Holder> {
    control::keep_to_itself("holder");
    let passphrase = passphrase_file.map(read_passphrase).transpose()?;
    let site_key = site_key.unwrap_or_else(|| dir.join("ledger/site.vkey"));
    Holder::open(file, passphrase.as_deref().map(String::as_str), &site_key)
}

/// Asks for holders to be named. Where that waits for others it is said what comes afterwards.
fn named_holders(dir: &Path, format: Format, asked: ColdAsk) -> Result<Option<ColdReply>> {
    let reply = decided(dir, format, asked)?;
    if reply.is_none() && format == Format::Text {
        say!("{PROVE} Nothing goes cold before all have.");
    }
    Ok(reply)
}

/// `leadglass rotate`
pub fn rotate(dir: &Path, format: Format) -> Result<()> {
    let Some(reply) = decided(dir, format, ColdAsk::Rotate)? else { return Ok(()) };
    let ColdReply::Rotated(rotated) = reply else { return other() };
    answer(format, &json!(rotated), || {
        format!(
            "Epoch {}: {} keys were wrapped again, the older epoch keys are destroyed.",
            rotated.epoch, rotated.keys
        )
    })
}

/// `leadglass shred`
pub fn shred(dir: &Path, format: Format, arguments: &ShredArgs) -> Result<()> {
    let asked = match (arguments.certificate, &arguments.whom, &arguments.reason) {
        (Some(entry), ..) => ColdAsk::Certificate { entry: EntryNumber(entry) },
        (None, Some(whom), Some(reason)) => ColdAsk::Shred { whom: whom.clone(), reason: reason.clone() },
        _ => bail!("nothing says what to destroy; give patient:ISSUER/ID or study:UID and --reason"),
    };
    let Some(reply) = decided(dir, format, asked)? else { return Ok(()) };
    let ColdReply::Certificates(certificates) = reply else { return other() };
    let values: Vec<Value> = certificates.iter().map(certificate_value).collect();
    answer(format, &json!({ "certificates": values }), || {
        certificates.iter().map(certificate_text).collect::<Vec<_>>().join("\n")
    })
}

fn certificate_value(certificate: &ShredCertificate) -> Value {
    json!({
        "entry": certificate.entry,
        "study": certificate.study,
        "keys": certificate.keys,
        "removed": time::show(certificate.removed),
        "destroyed": certificate.destroyed.map(time::show),
        "snapshots_since": certificate.snapshots_since,
        "snapshots_needed": warden::VAULT_WINDOW_SNAPSHOTS,
        "out_of_vaults": certificate.out_of_vaults.map(time::show),
    })
}

fn certificate_text(certificate: &ShredCertificate) -> String {
    let here = match certificate.destroyed {
        Some(at) => format!("nothing in DIR opens it since {}", time::show(at)),
        None => "the old epoch key is not destroyed yet; the next sweep does it".to_owned(),
    };
    let vaults = match certificate.out_of_vaults {
        Some(at) => format!("one vault that is synced alone holds no copy of its keys since {}", time::show(at)),
        None => format!(
            "a vault may hold a copy of its keys until {} further syncs ({} so far); until then 'destroyed' is not true of it",
            warden::VAULT_WINDOW_SNAPSHOTS,
            certificate.snapshots_since
        ),
    };
    format!(
        "Study {} (entry {}): {} keys removed on {}; {here}; {vaults}. File systems that copy on write, and flash, may keep old blocks longer.",
        certificate.study,
        certificate.entry,
        certificate.keys,
        time::show(certificate.removed)
    )
}

fn state(dir: &Path, format: Format) -> Result<()> {
    let ColdReply::State(state) = ask(dir, ColdAsk::State)? else { return other() };
    answer(format, &json!(state), || {
        let mut lines = vec![if state.generation == 0 {
            "No holders are named, so nothing goes cold: leadglass cold init.".to_owned()
        } else {
            format!("Holders, generation {}, {} shares needed:", state.generation, state.threshold)
        }];
        lines
            .extend(state.holders.iter().map(|holder| format!("  {}\t{:?}\t{}", holder.key, holder.kind, holder.name)));
        if state.generation > 0 && !state.takes {
            lines.push(missing_proofs(&state));
        }
        lines.push(format!(
            "{} studies are cold, {} are warmed, {} requests wait.",
            state.cold, state.warm, state.requests
        ));
        if state.behind > 0 {
            let how = match &state.exchange {
                Some(open) => format!("they hand over until {}", time::show(open.until)),
                None => "`leadglass cold holder replace` lets others hold them".to_owned(),
            };
            lines.push(format!("{} cold studies are with holders of an earlier set: {how}.", state.behind));
        }
        if let Some(open) = &state.exchange {
            lines.push(format!("What holders of before hand over goes to the set {} (--to).", open.set));
        }
        if let Some(open) = state.exchange.as_ref().filter(|open| !open.waiting.is_empty()) {
            lines.push(format!("Handed over, and waiting for further holders: {}.", open.waiting.join(", ")));
        }
        if state.rotation_owed {
            lines.push("An old epoch key waits for its destruction; the next sweep does it.".to_owned());
        }
        lines.join("\n")
    })
}

/// Why nothing goes cold although holders are named.
pub(super) fn missing_proofs(state: &ColdState) -> String {
    if state.unproven.is_empty() {
        return "Nothing goes cold: the holders' keys are not in warden.db. Name them again with `leadglass cold init`.".to_owned();
    }
    format!(
        "Nothing goes cold and nothing is handed over before these have shown their key with `leadglass cold holder prove`: {}.",
        state.unproven.join(", ")
    )
}

fn requests(dir: &Path, format: Format) -> Result<()> {
    let ColdReply::Requests(rows) = ask(dir, ColdAsk::Requests)? else { return other() };
    answer(format, &json!(rows), || {
        let line = |row: &protocol::ColdRequestRow| {
            let behind: Vec<&str> = row.endorsed.iter().map(|one| one.name.as_str()).collect();
            let behind =
                if behind.is_empty() { String::new() } else { format!(" (approved by {})", behind.join(", ")) };
            format!(
                "{}\t{:?}\tpatient {}\t{} studies\tuntil {}\t{} of {}\t{}: {}{behind}",
                row.request,
                row.basis,
                row.patient,
                row.studies,
                time::show(row.until),
                row.approved,
                row.threshold,
                row.actor,
                row.reason
            )
        };
        if rows.is_empty() {
            "No request waits.".to_owned()
        } else {
            rows.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    })
}

/// Tells a holder on standard error what is about to be released.
fn show(format: Format, request: &ColdRequest) {
    if format == Format::Text {
        eprintln!(
            "Request {} by {} ({:?}): {} cold studies of patient {}, until {}. Reason: {}. {}",
            request.request,
            request.actor,
            request.basis,
            request.studies,
            request.patient,
            time::show(request.until),
            request.reason,
            if request.endorsed.is_empty() {
                "No officer or administrator has approved it.".to_owned()
            } else {
                format!("Approved by {}.", request.endorsed.join(", "))
            }
        );
    }
}

fn bring(dir: &Path, format: Format, approval: ColdApproval) -> Result<()> {
    let ColdReply::Approved { warmed, missing, left, until } = ask(dir, ColdAsk::Approve(approval))? else {
        return other();
    };
    let value = json!({ "warmed": warmed, "missing": missing, "left": left, "until": time::show(until) });
    answer(format, &value, || match missing {
        _ if warmed > 0 && left > 0 => format!(
            "{warmed} studies open until {}. {left} more of this request stay cold: they are with other holders, and the request stays open for those.",
            time::show(until)
        ),
        0 => format!("{warmed} studies open until {}.", time::show(until)),
        more => format!("Taken. {more} more holders are needed."),
    })
}

/// The holders that public keys name, each with what it may do.
fn named(holders: Vec<PathBuf>, emergency: Vec<PathBuf>, service: Vec<PathBuf>) -> Result<Vec<NewHolder>> {
    let kinds = [(holders, HolderKind::Sharing), (emergency, HolderKind::Emergency), (service, HolderKind::Service)];
    let files = kinds.into_iter().flat_map(|(files, kind)| files.into_iter().map(move |file| (file, kind)));
    let read = |(file, kind): (PathBuf, HolderKind)| {
        PublicFile::read(&file).map(|(name, key)| NewHolder { name, kind, public: key.to_bytes() })
    };
    files.map(read).collect()
}

fn priors_of(text: &str) -> Result<Priors> {
    match (text, text.strip_suffix('y').and_then(|years| years.parse().ok())) {
        ("all", _) => Ok(Priors::All),
        ("none", _) => Ok(Priors::None),
        (_, Some(years)) => Ok(Priors::Years(years)),
        _ => bail!("--priors {text} is not usable; give all, none, or years as in 5y"),
    }
}

/// Asks for what may have to wait for a second person; then that was said already.
fn decided(dir: &Path, format: Format, asked: ColdAsk) -> Result<Option<ColdReply>> {
    match Owner::connect(dir)?.ask(PageRequest::Cold(asked))? {
        PageReply::Cold(reply) => Ok(Some(reply)),
        waits => told(format, waits).map(|()| None),
    }
}

fn ask(dir: &Path, asked: ColdAsk) -> Result<ColdReply> {
    match Owner::connect(dir)?.ask(PageRequest::Cold(asked))? {
        PageReply::Cold(reply) => Ok(reply),
        _ => other(),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = std::fs::File::create_new(path)
        .with_context(|| format!("{} cannot be written; name a new file in a folder that is there", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

pub(super) fn answer(format: Format, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
    match format {
        Format::Json => say!("{value}"),
        Format::Text => say!("{}", text()),
    }
    Ok(())
}

fn other<T>() -> Result<T> {
    bail!("the warden answered something else; run commands and serve from the same version")
}
