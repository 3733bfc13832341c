//! `leadglass org`, `person`, `device`, `relate`, `unrelate`, `move`.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use dpop::Thumbprint;
use model::{Authorisation, Instant, Tier, Uid};
use protocol::{AccountsRequest, ApprovalRequest, PageReply, PageRequest, RemovalRequest, TokenBinding};
use serde::Serialize;
use serde_json::json;

use crate::cli::{DeviceCommand, Format, MoveArgs, OrgCommand, PersonCommand, RelateArgs, UnrelateArgs};
use crate::command::accounts;
use crate::command::approve::told;
use crate::output::say;
use crate::owner::Owner;
use crate::time::{self, Direction};

/// `leadglass org`
pub fn org(dir: &Path, format: Format, command: OrgCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        OrgCommand::Add { name, password_and_code } => {
            let authorisation =
                if password_and_code { Authorisation::PasswordAndCode } else { Authorisation::PasskeyOnly };
            owner.tell(PageRequest::AddOrganisation { name: name.clone(), authorisation })?;
            done(format, &json!({ "organisation": name }), &format!("Added the organisation {name}."));
            Ok(())
        }
        OrgCommand::Authenticators(arguments) => {
            drop(owner);
            accounts::authenticators(dir, format, arguments)
        }
        OrgCommand::List => match owner.ask(PageRequest::Organisations)? {
            PageReply::Organisations(rows) => list(format, &rows, |row| {
                let shut = if row.shut_out == 0 { String::new() } else { format!("\t{} cannot sign in", row.shut_out) };
                format!("{}\t{} members{shut}", row.name, row.members)
            }),
            _ => other(),
        },
    }
}

/// `leadglass person`
pub fn person(dir: &Path, format: Format, command: PersonCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    let (email, reply) = match command {
        PersonCommand::Add { email, name, role, organisation, password_and_code, record, professional_id, until } => {
            let until = until.map(|until| accounts::end("--until", &until)).transpose()?.flatten();
            let professional_id = professional_id.as_deref().map(super::orders::professional_id_of).transpose()?;
            let request = PageRequest::AddPerson {
                email: email.clone(),
                name,
                role: role.into(),
                organisation,
                password_and_code,
                own_record: record,
            };
            let reply = owner.ask(request)?;
            if until.is_some() {
                let request = AccountsRequest::Until { email: email.clone(), until };
                owner.ask(PageRequest::Accounts(request)).context(
                    "the person was added, and the account does not end by itself; `leadglass person until` sets when",
                )?;
            }
            match (professional_id, &reply) {
                (Some(id), PageReply::EnrolmentLink { .. }) => {
                    super::orders::professional_id(&owner, &email, id, true)?
                }
                (Some(_), _) => bail!(
                    "somebody of this role is added by two persons; give the professional identifier afterwards, with `leadglass person professional-id`"
                ),
                (None, _) => {}
            }
            (email, reply)
        }
        PersonCommand::Until { email, until } => {
            let request = AccountsRequest::Until { email, until: accounts::end("the end", &until)? };
            return told(format, owner.ask(PageRequest::Accounts(request))?);
        }
        PersonCommand::Join { email, organisation } => {
            let request = AccountsRequest::Join { email, organisation };
            return told(format, owner.ask(PageRequest::Accounts(request))?);
        }
        PersonCommand::Delegate { email, organisation, end } => {
            let request = AccountsRequest::Delegate { email, organisation, delegate: !end };
            return told(format, owner.ask(PageRequest::Accounts(request))?);
        }
        PersonCommand::Reset { email } => {
            let request = AccountsRequest::Reset { email: email.clone() };
            (email, owner.ask(PageRequest::Accounts(request))?)
        }
        PersonCommand::ProfessionalId { email, professional_id, remove } => {
            let id = super::orders::professional_id_of(&professional_id)?;
            super::orders::professional_id(&owner, &email, id, !remove)?;
            let value = json!({ "email": email, "professional_id": professional_id, "holds": !remove });
            let words = if remove { "is not known any more by" } else { "is known by" };
            done(format, &value, &format!("{email} {words} {professional_id}."));
            return Ok(());
        }
        PersonCommand::Role { email, role } => {
            let request = ApprovalRequest::Role { email, role: role.into() };
            return told(format, owner.ask(PageRequest::Approvals(request))?);
        }
        PersonCommand::Close { email } => {
            return told(format, owner.ask(PageRequest::Removals(RemovalRequest::ClosePerson { email }))?);
        }
        PersonCommand::Leave { email, organisation } => {
            let request = RemovalRequest::Leave { email, organisation };
            return told(format, owner.ask(PageRequest::Removals(request))?);
        }
        PersonCommand::Enrol { email } => (email.clone(), owner.ask(PageRequest::IssueEnrolment { email })?),
        PersonCommand::List => {
            return match owner.ask(PageRequest::People)? {
                PageReply::People(rows) => list(format, &rows, |row| {
                    let sign_in = row.last_sign_in.map_or_else(|| "never".to_owned(), time::show);
                    format!(
                        "{}\t{}\t{:?}\t{} passkeys\tlast sign-in {sign_in}{}{}{}{}",
                        row.email,
                        row.name,
                        row.role,
                        row.passkeys,
                        match (row.closed, row.locked) {
                            (Some(_), _) => "\tclosed",
                            (None, Some(_)) => "\tlocked",
                            (None, None) => "",
                        },
                        row.until.map(|until| format!("\tends {}", time::show(until))).unwrap_or_default(),
                        if row.delegate_of.is_empty() {
                            String::new()
                        } else {
                            format!("\tdelegate of {}", row.delegate_of.join(" and "))
                        },
                        row.professional_ids.iter().map(|id| format!("\tin orders {id}")).collect::<String>()
                    )
                }),
                _ => other(),
            };
        }
    };
    let (token, until) = match reply {
        PageReply::EnrolmentLink { token, until, .. } => (token, until),
        reply => return told(format, reply),
    };
    let link = format!("{}/enrol#{token}", origin(dir));
    match format {
        Format::Json => say!("{}", json!({ "email": email, "enrolment": link, "until": time::show(until) })),
        Format::Text => {
            say!("{email} enrols once, until {}, with:", time::show(until));
            say!("  {link}");
            if let Ok(code) = qrcode::QrCode::new(&link) {
                say!("{}", code.render::<qrcode::render::unicode::Dense1x2>().build());
            }
        }
    }
    Ok(())
}

