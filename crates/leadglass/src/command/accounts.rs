//! `leadglass people`, `org authenticators`, and what `person` asks about ends and rights.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use model::{AuthenticatorRule, Instant};
use protocol::STAFF_LIST_BYTES_MAX;
use protocol::{AccountsRequest, CensusAccount, CensusDifference, CensusReport, PageReply, PageRequest};

use super::manage::{other, when};
use crate::cli::{Format, PeopleCommand, RuleArgs};
use crate::command::approve::told;
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass people`
pub fn people(dir: &Path, format: Format, command: PeopleCommand) -> Result<()> {
    let PeopleCommand::Census { file, unused_days } = command;
    let list = identity::decode(&read(&file)?);
    let request = PageRequest::Accounts(AccountsRequest::Census { list, unused_days });
    let PageReply::Census(report) = Owner::connect(dir)?.ask(request)? else { return other() };
    match format {
        Format::Json => say!("{}", serde_json::to_string(&report)?),
        Format::Text => print(&report, unused_days),
    }
    Ok(())
}

/// `leadglass org authenticators`
pub fn authenticators(dir: &Path, format: Format, arguments: RuleArgs) -> Result<()> {
    let RuleArgs { name, password_until, device_bound, level, maker, model } = arguments;
    let until =
        password_until.map(|until| when("--password-until", &until, Direction::Ahead, time::now())).transpose()?;
    let certificate = |file: &std::path::PathBuf| {
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read; check the path", file.display()))
    };
    let rule = AuthenticatorRule {
        password_until: until,
        device_bound,
        assurance: level.map(Into::into),
        makers: maker.iter().map(certificate).collect::<Result<_>>()?,
        models: model,
    };
    let request = AccountsRequest::Authenticators { organisation: name, rule };
    told(format, Owner::connect(dir)?.ask(PageRequest::Accounts(request))?)
}

/// When an account ends: a time, a duration ahead, or never.
pub fn end(option: &str, text: &str) -> Result<Option<Instant>> {
    if text == "never" {
        return Ok(None);
    }
    when(option, text, Direction::Ahead, time::now()).map(Some)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let limit = STAFF_LIST_BYTES_MAX as u64 * 2 + 1;
    let mut bytes = Vec::new();
    let done = if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("{} cannot be read; check the path", file.display()))?;
    if bytes.len() as u64 >= limit {
        bail!("{} is longer than a staff list may be; leave out columns that a census does not need", file.display());
    }
    Ok(bytes)
}

fn print(report: &CensusReport, unused_days: u32) {
    let account = |one: &CensusAccount| {
        let line = one.line.map(|line| format!(", line {line} has the name")).unwrap_or_default();
        format!("  {} <{}>, {:?}, {}{line}", one.name, one.email, one.role, one.organisations.join(" and "))
    };
    let difference = |one: &CensusDifference| {
        format!(
            "  {} <{}>, line {}: the list says {}",
            one.account.name,
            one.account.email,
            one.account.line.unwrap_or(0),
            one.listed
        )
    };
    let part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            say!("{title}: {}", lines.len());
            lines.iter().for_each(|line| say!("{line}"));
        }
    };
    say!("{} accounts, {} people in the list; {} agree.", report.accounts, report.people, report.fitting);
    part("Accounts without a person", report.without_person.iter().map(account).collect());
    let missing = |one: &protocol::CensusLine| format!("  line {}: {}", one.line, one.name);
    part("People without an account", report.without_account.iter().map(missing).collect());
    let last = |one: &CensusAccount| {
        let last = one.last_sign_in.map_or_else(|| "never".to_owned(), time::show);
        format!("  {} <{}>, last sign-in {last}", one.name, one.email)
    };
    part(&format!("Not used for {unused_days} days"), report.unused.iter().map(last).collect());
    part("Another role than in the list", report.roles.iter().map(difference).collect());
    part("Another organisation than in the list", report.organisations.iter().map(difference).collect());
    part("Ends later than in the list", report.ends.iter().map(difference).collect());
    let unclear =
        |(line, what): &(protocol::CensusLine, String)| format!("  line {}: {} ({what})", line.line, line.name);
    part("Lines that are not clear", report.unclear.iter().map(unclear).collect());
}
