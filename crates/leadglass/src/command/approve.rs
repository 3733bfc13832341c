//! `leadglass approve` and `propose`: changes that wait for a second person and a delay.

use std::path::Path;

use anyhow::{Result, bail};
use model::{ApprovalRule, BreakGlassRule, EntryNumber, Instant, ProposalEnd, SharingRule, Standing};
use protocol::{ApprovalRequest, PageReply, PageRequest, ProposalRow, ProposalState};
use serde_json::json;

use crate::cli::{ApproveCommand, Format, ProposeCommand, Sharers};
use crate::command::manage::when;
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass approve`
pub fn approve(dir: &Path, format: Format, command: &ApproveCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    let request = match command {
        ApproveCommand::List { open } => return list(&owner, format, *open),
        ApproveCommand::Show { proposal } => ApprovalRequest::One { proposal: EntryNumber(*proposal) },
        ApproveCommand::Withdraw { proposal } => ApprovalRequest::Withdraw { proposal: EntryNumber(*proposal) },
    };
    match owner.ask(PageRequest::Approvals(request))? {
        PageReply::Proposed(row) => show(format, &row),
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
    Ok(())
}

/// `leadglass propose`
pub fn propose(dir: &Path, format: Format, command: &ProposeCommand) -> Result<()> {
    let request = match command {
        ProposeCommand::Rule { delay, setup } => ApprovalRequest::Rule { rule: rule(delay, setup)? },
        ProposeCommand::BreakGlass { longest, review } => ApprovalRequest::BreakGlassRule {
            rule: BreakGlassRule {
                seconds_max: seconds("--longest", longest)?,
                review_seconds: seconds("--review", review)?,
            },
        },
        ProposeCommand::Sharing { by, days } => ApprovalRequest::SharingRule {
            rule: SharingRule {
                patients: matches!(by, Sharers::Both | Sharers::Patients),
                clinicians: matches!(by, Sharers::Both | Sharers::Clinicians),
                days_max: *days,
            },
        },
    };
    told(format, Owner::connect(dir)?.ask(PageRequest::Approvals(request))?)
}

/// Says what became of a change: made at once, or waiting.
pub fn told(format: Format, reply: PageReply) -> Result<()> {
    match (reply, format) {
        (PageReply::Proposed(row), format) => show(format, &row),
        (PageReply::Done, Format::Json) => say!("{}", json!({ "done": true })),
        (PageReply::Done, Format::Text) => say!("Done."),
        _ => bail!("the warden answered something else; run commands and serve from the same version"),
    }
    Ok(())
}

/// Whether a change was made at once; one that waits is shown.
pub fn is_made(format: Format, reply: PageReply) -> Result<bool> {
    match reply {
        PageReply::Done => Ok(true),
        waits => told(format, waits).map(|()| false),
    }
}

/// The rule that two durations on the command line give.
pub fn rule(delay: &str, setup: &str) -> Result<ApprovalRule> {
    Ok(ApprovalRule { delay_seconds: seconds("delay", delay)?, setup_seconds: seconds("setup", setup)? })
}

fn seconds(option: &str, text: &str) -> Result<i64> {
    if text.parse::<jiff::Timestamp>().is_ok() {
        bail!("{option} {text} is no duration; give one as in 24h, 30m or 3d");
    }
    let start = Instant(0);
    Ok(when(option, text, Direction::Ahead, start)?.0 / model::SECOND)
}

fn list(owner: &Owner, format: Format, open: bool) -> Result<()> {
    let PageReply::Proposals(proposals) = owner.ask(PageRequest::Approvals(ApprovalRequest::List { open }))? else {
        bail!("the warden answered something else; run commands and serve from the same version")
    };
    match format {
        Format::Json => {
            let rows: Vec<_> = proposals.rows.iter().map(value).collect();
            say!(
                "{}",
                json!({
                    "proposals": rows, "rule": proposals.rule, "break_glass": proposals.break_glass,
                    "deciders": proposals.deciders, "one_person": proposals.one_person, "setting_up": proposals.setting_up,
                })
            );
        }
        Format::Text => {
            proposals.rows.iter().for_each(|row| say!("{}\t{}\t{}", row.proposal, state(row), row.words));
            if proposals.setting_up {
                say!("The site is being set up: changes take effect at once.");
            }
        }
    }
    Ok(())
}

fn show(format: Format, row: &ProposalRow) {
    match format {
        Format::Json => say!("{}", value(row)),
        Format::Text => {
            say!("Proposal {}: {}.", row.proposal, row.words);
            say!("Proposed by {} at {}.", row.by, time::show(row.proposed));
            for approval in &row.approvals {
                say!("Approved by {} at {}.", approval.name, time::show(approval.at));
            }
            say!("It is {}.", state(row));
        }
    }
}

fn state(row: &ProposalRow) -> String {
    match &row.state {
        ProposalState::Open => {
            let missing = usize::from(row.need.approvals).saturating_sub(row.approvals.len()).max(1);
            format!(
                "open: approved by {} of {} persons, {missing} missing, not before {}",
                row.approvals.len(),
                row.need.approvals,
                time::show(row.earliest)
            )
        }
        ProposalState::Waiting if row.need.standing == Standing::OnePerson => {
            format!("waiting on the word of one person until {}", time::show(row.earliest))
        }
        ProposalState::Waiting => format!("approved and waiting until {}", time::show(row.earliest)),
        ProposalState::CarriedOut { at, standing } => {
            let standing = match standing {
                Standing::Setup => "while the site was set up",
                Standing::OnePerson => "on the word of one person",
                Standing::TwoPersons => "on the word of two persons or more",
            };
            format!("carried out at {}, {standing}", time::show(*at))
        }
        ProposalState::Ended { at, end, by, reason } => {
            let end = match end {
                ProposalEnd::Refused => "refused",
                ProposalEnd::Withdrawn => "withdrawn",
                ProposalEnd::Expired => "expired",
                ProposalEnd::Overtaken => "overtaken",
            };
            format!("{end} by {by} at {} ({reason})", time::show(*at))
        }
    }
}

fn value(row: &ProposalRow) -> serde_json::Value {
    let mut value = serde_json::to_value(row).unwrap_or_default();
    if let (Some(fields), Ok(change)) = (value.as_object_mut(), serde_json::from_str(&row.change)) {
        fields.insert("change".to_owned(), change);
    }
    value
}