/// `leadglass device`
pub fn device(dir: &Path, format: Format, command: DeviceCommand) -> Result<()> {
    let owner = Owner::connect(dir)?;
    match command {
        DeviceCommand::Add { name, organisation, may, ae, from, token, token_until, bind_dpop, bind_certificate } => {
            let bound = match (bind_dpop, bind_certificate) {
                (Some(key), _) => Some(TokenBinding::Dpop(key)),
                (None, Some(file)) => Some(TokenBinding::Certificate(certificate(&file)?)),
                (None, None) => None,
            };
            let request = PageRequest::AddDevice {
                name: name.clone(),
                organisation,
                may: may.into_iter().map(Into::into).collect(),
                ae_title: ae,
                from,
                token,
                bound,
                token_until: ahead("--token-until", token_until.as_deref())?,
            };
            let PageReply::DeviceAdded { token, token_until, .. } = owner.ask(request)? else { return other() };
            let ends = token_until.map(time::show);
            match (format, token) {
                (Format::Json, token) => say!("{}", json!({ "device": name, "token": token, "token_until": ends })),
                (Format::Text, None) => say!("Added the device {name}."),
                (Format::Text, Some(token)) => {
                    say!("Added the device {name}. Its token, shown once:");
                    say!("  {token}");
                    say!("It ends {}; `leadglass device rotate` gives another.", ends.unwrap_or_default());
                }
            }
            Ok(())
        }
        DeviceCommand::Rotate { name, until } => {
            let request = PageRequest::RotateToken { name: name.clone(), until: ahead("--until", until.as_deref())? };
            let PageReply::TokenRotated { token, until, before_until } = owner.ask(request)? else { return other() };
            let (ends, before) = (time::show(until), before_until.map(time::show));
            match format {
                Format::Json => {
                    say!("{}", json!({ "device": name, "token": token, "token_until": ends, "before_until": before }))
                }
                Format::Text => {
                    say!("The new token of {name}, shown once:");
                    say!("  {token}");
                    match before {
                        Some(before) => say!(
                            "It ends {ends}. The one before works until {before}, or until this one is used for reading."
                        ),
                        None => say!("It ends {ends}. The one before had ended."),
                    }
                }
            }
            Ok(())
        }
        DeviceCommand::Remove { name, token } => {
            let request = if token { RemovalRequest::DeviceToken { name } } else { RemovalRequest::Device { name } };
            told(format, owner.ask(PageRequest::Removals(request))?)
        }
        DeviceCommand::List => match owner.ask(PageRequest::Devices)? {
            PageReply::Devices(rows) => list(format, &rows, |row| {
                let token = match (row.token, row.token_until) {
                    (false, _) => String::new(),
                    (true, None) => "\ttoken without an end".to_owned(),
                    (true, Some(until)) => format!("\ttoken until {}", time::show(until)),
                };
                format!("{}\t{}\t{:?}{token}", row.name, row.ae_title.as_deref().unwrap_or("-"), row.may)
            }),
            _ => other(),
        },
    }
}

