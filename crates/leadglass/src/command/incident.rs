//! `leadglass incident`: who did what when, the clocks that run, the draft of the notice.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use model::{Clock, Instant, Window};
use protocol::{ClockRow, ClockStanding, IncidentChange, IncidentDetail, IncidentRow, PageReply, PageRequest};
use report::Language;
use serde_json::json;

use super::manage::when;
use crate::cli::{Format, IncidentCommand};
use crate::output::{say, write_new};
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass incident`
pub fn incident(dir: &Path, format: Format, command: IncidentCommand) -> Result<()> {
    let now = time::now();
    let request = match command {
        IncidentCommand::Open { title, account, from, to, aware } => PageRequest::OpenIncident {
            title,
            about: account,
            window: Window {
                from: when("--from", &from, Direction::Back, now)?,
                to: when("--to", &to, Direction::Back, now)?,
            },
            aware: when("--aware", &aware, Direction::Back, now)?,
        },
        IncidentCommand::List => PageRequest::Incidents,
        IncidentCommand::Show { incident } => PageRequest::Incident { incident },
        IncidentCommand::Note { incident, text } => change(incident, IncidentChange::Note { text }),
        IncidentCommand::Done { incident, clock, at } => {
            let clock = Clock::from_word(&clock).ok_or_else(|| anyhow!("there is no such clock; see --help"))?;
            change(incident, IncidentChange::Done { clock, at: when("--at", &at, Direction::Back, now)? })
        }
        IncidentCommand::Close { incident, text } => change(incident, IncidentChange::Close { text }),
        IncidentCommand::Draft { incident, language, output } => {
            let language = Language::from_tag(&language).unwrap_or_default();
            return draft(dir, format, incident, language, output.as_deref());
        }
    };
    match Owner::connect(dir)?.ask(request)? {
        PageReply::Incidents(rows) if format == Format::Json => say!("{}", serde_json::to_string(&rows)?),
        PageReply::Incidents(rows) => rows.iter().for_each(|row| print_row(row, now)),
        PageReply::Incident(detail) if format == Format::Json => say!("{}", serde_json::to_string(&detail)?),
        PageReply::Incident(detail) => print(&detail),
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
    Ok(())
}

fn change(incident: u32, change: IncidentChange) -> PageRequest {
    PageRequest::ChangeIncident { incident, change }
}

fn draft(dir: &Path, format: Format, incident: u32, language: Language, output: Option<&Path>) -> Result<()> {
    let PageReply::Incident(detail) = Owner::connect(dir)?.ask(PageRequest::Incident { incident })? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    let text = report::notice_text(&detail, language);
    match output {
        None if format == Format::Json => say!("{}", json!({ "draft": text })),
        None => say!("{}", text.trim_end()),
        Some(path) => {
            let pdf = path.extension().is_some_and(|extension| extension == "pdf");
            let bytes = if pdf { report::notice_pdf(&detail, language)? } else { text.into_bytes() };
            write_new(path, &bytes)?;
            match format {
                Format::Json => say!("{}", json!({ "written": path })),
                Format::Text => say!("Written to {}. Complete what stands in [brackets].", path.display()),
            }
        }
    }
    Ok(())
}

fn print_row(row: &IncidentRow, now: Instant) {
    let state = match row.closed {
        Some(at) => format!("closed {}", time::show(at)),
        None => "open".to_owned(),
    };
    say!("{}\t{state}\t{}", row.incident, row.title);
    for clock in &row.clocks {
        say!("\t{}", standing(clock, now));
    }
}

fn standing(row: &ClockRow, now: Instant) -> String {
    let left = |seconds: i64| format!("{} h {} min", seconds / 3600, seconds % 3600 / 60);
    let seconds = (row.due.0 - now.0) / model::SECOND;
    let word = row.clock.word();
    match (row.state, row.done) {
        (ClockStanding::Running, _) => format!("{word}: {} left, due {}", left(seconds), time::show(row.due)),
        (ClockStanding::Overdue, _) => {
            format!("{word}: OVERDUE by {}, was due {}", left(-seconds), time::show(row.due))
        }
        (ClockStanding::DoneLate, Some(at)) => format!("{word}: done {}, late", time::show(at)),
        (_, at) => format!("{word}: done {}", at.map(time::show).unwrap_or_default()),
    }
}

fn print(detail: &IncidentDetail) {
    print_row(&detail.row, detail.now);
    say!("about {}", detail.row.about.join(", "));
    say!("from {} to {}", time::show(detail.row.window.from), time::show(detail.row.window.to));
    for (what, count) in [("reachable", detail.reachable), ("listed", detail.listed), ("opened", detail.opened)] {
        say!("{what:>10}: {:>8} patients {:>8} studies", count.patients, count.studies);
    }
    for step in &detail.steps {
        say!("{}\t{}\t{}\t{}\t{}", step.entry, time::show(step.at), step.by, step.what, step.text);
    }
}
