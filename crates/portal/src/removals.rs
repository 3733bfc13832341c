//! What ends: accounts, memberships, devices, tokens and passkeys.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::PersonId;
use protocol::{PageReply, PageRequest, RemovalRequest};
use serde::Deserialize;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::approvals::done_or_proposed;
use crate::credential::Caller;
use crate::errors::Failure;
use crate::json;

#[derive(Deserialize)]
struct Whose {
    email: String,
}

#[derive(Deserialize)]
struct Membership {
    email: String,
    organisation: String,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    /// Only its token.
    #[serde(default)]
    token: bool,
}

/// `POST /api/people/close`
pub(crate) async fn close_person(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Whose { email } = json::read(request).await?;
    let request = PageRequest::Removals(RemovalRequest::ClosePerson { email });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/people/leave`
pub(crate) async fn leave(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Membership { email, organisation } = json::read(request).await?;
    let request = PageRequest::Removals(RemovalRequest::Leave { email, organisation });
    done_or_proposed(serving.warden.ask(&caller, request).await?)
}

/// `POST /api/devices/remove`
pub(crate) async fn device(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, Failure> {
    let Device { name, token } = json::read(request).await?;
    let request = if token { RemovalRequest::DeviceToken { name } } else { RemovalRequest::Device { name } };
    done_or_proposed(serving.warden.ask(&caller, PageRequest::Removals(request)).await?)
}

/// `GET /api/passkeys`: one's own.
pub(crate) async fn passkeys(State(serving): State<Serving>, Caller(caller): Caller) -> Result<Response, Failure> {
    rows(serving, &caller, None).await
}

/// `DELETE /api/passkeys/{passkey}`: one's own.
pub(crate) async fn passkey(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(passkey): Path<String>,
) -> Result<StatusCode, Failure> {
    remove(serving, &caller, None, passkey).await
}

/// `GET /api/people/{person}/passkeys`
pub(crate) async fn passkeys_of(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(person): Path<u32>,
) -> Result<Response, Failure> {
    rows(serving, &caller, Some(PersonId(person))).await
}

/// `DELETE /api/people/{person}/passkeys/{passkey}`
pub(crate) async fn passkey_of(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path((person, passkey)): Path<(u32, String)>,
) -> Result<StatusCode, Failure> {
    remove(serving, &caller, Some(PersonId(person)), passkey).await
}

async fn rows(serving: Serving, caller: &protocol::Credential, person: Option<PersonId>) -> Result<Response, Failure> {
    let request = PageRequest::Removals(RemovalRequest::Passkeys { person });
    match serving.warden.ask(caller, request).await? {
        PageReply::Passkeys(rows) => Ok(json::of(&rows)),
        _ => Err(unexpected()),
    }
}

async fn remove(
    serving: Serving,
    caller: &protocol::Credential,
    person: Option<PersonId>,
    passkey: String,
) -> Result<StatusCode, Failure> {
    let request = PageRequest::Removals(RemovalRequest::Passkey { person, passkey });
    match serving.warden.ask(caller, request).await? {
        PageReply::Done => Ok(StatusCode::NO_CONTENT),
        _ => Err(unexpected()),
    }
}
