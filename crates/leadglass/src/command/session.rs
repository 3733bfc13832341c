//! `leadglass session`: sessions of everybody, and their end.

use std::path::Path;

use anyhow::{Result, bail};
use model::{SessionId, SignInMethod};
use protocol::{PageReply, PageRequest, PersonSessionRow};
use serde_json::json;

use super::manage::{done, other};
use crate::cli::{Format, SessionCommand};
use crate::output::say;
use crate::owner::Owner;
use crate::time;

/// `leadglass session`
pub fn session(dir: &Path, format: Format, command: SessionCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        SessionCommand::List { person } => list(&owner, format, person.as_deref()),
        SessionCommand::End { session } => end(&owner, format, session),
    }
}

fn list(owner: &Owner, format: Format, person: Option<&str>) -> Result<()> {
    let PageReply::SignedIn(all) = owner.ask(PageRequest::SignedIn)? else { return other() };
    let mut rows = all.people;
    if let Some(email) = person {
        rows.retain(|row| row.email.eq_ignore_ascii_case(email));
        if rows.is_empty() && !is_known(owner, email)? {
            bail!("nobody here has the address {email}; `leadglass person list` shows who there is");
        }
    }
    match format {
        Format::Json => {
            let mut value = serde_json::to_value(&rows)?;
            portal::identifiers(&mut value);
            say!("{value}");
        }
        Format::Text if rows.is_empty() => say!("No such session is open."),
        Format::Text => rows.iter().for_each(show),
    }
    Ok(())
}

fn is_known(owner: &Owner, email: &str) -> Result<bool> {
    let PageReply::People(people) = owner.ask(PageRequest::People)? else { return other() };
    Ok(people.iter().any(|person| person.email.eq_ignore_ascii_case(email)))
}

fn show(row: &PersonSessionRow) {
    let PersonSessionRow { session, name, email } = row;
    let method = match session.method {
        SignInMethod::Passkey => "passkey",
        SignInMethod::PasswordAndCode => "password and code",
        SignInMethod::PasswordAndRecoveryCode => "password and recovery code",
    };
    say!("{}\t{email}\t{name}", session.session);
    say!(
        "\tsince {}, last used {}\tfrom {}\t{method}\t{}",
        time::show(session.since),
        time::show(session.last_used),
        session.origin.0,
        session.user_agent
    );
}

fn end(owner: &Owner, format: Format, session: SessionId) -> Result<()> {
    owner.tell(PageRequest::EndSession { session })?;
    done(
        format,
        &json!({ "ended": session.to_string() }),
        "Ended. What it opened before stays readable in it for five minutes at the most.",
    );
    Ok(())
}
