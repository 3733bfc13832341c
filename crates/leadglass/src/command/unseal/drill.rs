//! `leadglass unseal drill`: the escrow drill. Each share is read, signs the warden's challenge and is wiped before the next is
//! read; nothing is put together and nothing is opened.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use protocol::{PageReply, PageRequest, UnsealReply, UnsealRequest, drill_message};
use seal::MethodKind;
use serde_json::json;
use zeroize::Zeroizing;

use super::change::done;
use crate::cli::Format;
use crate::owner::Owner;
use crate::unseal::{read_envelope, read_one};

/// Runs the drill and lets the warden record whose shares were proven.
pub fn drill(dir: &Path, format: Format, files: &[PathBuf], all: bool) -> Result<()> {
    let (envelope, _) = read_envelope(dir)?;
    let set = envelope.methods()?.into_iter().find_map(|method| match method.kind {
        MethodKind::Shares(set) => Some(set),
        _ => None,
    });
    let Some(set) = set else {
        bail!("there is no share set to drill; make one with `leadglass unseal add shares`");
    };
    let owner = Owner::connect(dir)?;
    let PageReply::Unseal(UnsealReply::DrillChallenge(challenge)) =
        owner.ask(PageRequest::Unseal(UnsealRequest::DrillChallenge))?
    else {
        return other();
    };
    let message = drill_message(&set.set.to_string(), &challenge);
    let wanted = if all { set.keys.len() } else { usize::from(set.threshold) };
    let mut signatures: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut wrong = Vec::new();
    let mut rest = Zeroizing::new(String::new());
    // `-` stands for as many shares as are still wanted
    let typed = wanted.saturating_sub(files.iter().filter(|file| *file != Path::new("-")).count());
    let asked = files.iter().flat_map(|file| {
        let times = if file == Path::new("-") { typed } else { 1 };
        std::iter::repeat_n(file, times)
    });
    for (number, file) in (1..).zip(asked) {
        let prompt = format!("Share {number} of {wanted}, 7 lines of 5 words:");
        let proven = read_one(file, &prompt, &mut rest).and_then(|share| {
            set.check(&share)?;
            if signatures.iter().any(|(index, _)| *index == share.index()) {
                bail!(seal::UnsealError::DuplicateShare { index: share.index() });
            }
            Ok((share.index(), share.signing_key().sign(&message).to_vec()))
        });
        match proven {
            Ok(signature) => signatures.push(signature),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    let proven = signatures.len();
    let names = if proven == 0 { Vec::new() } else { record(&owner, challenge, signatures)? };
    let value = json!({
        "set": set.set.to_string(), "threshold": set.threshold, "holders": set.keys.len(), "proven": names, "wrong": wrong,
    });
    let text = format!(
        "Proven: {}. {proven} of {} holders; {} are needed to open. Nothing was opened. Recorded in the ledger.",
        names.join(", "),
        set.keys.len(),
        set.threshold
    );
    if proven > 0 {
        done(format, &value, &text);
    }
    if let Some(first) = wrong.first() {
        bail!("{first}");
    }
    if proven < usize::from(set.threshold) {
        bail!(
            "only {proven} shares were proven and {} are needed to open; ask further holders, or make a new set while another method opens",
            set.threshold
        );
    }
    Ok(())
}

fn record(owner: &Owner, challenge: [u8; 32], signatures: Vec<(u8, Vec<u8>)>) -> Result<Vec<String>> {
    match owner.ask(PageRequest::Unseal(UnsealRequest::Drill { challenge, signatures }))? {
        PageReply::Unseal(UnsealReply::Drilled { proven, .. }) => Ok(proven),
        _ => other(),
    }
}

fn other<T>() -> Result<T> {
    bail!("the warden answered something else; run commands and serve from the same version")
}
