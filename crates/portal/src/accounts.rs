//! Accounts: rights, ends, colleagues, the authenticators of organisations, and the census.

use axum::extract::{Request, State};
use axum::response::Response;
use model::{AuthenticatorRule, Instant, ProfessionalId, Role};
use protocol::{AccountsRequest, Credential, PageReply, PageRequest};
use serde::Deserialize;

use crate::app::{Serving, unexpected};
use crate::approvals::done_or_proposed;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;
use crate::people::enrolment_link;

#[derive(Deserialize)]
struct Authenticators {
    organisation: String,
    rule: AuthenticatorRule,
}

#[derive(Deserialize)]
struct Delegate {
    email: String,
    organisation: String,
    #[serde(default)]
    delegate: bool,
}

#[derive(Deserialize)]
struct Until {
    email: String,
    #[serde(default)]
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct Membership {
    email: String,
    organisation: String,
}

#[derive(Deserialize)]
struct Whose {
    email: String,
}

#[derive(Deserialize)]
struct Census {
    list: String,
    unused_days: u32,
}

#[derive(Deserialize)]
struct Colleague {
    organisation: String,
    email: String,
    name: String,
    role: Role,
    #[serde(default)]
    professional_id: Option<ProfessionalId>,
    #[serde(default)]
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct ColleagueUntil {
    organisation: String,
    email: String,
    #[serde(default)]
    until: Option<Instant>,
}

/// `POST /api/organisations/authenticators`: a stricter rule holds at once, a looser one waits for a second person.
pub(crate) async fn authenticators(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Authenticators { organisation, rule } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Authenticators { organisation, rule }).await
}

/// `POST /api/people/delegate`
pub(crate) async fn delegate(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Delegate { email, organisation, delegate } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Delegate { email, organisation, delegate }).await
}

/// `POST /api/people/until`
pub(crate) async fn until(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Until { email, until } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Until { email, until }).await
}

/// `POST /api/people/join`
pub(crate) async fn join(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Membership { email, organisation } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Join { email, organisation }).await
}

/// `POST /api/people/reset`: a link that replaces what was lost.
pub(crate) async fn reset(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Whose { email } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Reset { email }).await
}

/// `POST /api/people/census`: the staff list goes to the warden, is compared and forgotten.
pub(crate) async fn census(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let bytes_max = json::bytes_max(request.uri().path());
    let Census { list, unused_days } = json::read_up_to(request, bytes_max).await?;
    let request = PageRequest::Accounts(AccountsRequest::Census { list, unused_days });
    match serving.warden.ask(&caller, request).await? {
        PageReply::Census(report) => Ok(json::of(&report)),
        _ => Err(unexpected()),
    }
}

/// `GET /api/colleagues`
pub(crate) async fn colleagues(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    match serving.warden.ask(&caller, PageRequest::Accounts(AccountsRequest::Colleagues)).await? {
        PageReply::Colleagues(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

/// `POST /api/colleagues`
pub(crate) async fn add_colleague(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Colleague { organisation, email, name, role, professional_id, until } = json::read(request).await?;
    let request = AccountsRequest::AddColleague { organisation, email, name, role, professional_id, until };
    change(&serving, &caller, request).await
}

/// `POST /api/colleagues/until`
pub(crate) async fn colleague_until(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let ColleagueUntil { organisation, email, until } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::ColleagueUntil { organisation, email, until }).await
}

/// `POST /api/colleagues/leave`
pub(crate) async fn colleague_leaves(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Membership { email, organisation } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::ColleagueLeaves { organisation, email }).await
}

/// `POST /api/colleagues/reset`
pub(crate) async fn colleague_reset(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Membership { email, organisation } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::ColleagueReset { organisation, email }).await
}

/// `POST /api/colleagues/vouch`: nothing for the first who says it, the link for the second.
pub(crate) async fn vouch(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Whose { email } = json::read(request).await?;
    change(&serving, &caller, AccountsRequest::Vouch { email }).await
}

/// Done, waiting for a second person, or a link.
async fn change(serving: &Serving, caller: &Credential, request: AccountsRequest) -> Result<Response, Failure> {
    match serving.warden.ask(caller, PageRequest::Accounts(request)).await? {
        link @ PageReply::EnrolmentLink { .. } => enrolment_link(link),
        other => done_or_proposed(other),
    }
}
