//! `leadglass exposure`.

use std::path::Path;

use anyhow::{Result, bail};
use model::Window;
use protocol::{PageReply, PageRequest};

use super::manage::when;
use crate::cli::{ExposureArgs, Format};
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// Prints the three counts, then the patients.
pub fn exposure(dir: &Path, format: Format, arguments: &ExposureArgs) -> Result<()> {
    let now = time::now();
    let window = Window {
        from: when("--from", &arguments.from, Direction::Back, now)?,
        to: when("--to", &arguments.to, Direction::Back, now)?,
    };
    let request = PageRequest::Exposure { who: arguments.who.clone(), window };
    let PageReply::Exposure(report) = Owner::connect(dir)?.ask(request)? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    if format == Format::Json {
        say!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    say!("{} from {} to {}", report.who, time::show(window.from), time::show(window.to));
    for (what, count) in [("reachable", report.reachable), ("listed", report.listed), ("opened", report.opened)] {
        say!("{what:>10}: {:>8} patients {:>8} studies", count.patients, count.studies);
    }
    for row in &report.patients {
        let first = row.first.map_or_else(|| "-".to_owned(), time::show);
        say!(
            "{}/{}\t{}\treachable {}\tlisted {}\topened {}\tfirst {first}",
            row.patient.issuer,
            row.patient.id,
            row.patient.name,
            row.reachable,
            row.listed,
            row.opened
        );
    }
    if report.truncated {
        say!("... more patients than are printed here; the counts are complete");
    }
    say!("computed from {} entries of the ledger", report.ledger_size);
    Ok(())
}
