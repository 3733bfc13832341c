//! `leadglass unseal list`.

use std::path::Path;

use anyhow::Result;
use protocol::{PageReply, PageRequest, RootRow, UnsealMethodRow, UnsealReply, UnsealRequest};
use seal::MethodKind;

use crate::cli::Format;
use crate::output::say;
use crate::owner::Owner;
use crate::time;
use crate::unseal::read_envelope;

/// Lists methods. While the warden is stopped, without what only the ledger knows: names of holders, dates.
pub fn list(dir: &Path, format: Format) -> Result<()> {
    let rows = rows(dir)?;
    match format {
        Format::Json => say!("{}", serde_json::to_string(&rows)?),
        Format::Text => {
            rows.iter().for_each(|row| say!("{}", text(row)));
            if let Some(root) = root(dir) {
                say!("{}", in_words(&root));
            }
        }
    }
    Ok(())
}

/// The root, as a running warden knows it.
pub fn root(dir: &Path) -> Option<RootRow> {
    match Owner::connect(dir).ok()?.ask(PageRequest::Unseal(UnsealRequest::Root)).ok()? {
        PageReply::Unseal(UnsealReply::Root(row)) => Some(row),
        _ => None,
    }
}

/// Which root it is, and how old.
pub fn in_words(root: &RootRow) -> String {
    let since = match root.since {
        Some(since) => {
            let days = (time::now().0 - since.0).max(0) / (86_400 * model::SECOND);
            format!("since {} ({days} days)", time::show(since))
        }
        None => "since nobody knows when".to_owned(),
    };
    let older = match root.left_open {
        Some(when) => format!(
            "; a method was removed {}, and copies of root.json from before still open until `leadglass unseal new-root`",
            time::show(when)
        ),
        None => String::new(),
    };
    let former = if root.former_kept {
        "; the key that the front sealed to before is kept until it hands over what is sealed to that of now"
    } else {
        ""
    };
    format!("root {} {since}{older}{former}", root.number)
}

/// The methods, as the warden or the file says.
pub fn rows(dir: &Path) -> Result<Vec<UnsealMethodRow>> {
    if let Ok(owner) = Owner::connect(dir)
        && let PageReply::Unseal(UnsealReply::Methods(rows)) = owner.ask(PageRequest::Unseal(UnsealRequest::Methods))?
    {
        return Ok(rows);
    }
    let (envelope, _) = read_envelope(dir)?;
    let rows = envelope.methods()?.into_iter().map(|method| {
        let set = match &method.kind {
            MethodKind::Shares(set) => Some(set),
            _ => None,
        };
        UnsealMethodRow {
            id: method.id.to_string(),
            means: method.kind.word().to_owned(),
            label: method.label.clone(),
            keeper: method.kind.keeper().map(|keeper| keeper.word().to_owned()),
            set: set.map(|set| set.set.to_string()),
            threshold: set.map(|set| set.threshold),
            holders: set
                .map(|set| (1..=set.keys.len()).map(|number| format!("holder {number}")).collect())
                .unwrap_or_default(),
            added: None,
            drilled: None,
            removed_in_ledger: false,
        }
    });
    Ok(rows.collect())
}

fn text(row: &UnsealMethodRow) -> String {
    let mut text = format!("{}\t{}", row.id, row.means);
    if let Some(label) = &row.label {
        text.push_str(&format!("\t\"{label}\""));
    }
    if let Some(keeper) = &row.keeper {
        text.push_str(&format!("\tkept: {keeper}"));
    }
    if let (Some(set), Some(threshold)) = (&row.set, row.threshold) {
        text.push_str(&format!("\tset {set}, {threshold} of {} open: {}", row.holders.len(), row.holders.join(", ")));
        match &row.drilled {
            Some((when, proven)) => {
                text.push_str(&format!("; {} proven {}", proven.len(), time::show(*when)));
            }
            None => text.push_str("; not drilled yet"),
        }
    }
    if row.removed_in_ledger {
        text.push_str("\tREMOVED in the ledger, still in root.json: remove it again");
    }
    text
}
