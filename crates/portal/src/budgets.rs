//! Unusual reading, budgets and honey patients, for the officer: `/api/findings`, `/api/budgets`, `/api/honey`.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{Ceilings, EntryNumber};
use protocol::{PageReply, PageRequest};
use serde::Deserialize;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::approvals::done_or_proposed;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::{json, query};

#[derive(Deserialize)]
struct Note {
    note: String,
}

#[derive(Deserialize)]
struct Lifted {
    whose: String,
    note: String,
}

#[derive(Deserialize)]
struct Set {
    whose: String,
    ceilings: Ceilings,
}

#[derive(Deserialize)]
struct Honey {
    count: u32,
}

/// `GET /api/findings`: newest first.
pub(crate) async fn findings(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Findings).await? {
        PageReply::Findings(rows) => json::with_identifiers(&rows),
        _ => Err(unexpected()),
    }
}

/// `POST /api/findings/{finding}/acknowledge`
pub(crate) async fn acknowledge(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(finding): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let finding = EntryNumber(query::number("the finding's number", &finding)?);
    let Note { note } = json::read(request).await?;
    done(serving.warden.ask(&caller, PageRequest::AcknowledgeFinding { finding, note }).await?)
}

/// `GET /api/budgets?whose=person:EMAIL`
pub(crate) async fn budget(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let parameters = query::parameters(raw.as_deref())?;
    let whose = parameters.into_iter().find(|(name, _)| name == "whose").map(|(_, value)| value);
    let whose = whose.ok_or(Failure::Malformed("the query", "whose: person:EMAIL, org:NAME, device:NAME or site"))?;
    match serving.warden.ask(&caller, PageRequest::Budget { whose }).await? {
        PageReply::Budget(report) => Ok(json::of(&report)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/budgets`: ceilings set by hand; 202 with the proposal where somebody may read more than before.
pub(crate) async fn set(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Set { whose, ceilings } = json::read(request).await?;
    done_or_proposed(serving.warden.ask(&caller, PageRequest::SetBudget { whose, ceilings }).await?)
}

/// `POST /api/budgets/lift`
pub(crate) async fn lift(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<StatusCode, Failure> {
    let Lifted { whose, note } = json::read(request).await?;
    done(serving.warden.ask(&caller, PageRequest::LiftBudget { whose, note }).await?)
}

/// `GET /api/honey`
pub(crate) async fn honey(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    rows(serving.warden.ask(&caller, PageRequest::Honey).await?)
}

/// `POST /api/honey`
pub(crate) async fn add_honey(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Honey { count } = json::read(request).await?;
    rows(serving.warden.ask(&caller, PageRequest::AddHoney { count }).await?)
}

fn rows(reply: PageReply) -> Result<Response, Failure> {
    match reply {
        PageReply::Honey(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

fn done(reply: PageReply) -> Result<StatusCode, Failure> {
    match reply {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
