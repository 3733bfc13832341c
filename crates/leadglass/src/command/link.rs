//! `leadglass link`: share links of everybody, and their end.

use std::path::Path;

use anyhow::{Result, bail};
use model::{LinkEnd, LinkFor};
use protocol::{LINK_ROWS_MAX, LinkRequest, LinkRow, PageReply, PageRequest};
use serde_json::json;

use crate::cli::{Format, LinkCommand};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

const OTHER: &str = "the warden answered something else; run commands and serve from the same version";

/// `leadglass link`
pub fn link(dir: &Path, format: Format, command: LinkCommand) -> Result<()> {
    match command {
        LinkCommand::List { of, running } => list(dir, format, of, running),
        LinkCommand::End { what } => end(dir, format, what),
    }
}

fn list(dir: &Path, format: Format, of: String, running: bool) -> Result<()> {
    let request = PageRequest::Links(LinkRequest::All { of });
    let PageReply::Links(links) = Owner::connect(dir)?.ask(request)? else { bail!(OTHER) };
    let cut = links.rows.len() == LINK_ROWS_MAX;
    let now = time::now();
    let runs = |row: &LinkRow| row.ended.is_none() && now < row.until;
    let rows: Vec<LinkRow> = links.rows.into_iter().filter(|row| !running || runs(row)).collect();
    if format == Format::Json {
        say!("{}", serde_json::to_string(&rows)?);
        return Ok(());
    }
    if rows.is_empty() {
        say!("There is no such link.");
    }
    for row in rows {
        let state = if runs(&row) { format!("until {}", time::show(row.until)) } else { ended(row.end).to_owned() };
        let room = if row.purpose == LinkFor::Room { "\tin the room" } else { "" };
        say!("{}\tstudy {}\t{}\t{state}{room}", row.link, row.study, row.email);
        say!(
            "\topened {} times in {} of {} browsers, {} downloads, {} of {} wrong codes\t{}",
            row.openings,
            row.browsers,
            row.browsers_max,
            row.downloads,
            row.tries,
            row.tries_max,
            row.note
        );
    }
    if cut {
        say!("Only {LINK_ROWS_MAX} are shown, those that run first; name a person, study or session for others.");
    }
    Ok(())
}

fn ended(end: Option<LinkEnd>) -> &'static str {
    match end {
        Some(LinkEnd::Revoked) => "ended by somebody",
        Some(LinkEnd::Guessed) => "ended after too many wrong codes",
        Some(LinkEnd::Expired) | None => "its time is over",
        Some(LinkEnd::Maker) => "ended: its maker does not reach the study any more",
    }
}

fn end(dir: &Path, format: Format, of: String) -> Result<()> {
    let request = PageRequest::Links(LinkRequest::EndAll { of });
    let PageReply::LinksEnded(ended) = Owner::connect(dir)?.ask(request)? else { bail!(OTHER) };
    match format {
        Format::Json => say!("{}", json!({ "ended": ended })),
        Format::Text if ended.is_empty() => say!("No such link runs."),
        Format::Text => {
            let numbers: Vec<String> = ended.iter().map(ToString::to_string).collect();
            say!("Ended: {}. They open nothing any more, and each has an entry.", numbers.join(", "));
        }
    }
    Ok(())
}
