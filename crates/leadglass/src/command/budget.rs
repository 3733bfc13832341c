//! `leadglass findings`, `budget`, `honey`.

use std::path::Path;

use anyhow::Result;
use model::{Ceilings, EntryNumber, Measure, Span};
use protocol::{BudgetReport, PageReply, PageRequest};
use serde_json::json;

use super::approve::is_made;
use super::manage::{done, list, other};
use crate::cli::{BudgetCommand, BudgetSetArgs, FindingsCommand, Format, HoneyCommand};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

/// `leadglass findings`
pub fn findings(dir: &Path, format: Format, command: FindingsCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        FindingsCommand::List { open } => {
            let PageReply::Findings(mut rows) = owner.ask(PageRequest::Findings)? else { return other() };
            rows.retain(|row| !open || row.acknowledged.is_none());
            list(format, &rows, |row| {
                let state = row.acknowledged.map_or("open".to_owned(), |at| format!("acknowledged {}", time::show(at)));
                format!("{}\t{}\t{state}\t{}", row.entry, time::show(row.at), row.sentence)
            })
        }
        FindingsCommand::Acknowledge { finding, note } => {
            owner.tell(PageRequest::AcknowledgeFinding { finding: EntryNumber(finding), note })?;
            done(
                format,
                &json!({ "acknowledged": finding }),
                "Acknowledged. What was stopped stays stopped until it is lifted.",
            );
            Ok(())
        }
    }
}

/// `leadglass budget`
pub fn budget(dir: &Path, format: Format, command: BudgetCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        BudgetCommand::Show { whose } => {
            let PageReply::Budget(report) = owner.ask(PageRequest::Budget { whose })? else { return other() };
            match format {
                Format::Json => say!("{}", serde_json::to_string(&report)?),
                Format::Text => show(&report),
            }
        }
        BudgetCommand::Set(arguments) => {
            let ceilings = ceilings(&arguments);
            let request = PageRequest::SetBudget { whose: arguments.whose.clone(), ceilings };
            if !is_made(format, owner.ask(request)?)? {
                return Ok(());
            }
            done(format, &json!({ "whose": arguments.whose, "ceilings": ceilings }), "Set. It holds from now on.");
        }
        BudgetCommand::Lift { whose, note } => {
            if !is_made(format, owner.ask(PageRequest::LiftBudget { whose: whose.clone(), note })?)? {
                return Ok(());
            }
            done(format, &json!({ "lifted": whose }), "Lifted. What was read so far counts against no limit any more.");
        }
    }
    Ok(())
}

/// `leadglass honey`
pub fn honey(dir: &Path, format: Format, command: HoneyCommand) -> Result<()> {
    let request = match command {
        HoneyCommand::Add { count } => PageRequest::AddHoney { count },
        HoneyCommand::List => PageRequest::Honey,
    };
    let PageReply::Honey(rows) = Owner::connect(dir)?.ask(request)? else { return other() };
    list(format, &rows, |row| format!("{}\t{}/{}\t{}\t{}", row.number, row.issuer, row.id, row.name, row.birth_date))
}

fn ceilings(arguments: &BudgetSetArgs) -> Ceilings {
    if arguments.no_limit {
        let none = Some(Ceilings::NO_LIMIT);
        return Ceilings { opened_due: none, opened_other: none, listed_due: none, listed_other: none };
    }
    Ceilings {
        opened_due: arguments.opened_due,
        opened_other: arguments.opened,
        listed_due: arguments.listed_due,
        listed_other: arguments.listed,
    }
}

fn show(report: &BudgetReport) {
    say!("{}: distinct patients, each counted once in 28 days", report.name);
    say!("{:<34}{:>8}{:>8}{:>8}{:>8}{:>8}   by", "", "now", "normal", "slow", "touch", "stop");
    let limit = |limit: Option<u32>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    for row in &report.rows {
        say!(
            "{:<34}{:>8}{:>8}{:>8}{:>8}{:>8}   {}",
            format!("{} in {}", measure(row.measure), span(row.span)),
            row.patients,
            row.normal,
            limit(row.slow),
            limit(row.touch),
            limit(row.stop),
            row.basis
        );
    }
    for stopped in &report.stopped {
        say!(
            "stopped: {}; an officer lifts it on the page Findings, or `leadglass budget lift {} --note WHY` proposes it",
            measure(*stopped),
            report.whose
        );
    }
    if let Some(asked) = report.asked {
        say!("a fresh touch is waited for since {}", time::show(asked));
    }
}

fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::OpenedDue => "opened, something new",
        Measure::OpenedOther => "opened, nothing new",
        Measure::ListedDue => "names, something new",
        Measure::ListedOther => "names, nothing new",
    }
}

fn span(span: Span) -> &'static str {
    match span {
        Span::Hour => "an hour",
        Span::Day => "a day",
        Span::Week => "7 days",
        Span::Month => "28 days",
    }
}
