//! `leadglass doctor`: what is wrong with an installation, and what to do.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use protocol::{PageReply, PageRequest};
use serde_json::{Value, json};

use super::ledger::{in_words, seen, sink_in_words};
use super::supervise::{PARENT, WORKERS, walls_file};
use super::workers;
use crate::cli::Format;
use crate::output::say;
use crate::owner::Owner;

struct Finding {
    holds: bool,
    what: String,
    hint: &'static str,
}

/// Whether two persons stand behind what is dangerous here. A practice of one is said, not called wrong.
fn look_at_approvals(proposals: &protocol::Proposals, look: &mut impl FnMut(bool, String, &'static str)) {
    let persons = match proposals.deciders {
        0 => "nobody has enrolled as officer or administrator: the owner of the machine acts alone".to_owned(),
        1 => format!(
            "one person decides here: changes wait {} s, and {} were made on the word of one person",
            proposals.rule.delay_seconds, proposals.one_person
        ),
        count => format!("{count} persons decide here; {} changes were made on the word of one", proposals.one_person),
    };
    look(true, persons, "");
    look(
        proposals.rule.delay_seconds >= model::ApprovalRule::DELAY_SECONDS_ADVISED,
        format!("changes of roles and reach wait {} s", proposals.rule.delay_seconds),
        "propose a delay of a day with `leadglass propose rule --delay 24h`",
    );
    look(true, format!("{} proposals are open", proposals.rows.len()), "");
}

/// Whether old studies go cold, and whether what was taken away is destroyed.
fn look_at_cold(state: &protocol::ColdState, look: &mut impl FnMut(bool, String, &'static str)) {
    let cold = match state.generation {
        0 => {
            "no holders are named: nothing goes cold, and a machine taken over opens everything (`leadglass cold init`)"
                .to_owned()
        }
        _ => format!(
            "{} studies are cold, {} holders are needed, {} requests wait",
            state.cold, state.threshold, state.requests
        ),
    };
    look(true, cold, "");
    if state.generation > 0 {
        let (what, hint) = match (state.takes, state.unproven.as_slice()) {
            (true, _) => ("every holder has shown their key".to_owned(), ""),
            (false, []) => (
                "nothing goes cold: the holders' keys are not in warden.db".to_owned(),
                "name them again with `leadglass cold init`",
            ),
            (false, missing) => (
                format!("nothing goes cold before these holders have shown their key: {}", missing.join(", ")),
                "each of them runs `leadglass cold holder prove`; name others with `leadglass cold holder replace` if one cannot",
            ),
        };
        look(state.takes, what, hint);
    }
    look(
        !state.rotation_owed,
        "no old epoch key waits for its destruction".to_owned(),
        "run `leadglass cold sweep`, and see the log of the warden if that fails",
    );
}

/// Whether images cross a network in the clear. A network of its own may be what a site has instead, so it is said, not called wrong.
fn look_at_devices(dir: &Path, rows: &[protocol::DeviceRow], look: &mut impl FnMut(bool, String, &'static str)) {
    let unbound = |row: &&protocol::DeviceRow| !matches!(row.bound, Some(protocol::TokenBinding::Certificate(_)));
    let in_the_clear = rows.iter().filter(unbound).filter(|row| row.ae_title.is_some()).count();
    if let (Some(address), 1..) = (beyond_loopback(dir, "--dicom"), in_the_clear) {
        look(
            true,
            format!(
                "devices that send in the clear to {address}: {in_the_clear}; on an open network their AE titles can be forged and images read (`leadglass device add --bind-certificate`, `leadglass serve --dicom-tls`)"
            ),
            "",
        );
    }
    let tells = |row: &&protocol::DeviceRow| row.may.contains(&model::DeviceMay::Orders) && !row.from.is_empty();
    let telling = rows.iter().filter(unbound).filter(tells).count();
    if let (Some(address), 1..) = (beyond_loopback(dir, "--hl7"), telling) {
        look(
            true,
            format!(
                "systems that tell orders in the clear to {address}: {telling}; on an open network orders can be forged and read (`leadglass device add --bind-certificate`, `leadglass serve --hl7-tls`)"
            ),
            "",
        );
    }
}

/// Tokens that end soon, or ended, or never do.
fn look_at_tokens(rows: &[protocol::DeviceRow], look: &mut impl FnMut(bool, String, &'static str)) {
    let now = crate::time::now();
    let soon = now.plus_seconds(protocol::TOKEN_WARNED_SECONDS);
    for row in rows.iter().filter(|row| row.token) {
        let rotate = "give it another with `leadglass device rotate`; the one before works for a day beside it";
        match row.token_until {
            None => look(false, format!("the token of {} never ends: it is from before tokens did", row.name), rotate),
            Some(until) if until <= now => {
                look(false, format!("the token of {} ended {}", row.name, crate::time::show(until)), rotate);
            }
            Some(until) if until < soon => {
                look(false, format!("the token of {} ends {}", row.name, crate::time::show(until)), rotate);
            }
            Some(_) => {}
        }
    }
}

/// Where the running front listens in the clear by this option, when other machines reach it: as its command says.
fn beyond_loopback(dir: &Path, option: &str) -> Option<SocketAddr> {
    let said: Value = serde_json::from_slice(&std::fs::read(walls_file(dir, "front")).ok()?).ok()?;
    let command = std::fs::read(Path::new("/proc").join(said["pid"].to_string()).join("cmdline")).ok()?;
    let mut words = command.split(|byte| *byte == 0);
    words.find(|word| *word == option.as_bytes())?;
    let address: SocketAddr = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    (!address.ip().is_loopback()).then_some(address)
}

/// Looks at everything that can be looked at without a key; exit code 1 when something needs a hand.
pub fn doctor(dir: &Path, format: Format) -> Result<()> {
    let mut findings = Vec::new();
    let mut look = |holds: bool, what: String, hint: &'static str| findings.push(Finding { holds, what, hint });

    let made = dir.join("warden/root.json").exists();
    look(
        made,
        format!("an installation is in {}", dir.display()),
        "make one with `leadglass init`, or name its folder with --dir",
    );
    if made {
        let mode = std::fs::metadata(dir)?.permissions().mode() & 0o077;
        look(mode == 0, "only the owner may enter DIR".to_owned(), "run `chmod 700` on it");
        look(
            archive::Site::read(&dir.join("front")).is_ok(),
            "front/site.json can be read".to_owned(),
            "restore it from the vault",
        );
        match audit::verify(&dir.join("ledger"), None) {
            Ok(verified) => look(true, format!("the ledger verifies: {} entries", verified.size), ""),
            Err(error) => look(
                false,
                error.to_string(),
                "restore the ledger from the vault, and keep the damaged one for the officer",
            ),
        }
        match Owner::connect(dir).and_then(|owner| owner.ask(PageRequest::Health)) {
            Ok(PageReply::Health(health)) => {
                look(true, format!("the warden answers: {} patients, {} studies", health.patients, health.studies), "");
                for row in health
                    .sinks
                    .iter()
                    .filter(|_| health.sinks.len() > 1 || health.sinks.iter().any(|row| row.away.is_some()))
                {
                    let sound = row.away.is_none() && row.behind == 0;
                    look(
                        sound,
                        sink_in_words(row),
                        "look at its disk; it catches up by itself, and the other folder takes every entry meanwhile",
                    );
                }
                if let Some(why) = health.withheld {
                    look(false, why, "nothing is released until this is settled; images are still taken in");
                }
            }
            _ => look(false, "the warden answers".to_owned(), "start it with `leadglass serve`"),
        }
        witnesses(dir, &mut look)?;
        look(
            std::os::unix::net::UnixStream::connect(dir.join(crate::owner::FRONT_SOCKET)).is_ok(),
            "the front answers".to_owned(),
            "start it with `leadglass serve`",
        );
        if let Ok(PageReply::Proposals(proposals)) = Owner::connect(dir)
            .and_then(|owner| owner.ask(PageRequest::Approvals(protocol::ApprovalRequest::List { open: true })))
        {
            look_at_approvals(&proposals, &mut look);
        }
        if let Ok(PageReply::Devices(rows)) = Owner::connect(dir).and_then(|owner| owner.ask(PageRequest::Devices)) {
            look_at_devices(dir, &rows, &mut look);
            look_at_tokens(&rows, &mut look);
        }
        for role in [PARENT, "warden", "front", "line", "courier", "ranges"] {
            walls_of(dir, role, role, &mut look);
        }
        for place in 0..codecs::WORKERS_MAX {
            walls_of(dir, &workers::name(place), WORKERS, &mut look);
        }
        if let Ok(PageReply::Cold(protocol::ColdReply::State(state))) =
            Owner::connect(dir).and_then(|owner| owner.ask(PageRequest::Cold(protocol::ColdAsk::State)))
        {
            look_at_cold(&state, &mut look);
        }
        for (holds, what, hint) in super::unseal::findings(dir) {
            look(holds, what, hint);
        }
        let key_beside = std::fs::read_dir(dir)?
            .filter_map(Result::ok)
            .any(|entry| entry.file_name().to_string_lossy().to_lowercase().contains("pass"));
        look(
            !key_beside,
            "no passphrase lies in DIR".to_owned(),
            "move it to another medium; whoever carries the disk away can open it",
        );
    }
    let wrong = findings.iter().filter(|finding| !finding.holds).count();
    match format {
        Format::Json => {
            let rows: Vec<_> = findings
                .iter()
                .map(|finding| json!({ "holds": finding.holds, "what": finding.what, "hint": finding.hint }))
                .collect();
            say!("{}", json!({ "findings": rows, "wrong": wrong }));
        }
        Format::Text => {
            for finding in &findings {
                say!("{} {}", if finding.holds { "ok  " } else { "BAD " }, finding.what);
                if !finding.holds {
                    say!("     {}", finding.hint);
                }
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} things need a hand; each line above says what to do");
    }
    Ok(())
}

/// What a running role, or the parent of all, said of its walls when it started, and what the kernel says of them now.
/// `name` is what it is called in DIR/run, `role` its command.
fn walls_of(dir: &Path, name: &str, role: &str, look: &mut impl FnMut(bool, String, &'static str)) {
    let Some(said) = std::fs::read(walls_file(dir, name)).ok().and_then(|text| serde_json::from_slice(&text).ok())
    else {
        return;
    };
    let said: Value = said;
    let proc = Path::new("/proc").join(said["pid"].to_string());
    let line = std::fs::read(proc.join("cmdline")).unwrap_or_default();
    let status = std::fs::read_to_string(proc.join("status")).unwrap_or_default();
    // the parent's command is its user's: `leadglass --dir DIR serve`, or a role that starts itself
    let named = |word: &[u8]| match role {
        PARENT => [PARENT, "warden", "front", "courier"].iter().any(|command| command.as_bytes() == word),
        role => role.as_bytes() == word,
    };
    if !line.split(|byte| *byte == 0).skip(1).any(named) || status.is_empty() {
        // it does not run, which another line says, or somebody else has its number now
        return;
    }
    let name = match role {
        PARENT => "parent".to_owned(),
        WORKERS => name.replace("codecs-", "codec worker "),
        role => role.to_owned(),
    };
    let of = |wall: &str| said["walls"][wall].as_str().unwrap_or("absent").to_owned();
    look(
        of("files") != "absent",
        match of("files").as_str() {
            "partly" if role == PARENT => {
                "the parent's wall around files: partly, where a program unseals it may start and open anything; a kernel from 6.12 on has ports and signals too".to_owned()
            }
            "partly" => {
                format!("the {name}'s wall around files: partly, a kernel from 6.12 on has ports and signals too")
            }
            state => format!("the {name}'s wall around files: {state}"),
        },
        "run a kernel with Landlock (`landlock` in its lsm list); until then who takes the role over reads what its user may read",
    );
    let filtered = status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"]));
    look(
        of("calls") == "stands" && filtered,
        format!("the {name}'s wall around system calls: {}", if filtered { of("calls") } else { "absent".to_owned() }),
        "run a kernel with CONFIG_SECCOMP_FILTER; until then who takes the role over may open sockets and start programs",
    );
    if role == "warden" {
        // no fault: many systems do not allow it without being told
        let note = match of("memory").as_str() {
            "locked" => "the warden's memory is locked: no key is written to a swap device",
            _ => {
                "the warden's memory may be swapped: give its service LimitMEMLOCK=infinity, or encrypt the swap device"
            }
        };
        look(true, note.to_owned(), "");
    }
}

/// A witness that has not cosigned for this long is a finding, in seconds.
const COSIGNED_SECONDS_MAX: u64 = 3600;

/// Who watches the ledger, and how far behind they are.
fn witnesses(dir: &Path, look: &mut impl FnMut(bool, String, &'static str)) -> Result<()> {
    let rows = seen(dir)?;
    if rows.is_empty() {
        look(
            true,
            "no witness is configured: whoever rolls back the whole machine is found by kept checkpoints only"
                .to_owned(),
            "",
        );
    }
    let now = u64::try_from(crate::time::now().0 / model::SECOND).unwrap_or_default();
    for row in rows {
        let late = row.lag > 0 && row.cosigned.is_none_or(|(_, at)| at + COSIGNED_SECONDS_MAX < now);
        let hint = match (row.status.ahead, row.status.proven) {
            (Some(_), true) => "restore the newest copy of DIR, or see `leadglass ledger accept-loss --help`",
            (Some(_), false) => "it shows no checkpoint that this site signed, so releases go on; ask its operator",
            (None, _) => {
                "look at the witness and at the way to it; releases go on, younger entries can be rolled back unseen"
            }
        };
        look(!late && row.status.problem.is_none(), format!("witness {}", in_words(&row)), hint);
    }
    Ok(())
}