/// `leadglass relate`
pub fn relate(dir: &Path, format: Format, arguments: &RelateArgs) -> Result<()> {
    let now = time::now();
    let request = PageRequest::Relate {
        who: arguments.who.clone(),
        whom: arguments.whom.clone(),
        tier: if arguments.list_only { Tier::List } else { Tier::Open },
        from: when("--from", &arguments.from, Direction::Back, now)?,
        until: when("--until", &arguments.until, Direction::Ahead, now)?,
        basis: arguments.basis.clone(),
    };
    let entry = match Owner::connect(dir)?.ask(request)? {
        PageReply::Related { entry } => entry,
        reply => return told(format, reply),
    };
    done(format, &json!({ "entry": entry }), &format!("Recorded as entry {entry}."));
    Ok(())
}

/// `leadglass unrelate`
pub fn unrelate(dir: &Path, format: Format, arguments: &UnrelateArgs) -> Result<()> {
    let until = when("--until", &arguments.until, Direction::Ahead, time::now())?;
    let request = PageRequest::Unrelate { who: arguments.who.clone(), whom: arguments.whom.clone(), until };
    let PageReply::Related { entry } = Owner::connect(dir)?.ask(request)? else { return other() };
    done(format, &json!({ "entry": entry }), &format!("The relationship of entry {entry} ends."));
    Ok(())
}

/// `leadglass move`
pub fn move_study(dir: &Path, format: Format, arguments: &MoveArgs) -> Result<()> {
    let study = Uid::parse(&arguments.study)
        .map_err(|_| anyhow!("this is no StudyInstanceUID; give digits and full stops, at most 64"))?;
    let patient = arguments
        .patient
        .strip_prefix("patient:")
        .ok_or_else(|| anyhow!("the patient is not named; give patient:ISSUER/ID"))?
        .to_owned();
    let reason = arguments.reason.clone();
    Owner::connect(dir)?.tell(PageRequest::MoveStudy { study, patient, reason })?;
    done(format, &json!({ "moved": true }), "Moved. The stored bytes are as they were.");
    Ok(())
}

/// The thumbprint of the first certificate in a PEM file (RFC 8705 section 3.1).
fn certificate(file: &Path) -> Result<Thumbprint> {
    let pem = std::fs::read(file).with_context(|| format!("{} cannot be read; check the path", file.display()))?;
    portal::certificate_thumbprint(&pem)
        .ok_or_else(|| anyhow!("{} holds no certificate; give the client's certificate in PEM form", file.display()))
}

/// A time ahead, where one was given.
fn ahead(option: &str, text: Option<&str>) -> Result<Option<Instant>> {
    text.map(|text| when(option, text, Direction::Ahead, time::now())).transpose()
}

/// Reads a time or says which option is wrong.
pub fn when(option: &str, text: &str, direction: Direction, now: Instant) -> Result<Instant> {
    time::parse(text, direction, now).map_err(|expected| anyhow!("{option} {text} is no time; give {expected}"))
}

fn origin(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("run/origin")).unwrap_or_else(|_| "https://localhost:8443".to_owned())
}

pub fn done(format: Format, value: &serde_json::Value, text: &str) {
    match format {
        Format::Json => say!("{value}"),
        Format::Text => say!("{text}"),
    }
}

pub fn list<T: Serialize>(format: Format, rows: &[T], text: impl Fn(&T) -> String) -> Result<()> {
    match format {
        Format::Json => say!("{}", serde_json::to_string(rows)?),
        Format::Text => rows.iter().for_each(|row| say!("{}", text(row))),
    }
    Ok(())
}

pub fn other<T>() -> Result<T> {
    bail!("the warden answered something else; run commands and serve from the same version")
}
